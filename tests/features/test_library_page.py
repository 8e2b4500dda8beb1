"""The page about fraud cases says what the code does."""

from __future__ import annotations

from pathlib import Path

from riskwatch.agents.casework import MAX_RECALLED
from riskwatch.features.applications import MAX_APPLICATIONS
from riskwatch.features.casematch import FLOOR, NAME_AND_ADDRESS, WEIGHTS
from riskwatch.features.lists import PRIORITY

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")


def test_every_weight_is_in_the_table_with_its_sentence() -> None:
    for each in WEIGHTS:
        if each.weight:
            assert f"| {each.kind} | {each.weight:.2f} | {each.why} |" in PAGE
    without = ", ".join(each.kind for each in WEIGHTS if not each.weight)
    assert f"| {without} | 0 | They join strangers. |" in PAGE


def test_lists_are_told_in_their_order_of_priority() -> None:
    places = [PAGE.index(f"| `{purpose}` |") for purpose in PRIORITY]
    assert places == sorted(places)


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert f"the newest {MAX_APPLICATIONS} are remembered" in PAGE
    assert f"at most the {MAX_RECALLED:,} customers" in PAGE
    assert f"Both alike count as {NAME_AND_ADDRESS} times" in PAGE
    assert f"Below {FLOOR} nobody matches." in PAGE

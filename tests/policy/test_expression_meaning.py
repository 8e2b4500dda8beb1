"""Conditions mean the same over columns, row by row, and to a slow interpreter with Kleene's three truth values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_conditions import CHANNELS, FEATURES, Reading, Said, conditions, readings

from riskwatch.policy.columnwise import Columns, Columnwise
from riskwatch.policy.expression import Condition, check_condition
from riskwatch.policy.rowwise import Row, compile_row
from riskwatch.policy.vocabulary import vocabulary
from riskwatch.streams.entry import ENTRY, Flag

COLUMN_OF = {name: place for place, name in enumerate(FEATURES)}


def arrays(readings: list[Reading]) -> tuple[Any, Any]:
    entries = np.zeros(len(readings), dtype=ENTRY)
    entries["kind"] = 6
    features = np.full((len(readings), len(FEATURES)), np.nan)
    for row, reading in enumerate(readings):
        for name, column in COLUMN_OF.items():
            features[row, column] = math.nan if reading[name] is None else reading[name]
        entries["amount"][row] = math.nan if reading["amount"] is None else reading["amount"]
        entries["flags"][row] = Flag.EMULATOR if reading["emulator"] else 0
        entries["channel"][row] = 0 if reading["channel"] is None else CHANNELS.index(reading["channel"]) + 1
    return entries, features


def judged(text: str, readings: list[Reading]) -> tuple[list[bool], list[bool]] | None:
    """By columns and by rows; None where a part of it is refused because it comes out the same everywhere."""
    condition = check_condition(text, vocabulary(FEATURES))
    if not isinstance(condition, Condition):
        told = [fault.message for fault in condition]
        assert all("never be true" in said or "same for every entry" in said for said in told), (text, told)
        return None
    entries, features = arrays(readings)
    compiler = Columnwise(COLUMN_OF)
    compiler.count(condition.tree)
    by_columns = compiler.compile(condition.tree)
    by_row = compile_row(condition.tree, COLUMN_OF)
    with np.errstate(all="ignore"):
        mask = by_columns(Columns(entries, features, {}, None, compiler.slots))
    return mask.tolist(), [by_row(Row(entries, features, {}, row)) for row in range(len(readings))]


@settings(max_examples=400, deadline=None)
@given(condition=conditions, rows=st.lists(readings, min_size=1, max_size=8))
def test_columns_rows_and_a_slow_interpreter_agree(condition: Said, rows: list[Reading]) -> None:
    text, meaning = condition
    assume(len(text) < 1_500)
    found = judged(text, rows)
    assume(found is not None)
    expected = [meaning(reading) is True for reading in rows]
    assert found == (expected, expected)


UNKNOWN: Reading = {"x": None, "y": 1.0, "z": None, "amount": None, "emulator": False, "channel": None}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("x > 1", False),
        ("not x > 1", False),
        ("x != 1", False),
        ("not x == 1", False),
        ("x not in (1, 2)", False),
        ("not (x > 1 and y > 5)", True),  # one part is definitely false
        ("not (x > 1 and y > 0)", False),
        ("x > 1 or y == 1", True),  # one part is definitely true
        ('channel != "app"', False),
        ('not channel == "app"', False),
        ('channel not in ("app", "web")', False),
        ("not known(channel)", True),
        ("known(x)", False),
        ("not known(x)", True),
        ("coalesce(x, z, 7) == 7", True),
        ("min(x, y) <= 1", False),
        ("y / (y - 1) > 0 or not y / (y - 1) > 0", False),  # division by zero is unknown
        ("between(y, 1, 2)", True),
        ("between(y, 0, 1)", False),
    ],
)
def test_an_unknown_makes_a_condition_hold_only_where_it_does_not_matter(text: str, holds: bool) -> None:
    assert judged(text, [UNKNOWN]) == ([holds], [holds])


def test_a_duration_counts_seconds() -> None:
    columns = vocabulary(["seconds_since_login"])
    for text, seconds in (("30s", 30), ("10m", 600), ("1.5h", 5_400), ("1d", 86_400)):
        condition = check_condition(f"seconds_since_login < {text}", columns)
        assert isinstance(condition, Condition)
        by_row = compile_row(condition.tree, {"seconds_since_login": 0})
        entries = np.zeros(2, dtype=ENTRY)
        features = np.array([[seconds - 1.0], [float(seconds)]])
        assert [by_row(Row(entries, features, {}, row)) for row in (0, 1)] == [True, False]

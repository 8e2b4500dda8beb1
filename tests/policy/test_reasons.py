"""The text of a reason: what its placeholders take, what they refuse, and how numbers read."""

from __future__ import annotations

import pytest

from riskwatch.policy.reasons import Value, fill, read_template
from riskwatch.policy.vocabulary import vocabulary

COLUMNS = vocabulary(["count", "share", "seconds_since_login"])


def said(text: str, **values: Value) -> str:
    template = read_template(text, COLUMNS)
    assert isinstance(template, tuple), template
    return fill(template, values)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("{count}", 3.0, "3"),
        ("{count}", 3.14159, "3.142"),
        ("{count:.0f} failed", 5.0, "5 failed"),
        ("{count:.2f}", 2.345678, "2.35"),
        ("{count:,.0f}", 1_234_567.0, "1,234,567"),
        ("{count:.0%}", 0.8, "80%"),
        ("{count:money}", 12_345_67.0, "12,345.67"),
        ("{count:duration}", 45.0, "45 s"),
        ("{count:duration}", 60.0, "1 min"),
        ("{count:duration}", 5_400.0, "1 h 30 min"),
        ("{count:duration}", 90_000.0, "1 d 1 h"),
        ("{count:money}", None, "unknown"),
        ("{count:.0f}", float("inf"), "unknown"),
        ("{{{count}}}", 1.0, "{1}"),
    ],
)
def test_a_number_reads_as_its_form_says(text: str, value: Value, expected: str) -> None:
    assert said(text, count=value) == expected


def test_words_and_flags_are_filled_in_as_they_are() -> None:
    assert said("by {channel}, emulator: {emulator}", channel="app", emulator="yes") == "by app, emulator: yes"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{0}",
        "{count.real}",
        "{count.__class__}",
        "{count[0]}",
        "{count!r}",
        "{count:>10}",
        "{count:.9f}",
        "{count:{share}}",
        "{count:1000000.0f}",
        "{channel:.0f}",
        "{emulator:.0f}",
        "{count",
        "count}",
        "{cuont}",
        "x" * 501,
    ],
)
def test_any_other_placeholder_is_refused(text: str) -> None:
    assert isinstance(read_template(text, COLUMNS), list)


def test_every_fault_of_a_template_is_told() -> None:
    faults = read_template("{cuont} and {share:>3}", COLUMNS)
    assert isinstance(faults, list)
    assert [fault.text for fault in faults] == ["{cuont}", "{share:>3}"]
    assert faults[0].suggestion == "did you mean `count`?"

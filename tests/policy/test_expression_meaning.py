"""Conditions mean the same over columns, row by row, and to a slow interpreter with Kleene's three truth values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from riskwatch.policy.columnwise import Columns, Columnwise
from riskwatch.policy.expression import Condition, check_condition
from riskwatch.policy.rowwise import Row, compile_row
from riskwatch.policy.vocabulary import vocabulary
from riskwatch.streams.entry import ENTRY, Flag

FEATURES = ("x", "y", "z")
COLUMN_OF = {name: place for place, name in enumerate(FEATURES)}
CHANNELS = ("app", "web", "wechat", "phone", "branch", "api")

Reading = dict[str, Any]
Said = tuple[str, Callable[[Reading], Any]]
"""A piece of a condition as text, and its independent meaning: a number, a truth, or None for unknown."""


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
    """By columns and by rows; None where a part of it is refused because it can never be true."""
    condition = check_condition(text, vocabulary(FEATURES))
    if not isinstance(condition, Condition):
        assert all("never be true" in fault.message for fault in condition), (text, condition)
        return None
    entries, features = arrays(readings)
    compiler = Columnwise(COLUMN_OF)
    compiler.count(condition.tree)
    by_columns = compiler.compile(condition.tree)
    by_row = compile_row(condition.tree, COLUMN_OF)
    with np.errstate(all="ignore"):
        mask = by_columns(Columns(entries, features, {}, None, compiler.slots))
    return mask.tolist(), [by_row(Row(entries, features, {}, row)) for row in range(len(readings))]


# ------------------------------------------------------------------------------------------- the slow interpreter


def both(operation: Callable[[float, float], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if left is None or right is None:
            return None
        value = operation(left, right)
        return None if isinstance(value, float) and math.isnan(value) else value

    return apply


ARITHMETIC = {
    "+": both(lambda a, b: a + b),
    "-": both(lambda a, b: a - b),
    "*": both(lambda a, b: a * b),
    "/": both(lambda a, b: None if b == 0 else a / b),
}
COMPARISONS = {
    "<": both(lambda a, b: a < b),
    "<=": both(lambda a, b: a <= b),
    ">": both(lambda a, b: a > b),
    ">=": both(lambda a, b: a >= b),
    "==": both(lambda a, b: a == b),
    "!=": both(lambda a, b: a != b),
}


def negation(value: Any) -> Any:
    return None if value is None else not value


def conjunction(values: list[Any]) -> Any:
    return False if False in values else None if None in values else True


def disjunction(values: list[Any]) -> Any:
    return True if True in values else None if None in values else False


# ------------------------------------------------------------------------------------------- conditions, at random


def constant(value: float) -> Said:
    return repr(value), lambda reading: value


def named(name: str) -> Said:
    return name, lambda reading: reading[name]


constants = st.sampled_from([0.0, 1.0, -1.0, 2.5, 3.0, 1e6]).map(constant)
names = st.sampled_from([*FEATURES, "amount"]).map(named)


def arithmetic(parts: tuple[Said, str, Said]) -> Said:
    (left, of_left), op, (right, of_right) = parts
    return f"({left} {op} {right})", lambda reading: ARITHMETIC[op](of_left(reading), of_right(reading))


def folded(parts: tuple[str, list[Said]]) -> Said:
    function, arguments = parts
    pick = {"min": min, "max": max}

    def meaning(reading: Reading) -> Any:
        values = [of(reading) for _, of in arguments]
        if function == "coalesce":
            return next((value for value in values if value is not None), None)
        return None if None in values else pick[function](values)

    return f"{function}({', '.join(text for text, _ in arguments)})", meaning


def absolute(part: Said) -> Said:
    text, of = part
    return f"abs({text})", lambda reading: None if of(reading) is None else abs(of(reading))


def negative(part: Said) -> Said:
    text, of = part
    return f"(-{text})", lambda reading: None if of(reading) is None else -of(reading)


def larger(inner: st.SearchStrategy[Said]) -> st.SearchStrategy[Said]:
    either = inner | constants
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(arithmetic),
        st.tuples(constants, st.sampled_from("+-*/"), inner).map(arithmetic),
        st.tuples(st.sampled_from(["min", "max", "coalesce"]), st.lists(either, min_size=1, max_size=2), inner).map(
            lambda parts: folded((parts[0], [*parts[1], parts[2]]))
        ),
        inner.map(absolute),
        inner.map(negative),
    )


numbers = st.recursive(names, larger, max_leaves=4)


def comparison(parts: tuple[Said, str, Said, bool]) -> Said:
    (left, of_left), op, (right, of_right), swapped = parts
    text = f"{right} {op} {left}" if swapped else f"{left} {op} {right}"
    if swapped:
        return text, lambda reading: COMPARISONS[op](of_right(reading), of_left(reading))
    return text, lambda reading: COMPARISONS[op](of_left(reading), of_right(reading))


def chain(parts: tuple[Said, str, Said, str, Said]) -> Said:
    (low, of_low), first, (value, of), second, (high, of_high) = parts

    def meaning(reading: Reading) -> Any:
        return conjunction(
            [COMPARISONS[first](of_low(reading), of(reading)), COMPARISONS[second](of(reading), of_high(reading))]
        )

    return f"{low} {first} {value} {second} {high}", meaning


def between(parts: tuple[Said, Said, Said]) -> Said:
    (value, of), (low, of_low), (high, of_high) = parts

    def meaning(reading: Reading) -> Any:
        return conjunction(
            [COMPARISONS[">="](of(reading), of_low(reading)), COMPARISONS["<"](of(reading), of_high(reading))]
        )

    return f"between({value}, {low}, {high})", meaning


def member(parts: tuple[Said, list[Said], bool]) -> Said:
    (value, of), items, wanted = parts

    def meaning(reading: Reading) -> Any:
        found = disjunction([COMPARISONS["=="](of(reading), of_item(reading)) for _, of_item in items])
        return found if wanted else negation(found)

    listed = ", ".join(text for text, _ in items)
    return f"{value} {'in' if wanted else 'not in'} ({listed},)", meaning


def channel(parts: tuple[list[str], bool]) -> Said:
    words, wanted = parts

    def meaning(reading: Reading) -> Any:
        return None if reading["channel"] is None else (reading["channel"] in words) is wanted

    if len(words) == 1:
        return f'channel {"==" if wanted else "!="} "{words[0]}"', meaning
    listed = ", ".join(f'"{word}"' for word in words)
    return f"channel {'in' if wanted else 'not in'} ({listed})", meaning


def known(part: Said) -> Said:
    text, of = part
    return f"known({text})", lambda reading: of(reading) is not None


operators = st.sampled_from(list(COMPARISONS))
atoms: st.SearchStrategy[Said] = st.one_of(
    st.tuples(numbers, operators, numbers | constants, st.booleans())
    .filter(lambda parts: parts[0][0] != parts[2][0])
    .map(comparison),
    st.tuples(constants, operators, numbers, operators, constants).map(chain),
    st.tuples(numbers, constants, constants).map(between),
    st.tuples(numbers, st.lists(constants, min_size=1, max_size=3), st.booleans()).map(member),
    st.tuples(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3, unique=True), st.booleans()).map(channel),
    numbers.map(known),
    st.just(("known(channel)", lambda reading: reading["channel"] is not None)),
    st.just(("emulator", lambda reading: reading["emulator"])),
)


def joined(parts: tuple[str, list[Said]]) -> Said:
    word, items = parts
    join = conjunction if word == "and" else disjunction
    return f"({f' {word} '.join(text for text, _ in items)})", lambda reading: join([of(reading) for _, of in items])


def negated(part: Said) -> Said:
    text, of = part
    return f"(not {text})", lambda reading: negation(of(reading))


conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)).map(joined),
        inner.map(negated),
    ),
    max_leaves=6,
)
values = st.none() | st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, 3.0, 1e6, 1e300, -1e300]) | st.floats(-10, 10)
readings = st.fixed_dictionaries(
    {
        "x": values,
        "y": values,
        "z": values,
        "amount": values,
        "emulator": st.booleans(),
        "channel": st.none() | st.sampled_from(CHANNELS),
    }
)


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

"""What an author is told of a value that does not do."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from riskwatch.features.servicing import Servicing
from riskwatch.policy.accountpolicy import AccountPolicy
from riskwatch.policy.collectionpolicy import CollectionPolicy, Treatment
from riskwatch.policy.tomlfaults import MONEY, fault_of
from riskwatch.policy.tomltables import Tables

End = Literal["collect", "stop"]


class Inner(msgspec.Struct):
    cost: int
    end: End = "stop"


def told(key: str, value: Any, kind: Any) -> tuple[str, str | None, str | None]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return fault_of(key, str(error), kind, value)
    raise AssertionError("the value does")


@pytest.mark.parametrize(
    ("value", "kind", "said", "suggestion"),
    [
        ("colect", End, '`k` cannot be "colect"', "one of collect, stop; did you mean `collect`?"),
        ("zzz", End | None, '`k` cannot be "zzz"', "one of collect, stop"),
        (["stop", "stpo"], tuple[End, ...], '`k` cannot hold "stpo"', "one of collect, stop; did you mean `stop`?"),
        ({"a": {"b": "q"}}, dict[str, dict[str, End]], '`k` cannot hold "q"', "one of collect, stop"),
        (["a", "q"], tuple[Literal["a"], End], '`k` cannot hold "q"', "one of collect, stop"),
        ([{"cost": 1, "end": "q"}], list[Inner], '`k` cannot hold "q"', "one of collect, stop"),
    ],
)
def test_a_wrong_word_is_told_with_the_words_that_would_do(
    value: Any, kind: Any, said: str, suggestion: str
) -> None:  # fmt: skip
    assert told("k", value, kind) == (said, suggestion, None)


@pytest.mark.parametrize(
    ("key", "value", "kind", "said"),
    [
        ("cost", 1.5, int, "`cost`: a whole number (minor units), not a number with a fraction"),
        ("days", 1.5, int, "`days`: a whole number, not a number with a fraction"),
        ("days", True, int | None, "`days`: a whole number, not true or false"),
        ("share", "x", float, "`share`: a number, not text in quotes"),
        ("name", 3, str, "`name`: text in quotes, not a whole number"),
        ("on", "x", tuple[str, ...], "`on`: a list, not text in quotes"),
        ("on", ["x", 3], tuple[str, ...], "`on`: text in quotes, not a whole number"),
        ("pair", [1], tuple[int, int], "`pair`: a list of 2, not of 1"),
        ("all", [{}], list[Inner], "`all`: `cost` is missing"),
        ("all", [{"cost": 0.5}], list[Inner],
         "`all`, `cost`: a whole number (minor units), not a number with a fraction"),
    ],
)  # fmt: skip
def test_a_wrong_kind_of_value_is_told_without_a_programmer_s_words(key: str, value: Any, kind: Any, said: str) -> None:
    assert told(key, value, kind) == (said, None, str(value).lower() if value is True else str(value))


def test_a_record_of_a_file_says_so_with_its_place() -> None:
    tables = Tables({}, {("treatments", "call", "cost"): ("p.toml", 4)}, "p.toml")
    assert tables.record(("treatments", "call"), {"cost": 3.8}, Treatment) is None
    assert str(tables.faults[0]) == (
        "line 4: [treatments.call.cost] `cost`: a whole number (minor units), not a number with a fraction, in `3.8`"
    )


def test_every_key_of_money_is_a_key_of_a_policy() -> None:
    kinds = (AccountPolicy, CollectionPolicy, Treatment, Servicing)
    known = {each.encode_name for kind in kinds for each in msgspec.structs.fields(kind)}
    assert MONEY - known == {"max_limit", "min_limit"}, "those two are of grades and pricing"

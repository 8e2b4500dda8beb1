"""What a condition may be made of: columns, functions, and how large it may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from riskwatch.policy.columns import FIELDS

MAX_DEPTH = 32
MAX_NODES = 300
MAX_NUMBER = 2.0**53

FUNCTIONS: Mapping[str, tuple[int, int, str]] = {
    "min": (2, 8, "min(x, y, …): the smallest; unknown where one is"),
    "max": (2, 8, "max(x, y, …): the largest; unknown where one is"),
    "abs": (1, 1, "abs(x): the size of x without its sign"),
    "coalesce": (2, 8, "coalesce(x, …, default): the first that is known"),
    "known": (1, 1, "known(x): whether x is known"),
    "between": (3, 3, "between(x, low, high): low <= x < high"),
}
"""Functions by name: fewest and most arguments, and what they give."""


class Column(Struct, frozen=True, kw_only=True):
    """What a condition may name: its type, an enumeration's codes, and whether it counts seconds."""

    type: Literal["number", "flag", "enumeration"]
    codes: Mapping[str, int] | None = None
    seconds: bool = False


def vocabulary(feature_names: Iterable[str]) -> dict[str, Column]:
    """The columns that a policy may name: every feature (a number) and every field of `columns.FIELDS`."""
    known = {field.name: Column(type=field.type, codes=field.codes, seconds=_seconds(field.name)) for field in FIELDS}
    return {name: Column(type="number", seconds=_seconds(name)) for name in feature_names} | known


def _seconds(name: str) -> bool:
    return "seconds" in name.split("_")

"""What a piece of a condition turns out to be while it is read, and how it is called in a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from riskwatch.policy.tree import NUMERIC, Arithmetic, Call, Flag, Name, Number, Truth


class Category(Struct, frozen=True):
    """An enumeration's column, before it is compared."""

    name: str
    codes: Mapping[str, int]


class Word(Struct, frozen=True):
    """A text constant."""

    word: str


class Broken(Struct, frozen=True):
    """What a fault was already told about: it fits everywhere, so that one slip is told once."""


Part: TypeAlias = Number | Name | Arithmetic | Call | Truth | Category | Word | Broken


def kind_of(part: Part) -> str:
    match part:
        case Word():
            return "text"
        case Category(name, _):
            return f"the enumeration `{name}`"
        case Flag(name, _):
            return f"the flag `{name}`"
        case _ if isinstance(part, NUMERIC):
            return "a number"
        case _:
            return "a condition"


def shown(text: str) -> str:
    """The offending text on one line, cut to what a terminal shows."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 120 else flat[:117] + "…"

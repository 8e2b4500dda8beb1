"""The typed tree of a condition, after checking: numbers, and truths over them.

Truth is Kleene's: true, false or unknown, and a rule fires only where its condition is definitely true. `settle`
moves every `not` down to the leaves, where "definitely false" is one more comparison (`not x > 1` is `x <= 1`, which
is false for an unknown x as well). So a settled tree needs one mask a node, never a pair, and no node of it is ever
"unknown".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec import Struct


class Number(Struct, frozen=True, tag=True):
    """A constant."""

    value: float


class Name(Struct, frozen=True, tag=True):
    """A numeric column; NaN where unknown."""

    name: str


class Arithmetic(Struct, frozen=True, tag=True):
    """`left op right`, op one of + - * /. Division by zero is unknown."""

    op: str
    left: Numeric
    right: Numeric


class Call(Struct, frozen=True, tag=True):
    """`min`, `max`, `abs` (unknown where an argument is) or `coalesce` (the first argument that is known)."""

    function: str
    arguments: tuple[Numeric, ...]


class Compare(Struct, frozen=True, tag=True):
    """`left op right`, op one of < <= > >= == !=; unknown where either side is."""

    op: str
    left: Numeric
    right: Numeric


class Member(Struct, frozen=True, tag=True):
    """Whether the enumeration `name` is (`wanted`) or is not one of `codes`; unknown where the code is 0."""

    name: str
    codes: tuple[int, ...]
    wanted: bool = True


class Flag(Struct, frozen=True, tag=True):
    """Whether the yes-or-no column is as wanted. Never unknown."""

    name: str
    wanted: bool = True


class Known(Struct, frozen=True, tag=True):
    """Whether a number is known (`wanted`) or unknown. Never unknown itself."""

    value: Numeric
    wanted: bool = True


class KnownCategory(Struct, frozen=True, tag=True):
    """Whether an enumeration is known (`wanted`) or unknown."""

    name: str
    wanted: bool = True


class Every(Struct, frozen=True, tag=True):
    """`and`."""

    items: tuple[Truth, ...]


class Some(Struct, frozen=True, tag=True):
    """`or`."""

    items: tuple[Truth, ...]


class Negation(Struct, frozen=True, tag=True):
    """`not`; absent from a settled tree."""

    item: Truth


Numeric = Number | Name | Arithmetic | Call
Truth = Compare | Member | Flag | Known | KnownCategory | Every | Some | Negation
Node = Numeric | Truth

NUMERIC = (Number, Name, Arithmetic, Call)
TRUTH = (Compare, Member, Flag, Known, KnownCategory, Every, Some, Negation)
OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def settle(truth: Truth, wanted: bool = True) -> Truth:
    """The tree that holds exactly where `truth` is definitely true (or, `wanted=False`, definitely false), without
    `not`.
    """
    match truth:
        case Negation(item):
            return settle(item, not wanted)
        case Every(items) | Some(items):
            conjunction = isinstance(truth, Every) == wanted
            settled = [settle(item, wanted) for item in items]
            return flat(Every if conjunction else Some, settled)
        case Compare(op, left, right):
            return truth if wanted else Compare(OPPOSITE[op], left, right)
        case Member(name, codes, was):
            return Member(name, codes, was == wanted)
        case Flag(name, was):
            return Flag(name, was == wanted)
        case Known(value, was):
            return Known(value, was == wanted)
        case KnownCategory(name, was):
            return KnownCategory(name, was == wanted)
        case _:
            assert_never(truth)


def flat(joint: type[Every] | type[Some], items: list[Truth]) -> Truth:
    """`items` under one `and` or `or`, without nesting of the same kind and without repeats, in first-written order."""
    flattened: dict[Truth, None] = {}
    for item in items:
        if isinstance(item, joint):
            flattened.update(dict.fromkeys(item.items))
        else:
            flattened[item] = None
    whole = tuple(flattened)
    return whole[0] if len(whole) == 1 else joint(whole)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Arithmetic(_, left, right) | Compare(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case Known(value, _):
            return (value,)
        case Every(items) | Some(items):
            return items
        case Negation(item):
            return (item,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in written order."""
    yield node
    for child in children(node):
        yield from walk(child)


def names_of(node: Node) -> tuple[str, ...]:
    """Every column that the tree reads, in written order, once each."""
    return tuple(
        dict.fromkeys(leaf.name for leaf in walk(node) if isinstance(leaf, Name | Member | Flag | KnownCategory))
    )


def never(truth: Truth) -> str | None:
    """The column whose bounds within one `and` of a settled tree exclude each other (`x > 5 and x < 3`), or None."""
    for node in walk(truth):
        if isinstance(node, Every):
            bounds: dict[Numeric, tuple[float, bool, float, bool]] = {}
            for item in node.items:
                if not (isinstance(item, Compare) and isinstance(item.right, Number) and item.op != "!="):
                    continue
                low, low_open, high, high_open = bounds.get(item.left, (float("-inf"), False, float("inf"), False))
                value = item.right.value
                if item.op in (">", ">=", "==") and (value, item.op == ">") > (low, low_open):
                    low, low_open = value, item.op == ">"
                if item.op in ("<", "<=", "==") and (-value, item.op == "<") > (-high, high_open):
                    high, high_open = value, item.op == "<"
                if low > high or (low == high and (low_open or high_open)):
                    return names_of(item)[0]
                bounds[item.left] = (low, low_open, high, high_open)
    return None

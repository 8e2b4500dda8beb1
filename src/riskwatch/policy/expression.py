"""The condition language: from text to a checked, settled tree.

A small, total language over columns. It has numbers, durations, the words of enumerations, `and or not`, comparisons
(chained as in `1 <= x < 3`), `in`, `+ - * /`, and the functions of `FUNCTIONS`. It has no loops, no names but
columns, no attributes, no powers: every condition ends, in time bounded by its length, on every entry. Text is parsed
into Python's syntax tree and each node is checked here; nothing is ever evaluated, compiled or imported by Python.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from msgspec import Struct

from riskwatch.policy.faults import Fault
from riskwatch.policy.lexis import Refused, parse, read_source
from riskwatch.policy.parts import Broken, Part, kind_of, shown
from riskwatch.policy.reader import Reader
from riskwatch.policy.tree import NUMERIC, TRUTH, Numeric, Truth, names_of, never, settle
from riskwatch.policy.vocabulary import MAX_DEPTH, MAX_NODES, Column


class Condition(Struct, frozen=True, kw_only=True):
    """A checked condition: its settled tree (see `tree`), and the columns that it names, in written order."""

    text: str
    tree: Truth
    names: tuple[str, ...]


class Measure(Struct, frozen=True, kw_only=True):
    """A checked number: its tree, and the columns that it names, in written order."""

    text: str
    tree: Numeric
    names: tuple[str, ...]


def check_condition(text: str, columns: Mapping[str, Column]) -> Condition | list[Fault]:
    """The condition, or every fault in it. `Fault.line` counts from 1 within `text`."""
    read = _read(text, columns)
    if isinstance(read, list):
        return read
    reader, body, part = read
    if isinstance(part, TRUTH) and not reader.faults:
        tree = settle(part)
        impossible = never(tree)
        if impossible is None:
            return Condition(text=text, tree=tree, names=names_of(part))
        reader.refuse(body, f"a part of it can never be true: the bounds of `{impossible}` exclude each other")
    elif not isinstance(part, (Broken, *TRUTH)):
        reader.refuse(body, f"a condition is true or false, this is {kind_of(part)}")
    return reader.faults


def check_measure(text: str, columns: Mapping[str, Column]) -> Measure | list[Fault]:
    """The measure, or every fault in it. `Fault.line` counts from 1 within `text`."""
    read = _read(text, columns)
    if isinstance(read, list):
        return read
    reader, body, part = read
    if isinstance(part, NUMERIC) and not reader.faults:
        names = names_of(part)
        if names:
            return Measure(text=text, tree=part, names=names)
        reader.refuse(body, "a measure names at least one column: this is the same at every entry")
    elif not isinstance(part, (Broken, *NUMERIC)):
        reader.refuse(body, f"a measure is a number, this is {kind_of(part)}")
    return reader.faults


def _read(text: str, columns: Mapping[str, Column]) -> tuple[Reader, ast.expr, Part] | list[Fault]:
    try:
        source = read_source(text)
        body = parse(source)
    except Refused as refused:
        line = None if refused.offset is None else text.count("\n", 0, refused.offset) + 1
        return [Fault(message=refused.message, line=line or 1, text=shown(text))]
    reader = Reader(source, columns)
    oversize = _oversize(body)
    if oversize is not None:
        return [Fault(message=oversize, line=1, text=shown(text))]
    return reader, body, reader.read(body)


def _oversize(body: ast.expr) -> str | None:
    count = depth = 0  # breadth first, not recursive: the depth is what is being measured
    nodes: list[ast.AST] = [body]
    while nodes:
        depth += 1
        count += len(nodes)
        if depth > MAX_DEPTH:
            return f"it is nested deeper than {MAX_DEPTH} levels"
        if count > MAX_NODES:
            return f"it has more than {MAX_NODES} terms"
        nodes = [child for node in nodes for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return None

"""What is wrong with a value of a TOML file, in its author's words: what would do, and what stands there instead."""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect

from riskwatch.policy.faults import did_you_mean

MONEY = frozenset(
    {"cost", "highest_limit", "largest_limit_step", "limit_step", "lowest_limit", "max_limit", "min_limit", "tolerance"}
)
"""Keys that hold an amount, in minor units."""
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text in quotes",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
    "date": "a date",
    "datetime": "a date with a time",
    "time": "a time of day",
}
_GOT = {**_KINDS, "float": "a number with a fraction"}
_STEP = re.compile(r"\[(\.\.\.|\d+)\]|\.([\w-]+)")


def fault_of(key: str, error: str, kind: Any, value: Any) -> tuple[str, str | None, str | None]:
    """What is said of the value of `key`, a suggestion, and the text to show. `error`: msgspec's sentence that `value`
    is no `kind`."""
    told, _, path = error.partition(" - at `$")
    path = path.rstrip("`")
    if found := re.fullmatch(r"Invalid enum value (.+)", told):
        wrong = found[1].strip("'")
        words = _words(_at(inspect.type_info(kind), path))
        listed = f"one of {', '.join(words)}"
        near = did_you_mean(wrong, words)
        verb = "cannot hold" if path else "cannot be"
        return f'`{key}` {verb} "{wrong}"', f"{listed}; {near}" if near else listed, None
    inner = [name for _, name in _STEP.findall(path) if name]
    last = inner[-1] if inner else key
    where = f"`{key}`" if not inner else f"`{key}`, `{inner[-1]}`"
    return f"{where}: {_plainly(told, last)}", None, str(value).lower() if isinstance(value, bool) else str(value)[:60]


def _plainly(told: str, key: str) -> str:
    if found := re.fullmatch(r"Expected `([^`]+)`, got `(\w+)`", told):
        kinds = [_kind(each, key) for each in found[1].split(" | ") if each != "null"]
        return f"{' or '.join(kinds)}, not {_GOT.get(found[2], found[2])}"
    if found := re.fullmatch(r"Expected `array` of length (\d+), got (\d+)", told):
        return f"a list of {found[1]}, not of {found[2]}"
    if found := re.fullmatch(r"Object missing required field `([^`]+)`", told):
        return f"`{found[1]}` is missing"
    if found := re.fullmatch(r"Object contains unknown field `([^`]+)`", told):
        return f"unknown key `{found[1]}`"
    return told[:1].lower() + told[1:]


def _kind(name: str, key: str) -> str:
    said = _KINDS.get(name, name)
    return f"{said} (minor units)" if name == "int" and key in MONEY else said


def _at(node: inspect.Type, path: str) -> inspect.Type | None:
    """The type that a value at msgspec's path must have."""
    for index, name in _STEP.findall(path):
        inner = [_inside(each, index, name) for each in _alternatives(node)]
        found = next((each for each in inner if each is not None), None)
        if found is None:
            return None
        node = found
    return node


def _inside(node: inspect.Type, index: str, name: str) -> inspect.Type | None:
    if isinstance(node, inspect.StructType):
        return next((each.type for each in node.fields if each.encode_name == name), None)
    if isinstance(node, inspect.DictType):
        return node.value_type
    if isinstance(node, inspect.TupleType):
        return node.item_types[int(index)] if index.isdigit() else None
    if isinstance(node, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        return node.item_type
    return None


def _alternatives(node: inspect.Type) -> tuple[inspect.Type, ...]:
    return node.types if isinstance(node, inspect.UnionType) else (node,)


def _words(node: inspect.Type | None) -> list[str]:
    """The words that would do."""
    if node is None:
        return []
    found: list[str] = []
    for each in _alternatives(node):
        if isinstance(each, inspect.LiteralType):
            found += map(str, each.values)
        elif isinstance(each, inspect.EnumType):
            found += [str(member.value) for member in each.cls]
    return found

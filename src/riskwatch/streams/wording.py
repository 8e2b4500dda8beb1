"""What was found and what was expected, in words that are short and safe to log."""

from __future__ import annotations

import json
from typing import Any

from msgspec import inspect as mi

SECRETS = ("identifiers.", "text")
"""Fields whose paths begin so name a person (`text`: of a request for a list); their values are never shown."""

_PATTERNS = {
    r"^[a-z0-9][a-z0-9-]{0,62}\Z": "1 to 63 lower-case letters, digits and hyphens",
    r"^[A-Z]{3}\Z": "three capital letters such as CNY",
}


class NotANumber(str):
    """NaN or an infinity, which JSON does not have."""

    __slots__ = ()


class HugeNumber(str):
    """The text of a number that no field can hold."""

    __slots__ = ()


def bare_type(info: mi.Type) -> mi.Type:
    """The type without the descriptions around it."""
    while isinstance(info, mi.Metadata):
        info = info.type
    return info


def shown_value(found: Any, path: str = "") -> str:
    """What was found, short, safe to log: never a personal identifier, never a raw control character."""
    if isinstance(found, NotANumber):
        return str(found)
    if isinstance(found, dict):
        return f"an object of {len(found):,} fields"
    if isinstance(found, list):
        return f"a list of {len(found):,}"
    if path.startswith(SECRETS) and found is not None:
        return f"a {'text' if isinstance(found, str) else type(found).__name__}"
    if isinstance(found, HugeNumber):
        return f"a number of {len(found):,} characters"
    shown = json.dumps(found)
    kind = {str: "", bool: "", int: "the number ", float: "the decimal "}.get(type(found), "")
    return kind + (shown if len(shown) <= 80 else shown[:80] + "…")


def wanted_value(info: mi.Type) -> str:
    """What a field expects, in words."""
    if isinstance(info, mi.UnionType):
        return " or ".join(wanted_value(bare_type(option)) for option in info.types)
    if isinstance(info, mi.StrType):
        if info.pattern is not None:
            return _PATTERNS.get(info.pattern, f"text like {info.pattern}")
        return f"text of {info.min_length or 0} to {info.max_length} characters"
    if isinstance(info, mi.IntType):
        return f"an integer from {info.ge} to {info.le}"
    if isinstance(info, mi.FloatType):
        return f"a number from {info.ge:g} to {info.le:g}"
    if isinstance(info, mi.LiteralType):
        return "one of " + ", ".join(str(value) for value in info.values)
    return {
        mi.BoolType: "true or false",
        mi.DateTimeType: "an RFC 3339 time with a zone, such as 2024-05-01T12:34:56.789+08:00",
        mi.DateType: "a date such as 2024-05-01",
        mi.StructType: "an object",
        mi.ListType: "a list",
        mi.BytesType: "bytes in base64",
        mi.NoneType: "null",
    }[type(info)]

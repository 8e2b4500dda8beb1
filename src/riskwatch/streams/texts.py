"""Texts of events: one spelling (NFC), nothing invisible in identifiers, nothing that a terminal or a database would
obey."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar
from unicodedata import category, normalize

import msgspec
from msgspec import Struct
from msgspec import inspect as mi

S = TypeVar("S", bound=Struct)

_IN_TEXT = frozenset({"Cc", "Cs"})
_IN_IDENTIFIER = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})
_NAMES = {
    "Cc": "a control character",
    "Cs": "a lone surrogate",
    "Cf": "an invisible character",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}


def text_problem(text: str, *, identifier: bool) -> str | None:
    """What is wrong with the characters of a text, in words; None where nothing is.

    Free text may hold tabs, line breaks and format characters (joiners belong to the spelling of some languages).
    """
    if text.isprintable():
        return None
    forbidden = _IN_IDENTIFIER if identifier else _IN_TEXT
    for position, char in enumerate(text):
        kind = category(char)
        if kind in forbidden and (identifier or char not in "\t\n\r"):
            return f"{_NAMES[kind]} (U+{ord(char):04X}) at position {position}"
    return None


def is_identifier(info: mi.StrType) -> bool:
    """Identifiers are the texts that must not be empty, and codes with a pattern."""
    return info.min_length is not None or info.pattern is not None


@lru_cache(maxsize=64)
def _texts(struct: type[Struct]) -> dict[str, mi.StrType]:
    """The text fields of a struct."""
    info = mi.type_info(struct)
    assert isinstance(info, mi.StructType)
    found = {field.name: _str_type(field.type) for field in info.fields}
    return {name: text for name, text in found.items() if text is not None}


def _str_type(info: mi.Type) -> mi.StrType | None:
    if isinstance(info, mi.Metadata):
        return _str_type(info.type)
    if isinstance(info, mi.UnionType):
        return next((found for option in info.types if (found := _str_type(option)) is not None), None)
    return info if isinstance(info, mi.StrType) else None


def settle_texts(struct: S) -> S | None:
    """The struct with all its texts in NFC, also within structs that it holds; None where a text has a fault."""
    texts = _texts(type(struct))
    changes: dict[str, object] = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if isinstance(value, Struct):
            settled = settle_texts(value)
            if settled is None:
                return None
            if settled is not value:
                changes[name] = settled
        elif isinstance(value, str) and (info := texts.get(name)) is not None:
            if text_problem(value, identifier=is_identifier(info)) is not None:
                return None
            plain = normalize("NFC", value)
            if info.max_length is not None and len(plain) > info.max_length:
                return None
            if plain != value:
                changes[name] = plain
    return msgspec.structs.replace(struct, **changes) if changes else struct

"""Where the tables and keys of a TOML file stand: `tomllib` gives values without places, faults are told with them."""

from __future__ import annotations

import re
from collections.abc import Mapping

Path = tuple[str, ...]

_HEADER = re.compile(r"\s*\[(?P<path>[^\[\]]+)\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*=\s*(?P<value>.*)$")
_PART = re.compile(r"\"[^\"]*\"|'[^']*'|[^.\s]+")
_QUOTES = ('"""', "'''")


def places_of(text: str) -> Mapping[Path, int]:
    """Lines, from 1, of tables and of keys in them, by path. What it cannot place it leaves out; never raises."""
    places: dict[Path, int] = {}
    table: Path = ()
    closing: str | None = None
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if closing is not None:
            closing = None if closing in line else closing
            continue
        if depth > 0:  # within an array over several lines
            depth += _brackets(line)
            continue
        header = _HEADER.match(line)
        if header is not None:
            table = tuple(part.strip("\"'") for part in _PART.findall(header["path"]))
            for length in range(1, len(table) + 1):
                places.setdefault(table[:length], number)
        elif (key := _KEY.match(line)) is not None:
            places.setdefault((*table, key["key"].strip("\"'")), number)
            value = key["value"]
            closing = next((quote for quote in _QUOTES if value.startswith(quote) and quote not in value[3:]), None)
            depth = 0 if closing is not None else _brackets(value)
    return places


def _brackets(line: str) -> int:
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
    return bare.count("[") - bare.count("]")


def place_of(places: Mapping[Path, int], path: Path) -> int | None:
    """The line of a path, or of the nearest table around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return None

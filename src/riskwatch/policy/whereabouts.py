"""Where in a policy file things stand. `tomllib` gives values without places; faults are told with theirs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from msgspec import Struct

_TABLE = re.compile(r"\s*\[\s*rules\s*\.\s*(?P<name>[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*\]\s*(?:#.*)?$")
_OTHER_TABLE = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*=\s*(?P<value>.*)$")
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)$")


class Whereabouts(Struct, frozen=True, kw_only=True):
    """Lines, from 1. `keys`: by rule ("" at the top) and key; `texts`: where a key's text begins, if later than its
    key.
    """

    rules: Mapping[str, int]
    keys: Mapping[tuple[str, str], int]
    texts: Mapping[tuple[str, str], int]
    repeated: tuple[tuple[str, int, int], ...]

    def rule(self, rule: str) -> int | None:
        """The line of the rule's header."""
        return self.rules.get(rule)

    def key(self, rule: str, key: str) -> int | None:
        """The line of a key; the rule's own where the key is missing."""
        return self.keys.get((rule, key), self.rules.get(rule))

    def text(self, rule: str, key: str, line: int) -> int | None:
        """The line of the `line`-th line (from 1) of a key's text."""
        start = self.texts.get((rule, key), self.key(rule, key))
        return None if start is None else start + line - 1


def whereabouts(text: str) -> Whereabouts:
    """Scans the lines of a policy file, also one that is not TOML. What it cannot place it leaves out."""
    rules: dict[str, int] = {}
    keys: dict[tuple[str, str], int] = {}
    texts: dict[tuple[str, str], int] = {}
    repeated: list[tuple[str, int, int]] = []
    table: str | None = ""
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if closing is not None:
            if closing in line:
                closing = None
            continue
        header = _TABLE.match(line)
        if header is not None:
            table = header["name"].strip("\"'")
            if table in rules:
                repeated.append((table, rules[table], number))
            rules.setdefault(table, number)
        elif _OTHER_TABLE.match(line):
            table = None
        elif table is not None and (key := _KEY.match(line)) is not None:
            place = (table, key["key"].strip("\"'"))
            keys.setdefault(place, number)
            closing = next((quote for quote in ('"""', "'''") if key["value"].startswith(quote)), None)
            if closing is not None:
                rest = key["value"][3:]
                if not rest.strip():
                    texts.setdefault(place, number + 1)
                if closing in rest:
                    closing = None
    return Whereabouts(rules=rules, keys=keys, texts=texts, repeated=tuple(repeated))


def syntax_fault(error: tomllib.TOMLDecodeError) -> tuple[str, int | None]:
    """What `tomllib` found wrong, and the line."""
    said = str(error)
    place = _AT_LINE.search(said)
    return (said, None) if place is None else (said[: place.start()], int(place[1]))

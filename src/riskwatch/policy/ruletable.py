"""Reads the keys of one table of a policy file, gathering faults with their lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from riskwatch.policy.faults import Fault, did_you_mean
from riskwatch.policy.whereabouts import Whereabouts

MAX_DAYS = 366
"""The longest span that a policy may name."""

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def span_text(length_ms: int) -> str:
    """As a policy writes it: `24h`; "none" for 0."""
    for unit, unit_ms in reversed(_UNIT_MS.items()):
        if length_ms and length_ms % unit_ms == 0:
            return f"{length_ms // unit_ms}{unit}"
    return "none"


class RuleTable:
    """Reads the keys of one table, gathering faults. Values come back as None where they are missing or wrong."""

    def __init__(self, rule: str, content: Mapping[str, Any], places: Whereabouts, faults: list[Fault]) -> None:
        self.rule = rule
        self.content = content
        self.places = places
        self.faults = faults
        self.misspelt: set[str] = set()

    def missing(self, key: str, suggestion: str | None = None) -> None:
        if key not in self.misspelt:
            self.fault(key, f"`{key}` is missing", suggestion=suggestion)

    def fault(self, key: str | None, message: str, text: str | None = None, suggestion: str | None = None) -> None:
        line = self.places.rule(self.rule) if key is None else self.places.key(self.rule, key)
        self.faults.append(Fault(message=message, line=line, rule=self.rule or None, text=text, suggestion=suggestion))

    def only(self, keys: tuple[str, ...]) -> None:
        for key in self.content:
            if key not in keys:
                near = did_you_mean(key, keys)
                self.misspelt |= {word for word in keys if near is not None and f"`{word}`" in near}
                self.fault(key, f"unknown key `{key}`", suggestion=near or f"keys are {', '.join(keys)}")

    def text(
        self,
        key: str,
        default: str | None = None,
        one_of: tuple[str, ...] | None = None,
        pattern: re.Pattern[str] | None = None,
        hint: str = "",
    ) -> str | None:
        value = self.content.get(key, default)
        if value is None:
            self.missing(key, None if one_of is None else f"one of {', '.join(one_of)}")
            return None
        if not isinstance(value, str):
            self.fault(key, f"`{key}` is text in quotes", text=repr(value))
            return None
        if one_of is not None and value not in one_of:
            near = did_you_mean(value, one_of) or f"one of {', '.join(one_of)}"
            self.fault(key, f'`{key}` cannot be "{value}"', suggestion=near)
            return None
        if pattern is not None and pattern.fullmatch(value) is None:
            self.fault(key, f'`{key}` cannot be "{value}"', suggestion=hint)
            return None
        if default is None and not value.strip():
            self.fault(key, f"`{key}` is empty")
            return None
        return value

    def words(
        self,
        key: str,
        one_of: tuple[str, ...] | None = None,
        default: tuple[str, ...] | None = None,
        once: bool = True,
    ) -> tuple[str, ...] | None:
        value = self.content.get(key, default)
        if value is None:
            self.missing(key)
            return None
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
            self.fault(key, f"`{key}` is a list of texts", text=repr(value), suggestion=f'write `{key} = ["…"]`')
            return None
        sound = True
        for place, word in enumerate(value):
            if one_of is not None and word not in one_of:
                sound = False
                near = did_you_mean(word, one_of) or f"one of {', '.join(one_of)}"
                self.fault(key, f'`{key}` cannot hold "{word}"', suggestion=near)
            elif once and word in value[:place]:
                sound = False
                self.fault(key, f'`{key}` holds "{word}" twice')
        return tuple(value) if sound else None

    def span(self, key: str, missing: str) -> int | None:
        """Milliseconds of `"24h"`. `missing`: what to write where the key is absent."""
        value = self.content.get(key)
        if value is None:
            self.missing(key, missing)
            return None
        match = _SPAN.fullmatch(value) if isinstance(value, str) else None
        length = None if match is None else int(match[1]) * _UNIT_MS[match[2]]
        if length is None or length > MAX_DAYS * _UNIT_MS["d"]:
            hint = f'a number and s, m, h or d, up to {MAX_DAYS} days: "24h"'
            self.fault(key, f"`{key}` cannot be {value!r}", suggestion=hint)
            return None
        return length

    def flag(self, key: str, default: bool) -> bool | None:
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            self.fault(key, f"`{key}` is true or false", text=repr(value))
            return None
        return value

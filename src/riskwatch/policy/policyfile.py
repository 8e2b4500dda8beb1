"""A policy file: TOML with one table for each rule. Reading it finds every fault at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, get_args

import msgspec
from msgspec import Struct

from riskwatch.policy.columns import KINDS
from riskwatch.policy.faults import Fault, did_you_mean
from riskwatch.policy.whereabouts import Whereabouts, syntax_fault, whereabouts
from riskwatch.streams.outputs import AlertKind, Severity

MAX_RULES = 1_000
MAX_FILE = 1_000_000
MAX_COOLDOWN_DAYS = 366

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_COOLDOWN = re.compile(r"(\d{1,6})([smhd])")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a policy, as written. `on`: entry kinds it is judged at. `cooldown_ms`: 0 raises every time."""

    name: str
    on: tuple[str, ...]
    when: str
    severity: Severity
    output: AlertKind
    reason: str
    description: str
    cooldown_ms: int
    shadow: bool = False
    typology: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def cooldown_key(self) -> str:
        """The name under which a customer's state remembers its last alert: a shadow rule never silences a live one."""
        return f"~{self.name}" if self.shadow else self.name

    @property
    def cooldown(self) -> str:
        """As a policy writes it: `24h`; "none" for 0."""
        for unit, length in reversed(_UNIT_MS.items()):
            if self.cooldown_ms and self.cooldown_ms % length == 0:
                return f"{self.cooldown_ms // length}{unit}"
        return "none"


class Policy(Struct, frozen=True, kw_only=True):
    """Rules in the order of their file. `version` is made of what the policy says, not of how the file is laid out."""

    name: str
    rules: tuple[Rule, ...]
    description: str = ""
    source: str = "policy"
    whereabouts: Whereabouts | None = None

    @property
    def version(self) -> str:
        """12 hexadecimal digits of a hash over name, rules and their order."""
        said = [self.name, [{**msgspec.to_builtins(rule), "when": " ".join(rule.when.split())} for rule in self.rules]]
        return sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:12]


def read_policy(text: str, source: str = "policy") -> tuple[Policy | None, list[Fault]]:
    """The policy with those of its rules that are sound in form, and every fault. Conditions are not looked into
    here.
    """
    if len(text) > MAX_FILE:
        return None, [Fault(message=f"a policy has at most {MAX_FILE} characters, this one has {len(text)}")]
    places = whereabouts(text)
    faults = [
        Fault(message=f"rule `{name}` is already defined in line {first}", line=line, suggestion="give it another name")
        for name, first, line in places.repeated
    ]
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said, line = syntax_fault(error)
        if not (faults and "twice" in said):
            faults.append(Fault(message=f"this is not TOML: {said}", line=line))
        return None, faults
    except RecursionError:
        return None, [Fault(message="this is not TOML: nested too deeply")]
    top = _Table("", content, places, faults)
    top.only(("name", "description", "rules"))
    name = top.text("name", pattern=_NAME, hint="lower-case letters, digits and hyphens")
    description = top.text("description", default="")
    tables = content.get("rules")
    if not isinstance(tables, dict) or not tables:
        faults.append(Fault(message="the policy has no rules", suggestion="add a table `[rules.<name>]`"))
        tables = {}
    if len(tables) > MAX_RULES:
        faults.append(Fault(message=f"a policy has at most {MAX_RULES} rules, this one has {len(tables)}"))
    read = [_read_rule(rule, table, places, faults) for rule, table in tables.items()]
    rules = tuple(rule for rule in read if rule is not None)
    policy = Policy(name=name or "", description=description or "", rules=rules, source=source, whereabouts=places)
    return policy, faults


def _read_rule(name: str, content: Any, places: Whereabouts, faults: list[Fault]) -> Rule | None:
    told = len(faults)
    if not isinstance(content, dict):
        faults.append(
            Fault(
                message=f"`rules.{name}` is not a table",
                line=places.key("", name),
                suggestion=f"write `[rules.{name}]`",
            )
        )
        return None
    table = _Table(name, content, places, faults)
    if _NAME.fullmatch(name) is None:
        table.fault(None, "a rule's name is lower-case letters, digits and hyphens", text=name)
    table.only(("on", "when", "severity", "output", "reason", "description", "cooldown", "shadow", "typology", "tags"))
    on = table.words("on", one_of=tuple(KINDS))
    if on == ():
        table.fault("on", "`on` is empty", suggestion="name the kinds of entries that the rule is judged at")
    when = table.text("when")
    severity = table.text("severity", one_of=get_args(Severity))
    output = table.text("output", one_of=get_args(AlertKind))
    reason = table.text("reason")
    description = table.text("description")
    cooldown = table.cooldown("cooldown")
    shadow = table.flag("shadow", default=False)
    typology = table.text("typology", default="")
    tags = table.words("tags", default=())
    if len(faults) > told:
        # A sound condition and reason are still looked into, so that all faults are told at once.
        if when is None and reason is None:
            return None
        on, severity, output = on or tuple(KINDS), severity or "low", output or "fraud"
    return Rule(
        name=name,
        on=on or (),
        when=when or "",
        severity=severity,  # type: ignore[arg-type]  # one of its words, or told as a fault
        output=output,  # type: ignore[arg-type]
        reason=reason or "",
        description=description or "",
        cooldown_ms=cooldown or 0,
        shadow=bool(shadow),
        typology=typology or None,
        tags=tags or (),
    )


class _Table:
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
        self, key: str, one_of: tuple[str, ...] | None = None, default: tuple[str, ...] | None = None
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
            elif word in value[:place]:
                sound = False
                self.fault(key, f'`{key}` holds "{word}" twice')
        return tuple(value) if sound else None

    def cooldown(self, key: str) -> int | None:
        value = self.content.get(key)
        if value is None:
            self.missing(key, 'write how long to stay silent: "24h", or "0s" for not at all')
            return None
        match = _COOLDOWN.fullmatch(value) if isinstance(value, str) else None
        length = None if match is None else int(match[1]) * _UNIT_MS[match[2]]
        if length is None or length > MAX_COOLDOWN_DAYS * _UNIT_MS["d"]:
            hint = f'a number and s, m, h or d, up to {MAX_COOLDOWN_DAYS} days: "24h"'
            self.fault(key, f"`{key}` cannot be {value!r}", suggestion=hint)
            return None
        return length

    def flag(self, key: str, default: bool) -> bool | None:
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            self.fault(key, f"`{key}` is true or false", text=repr(value))
            return None
        return value

"""A policy file: TOML with one table for each rule. Reading it finds every fault at once."""

from __future__ import annotations

import re
import tomllib
from hashlib import sha256
from typing import Any, get_args

import msgspec
from msgspec import Struct

from riskwatch.policy.columns import KINDS
from riskwatch.policy.episodes import KEYS, Episode, read_episode
from riskwatch.policy.faults import Fault
from riskwatch.policy.ruletable import RuleTable, span_text
from riskwatch.policy.whereabouts import Whereabouts, syntax_fault, whereabouts
from riskwatch.streams.outputs import AlertKind, Severity

MAX_RULES = 1_000
MAX_FILE = 1_000_000

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_KEYS = ("on", "when", "severity", "output", "reason", "description", "cooldown", "shadow", "typology", "tags", *KEYS)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a policy, as written. `on`: entry kinds it is judged at. `cooldown_ms`: 0 raises every time, unless
    the rule has an `episode`."""

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
    episode: Episode | None = None

    @property
    def cooldown_key(self) -> str:
        """The name under which a customer's state remembers its alerts: a shadow rule never silences a live one."""
        return f"~{self.name}" if self.shadow else self.name

    @property
    def cooldown(self) -> str:
        """As a policy writes it: `24h`; "none" for 0."""
        return span_text(self.cooldown_ms)

    @property
    def raises(self) -> str:
        """How often a rule raises: its cooldown, or its episodes."""
        episode = self.episode
        if episode is None:
            return f"cooldown {self.cooldown}"
        said = f"one alert an episode of a {episode.of}, over after {span_text(episode.gap_ms)}"
        if not episode.worse_by:
            return said
        if episode.worse_times:
            steps = [f"{episode.worse_times:g} times what it was"]
        else:
            steps = [f"{step:g}" for step in episode.worse_at]
        severities = [*episode.worse_severity[: len(steps)], *episode.worse_severity[-1:] * len(steps)]
        marked = [f"{step} ({word})" for step, word in zip(steps, severities, strict=False)] or steps
        return f"{said}; worse when `{episode.worse_by}` reaches {', '.join(marked)}"


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
        rules = [{**msgspec.to_builtins(rule), "when": " ".join(rule.when.split())} for rule in self.rules]
        said = [
            self.name,
            [{key: value for key, value in rule.items() if value is not None or key != "episode"} for rule in rules],
        ]
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
    top = RuleTable("", content, places, faults)
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
    table = RuleTable(name, content, places, faults)
    if _NAME.fullmatch(name) is None:
        table.fault(None, "a rule's name is lower-case letters, digits and hyphens", text=name)
    table.only(_KEYS)
    on = table.words("on", one_of=tuple(KINDS))
    if on == ():
        table.fault("on", "`on` is empty", suggestion="name the kinds of entries that the rule is judged at")
    when = table.text("when")
    severity = table.text("severity", one_of=get_args(Severity))
    output = table.text("output", one_of=get_args(AlertKind))
    reason = table.text("reason")
    description = table.text("description")
    episode = read_episode(table, on or (), dict(KINDS), severity)
    cooldown = 0
    if "episode" not in content:
        cooldown = table.span("cooldown", 'write how long to stay silent: "24h", or "0s" for not at all') or 0
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
        cooldown_ms=cooldown,
        shadow=bool(shadow),
        typology=typology or None,
        tags=tags or (),
        episode=episode,
    )

"""Episodes: what makes one trouble of the firings of a rule, when it is over, and what makes it worse."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, get_args

from msgspec import Struct

from riskwatch.policy.ruletable import RuleTable
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import SEVERITIES, Severity
from riskwatch.streams.parts import KIND_OF
from riskwatch.streams.topics import REPAYMENTS

EpisodeOf = Literal["customer", "loan"]

KEYS = ("episode", "episode_gap", "worse_by", "worse_at", "worse_times", "worse_severity")
MAX_STEPS = 20
MAX_LEVEL = 60
"""Steps of `worse_times` are counted no further."""

LOAN_KINDS = frozenset(
    {KIND_OF[each] for each in REPAYMENTS.event_types}
    | {Kind.INSTALMENT_OVERDUE, Kind.PROMISE_BROKEN, Kind.LOAN_ROLLED}
)
"""Kinds of entries that are about one loan."""


class Episode(Struct, frozen=True, kw_only=True):
    """How a rule's firings make episodes, as written. `of`: whose trouble it is; `gap_ms`: over after so long without a
    firing. `worse_by`: the number whose rise is a worsening, empty for none; a step is taken at each of `worse_at`, or
    each time that the number is `worse_times` what it was. `worse_severity`: by step, the last for all that follow."""

    of: EpisodeOf
    gap_ms: int
    worse_by: str = ""
    worse_at: tuple[float, ...] = ()
    worse_times: float = 0.0
    worse_severity: tuple[Severity, ...] = ()

    def level(self, value: float, base: float) -> int:
        """Steps that a value has reached; 0 where it is unknown (NaN). `base`: what `worse_times` multiplies, 0 where
        that is unknown."""
        if self.worse_at:
            return sum(value >= step for step in self.worse_at)
        level = 0
        if base > 0.0 and math.isfinite(value):
            bound = base * self.worse_times
            while value >= bound and level < MAX_LEVEL:
                level, bound = level + 1, bound * self.worse_times
        return level

    def severity(self, level: int, at_first: Severity) -> Severity:
        """The severity after so many steps."""
        if level == 0 or not self.worse_severity:
            return at_first
        return self.worse_severity[min(level, len(self.worse_severity)) - 1]


def read_episode(table: RuleTable, on: tuple[str, ...], kinds: dict[str, Kind], severity: str | None) -> Episode | None:
    """The episode of a rule's table, None where it has none or its keys are at fault. `on`: kinds that the rule is
    judged at, `kinds`: kinds by name."""
    told = len(table.faults)
    if "episode" not in table.content:
        for key in KEYS[1:]:
            if key in table.content:
                table.fault(key, f"`{key}` without `episode`", suggestion='add `episode = "customer"` or "loan"')
        return None
    of = table.text("episode", one_of=get_args(EpisodeOf))
    if "cooldown" in table.content:
        table.fault(
            "cooldown", "`cooldown` and `episode` exclude each other", suggestion="an episode has `episode_gap`"
        )
    gap = table.span("episode_gap", 'write after how long without a firing the episode is over: "30d"')
    if gap == 0:
        table.fault("episode_gap", "`episode_gap` cannot be 0", suggestion="a rule without episodes has a `cooldown`")
    if of == "loan":
        strangers = [name for name in on if kinds[name] not in LOAN_KINDS]
        if strangers:
            said = f'`episode` cannot be "loan" at {", ".join(strangers)}, which is about no loan'
            table.fault("episode", said, suggestion='write "customer"')
    worse_by = table.text("worse_by", default="")
    at, times = _steps(table), _times(table)
    if worse_by:
        if "worse_at" not in table.content and "worse_times" not in table.content:
            table.fault(
                "worse_by", "`worse_by` without steps", suggestion="add `worse_at = [7, 30]` or `worse_times = 2`"
            )
        elif "worse_at" in table.content and "worse_times" in table.content:
            table.fault("worse_times", "`worse_at` and `worse_times` exclude each other")
    else:
        for key in KEYS[3:]:
            if key in table.content:
                table.fault(key, f"`{key}` without `worse_by`", suggestion="name the number whose rise is a worsening")
    severities = _severities(table, severity, len(at) if at else None)
    if len(table.faults) > told or of is None or gap is None:
        return None
    return Episode(
        of=of,  # type: ignore[arg-type]  # one of its words, or told as a fault
        gap_ms=gap,
        worse_by=" ".join((worse_by or "").split()),
        worse_at=at,
        worse_times=times,
        worse_severity=severities,
    )


def _number(value: object) -> float | None:
    """None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _steps(table: RuleTable) -> tuple[float, ...]:
    value = table.content.get("worse_at")
    if value is None:
        return ()
    numbers = [_number(each) for each in value] if isinstance(value, list) else []
    steps = [each for each in numbers if each is not None]
    if not steps or len(steps) != len(numbers):
        table.fault(
            "worse_at", "`worse_at` is a list of numbers", text=repr(value), suggestion="write `worse_at = [7, 30]`"
        )
    elif len(steps) > MAX_STEPS:
        table.fault("worse_at", f"`worse_at` has at most {MAX_STEPS} steps, this one has {len(steps)}")
    elif any(later <= earlier for earlier, later in pairwise(steps)):
        table.fault("worse_at", "the steps of `worse_at` rise", text=repr(value))
    return tuple(steps)


def _times(table: RuleTable) -> float:
    value = table.content.get("worse_times")
    number = _number(value)
    if value is not None and (number is None or number <= 1.0):
        table.fault("worse_times", f"`worse_times` cannot be {value!r}", suggestion="a number above 1: 2 for doubled")
    return number or 0.0


def _severities(table: RuleTable, first: str | None, steps: int | None) -> tuple[Severity, ...]:
    words = table.words("worse_severity", one_of=SEVERITIES, default=(), once=False) or ()
    if steps is not None and len(words) > steps:
        table.fault("worse_severity", f"`worse_severity` has {len(words)} entries for {steps} steps")
    elif first in SEVERITIES:
        ranks = [SEVERITIES.index(word) for word in (first, *words)]
        if ranks != sorted(ranks):
            table.fault("worse_severity", "`worse_severity` falls", suggestion="what gets worse is no less severe")
    return tuple(word for word in words if word in SEVERITIES)

"""The job's rules for the peers: each a compiled Python function of the features, grouped by the kind of event it is
judged at."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import nan
from typing import Any, NamedTuple

from bench.job import RULES, Rule, reason_of
from bench.peers.features import NAMES
from riskwatch.streams import events
from riskwatch.streams.events import LoanApplied, PurchaseMade, RepaymentReceived, RepaymentReversed

OWN = ("amount", "emulator", "rooted")
"""What rules read of the event itself; they stand after the features in the vector."""

_PLACE = {name: place for place, name in enumerate((*NAMES, *OWN))}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_WORDS = frozenset({"and", "or", "not"})


class CompiledRule(NamedTuple):
    """A rule as a peer judges it. `uses`: names and places of the numbers behind it."""

    number: int
    rule: Rule
    fires: Callable[[list[float]], bool]
    reason: str
    uses: tuple[tuple[str, int], ...]
    cooldown_ms: int


def own_fields(event: Any) -> tuple[float, bool, bool]:
    """`OWN` of an event; unknown is NaN, and comparisons with it are false."""
    kind = type(event)
    if kind is PurchaseMade or kind is LoanApplied or kind is RepaymentReceived or kind is RepaymentReversed:
        return event.amount, False, False
    return nan, getattr(event, "emulator", False), getattr(event, "rooted", False)


def compile_rules() -> dict[type, tuple[CompiledRule, ...]]:
    """Kind of event → the rules judged at it, in the order of the list."""
    compiled = [_compile(number, rule) for number, rule in enumerate(RULES)]
    kinds = {kind for rule in RULES for kind in rule.on}
    return {getattr(events, kind): tuple(each for each in compiled if kind in each.rule.on) for kind in sorted(kinds)}


def _compile(number: int, rule: Rule) -> CompiledRule:
    uses = tuple((name, _PLACE[name]) for name in dict.fromkeys(_NAME.findall(rule.when)) if name not in _WORDS)
    text = _NAME.sub(lambda found: found[0] if found[0] in _WORDS else f"f[{_PLACE[found[0]]}]", rule.when)
    # The very function that a user would type: `lambda f: f[3] >= 5 and f[7] > 2`. The text is this package's own.
    fires: Callable[[list[float]], bool] = eval(f"lambda f: {text}")
    return CompiledRule(number, rule, fires, reason_of(rule), uses, rule.cooldown_seconds * 1000)

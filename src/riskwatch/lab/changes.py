"""What a candidate would have changed: decisions and alerts as they were, beside those that it would have made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from statistics import median

from msgspec import Struct

from riskwatch.streams.decisions import Decision
from riskwatch.streams.outputs import Alert

EXAMPLES = 5
NONE = "none"
"""Stands where there was no decision, no grade or no reason."""


class Moved(Struct, frozen=True, kw_only=True):
    """How many decisions went from one word to another. `examples`: ids of the candidate's decisions' live
    counterparts, or of the candidate's own where there was no decision before."""

    before: str
    after: str
    decisions: int
    examples: tuple[str, ...] = ()


class Amounts(Struct, frozen=True, kw_only=True):
    """Of the decisions where both have a value and the two differ: how many, and after less before. Limits in minor
    units, rates as shares of 1."""

    differ: int
    sum: float
    median: float | None


class DecisionChanges(Struct, frozen=True, kw_only=True):
    """`decisions`: compared, that is of applications that the candidate would have decided; `customers`: theirs.
    `outcomes` and `reasons` hold only what differs, `grades` everything. `share`: `touched` of `customers`."""

    decisions: int
    changed: int
    customers: int
    touched: int
    share: float
    outcomes: tuple[Moved, ...]
    grades: tuple[Moved, ...]
    reasons: tuple[Moved, ...]
    limit: Amounts
    rate: Amounts


class RuleChanges(Struct, frozen=True, kw_only=True):
    """Alerts of one rule that only one of the two policies raises; examples are alert ids."""

    rule: str
    gained: int
    lost: int
    examples_gained: tuple[str, ...]
    examples_lost: tuple[str, ...]


class AlertChanges(Struct, frozen=True, kw_only=True):
    """`alerts`: raised by the policy as it was, withdrawn later or not, `same`: by both. `customers`: those with any
    entry; `touched`: those with an alert gained or lost."""

    alerts: int
    same: int
    customers: int
    touched: int
    share: float
    rules: tuple[RuleChanges, ...]


class ComparingDecisions:
    """Gathers pairs of decisions on one application."""

    def __init__(self) -> None:
        self._decisions = 0
        self._changed = 0
        self._customers: set[tuple[str, str]] = set()
        self._touched: set[tuple[str, str]] = set()
        self._moved: dict[str, Counter[tuple[str, str]]] = {each: Counter() for each in ("outcome", "grade", "reason")}
        self._examples: dict[tuple[str, str], list[str]] = {}
        self._limits: list[Decimal] = []
        self._rates: list[Decimal] = []

    def add(self, before: Decision | None, after: Decision) -> None:
        """`before` None: nothing decided the application as it was."""
        customer = (after.tenant, after.customer_id)
        self._decisions += 1
        self._customers.add(customer)
        said, would = _words(before), _words(after)
        for kind in self._moved:
            self._moved[kind][said[kind], would[kind]] += 1
        if before is None or _terms(before) != _terms(after):
            self._changed += 1
            self._touched.add(customer)
        if said["outcome"] != would["outcome"]:
            examples = self._examples.setdefault((said["outcome"], would["outcome"]), [])
            if len(examples) < EXAMPLES:
                examples.append((after if before is None else before).decision_id)
        if before is not None:
            if before.limit != after.limit:
                self._limits.append(Decimal(after.limit - before.limit))
            if before.annual_rate is not None and after.annual_rate is not None:
                change = Decimal(str(after.annual_rate)) - Decimal(str(before.annual_rate))
                self._rates += [change] if change else []

    def changes(self) -> DecisionChanges:
        outcomes, grades, reasons = (self._moved[kind] for kind in ("outcome", "grade", "reason"))
        return DecisionChanges(
            decisions=self._decisions,
            changed=self._changed,
            customers=len(self._customers),
            touched=len(self._touched),
            share=_share(len(self._touched), len(self._customers)),
            outcomes=_moves(outcomes, differing=True, examples=self._examples),
            grades=_moves(grades),
            reasons=_moves(reasons, differing=True),
            limit=_amounts(self._limits),
            rate=_amounts(self._rates),
        )


class ComparingAlerts:
    """Gathers the alerts that two policies of rules raise. Left out are shadow rules, which alert nobody, and
    withdrawals: the alert was raised all the same."""

    def __init__(self) -> None:
        self._alerts = 0
        self._same = 0
        self._customers: set[bytes] = set()
        self._touched: set[tuple[str, str]] = set()
        self._gained: dict[str, list[str]] = {}
        self._lost: dict[str, list[str]] = {}

    def add(self, before: Iterable[Alert], after: Iterable[Alert]) -> None:
        """The alerts of the same entries."""
        was, would = _raised(before), _raised(after)
        self._alerts += len(was)
        self._same += len(was.keys() & would.keys())
        for found, these, others in ((self._gained, would, was), (self._lost, was, would)):
            for alert_id, alert in these.items():
                if alert_id not in others:
                    found.setdefault(alert.rule, []).append(alert_id)
                    self._touched.add((alert.tenant, alert.customer_id))

    def saw(self, customers: Iterable[bytes]) -> None:
        """Keys of customers who have entries."""
        self._customers.update(customers)

    def changes(self) -> AlertChanges:
        rules = sorted({*self._gained, *self._lost})
        return AlertChanges(
            alerts=self._alerts,
            same=self._same,
            customers=len(self._customers),
            touched=len(self._touched),
            share=_share(len(self._touched), len(self._customers)),
            rules=tuple(
                RuleChanges(
                    rule=rule,
                    gained=len(gained := self._gained.get(rule, [])),
                    lost=len(lost := self._lost.get(rule, [])),
                    examples_gained=tuple(gained[:EXAMPLES]),
                    examples_lost=tuple(lost[:EXAMPLES]),
                )
                for rule in rules
            ),
        )


def _words(decision: Decision | None) -> dict[str, str]:
    if decision is None:
        return {"outcome": NONE, "grade": NONE, "reason": NONE}
    return {
        "outcome": decision.outcome,
        "grade": decision.grade or NONE,
        "reason": decision.reasons[0].code if decision.reasons else NONE,
    }


def _terms(decision: Decision) -> tuple[object, ...]:
    """What touches a customer."""
    return decision.outcome, decision.grade, decision.limit, decision.annual_rate


def _moves(
    counts: Counter[tuple[str, str]], *, differing: bool = False,
    examples: dict[tuple[str, str], list[str]] | None = None,
) -> tuple[Moved, ...]:  # fmt: skip
    """Those that are most first, ties by their words."""
    kept = {pair: count for pair, count in counts.items() if not differing or pair[0] != pair[1]}
    return tuple(
        Moved(before=pair[0], after=pair[1], decisions=count, examples=tuple((examples or {}).get(pair, ())))
        for pair, count in sorted(kept.items(), key=lambda item: (-item[1], item[0]))
    )


def _amounts(changes: list[Decimal]) -> Amounts:
    return Amounts(differ=len(changes), sum=float(sum(changes)), median=float(median(changes)) if changes else None)


def _raised(alerts: Iterable[Alert]) -> dict[str, Alert]:
    return {each.alert_id: each for each in alerts if not each.shadow and not each.withdrawn}


def _share(touched: int, of: int) -> float:
    return touched / of if of else 0.0

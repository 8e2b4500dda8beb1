"""Alerts against the truth: which alerts were right, and what of the truth was noticed. Pure.

Three kinds of truth are known. A planted story, or an account that goes bad, is a `Truth`: an alert is right where
customer, time and kind match. A fraudulent transaction: an alert is right where the transaction itself caused it, or
where its customer had a fraudulent transaction on the same day (UTC). A fraudulent customer: any alert about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC

from msgspec import Struct

from riskwatch.alerts.recall import LATE_MATCH
from riskwatch.lab.plot import Truth
from riskwatch.streams.outputs import Alert, AlertKind

MERCHANT = "merchant "
"""Begins the subject of an alert about a merchant."""
Match = Callable[[Alert], frozenset[object]]
"""Alert → the units of truth that it is right about; empty where it is false."""


class RuleVerdict(Struct, frozen=True, kw_only=True):
    """How a rule did. `found` of `truths` units of truth were noticed by it; ratios are None where there is nothing to
    divide."""

    rule: str
    kind: AlertKind
    shadow: bool
    alerts: int
    right: int | None = None
    precision: float | None = None
    recall: float | None = None


class StoryVerdict(Struct, frozen=True, kw_only=True):
    """How one kind of story fared, counted in customers (in merchants, where it is about those).

    `alerted`: customers with an alert that counts for the story (for hard negatives: any alert in its time, which
    should be none). `right`: such alerts. `false`: alerts by the rules that noticed this kind, about nothing that is
    true. `precision` = all right alerts of those rules / all alerts of those rules.
    """

    story: str
    expected: str
    planted: int
    alerted: int
    right: int
    false: int
    precision: float | None
    recall: float | None


def match_frauds(frauds: Mapping[str, tuple[str, int]]) -> Match:
    """`frauds`: event id of a fraudulent transaction → its customer and day. The units are event ids."""
    of_day: dict[tuple[str, int], set[object]] = defaultdict(set)
    for event_id, customer_day in frauds.items():
        of_day[customer_day].add(event_id)

    def match(alert: Alert) -> frozenset[object]:
        day = int(alert.occurred_at.astimezone(UTC).timestamp() // 86_400)
        found = set(of_day.get((alert.customer_id, day), ()))
        if alert.cause.event_id in frauds:
            found.add(alert.cause.event_id)
        return frozenset(found)

    return match


def match_customers(fraudulent: Collection[tuple[str, str]]) -> Match:
    """An alert is right about a fraudulent customer (tenant and customer id), whatever its time. The units are
    customers."""

    def match(alert: Alert) -> frozenset[object]:
        customer = alert.tenant, alert.customer_id
        return frozenset({customer}) if customer in fraudulent else frozenset()

    return match


def about(alert: Alert) -> str:
    """Who or what an alert is about: its customer, or a merchant, where the customer is only the one who made it so."""
    return alert.subject if alert.subject.startswith(MERCHANT) else alert.customer_id


def match_truths(truths: Sequence[Truth]) -> Match:
    """The units are (index of the truth, customer or subject). A late match comes when a case is confirmed, which may
    be when the story is over: it is about what was applied for in it."""
    of_name: dict[tuple[str, str], list[tuple[int, Truth]]] = defaultdict(list)
    for index, truth in enumerate(truths):
        for named in (*truth.customers, *truth.subjects):
            of_name[named].append((index, truth))

    def match(alert: Alert) -> frozenset[object]:
        name = alert.tenant, about(alert)
        return frozenset(
            (index, name)
            for index, truth in of_name.get(name, ())
            if truth.begins <= alert.occurred_at
            and (alert.occurred_at <= truth.ends or (alert.rule == LATE_MATCH and truth.expected == "fraud"))
            and _deserves(truth, alert.kind)
        )

    return match


def by_rule(alerts: Iterable[Alert], match: Match | None, truths: Mapping[str, int]) -> list[RuleVerdict]:
    """One verdict a rule, most alerts first. `truths`: how many units there are for each kind of alert.

    Without `match` the truth is not known and only alerts are counted.
    """
    of_rule: dict[tuple[str, AlertKind, bool], list[Alert]] = defaultdict(list)
    for alert in alerts:
        of_rule[alert.rule, alert.kind, alert.shadow].append(alert)
    verdicts = []
    for (rule, kind, shadow), raised in of_rule.items():
        if match is None:
            verdicts.append(RuleVerdict(rule=rule, kind=kind, shadow=shadow, alerts=len(raised)))
            continue
        matches = [match(alert) for alert in raised]
        right = sum(map(bool, matches))
        verdicts.append(
            RuleVerdict(
                rule=rule,
                kind=kind,
                shadow=shadow,
                alerts=len(raised),
                right=right,
                precision=right / len(raised),
                recall=ratio(len(frozenset[object]().union(*matches)), truths.get(kind, 0)),
            )
        )
    return sorted(verdicts, key=lambda verdict: (-verdict.alerts, verdict.rule))


def by_story(alerts: Sequence[Alert], truths: Sequence[Truth]) -> list[StoryVerdict]:
    """One verdict for each kind of truth that asks for something, in the order of `truths`. Alerts of rules in shadow
    count for nothing."""
    live = [alert for alert in alerts if not alert.shadow]
    match = match_truths(truths)
    matched = [(alert, match(alert)) for alert in live]
    verdicts = []
    for kind in dict.fromkeys(truth.kind for truth in truths):
        own = {index for index, truth in enumerate(truths) if truth.kind == kind}
        expected = next(truth.expected for truth in truths if truth.kind == kind)
        if expected == "anything":
            continue
        planted = sum(len(truths[index].customers) + len(truths[index].subjects) for index in own)
        if expected == "none":
            windows = match_truths([_any_kind(truths[index]) for index in sorted(own)])
            disturbing = [windows(alert) for alert in live]
            verdicts.append(
                StoryVerdict(
                    story=kind,
                    expected=expected,
                    planted=planted,
                    alerted=len(frozenset[object]().union(*disturbing)),
                    right=0,
                    false=sum(map(bool, disturbing)),
                    precision=None,
                    recall=None,
                )
            )
            continue
        hits = [(alert, {unit for unit in units if _index(unit) in own}) for alert, units in matched]
        right = [alert for alert, units in hits if units]
        rules = {alert.rule for alert in right}
        raised = [(alert, units) for alert, units in matched if alert.rule in rules]
        false = sum(not units for _, units in raised)
        found = set[object]().union(*(units for _, units in hits))
        verdicts.append(
            StoryVerdict(
                story=kind,
                expected=expected,
                planted=planted,
                alerted=len(found),
                right=len(right),
                false=false,
                precision=ratio(len(raised) - false, len(raised)),
                recall=ratio(len(found), planted),
            )
        )
    return verdicts


def false_alerts(alerts: Iterable[Alert], truths: Sequence[Truth]) -> list[Alert]:
    """Live alerts that match no truth: about healthy customers, hard negatives, or out of a story's time."""
    match = match_truths(truths)
    return [alert for alert in alerts if not alert.shadow and not match(alert)]


def ratio(part: int, whole: int) -> float | None:
    """`part / whole`, None where there is no whole."""
    return part / whole if whole else None


def percent(share: float | None) -> str:
    """A share in per cent; empty where there is none."""
    return "" if share is None else f"{share:.1%}"


def _deserves(truth: Truth, kind: AlertKind) -> bool:
    return truth.expected == "anything" or kind == truth.expected or kind in truth.also


def _any_kind(truth: Truth) -> Truth:
    return Truth(
        kind=truth.kind,
        expected=truth.expected,
        customers=truth.customers,
        subjects=truth.subjects,
        begins=truth.begins,
        ends=truth.ends,
        also=("fraud", "early-warning"),
    )


def _index(unit: object) -> int:
    assert isinstance(unit, tuple)
    return int(unit[0])

"""Decisions on applications as they are counted: by outcome and first reason, and against the truth. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from riskwatch.lab.plot import Truth
from riskwatch.lab.verdicts import RuleVerdict, by_rule, match_customers, ratio
from riskwatch.streams.decisions import Decision, DecisionOutcome
from riskwatch.streams.outputs import Alert

CustomerId = tuple[str, str]
"""Tenant and customer id."""

OUTCOMES: tuple[DecisionOutcome, ...] = ("approve", "refer", "decline")

LINK_REASONS = frozenset(
    {
        "bank-card-shared",
        "case-match",
        "contact-shared",
        "device-shared",
        "linked-group",
        "linked-to-fraud",
        "listed-block",
        "listed-watch",
    }
)
"""Codes of reasons that come from what customers share, from the fraud-case library and from lists."""

LINK_RULES = frozenset({"late-match", "ring-grown"})
"""Rules that no policy holds and that raise alerts about what customers share."""
_ANSWERS = frozenset({"LinkAnswered", "RingAnswered"})


class DecisionVerdict(Struct, frozen=True, kw_only=True):
    """Decisions of one outcome with one first reason (empty: none). `right`: about a customer who is fraudulent;
    `recall`: of all of those, the share so decided; None where the truth is not known.

    `linked`: the reason comes from what customers share. The last of a list may stand for all that are (`reason`
    "any of them"; `outcome` None): each customer counts once.
    """

    outcome: DecisionOutcome | None
    reason: str
    linked: bool
    decisions: int
    right: int | None = None
    precision: float | None = None
    recall: float | None = None


ANY = "any of them"


def first_reason(decision: Decision) -> str:
    """The code of the first reason; empty where there is none. What is approved names only what cost it points."""
    return decision.reasons[0].code if decision.reasons and decision.outcome != "approve" else ""


def stopped_for_links(decision: Decision) -> bool:
    """Whether it was referred or declined, first of all for what the applicant shares with others."""
    return decision.outcome != "approve" and first_reason(decision) in LINK_REASONS


def by_reason(decisions: Iterable[Decision], fraudulent: Collection[CustomerId] | None) -> list[DecisionVerdict]:
    """One verdict for each outcome and first reason, approvals first, then most decisions first; then one for all link
    reasons together, where there is one and the truth is known. Decisions in shadow do not count."""
    grouped: dict[tuple[DecisionOutcome, str], list[Decision]] = defaultdict(list)
    for decision in decisions:
        if not decision.shadow:
            grouped[decision.outcome, first_reason(decision)].append(decision)
    verdicts = [
        _verdict(outcome, reason, reason in LINK_REASONS, group, fraudulent)
        for (outcome, reason), group in sorted(
            grouped.items(), key=lambda each: (OUTCOMES.index(each[0][0]), -len(each[1]), each[0][1])
        )
    ]
    linked = [decision for group in grouped.values() for decision in group if stopped_for_links(decision)]
    if linked and fraudulent is not None:
        verdicts.append(_verdict(None, ANY, True, linked, fraudulent))
    return verdicts


def by_outcome(decisions: Iterable[Decision]) -> Counter[str]:
    """How many decisions there are of each outcome, shadows left out."""
    return Counter(decision.outcome for decision in decisions if not decision.shadow)


class StoryDecisions(Struct, frozen=True, kw_only=True):
    """What became of the applications of one kind of story, counted in customers. `stops`: whether they should be
    referred or declined for what they share; `linked`: were; `otherwise`: were for another reason; `approved`: rest."""

    story: str
    stops: bool
    planted: int
    decided: int
    linked: int
    otherwise: int
    approved: int


def by_story_decided(decisions: Iterable[Decision], truths: Sequence[Truth]) -> list[StoryDecisions]:
    """One line for each kind of truth that says whether applications should be stopped, in the order of `truths`. A
    customer counts by the strictest decision in the truth's time: for what is shared, else otherwise, else approved."""
    of_customer: dict[CustomerId, list[Decision]] = defaultdict(list)
    for decision in decisions:
        if not decision.shadow:
            of_customer[decision.tenant, decision.customer_id].append(decision)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    stops: dict[str, bool] = {}
    for truth in truths:
        if truth.stops is None:
            continue
        stops[truth.kind] = truth.stops
        for customer in truth.customers:
            asked = [each for each in of_customer[customer] if truth.begins <= each.occurred_at <= truth.ends]
            count = counts[truth.kind]
            count["planted"] += 1
            count["decided"] += bool(asked)
            if any(map(stopped_for_links, asked)):
                count["linked"] += 1
            elif any(each.outcome != "approve" for each in asked):
                count["otherwise"] += 1
            elif asked:
                count["approved"] += 1
    return [
        StoryDecisions(
            story=kind,
            stops=wanted,
            planted=counts[kind]["planted"],
            decided=counts[kind]["decided"],
            linked=counts[kind]["linked"],
            otherwise=counts[kind]["otherwise"],
            approved=counts[kind]["approved"],
        )
        for kind, wanted in stops.items()
    ]


def link_rules(alerts: Sequence[Alert], fraudulent: Collection[CustomerId]) -> list[RuleVerdict]:
    """The verdicts of rules about what customers share, and of all of them together where there are several.

    A right alert is about a fraudulent customer, whenever it is raised; recall is of all fraudulent customers."""
    about_links = [alert for alert in alerts if is_about_links(alert)]
    match, totals = match_customers(fraudulent), {"fraud": len(fraudulent), "early-warning": len(fraudulent)}
    verdicts = by_rule(about_links, match, totals)
    live = [alert for alert in about_links if not alert.shadow]
    if len({alert.rule for alert in live}) < 2:
        return verdicts
    matches = [match(alert) for alert in live]
    right = sum(map(bool, matches))
    together = RuleVerdict(
        rule=ANY,
        kind="fraud",
        shadow=False,
        alerts=len(live),
        right=right,
        precision=ratio(right, len(live)),
        recall=ratio(len(frozenset[object]().union(*matches)), len(fraudulent)),
    )
    return [*verdicts, together]


def is_about_links(alert: Alert) -> bool:
    """Whether an alert was raised for what customers share."""
    return alert.rule in LINK_RULES or alert.cause.event_type in _ANSWERS


def _verdict(
    outcome: DecisionOutcome | None,
    reason: str,
    linked: bool,
    decisions: Sequence[Decision],
    fraudulent: Collection[CustomerId] | None,
) -> DecisionVerdict:
    verdict = DecisionVerdict(outcome=outcome, reason=reason, linked=linked, decisions=len(decisions))
    if fraudulent is None or outcome == "approve":
        return verdict
    about = [(decision.tenant, decision.customer_id) for decision in decisions]
    right = sum(customer in fraudulent for customer in about)
    return DecisionVerdict(
        outcome=outcome,
        reason=reason,
        linked=linked,
        decisions=len(decisions),
        right=right,
        precision=ratio(right, len(decisions)),
        recall=ratio(len({customer for customer in about if customer in fraudulent}), len(fraudulent)),
    )

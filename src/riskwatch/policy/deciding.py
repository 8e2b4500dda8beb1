"""From an assessment to the records of it: the decision that goes out, and the trail that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from riskwatch.features.linkmessages import LinkFacts
from riskwatch.policy.lending import Assessment
from riskwatch.policy.plans import Plan
from riskwatch.streams.decisions import (
    Decision,
    DecisionReason,
    DecisionTrail,
    JudgedRule,
    PlannedInstalment,
    ScorePart,
    SharedIdentifier,
    decision_identity,
)
from riskwatch.streams.events import LoanApplied
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import from_ms


class Asked(Struct, frozen=True, kw_only=True):
    """An application as the journal holds it. `key`: customer key; `event_hash`: the entry's; `occurred_at`: event time
    after clamping; `links`: the answers about its identifiers."""

    event: LoanApplied
    key: bytes
    event_hash: int
    cause: Cause
    occurred_at: datetime
    links: Sequence[LinkFacts] = ()


def trail_of(assessment: Assessment, asked: Asked, decided_at: datetime, *, shadow: bool = False) -> DecisionTrail:
    """The trail, with the decision in it. The same assessment gives the same records, `decided_at` apart."""
    event, plan = asked.event, assessment.plan
    decision = Decision(
        decision_id=decision_identity(asked.key, asked.event_hash, shadow=shadow, version=assessment.policy_version),
        tenant=event.tenant,
        customer_id=event.customer_id,
        application_id=event.application_id,
        product=event.product,
        outcome=assessment.outcome,
        requested=event.amount,
        currency=event.currency,
        requested_term_months=event.term_months,
        grade=assessment.grade,
        pd=assessment.pd,
        points=assessment.points,
        limit=assessment.limit,
        amount=assessment.amount,
        annual_rate=assessment.annual_rate,
        apr=None if plan is None else plan.apr,
        term_months=assessment.term_months,
        plan=_planned(plan),
        reasons=[
            DecisionReason(code=reason.code, en=reason.en, zh=reason.zh, values=dict(reason.values))
            for reason in assessment.reasons
        ],
        cause=asked.cause,
        policy=assessment.policy,
        policy_version=assessment.policy_version,
        occurred_at=asked.occurred_at,
        decided_at=decided_at,
        shadow=shadow,
    )
    return DecisionTrail(
        decision=decision,
        inputs=dict(assessment.inputs),
        rules=[
            JudgedRule(rule=said.rule, outcome=said.outcome, fired=said.fired, values=dict(said.values))
            for said in assessment.rules
        ],
        parts=[
            ScorePart(
                characteristic=part.characteristic,
                reads=part.reads,
                value=part.value,
                bin=part.label,
                points=part.points,
                lost=part.lost,
            )
            for part in assessment.parts
        ],
        bounds=list(assessment.bounds),
        links=[_shared(each) for each in asked.links],
    )


def _shared(facts: LinkFacts) -> SharedIdentifier:
    return SharedIdentifier(
        kind=facts.kind,
        customers=facts.customers,
        exact=facts.exact,
        new_1d=facts.new_1d,
        new_7d=facts.new_7d,
        new_30d=facts.new_30d,
        applications_1d=facts.applications_1d,
        applications_7d=facts.applications_7d,
        applications_30d=facts.applications_30d,
        frauds_30d=facts.frauds_30d,
        frauds=facts.frauds,
        first_seen=from_ms(facts.first_ms),
    )


def _planned(plan: Plan | None) -> list[PlannedInstalment]:
    return [
        PlannedInstalment(
            number=line.number,
            due_on=line.due_on,
            principal=line.principal,
            interest=line.interest,
            amount=line.amount,
            balance=line.balance,
        )
        for line in (() if plan is None else plan.lines)
    ]

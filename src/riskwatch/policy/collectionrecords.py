"""What a collections decision is told as: actions with their reasons, and closings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import cast

from msgspec import Struct

from riskwatch.features.collectionledger import REVIEW, LoanCollection, OpenAction
from riskwatch.policy.collectionpolicy import RECORD_FIELDS, CollectionPolicy, Stage, Treatment
from riskwatch.policy.contactrules import ContactRules
from riskwatch.policy.nextaction import WAIT, Candidate, Rating
from riskwatch.scoring.recovery import Chance
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.collections import (
    ActionChannel,
    ActionClosed,
    CollectionAction,
    Considered,
    Ending,
    action_identity,
)
from riskwatch.streams.events import ContactOutcome
from riskwatch.streams.outputs import Reason
from riskwatch.streams.packing import customer_key, from_ms

MOST_PARTS = 4
"""Characteristics of a scorecard that are told as reasons."""


class Customer(Struct, frozen=True, kw_only=True):
    """Whom a decision is about. `zone`: where the customer is; the institution's where that is not known."""

    tenant: str
    customer_id: str
    zone: tzinfo


def closing(customer: Customer, loan_id: str, action: OpenAction, now_ms: int) -> ActionClosed:
    """The record that ends an action whose `ending` is set."""
    return ActionClosed(
        action_id=action.action_id,
        tenant=customer.tenant,
        customer_id=customer.customer_id,
        loan_id=loan_id,
        ending=cast(Ending, action.ending),
        closed_at=from_ms(now_ms),
        reported=cast(ContactOutcome, action.reported) if action.reported else None,
    )


def review_action(
    policy: CollectionPolicy, rules: ContactRules, customer: Customer, loan: LoanCollection, now_ms: int,
    expires_ms: int,
) -> CollectionAction:  # fmt: skip
    """A person is asked to look at a loan with a dispute or a hardship. Counts the action."""
    said = (("dispute", loan.disputed, "the customer disputes the debt"),
            ("hardship", loan.hardship, "the customer is in hardship"))  # fmt: skip
    reasons = [Reason(code=code, text=f"{text}: no automatic contact", values={}) for code, flag, text in said if flag]
    return _action(
        policy, rules, customer, loan, REVIEW, "person", now_ms, expires_ms,
        stage=loan.stage, priority=policy.review.priority, script=policy.review.script, reasons=reasons,
    )  # fmt: skip


def treatment_action(
    policy: CollectionPolicy,
    rules: ContactRules,
    customer: Customer,
    loan: LoanCollection,
    stage: Stage,
    rating: Rating,
    chosen: Candidate,
    candidates: Sequence[Candidate],
    now_ms: int,
    expires_ms: int,
    facts: Mapping[str, Value],
    *,
    holdout: bool = False,
) -> CollectionAction:
    """The chosen treatment as an action, or as the record that a held-out loan does not get it. Counts it. `facts`:
    what is known of the loan, of which a list for sale or suit takes its fields."""
    treatment = policy.treatments.get(chosen.treatment)
    file = None if treatment is None or not treatment.file else treatment.file
    return _action(
        policy, rules, customer, loan, chosen.treatment, _channel(treatment), now_ms, expires_ms,
        stage=stage.name,
        priority=stage.priority,
        script="" if treatment is None else treatment.script,
        reasons=_reasons(policy, loan, stage, rating, chosen, candidates, holdout),
        considered=[_considered(each) for each in candidates],
        file=file,
        fields=[] if file is None else list(policy.files[file].fields),
        values={} if file is None else {
            name: facts.get(name) for name in policy.files[file].fields if name not in RECORD_FIELDS
        },
        holdout=holdout,
    )  # fmt: skip


def _channel(treatment: Treatment | None) -> ActionChannel:
    return "none" if treatment is None else treatment.channel


def _action(
    policy: CollectionPolicy,
    rules: ContactRules,
    customer: Customer,
    loan: LoanCollection,
    treatment: str,
    channel: ActionChannel,
    now_ms: int,
    expires_ms: int,
    *,
    stage: str,
    priority: int,
    script: str,
    reasons: list[Reason],
    considered: list[Considered] | None = None,
    file: str | None = None,
    fields: list[str] | None = None,
    values: dict[str, Value] | None = None,
    holdout: bool = False,
) -> CollectionAction:
    subject = customer_key(customer.tenant, customer.customer_id)
    loan.ordered += 1
    return CollectionAction(
        action_id=action_identity(subject, loan.loan_id, treatment, now_ms, loan.ordered),
        tenant=customer.tenant,
        customer_id=customer.customer_id,
        loan_id=loan.loan_id,
        stage=stage,
        treatment=treatment,
        channel=channel,
        priority=priority,
        due_at=from_ms(now_ms),
        expires_at=from_ms(expires_ms),
        script=script,
        reasons=reasons,
        policy=policy.name,
        policy_version=policy.version,
        rules=rules.name,
        rules_version=rules.version,
        decided_at=from_ms(now_ms),
        considered=considered or [],
        file=file,
        fields=fields or [],
        values=values or {},
        product=policy.product,
        currency=policy.currency,
        holdout=holdout,
    )


def _considered(each: Candidate) -> Considered:
    next_ms = None if each.block is None else each.block.next_ms
    return Considered(
        treatment=each.treatment,
        probability=each.probability,
        value=each.value,
        cost=each.cost,
        net=each.net,
        excluded=None if each.block is None else each.block.reason,
        next_allowed_at=_instant(next_ms),
    )


def _instant(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else from_ms(at_ms)


def _reasons(
    policy: CollectionPolicy,
    loan: LoanCollection,
    stage: Stage,
    rating: Rating,
    chosen: Candidate,
    candidates: Sequence[Candidate],
    holdout: bool,
) -> list[Reason]:
    line = "" if rating.line is None else rating.line.name
    reasons = [
        Reason(
            code="strategy",
            text=f"{rating.bucket}, score band {rating.score_band}, exposure band {rating.exposure_band}: "
            f"line {line}, stage {stage.name}",
            values={
                "bucket": rating.bucket,
                "self_cure": rating.self_cure.probability,
                "exposure": rating.exposure,
                "overdue": rating.overdue,
            },
        )
    ]
    if loan.raised > 0:
        text = f"{loan.raised} above the strategy table's stage: promises broken, or actions that brought nothing"
        values: dict[str, float | str | None] = {"raised": float(loan.raised), "broken": float(loan.episode_broken)}
        reasons.append(Reason(code="raised", text=text, values=values))
    waiting = candidates[0]
    if chosen.treatment != WAIT:
        more = chosen.net - waiting.net
        text = f"expected to bring {more / 100:,.2f} more than waiting, after its cost"
        reasons.append(Reason(code="best", text=text, values={"net": chosen.net, "waiting": waiting.net}))
    if chosen.chance is not None:
        reasons += _card_reasons(chosen.chance)
    if holdout:
        text = f"among the {policy.holdout.share:.1%} of loans without treatment: nothing is done"
        reasons.append(Reason(code="holdout", text=text, values={"share": policy.holdout.share}))
    return reasons


def _card_reasons(chance: Chance) -> list[Reason]:
    """The characteristics that cost most points, ties in the card's order."""
    lossy = sorted((part for part in chance.parts if part.lost > 0), key=lambda part: -part.lost)
    return [
        Reason(
            code=part.reason,
            text=f"{chance.card}, {part.characteristic}: {part.label}, {part.points:g} points",
            values={part.reads: _plain(part.value)},
        )
        for part in lossy[:MOST_PARTS]
    ]


def _plain(value: Value) -> float | str | None:
    return ("yes" if value else "no") if isinstance(value, bool) else value

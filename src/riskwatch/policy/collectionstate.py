"""What a collections state means under a policy: who may be asked what, what pauses a loan, which stage it is in."""

from __future__ import annotations

from riskwatch.features.collectionledger import CONVERSATIONS, DAY_MS, CollectionsState, ContactKept, LoanCollection
from riskwatch.policy.collectionpolicy import CollectionPolicy, Stage, StrategyLine
from riskwatch.policy.contactbudget import Consent, Contact


def consent_of(state: CollectionsState) -> Consent:
    """What the customer has said about being contacted."""
    return Consent(
        opted_in=frozenset(channel for channel, (_, given) in state.consents.items() if given),
        opted_out=frozenset(channel for channel, (_, given) in state.consents.items() if not given),
        ceased=state.ceased,
    )


def history_of(state: CollectionsState, without: str = "") -> list[Contact]:
    """The contacts that count in the budget, but for those of the action `without`. Reminders and warnings that others
    send count once they are told as `Contacted`."""
    return [_contact(each) for each in state.contacts if not without or each.action_id != without]


def pause_end(policy: CollectionPolicy, loan: LoanCollection) -> int:
    """The instant (ms) until which promises pause a loan; 0 where none does."""
    if loan.episode_broken >= policy.promises.most:
        return 0
    longest, grace = policy.promises.longest_days * DAY_MS, policy.promises.grace_days * DAY_MS
    return max((min(each.pay_by_ms, each.made_ms + longest) + grace for each in loan.promises), default=0)


def _contact(kept: ContactKept) -> Contact:
    return Contact(
        channel=kept.channel,
        from_ms=kept.from_ms,
        to_ms=kept.to_ms,
        loan_id=kept.loan_id,
        conversation=kept.outcome in CONVERSATIONS,
    )


def climb(policy: CollectionPolicy, loan: LoanCollection, line: StrategyLine) -> Stage:
    """The stage: the table's, raised by broken promises and lowered by what was paid, up to the ceiling."""
    base = policy.place_of[line.stage]
    if loan.stage and base > loan.base:  # the table has caught up with what was raised
        loan.raised = max(0, loan.raised - (base - loan.base))
    loan.base = base
    if loan.paid_part >= policy.step_down_share:
        loan.raised, loan.paid_part = max(0, loan.raised - 1), 0.0
    return _at(policy, loan)


def climb_further(policy: CollectionPolicy, loan: LoanCollection, stage: Stage) -> Stage:
    """The stage above where as many actions as `escalate_after` brought nothing, up to the ceiling; else the same.
    Asked when the next action is due, so that the last one had its time."""
    if not stage.escalate_after or loan.steps < stage.escalate_after:
        return stage
    loan.raised, loan.steps = loan.raised + 1, 0
    return _at(policy, loan)


def _at(policy: CollectionPolicy, loan: LoanCollection) -> Stage:
    place = _capped(policy, loan.base, loan.raised)
    loan.raised = place - loan.base
    stage = policy.stages[place]
    if loan.stage != stage.name:
        loan.stage, loan.steps = stage.name, 0
    return stage


def _capped(policy: CollectionPolicy, base: int, raised: int) -> int:
    return max(base, min(base + raised, policy.place_of[policy.ceiling]))


def start_anew(loan: LoanCollection) -> None:
    """The loan is current or gone: what was raised and broken in this episode no longer counts."""
    loan.stage, loan.bucket, loan.held_stage, loan.routed = "", "", "", False
    loan.base = loan.raised = loan.steps = loan.episode_broken = 0
    loan.paid_part = 0.0

"""What a reader of a customer's life is told of each event and each output, in a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isnan
from typing import Any

from riskwatch.agents.explaining import money
from riskwatch.features.account import Facts
from riskwatch.streams import events
from riskwatch.streams.accountactions import AnyAction, Terms
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.decisions import Decision
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.loanmoves import LoanMoved, LoanPlace
from riskwatch.streams.outputs import Alert


def event_text(event: AnyEvent) -> str | None:
    """What happened; None of an event that the life does not tell, and of payments, which `payment_text` tells."""
    tell = _TEXTS.get(type(event))
    return None if tell is None else tell(event)


def payment_text(event: events.RepaymentReceived, facts: Facts, *, written_off: bool) -> str:
    """A payment, and what it was to the instalment that it went to. After a write-off it is a recovery."""
    amount = f"{money(event.amount)} {event.currency}"
    if written_off:
        return f"recovered {amount}"
    if isnan(facts.days_late):
        return f"paid {amount}"
    late = round(facts.days_late)
    when = "on its day" if late == 0 else f"{_days(abs(late))} {'late' if late > 0 else 'early'}"
    share = "in full" if facts.paid_share >= 1 else f"in part, {facts.paid_share:.0%} of it by now"
    return f"paid {amount}: an instalment {share}, {when}"


def due_text(number: int, amount: int, paid: int, currency: str) -> str:
    """An instalment as it stood at the end of the day on which it fell due."""
    told = f"instalment {number} due: {money(amount)} {currency}"
    if paid >= amount:
        return f"{told}, paid"
    return f"{told}, {money(paid)} of it paid" if paid else f"{told}, not paid"


def decision_text(said: Decision) -> str:
    """Outcome and terms of a decision."""
    told = f"decided: {said.outcome}"
    if said.grade is not None:
        told += f", grade {said.grade}"
    if said.limit:
        told += f", limit {money(said.limit)} {said.currency}"
    if said.amount and said.annual_rate is not None:
        told += f", {money(said.amount)} for {said.term_months} months at {said.annual_rate:.2%}"
    if said.reasons and said.outcome != "approve":
        told += f" ({said.reasons[0].code})"
    return told


def alert_text(alert: Alert, *, withdrawn: bool = False) -> str:
    """A warning or an alert, or that it was withdrawn."""
    kind = "fraud alert" if alert.kind == "fraud" else "warning"
    if withdrawn:
        return f"{kind} {alert.rule} withdrawn" + (f": {alert.withdrawn_because}" * bool(alert.withdrawn_because))
    reasons = "; ".join(reason.text for reason in alert.reasons)
    return f"{kind} {alert.rule} ({alert.severity}): {reasons}"


def move_text(move: LoanMoved) -> str:
    """From where to where a loan moved."""
    before = "" if move.before.status == "unknown" else f"{_stand(move.before)} → "
    told = f"{before}{_stand(move.after)}"
    if move.past_due_days > 0:
        told += f", {_days(move.past_due_days)} past due with {money(move.past_due)} {move.currency}"
    return f"{told} (corrected)" if move.corrects else told


def line_text(action: AnyAction) -> str:
    """What was changed of a line of credit."""
    changes = [_change(part, action.before, action.after) for part in action.moves]
    told = f"line {action.product} {action.currency} {action.change}: {', '.join(changes) or 'nothing'}"
    if action.effective_from > action.announced_at:
        told += f", in force from {action.effective_from:%Y-%m-%d}"
    if action.reasons:
        told += f" ({action.reasons[0].code})"
    return told


def action_text(action: CollectionAction) -> str:
    """What collections were to do."""
    if action.holdout:
        return f"held out of {action.treatment} (stage {action.stage}), to measure by"
    return f"to do: {action.treatment}, {action.channel} (stage {action.stage or 'none'}), until {_short(action)}"


def closing_text(closing: ActionClosed, action: CollectionAction | None) -> str:
    """How an action ended."""
    what = "action" if action is None else action.treatment
    return f"{what} ended: {closing.ending}" + ("" if closing.reported is None else f", {closing.reported}")


def promise_text(promise: events.PromiseMade, *, kept: bool) -> str:
    """How a promise ended."""
    return f"promise of {money(promise.amount)} {promise.currency} {'kept' if kept else 'broken'}"


def _applied(event: events.LoanApplied) -> str:
    where = f" at {event.merchant_id}" if event.merchant_id is not None else ""
    return (
        f"applied for {money(event.amount)} {event.currency}, {event.product}, {event.term_months} months{where} "
        f"({event.application_id})"
    )


def _opened(event: events.LoanOpened) -> str:
    rate = "" if event.annual_rate is None else f" at {event.annual_rate:.2%}"
    return f"opened: {money(event.principal)} {event.currency} in {len(event.schedule)} instalments{rate}"


def _reversed(event: events.RepaymentReversed) -> str:
    return f"payment of {money(event.amount)} {event.currency} reversed" + (f": {event.reason}" if event.reason else "")


def _promised(event: events.PromiseMade) -> str:
    return f"promised {money(event.amount)} {event.currency} by {event.pay_by}"


def _rescheduled(event: events.LoanRescheduled) -> str:
    kind = "restructured" if event.restructured else "rescheduled"
    return f"{kind}: {len(event.schedule)} instalments from {min(line.due_on for line in event.schedule)}"


def _contacted(event: events.ContactMade) -> str:
    return f"contacted by {event.channel}: {event.outcome}"


def _consented(event: events.ConsentChanged) -> str:
    if event.channel == "all":
        return "may be contacted again" if event.given else "asked not to be contacted"
    return f"{'consented to' if event.given else 'opted out of'} {event.channel}"


_TEXTS: Mapping[type, Callable[[Any], str]] = {
    events.LoanApplied: _applied,
    events.LoanOpened: _opened,
    events.RepaymentReversed: _reversed,
    events.PromiseMade: _promised,
    events.ChargeMade: lambda event: f"{event.charge} of {money(event.amount)} {event.currency} charged",
    events.ChargeWaived: lambda event: f"{event.charge} of {money(event.amount)} {event.currency} waived",
    events.LoanRescheduled: _rescheduled,
    events.PaymentHolidayGranted: lambda event: f"payment holiday from {event.starts_on} to {event.ends_on}",
    events.SettlementAgreed: lambda event: (
        f"settlement agreed: {money(event.amount)} {event.currency} by {event.pay_by}"
    ),
    events.LoanWrittenOff: lambda _: "written off",
    events.LoanSold: lambda event: f"sold to {event.buyer}" if event.buyer else "sold",
    events.ContactMade: _contacted,
    events.ConsentChanged: _consented,
    events.ConcernRaised: lambda event: f"{event.concern} raised",
    events.ConcernResolved: lambda event: f"{event.concern} resolved",
    events.ContactDetailsChanged: lambda event: f"changed {', '.join(event.details)}",
    events.FraudConfirmed: lambda event: f"fraud confirmed: {event.typology} (case {event.case_id})",
    events.FraudCleared: lambda event: f"fraud case {event.case_id} cleared",
}


def _change(part: str, before: Terms, after: Terms) -> str:
    if part == "limit":
        return f"limit {money(before.limit)} → {money(after.limit)}"
    if part == "rate":
        return f"rate {_rate(before.rate_bp)} → {_rate(after.rate_bp)}"
    if part == "grade":
        return f"grade {before.grade or 'none'} → {after.grade or 'none'}"
    return "frozen" if after.frozen else "unfrozen"


def _rate(basis_points: int | None) -> str:
    return "unknown" if basis_points is None else f"{basis_points / 10_000:.2%}"


def _stand(stand: LoanPlace) -> str:
    return stand.bucket if stand.status in ("performing", "past-due") else stand.status


def _days(days: int) -> str:
    return f"{days} day{'s' * (days != 1)}"


def _short(action: CollectionAction) -> str:
    return f"{action.expires_at:%Y-%m-%d %H:%M} UTC"

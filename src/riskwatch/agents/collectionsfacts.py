"""What an entry of the journal says to collections: facts about the customer's loans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from riskwatch.features.collectionfacts import (
    ConsentSaid,
    Contacted,
    Fact,
    Flagged,
    LoanLeft,
    Paid,
    PaymentUndone,
    Promised,
    PromiseEnded,
)
from riskwatch.features.standing import Standing
from riskwatch.features.timers import Overdue
from riskwatch.streams import events
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import hash64

if TYPE_CHECKING:
    from riskwatch.agents.desks import Occasion

KINDS = frozenset(
    {
        Kind.LOAN_OPENED, Kind.INSTALMENT_DUE, Kind.REPAYMENT_RECEIVED, Kind.REPAYMENT_REVERSED, Kind.PROMISE_MADE,
        Kind.CONTACT_MADE, Kind.CHARGE_MADE, Kind.CHARGE_WAIVED, Kind.LOAN_RESCHEDULED, Kind.PAYMENT_HOLIDAY_GRANTED,
        Kind.SETTLEMENT_AGREED, Kind.LOAN_WRITTEN_OFF, Kind.LOAN_SOLD, Kind.CONSENT_CHANGED, Kind.CONCERN_RAISED,
        Kind.CONCERN_RESOLVED, Kind.INSTALMENT_OVERDUE, Kind.PROMISE_BROKEN, Kind.PROMISE_KEPT, Kind.LOAN_ROLLED,
    }
)  # fmt: skip
"""Entries that bear on what is done about a loan, with a fact of their own or by how the loan stands behind them."""

EndOfDay = Callable[[int], int]
"""A day (`date.toordinal`) → the instant (ms) at which it ends in the institution's zone."""


def facts_of(occasion: Occasion, kept: Iterable[str], end_of_day: EndOfDay, stops: Callable[[str], bool]) -> list[Fact]:
    """The facts of an entry, in order. `kept`: loans of which collections know already; a payment on another is known
    from the account when they come to know it. `stops`: whether a loan (by its id) that is written off is collected no
    more."""
    if occasion.overdue is not None:
        return _ended(occasion.overdue)
    tell = _TELL.get(type(occasion.event))
    return [] if tell is None else tell(occasion, occasion.event, frozenset(kept), end_of_day, stops)


def concerns_every_loan(occasion: Occasion) -> bool:
    """Whether the entry says something of all loans of the customer, and all must be known for it."""
    event = occasion.event
    if isinstance(event, events.ContactMade):
        return event.loan_id is None and event.outcome in ("disputed", "hardship")
    return isinstance(event, events.ConcernRaised) and event.loan_id is None


def _ended(overdue: Overdue) -> list[Fact]:
    if not overdue.promise:
        return []
    kept = overdue.kind == Kind.PROMISE_KEPT
    return [
        PromiseEnded(
            event=overdue.event_hash, at_ms=overdue.reached_ms, loan_id=overdue.loan_id, promise=overdue.promise,
            kept=kept,
        )
    ]  # fmt: skip


Kept = frozenset[str]
Stops = Callable[[str], bool]


def _paid(said: Occasion, event: events.RepaymentReceived, kept: Kept, _: EndOfDay, __: Stops) -> list[Fact]:
    stands = said.standings.get(event.loan_id)
    if stands is None or event.loan_id not in kept or _other(stands, event.currency):
        return []
    before = said.past_due_before
    share = max(0, before - stands.past_due) / before if before else 0.0
    fact = Paid(
        event=said.event_hash, at_ms=said.at_ms, loan_id=event.loan_id, share=share, settled=_is_settled(stands)
    )
    return [fact]


def _undone(said: Occasion, event: events.RepaymentReversed, kept: Kept, _: EndOfDay, __: Stops) -> list[Fact]:
    stands = said.standings.get(event.loan_id)
    if stands is None or event.loan_id not in kept or _other(stands, event.currency):
        return []
    return [PaymentUndone(event=said.event_hash, at_ms=said.at_ms, loan_id=event.loan_id, settled=_is_settled(stands))]


def _promised(
    said: Occasion, event: events.PromiseMade | events.SettlementAgreed, _: Kept, end_of_day: EndOfDay, __: Stops
) -> list[Fact]:
    """An agreed settlement pauses as a promise does."""
    stands = said.standings.get(event.loan_id)
    if event.amount <= 0 or (stands is not None and _other(stands, event.currency)):
        return []  # the account takes it for no promise either
    name = hash64(event.tenant, event.event_id)
    pay_by_ms = end_of_day(event.pay_by.toordinal())
    return [Promised(event=name, at_ms=said.at_ms, loan_id=event.loan_id, pay_by_ms=pay_by_ms)]


def _contacted(said: Occasion, event: events.ContactMade, _: Kept, __: EndOfDay, ___: Stops) -> list[Fact]:
    fact = Contacted(
        event=said.event_hash, at_ms=said.at_ms, channel=event.channel, outcome=event.outcome,
        loan_id=event.loan_id or "", action_id=event.action_id or "",
    )  # fmt: skip
    return [fact]


def _consent(said: Occasion, event: events.ConsentChanged, _: Kept, __: EndOfDay, ___: Stops) -> list[Fact]:
    return [ConsentSaid(event=said.event_hash, at_ms=said.at_ms, channel=event.channel, given=event.given)]


def _concern(
    said: Occasion, event: events.ConcernRaised | events.ConcernResolved, kept: Kept, _: EndOfDay, __: Stops
) -> list[Fact]:
    raised = isinstance(event, events.ConcernRaised)
    if event.loan_id is not None:
        return [
            Flagged(
                event=said.event_hash, at_ms=said.at_ms, loan_id=event.loan_id, flag=event.concern, open=raised
            )
        ]  # fmt: skip
    return [
        Flagged(
            event=hash64(event.tenant, f"\x1fconcern\x1f{said.event_hash}\x1f{loan_id}"), at_ms=said.at_ms,
            loan_id=loan_id, flag=event.concern, open=raised,
        )
        for loan_id in sorted(kept)
    ]  # fmt: skip


def _sold(said: Occasion, event: events.LoanSold, _: Kept, __: EndOfDay, ___: Stops) -> list[Fact]:
    return [LoanLeft(event=said.event_hash, at_ms=said.at_ms, loan_id=event.loan_id)]


def _written_off(said: Occasion, event: events.LoanWrittenOff, _: Kept, __: EndOfDay, stops: Stops) -> list[Fact]:
    if not stops(event.loan_id):
        return []
    return [LoanLeft(event=said.event_hash, at_ms=said.at_ms, loan_id=event.loan_id)]


def _other(stands: Standing, currency: str) -> bool:
    return stands.currency not in ("", currency)


def _is_settled(stands: Standing) -> bool:
    return stands.status == "settled"


_TELL: Mapping[type, Callable[[Occasion, Any, Kept, EndOfDay, Stops], list[Fact]]] = {
    events.RepaymentReceived: _paid,
    events.RepaymentReversed: _undone,
    events.PromiseMade: _promised,
    events.SettlementAgreed: _promised,
    events.ContactMade: _contacted,
    events.ConsentChanged: _consent,
    events.ConcernRaised: _concern,
    events.ConcernResolved: _concern,
    events.LoanSold: _sold,
    events.LoanWrittenOff: _written_off,
}

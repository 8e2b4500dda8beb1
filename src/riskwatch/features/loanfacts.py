"""What each event says of its loan: facts for the ledger; and what the event was in terms of the loan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from riskwatch.features.applications import Application, merchant_of
from riskwatch.features.ledger import Fact, FactKind, Line, Loan, Planned, Promise, first_number
from riskwatch.features.moves import Move
from riskwatch.features.replaying import grant_holiday, open_loan, reach, reverse, take
from riskwatch.features.servicing import COMPONENTS, Servicing, ServicingBook
from riskwatch.streams import events
from riskwatch.streams.eventparts import Instalment
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.packing import hash64

NAN = float("nan")
MAX_PROMISES = 16


class Facts(Struct, frozen=True, kw_only=True):
    """What an event was in terms of the loan; NaN where that is unknown.

    `due_amount`: amount of the instalment concerned, minor units. `days_late`: day of the event minus due day, moved to
    a business day where the rules say so, in the institution's zone; negative for early. `paid_share`: share of the
    instalment that is covered after the event. A repayment that covers several instalments is judged by the first that
    it went to, one of another value day by that day, a reversal by the oldest that lost. `undone`: event hashes of
    reports (`Overdue`) that are no longer true; `recovered`: when (ms) the loan had come to be 30 days past due by such
    reports; `moves`: those of the loan that the event, and the time until it, have
    brought.
    """

    due_amount: float = NAN
    days_late: float = NAN
    paid_share: float = NAN
    first_instalment: bool = False
    unknown_loan: bool = False
    undone: tuple[int, ...] = ()
    recovered: tuple[int, ...] = ()
    moves: tuple[Move, ...] = ()


NO_FACTS = Facts()
UNKNOWN_LOAN = Facts(unknown_loan=True)


class Telling:
    """An event that is being told to its loan. `looks_back`: it may concern days that have passed. The counts are of
    what could not be applied as it was meant."""

    __slots__ = (
        "applications", "at_ms", "book", "day", "event", "loan", "looks_back", "other_currency", "rules",
        "unknown_loan", "unmatched_reversals",
    )  # fmt: skip

    def __init__(
        self, loan: Loan, event: AnyEvent, at_ms: int, day: int, rules: Servicing, book: ServicingBook,
        applications: Sequence[Application],
    ) -> None:  # fmt: skip
        self.loan, self.rules, self.book, self.applications = loan, rules, book, applications
        self.event = hash64(event.tenant, event.event_id)
        self.at_ms, self.day = at_ms, day
        self.looks_back = False
        self.unknown_loan = self.unmatched_reversals = self.other_currency = 0

    @property
    def counts(self) -> int:
        """How much could not be applied as it was meant."""
        return self.unknown_loan + self.unmatched_reversals + self.other_currency

    def takes(self, currency: str) -> bool:
        """Whether an amount is in the loan's currency; another is counted."""
        if self.loan.currency in ("", currency):
            self.loan.currency = currency
            return True
        self.other_currency += 1
        return False

    def fact(self, kind: FactKind, **said: Any) -> Fact:
        """A fact of the event's own day."""
        return Fact(day=self.day, kind=kind, at_ms=self.at_ms, event=self.event, **said)

    def take(self, fact: Fact) -> Line | None:
        """Takes a fact into the books; tells the instalment that a payment first went to."""
        line = take(self.loan, fact, self.rules)
        if fact.day < self.loan.clock_day or self.loan.facts[-1] is not fact:
            self.looks_back = True
        return line

    def known(self) -> Facts:
        """No facts of an instalment; whether the loan is known at all is counted."""
        if self.loan.lines:
            return NO_FACTS
        self.unknown_loan += 1
        return UNKNOWN_LOAN

    def of_line(self, line: Line | None, day: int) -> Facts:
        if line is None:
            return NO_FACTS
        return Facts(
            due_amount=float(line.amount),
            days_late=float(day - line.pay_day),
            paid_share=(line.paid + line.waived) / line.amount if line.amount else 1.0,
            first_instalment=line.number == first_number(self.loan),
        )


def _opened(told: Telling, event: events.LoanOpened) -> Facts:
    loan = told.loan
    if loan.currency not in ("", event.currency):
        # What came before the loan was in another currency; the contract's is the right one.
        told.other_currency += len(loan.facts) + len(loan.reversals)
        loan.facts, loan.reversals = [], []
    known = loan.schedule  # of two schedules the later one stands; of one instant, the one that came last
    if known is None or (known.at_ms <= told.at_ms and known.event != told.event):
        loan.currency = event.currency
        loan.application_id, loan.opened_ms = event.application_id or "", told.at_ms
        loan.product, loan.principal = event.product, event.principal
        loan.merchant_id = event.merchant_id or merchant_of(told.applications, loan.application_id)
        told.rules = told.book.rules_for(event.tenant, event.product)
        reach(loan, told.day, told.rules)
        open_loan(loan, told.fact(FactKind.DUE, planned=[_planned(each) for each in event.schedule]), told.rules)
        told.looks_back = True
    return NO_FACTS


def _planned(instalment: Instalment) -> Planned:
    interest = instalment.interest
    if interest is None:
        interest = 0 if instalment.principal is None else instalment.amount - instalment.principal
    day = instalment.due_on.toordinal()
    return instalment.number, day, instalment.amount, min(max(interest, 0), instalment.amount)


def _due(told: Telling, event: events.InstalmentDue) -> Facts:
    if not told.takes(event.currency):
        return NO_FACTS
    planned = (event.number, event.due_on.toordinal(), event.amount, 0)
    told.take(told.fact(FactKind.DUE, planned=[planned]))
    told.looks_back = True
    lines = [line for line in told.loan.lines if line.number == event.number]
    return told.of_line(lines[-1] if lines else None, told.day)


def _received(told: Telling, event: events.RepaymentReceived) -> Facts:
    if not told.takes(event.currency):
        return NO_FACTS
    day = told.day if event.value_on is None else event.value_on.toordinal()
    fact = Fact(
        day=day,
        kind=FactKind.PAYMENT,
        at_ms=told.at_ms,
        event=told.event,
        amount=event.amount,
        payment=told.event if event.payment_id is None else hash64(event.tenant, event.payment_id),
        named=event.instalment_number or 0,
    )
    line = told.take(fact)
    return told.known() if line is None else told.of_line(line, day)


def _reversed(told: Telling, event: events.RepaymentReversed) -> Facts:
    if not told.takes(event.currency):
        return NO_FACTS
    told.looks_back = True
    payment = hash64(event.tenant, event.payment_id)
    undone, line = reverse(told.loan, payment, event.amount, told.event, told.rules)
    if told.loan.lines and undone < event.amount:
        told.unmatched_reversals += 1
    return told.known() if line is None else told.of_line(line, told.day)


def _promised(told: Telling, event: events.PromiseMade) -> Facts:
    if not told.takes(event.currency):
        return NO_FACTS
    loan = told.loan
    if event.amount > 0 and all(each.promise != told.event for each in loan.promises):
        pay_by_day = event.pay_by.toordinal()
        loan.promises.append(
            Promise(promise=told.event, made_ms=told.at_ms, amount=event.amount, pay_by_day=pay_by_day)
        )
        del loan.promises[:-MAX_PROMISES]
    return told.known()


def _charged(told: Telling, event: events.ChargeMade | events.ChargeWaived) -> Facts:
    if not told.takes(event.currency):
        return NO_FACTS
    kind = FactKind.CHARGE if isinstance(event, events.ChargeMade) else FactKind.WAIVER
    told.take(told.fact(kind, amount=event.amount, component=COMPONENTS.index(event.charge)))
    return told.known()


def _rescheduled(told: Telling, event: events.LoanRescheduled) -> Facts:
    if not told.takes(event.currency):
        return NO_FACTS
    told.take(told.fact(FactKind.RESCHEDULE, planned=[_planned(each) for each in event.schedule]))
    return NO_FACTS


def _granted(told: Telling, event: events.PaymentHolidayGranted) -> Facts:
    grant_holiday(told.loan, event.starts_on.toordinal(), event.ends_on.toordinal(), told.event)
    told.looks_back = True
    return told.known()


def _agreed(told: Telling, event: events.SettlementAgreed) -> Facts:
    if not told.takes(event.currency):
        return NO_FACTS
    told.take(told.fact(FactKind.AGREEMENT, amount=event.amount, until=event.pay_by.toordinal()))
    return told.known()


def _written_off(told: Telling, event: events.LoanWrittenOff) -> Facts:
    told.take(told.fact(FactKind.WRITE_OFF))
    return told.known()


def _sold(told: Telling, event: events.LoanSold) -> Facts:
    told.take(told.fact(FactKind.SALE))
    return told.known()


TELL: Mapping[type, Callable[[Telling, Any], Facts]] = {
    events.LoanOpened: _opened,
    events.InstalmentDue: _due,
    events.RepaymentReceived: _received,
    events.RepaymentReversed: _reversed,
    events.PromiseMade: _promised,
    events.ChargeMade: _charged,
    events.ChargeWaived: _charged,
    events.LoanRescheduled: _rescheduled,
    events.PaymentHolidayGranted: _granted,
    events.SettlementAgreed: _agreed,
    events.LoanWrittenOff: _written_off,
    events.LoanSold: _sold,
}

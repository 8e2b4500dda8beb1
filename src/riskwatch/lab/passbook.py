"""A loan's passbook: writes down what happens to the loan, and knows what is still owed, so that a life adds up.

Days are counted from the first of the simulation, hours are local to the lender. A fact arrives when it happens, or
later where that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

from msgspec import Struct

from riskwatch.lab.contracts import Borrower, Contract
from riskwatch.lab.people import DAY, HOUR, Calendar
from riskwatch.streams.events import (
    AnyEvent,
    ChargeMade,
    ChargeWaived,
    Instalment,
    InstalmentDue,
    LoanRescheduled,
    RepaymentReceived,
    RepaymentReversed,
)

Arrival = tuple[int, int, AnyEvent]
"""When an event arrives (UTC ms), its place in the passbook, and the event."""

LATE_SHARE = 0.015
"""Of the repayments and reversals, those that arrive later than they happened."""
LATE_HOURS = 60
"""At most."""


class Owing(Struct):
    """An instalment of which `left` is still owed. Minor units."""

    number: int
    day: int
    amount: int
    left: int


class Paid(Struct, frozen=True):
    """A payment that was made."""

    payment_id: str
    at_ms: int
    amount: int
    charges: int
    taken: tuple[tuple[Owing, int], ...]


class Passbook:
    """Of one loan; it lives as long as the loan's life is being made. `contacts`: whether the lender's own collectors
    are in it."""

    def __init__(self, contract: Contract, calendar: Calendar, random: Random, *, contacts: bool = True) -> None:
        self.contract, self.calendar, self.random, self.contacts = contract, calendar, random, contacts
        self.borrower: Borrower = contract.borrower
        self.opened_day = (contract.opened_on - calendar.first_day).days
        self.owing: list[Owing] = []
        self.charged = 0
        self.arrivals: list[Arrival] = []
        self._payments = 0
        self.take_schedule(contract.schedule)

    def take_schedule(self, schedule: tuple[Instalment, ...]) -> None:
        """From now on this is what is owed, and (where the lender publishes that) what falls due."""
        self.owing = [Owing(each.number, self.day_of(each.due_on), each.amount, each.amount) for each in schedule]

    def day_of(self, day: date) -> int:
        """The day of the simulation."""
        return (day - self.calendar.first_day).days

    def at(self, day: int, hour: float | None = None) -> int:
        """An instant (UTC ms) of a day; without an hour some time between 9 and 20."""
        return self.calendar.at(day, 9 + self.random.random() * 11 if hour is None else hour)

    def write(self, kind: Callable[..., AnyEvent], at_ms: int, *, late_ms: int = 0, **fields: Any) -> AnyEvent:
        """Writes an event down; its id follows from the loan and the order of writing."""
        event = kind(
            event_id=f"{self.contract.loan_id}-{len(self.arrivals):03d}",
            tenant=self.borrower.lender.tenant,
            customer_id=self.borrower.customer_id,
            occurred_at=self.calendar.moment(at_ms),
            **fields,
        )
        self.arrivals.append((at_ms + late_ms, len(self.arrivals), event))
        return event

    def on_loan(self, kind: Callable[..., AnyEvent], at_ms: int, *, late_ms: int = 0, **fields: Any) -> AnyEvent:
        """An event that names the loan and its currency."""
        return self.write(
            kind,
            at_ms,
            late_ms=late_ms,
            loan_id=self.contract.loan_id,
            currency=self.borrower.lender.currency,
            **fields,
        )

    def falls_due(self, owing: Owing) -> None:
        """Publishes the due date, where the lender does so."""
        if self.borrower.lender.publishes_due_dates:
            self.on_loan(
                InstalmentDue,
                self.at(owing.day, 0.25),
                number=owing.number,
                due_on=self.calendar.day(owing.day),
                amount=owing.amount,
            )

    def outstanding(self) -> int:
        """All that is owed."""
        return self.charged + sum(each.left for each in self.owing)

    def arrears(self, day: int) -> int:
        """What has fallen due before `day` or on it and is not paid, and the charges."""
        return self.charged + sum(each.left for each in self.owing if each.day <= day)

    def pay(
        self,
        day: int,
        amount: int,
        *,
        hour: float | None = None,
        names: int | None = None,
        value_day: int | None = None,
        payment_id: str | None = None,
    ) -> Paid | None:
        """A repayment: charges first, then the oldest instalment. None where the amount is nothing."""
        if amount <= 0:
            return None
        self._payments += 1
        name = f"{self.contract.loan_id}-p{self._payments}" if payment_id is None else payment_id
        at = self.at(day, hour)
        self.on_loan(
            RepaymentReceived,
            at,
            late_ms=self._lateness(),
            amount=amount,
            payment_id=name,
            instalment_number=names,
            channel="app",
            value_on=None if value_day is None else self.calendar.day(value_day),
        )
        charges = min(self.charged, amount)
        self.charged -= charges
        left = amount - charges
        taken = []
        for each in self.owing:
            part = min(each.left, left)
            if part:
                each.left -= part
                left -= part
                taken.append((each, part))
        return Paid(name, at, amount, charges, tuple(taken))

    def bounce(self, paid: Paid, day: int, reason: str = "insufficient funds") -> None:
        """A payment is taken back, in full."""
        at = max(self.at(day), paid.at_ms + HOUR)
        self.on_loan(
            RepaymentReversed,
            at,
            late_ms=self._lateness(),
            amount=paid.amount,
            payment_id=paid.payment_id,
            reason=reason,
        )
        for each, part in paid.taken:
            each.left += part
        self.charged += paid.charges

    def charge(self, day: int, share: float = 0.02) -> None:
        """A fee or a penalty, so much of an instalment."""
        amount = max(100, round(self.owing[0].amount * share))
        kind = "penalty" if self.random.random() < 0.6 else "fee"
        self.on_loan(ChargeMade, self.at(day, 6.0), charge=kind, amount=amount)
        self.charged += amount
        if self.random.random() < 0.3:
            self.on_loan(ChargeWaived, self.at(day + 1), charge=kind, amount=amount)
            self.charged -= amount

    def reschedule(self, day: int, schedule: tuple[Instalment, ...], *, restructured: bool) -> None:
        """A new schedule in the place of all that is not paid of the old one; charges stay."""
        self.on_loan(LoanRescheduled, self.at(day), schedule=list(schedule), restructured=restructured)
        self.take_schedule(schedule)

    def next_number(self) -> int:
        """A number that no instalment has had."""
        return self.owing[-1].number + 1

    def _lateness(self) -> int:
        if self.random.random() < LATE_SHARE:
            return int(self.random.uniform(0.5, LATE_HOURS) * HOUR)
        return 0


def repeat_some(arrivals: list[Arrival], random: Random, share: float, most_days: float) -> None:
    """Publishes some events again, the same in all, seconds or days after they came."""
    for at, _, event in arrivals[:]:
        if random.random() < share:
            later = int(random.choice((random.uniform(1_000, HOUR), random.uniform(HOUR, most_days * DAY))))
            arrivals.append((at + later, len(arrivals), event))

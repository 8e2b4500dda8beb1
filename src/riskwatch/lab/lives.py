"""The lives of many loans, from application to the last recovery, in the order in which their facts arrive.

The same seed gives the same events. A life is made when its loan is asked for and forgotten as its events are handed
out. What the simulator shows is a test of mechanism; it is no evidence of quality on real customers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from heapq import heappop, heappush
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from riskwatch.lab.contracts import LENDERS, Lender, customer_id, draw_borrower, draw_contract, months_later
from riskwatch.lab.courses import COURSES, Course
from riskwatch.lab.habits import begin, stir
from riskwatch.lab.passbook import LATE_HOURS, Arrival, Passbook, repeat_some
from riskwatch.lab.people import DAY, HOUR, Calendar
from riskwatch.streams.events import AnyEvent

FIRST_DAY = date(2023, 1, 1)
REPEATED_SHARE = 0.01
"""Of all events, those that are published again."""
REPEATED_DAYS = 2
"""At most so long after."""
MOST_LATE_MS = LATE_HOURS * HOUR + REPEATED_DAYS * DAY
"""How long after it happened an event arrives at most."""
AGAIN_SHARE = 0.22
"""Of the loans, those of somebody who has had one before."""
FEW = 20
"""With fewer customers nobody borrows again: it would always be the same."""


class LoanPlan(Struct, frozen=True):
    """A loan that is going to live. `begins`: UTC ms, before its first event."""

    begins: int
    number: int
    lender: Lender
    customer: int
    customer_seed: int
    seed: int
    opened_on: date
    course: Course

    @property
    def loan_id(self) -> str:
        """Unique within the portfolio."""
        return f"life-{self.number:06d}"

    @property
    def customer_id(self) -> str:
        """As `draw_borrower` names the customer."""
        return customer_id(self.customer)

    def truth(self) -> LoanTruth:
        """What there is to say of the loan beside its events."""
        return LoanTruth(
            tenant=self.lender.tenant,
            customer_id=self.customer_id,
            loan_id=self.loan_id,
            opened_on=self.opened_on,
            course=self.course.name,
        )


class LoanTruth(Struct, frozen=True, kw_only=True):
    """What is true of a loan: the course that its life takes."""

    tenant: str
    customer_id: str
    loan_id: str
    opened_on: date
    course: str


class Lives(Struct, frozen=True, kw_only=True):
    """The loans, in the order in which they begin. `contacts`: whether the lenders' own collectors are in the lives,
    with the promises that they hear: not where somebody else contacts the customers. `merchants`: whether the loans
    for purchases say where these were made."""

    plans: tuple[LoanPlan, ...]
    calendars: dict[str, Calendar]
    contacts: bool = True
    merchants: bool = True

    def events(self) -> Iterator[AnyEvent]:
        """Every event in the order of arrival; a fresh iterator each time, always the same events."""
        return (event for _, event in self.arrivals())

    def arrivals(self) -> Iterator[tuple[int, AnyEvent]]:
        """Every event with the instant (UTC ms) at which it arrives, in that order."""
        coming: list[tuple[int, int, int, AnyEvent]] = []
        for plan in self.plans:
            while coming and coming[0][0] < plan.begins:
                at, _, _, event = heappop(coming)
                yield at, event
            for at, place, event in self.life(plan):
                heappush(coming, (at, plan.number, place, event))
        while coming:
            at, _, _, event = heappop(coming)
            yield at, event

    def life(self, plan: LoanPlan) -> list[Arrival]:
        """What arrives of one loan before the simulation ends, in the order of writing."""
        calendar = self.calendars[plan.lender.tenant]
        random = Random(plan.seed)
        borrower = draw_borrower(Random(plan.customer_seed), plan.lender, plan.customer)
        bad = plan.course.name == "first-payment-default"
        contract = draw_contract(random, borrower, plan.loan_id, plan.opened_on, bad=bad)
        if not self.merchants:
            contract = replace(contract, merchant_id=None)
        book = Passbook(contract, calendar, random, contacts=self.contacts)
        last_due = book.owing[-1].day
        applied = begin(book)
        plan.course.write(book, applied)
        stir(book, book.opened_day + 40 if bad else last_due)
        repeat_some(book.arrivals, random, REPEATED_SHARE, REPEATED_DAYS)
        return [arrival for arrival in book.arrivals if arrival[0] < calendar.end]


def draw_lives(
    random: Random,
    *,
    loans: int,
    months: int = 24,
    opening_months: int | None = None,
    first_day: date = FIRST_DAY,
    days: int | None = None,
    lenders: Sequence[Lender] = LENDERS,
    contacts: bool = True,
    merchants: bool = True,
) -> Lives:
    """Loans opened evenly over the first `opening_months` (all, where it is None) of `months`, by lender in turn.

    `days`: how long the simulation is, where it goes on after the months. Raises `ValueError` for a number of loans or
    months below one.
    """
    opening_months = months if opening_months is None else opening_months
    if loans < 1 or not 1 <= opening_months <= months:
        raise ValueError(f"{loans} loans opened in {opening_months} of {months} months: all three must be at least 1")
    span = (months_later(first_day, months) - first_day).days if days is None else days
    calendars = {each.tenant: Calendar(each.zone, first_day, span) for each in lenders}
    shares = [each.share for each in COURSES]
    known: dict[str, list[tuple[int, int]]] = {each.tenant: [] for each in lenders}
    plans = []
    for number in range(loans):
        lender = lenders[number % len(lenders)]
        month = months_later(first_day, number * opening_months // loans)
        length = (months_later(month, 1) - month).days
        opened_day = (month - first_day).days + random.randrange(length)
        customers = known[lender.tenant]
        if len(customers) >= FEW and random.random() < AGAIN_SHARE:
            customer, customer_seed = random.choice(customers)
        else:
            customer, customer_seed = number + 1, random.getrandbits(64)
            customers.append((customer, customer_seed))
        calendar = calendars[lender.tenant]
        (course,) = random.choices(COURSES, shares)
        plans.append(
            LoanPlan(
                begins=calendar.at(opened_day - 1),
                number=number + 1,
                lender=lender,
                customer=customer,
                customer_seed=customer_seed,
                seed=random.getrandbits(64),
                opened_on=calendar.day(opened_day),
                course=course,
            )
        )
    plans.sort(key=lambda plan: (plan.begins, plan.number))
    return Lives(plans=tuple(plans), calendars=calendars, contacts=contacts, merchants=merchants)


def lives(random: Random, *, loans: int, months: int = 24, lenders: Sequence[Lender] = LENDERS) -> Iterator[AnyEvent]:
    """The events of `loans` loans over so many months, in the order of arrival."""
    return draw_lives(random, loans=loans, months=months, lenders=lenders).events()

"""A loan's ledger: the facts that are kept of it, and the books that follow from them. Minor units; days as
`date.toordinal` counts them.

The books are what a replay of the facts gives, in order of value: by day, on one day by kind, then by event time
(`features.replaying`; `features.allocating` says what each fact does). So they do not depend on the order in which
facts arrive.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from msgspec import Struct, field

MAX_FACTS = 192
"""Facts of a loan that are kept one by one. Beyond it the oldest become the opening balance: what they did stays, and
can no longer be reversed or come before another."""
MAX_LINES = 720
"""Instalments and charges of a loan. Beyond it the oldest that are closed are kept as episodes only."""
MAX_REVERSALS = 64
MAX_HOLIDAYS = 32
MAX_EPISODES = 64
MAX_SETTLED = 16
MAX_REPORTS = 96
"""Reports of a loan that can still be found to be wrong."""


LoanStatus = Literal["performing", "past-due", "settled", "written-off", "sold", "unknown"]


class FactKind(IntEnum):
    """The order of facts of one day."""

    DUE = 0
    CHARGE = 1
    WAIVER = 2
    AGREEMENT = 3
    PAYMENT = 4
    RESCHEDULE = 5
    WRITE_OFF = 6
    SALE = 7


Planned = tuple[int, int, int, int]
"""An instalment as a schedule has it: number, due day, amount, interest in it."""


class Fact(Struct, kw_only=True, array_like=True, gc=False):
    """Something that happened to a loan. `day`: from which it counts; `at_ms`: event time; `event`: hash of its event
    id. `payment`: hash of a payment's id, `named`: the instalment that it names, 0 for none, `reversed`: what of
    `amount` was taken back. `component`: of a charge or waiver, a place in `COMPONENTS`. `until`: last day of an
    agreement. `planned`: a schedule."""

    day: int
    kind: int
    at_ms: int
    event: int
    amount: int = 0
    payment: int = 0
    named: int = 0
    reversed: int = 0
    component: int = 0
    until: int = 0
    planned: list[Planned] = []


class Line(Struct, kw_only=True, array_like=True, gc=False):
    """One instalment, or a charge (`number` 0). Open of it is `amount` less `paid` and `waived`; `fee`, `penalty` and
    `interest` are of what is open, the rest of that is principal. `due_day`: as agreed; `pay_day`: moved to a business
    day where rules say so. `since`: day of the new schedule that it is of, else 0. `closed_day`: the day whose facts
    left no more open than is tolerated, 0 while more is. `told`: highest step of delinquent days reported. A new
    schedule cuts `amount` to what was paid."""

    number: int
    due_day: int
    amount: int
    paid: int = 0
    told: int = 0
    waived: int = 0
    fee: int = 0
    penalty: int = 0
    interest: int = 0
    pay_day: int = 0
    since: int = 0
    closed_day: int = 0


class Promise(Struct, kw_only=True, array_like=True, gc=False):
    """A promise to pay `amount` by the end of `pay_by_day`. `promise`: hash of the event that made it."""

    promise: int
    made_ms: int
    amount: int
    pay_by_day: int


class Report(Struct, kw_only=True, array_like=True, gc=False):
    """What was reported of a loan. `event`: hash of the report; `number`: of the instalment, or hash of the promise;
    `day`: due day of the instalment, day of the roll, or the day by which was promised to pay; `step`: delinquent days,
    or the bucket rolled to; `made_ms`, `amount`: of the promise; `reached_ms`: of the instalment, when it reached the
    step."""

    event: int
    kind: int
    number: int
    day: int
    step: int
    made_ms: int = 0
    amount: int = 0
    reached_ms: int = 0


def _none_of_each() -> list[int]:
    return [0, 0, 0, 0]


class Books(Struct, kw_only=True, array_like=True, gc=False):
    """What follows from the facts up to a point. `lines` in order of due day, number; `scheduled`: a schedule is known;
    `credit`: paid beyond all that is known; `held`: (instalment, amount) paid for instalments that are not known yet.
    `paid`, `waived`, `replaced` (by new schedules): by component. `settled`: from which day until which nothing
    was owed, 0 where that lasts. `agreed_*`: the settlement agreement that stands,
    `agreed_until` 0 for none. `episodes`: (pay day, closed day) of lines that are no longer kept; `worst`: most days
    past due of episodes that are not."""

    lines: list[Line] = []
    scheduled: bool = False
    credit: int = 0
    held: list[tuple[int, int]] = []
    paid: list[int] = field(default_factory=_none_of_each)
    waived: list[int] = field(default_factory=_none_of_each)
    replaced: list[int] = field(default_factory=_none_of_each)
    settled: list[tuple[int, int]] = []
    written_day: int = 0
    sold_day: int = 0
    recovered: int = 0
    agreed_amount: int = 0
    agreed_paid: int = 0
    agreed_until: int = 0
    episodes: list[tuple[int, int]] = []
    worst: int = 0


class Loan(Books, kw_only=True, array_like=True, gc=False):
    """A loan as its entries have shown it: its books, and what they follow from.

    `subject`: hash of tenant and loan id; `currency` is empty until known. `facts` in order of value, the first `done`
    of them are in the books, the others count from a later day; `opening`: what earlier facts came to; `schedule`: of
    its opening. `reversals`: (event, payment, amount); `holidays`: (first day, last day, event). `clock_day`: the
    newest day that it was seen on; `rules_version`: of the servicing rules that the books were made by. `reports`:
    what was reported; `rolled`: bucket up to which rolls are. `status`, `bucket`, `place_day`: where it was last told
    to be, and since when. `seen_ms`: event time of its newest entry; `opened_ms`: of its opening, 0 until known;
    `application_id`, `product`, `merchant_id`, `principal`: of its contract."""

    loan_id: str
    subject: int
    currency: str = ""
    facts: list[Fact] = []
    done: int = 0
    opening: Books | None = None
    schedule: Fact | None = None
    reversals: list[tuple[int, int, int]] = []
    holidays: list[tuple[int, int, int]] = []
    promises: list[Promise] = []
    reports: list[Report] = []
    rolled: int = 0
    clock_day: int = 0
    rules_version: int = 0
    status: LoanStatus = "unknown"
    bucket: int = 0
    place_day: int = 0
    seen_ms: int = 0
    application_id: str = ""
    opened_ms: int = 0
    product: str = ""
    merchant_id: str = ""
    principal: int = 0


def open_amount(line: Line) -> int:
    """What of an instalment or a charge is still owed."""
    return line.amount - line.paid - line.waived


def outstanding(books: Books) -> int:
    """What the known instalments and charges still lack."""
    return sum(line.amount - line.paid - line.waived for line in books.lines)


def is_settled(books: Books) -> bool:
    """Whether nothing known is owed any more; a loan without any instalment is not."""
    lines = books.lines
    return bool(lines) and all(line.paid + line.waived >= line.amount for line in lines)


def first_number(loan: Loan) -> int:
    """The number of the first instalment: the schedule's first, else 1."""
    if loan.scheduled:
        for line in loan.lines:
            if line.number:
                return line.number
    return 1

"""The courses that a loan's life can take, as a table with their shares. A course writes into the loan's passbook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec import Struct

from riskwatch.lab.contracts import annuity, months_later
from riskwatch.lab.habits import agree_settlement, catch_up, chase, give_up, miss, pay_promptly, sell
from riskwatch.lab.passbook import Passbook
from riskwatch.streams.events import (
    ConcernRaised,
    ConcernResolved,
    FraudCleared,
    FraudConfirmed,
    Instalment,
    PaymentHolidayGranted,
)

Write = Callable[[Passbook, str | None], None]
"""Writes the life of a loan; given is the event id of its application."""


def prompt(book: Passbook, applied: str | None) -> None:
    pay_promptly(book, book.owing)


def late_payer(book: Passbook, applied: str | None) -> None:
    for each in book.owing:
        book.falls_due(each)
        days = book.random.randrange(2, 10)
        if days > 4 and book.random.random() < 0.3:
            book.charge(each.day + 4)
        book.pay(each.day + days, book.arrears(each.day + days))


def partial_payer(book: Passbook, applied: str | None) -> None:
    for each in book.owing:
        book.falls_due(each)
        book.pay(each.day, round(each.left * book.random.uniform(0.4, 0.7)))
        book.pay(each.day + book.random.randrange(5, 13), each.left)


def over_payer(book: Passbook, applied: str | None) -> None:
    for each in book.owing:
        owed = book.outstanding()
        if not owed:
            return
        book.falls_due(each)
        amount = round(each.amount * book.random.uniform(1.15, 2.0))
        surplus = 0 if book.random.random() < 0.8 else 500
        book.pay(each.day - book.random.randrange(3), min(owed + surplus, amount))


def slides(least: int, most: int) -> Write:
    """Misses payments, pays all that is past due when it is so many days late, and is prompt from then on."""

    def write(book: Passbook, applied: str | None) -> None:
        first = book.random.randrange(1, len(book.owing))
        pay_promptly(book, book.owing[:first])
        cured = book.owing[first].day + book.random.randrange(least, most)
        began = miss(book, first, cured)
        chase(book, began, cured, keeps=book.random.random() < 0.4)
        pay_promptly(book, book.owing[catch_up(book, cured) :])

    return write


def rolls_to_loss(book: Passbook, applied: str | None) -> None:
    _default(book, book.random.randrange(1, len(book.owing)))


def first_payment_default(book: Passbook, applied: str | None) -> None:
    began = book.owing[0].day
    if book.random.random() < 0.1:
        _fraud_case(book, applied, began + book.random.randrange(40, 80), cleared=False)
    _default(book, 0)


def _default(book: Passbook, first: int) -> None:
    pay_promptly(book, book.owing[:first])
    began = book.owing[first].day
    miss(book, first, began + 180)
    chase(book, began, began + 150)
    if first and book.random.random() < 0.3:
        book.pay(began + book.random.randrange(100, 140), round(book.owing[first].amount * 0.3))
    give_up(book, began)


def sold(book: Passbook, applied: str | None) -> None:
    first = book.random.randrange(1, len(book.owing))
    pay_promptly(book, book.owing[:first])
    day = book.owing[first].day + book.random.randrange(95, 170)
    chase(book, miss(book, first, day), day - 10)
    sell(book, day)


def settles_early(book: Passbook, applied: str | None) -> None:
    day = _agreed_on(book)
    amount = agree_settlement(book, day, book.random.uniform(0.92, 0.98), 10)
    first = amount // 2 if book.random.random() < 0.3 else amount
    book.pay(day + 1, first)
    book.pay(day + book.random.randrange(2, 10), amount - first)


def settlement_lapses(book: Passbook, applied: str | None) -> None:
    day = _agreed_on(book)
    amount = agree_settlement(book, day, book.random.uniform(0.92, 0.98), 7)
    book.pay(day + 1, round(amount * book.random.choice((0.0, 0.2, 0.4))))
    pay_promptly(book, [each for each in book.owing if each.day > day])


def _agreed_on(book: Passbook) -> int:
    """Some day after an instalment, when all so far is paid."""
    place = book.random.randrange(1, len(book.owing))
    pay_promptly(book, book.owing[:place])
    return book.owing[place - 1].day + 1


def settles_late(book: Passbook, applied: str | None) -> None:
    first = book.random.randrange(1, len(book.owing))
    pay_promptly(book, book.owing[:first])
    day = book.owing[first].day + book.random.randrange(70, 150)
    chase(book, miss(book, first, day), day)
    amount = agree_settlement(book, day, book.random.uniform(0.5, 0.75), 14)
    book.pay(day + book.random.randrange(1, 14), amount)


def bounced_debits(book: Passbook, applied: str | None) -> None:
    for each in book.owing:
        book.falls_due(each)
        paid = book.pay(each.day, book.arrears(each.day), hour=5.0)
        day = each.day
        for presented in range(2):
            if paid is None or book.random.random() >= (0.3, 0.25)[presented]:
                break
            day += book.random.randrange(1, 4)
            book.bounce(paid, day)
            if presented == 0 and book.random.random() < 0.3:
                book.charge(day + 1)
            # Banks present again under the same id, or under a new one.
            again = paid.payment_id if book.random.random() < 0.5 else None
            day += book.random.randrange(2, 5)
            paid = book.pay(day, book.arrears(each.day), payment_id=again)


def booked_late(book: Passbook, applied: str | None) -> None:
    """Bank transfers, booked days after the money came: some across the due date, some after or before it."""
    for each in book.owing:
        book.falls_due(each)
        value = each.day + book.random.choice((-4, -1, -1, 0, 0, 2))
        book.pay(value + book.random.randrange(1, 7), each.left, value_day=value)


def hardship(cured: bool) -> Write:
    """A payment missed, a hardship told, a payment holiday and a new schedule, which is kept or not."""

    def write(book: Passbook, applied: str | None) -> None:
        random = book.random
        first = random.randrange(1, len(book.owing))
        pay_promptly(book, book.owing[:first])
        told = book.owing[first].day + random.randrange(5, 20)
        miss(book, first, told)
        about = book.contract.loan_id if random.random() < 0.9 else None
        book.write(ConcernRaised, book.at(told), concern="hardship", loan_id=about)
        begins = told + random.randrange(3, 8)
        ends = begins + random.choice((30, 60, 90)) - 1
        holiday: dict[str, Any] = {"starts_on": book.calendar.day(begins), "ends_on": book.calendar.day(ends)}
        book.write(PaymentHolidayGranted, book.at(begins - 1), loan_id=book.contract.loan_id, **holiday)
        left = book.outstanding() - book.charged
        start = book.calendar.day(ends + 1)
        count = len(book.owing) - first + random.randrange(2, 7)
        dates = [months_later(start, number) for number in range(1, count + 1)]
        new = annuity(left, book.contract.rate_bp, dates, book.next_number())
        book.reschedule(begins, new, restructured=True)
        book.write(ConcernResolved, book.at(ends + 1), concern="hardship", loan_id=about)
        kept = count if cured else random.randrange(min(3, count))
        pay_promptly(book, book.owing[:kept])
        if not cured:
            began = miss(book, kept, book.owing[kept].day + 180)
            chase(book, began, began + 150)
            give_up(book, began)

    return write


def disputes(book: Passbook, applied: str | None) -> None:
    first = book.random.randrange(1, len(book.owing))
    pay_promptly(book, book.owing[:first])
    began = book.owing[first].day
    raised, loan_id = began + book.random.randrange(3, 9), book.contract.loan_id
    book.write(ConcernRaised, book.at(raised), concern="dispute", loan_id=loan_id)
    resolved = raised + book.random.randrange(15, 35)
    if book.random.random() < 0.2:
        _fraud_case(book, applied, raised + 2, cleared=True)
    miss(book, first, resolved)
    book.write(ConcernResolved, book.at(resolved, 8.0), concern="dispute", loan_id=loan_id)
    pay_promptly(book, book.owing[catch_up(book, resolved) :])


def new_due_day(book: Passbook, applied: str | None) -> None:
    """Asks for another day of the month, and pays promptly on both."""
    place = book.random.randrange(1, len(book.owing))
    pay_promptly(book, book.owing[:place])
    day = book.owing[place - 1].day + 2
    later = timedelta(days=book.random.randrange(3, 11))
    number = book.next_number()
    moved = tuple(
        Instalment(number=number + n, due_on=book.calendar.day(each.day) + later, amount=each.left)
        for n, each in enumerate(book.owing[place:])
    )
    book.reschedule(day, moved, restructured=False)
    pay_promptly(book, book.owing)


def _fraud_case(book: Passbook, applied: str | None, day: int, *, cleared: bool) -> None:
    case: dict[str, Any] = {"case_id": f"case-{book.contract.loan_id}", "subject_event_id": applied}
    typology = "first-party" if not cleared else "identity-theft"
    book.write(FraudConfirmed, book.at(day), typology=typology, device_id=book.borrower.device_id, **case)
    if cleared:
        book.write(FraudCleared, book.at(day + 9), **case)


class Course(Struct, frozen=True):
    """A course of life. `share`: of the loans, in per mille."""

    name: str
    share: int
    write: Write
    description: str


COURSES: tuple[Course, ...] = (
    Course("prompt", 380, prompt, "every instalment on its day or up to three days early"),
    Course("late-payer", 120, late_payer, "every instalment two to nine days late"),
    Course("partial-payer", 50, partial_payer, "a part on the day, the rest within two weeks"),
    Course("over-payer", 40, over_payer, "more than is due, until nothing is owed"),
    Course("cures-at-m1", 70, slides(11, 30), "one to several instalments missed, all made good within 30 days"),
    Course("cures-at-m2", 40, slides(33, 60), "the same, made good 33 to 59 days late"),
    Course("cures-at-m3", 30, slides(63, 90), "the same, made good 63 to 89 days late"),
    Course("hardship-cured", 25, hardship(cured=True), "a hardship, a payment holiday, a new schedule, which is kept"),
    Course("hardship-lost", 15, hardship(cured=False), "the same, and the new schedule is not kept: written off"),
    Course("first-payment-default", 25, first_payment_default, "nothing is ever paid: written off"),
    Course("rolls-to-loss", 45, rolls_to_loss, "some instalments, then no more: written off, with a recovery or not"),
    Course("sold", 15, sold, "the same, and sold 95 to 169 days late"),
    Course("settles-early", 30, settles_early, "an agreement to settle early for less, kept"),
    Course(
        "settlement-lapses", 15, settlement_lapses, "such an agreement, not kept; the schedule is, at the next due date"
    ),
    Course("settles-late", 10, settles_late, "months late, an agreement to settle for a half to three quarters, kept"),
    Course("bounced-debits", 40, bounced_debits, "debits that bounce now and then and are presented again"),
    Course("booked-late", 30, booked_late, "transfers booked days after the day that they count from"),
    Course("disputes", 10, disputes, "an instalment is disputed, and paid when that is resolved"),
    Course("new-due-day", 10, new_due_day, "another due day in the month, prompt on both"),
)

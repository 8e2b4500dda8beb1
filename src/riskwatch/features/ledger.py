"""A loan's ledger: instalments, the payments that cover them, and which cent of which payment lies where. Minor units.

A payment goes to the instalment that it names and on to the later ones, else to the oldest unpaid; what is left then
goes to the oldest unpaid, and what no instalment takes waits for the next one. A reversal takes back that payment's
cents, the last placed first, and moves no other payment. What comes before the loan is known waits and is then done
in its order.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

MAX_PAYMENTS = 128
"""Payments of a loan that can still be reversed; older ones stay paid."""
MAX_WAITING = 128
"""Payments and reversals that wait for their loan to become known."""
MAX_EARLY_REVERSALS = 16
"""Reversals of a loan that wait for their payment."""


class Line(Struct, kw_only=True, array_like=True, gc=False):
    """One instalment. `due_day`: days since 0001-01-01 as `date.toordinal` counts; `told`: highest DPD step
    reported."""

    number: int
    due_day: int
    amount: int
    paid: int = 0
    told: int = 0


class Payment(Struct, kw_only=True, array_like=True, gc=False):
    """A payment, net of what was reversed. `payment`: hash of its id; `named`: instalment number, 0 for none;
    `parts`: (instalment number, amount) in the order of placing. What the parts do not hold waits for an instalment."""

    payment: int
    at_ms: int
    amount: int
    named: int = 0
    parts: list[tuple[int, int]] = []


class Waiting(Struct, kw_only=True, array_like=True, gc=False):
    """A payment, or its reversal, that came before the loan was known."""

    reversal: bool
    payment: int
    at_ms: int
    amount: int
    named: int = 0


class Promise(Struct, kw_only=True, array_like=True, gc=False):
    """A promise to pay `amount` by the end of `pay_by_day`. `promise`: hash of the event that made it."""

    promise: int
    made_ms: int
    amount: int
    pay_by_day: int


class Loan(Struct, kw_only=True, array_like=True, gc=False):
    """A loan as its entries have shown it. `subject`: hash of tenant and loan id; `currency` is empty until known;
    `lines` in order of due day; `scheduled`: the lines are the schedule of `LoanOpened`; `credit`: overpaid by
    payments that are no longer kept; `seen_ms`: event time of its newest entry; `application_id`: what it came of,
    empty where it does not say; `opened_ms`: event time of its opening, 0 until known; `product`, `merchant_id`,
    `principal` (minor units): of its contract, empty until known."""

    loan_id: str
    subject: int
    currency: str = ""
    scheduled: bool = False
    lines: list[Line] = []
    payments: list[Payment] = []
    early_reversals: list[tuple[int, int]] = []
    waiting: list[Waiting] = []
    promises: list[Promise] = []
    credit: int = 0
    seen_ms: int = 0
    application_id: str = ""
    opened_ms: int = 0
    product: str = ""
    merchant_id: str = ""
    principal: int = 0


def outstanding(loan: Loan) -> int:
    """What the known instalments still lack."""
    return sum(line.amount - line.paid for line in loan.lines)


def is_settled(loan: Loan) -> bool:
    """Whether all known instalments are paid; a loan without any is not."""
    return bool(loan.lines) and all(line.paid >= line.amount for line in loan.lines)


def first_number(loan: Loan) -> int:
    """The number of the first instalment: the schedule's first, else 1."""
    return loan.lines[0].number if loan.scheduled else 1


def receive(loan: Loan, payment: Payment) -> Line | None:
    """Place a payment, and take back at once what a reversal that came before it names.

    Returns the instalment that its first cent went to, None when no instalment took any.
    """
    loan.payments.append(payment)
    _place(loan, payment)
    first = _line(loan, payment.parts[0][0]) if payment.parts else None
    for i, (reversed_payment, amount) in enumerate(loan.early_reversals):
        if reversed_payment == payment.payment:
            undone, _ = _take_back(loan, payment, amount)
            if amount > undone:
                loan.early_reversals[i] = (reversed_payment, amount - undone)
            else:
                del loan.early_reversals[i]
            break
    while len(loan.payments) > MAX_PAYMENTS:
        oldest = loan.payments.pop(0)
        loan.credit += _unplaced(oldest)
    return first


def reverse(loan: Loan, payment: int, amount: int) -> tuple[int, Line | None]:
    """Take back `amount` of the payments with this id hash, the newest first (one transfer may be published in parts).

    Returns what was taken back, and the oldest instalment that lost by it. What finds no payment is kept for one that
    is still to come.
    """
    undone = 0
    losers: set[int] = set()
    for each in reversed(loan.payments):
        if each.payment == payment and undone < amount:
            taken, numbers = _take_back(loan, each, amount - undone)
            undone += taken
            losers |= numbers
    loan.payments = [each for each in loan.payments if each.amount]
    if undone < amount:
        loan.early_reversals.append((payment, amount - undone))
        del loan.early_reversals[:-MAX_EARLY_REVERSALS]
    return undone, next((line for line in loan.lines if line.number in losers), None)


def wait(loan: Loan, waiting: Waiting) -> None:
    """Keep a payment or reversal until the loan is known."""
    loan.waiting.append(waiting)
    del loan.waiting[:-MAX_WAITING]


def schedule(loan: Loan, lines: Iterable[Line], *, whole: bool) -> None:
    """Take over instalments. `whole`: they are the loan's schedule, and lines of an earlier schedule that it lacks go.

    An instalment that is known by its number gets the new day and amount. Cents stay where they are unless their line
    shrank or went; whatever is free is placed again, oldest payment first. A new due day is reported on afresh.
    """
    fresh = {line.number: line for line in lines}
    for line in loan.lines:
        new = fresh.get(line.number)
        if new is None and whole and loan.scheduled:
            _shrink(loan, line, 0)
        elif new is None:
            fresh[line.number] = line
        else:
            _shrink(loan, line, new.amount)
            new.paid = line.paid
            new.told = line.told if new.due_day == line.due_day else 0
    loan.lines = sorted(fresh.values(), key=lambda line: (line.due_day, line.number))
    loan.scheduled = loan.scheduled or whole
    waiting, loan.waiting = loan.waiting, []
    for each in waiting:
        if each.reversal:
            reverse(loan, each.payment, each.amount)
        else:
            receive(loan, Payment(payment=each.payment, at_ms=each.at_ms, amount=each.amount, named=each.named))
    if loan.credit:
        rest = Payment(payment=0, at_ms=0, amount=loan.credit)
        _place(loan, rest)
        loan.credit = _unplaced(rest)
    for payment in loan.payments:
        _place(loan, payment)


def received_between(loan: Loan, from_ms: int, before_ms: int) -> int:
    """Net of reversals, what was paid at event times in [from_ms, before_ms)."""
    if not loan.waiting:
        return sum(each.amount for each in loan.payments if from_ms <= each.at_ms < before_ms)
    paid: dict[int, int] = {}
    for each in loan.waiting:
        if not each.reversal and from_ms <= each.at_ms < before_ms:
            paid[each.payment] = paid.get(each.payment, 0) + each.amount
    for each in loan.waiting:
        if each.reversal and each.payment in paid:
            paid[each.payment] = max(0, paid[each.payment] - each.amount)
    return sum(paid.values())


def _line(loan: Loan, number: int) -> Line | None:
    return next((line for line in loan.lines if line.number == number), None)


def _unplaced(payment: Payment) -> int:
    return payment.amount - sum(amount for _, amount in payment.parts)


def _place(loan: Loan, payment: Payment) -> None:
    rest = _unplaced(payment)
    if rest <= 0:
        return
    start = 0
    if payment.named:
        start = next((i for i, line in enumerate(loan.lines) if line.number == payment.named), -1)
        if start < 0 and not loan.scheduled:
            return  # an instalment that has not fallen due yet
        start = max(start, 0)
    for line in loan.lines[start:] + loan.lines[:start]:
        taken = min(rest, line.amount - line.paid)
        if taken > 0:
            line.paid += taken
            payment.parts.append((line.number, taken))
            rest -= taken
        if rest == 0:
            return


def _take_back(loan: Loan, payment: Payment, amount: int) -> tuple[int, set[int]]:
    """Take at most `amount` out of a payment: what is not placed, then its parts from the last. → (taken, lines)."""
    wanted = min(amount, payment.amount)
    left = max(0, wanted - _unplaced(payment))
    numbers: set[int] = set()
    while left:
        number, part = payment.parts.pop()
        taken = min(part, left)
        if part > taken:
            payment.parts.append((number, part - taken))
        line = _line(loan, number)
        if line is not None:
            line.paid -= taken
            numbers.add(number)
        left -= taken
    payment.amount -= wanted
    return wanted, numbers


def _shrink(loan: Loan, line: Line, amount: int) -> None:
    """Free the cents that a line of now `amount` no longer takes: the newest payment's first."""
    excess = line.paid - amount
    for payment in reversed(loan.payments):
        if excess <= 0:
            return
        kept: list[tuple[int, int]] = []
        for number, part in reversed(payment.parts):
            freed = min(part, excess) if number == line.number else 0
            line.paid -= freed
            excess -= freed
            if part > freed:
                kept.append((number, part - freed))
        payment.parts = kept[::-1]
    if excess > 0:
        line.paid -= excess
        loan.credit += excess

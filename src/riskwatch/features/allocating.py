"""What each fact does to the books of a loan: waterfall, charges, waivers, new schedules, settlements, the end."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping

from riskwatch.features.ledger import (
    MAX_EPISODES,
    MAX_LINES,
    MAX_SETTLED,
    Books,
    Fact,
    FactKind,
    Line,
    Planned,
    is_settled,
    open_amount,
    outstanding,
)
from riskwatch.features.servicing import Servicing

PRINCIPAL = 3
"""Its place in `COMPONENTS`."""


def apply(books: Books, fact: Fact, rules: Servicing) -> Line | None:
    """Do to the books, in place, what a fact does. All facts of earlier value are in them.

    Returns the instalment that the first cent of a payment went to, None where none took any.
    """
    return _APPLY[fact.kind](books, fact, rules)


def line_of(planned: Planned, rules: Servicing) -> Line:
    """The line of an instalment that nothing was paid of."""
    number, due_day, amount, interest = planned
    line = Line(number=number, due_day=due_day, amount=amount, interest=interest, pay_day=rules.due_day(due_day))
    if amount <= rules.tolerance:
        line.closed_day = 1
    return line


def add_lines(books: Books, lines: Iterable[Line]) -> None:
    """Take in lines; nothing is paid of them."""
    for line in lines:
        insort(books.lines, line, key=_place)
    _bound(books)


def use_credit(books: Books, day: int, rules: Servicing) -> None:
    """Place what was paid beyond what was known, now that more is known."""
    held, books.held = books.held, []
    for named, amount in held:
        _pay(books, amount, named, day, rules)
    credit, books.credit = books.credit, 0
    books.credit += _allocate(books, credit, day, rules, [])
    note_settled(books, day)


def note_settled(books: Books, day: int) -> None:
    """Keep the day on which nothing was owed any more, or again."""
    spells = books.settled
    lasts = bool(spells) and not spells[-1][1]
    if is_settled(books) == lasts:
        return
    if lasts:
        began, _ = spells.pop()
        if began < day:
            spells.append((began, day))
    else:
        spells.append((day, 0))
        del spells[:-MAX_SETTLED]


def principal_of(line: Line) -> int:
    """What of a line's principal is open."""
    return open_amount(line) - line.fee - line.penalty - line.interest


def _place(line: Line) -> tuple[int, int]:
    return line.due_day, line.number


def _paid(books: Books, fact: Fact, rules: Servicing) -> Line | None:
    amount = fact.amount - fact.reversed
    if amount <= 0:
        return None
    if books.written_day:
        books.recovered += amount
    first = _pay(books, amount, fact.named, fact.day, rules)
    if books.agreed_until:
        if fact.day <= books.agreed_until:
            books.agreed_paid += amount
        _settle(books, fact.day)
    last = books.lines[-1] if books.lines else None
    if last is not None and last.paid + last.waived >= last.amount:
        note_settled(books, fact.day)
    return first


def _pay(books: Books, amount: int, named: int, day: int, rules: Servicing) -> Line | None:
    touched: list[Line] = []
    if named:
        known = [line for line in books.lines if line.number == named]
        if not known and not books.scheduled:
            books.held.append((named, amount))
            return None
        for line in known:
            amount = _cover(books, line, amount, day, rules, touched)
    if amount:
        books.credit += _allocate(books, amount, day, rules, touched)
    for line in touched:
        if line.number:
            return line
    return None


def _allocate(books: Books, amount: int, day: int, rules: Servicing, touched: list[Line]) -> int:
    """Covers by the waterfall what is due, then instalments to come in their order. → what is left."""
    if rules.across == "component-first":
        due = [line for line in books.lines if line.due_day <= day]
        for component in rules.order:
            for line in due:
                if amount:
                    amount = _cover(books, line, amount, day, rules, touched, (component,))
    for line in books.lines:
        if not amount:
            break
        if line.paid + line.waived < line.amount:
            amount = _cover(books, line, amount, day, rules, touched)
    return amount


def _cover(
    books: Books,
    line: Line,
    amount: int,
    day: int,
    rules: Servicing,
    touched: list[Line],
    order: tuple[int, ...] | None = None,
) -> int:
    """Pays components of a line in their order, all of them where none are named. → what is left."""
    taken = _take(line, amount, rules.order if order is None else order, books.paid)
    if taken:
        line.paid += taken
        touched.append(line)
        _close(line, day, rules)
    return amount - taken


def _take(line: Line, amount: int, order: tuple[int, ...], tally: list[int]) -> int:
    """Takes components of what is open of a line. → what was taken; the caller books it as paid or waived."""
    fee, penalty, interest = line.fee, line.penalty, line.interest
    parts = [fee, penalty, interest, line.amount - line.paid - line.waived - fee - penalty - interest]
    left = amount
    for component in order:
        part = parts[component]
        if part > left:
            part = left
        if part:
            parts[component] -= part
            tally[component] += part
            left -= part
    line.fee, line.penalty, line.interest, _ = parts
    return amount - left


def _close(line: Line, day: int, rules: Servicing) -> None:
    if not line.closed_day and line.amount - line.paid - line.waived <= rules.tolerance:
        line.closed_day = max(day, 1)


def _charged(books: Books, fact: Fact, rules: Servicing) -> None:
    if not fact.amount:
        return
    line = line_of((0, fact.day, fact.amount, 0), rules)
    line.fee, line.penalty = (fact.amount, 0) if fact.component == 0 else (0, fact.amount)
    add_lines(books, [line])
    use_credit(books, fact.day, rules)


def _waived(books: Books, fact: Fact, rules: Servicing) -> None:
    left = fact.amount
    for line in books.lines:
        taken = _take(line, left, (fact.component,), books.waived)
        if taken:
            line.waived += taken
            left -= taken
            _close(line, fact.day, rules)
    note_settled(books, fact.day)


def _agreed(books: Books, fact: Fact, rules: Servicing) -> None:
    books.agreed_amount, books.agreed_paid, books.agreed_until = fact.amount, 0, fact.until
    if fact.until < fact.day:
        books.agreed_until = 0
    _settle(books, fact.day)


def _settle(books: Books, day: int) -> None:
    """Waives what is left where the agreement that stands is fulfilled; forgets one that has lapsed."""
    if not books.agreed_until:
        return
    if books.agreed_paid >= books.agreed_amount and day <= books.agreed_until:
        for line in books.lines:
            rest = open_amount(line)
            if rest:
                line.waived += _take(line, rest, (0, 1, 2, PRINCIPAL), books.waived)
                line.closed_day = line.closed_day or max(day, 1)
        books.agreed_until = 0
        note_settled(books, day)
    elif day > books.agreed_until:
        books.agreed_until = 0


def _rescheduled(books: Books, fact: Fact, rules: Servicing) -> None:
    """What was not paid of the instalments goes; the new ones come. Charges stay."""
    told = {(line.number, line.due_day): line.told for line in books.lines}
    for line in books.lines:
        rest = open_amount(line)
        if rest and line.number:
            line.amount -= _take(line, rest, (0, 1, 2, PRINCIPAL), books.replaced)
            line.closed_day = line.closed_day or max(fact.day, 1)
    lines = [line_of(each, rules) for each in fact.planned]
    for line in lines:
        line.told = told.get((line.number, line.due_day), 0)
        line.since = fact.day
    books.scheduled = True
    add_lines(books, lines)
    use_credit(books, fact.day, rules)


def _written_off(books: Books, fact: Fact, rules: Servicing) -> None:
    books.written_day = books.written_day or fact.day


def _sold(books: Books, fact: Fact, rules: Servicing) -> None:
    books.sold_day = books.sold_day or fact.day


def _nothing(books: Books, fact: Fact, rules: Servicing) -> None:
    """Instalments that fall due are in the books from the beginning of their schedule: see `features.replaying`."""


_APPLY: Mapping[int, Callable[[Books, Fact, Servicing], Line | None]] = {
    FactKind.DUE: _nothing,
    FactKind.CHARGE: _charged,
    FactKind.WAIVER: _waived,
    FactKind.AGREEMENT: _agreed,
    FactKind.PAYMENT: _paid,
    FactKind.RESCHEDULE: _rescheduled,
    FactKind.WRITE_OFF: _written_off,
    FactKind.SALE: _sold,
}


def _bound(books: Books) -> None:
    """Keeps no more than `MAX_LINES`: the oldest closed ones go first, then the two oldest charges become one."""
    excess = len(books.lines) - MAX_LINES
    if excess <= 0:
        return
    first = next((line for line in books.lines if line.number), None)
    gone = [line for line in books.lines if not open_amount(line) and line is not first][:excess]
    for line in gone:
        if line.closed_day > line.pay_day:
            books.episodes.append((line.pay_day, line.closed_day))
    leaving = {id(line) for line in gone}
    books.lines = [line for line in books.lines if id(line) not in leaving]
    while len(books.episodes) > MAX_EPISODES:
        began, ended = books.episodes.pop(0)
        books.worst = max(books.worst, ended - began)
    while len(books.lines) > MAX_LINES:
        charges = [line for line in books.lines if not line.number]
        if len(charges) < 2:
            return
        kept, merged = charges[:2]
        for field in ("amount", "paid", "waived", "fee", "penalty"):
            setattr(kept, field, getattr(kept, field) + getattr(merged, field))
        kept.closed_day = 0 if not kept.closed_day or not merged.closed_day else max(kept.closed_day, merged.closed_day)
        books.lines = [line for line in books.lines if line is not merged]


def owed_of(books: Books) -> tuple[int, int, int, int]:
    """What is owed, due or not: fees, penalties, interest, principal."""
    fee = penalty = interest = 0
    for line in books.lines:
        fee += line.fee
        penalty += line.penalty
        interest += line.interest
    return fee, penalty, interest, outstanding(books) - fee - penalty - interest

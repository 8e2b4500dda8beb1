"""Facts into books: a fact that comes in order of value is applied, any other has them replayed from the opening.

The instalments of a schedule are in the books from its beginning: of the loan's own schedule and of instalments that
fell due, from the start; of a new schedule, from its day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from msgspec import structs

from riskwatch.features.allocating import add_lines, apply, line_of, note_settled, use_credit
from riskwatch.features.ledger import (
    MAX_FACTS,
    MAX_HOLIDAYS,
    MAX_REVERSALS,
    Books,
    Fact,
    FactKind,
    Line,
    Loan,
    Planned,
    open_amount,
)
from riskwatch.features.servicing import Servicing

FOLDED = 32
"""Facts that become the opening balance at a time."""


def key_of(fact: Fact) -> tuple[int, int, int, int]:
    """The place of a fact in order of value. No two facts of different events share it."""
    return fact.day, fact.kind, fact.at_ms, fact.event


def reach(loan: Loan, day: int, rules: Servicing) -> None:
    """Time has come to `day`: what counts from it on is applied. Rules that have changed have the books made anew."""
    if day > loan.clock_day:
        loan.clock_day = day
    if loan.rules_version != rules.version:
        known, loan.rules_version = loan.rules_version, rules.version
        if known:
            replay(loan, rules)
    while loan.done < len(loan.facts) and loan.facts[loan.done].day <= loan.clock_day:
        apply(loan, loan.facts[loan.done], rules)
        loan.done += 1


def take(loan: Loan, fact: Fact, rules: Servicing) -> Line | None:
    """Take in a fact; one that is known already changes nothing.

    Returns the instalment that the first cent of a payment went to, None where none took any (yet).
    """
    facts, key = loan.facts, key_of(fact)
    at = len(facts)
    if facts and key_of(facts[-1]) >= key:
        at = bisect_left(facts, key, key=key_of)
        if at < len(facts) and key_of(facts[at]) == key:
            return None
    facts.insert(at, fact)
    moved = fact.kind == FactKind.PAYMENT and bool(loan.reversals) and _match(loan, fact.payment, fact)
    if fact.day > loan.clock_day and not moved:
        first = None
    elif at == loan.done and not moved and (fact.kind != FactKind.DUE or _comes_last(loan, fact)):
        if fact.kind == FactKind.DUE:
            add_lines(loan, [line_of(fact.planned[0], rules)])
            note_settled(loan, 1)
        first = apply(loan, fact, rules)
        loan.done += 1
    else:
        first = replay(loan, rules, fact)
    if len(loan.facts) > MAX_FACTS:
        _fold(loan, rules)
    return first


def reverse(loan: Loan, payment: int, amount: int, event: int, rules: Servicing) -> tuple[int, Line | None]:
    """Take back `amount` of the payments with this id hash, the newest first (one transfer may be published in parts),
    as if it had never been paid. What finds no payment is kept for one that is still to come.

    Returns what of it was taken back, and the oldest instalment that lost by it. A reversal that is known already
    changes nothing.
    """
    if any(known == event for known, _, _ in loan.reversals):
        return amount, None
    before = _reversed(loan, payment)
    loan.reversals.append((event, payment, amount))
    del loan.reversals[:-MAX_REVERSALS]
    if not _match(loan, payment):
        return 0, None
    paid = {(line.number, line.due_day): line.paid for line in loan.lines}
    replay(loan, rules)
    losers = (line for line in loan.lines if line.number and line.paid < paid.get((line.number, line.due_day), 0))
    return _reversed(loan, payment) - before, next(losers, None)


def grant_holiday(loan: Loan, first_day: int, last_day: int, event: int) -> None:
    """Keep a payment holiday, both days included."""
    if last_day >= first_day and all(known != event for _, _, known in loan.holidays):
        loan.holidays = sorted([*loan.holidays, (first_day, last_day, event)])[-MAX_HOLIDAYS:]


def open_loan(loan: Loan, schedule: Fact, rules: Servicing) -> None:
    """Take in the schedule of a loan's opening: it stands against an earlier one."""
    loan.schedule = schedule
    if loan.opening is not None:
        _correct(loan.opening, schedule.planned, rules)
    replay(loan, rules)


def replay(loan: Loan, rules: Servicing, watched: Fact | None = None) -> Line | None:
    """Make the books anew from the opening and the facts that are kept. What was reported of a line stays noted.

    Returns what `apply` does for the fact that is watched."""
    told = {(line.number, line.due_day): line.told for line in loan.lines if line.told}
    _put(loan, loan.opening)
    for line in loan.lines:
        line.pay_day = rules.due_day(line.due_day)
    first = None
    due = _due_in(loan.facts, 0)
    _begin(loan, loan.schedule if loan.opening is None else None, due, rules)
    loan.done = 0
    for at, fact in enumerate(loan.facts):
        if fact.day > loan.clock_day:
            break
        touched = apply(loan, fact, rules)
        if fact is watched:
            first = touched
        if fact.kind == FactKind.RESCHEDULE:
            _merge(loan, _due_in(loan.facts, at + 1), fact.day, rules)
        loan.done = at + 1
    for line in loan.lines:
        line.told = told.get((line.number, line.due_day), 0)
    return first


def copy_books(books: Books) -> Books:
    """A copy that shares nothing that changes."""
    copied = Books()
    for field in Books.__struct_fields__:
        value = getattr(books, field)
        setattr(copied, field, list(value) if isinstance(value, list) else value)
    copied.lines = [structs.replace(line) for line in books.lines]
    return copied


def copy_loan(loan: Loan) -> Loan:
    """A copy whose books can be changed; facts are shared and stay as they are."""
    copied = structs.replace(loan, facts=list(loan.facts), reports=list(loan.reports))
    _put(copied, loan)
    return copied


def _put(loan: Loan, books: Books | None) -> None:
    source = Books() if books is None else copy_books(books)
    for field in Books.__struct_fields__:
        setattr(loan, field, getattr(source, field))


def _begin(loan: Loan, schedule: Fact | None, due: dict[int, Fact], rules: Servicing) -> None:
    if schedule is not None:
        loan.scheduled = True
        add_lines(loan, (line_of(each, rules) for each in schedule.planned))
    day = loan.facts[0].day if loan.facts else loan.clock_day
    _merge(loan, due, day, rules)
    if loan.opening is None:
        note_settled(loan, 1)  # of nothing, it is settled from the first


def _due_in(facts: list[Fact], start: int) -> dict[int, Fact]:
    """The instalments that fell due from the fact at `start` until the next schedule, the last word on each."""
    found: dict[int, Fact] = {}
    for fact in facts[start:]:
        if fact.kind == FactKind.RESCHEDULE:
            break
        if fact.kind == FactKind.DUE:
            found[fact.planned[0][0]] = fact
    return found


def _merge(books: Books, due: dict[int, Fact], day: int, rules: Servicing) -> None:
    """Takes in instalments that fell due. A schedule's own word on its instalments stands."""
    if not due:
        return
    known = {line.number: line for line in books.lines}
    if books.scheduled:
        due = {number: fact for number, fact in due.items() if number not in known}
    else:
        _replace(books, [fact.planned[0] for number, fact in due.items() if number in known], rules)
    add_lines(books, (line_of(fact.planned[0], rules) for number, fact in due.items() if number not in known))
    use_credit(books, day, rules)


def _correct(books: Books, planned: Iterable[Planned], rules: Servicing) -> None:
    """A corrected schedule over an opening balance."""
    wanted = {each[0]: each for each in planned}
    if books.scheduled:
        for line in books.lines:
            if line.number and line.number not in wanted:
                wanted[line.number] = (line.number, line.due_day, 0, 0)
    known = {line.number for line in books.lines}
    books.scheduled = True
    _replace(books, [each for number, each in wanted.items() if number in known], rules)
    add_lines(books, (line_of(each, rules) for number, each in wanted.items() if number not in known))


def _replace(books: Books, planned: Iterable[Planned], rules: Servicing) -> None:
    """Lines of an opening balance get a new day and amount; cents stay up to that, the others become credit."""
    for each in planned:
        new = line_of(each, rules)
        old = next(line for line in books.lines if line.number == new.number)
        new.paid = min(old.paid, new.amount)
        new.waived = min(old.waived, new.amount - new.paid)
        new.interest = min(new.interest, open_amount(new))
        new.closed_day = new.closed_day or (old.closed_day if open_amount(new) <= rules.tolerance else 0)
        books.credit += old.paid - new.paid
        books.lines.remove(old)
        add_lines(books, [new])


def _comes_last(loan: Loan, fact: Fact) -> bool:
    """Whether an instalment that fell due changes nothing of what is in the books."""
    number, due_day, _, _ = fact.planned[0]
    return (
        not (loan.credit or loan.held or loan.settled)
        and all(known.kind != FactKind.AGREEMENT for known in loan.facts)
        and all(line.number != number for line in loan.lines)
        and (not loan.lines or (loan.lines[-1].due_day, loan.lines[-1].number) < (due_day, number))
    )


def _match(loan: Loan, payment: int, fresh: Fact | None = None) -> bool:
    """Spreads the reversals of a payment id over its payments, the newest first. → whether one in the books changed."""
    left = sum(amount for _, reversed_payment, amount in loan.reversals if reversed_payment == payment)
    changed = False
    for fact in reversed(loan.facts):
        if fact.kind == FactKind.PAYMENT and fact.payment == payment:
            taken = min(fact.amount, left)
            left -= taken
            if fact.reversed != taken:
                fact.reversed = taken
                changed = changed or fact is not fresh
    return changed


def _reversed(loan: Loan, payment: int) -> int:
    return sum(fact.reversed for fact in loan.facts if fact.kind == FactKind.PAYMENT and fact.payment == payment)


def _fold(loan: Loan, rules: Servicing) -> None:
    """Makes the oldest facts the opening balance. Instalments that fell due under their schedule are of it too."""
    if not loan.done:
        del loan.facts[-1]  # all of them count from a later day: the farthest goes
        return
    count = min(FOLDED, loan.done)
    folded, rest = loan.facts[:count], loan.facts[count:]
    books = Loan(loan_id=loan.loan_id, subject=loan.subject, clock_day=loan.clock_day)
    due = _due_in(rest, 0)
    books.facts, books.schedule, books.opening = folded, loan.schedule, loan.opening
    books.facts = sorted([*folded, *due.values()], key=key_of)
    replay(books, rules)
    opening = copy_books(books)
    for fact in folded:
        if fact.reversed:
            _spend(loan, fact)
    segment = next((at for at, fact in enumerate(rest) if fact.kind == FactKind.RESCHEDULE), len(rest))
    loan.facts = [fact for at, fact in enumerate(rest) if at >= segment or fact.kind != FactKind.DUE]
    loan.opening = opening
    replay(loan, rules)


def _spend(loan: Loan, fact: Fact) -> None:
    """Reversals of a payment that is folded have done their work."""
    left = fact.reversed
    kept = []
    for event, payment, amount in loan.reversals:
        taken = min(amount, left) if payment == fact.payment else 0
        left -= taken
        kept.append((event, payment, amount - taken))
    loan.reversals = kept

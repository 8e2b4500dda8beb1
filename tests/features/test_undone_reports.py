"""Reports that a later word proves wrong, and what a loan keeps of a long life."""

from __future__ import annotations

from datetime import UTC, date, datetime

from riskwatch.features.account import Account, decode_account, encode_account, evolve_account, moved, overdue
from riskwatch.features.ledger import MAX_FACTS, MAX_LINES, MAX_REPORTS, MAX_REVERSALS
from riskwatch.features.servicing import STANDARD
from riskwatch.features.standing import standing
from riskwatch.features.timers import Overdue
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import (
    AnyEvent,
    ChargeMade,
    Instalment,
    LoanOpened,
    LoanRescheduled,
    LoanWrittenOff,
    PaymentHolidayGranted,
    PromiseMade,
    RepaymentReceived,
    RepaymentReversed,
)
from riskwatch.streams.packing import to_ms


def ms(*parts: int) -> int:
    return to_ms(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


def said(kind: type, name: str, at_ms: int, **more: object) -> tuple[AnyEvent, int]:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    event = kind(event_id=name, tenant="north", customer_id="c", occurred_at=at, loan_id="L", **more)
    return event, at_ms


def opened(name: str = "opened", due: date = date(2026, 2, 5)) -> tuple[AnyEvent, int]:
    """One instalment of 100.00."""
    return said(
        LoanOpened, name, ms(2026, 1, 1), product="cash-instalments", principal=10_000, currency="EUR",
        schedule=[Instalment(number=1, due_on=due, amount=10_000)],
    )  # fmt: skip


def paid(name: str, amount: int, at_ms: int, value_on: date | None = None) -> tuple[AnyEvent, int]:
    return said(
        RepaymentReceived, name, at_ms, payment_id=name, amount=amount, currency="EUR", value_on=value_on
    )  # fmt: skip


def reversed_(name: str, amount: int, at_ms: int) -> tuple[AnyEvent, int]:
    return said(RepaymentReversed, f"r-{name}", at_ms, payment_id=name, amount=amount, currency="EUR")


def told(*events: tuple[AnyEvent, int]) -> Account:
    account = Account()
    for event in events:
        evolve_account(account, *event, UTC)
    return account


def steps(found: list[Overdue]) -> list[int]:
    return [each.dpd for each in found if each.kind == Kind.INSTALMENT_OVERDUE]


def hashes(found: list[Overdue]) -> set[int]:
    return {each.event_hash for each in found}


def test_a_payment_of_before_the_due_day_undoes_all_that_was_reported() -> None:
    account = told(opened())
    found = overdue(account, ms(2026, 2, 13), UTC)
    facts = evolve_account(account, *paid("p", 10_000, ms(2026, 2, 13, 9), date(2026, 2, 5)), UTC)
    assert set(facts.undone) == hashes(found)
    assert len(found) == 4  # steps of one, three and seven days, and the roll into M1


def test_a_payment_undoes_the_steps_that_came_after_its_value_day() -> None:
    account = told(opened())
    found = overdue(account, ms(2026, 2, 13), UTC)
    facts = evolve_account(account, *paid("p", 10_000, ms(2026, 2, 13, 9), date(2026, 2, 8)), UTC)
    assert facts.undone == tuple(each.event_hash for each in found if each.dpd == 7)


def test_a_payment_of_the_day_itself_undoes_nothing() -> None:
    account = told(opened())
    overdue(account, ms(2026, 2, 8), UTC)
    assert evolve_account(account, *paid("p", 10_000, ms(2026, 2, 8, 9)), UTC).undone == ()


def test_a_part_of_what_is_open_undoes_nothing() -> None:
    account = told(opened())
    overdue(account, ms(2026, 2, 8), UTC)
    assert evolve_account(account, *paid("p", 9_999, ms(2026, 2, 8, 9), date(2026, 2, 1)), UTC).undone == ()


def test_what_was_undone_is_reported_again_where_it_becomes_true_again() -> None:
    account = told(opened())
    found = overdue(account, ms(2026, 2, 8), UTC)
    evolve_account(account, *paid("p", 10_000, ms(2026, 2, 8, 9), date(2026, 2, 5)), UTC)
    evolve_account(account, *reversed_("p", 10_000, ms(2026, 2, 8, 10)), UTC)
    assert hashes(overdue(account, ms(2026, 2, 8, 11), UTC)) == hashes(found)


def test_a_due_day_that_a_corrected_schedule_moves_undoes_its_reports() -> None:
    account = told(opened())
    found = overdue(account, ms(2026, 2, 8), UTC)
    facts = evolve_account(account, *opened("corrected", date(2026, 3, 5)), UTC)
    assert set(facts.undone) == hashes(found)
    assert steps(overdue(account, ms(2026, 3, 6), UTC)) == [1]


def test_a_holiday_that_is_granted_afterwards_undoes_the_steps_that_it_covers() -> None:
    account = told(opened())
    found = overdue(account, ms(2026, 2, 13), UTC)
    holiday = said(
        PaymentHolidayGranted, "h", ms(2026, 2, 13, 9), starts_on=date(2026, 2, 7), ends_on=date(2026, 2, 20)
    )  # fmt: skip
    facts = evolve_account(account, *holiday, UTC)
    assert facts.undone == tuple(each.event_hash for each in found if each.dpd > 1)
    # Of the days past due, 6 February counts, then those from the 21st on.
    assert steps(overdue(account, ms(2026, 2, 21, 23), UTC)) == []
    assert steps(overdue(account, ms(2026, 2, 22), UTC)) == [3]


def test_a_write_off_of_an_earlier_day_undoes_what_came_after_it() -> None:
    account = told(opened())
    found = overdue(account, ms(2026, 2, 13), UTC)
    facts = evolve_account(account, *said(LoanWrittenOff, "w", ms(2026, 2, 9)), UTC)
    assert facts.undone == tuple(each.event_hash for each in found if each.dpd == 7)
    assert overdue(account, ms(2027, 1, 1), UTC) == []


def test_a_broken_promise_is_undone_by_a_payment_of_its_time() -> None:
    promise = said(
        PromiseMade, "promise", ms(2026, 1, 10), amount=5_000, currency="EUR", pay_by=date(2026, 1, 20)
    )  # fmt: skip
    account = told(opened(), promise)
    (broken,) = overdue(account, ms(2026, 1, 21), UTC)
    late = evolve_account(account, *paid("a", 5_000, ms(2026, 1, 22), date(2026, 1, 21)), UTC)
    less = evolve_account(account, *paid("b", 4_999, ms(2026, 1, 22, 1), date(2026, 1, 20)), UTC)
    rest = evolve_account(account, *paid("c", 1, ms(2026, 1, 22, 2), date(2026, 1, 10)), UTC)
    assert (late.undone, less.undone, rest.undone) == ((), (), (broken.event_hash,))


def test_a_move_back_says_that_it_corrects() -> None:
    account = told(opened())
    moved(account, ms(2026, 2, 13), UTC)
    (move,) = evolve_account(account, *paid("p", 10_000, ms(2026, 2, 13, 9), date(2026, 2, 5)), UTC).moves
    assert (move.before_status, move.after.status, move.corrects) == ("past-due", "settled", True)


def test_a_cure_of_today_corrects_nothing() -> None:
    account = told(opened())
    moved(account, ms(2026, 2, 13), UTC)
    (move,) = evolve_account(account, *paid("p", 10_000, ms(2026, 2, 13, 9)), UTC).moves
    assert (move.before_status, move.after.status, move.corrects) == ("past-due", "settled", False)


def test_a_late_tick_moves_bucket_by_bucket_each_on_its_own_day() -> None:
    moves = moved(told(opened()), ms(2026, 4, 10), UTC)
    assert [(move.after.bucket, move.at_ms, move.after.past_due_days) for move in moves] == [
        ("M1", ms(2026, 2, 6), 1), ("M2", ms(2026, 3, 8), 31), ("M3", ms(2026, 4, 7), 61)
    ]  # fmt: skip


def test_folding_the_oldest_facts_changes_nothing_of_what_is_owed() -> None:
    """A loan of 600 instalments with a payment each: what came of the folded ones stays."""
    start = date(2020, 1, 6).toordinal()
    schedule = [
        Instalment(number=n, due_on=date.fromordinal(start + 7 * n), amount=100, interest=30) for n in range(1, 601)
    ]
    account = told(
        said(
            LoanOpened, "opened", ms(2020, 1, 1), product="cash-instalments", principal=42_000, currency="EUR",
            schedule=schedule,
        )
    )  # fmt: skip
    for n in range(1, 601):
        at_ms = to_ms(datetime.fromordinal(start + 7 * n + n % 3).replace(tzinfo=UTC)) + 1
        evolve_account(account, *paid(f"p{n}", 99, at_ms), UTC)
        loan = account.loans["L"]
        assert len(loan.facts) <= MAX_FACTS
        assert sum(line.paid for line in loan.lines) + loan.credit == 99 * n
    loan = account.loans["L"]
    assert loan.opening is not None
    found = standing(loan, at_ms, UTC, STANDARD)
    assert (found.exposure, found.max_dpd > 0, sum(loan.paid)) == (600, True, 59_400)
    # The waterfall takes interest first: all of it but that of the last instalments is paid.
    assert found.owed.interest == 180
    assert evolve_account(account, *reversed_("p600", 99, at_ms + 1), UTC).due_amount == 100
    assert standing(loan, at_ms, UTC, STANDARD).exposure == 699


def test_a_loan_of_many_corrections_stays_small() -> None:
    account = told(opened())
    for n in range(300):
        at_ms = ms(2026, 1, 2) + n * 86_400_000
        due = date.fromordinal(date(2026, 1, 2).toordinal() + n)
        schedule = [Instalment(number=i + 1, due_on=due, amount=10) for i in range(20)]
        evolve_account(account, *said(LoanRescheduled, f"s{n}", at_ms, currency="EUR", schedule=schedule), UTC)
        evolve_account(
            account, *said(ChargeMade, f"c{n}", at_ms + 1, charge="fee", amount=5, currency="EUR"), UTC
        )  # fmt: skip
        evolve_account(account, *reversed_(f"nobody{n}", 5, at_ms + 2), UTC)
        if n % 10 == 0:
            overdue(account, at_ms + 3, UTC)
    loan = account.loans["L"]
    assert len(loan.lines) <= MAX_LINES
    assert len(loan.facts) <= MAX_FACTS
    assert len(loan.reversals) <= MAX_REVERSALS
    assert len(loan.reports) <= MAX_REPORTS
    assert loan.opening is not None
    # The last schedule and all the fees.
    assert standing(loan, at_ms, UTC, STANDARD).exposure == 20 * 10 + 300 * 5
    assert decode_account(encode_account(account)) == account

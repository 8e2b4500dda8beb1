"""How a loan was paid so far, counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from riskwatch.features.account import Account
from riskwatch.features.ledger import Line, Loan
from riskwatch.features.loanhistory import LOAN_COLUMNS, NEVER_DAYS, LoanHistory, loan_history
from riskwatch.streams.packing import to_ms

NOW = to_ms(datetime(2026, 7, 1, 12, tzinfo=UTC))


def line(number: int, due: date, *, late: int | None = 0) -> Line:
    """An instalment of 100 that was paid so many days late; None: it is open."""
    day = due.toordinal()
    closed = 0 if late is None else day + late
    return Line(number=number, due_day=day, pay_day=day, amount=100, paid=0 if late is None else 100, closed_day=closed)


def loan(name: str, *lines: Line) -> Loan:
    return Loan(loan_id=name, subject=1, lines=list(lines))


def told(one: Loan, *others: Loan, zone: str = "UTC", at_ms: int = NOW) -> LoanHistory:
    account = Account(loans={each.loan_id: each for each in (one, *others)})
    return loan_history(account, one, at_ms, ZoneInfo(zone))


def test_the_columns_are_the_fields() -> None:
    assert tuple(LOAN_COLUMNS) == LoanHistory.__struct_fields__


def test_lateness_is_counted_by_the_days_that_each_instalment_was_late() -> None:
    one = loan(
        "a", line(1, date(2026, 1, 15)), line(2, date(2026, 2, 15), late=7), line(3, date(2026, 3, 15), late=15),
        line(4, date(2026, 4, 15), late=60), line(5, date(2026, 6, 21), late=None),
    )  # fmt: skip
    found = told(one)
    assert (found.loan_late_count, found.loan_late_15_count, found.loan_arrears_count) == (4, 2, 1)
    assert found.loan_dpd == 10
    assert found.loan_age_days == 167
    assert found.days_since_loan_arrears == (date(2026, 7, 1) - date(2026, 5, 15)).days


def test_a_loan_never_late_was_last_in_arrears_ten_years_ago() -> None:
    found = told(loan("a", line(1, date(2026, 8, 1), late=None)))
    assert (found.loan_dpd, found.loan_age_days, found.days_since_loan_arrears) == (0, 0, NEVER_DAYS)


def test_a_loan_of_which_no_instalment_is_known_is_new() -> None:
    assert told(loan("a")).loan_age_days == 0


def test_other_loans_tell_their_days_past_due_and_their_arrears() -> None:
    first = loan("b", line(1, date(2026, 5, 1), late=None))
    second = loan("c", line(1, date(2026, 1, 1), late=30), line(2, date(2026, 6, 30), late=None))
    found = told(loan("a", line(1, date(2026, 7, 15), late=None)), first, second)
    assert (found.other_loans_dpd, found.other_loans_arrears_count, found.loan_arrears_count) == (61, 2, 0)


def test_days_are_those_of_the_institutions_zone() -> None:
    one = loan("a", line(1, date(2026, 6, 30), late=None))
    late = to_ms(datetime(2026, 6, 30, 20, tzinfo=UTC))
    assert (told(one, at_ms=late).loan_dpd, told(one, zone="Asia/Shanghai", at_ms=late).loan_dpd) == (0, 1)

"""Which reports of a loan prove wrong when more is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from riskwatch.features.delinquency import bucket_days, last_day, oldest_open, oldest_open_on, settled_on
from riskwatch.features.ledger import Loan, Promise, Report
from riskwatch.features.servicing import Servicing, bucket_of
from riskwatch.features.timers import ARREARS_DPD, STEP_BEFORE, reached_day, received_between, start_of_day
from riskwatch.streams.entry import Kind


def undo_reports(loan: Loan, zone: tzinfo, rules: Servicing) -> tuple[Report, ...]:
    """Reports that are not true under what is known now; they are forgotten, and made again where they
    become true again.

    A report of an instalment is true if the instalment, due on that day, has been open for so many delinquent days by
    now; of a roll, if the loan was in that bucket or a worse one on the morning of that day; of a promise, if it was
    not kept and the loan not settled by its day, or if it was kept."""
    undone = [report for report in loan.reports if not _is_true(loan, report, zone, rules)]
    if not undone:
        return ()
    gone = {report.event for report in undone}
    loan.reports = [report for report in loan.reports if report.event not in gone]
    for report in undone:
        if report.kind == Kind.INSTALMENT_OVERDUE:
            for line in loan.lines:
                if line.number == report.number and line.due_day == report.day:
                    line.told = min(line.told, STEP_BEFORE[report.step])
        elif report.kind == Kind.LOAN_ROLLED:
            loan.rolled = min(loan.rolled, report.step - 1)
        else:
            made_ms, amount, by = report.made_ms, report.amount, report.day
            loan.promises.append(Promise(promise=report.number, made_ms=made_ms, amount=amount, pay_by_day=by))
    return tuple(undone)


def never_in_arrears(loan: Loan, undone: Iterable[Report]) -> tuple[int, ...]:
    """When (ms) the loan was reported to come to be 30 days past due, of reports that are `undone`, unless a report
    that stands says the same."""
    standing = {report.reached_ms for report in loan.reports if _is_of_arrears(report)}
    return tuple(sorted({report.reached_ms for report in undone if _is_of_arrears(report)} - standing))


def _is_of_arrears(report: Report) -> bool:
    return report.kind == Kind.INSTALMENT_OVERDUE and report.step == ARREARS_DPD


def settle_rolled(loan: Loan, rules: Servicing) -> None:
    """A loan that is in a better bucket than it was reported to be in is reported afresh when it rolls again."""
    if loan.rolled:
        day = last_day(loan, loan.clock_day)
        loan.rolled = min(loan.rolled, bucket_of(bucket_days(loan, oldest_open(loan), day, rules)))


def _is_true(loan: Loan, report: Report, zone: tzinfo, rules: Servicing) -> bool:
    if report.kind == Kind.INSTALMENT_OVERDUE:
        return any(
            line.number == report.number
            and line.due_day == report.day
            and reached_day(loan, line, report.step, rules) is not None
            for line in loan.lines
        )
    if report.kind == Kind.LOAN_ROLLED:
        if last_day(loan, report.day) < report.day:
            return False
        oldest = oldest_open_on(loan, report.day, "morning")
        return bucket_of(bucket_days(loan, oldest, report.day, rules)) >= report.step
    if 0 < loan.sold_day <= report.day:
        return False
    received = received_between(loan, report.made_ms, start_of_day(report.day + 1, zone), zone)
    if report.kind == Kind.PROMISE_KEPT:
        return received >= report.amount or any(not ended or ended > report.day for _, ended in loan.settled)
    return received < report.amount and not settled_on(loan, report.day)

"""How a loan was paid so far, and the customer's other loans, as numbers: what the arrears model reads beside features.

A feature is of a customer; whether one of their loans falls behind is told best by that loan.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from msgspec import Struct

from riskwatch.features.account import Account
from riskwatch.features.delinquency import oldest_open, past_due_days
from riskwatch.features.ledger import Loan
from riskwatch.features.timers import ARREARS_DPD, day_of

LATE_DPD = 15
NEVER_DAYS = 3_650.0

LOAN_COLUMNS: Mapping[str, str] = {
    "loan_age_days": "days since the loan's first due date, 0 before it",
    "loan_dpd": "days past due of the loan's oldest open instalment",
    "loan_late_count": "instalments of the loan that were ever a day past due",
    "loan_late_15_count": "instalments of the loan that were ever 15 days past due",
    "loan_arrears_count": "instalments of the loan that were ever 30 days past due",
    "days_since_loan_arrears": "days since an instalment of the loan came to be 30 days past due; ten years for never",
    "other_loans_dpd": "most days past due among the customer's other loans",
    "other_loans_arrears_count": "instalments of the other loans that were ever 30 days past due",
}
"""Name → description, in the order of `LoanHistory`."""


class LoanHistory(Struct, frozen=True, array_like=True):
    """The numbers of `LOAN_COLUMNS`, in their order."""

    loan_age_days: float
    loan_dpd: float
    loan_late_count: float
    loan_late_15_count: float
    loan_arrears_count: float
    days_since_loan_arrears: float
    other_loans_dpd: float
    other_loans_arrears_count: float


def loan_history(account: Account, loan: Loan, at_ms: int, zone: tzinfo) -> LoanHistory:
    """The loan and its customer's others at an instant; `zone`: the institution's."""
    today = day_of(at_ms, zone)
    days = days_late(loan, today)
    fell = [began + ARREARS_DPD for began, late in days if late >= ARREARS_DPD]
    others = [each for each in account.loans.values() if each is not loan]
    return LoanHistory(
        loan_age_days=float(max((today - began for began, _ in days), default=0)),
        loan_dpd=float(past_due_days(oldest_open(loan), today)),
        loan_late_count=float(sum(late > 0 for _, late in days)),
        loan_late_15_count=float(sum(late >= LATE_DPD for _, late in days)),
        loan_arrears_count=float(len(fell)),
        days_since_loan_arrears=float(today - max(fell)) if fell else NEVER_DAYS,
        other_loans_dpd=float(max((past_due_days(oldest_open(each), today) for each in others), default=0)),
        other_loans_arrears_count=float(
            sum(late >= ARREARS_DPD for each in others for _, late in days_late(each, today))
        ),
    )


def days_late(loan: Loan, today: int) -> list[tuple[int, int]]:
    """Of each instalment and charge that has come to its day, the day and how many days later it was closed, so far;
    in no order."""
    lines = [(line.pay_day, line.closed_day or today) for line in loan.lines]
    return [(began, max(0, ended - began)) for began, ended in (*lines, *loan.episodes) if began <= today]

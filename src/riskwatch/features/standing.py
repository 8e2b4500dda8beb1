"""How a loan stands at an instant: status, days, bucket, what is owed, and how it was paid so far."""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal

from msgspec import Struct

from riskwatch.features.ledger import Loan, is_settled, outstanding
from riskwatch.features.servicing import BUCKETS, Servicing, bucket_of
from riskwatch.features.timers import day_of

LoanStatus = Literal["performing", "past-due", "settled", "written-off", "sold", "unknown"]

MONTH_DAYS = 365.25 / 12
HALF_YEAR_DAYS, YEAR_DAYS = 183, 365


class Owed(Struct, frozen=True):
    """What is owed, by component. Minor units."""

    fee: int = 0
    penalty: int = 0
    interest: int = 0
    principal: int = 0


class Standing(Struct, frozen=True, kw_only=True):
    """A loan at an instant. Money in minor units; texts are empty where unknown.

    `unknown`: no instalment is known yet. `past_due_days`: days since the due day of the oldest instalment that is due
    and open; `delinquent_days`: those without the grace and the days of payment holidays. `past_due`: what is due and
    open; `exposure`: all that is owed, due or not, and `owed` the same by component. `next_due`: days since
    0001-01-01 as `date.toordinal` counts. `paid_share`: of what fell due so far, the share that is paid; 1 before the
    first due date. `max_dpd`: most days past due ever; in 183 days; in 365. Months are of 365.25 / 12 days.
    `months_since_overdue`: since anything was past due, 0 while it is, None if it never was. `first_payment_missed`:
    the first instalment is or was past due. `recovered`: paid after the write-off. `principal`: as opened.
    """

    loan_id: str
    product: str
    currency: str
    merchant_id: str
    application_id: str
    status: LoanStatus
    past_due_days: int
    delinquent_days: int
    bucket: str
    past_due: int
    exposure: int
    owed: Owed
    next_due: int | None
    days_to_due: int | None
    paid_share: float
    max_dpd: int
    max_dpd_6m: int
    max_dpd_12m: int
    months_since_overdue: float | None
    months_on_book: float | None
    first_payment_missed: bool
    recovered: int
    principal: int
    opened_ms: int


def standing(loan: Loan, now_ms: int, zone: tzinfo, rules: Servicing) -> Standing:
    """How the loan stands at `now_ms`. `zone`: the institution's."""
    today = day_of(now_ms, zone)
    due = [line for line in loan.lines if line.due_day <= today]
    late = [line for line in due if line.amount - line.paid > rules.tolerance and rules.due_day(line.due_day) < today]
    dpd = max((today - rules.due_day(line.due_day) for line in late), default=0)
    delinquent = max(0, dpd - rules.grace_days)
    ahead = [line.due_day for line in loan.lines if line.due_day > today and line.paid < line.amount]
    exposure = outstanding(loan)
    status: LoanStatus = "past-due" if late else "performing"
    if not loan.lines:
        status = "unknown"
    elif is_settled(loan):
        status = "settled"
    return Standing(
        loan_id=loan.loan_id,
        product=loan.product,
        currency=loan.currency,
        merchant_id=loan.merchant_id,
        application_id=loan.application_id,
        status=status,
        past_due_days=dpd,
        delinquent_days=delinquent,
        bucket=BUCKETS[bucket_of(dpd if rules.bucket_by == "past-due" else delinquent)],
        past_due=sum(line.amount - line.paid for line in late),
        exposure=exposure,
        owed=Owed(principal=exposure),
        next_due=min(ahead, default=None),
        days_to_due=min(ahead) - today if ahead else None,
        paid_share=sum(line.paid for line in due) / (sum(line.amount for line in due) or 1) if due else 1.0,
        max_dpd=max((dpd, *(line.told for line in loan.lines))),
        max_dpd_6m=dpd,
        max_dpd_12m=dpd,
        months_since_overdue=0.0 if dpd else None,
        months_on_book=(now_ms - loan.opened_ms) / 86_400_000 / MONTH_DAYS if loan.opened_ms else None,
        first_payment_missed=bool(loan.lines) and loan.lines[0].told > 0,
        recovered=0,
        principal=loan.principal,
        opened_ms=loan.opened_ms,
    )

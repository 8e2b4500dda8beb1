"""How a loan stands at an instant: status, days, bucket, what is owed, and how it was paid so far."""

from __future__ import annotations

from datetime import tzinfo

from msgspec import Struct

from riskwatch.features.allocating import owed_of
from riskwatch.features.delinquency import (
    delinquent_days,
    last_day,
    last_past_due,
    most_past_due,
    oldest_open,
    oldest_open_on,
    past_due_days,
    place_on,
)
from riskwatch.features.ledger import Line, Loan, LoanStatus, open_amount, outstanding
from riskwatch.features.replaying import copy_loan, reach
from riskwatch.features.servicing import BUCKETS, Servicing
from riskwatch.features.timers import day_of

MONTH_DAYS = 365.25 / 12
HALF_YEAR_DAYS, YEAR_DAYS = 183, 365
DAY_MS = 86_400_000


class Owed(Struct, frozen=True):
    """What is owed, by component. Minor units."""

    fee: int = 0
    penalty: int = 0
    interest: int = 0
    principal: int = 0


class Standing(Struct, frozen=True, kw_only=True):
    """A loan at an instant. Money in minor units; texts are empty where unknown.

    `unknown`: no instalment is known yet. `past_due_days`: days since the due day of the oldest instalment that is due
    and open; `delinquent_days`: those without the grace and the days of payment holidays; both stop at a write-off and
    at a sale. `past_due`: what is due and open; `exposure`: all that is owed, due or not, and `owed` the same by
    component. `next_due`: day of the next open instalment from today on, since 0001-01-01 as `date.toordinal` counts.
    `paid_share`: of the instalments due so far, the share that is covered; 1 before the first. `max_dpd`: most days
    past due ever; in 183 days; in 365. Months are of 365.25 / 12 days. `months_since_overdue`: since anything was past
    due, 0 while it is, None if it never was. `first_payment_missed`: the first instalment is or was past due.
    `recovered`: paid after the write-off. `principal`: as opened.
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
    """How the loan stands at `now_ms`, a time after all that is known of it. `zone`: the institution's."""
    today = day_of(now_ms, zone)
    pending = loan.done < len(loan.facts) and loan.facts[loan.done].day <= today
    if pending or loan.rules_version not in (0, rules.version):
        loan = copy_loan(loan)
        reach(loan, today, rules)
    status, bucket = place_on(loan, today, rules)
    counted = last_day(loan, today)
    oldest = oldest_open(loan)
    if counted < today:
        oldest = oldest_open_on(loan, counted, "evening")
    due = [line for line in loan.lines if line.number and line.due_day <= today]
    late = [line for line in loan.lines if line.pay_day < today and not line.closed_day]
    ahead = [line.due_day for line in loan.lines if line.due_day >= today and open_amount(line)]
    next_due = min(ahead, default=None)
    last_late = last_past_due(loan, today)
    first = min((line for line in loan.lines if line.number), key=lambda line: line.since, default=None)
    return Standing(
        loan_id=loan.loan_id,
        product=loan.product,
        currency=loan.currency,
        merchant_id=loan.merchant_id,
        application_id=loan.application_id,
        status=status,
        past_due_days=past_due_days(oldest, counted),
        delinquent_days=delinquent_days(loan, oldest, counted, rules),
        bucket=BUCKETS[bucket],
        past_due=sum(map(open_amount, late)),
        exposure=outstanding(loan),
        owed=Owed(*owed_of(loan)),
        next_due=next_due,
        days_to_due=None if next_due is None else next_due - today,
        paid_share=_paid_share(due),
        max_dpd=most_past_due(loan, today),
        max_dpd_6m=most_past_due(loan, today, HALF_YEAR_DAYS),
        max_dpd_12m=most_past_due(loan, today, YEAR_DAYS),
        months_since_overdue=None if last_late is None else (today - last_late) / MONTH_DAYS,
        months_on_book=max(0, now_ms - loan.opened_ms) / DAY_MS / MONTH_DAYS if loan.opened_ms else None,
        first_payment_missed=first is not None and min(first.closed_day or counted, counted) > first.pay_day,
        recovered=loan.recovered,
        principal=loan.principal,
        opened_ms=loan.opened_ms,
    )


def _paid_share(due: list[Line]) -> float:
    amount = sum(line.amount for line in due)
    return 1.0 - sum(map(open_amount, due)) / amount if amount else 1.0

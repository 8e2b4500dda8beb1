"""How a loan is being paid, beside how it stands: what falls due next, and the newest payments."""

from __future__ import annotations

from datetime import tzinfo

from msgspec import Struct

from riskwatch.features.ledger import FactKind, Loan, open_amount
from riskwatch.features.servicing import Servicing
from riskwatch.features.standing import standing
from riskwatch.features.timers import day_of

MONTH_MS = 30 * 86_400_000


class Paying(Struct, frozen=True, kw_only=True, gc=False):
    """`next_due`: the day (`date.toordinal`) on which the next instalment that is not paid must be, today or later,
    None where none is left; `next_amount`: what is open of it, minor units. `last_paid_ms`: of the newest payment, 0
    for none; `payments_30d`: payments in 30 days, those reversed in full not among them."""

    next_due: int | None = None
    next_amount: int = 0
    last_paid_ms: int = 0
    payments_30d: int = 0


def paying(loan: Loan, now_ms: int, zone: tzinfo, rules: Servicing) -> Paying:
    """How the loan is being paid at `now_ms`. `zone`: the institution's."""
    today = day_of(now_ms, zone)
    next_due, next_amount = None, 0
    for line in loan.lines:  # in order of due day
        if not line.closed_day and (due := line.pay_day) >= today:
            if next_due is not None and due > next_due:
                break
            next_due, next_amount = due, next_amount + open_amount(line)
    payments = (each for each in loan.facts if each.kind == FactKind.PAYMENT and each.amount > each.reversed)
    made = [each.at_ms for each in payments if each.at_ms <= now_ms]
    return Paying(
        next_due=next_due,
        next_amount=next_amount,
        last_paid_ms=max(made, default=0),
        payments_30d=sum(at_ms > now_ms - MONTH_MS for at_ms in made),
    )


def past_due(loan: Loan, now_ms: int, zone: tzinfo, rules: Servicing) -> int:
    """What of a loan is due and open, minor units: `Standing.past_due`, at once for a loan that is paid up to date."""
    today = day_of(now_ms, zone)
    if all(line.closed_day or line.pay_day >= today for line in loan.lines):
        return 0
    return standing(loan, now_ms, zone, rules).past_due

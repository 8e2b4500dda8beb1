"""What the arrears model looks at: entries that say that a loan is paid late, in part, or not at all."""

from __future__ import annotations

from datetime import tzinfo

from riskwatch.agents.part import Part
from riskwatch.features.account import Account
from riskwatch.features.loanhistory import loan_history
from riskwatch.streams.entry import Kind

SCORED_DPD = (3, 15)
"""Days past due at which the arrears model looks at an instalment that is still unpaid."""


def tells_of_arrears(kind: int, days_late: float, paid_share: float) -> bool:
    """Whether the arrears model looks at an entry."""
    if kind == Kind.INSTALMENT_OVERDUE:
        return days_late in SCORED_DPD
    if kind == Kind.REPAYMENT_RECEIVED:
        return days_late >= 1 or (days_late >= 0 and paid_share < 1)
    return kind in (Kind.REPAYMENT_REVERSED, Kind.PROMISE_BROKEN)


def note_loan(part: Part, place: int, account: Account, now_ms: int, zone: tzinfo) -> None:
    """Notes how the loan was paid, where the model looks at the entry. `account`: behind the entry; `now_ms`: when it
    came to be known, which is later than its own time where something fell due in the past."""
    entry = part.entries[place]
    if tells_of_arrears(int(entry["kind"]), float(entry["days_late"]), float(entry["paid_share"])):
        subject = int(entry["subject"])
        loan = next((each for each in account.loans.values() if each.subject == subject), None)
        if loan is not None:
            part.histories[place] = loan_history(account, loan, now_ms, zone)

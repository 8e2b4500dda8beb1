"""What the events of one part of a batch undo, by place: told while they are opened, taken when the part is judged."""

from __future__ import annotations

from datetime import tzinfo

from riskwatch.alerts.withdrawing import Undoing
from riskwatch.features.account import Account, Facts, evolve_account
from riskwatch.features.ledger import FactKind, Loan
from riskwatch.features.servicing import ServicingBook
from riskwatch.streams.events import AnyEvent, RepaymentReceived, RepaymentReversed
from riskwatch.streams.packing import hash64


def payment_of(event: RepaymentReceived | RepaymentReversed) -> int:
    """The hash by which a ledger knows a payment: that of its id, else of the event that brought it."""
    return hash64(event.tenant, event.payment_id or event.event_id)


class Undoings:
    """Told and taken part by part."""

    def __init__(self) -> None:
        self._found: list[tuple[int, Undoing]] = []

    def evolve(
        self, place: int, account: Account, event: AnyEvent, at_ms: int, zone: tzinfo, servicing: ServicingBook
    ) -> Facts:  # fmt: skip
        """`evolve_account`, and what it undoes."""
        loan_id: str = getattr(event, "loan_id", None) or ""
        loan = account.loans.get(loan_id)
        was_late = _in_arrears(loan)
        payment = payment_of(event) if isinstance(event, RepaymentReversed) and _holds(loan, payment_of(event)) else 0
        facts = evolve_account(account, event, at_ms, zone, servicing)
        loan = account.loans.get(loan_id)
        gone = 0 if _holds(loan, payment) else payment
        cured = loan.subject if loan is not None and was_late and not _in_arrears(loan) else 0
        if facts.undone or gone or cured:
            undoing = Undoing(
                event_id=event.event_id, event_type=type(event).__name__, at_ms=at_ms,
                events=frozenset(facts.undone), payment=gone, cured=cured,
            )  # fmt: skip
            self._found.append((place, undoing))
        return facts

    def take(self) -> list[tuple[int, Undoing]]:
        """What was told since the last time, in order of place."""
        found, self._found = self._found, []
        return found


def _holds(loan: Loan | None, payment: int) -> bool:
    return loan is not None and any(
        each.payment == payment and each.amount > each.reversed for each in loan.facts if each.kind == FactKind.PAYMENT
    )


def _in_arrears(loan: Loan | None) -> bool:
    """Whether an instalment that was reported as overdue is still open."""
    return loan is not None and any(line.told and not line.closed_day for line in loan.lines)

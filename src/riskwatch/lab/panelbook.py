"""The accounts of a panel at risk, told from their statuses and dated as the replay's events are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from riskwatch.lab.delinquency import Book, LoanKey
from riskwatch.streams.packing import to_ms

TOLD = (
    "The file tells a status a month, no days: 30 and 60 days past due are dated by the replay's due days (the 15th), "
    "so that a lead is known to a month."
)


class PanelBook:
    """`loan`: account → its loan; `at`: month, day, hour → instant. A status below 0 is no loan, or one paid off."""

    def __init__(self, loan: Callable[[int], LoanKey], at: Callable[[int, int, int], datetime]) -> None:
        self.book = Book(told=TOLD)
        self._loan, self._at = loan, at

    def take(self, account_id: int, month: int, before: int, status: int) -> None:
        """An account's status in a month, and in the month before."""
        book, loan, fifth = self.book, self._loan(account_id), to_ms(self._at(month, 5, 11))
        if before < 0 and status >= 0:
            # What was opened on the first and jumps on the fifth was not seen to become late.
            book.begin(loan, to_ms(self._at(month, 1, 9)) if status == 0 else fifth)
        if before <= 0 and status >= 1:
            book.end(loan, self._past_due(month, 1, 30) if before == 0 and status == 1 else fifth, reached=True)
        if before < 2 <= status:
            book.reach_further(loan, self._past_due(month, 2, 60) if status == 2 else fifth)
        if before >= 1 and status == 0:
            book.begin(loan, fifth)
        if status == 0:
            book.is_late(loan, self._past_due(month, 0, 0), to_ms(self._at(month + 1, 5, 10)))
        if before == 0 and status < 0:
            book.end(loan, fifth)

    def lose(self, account_id: int, month: int, status: int) -> None:
        """Nothing is known of the account from this month on. `status`: the last one known."""
        if status == 0:
            self.book.end(self._loan(account_id), to_ms(self._at(month, 1, 0)), known=False)

    def _past_due(self, month: int, months: int, dpd: int) -> int:
        """When (ms) the instalment that fell due so many months before is so many days past due."""
        return to_ms(self._at(month - months, 15, 0) + timedelta(days=dpd))

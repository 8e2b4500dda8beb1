"""Card transactions with a fraud mark, in the form of the Fraud Detection Handbook: purchases and late fraud cases.

A row becomes a `PurchaseMade` at its own time. A fraudulent one becomes a `FraudConfirmed` as well, exactly
`label_delay` after the transaction: the protocol of the handbook, by which nothing may be learned from a fraud before
its seven days are over.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from riskwatch.lab.people import utc
from riskwatch.lab.tables import DatasetFault, Form, batches, find, instant_ms, minor_units, reason_of, row_count, whole
from riskwatch.streams.events import FraudConfirmed, PurchaseMade

FORM = Form(
    name="transactions",
    columns=("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"),
)
LABEL_DELAY = timedelta(days=7)


class Transactions:
    """A replayable file of transactions. Memory: one batch of rows and the frauds of one label delay. Rows must be in
    order of time, as the handbook's are; a row that is earlier than its predecessor is refused with its number.
    """

    name = "transactions"
    lending: Path | None = None

    def __init__(
        self,
        path: Path,
        *,
        limit: int | None = None,
        tenant: str = "replay",
        currency: str = "XXX",
        label_delay: timedelta = LABEL_DELAY,
    ) -> None:
        self.path = find(path, FORM)
        self.limit, self.tenant, self.currency, self.label_delay = limit, tenant, currency, label_delay
        self.rows = 0
        self.bad: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.frauds: dict[str, tuple[str, int]] = {}
        """Event id of each fraudulent transaction read so far → its customer and its day (days since 1970, UTC)."""
        total = row_count(self.path)
        self.total = total if limit is None or (total is not None and total < limit) else limit

    def events(self) -> Iterator[PurchaseMade | FraudConfirmed]:
        """Purchases and fraud cases in order of time; at the same instant the verdict comes first. Once through."""
        confirmed: deque[FraudConfirmed] = deque()
        return merge_labels(self._purchases(confirmed), confirmed)

    def _purchases(self, confirmed: deque[FraudConfirmed]) -> Iterator[PurchaseMade]:
        latest = -(2**63)
        for batch in batches(self.path, FORM.columns):
            for row in zip(*(batch[name] for name in FORM.columns), strict=True):
                if self.limit is not None and self.rows >= self.limit:
                    return
                self.rows += 1
                try:
                    at, purchase, fraud = self._read(row)
                except (ValueError, TypeError, OverflowError, OSError) as error:
                    self.bad[reason_of(error)] += 1
                    continue
                if at < latest:
                    raise DatasetFault(
                        f"{self.path.name}: row {self.rows} is earlier than the row before; sort by TX_DATETIME"
                    )
                latest = at
                if fraud:
                    self.frauds[purchase.event_id] = purchase.customer_id, at // 86_400_000
                    confirmed.append(self._verdict(purchase))
                yield purchase

    def _read(self, row: tuple[Any, ...]) -> tuple[int, PurchaseMade, bool]:
        number, when, customer, terminal, amount, fraud = row
        at = instant_ms(when)
        mark = whole(fraud)
        if mark not in (0, 1):
            raise ValueError("TX_FRAUD is neither 0 nor 1")
        purchase = PurchaseMade(
            event_id=f"tx-{whole(number)}",
            tenant=self.tenant,
            customer_id=f"customer-{whole(customer)}",
            occurred_at=utc(at),
            amount=minor_units(amount),
            currency=self.currency,
            terminal_id=f"terminal-{whole(terminal)}",
        )
        return at, purchase, bool(mark)

    def _verdict(self, purchase: PurchaseMade) -> FraudConfirmed:
        return FraudConfirmed(
            event_id=f"fraud-{purchase.event_id}",
            tenant=purchase.tenant,
            customer_id=purchase.customer_id,
            occurred_at=purchase.occurred_at + self.label_delay,
            case_id=f"case-{purchase.event_id}",
            typology="card-fraud",
            subject_event_id=purchase.event_id,
            loss=purchase.amount,
            currency=purchase.currency,
            terminal_id=purchase.terminal_id,
        )


def merge_labels(
    purchases: Iterable[PurchaseMade], confirmed: deque[FraudConfirmed]
) -> Iterator[PurchaseMade | FraudConfirmed]:
    """Merges purchases with the verdicts that reading them appends to `confirmed`, in order of time.

    Verdicts arrive in order, because their delay is one constant; those after the last purchase come at the end.
    """
    for purchase in purchases:
        while confirmed and confirmed[0].occurred_at <= purchase.occurred_at:
            yield confirmed.popleft()
        yield purchase
    yield from confirmed

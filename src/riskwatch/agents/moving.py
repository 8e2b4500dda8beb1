"""Moves of loans into records of the topic `loan-moves`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import cast

from riskwatch.features.moves import Move
from riskwatch.features.servicing import BUCKETS
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.loanmoves import Bucket, LoanMoved, LoanPlace, OwedByComponent, move_identity
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import from_ms, split_key

TIME_PASSED = "TimePassed"


class Moving:
    """The moves of one batch, in journal order."""

    def __init__(self, partition: int, decided_at: datetime) -> None:
        self._partition = partition
        self._decided_at = decided_at
        self.records: list[LoanMoved] = []

    def by_event(
        self, key: bytes, moves: Iterable[Move], event: AnyEvent, event_hash: int, offset: int, zone: tzinfo
    ) -> None:
        """Moves that an event told of."""
        for move in moves:
            cause = Cause(
                partition=self._partition, offset=offset, event_id=event.event_id, event_type=type(event).__name__
            )
            self.records.append(self._record(key, move, event_hash, cause, zone))

    def by_time(self, key: bytes, moves: Iterable[Move], offset: int, zone: tzinfo) -> None:
        """Moves that a tick has brought."""
        for move in moves:
            cause = Cause(partition=self._partition, offset=offset, event_id="", event_type=TIME_PASSED)
            self.records.append(self._record(key, move, 0, cause, zone))

    def _record(self, key: bytes, move: Move, event_hash: int, cause: Cause, zone: tzinfo) -> LoanMoved:
        tenant, customer_id = split_key(key)
        stands = move.after
        before = LoanPlace(status=move.before_status, bucket=cast(Bucket, BUCKETS[move.before_bucket]))
        after = LoanPlace(status=stands.status, bucket=cast(Bucket, stands.bucket))
        return LoanMoved(
            move_id=move_identity(key, stands.loan_id, event_hash, move.at_ms, before, after),
            tenant=tenant,
            customer_id=customer_id,
            loan_id=stands.loan_id,
            product=stands.product,
            currency=stands.currency,
            merchant_id=stands.merchant_id,
            opened_on=from_ms(stands.opened_ms).astimezone(zone).date() if stands.opened_ms else None,
            principal=stands.principal,
            before=before,
            after=after,
            past_due_days=stands.past_due_days,
            delinquent_days=stands.delinquent_days,
            past_due=stands.past_due,
            exposure=stands.exposure,
            owed=OwedByComponent(
                fee=stands.owed.fee,
                penalty=stands.owed.penalty,
                interest=stands.owed.interest,
                principal=stands.owed.principal,
            ),
            recovered=stands.recovered,
            occurred_at=from_ms(move.at_ms),
            cause=cause,
            decided_at=self._decided_at,
            corrects=move.corrects,
        )

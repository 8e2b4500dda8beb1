"""Moves of loans between statuses and buckets, as riskwatch publishes them in `loan-moves`. JSON; money in minor
units."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

from riskwatch.streams.outputs import Cause

Status = Literal["performing", "past-due", "settled", "written-off", "sold", "unknown"]
Bucket = Literal["M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+"]


class LoanPlace(Struct, frozen=True, kw_only=True):
    """Where a loan is. `unknown`: not opened yet."""

    status: Status
    bucket: Bucket


class OwedByComponent(Struct, frozen=True, kw_only=True):
    """What is owed, due or not yet."""

    fee: int
    penalty: int
    interest: int
    principal: int


class LoanMoved(Struct, frozen=True, kw_only=True):
    """A loan went from one status or bucket to another: opened, rolled, cured, settled, written off, sold.

    `move_id` repeats when the same move is published again: drop repeats by it. All numbers are of right after the
    move: days past due and delinquent, what is past due, all that is owed (`exposure`) and that by component, what was
    paid after a write-off (`recovered`). `product`, `merchant_id` are empty and `opened_on` (in the institution's zone)
    is null where the opening is not known. `occurred_at`: event time of what moved it, or the beginning of the day that
    did. `corrects`: by what is known now, it was never in `before` since that was told; count that move as undone.
    `cause`: the entry that told of it; of a tick its `event_type` is `TimePassed`, and `event_id` empty.
    """

    move_id: str
    tenant: str
    customer_id: str
    loan_id: str
    product: str
    currency: str
    merchant_id: str
    opened_on: date | None
    principal: int
    before: LoanPlace
    after: LoanPlace
    past_due_days: int
    delinquent_days: int
    past_due: int
    exposure: int
    owed: OwedByComponent
    recovered: int
    occurred_at: datetime
    cause: Cause
    decided_at: datetime
    corrects: bool = False


_json = msgspec.json.Encoder()
_moves = msgspec.json.Decoder(LoanMoved)


def encode_move(move: LoanMoved) -> bytes:
    """JSON."""
    return _json.encode(move)


def decode_move(value: bytes) -> LoanMoved:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are no move of a loan."""
    return _moves.decode(value)


def move_identity(key: bytes, loan_id: str, event: int, at_ms: int, before: LoanPlace, after: LoanPlace) -> str:
    """The id of a move: 32 hexadecimal characters. `key`: the customer's; `event`: hash of the event that told of it, 0
    for time; `at_ms`: of the move. Partitions, offsets and batches play no part."""
    said = msgspec.msgpack.encode((key, loan_id, event, at_ms, before, after))
    return blake2b(said, digest_size=16).hexdigest()

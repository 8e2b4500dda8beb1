"""The records that riskwatch publishes about its own feeds, for those who keep it running. JSON on the wire."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

FeedName = Literal["repayments"]


class FeedRecord(Struct, frozen=True, kw_only=True, tag_field="type"):
    """`outage_id` repeats when the same record is published again, and joins the end of an outage to its beginning;
    there is one outage for each partition of the journal. `since`: newest event time that the feed had shown when it
    was found stale. `detected_at`: the worker's clock."""

    outage_id: str
    tenant: str
    feed: FeedName
    partition: int
    since: datetime
    detected_at: datetime


class FeedStale(FeedRecord, frozen=True, kw_only=True, tag=True):
    """An institution's feed has fallen behind its others, and no accident explains its silence: nothing is taken for
    overdue until it is back. `found_at`: the journal's clock; `behind_seconds`: event time by which it is behind the
    others, `limit_seconds`: what was allowed; `expected`: bursts of records that should have come by then."""

    found_at: datetime
    behind_seconds: float
    limit_seconds: float
    expected: float


class FeedFresh(FeedRecord, frozen=True, kw_only=True, tag=True):
    """The feed is back: what is still true is reported now. `until`: the journal's clock; `held_looks`: how often a
    look at an account was put off."""

    until: datetime
    held_looks: int


OperationalAlert = FeedStale | FeedFresh

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OperationalAlert).decode


def encode_operational(record: OperationalAlert) -> bytes:
    """JSON, with `type`."""
    return _encode(record)


def decode_operational(value: bytes) -> OperationalAlert:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are no such record."""
    record: OperationalAlert = _decode(value)
    return record


def outage_identity(tenant: str, feed: FeedName, partition: int, since_ms: int) -> str:
    """The id of an outage: 32 hexadecimal characters. A tenant holds no slash, so parts cannot run together."""
    return blake2b(f"outage/{tenant}/{feed}/{partition}/{since_ms}".encode(), digest_size=16).hexdigest()

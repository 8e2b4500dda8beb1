"""Dead letters for tests."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from riskwatch.streams.codec import Fault, Faults
from riskwatch.streams.deadletters import dead_letter

NOW = datetime(2024, 5, 1, 12, 34, 56, 789_000, tzinfo=UTC)
FAULTS = Faults(
    (
        Fault(code="wrong-type", path="amount", message="found true, expected an integer"),
        Fault(code="naive-time", path="occurred_at", message="found no zone"),
    )
)


class Received(Struct, frozen=True, kw_only=True):
    """A consumed record."""

    topic: str = "riskwatch.logins.v1"
    partition: int = 2
    offset: int = 99
    timestamp: int = 1_700_000_000_123
    key: bytes | None = b"acme/c-1"
    value: bytes | None = b"\xff\x00"
    headers: list[tuple[str, bytes | None]] = msgspec.field(
        default_factory=lambda: [("ce_id", b"e-1"), ("empty", b""), ("none", None)]
    )


def written(record: Received, faults: Faults = FAULTS, *, partition: int = 0, offset: int = 0) -> Received:
    """The dead letter of a record, as it is read from the dead-letter topic."""
    letter = dead_letter(record, faults, NOW)
    return Received(
        topic="riskwatch.dead-letters.v1",
        partition=partition,
        offset=offset,
        timestamp=letter.timestamp,
        key=letter.key,
        value=letter.value,
        headers=letter.headers,
    )

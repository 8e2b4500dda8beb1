"""A record of a batch, on its own."""

from __future__ import annotations

from typing import Any, NamedTuple


class Received(NamedTuple):
    """A record with the place that it was read from, for the few that need both."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def received(message: Any, record: Any) -> Received:
    """A record of a batch, with the batch's topic and partition."""
    return Received(
        message.topic, message.partition, record.offset, record.timestamp, record.key, record.value, record.headers
    )

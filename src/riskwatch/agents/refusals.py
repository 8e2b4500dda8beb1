"""What the broker refuses for good (a record too large for its topic) is kept as a dead letter, like any record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from riskwatch.agents.fetched import Received
from riskwatch.agents.outbox import Item
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.faults import fault

NOWHERE = -1
"""Offset of a record that its topic never took."""


def refused_letters(
    topic: str, partition: int, items: Iterable[Item], *, code: str, message: str, now: datetime
) -> list[Item]:
    """Dead letters of records that `topic` refused; their offset is -1. Values are cut where they are too large here
    too."""
    at_ms = int(now.timestamp() * 1000)
    letters: list[Item] = []
    for key, value, headers, timestamp in items:
        refused = Received(
            topic, partition, NOWHERE, at_ms if timestamp is None else timestamp, key, value, list(headers)
        )
        letter = dead_letter(refused, fault(code, "", message), now.astimezone(UTC))
        letters.append((letter.key, letter.value, letter.headers, letter.timestamp))
    return letters

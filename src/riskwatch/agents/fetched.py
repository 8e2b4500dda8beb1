"""Takes fetched records out of aiokafka whole, without a Python object of its own for each.

aiokafka's `getall` makes a `ConsumerRecord` of every record in Python, which costs as much as to decode the record's
event. What is taken here are the records as its compiled reader makes them: `offset`, `timestamp`, `timestamp_type`,
`key`, `value`, `headers`. Topic and partition belong to the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from aiokafka.errors import CorruptRecordException


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


def take(fetched: Any, limit: int) -> list[Any]:
    """Up to `limit` records of one `FetchResult`, in order; moves the consumer's position behind them."""
    if not fetched.check_assignment(fetched._topic_partition) or not fetched.has_more():
        return []
    part = fetched._partition_records
    records = getattr(part, "_riskwatch_records", None)
    if records is None:
        records = part._riskwatch_records = _records(part)
    taken = list(islice(records, limit))
    if len(taken) == limit:
        part.next_fetch_offset = taken[-1].offset + 1
        fetched._update_position()
    else:
        fetched._update_position()
        fetched._partition_records = None
    return taken


def _records(part: Any) -> Iterator[Any]:
    held = part._records
    while held.has_next():
        batch = held.next_batch()
        if part._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"a batch of {part._tp} does not have its checksum")
        if not batch.is_control_batch:
            first = part.next_fetch_offset
            if batch.base_offset < first:  # the fetch began in the middle of a batch
                yield from (record for record in batch if record.offset >= first)
            else:
                yield from batch
        part.next_fetch_offset = batch.next_offset  # compaction may have taken the batch's last records away

"""Journals that a test writes itself, so that several runs read the very same entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from riskwatch.streams.packing import customer_key, pack_entry, pack_tick, partition_of, to_ms
from riskwatch.streams.topics import JOURNAL, SOURCE_TOPIC, TOPIC_OF, full_name

Entry = tuple[bytes | None, bytes]
"""Key and value of a journal record; without a key it is a broadcast, copied into every partition."""

SECRET = b"a key for tests alone"
TICK_MS = 6 * 3_600_000


def entries_of(events: Iterable[Any]) -> list[Entry]:
    """The journal of some events in order, a tick before the first event of each six hours."""
    made: list[Entry] = []
    newest = 0
    for number, event in enumerate(events):
        tick = to_ms(event.occurred_at) // TICK_MS * TICK_MS
        if tick > newest:
            newest = tick
            made.append((None, pack_tick(tick)))
        value = pack_entry(
            event, source_topic=SOURCE_TOPIC[TOPIC_OF[type(event)].name], source_partition=0, source_offset=number,
            source_at=1 + number, ingested_at=0, zone_of={}, secret=SECRET,
        )  # fmt: skip
        made.append((customer_key(event.tenant, event.customer_id), value))
    return made


def partitioned(entries: Sequence[Entry], partitions: int) -> list[list[Entry]]:
    """The entries of each partition: a customer's own in one, broadcasts in all at the same place in time."""
    return [
        [each for each in entries if each[0] is None or partition_of(each[0], partitions) == number]
        for number in range(partitions)
    ]


async def write_journal(broker: str, prefix: str, entries: Sequence[Entry], partitions: int) -> None:
    """Writes the journal topic of a prefix, all acknowledged when it returns."""
    topic = full_name(JOURNAL, prefix)
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        for number, part in enumerate(partitioned(entries, partitions)):
            batch, sent = producer.create_batch(), []
            for key, value in part:
                if batch.append(key=key, value=value, timestamp=None) is None:
                    sent.append(await producer.send_batch(batch, topic, partition=number))
                    batch = producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
            sent.append(await producer.send_batch(batch, topic, partition=number))
            for future in sent:
                await future

"""What is in the topics of one prefix, read to their ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from riskwatch.agents.provision import CHANGELOG
from riskwatch.agents.statecodec import newer
from riskwatch.streams import topics
from riskwatch.streams.accountactions import AnyAction, decode_action
from riskwatch.streams.collections import ActionClosed, CollectionAction, decode_collection
from riskwatch.streams.decisions import Decision, DecisionTrail, decode_decision, decode_trail
from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.outputs import Alert, decode_alert
from riskwatch.streams.packing import headers_of
from riskwatch.streams.topics import Topic, full_name

ALERTS = (topics.FRAUD_ALERTS, topics.EARLY_WARNINGS, topics.SHADOW_ALERTS)
Place = tuple[int, int, int]
"""An upstream record: index of its input topic, partition, offset."""


async def read(broker: str, prefix: str, *wanted: Topic) -> list[Any]:
    """Every record that the topics hold now, each partition's in order."""
    names = [full_name(topic, prefix) for topic in wanted]
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False, max_partition_fetch_bytes=8 << 20)
    await consumer.start()
    found: list[Any] = []
    try:
        counts = {name: await _partitions(consumer, name) for name in names}
        tps = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
        consumer.assign(tps)
        for tp, offset in (await consumer.beginning_offsets(tps)).items():
            consumer.seek(tp, offset)  # `seek_to_beginning` may lose against the reset that an assignment starts
        ends = await consumer.end_offsets(tps)
        left = {tp for tp in tps if await consumer.position(tp) < ends[tp]}
        while left:
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                found += [record for record in records if record.offset < ends[tp]]
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    finally:
        await consumer.stop()
    return found


async def _partitions(consumer: Any, name: str) -> int:
    consumer._client.add_topic(name)
    async with asyncio.timeout(20):
        while not (found := consumer.partitions_for_topic(name)):
            await consumer._client.force_metadata_update()
    return len(found)


async def committed(broker: str, group: str, *wanted: str) -> dict[TopicPartition, int]:
    """The group's committed offsets of whole topics (full names)."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        found = {}
        for name in wanted:
            for number in range(await _partitions(consumer, name)):
                tp = TopicPartition(name, number)
                found[tp] = await consumer.committed(tp) or 0
        return found
    finally:
        await consumer.stop()


async def read_journal(broker: str, prefix: str) -> dict[int, list[Any]]:
    """Partition → its records, in order."""
    journal: dict[int, list[Any]] = {}
    for record in await read(broker, prefix, topics.JOURNAL):
        journal.setdefault(record.partition, []).append(record)
    return journal


async def read_alerts(broker: str, prefix: str) -> list[Alert]:
    """Every alert that was published, repeats and all."""
    return [decode_alert(record.value) for record in await read(broker, prefix, *ALERTS)]


async def read_decisions(broker: str, prefix: str) -> list[Decision]:
    """Every decision that was published, repeats and all."""
    return [decode_decision(record.value) for record in await read(broker, prefix, topics.DECISIONS)]


async def read_trails(broker: str, prefix: str) -> list[DecisionTrail]:
    """Every trail that was published, repeats and all."""
    return [decode_trail(record.value) for record in await read(broker, prefix, topics.DECISION_TRAILS)]


async def read_actions(broker: str, prefix: str) -> list[AnyAction]:
    """All that was done to lines of credit, repeats and all."""
    return [decode_action(record.value) for record in await read(broker, prefix, topics.ACCOUNT_ACTIONS)]


async def read_collections(broker: str, prefix: str) -> list[CollectionAction | ActionClosed]:
    """Every record for those who collect that was published, repeats and all."""
    return [decode_collection(record.value) for record in await read(broker, prefix, topics.COLLECTION_ACTIONS)]


Rows = dict[int, dict[bytes, bytes]]
"""Partition → key → row."""


async def read_state(broker: str, prefix: str) -> Rows:
    """The state as a recovery would find it: of two rows of one key the one with the higher watermark."""
    state: Rows = {}
    for record in await read(broker, prefix, CHANGELOG):
        rows = state.setdefault(record.partition, {})
        if record.value is None:
            rows.pop(record.key, None)
        elif newer(record.value, rows.get(record.key)):
            rows[record.key] = record.value
    return state


def upstream_places(journal: Iterable[Any]) -> Counter[Place]:
    """How often each upstream record is in the journal."""
    values = [record.value for record in journal if record.value is not None and len(record.value) >= ENTRY.itemsize]
    headers = headers_of(values)
    mine = headers[headers["kind"] < Kind.LINK_ANSWERED]
    columns = (mine["source_topic"], mine["source_partition"], mine["source_offset"])
    return Counter(zip(*(column.tolist() for column in columns), strict=True))


async def read_inputs(broker: str, prefix: str) -> dict[Place, Any]:
    """Every upstream record by its place."""
    index = {full_name(topic, prefix): topics.SOURCE_TOPIC[topic.name] for topic in topics.INPUTS}
    return {
        (index[record.topic], record.partition, record.offset): record
        for record in await read(broker, prefix, *topics.INPUTS)
    }

"""Reading the dead-letter topic from its start to where it ended when the reading began, and putting letters back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from msgspec import Struct

from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.deadletters import Diagnosis, NotADeadLetter, ReceivedRecord, Restored, diagnosis
from riskwatch.streams.topics import DEAD_LETTERS, DEFAULT_PREFIX, INPUTS, full_name


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter as it was read. `diagnosis`: None where its headers are not riskwatch's."""

    record: ReceivedRecord
    diagnosis: Diagnosis | None

    @property
    def id(self) -> str:
        """Where the letter lies in its topic: `partition:offset`."""
        return f"{self.record.partition}:{self.record.offset}"


class ForeignTopic(ValueError):
    """A dead letter names a source that is no input topic, so putting it back could do harm."""


async def read_letters(
    broker: str,
    *,
    prefix: str = DEFAULT_PREFIX,
    code: str | None = None,
    topic: str | None = None,
    security: Security | None = None,
    patience: float = 10.0,
) -> AsyncIterator[Letter]:
    """Every dead letter up to now; of one error code, of one source topic (short or full name), where they are given.

    Ends by itself. Raises `BrokerAway` where nothing comes within `patience` seconds, `BrokerRefused`.
    """
    security = Security() if security is None else security
    name = full_name(DEAD_LETTERS, prefix)
    settings = client_settings(security) | {"request_timeout_ms": round(patience * 1000)}
    try:
        async with asyncio.timeout(patience):
            partitions = await _partitions(broker, name, settings)
    except (KafkaConnectionError, TimeoutError) as error:
        raise await why_away(broker, security) from error
    except KafkaError as error:
        raise broker_error(error, broker, name) from error
    if not partitions:
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        client_id="riskwatch-dead-letters",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **settings,
    )
    try:
        try:
            async with asyncio.timeout(patience):
                await consumer.start()
                left = await _ends(consumer, name, partitions)
            async for record in _records(consumer, left, patience):
                letter = _letter(record)
                if _wanted(letter, code, topic, prefix):
                    yield letter
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, broker, name) from error
    finally:
        await consumer.stop()


async def _ends(consumer: AIOKafkaConsumer, topic: str, partitions: list[int]) -> dict[TopicPartition, int]:
    """Partition → offset behind its last record; the consumer is set to their starts. Empty partitions are left out."""
    at_all = [TopicPartition(topic, number) for number in partitions]
    starts = await consumer.beginning_offsets(at_all)
    ends = await consumer.end_offsets(at_all)
    left = {at: ends[at] for at in at_all if ends[at] > starts[at]}
    consumer.assign(list(left))
    for at in left:
        consumer.seek(at, starts[at])
    return left


async def _records(
    consumer: AIOKafkaConsumer, left: dict[TopicPartition, int], patience: float
) -> AsyncIterator[ReceivedRecord]:
    """Records up to the offsets in `left`, and what came with them. `TimeoutError` where none come for `patience` s."""
    moved = time.monotonic()
    while left:
        batches = await consumer.getmany(*left, timeout_ms=200, max_records=500)
        if batches:
            moved = time.monotonic()
        elif time.monotonic() - moved > patience:
            raise TimeoutError(f"no records for {patience:g} s")
        for record in (record for records in batches.values() for record in records):
            yield record
        left = {at: end for at, end in left.items() if await consumer.position(at) < end}
    # The embedded broker tells the end as one past the first record of the last batch; the rest of it is here already.
    for _ in range(100):
        batches = await consumer.getmany(timeout_ms=0, max_records=500)
        if not batches:
            return
        for record in (record for records in batches.values() for record in records):
            yield record


async def _partitions(broker: str, topic: str, settings: dict[str, Any]) -> list[int]:
    """The partitions of a topic; none where it does not exist. Only what exists is named: naming could create it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker, **settings)
    try:
        await admin.start()
        if topic not in await admin.list_topics():
            return []
        [described] = await admin.describe_topics([topic])
        return sorted(each["partition"] for each in described["partitions"])
    finally:
        await admin.close()


def _letter(record: ReceivedRecord) -> Letter:
    try:
        return Letter(record=record, diagnosis=diagnosis(record))
    except NotADeadLetter:
        return Letter(record=record, diagnosis=None)


def _wanted(letter: Letter, code: str | None, topic: str | None, prefix: str) -> bool:
    if code is None and topic is None:
        return True
    found = letter.diagnosis
    if found is None or (code is not None and found.code != code):
        return False
    return topic is None or found.source_topic in (topic, f"{prefix}.{topic}.v1")


def return_topic(original: Restored, prefix: str = DEFAULT_PREFIX) -> str:
    """The input topic that a letter goes back to. Raises `ForeignTopic`: headers are data, and can name any topic."""
    if original.topic not in {full_name(topic, prefix) for topic in INPUTS}:
        raise ForeignTopic(f"the source topic {original.topic!r} is not an input topic of {prefix!r}")
    return original.topic


async def put_back(
    originals: Iterable[Restored],
    broker: str,
    *,
    prefix: str = DEFAULT_PREFIX,
    security: Security | None = None,
    patience: float = 10.0,
) -> int:
    """Writes the originals to their topics as they were, and returns how many when the broker has them all.

    Raises `ForeignTopic` before anything is written, `BrokerAway`, `BrokerRefused`.
    """
    security = Security() if security is None else security
    targets = [(return_topic(each, prefix), each) for each in originals]
    producer = AIOKafkaProducer(
        bootstrap_servers=broker,
        client_id="riskwatch-dead-letters",
        acks="all",
        request_timeout_ms=round(patience * 1000),
        **client_settings(security),
    )
    try:
        try:
            async with asyncio.timeout(patience):
                await producer.start()
        except (KafkaConnectionError, TimeoutError) as error:
            raise await why_away(broker, security) from error
        try:
            waiting = [
                await producer.send(
                    topic, each.value, each.key, timestamp_ms=each.timestamp, headers=list(each.headers)
                )
                for topic, each in targets
            ]
            await asyncio.gather(*waiting)
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, broker) from error
    finally:
        await producer.stop()
    return len(targets)

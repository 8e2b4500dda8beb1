"""Reading the dead-letter topic from its start to where it ended when the reading began, and putting letters back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
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
    """Every dead letter up to now, of one error code and from one source topic (short or full name) where they are
    given.

    Ends by itself. Raises `BrokerAway` where nothing comes within `patience` seconds, `BrokerRefused`.
    """
    security = Security() if security is None else security
    name = full_name(DEAD_LETTERS, prefix)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        client_id="riskwatch-dead-letters",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=round(patience * 1000),
        **client_settings(security),
    )
    try:
        try:
            async with asyncio.timeout(patience):
                await consumer.start()
        except (KafkaConnectionError, TimeoutError) as error:
            raise await why_away(broker, security) from error
        try:
            async with asyncio.timeout(patience):
                left = await _ends(consumer, name)
            while left:
                async with asyncio.timeout(patience):
                    batches = await consumer.getmany(timeout_ms=200, max_records=500)
                for record in (record for records in batches.values() for record in records):
                    letter = _letter(record)
                    if _wanted(letter, code, topic, prefix):
                        yield letter
                left = {at: end for at, end in left.items() if await consumer.position(at) < end}
                consumer.pause(*(at for at in consumer.assignment() if at not in left))
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, broker, name) from error
    finally:
        await consumer.stop()


async def _ends(consumer: AIOKafkaConsumer, topic: str) -> dict[TopicPartition, int]:
    """Partition → offset behind its last record; the consumer is set to their starts. Empty partitions are left out."""
    if topic not in await consumer.topics():  # asking for it by name could create it
        return {}
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    starts = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    left = {at: ends[at] for at in partitions if ends[at] > starts[at]}
    consumer.assign(list(left))
    for at in left:
        consumer.seek(at, starts[at])
    return left


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

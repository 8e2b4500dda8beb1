"""Reads a whole topic beside the workers, partition after partition, up to where each ended when it was begun."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.partitioning import partition_of

FETCH_BYTES = 8 * 1024 * 1024
MOST_RECORDS = 4_000

Batch = tuple[int, Sequence[Any]]
"""A partition and some of its records, in order."""


async def read_topic(
    broker: str, security: Security, topic: str, *, customer: bytes | None = None
) -> AsyncIterator[Batch]:
    """Batches of a topic, full name; none where it does not exist. `customer`: of a topic that is keyed by customer,
    the partition of this key alone. Raises `BrokerAway` or `BrokerRefused`."""
    numbers = await partitions_of(broker, security, topic)
    if not numbers:
        return
    if customer is not None:
        numbers = [partition_of(customer, len(numbers))]
    async with _consumer(broker, security, topic) as consumer:
        for number in numbers:
            async for records in _partition(consumer, TopicPartition(topic, number)):
                yield number, records


async def partitions_of(broker: str, security: Security, topic: str) -> list[int]:
    """The partitions of a topic, full name; none where it does not exist. Raises `BrokerAway` or `BrokerRefused`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker, **client_settings(security))
    try:
        await admin.start()
        if topic not in await admin.list_topics():  # asked by its name, some brokers would make it
            return []
        [described] = await admin.describe_topics([topic])
        return sorted(each["partition"] for each in described["partitions"])
    except KafkaConnectionError as error:
        raise await why_away(broker, security) from error
    except KafkaError as error:
        raise broker_error(error, broker, topic) from error
    finally:
        await admin.close()


async def _partition(consumer: AIOKafkaConsumer, tp: TopicPartition) -> AsyncIterator[Sequence[Any]]:
    consumer.assign([tp])
    end = (await consumer.end_offsets([tp]))[tp]
    start = (await consumer.beginning_offsets([tp]))[tp]
    consumer.seek(tp, start)
    if start >= end:
        return
    while await consumer.position(tp) < end:
        records = (await consumer.getmany(tp, timeout_ms=500, max_records=MOST_RECORDS)).get(tp)
        if records:
            yield records
    # The embedded broker tells the end as one past the first record of the last batch; the rest of it is here already.
    for _ in range(100):
        records = (await consumer.getmany(tp, timeout_ms=0, max_records=MOST_RECORDS)).get(tp)
        if not records:
            return
        yield records


@asynccontextmanager
async def _consumer(broker: str, security: Security, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES, **client_settings(security),
    )  # fmt: skip
    try:
        await consumer.start()
    except KafkaConnectionError as error:
        await consumer.stop()
        raise await why_away(broker, security) from error
    try:
        yield consumer
    except KafkaError as error:
        raise broker_error(error, broker, topic) from error
    finally:
        await consumer.stop()

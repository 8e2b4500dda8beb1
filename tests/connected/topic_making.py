"""Topics for tests, and all that is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from riskwatch.streams.topics import Topic, full_name, topic_settings


async def make_topics(broker: str, topics: Iterable[Topic], prefix: str, partitions: int) -> None:
    """Creates the topics with the settings of the table, but as many partitions as asked."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(full_name(topic, prefix), partitions, 1, topic_configs=topic_settings(topic)) for topic in topics]
        )
    finally:
        await admin.close()


async def records_of(broker: str, topic: Topic, prefix: str, count: int, *, partitions: int) -> list[Any]:
    """The records of a topic once there are `count` of them, each partition's in order."""
    found: list[Any] = []
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(full_name(topic, prefix), number) for number in range(partitions)])
        async with asyncio.timeout(20):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
    finally:
        await consumer.stop()
    return found

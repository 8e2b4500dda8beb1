"""Reads parts of a topic beside the worker's own consumer: a few records, now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from riskwatch.streams.connecting import Security, client_settings


async def read_range(
    broker: str, security: Security, topic: str, number: int, first: int, end: int, take: Callable[[Any], None]
) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False, **client_settings(security))
    await consumer.start()
    try:
        tp = TopicPartition(topic, number)
        consumer.assign([tp])
        consumer.seek(tp, first)
        while await consumer.position(tp) < end:
            for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, []):
                if record.offset < end:
                    take(record)
    finally:
        await consumer.stop()


async def read_keys(broker: str, security: Security, topic: str, number: int, first: int, end: int) -> list[bytes]:
    keys: dict[bytes, None] = {}
    await read_range(broker, security, topic, number, first, end, lambda record: keys.setdefault(record.key) or None)
    return list(keys)


async def read_last(broker: str, security: Security, topic: str, number: int) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, **client_settings(security))
    await consumer.start()
    try:
        tp = TopicPartition(topic, number)
        end = (await consumer.end_offsets([tp]))[tp]
    finally:
        await consumer.stop()
    values: list[bytes] = []
    if end:
        await read_range(
            broker, security, topic, number, max(0, end - 1), end, lambda record: values.append(record.value)
        )
    return values[-1] if values else None

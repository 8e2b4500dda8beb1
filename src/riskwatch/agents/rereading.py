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


async def read_rows(
    broker: str, security: Security, topic: str, number: int, first: int, end: int
) -> list[tuple[bytes, bytes | None]]:
    """Key and value of every record from `first` up to `end`, in order."""
    rows: list[tuple[bytes, bytes | None]] = []
    await read_range(
        broker, security, topic, number, first, end, lambda record: rows.append((record.key, record.value))
    )
    return rows


async def read_last(broker: str, security: Security, topic: str, number: int, count: int = 1) -> list[bytes]:
    """The values of the newest records, `count` of them at most, in order."""
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
            broker, security, topic, number, max(0, end - count), end, lambda record: values.append(record.value)
        )
    return values

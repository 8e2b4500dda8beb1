"""Reading a topic from its start to where it ended when the reading began, for commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.deadletters import ReceivedRecord
from riskwatch.streams.topics import TOPICS, full_name


class NoInstallation(LookupError):
    """No topic of riskwatch exists at the broker under the prefix."""


async def check_installed(
    broker: str, prefix: str, *, security: Security | None = None, patience: float = 10.0
) -> None:
    """For commands that read what an installation wrote: raises `NoInstallation` where there is none, for nothing
    found there says nothing. Raises `BrokerAway` where no answer comes within `patience` seconds, `BrokerRefused`."""
    security = Security() if security is None else security
    settings = client_settings(security) | {"request_timeout_ms": round(patience * 1000)}
    admin = AIOKafkaAdminClient(bootstrap_servers=broker, **settings)
    try:
        async with asyncio.timeout(patience):
            await admin.start()
            there = set(await admin.list_topics())
    except (KafkaConnectionError, TimeoutError) as error:
        raise await why_away(broker, security) from error
    except KafkaError as error:
        raise broker_error(error, broker) from error
    finally:
        await admin.close()
    if there.isdisjoint(full_name(topic, prefix) for topic in TOPICS):
        raise NoInstallation(
            f"No topic of riskwatch exists at {broker} under the prefix {prefix}: has a worker ever started there?"
        )


async def read_topic(
    broker: str, topic: str, *, security: Security | None = None, patience: float = 10.0
) -> AsyncIterator[ReceivedRecord]:
    """Every record of a topic (full name) up to now, each partition's in order; none where it does not exist.

    Ends by itself. Raises `BrokerAway` where nothing comes within `patience` seconds, `BrokerRefused`.
    """
    security = Security() if security is None else security
    settings = client_settings(security) | {"request_timeout_ms": round(patience * 1000)}
    try:
        async with asyncio.timeout(patience):
            partitions = await partitions_of(broker, topic, settings)
    except (KafkaConnectionError, TimeoutError) as error:
        raise await why_away(broker, security) from error
    except KafkaError as error:
        raise broker_error(error, broker, topic) from error
    if not partitions:
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        client_id="riskwatch-reader",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **settings,
    )
    try:
        try:
            async with asyncio.timeout(patience):
                await consumer.start()
                left = await _ends(consumer, topic, partitions)
            async for record in _records(consumer, left, patience):
                yield record
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, broker, topic) from error
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


async def partitions_of(broker: str, topic: str, settings: dict[str, Any]) -> list[int]:
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

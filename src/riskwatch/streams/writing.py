"""Writing a few records as they are, for commands; events go by `publisher`, which checks them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError

from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.reading import partitions_of

Written = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]], int | None]
"""Key, value, headers and timestamp (ms since 1970, None for now) of a record."""


async def check_topic(broker: str, topic: str, *, security: Security | None = None, patience: float = 10.0) -> None:
    """Raises `BrokerRefused` where a topic (full name) does not exist, `BrokerAway`. Writing to it might create it,
    with settings that are not riskwatch's."""
    security = Security() if security is None else security
    settings = client_settings(security) | {"request_timeout_ms": round(patience * 1000)}
    try:
        async with asyncio.timeout(patience):
            found = await partitions_of(broker, topic, settings)
    except (KafkaConnectionError, TimeoutError) as error:
        raise await why_away(broker, security) from error
    except KafkaError as error:
        raise broker_error(error, broker, topic) from error
    if not found:
        raise broker_error(UnknownTopicOrPartitionError(), broker, topic)


async def write_records(
    broker: str,
    records: Iterable[tuple[str, Written]],
    *,
    security: Security | None = None,
    patience: float = 10.0,
) -> int:
    """Writes records to their topics (full names), in order, and returns how many when the broker has them all.

    Raises `BrokerAway`, `BrokerRefused`.
    """
    security = Security() if security is None else security
    producer = AIOKafkaProducer(
        bootstrap_servers=broker,
        client_id="riskwatch-writer",
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
                await producer.send(topic, value, key, timestamp_ms=timestamp, headers=list(headers))
                for topic, (key, value, headers, timestamp) in records
            ]
            await asyncio.gather(*waiting)
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, broker) from error
    finally:
        await producer.stop()
    return len(waiting)

"""Reads what was done to lines of credit at the broker, and asks for what undoes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from riskwatch.agents.topicreading import partitions_of, read_topic
from riskwatch.streams import topics
from riskwatch.streams.accountactions import AnyAction, Compensation, decode_action, encode_action
from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.packing import customer_key
from riskwatch.streams.reading import check_installed
from riskwatch.streams.topics import Topic


class UnreadableAction(RuntimeError):
    """A record of the topic is no action that this release reads."""


async def read_actions(
    broker: str, security: Security, prefix: str, topic: Topic = topics.ACCOUNT_ACTIONS
) -> list[AnyAction]:
    """Every action and compensation of a topic, each once, in journal order for each line. Raises `NoInstallation`,
    `BrokerAway` or `BrokerRefused`, and `UnreadableAction` for a record that is none: what may have acted on a line
    cannot be passed over."""
    await check_installed(broker, prefix, security=security)
    found: dict[str, AnyAction] = {}
    name = topics.full_name(topic, prefix)
    async for number, records in read_topic(broker, security, name):
        for record in records:
            try:
                action = decode_action(record.value)
            except (msgspec.MsgspecError, TypeError) as error:
                raise UnreadableAction(f"record {record.offset} of partition {number} of {name}: {error}") from error
            found.setdefault(action.action_id, action)
    return [*found.values()]


async def ask(
    broker: str, security: Security, prefix: str, asked: Sequence[Compensation], seconds: float
) -> frozenset[str]:
    """Asks for compensations, acknowledged by the broker, and waits up to `seconds` for the workers to apply them → ids
    of those that they have. Raises `BrokerAway` or `BrokerRefused`."""
    outcome = topics.full_name(topics.ACCOUNT_ACTIONS, prefix)
    tps = [TopicPartition(outcome, number) for number in await partitions_of(broker, security, outcome)]
    settings = client_settings(security)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False, **settings)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", **settings)
    try:
        await producer.start()
        if tps:  # a consumer of nothing cannot be stopped cleanly
            await consumer.start()
            consumer.assign(tps)
            for tp, end in (await consumer.end_offsets(tps)).items():
                consumer.seek(tp, end)
        await _send(producer, topics.full_name(topics.ROLLBACKS, prefix), asked)
        return await _applied(consumer, {each.action_id for each in asked}, seconds) if tps else frozenset()
    except KafkaConnectionError as error:
        raise await why_away(broker, security) from error
    except KafkaError as error:
        raise broker_error(error, broker, outcome) from error
    finally:
        await producer.stop()
        await consumer.stop()


async def _send(producer: AIOKafkaProducer, topic: str, asked: Iterable[Compensation]) -> None:
    sent = [
        await producer.send(topic, encode_action(each), key=customer_key(each.tenant, each.customer_id), partition=0)
        for each in asked
    ]
    await asyncio.gather(*sent)


async def _applied(consumer: AIOKafkaConsumer, wanted: set[str], seconds: float) -> frozenset[str]:
    loop = asyncio.get_running_loop()
    deadline, found = loop.time() + seconds, set[str]()
    while found < wanted and loop.time() < deadline:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                try:
                    found.add(decode_action(record.value).action_id)
                except (msgspec.MsgspecError, TypeError):
                    continue
        found &= wanted
    return frozenset(found)

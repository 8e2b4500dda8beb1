"""Publishes lending policies at the broker, and reads what was published."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from msgspec import Struct

from riskwatch.agents.topicreading import read_topic
from riskwatch.policy.faults import PolicyError
from riskwatch.policy.publication import Publication, encode_publication, in_order, read_publication
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away


class Published(Struct, frozen=True):
    """What the topic `policies` holds: publications in order, and how many records of it are none."""

    publications: Sequence[Publication]
    unreadable: int


class NotPublished(RuntimeError):
    """A policy was not published, and why."""


async def read_published(broker: str, security: Security, prefix: str) -> Published:
    """Everything that was published. Raises `BrokerAway` or `BrokerRefused`."""
    found: list[Publication] = []
    unreadable = 0
    async for _, records in read_topic(broker, security, topics.full_name(topics.POLICIES, prefix)):
        for record in records:
            try:
                found.append(read_publication(record.value or b""))
            except PolicyError:
                unreadable += 1
    return Published(in_order(found), unreadable)


async def publish_policy(
    broker: str, security: Security, prefix: str, make: Callable[[Sequence[Publication]], Publication]
) -> Publication:
    """Publishes what `make` makes of what was published before; acknowledged by the broker when this returns.

    Raises `PolicyError` for a policy with faults, `NotPublished` where another was published at a later instant than
    this one, what `make` raises, `BrokerAway` or `BrokerRefused`.
    """
    before = await read_published(broker, security, prefix)
    publication = make(before.publications)
    data = encode_publication(publication)
    read_publication(data)
    newest = [each for each in before.publications if each.place == publication.place][-1:]
    if newest and newest[0].published_at >= publication.published_at:
        raise NotPublished(
            f"{newest[0].published_by} published {newest[0].policy.name} at {newest[0].published_at}, which is not "
            f"before {publication.published_at}: one of the two clocks is wrong, and the later one would decide"
        )
    topic = topics.full_name(topics.POLICIES, prefix)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", **client_settings(security))
    try:
        await producer.start()
    except KafkaConnectionError as error:
        await producer.stop()
        raise await why_away(broker, security) from error
    try:
        await producer.send_and_wait(topic, data, key=publication.key.encode(), partition=0)
    except KafkaError as error:
        raise broker_error(error, broker, topic) from error
    finally:
        await producer.stop()
    return publication

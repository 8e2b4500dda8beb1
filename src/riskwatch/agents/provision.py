"""Creates the topics that are missing and checks those that are there: partition counts are for life."""

from __future__ import annotations

import asyncio
import time

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from riskwatch.streams import topics
from riskwatch.streams.connecting import BrokerAway, BrokerError, Security, broker_error, client_settings
from riskwatch.streams.topics import Topic, full_name, topic_settings

log = structlog.get_logger(__name__)

CHANGELOG = Topic(
    name="state-changelog",
    role="internal",
    cleanup="compact",
    description="The newest row of every customer: profile, account, watermark. Local stores are rebuilt from it.",
)
LINKS_CHANGELOG = Topic(
    name="links-changelog",
    role="internal",
    key="identifier",
    cleanup="compact",
    description="The newest profile of every identifier: who uses it, since when, what came of it.",
)
RINGS_CHANGELOG = Topic(
    name="rings-changelog",
    role="internal",
    key="institution",
    cleanup="compact",
    partitions="one",
    description="The newest row of every ring, and of every identifier that joins customers.",
)
CHANGELOGS = (CHANGELOG, LINKS_CHANGELOG, RINGS_CHANGELOG)
LARGE_BATCHES = {"max.message.bytes": "8388608"}
"""Journal and changelog are written in large batches: what a partition's batch makes is one request."""
CHANGELOG_SETTINGS = {"min.compaction.lag.ms": "3600000", "segment.ms": "86400000"}
"""Nothing younger than an hour is compacted away: a stale worker's write and the row that it covers stay side by side
for so long, and recovery takes the one with the higher watermark."""


class WrongTopic(RuntimeError):
    """A topic is there, and not as this worker needs it."""


def partitions_of(topic: Topic, partitions: int) -> int:
    """How many partitions a topic has where customer-keyed topics have `partitions`."""
    return partitions if topic.partitions == "customer" else 1


async def provision(
    broker: str, prefix: str, partitions: int, replication: int, security: Security, *, seconds: float = 30.0
) -> list[str]:
    """→ the names of the topics that were created. Waits up to `seconds` for the broker.

    Raises `BrokerError` where the broker is away or refuses, `WrongTopic` where a topic has another number of
    partitions.
    """
    wanted = {full_name(topic, prefix): topic for topic in (*topics.TOPICS, *CHANGELOGS)}
    admin = await _connect(broker, security, seconds)
    try:
        held = {
            each["topic"]: len(each["partitions"]) for each in await admin.describe_topics() if not each["error_code"]
        }
        wrong = [
            f"{name} has {held[name]} partitions, not {partitions_of(topic, partitions)}"
            for name, topic in wanted.items()
            if name in held and held[name] != partitions_of(topic, partitions)
        ]
        if wrong:
            raise WrongTopic(
                "; ".join(wrong)
                + ": start the worker with the topics' own count, or under another prefix (a customer's "
                "journal is in one partition for life)"
            )
        missing = [name for name in wanted if name not in held]
        if missing:
            await _create(admin, [(name, wanted[name]) for name in missing], partitions, replication)
        return missing
    except KafkaError as error:
        raise broker_error(error, broker) from error
    finally:
        await admin.close()


def _own_settings(topic: Topic) -> dict[str, str]:
    if topic in CHANGELOGS:
        return CHANGELOG_SETTINGS | LARGE_BATCHES
    return LARGE_BATCHES if topic is topics.JOURNAL else {}


async def _connect(broker: str, security: Security, seconds: float) -> AIOKafkaAdminClient:
    deadline = time.monotonic() + seconds
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker, request_timeout_ms=10_000, **client_settings(security))
        try:
            await admin.start()
            return admin
        except Exception as error:
            await admin.close()
            found = broker_error(error, broker)
            if not isinstance(found, BrokerAway) or time.monotonic() > deadline:
                raise found from error
            log.info("waiting-for-broker", broker=broker)
            await asyncio.sleep(0.5)


async def _create(
    admin: AIOKafkaAdminClient, missing: list[tuple[str, Topic]], partitions: int, replication: int
) -> None:
    new = [
        NewTopic(
            name,
            num_partitions=partitions_of(topic, partitions),
            replication_factor=replication,
            topic_configs=topic_settings(topic) | _own_settings(topic),
        )
        for name, topic in missing
    ]
    response = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise BrokerError(f"topic {name} cannot be created: {error.__name__}")

"""The worker's connections to Kafka: its producers, and the credentials of its Faust consumer."""

from __future__ import annotations

from typing import Any

import faust
from aiokafka import AIOKafkaProducer

from riskwatch.agents.provision import CHANGELOG, LINKS_CHANGELOG
from riskwatch.agents.settings import Settings
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security, client_settings

BATCH_BYTES = 4_000_000
"""Bytes of a batch before compression. A topic that was created with a smaller limit refuses it, and it is halved."""
LARGEST_REQUEST = 16_000_000


def lanes_of(settings: Settings) -> list[str]:
    """Topics that have a producer of their own: those that every batch is written to."""
    return [
        topics.full_name(topic, settings.prefix)
        for topic in (topics.JOURNAL, CHANGELOG, topics.LINK_PROBES, LINKS_CHANGELOG)
    ]


def make_producer(settings: Settings, security: Security) -> AIOKafkaProducer:
    """A producer of what a worker writes. One batch is one request, acknowledged by all replicas."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.broker,
        acks="all",
        compression_type=None if settings.compression == "none" else settings.compression,
        max_batch_size=BATCH_BYTES,
        max_request_size=LARGEST_REQUEST,
        request_timeout_ms=10_000,
        linger_ms=0,
        **client_settings(security),
    )


def faust_credentials(security: Security) -> Any:
    """What Faust calls credentials; None for a broker without security."""
    if security.protocol == "PLAINTEXT":
        return None
    given = client_settings(security)
    context = given.get("ssl_context")
    if security.protocol == "SSL":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=security.username, password=security.password, mechanism=security.mechanism, ssl_context=context
    )

"""Brings what was published into the journal, one copy in every partition, as the control agent does."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from reading import read

from riskwatch.policy.publication import translate_publication
from riskwatch.streams import topics
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import pack_broadcast
from riskwatch.streams.topics import full_name


async def bring(broker: str, prefix: str, partitions: int) -> None:
    """Copies every publication of the topic. What is in the journal already comes again, as after a crash."""
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        for record in await read(broker, prefix, topics.POLICIES):
            translated = translate_publication(record.value)
            assert isinstance(translated, tuple), translated
            value = pack_broadcast(Kind.POLICY_PUBLISHED, *translated)
            for number in range(partitions):
                await producer.send_and_wait(full_name(topics.JOURNAL, prefix), value, partition=number)

"""How far a consumer group is behind, from COMMITTED offsets: what a restart would find undone.

Records of lag are offsets between the commit and the end (compaction and transactions leave gaps that count too).
Seconds of lag are the age of the oldest record that is not committed, by the timestamp that the broker keeps for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
    KafkaError,
    NotCoordinatorForGroupError,
)
from msgspec import Struct

from riskwatch.agents.translating import TRANSLATORS
from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.topics import (
    DEFAULT_PREFIX,
    INPUTS,
    JOURNAL,
    LINK_PROBES,
    RING_EDGES,
    TRAINING_EXAMPLES,
    full_name,
)

CONSUMED = (*INPUTS, *TRANSLATORS, JOURNAL, LINK_PROBES, RING_EDGES, TRAINING_EXAMPLES)
"""The topics that a group of workers consumes and commits."""

_COORDINATOR_BUSY = (
    CoordinatorLoadInProgressError,
    GroupCoordinatorNotAvailableError,
    NotCoordinatorForGroupError,
)
_OLDEST_WITHIN_MS = 2_000


class PartitionLag(Struct, frozen=True, kw_only=True):
    """Lag of one group on one partition. `committed` is None where it has none: then it is behind by all there is.

    `oldest_at`: Unix time in seconds of the oldest record that is not committed; None without lag, and where the
    records between commit and end are gone or are no data. `seconds`: its age.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    oldest_at: float | None = None
    seconds: float | None = None


class LagReader:
    """Reads the lag of one group, as often as it is asked, over two connections that it keeps.

    `async with LagReader("127.0.0.1:9092", "riskwatch") as reader: await reader.read()`. Entering and reading raise
    `BrokerAway` or `BrokerRefused` (`riskwatch.streams.connecting`); the next reading connects anew, because a client
    that has once heard of no brokers at all (one that has just started may say so) never asks again. `clock` gives
    Unix seconds.
    """

    def __init__(
        self,
        broker: str,
        group: str,
        prefix: str = DEFAULT_PREFIX,
        *,
        security: Security | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._broker = broker
        self._group = group
        self._topics = [full_name(topic, prefix) for topic in CONSUMED]
        self._clock = clock
        self._security = Security() if security is None else security
        self._connected = False

    async def __aenter__(self) -> LagReader:
        await self._connect()
        return self

    async def _connect(self) -> None:
        client = {"bootstrap_servers": self._broker, "client_id": "riskwatch-lag", **client_settings(self._security)}
        self._admin = AIOKafkaAdminClient(**client)
        self._consumer = AIOKafkaConsumer(
            **client,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=64 * 1024,  # one record is enough
        )
        self._connected = True
        try:
            await self._admin.start()
            await self._consumer.start()
        except KafkaConnectionError as error:
            await self._close()
            raise await why_away(self._broker, self._security) from error
        except (KafkaError, OSError) as error:
            await self._close()
            raise broker_error(error, self._broker) from error
        except BaseException:
            await self._close()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def read(self, only: Iterable[tuple[str, int]] | None = None) -> list[PartitionLag]:
        """Lag of every partition of the group's topics that exist; with `only` (topic, partition), of those in it too.

        What a worker is assigned beyond them, such as its changelog, is never committed: it has no lag.
        """
        if not self._connected:
            await self._connect()
        try:
            return await self._read(only)
        except (KafkaError, OSError) as error:
            await self._close()
            raise broker_error(error, self._broker) from error
        except BaseException:  # a reader whose time is up leaves requests behind that nobody waits for
            await self._close()
            raise

    async def _read(self, only: Iterable[tuple[str, int]] | None) -> list[PartitionLag]:
        if only is None:
            partitions = await self._partitions()
        else:
            partitions = sorted(TopicPartition(*each) for each in only if each[0] in self._topics)
        if not partitions:
            return []
        committed = await self._committed(partitions)
        starts = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        # The embedded broker tells the end as one past the FIRST record of the last batch; a commit can prove it later.
        ends = {tp: max(ends[tp], committed.get(tp, -1)) for tp in partitions}
        first = {tp: max(starts[tp], committed.get(tp, -1)) for tp in partitions}
        oldest = await self._oldest({tp: offset for tp, offset in first.items() if offset < ends[tp]})
        now = self._clock()
        return [
            PartitionLag(
                group=self._group,
                topic=tp.topic,
                partition=tp.partition,
                committed=committed[tp] if committed.get(tp, -1) >= 0 else None,
                end=ends[tp],
                records=ends[tp] - first[tp],
                oldest_at=oldest.get(tp),
                seconds=max(0.0, now - oldest[tp]) if tp in oldest else None,
            )
            for tp in partitions
        ]

    async def _partitions(self) -> list[TopicPartition]:
        # Only what exists is described: a broker may take the naming of a topic for a wish to have it (the embedded one
        # does).
        existing = sorted(set(self._topics) & set(await self._admin.list_topics()))
        if not existing:
            return []
        described: Sequence[Mapping[str, object]] = await self._admin.describe_topics(existing)
        found = []
        for topic in described:
            if topic["error_code"] == 0:
                name, partitions = str(topic["topic"]), topic["partitions"]
                assert isinstance(partitions, list)
                found += [TopicPartition(name, each["partition"]) for each in partitions]
        order = {name: position for position, name in enumerate(self._topics)}
        return sorted(found, key=lambda tp: (order[tp.topic], tp.partition))

    async def _committed(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        for attempt in range(20):  # a broker that has just started is still looking for its coordinator
            try:
                found = await self._admin.list_consumer_group_offsets(self._group, partitions=partitions)
                return {tp: each.offset for tp, each in found.items()}
            except _COORDINATOR_BUSY:
                if attempt == 19:
                    raise
                await asyncio.sleep(0.25)
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    async def _oldest(self, first: Mapping[TopicPartition, int]) -> dict[TopicPartition, float]:
        """Unix time of the record at (or next after) each offset."""
        if not first:
            return {}
        self._consumer.assign(list(first))
        for tp, offset in first.items():
            self._consumer.seek(tp, offset)
        times: dict[TopicPartition, float] = {}
        deadline = time.monotonic() + _OLDEST_WITHIN_MS / 1000
        while waiting := [tp for tp in first if tp not in times]:
            left = int((deadline - time.monotonic()) * 1000)
            if left <= 0:
                break
            for tp, records in (await self._consumer.getmany(*waiting, timeout_ms=left)).items():
                times[tp] = records[0].timestamp / 1000
        self._consumer.unsubscribe()
        return times

    async def _close(self) -> None:
        if self._connected:
            self._connected = False
            await self._admin.close()
            await self._consumer.stop()


async def lag(broker: str, group: str, prefix: str = DEFAULT_PREFIX) -> list[PartitionLag]:
    """The lag of `group` now, partition by partition. Raises `BrokerAway` or `BrokerRefused`."""
    async with LagReader(broker, group, prefix) as reader:
        return await reader.read()

"""Looking at a broker from outside the worker: what is committed, what arrived, what was raised.

Joins no consumer group and commits nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

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

from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.topics import INPUTS, JOURNAL, TOPICS, Topic, full_name

Offsets = dict[TopicPartition, int]
_BUSY = (CoordinatorLoadInProgressError, GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)

_FETCH_SECONDS = 3.0
"""Where a partition's last record is not to be had (it expired), the listed end must do after so long."""

_LAST_SECONDS = 2.0
"""For what the learner journals last; where a wall clock ticks there is always something under way."""


class TopicsMissing(RuntimeError):
    """The broker has no topics of this prefix: no worker has ever started there."""


class Position(Struct, frozen=True, kw_only=True):
    """How far a group is. `committed` and `ends` count records since the watcher's own start."""

    ingested: int
    published: int
    journaled: int
    monitored: int

    @property
    def behind(self) -> int:
        """Records that the group has still to do."""
        return self.published - self.ingested + self.journaled - self.monitored


class Watcher:
    """Reads offsets and records of one prefix, and what one group has committed. Made by `watch`."""

    def __init__(
        self, broker: str, prefix: str, group: str, admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer
    ) -> None:
        self.broker, self.prefix, self.group = broker, prefix, group
        self._admin, self._reader = admin, reader
        self._inputs: list[TopicPartition] = []
        self._journal: list[TopicPartition] = []
        self._begun: Offsets = {}
        self._one_at_a_time = asyncio.Lock()
        self._short = {full_name(topic, prefix): topic.name for topic in INPUTS}

    async def begin(self) -> None:
        """Remembers where every topic ends now: what follows is counted from here. Raises `TopicsMissing`."""
        self._inputs = await self.partitions(INPUTS)
        self._journal = await self.partitions([JOURNAL])
        if not self._inputs or not self._journal:
            raise TopicsMissing(
                f"{self.broker} has no topics with prefix {self.prefix}: start a worker there, or leave --broker away"
            )
        self._begun = await self.ends(TOPICS)

    async def exist(self, topics: Sequence[Topic]) -> bool:
        """Whether all of the topics exist."""
        return {full_name(topic, self.prefix) for topic in topics} <= set(await self._admin.list_topics())

    async def partitions(self, topics: Sequence[Topic]) -> list[TopicPartition]:
        """Every partition of those of the topics that exist."""
        wanted = {full_name(topic, self.prefix) for topic in topics}
        existing = sorted(wanted & set(await self._admin.list_topics()))
        if not existing:
            return []
        described = await self._admin.describe_topics(existing)
        return [TopicPartition(each["topic"], part["partition"]) for each in described for part in each["partitions"]]

    async def ends(self, topics: Sequence[Topic]) -> Offsets:
        """Where the partitions of the topics end."""
        return await self._ends(await self.partitions(topics))

    async def ingested(self) -> Counter[str]:
        """Records that the group has committed since `begin`, by the short name of the input topic."""
        counts: Counter[str] = Counter()
        for tp, at in (await self._committed(self._inputs)).items():
            counts[self._short[tp.topic]] += max(0, at - self._begun.get(tp, 0))
        return counts

    async def position(self) -> Position:
        """How far the group is since `begin`."""
        committed = await self._committed([*self._inputs, *self._journal])
        ends = await self._ends([*self._inputs, *self._journal])
        inputs, journal = set(self._inputs), set(self._journal)
        return Position(
            ingested=self._since({tp: at for tp, at in committed.items() if tp in inputs}),
            published=self._since({tp: at for tp, at in ends.items() if tp in inputs}),
            monitored=self._since({tp: at for tp, at in committed.items() if tp in journal}),
            journaled=self._since({tp: at for tp, at in ends.items() if tp in journal}),
        )

    async def caught_up(self, *, seconds: float) -> None:
        """Returns once the group has nothing left to do. Raises `TimeoutError` where it stands still for `seconds`."""
        moved, best = time.monotonic(), -1
        while (now := await self.position()).behind:
            if now.ingested + now.monitored > best:
                best, moved = now.ingested + now.monitored, time.monotonic()
            elif time.monotonic() - moved > seconds:
                raise TimeoutError(f"the worker stands still with {now.behind:,} records to do ({seconds:g} s)")
            await asyncio.sleep(0.01)

    async def drain(self, *, seconds: float, look: Callable[[Position], None] | None = None) -> Position:
        """Waits until the group has done all that was published and journaled up to now, and returns where it is.

        Inputs first, then the journal, and the journal again: what the learner promotes is journaled after what it
        learned from. Entries that come later (ticks of a wall clock) are not waited for. Raises `TimeoutError` where
        nothing moves for `seconds`.
        """
        now = await self.position()
        goals = [(now.published, 0)]
        for round_ in range(3):
            moved, best = time.monotonic(), -1
            published, journaled = goals[-1]
            while now.ingested < published or now.monitored < journaled:
                await asyncio.sleep(0.1)
                now = await self.position()
                if look is not None:
                    look(now)
                if now.ingested + now.monitored > best:
                    best, moved = now.ingested + now.monitored, time.monotonic()
                elif time.monotonic() - moved > seconds:
                    raise TimeoutError(f"the worker stands still with {now.behind:,} records to do ({seconds:g} s)")
            if round_ == 1:
                await asyncio.sleep(0.5)
            now = await self.position()
            goals.append((published, now.journaled))
        deadline = time.monotonic() + _LAST_SECONDS
        while now.behind and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            now = await self.position()
        return now

    async def read(self, topics: Sequence[Topic], since: Offsets, look: Callable[[Any], None]) -> int:
        """Calls `look` with every record of the topics from `since` (else the beginning) to their present ends.

        Returns how many there were.
        """
        ends = {tp: end for tp, end in (await self.ends(topics)).items() if end > since.get(tp, 0)}
        if not ends:
            return 0
        reader = _consumer(self.broker)
        await reader.start()
        seen = 0
        try:
            reader.assign(list(ends))
            for tp in ends:
                reader.seek(tp, since.get(tp, 0))
            waiting = set(ends)
            while waiting:
                batches = await reader.getmany(*waiting, timeout_ms=5_000, max_records=10_000)
                for tp, records in batches.items():
                    for record in records:
                        if record.offset < ends[tp]:
                            look(record)
                            seen += 1
                for tp in list(waiting):
                    if await reader.position(tp) >= ends[tp]:
                        waiting.discard(tp)
        finally:
            await reader.stop()
        return seen

    def begun(self, topics: Sequence[Topic]) -> Offsets:
        """Where the partitions of the topics ended at `begin`."""
        names = {full_name(topic, self.prefix) for topic in topics}
        return {tp: at for tp, at in self._begun.items() if tp.topic in names}

    async def _ends(self, partitions: list[TopicPartition]) -> Offsets:
        """True ends: the high watermark of a fetch at the end that the broker lists.

        The listed end alone will not do: Tansu 0.6 lists the offset after the first record of the last batch.
        """
        if not partitions:
            return {}
        async with self._one_at_a_time:
            ends: Offsets = dict(await self._reader.end_offsets(partitions))
            unknown = {tp for tp, end in ends.items() if end > 0}
            self._reader.assign(list(unknown))
            for tp in unknown:
                self._reader.seek(tp, ends[tp] - 1)
            deadline = time.monotonic() + _FETCH_SECONDS
            while unknown and time.monotonic() < deadline:
                for tp in await self._reader.getmany(*unknown, timeout_ms=200):
                    ends[tp] = max(ends[tp], self._reader.highwater(tp) or 0)
                    unknown.discard(tp)
            # Fetching must rest until the next look. Not by `unsubscribe`: aiokafka 0.14's fetcher can trip over it.
            self._reader.pause(*self._reader.assignment())
        return ends

    async def _committed(self, partitions: list[TopicPartition]) -> Offsets:
        for _ in range(40):  # a broker that has just started is still looking for its coordinator
            try:
                found = await self._admin.list_consumer_group_offsets(self.group, partitions=partitions)
                return {tp: max(0, each.offset) for tp, each in found.items()}
            except _BUSY:
                await asyncio.sleep(0.1)
        return dict.fromkeys(partitions, 0)

    def _since(self, offsets: Offsets) -> int:
        return sum(max(0, at - self._begun.get(tp, 0)) for tp, at in offsets.items())


def _consumer(broker: str, security: Security | None = None, fetch_bytes: int = 4 * 1024 * 1024) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=broker,
        client_id="riskwatch-lab",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=fetch_bytes,
        **client_settings(Security() if security is None else security),
    )


@asynccontextmanager
async def watch(broker: str, prefix: str, group: str, security: Security | None = None) -> AsyncIterator[Watcher]:
    """`async with watch(broker, prefix, group) as watcher`. Raises `BrokerAway` or `BrokerRefused`."""
    secured = Security() if security is None else security
    admin = AIOKafkaAdminClient(bootstrap_servers=broker, client_id="riskwatch-lab", **client_settings(secured))
    reader = _consumer(broker, secured, fetch_bytes=16 * 1024)
    try:
        try:
            await admin.start()
            await reader.start()
        except KafkaConnectionError as error:
            raise await why_away(broker, secured) from error
        except (KafkaError, OSError) as error:
            raise broker_error(error, broker) from error
        yield Watcher(broker, prefix, group, admin, reader)
    finally:
        await reader.stop()
        await admin.close()


async def follow(
    watcher: Watcher, topics: Sequence[Topic], look: Callable[[Any], None], *, since: Offsets | None = None
) -> None:
    """Calls `look` with every record of the topics, from `since` (else the beginning) on, until it is cancelled."""
    reader = _consumer(watcher.broker)
    await reader.start()
    try:
        partitions = await watcher.partitions(topics)
        reader.assign(partitions)
        for tp in partitions:
            reader.seek(tp, 0 if since is None else since.get(tp, 0))
        while True:
            for records in (await reader.getmany(timeout_ms=200)).values():
                for record in records:
                    look(record)
    finally:
        await reader.stop()

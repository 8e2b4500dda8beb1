"""Ingest: upstream records → journal entries, or dead letters. Every consumed record ends in one of the two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import structlog

from riskwatch.agents.align import Aligner
from riskwatch.agents.clock import EventClock
from riskwatch.agents.inject import fault
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Outbox, Revoked
from riskwatch.agents.relay import Relay
from riskwatch.agents.sorting import Sorted, Stamp, occurred_at_of, sort_out
from riskwatch.streams import topics
from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.packing import pack_tick

log = structlog.get_logger(__name__)

ROOM_SECONDS = 0.005
"""Between two looks whether the monitor has taken what was written to its journal."""

IDLE_SECONDS = 0.02
"""Longest wait for a topic that lags and has not been fetched, before the others go on without it."""

HOLD_SECONDS = 2.0
"""Longest time that applications hold up the events' time."""
_KIND = int(ENTRY.fields["kind"][1]) if ENTRY.fields is not None else 0


def _asks(value: bytes | None) -> bool:
    return value is not None and value[_KIND] == Kind.LOAN_APPLIED


class Lanes:
    """The topics of one input partition number: gathers their batches, writes them to the journal in one order."""

    def __init__(self, ingest: Ingest, number: int) -> None:
        self._ingest = ingest
        self._number = number
        self._aligner: Aligner[str] = Aligner()
        self._messages: dict[str, Any] = {}
        self._arrived = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def add(self, message: Any, out: Sorted) -> None:
        topic = message.topic
        if topic in self._messages:  # its partition went away and came back: the old batch is not ours any more
            self._drop(topic)
        self._messages[topic] = message
        self._aligner.add(topic, np.array(out.times, dtype=np.int64), out.entries)
        self._arrived.set()

    def _drop(self, topic: str) -> None:
        message = self._messages.pop(topic)
        self._aligner.drop(topic)
        self._ingest.consumer.abandon(message)

    async def run(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await self._settle()
            await self._write_released()
            if self._messages:
                self._arrived.set()

    async def _settle(self) -> None:
        deadline = time.monotonic() + IDLE_SECONDS
        while (left := deadline - time.monotonic()) > 0 and self._ingest.lagging(self._number, self._messages):
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                return
            self._arrived.clear()

    async def _write_released(self) -> None:
        consumer = self._ingest.consumer
        for topic, message in list(self._messages.items()):
            if not consumer.owns(message):
                self._drop(topic)
        if not self._messages:
            return
        await self._ingest.room(self._number, lambda: any(map(consumer.owns, self._messages.values())))
        more = {topic: self._ingest.has_more(message) for topic, message in self._messages.items()}
        entries, emptied = self._aligner.release(more)
        messages = list(self._messages.values())
        try:
            await self._ingest.write(entries, lambda: all(consumer.owns(message) for message in messages))
        except Revoked:
            for topic in list(self._messages):
                self._drop(topic)
            return
        fault("after-journal")
        for topic in emptied:
            consumer.finish(self._messages.pop(topic))


class Ingest:
    """The ingest agent."""

    def __init__(
        self, *, app: Any, outbox: Outbox, journal: Relay, stamp: Stamp, metrics: Metrics, prefix: str,
        now_ms: Callable[[], int], clock: EventClock | None, undecided: Callable[[int], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        """`undecided`: whether an application of a journal partition waits to be decided, as far as this worker knows;
        asked only where `clock` says the events' time."""
        self._app = app
        self._outbox = outbox
        self._journal = journal
        self._stamp = stamp
        self._metrics = metrics
        self._now_ms = now_ms
        self._clock = clock
        self._prefix = prefix
        self._dead_letters = topics.full_name(topics.DEAD_LETTERS, prefix)
        self._source_of = {topics.full_name(t, prefix): topics.SOURCE_TOPIC[t.name] for t in topics.INPUTS}
        self._short_name = {topics.full_name(t, prefix): t.name for t in topics.INPUTS}
        self._undecided = undecided
        self._asked: set[int] = set()
        self._lanes: dict[int, Lanes] = {}

    @property
    def consumer(self) -> Any:
        return self._app.consumer

    @property
    def topic_names(self) -> list[str]:
        return list(self._source_of)

    async def agent(self, stream: Any) -> None:
        """Faust agent: batches of the input topics."""
        async for event in stream.noack().events():
            await self.take(event.message)

    async def take(self, message: Any) -> None:
        """Sorts out one batch, writes its dead letters, and hands its entries to the partition's lanes."""
        if not self.consumer.begin(message):
            return
        began = time.perf_counter()
        records = message.value
        out = sort_out(message, self._source_of[message.topic], self._stamp, self._now_ms())
        self._count(self._short_name[message.topic], len(records), out)
        self._metrics.stage_seconds.labels("read").observe(time.perf_counter() - began)
        number = message.partition
        if out.dead:
            try:
                await self._outbox.write(
                    self._dead_letters, number, out.dead, lambda: bool(self.consumer.owns(message))
                )
            except Revoked:
                self.consumer.abandon(message)
                return
        lanes = self._lanes.get(number)
        if lanes is None:
            lanes = self._lanes[number] = Lanes(self, number)
            lanes.task = self._app.spawn(lanes.run(), f"ingest-lanes-{number}")
        lanes.add(message, out)

    def _count(self, topic: str, records: int, out: Sorted) -> None:
        metrics = self._metrics
        metrics.records_in.labels(topic).inc(records)
        metrics.batch_records.labels("ingest").observe(records)
        if out.tombstones:
            metrics.tombstones.labels(topic).inc(out.tombstones)
        if out.clamped:
            metrics.clamped.labels(topic).inc(out.clamped)
        for code, count in out.codes.items():
            metrics.dead_letters.labels(code).inc(count)

    def lagging(self, number: int, held: dict[str, Any]) -> bool:
        """Whether a topic of this partition number has records that are not in hand yet."""
        consumer = self.consumer
        for tp in consumer.assignment():
            if tp.partition == number and tp.topic in self._source_of and tp.topic not in held:
                position = consumer.finished.get(tp)
                highwater = consumer.highwater(tp)
                if highwater is not None and position is not None and highwater > position:
                    return True
        return False

    def has_more(self, message: Any) -> bool:
        """Whether the broker holds records of the partition after this batch."""
        highwater = self.consumer.highwater(message.tp)
        return highwater is not None and highwater > message.offset + 1

    async def room(self, number: int, owned: Callable[[], bool]) -> None:
        """Waits while this worker's monitor has a batch of the journal partition in hand and another before it: what
        is written further ahead would have to be fetched again. Not while the flow is stopped: then the monitor takes
        nothing, and what is in hand here is to end."""
        consumer, name = self.consumer, self._journal.name
        while consumer.flow_active and owned() and consumer.waiting(name, number) >= consumer.batch_records:
            await asyncio.sleep(ROOM_SECONDS)

    async def write(self, entries: Sequence[tuple[int, bytes, bytes]], owned: Callable[[], bool]) -> None:
        """Appends entries to their journal partitions, all acknowledged when it returns."""
        by_partition: dict[int, list[list[Item]]] = {}
        clock, now_ms = self._clock, self._now_ms()
        for partition, key, value in entries:
            parts = by_partition.get(partition)
            if parts is None:
                parts = by_partition[partition] = [[]]
            if clock is not None:
                tick = clock.tick_before(partition, occurred_at_of(value))
                if tick is not None:
                    parts.append([(None, pack_tick(tick), (), now_ms)])
            parts[-1].append((key, value, (), now_ms))
        began = time.perf_counter()
        await asyncio.gather(*[self._append(number, parts, owned) for number, parts in by_partition.items()])
        self._metrics.stage_seconds.labels("journal").observe(time.perf_counter() - began)
        self._metrics.journal_entries.labels("upstream").inc(len(entries))

    async def _append(self, number: int, parts: list[list[Item]], owned: Callable[[], bool]) -> None:
        """Writes parts of which each but the first begins with a tick of the events' time. Applications that wait for
        answers hold that time up: else hours of it would pass while a question is on its way."""
        together: list[Item] = []
        for part in parts:
            if number in self._asked:
                await self._journal.append(number, together, owned)
                together = []
                await self._answered(number, owned)
            together += part
            if self._clock is not None and any(_asks(value) for _, value, _, _ in part):
                self._asked.add(number)
        await self._journal.append(number, together, owned)

    async def _answered(self, number: int, owned: Callable[[], bool]) -> None:
        deadline = time.monotonic() + HOLD_SECONDS
        while self._undecided(number) and owned() and self.consumer.flow_active and time.monotonic() < deadline:
            await asyncio.sleep(ROOM_SECONDS)
        if time.monotonic() >= deadline:
            log.warning("answers-not-waited-for", partition=number, seconds=HOLD_SECONDS)
        self._asked.discard(number)

    async def tick(self, at_ms: int) -> None:
        """Writes a tick of the wall clock to the journal partitions that this worker stands for."""
        name = topics.full_name(topics.APPLICATIONS, self._prefix)
        numbers = [tp.partition for tp in self.consumer.assignment() if tp.topic == name]
        item: Item = (None, pack_tick(at_ms), (), at_ms)
        await self._journal.append_all({number: [item] for number in numbers})
        self._metrics.journal_entries.labels("tick").inc(len(numbers))

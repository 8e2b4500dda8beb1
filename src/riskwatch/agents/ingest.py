"""Ingest: upstream records → journal entries, or dead letters. Every consumed record ends in one of the two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from riskwatch.agents.align import Aligner
from riskwatch.agents.inject import fault
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Outbox, Revoked
from riskwatch.streams import topics
from riskwatch.streams.codec import TOMBSTONE, Fault, Faults, decode_event
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.entry import ENTRY, Flag
from riskwatch.streams.packing import customer_key, pack_entry, pack_tick, partition_of

log = structlog.get_logger(__name__)

LOG_APPEND_TIME = 1
CREATE_TIME_SLACK_MS = 2 * 3_600_000
"""Where the broker does not stamp records, the worker's own clock says what is the future, and it may itself be an hour off."""
IDLE_SECONDS = 0.02
"""Longest wait for a topic that lags and has not been fetched, before the others go on without it."""

_OCCURRED_AT = int(ENTRY.fields["occurred_at"][1]) if ENTRY.fields is not None else 0
_FLAGS = int(ENTRY.fields["flags"][1]) if ENTRY.fields is not None else 0


@dataclass(frozen=True)
class Stamp:
    """What ingest adds to an event, read once."""

    partitions: int
    zone_of: dict[str, ZoneInfo]
    secret: bytes
    future_ms: int
    by_event_time: bool


@dataclass
class Sorted:
    """One batch, sorted out. `entries`: (journal partition, key, value); `dead`: records for the dead-letter topic."""

    entries: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    dead: list[Item] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    tombstones: int = 0
    clamped: int = 0


def sort_out(records: Sequence[Any], source: int, stamp: Stamp, now_ms: int) -> Sorted:
    """Reads a batch of one topic's records. Never raises: what cannot be read, or breaks this code, is a dead letter."""
    out = Sorted()
    entries, times, partitions = out.entries, out.times, stamp.partitions
    by_event_time, zone_of, secret, future_ms = stamp.by_event_time, stamp.zone_of, stamp.secret, stamp.future_ms
    for record in records:
        try:
            event = decode_event(record.value, record.headers)
            if event is TOMBSTONE:
                out.tombstones += 1
                continue
            if isinstance(event, Faults):
                _bury(out, record, event, now_ms)
                continue
            broker_time = record.timestamp_type == LOG_APPEND_TIME
            source_at = record.timestamp
            latest = source_at + future_ms if broker_time else now_ms + CREATE_TIME_SLACK_MS + future_ms
            value = pack_entry(
                event,
                source_topic=source,
                source_partition=record.partition,
                source_offset=record.offset,
                source_at=source_at,
                ingested_at=now_ms,
                zone_of=zone_of,
                secret=secret,
                latest_ms=latest,
            )
            key = customer_key(event.tenant, event.customer_id)
        except Exception as error:
            log.warning("ingest-failed", topic=record.topic, offset=record.offset, error=type(error).__name__)
            words = f"riskwatch failed on this record: {type(error).__name__}"
            _bury(out, record, Faults((Fault(code="ingest-failed", path="", message=words),)), now_ms)
            continue
        if value[_FLAGS] & Flag.CLAMPED:
            out.clamped += 1
        entries.append((partition_of(key, partitions), key, value))
        times.append(
            int.from_bytes(value[_OCCURRED_AT : _OCCURRED_AT + 8], "little", signed=True)
            if by_event_time
            else source_at
        )
    return out


def _bury(out: Sorted, record: Any, faults: Faults, now_ms: int) -> None:
    letter = dead_letter(record, faults, datetime.fromtimestamp(now_ms / 1000, UTC))
    out.dead.append((letter.key, letter.value, letter.headers, letter.timestamp))
    out.codes[faults.code] = out.codes.get(faults.code, 0) + 1


class EventClock:
    """Ticks that follow the events' own time: one before the first entry of each new interval, for each journal partition."""

    def __init__(self, every_ms: int) -> None:
        self._every = every_ms
        self._newest: dict[int, int] = {}

    def tick_before(self, partition: int, at_ms: int) -> int | None:
        """The tick to be written before an entry that occurred at `at_ms`, or None."""
        tick = at_ms - at_ms % self._every
        newest = self._newest.get(partition)
        if newest is not None and tick <= newest:
            return None
        self._newest[partition] = tick
        return tick


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
        self, *, app: Any, outbox: Outbox, stamp: Stamp, metrics: Metrics, prefix: str,
        now_ms: Callable[[], int], clock: EventClock | None,
    ) -> None:  # fmt: skip
        self._app = app
        self._outbox = outbox
        self._stamp = stamp
        self._metrics = metrics
        self._now_ms = now_ms
        self._clock = clock
        self._prefix = prefix
        self._journal = topics.full_name(topics.JOURNAL, prefix)
        self._dead_letters = topics.full_name(topics.DEAD_LETTERS, prefix)
        self._source_of = {topics.full_name(t, prefix): topics.SOURCE_TOPIC[t.name] for t in topics.INPUTS}
        self._short_name = {topics.full_name(t, prefix): t.name for t in topics.INPUTS}
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
        out = sort_out(records, self._source_of[message.topic], self._stamp, self._now_ms())
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

    async def write(self, entries: Sequence[tuple[int, bytes, bytes]], owned: Callable[[], bool]) -> None:
        """Appends entries to their journal partitions, all acknowledged when it returns."""
        by_partition: dict[int, list[Item]] = {}
        clock = self._clock
        for partition, key, value in entries:
            items = by_partition.get(partition)
            if items is None:
                items = by_partition[partition] = []
            if clock is not None:
                at_ms = int.from_bytes(value[_OCCURRED_AT : _OCCURRED_AT + 8], "little", signed=True)
                tick = clock.tick_before(partition, at_ms)
                if tick is not None:
                    items.append((None, pack_tick(tick), (), None))
            items.append((key, value, (), None))
        await asyncio.gather(*[self._append(p, items, owned) for p, items in by_partition.items()])
        self._metrics.journal_entries.labels("upstream").inc(len(entries))

    async def _append(self, partition: int, items: list[Item], owned: Callable[[], bool]) -> None:
        began = time.perf_counter()
        receipt = await self._outbox.write(self._journal, partition, items, owned)
        if receipt.refused:
            await self._bury_refused(partition, receipt.refused, owned)
        self._metrics.stage_seconds.labels("journal").observe(time.perf_counter() - began)

    async def _bury_refused(self, partition: int, refused: list[Item], owned: Callable[[], bool]) -> None:
        """The broker takes no entry of this size: kept as a dead letter, cut if need be, with the entry as its value."""
        code = "entry-refused"
        headers = [("riskwatch-error-code", code.encode())]
        letters: list[Item] = [(key, (value or b"")[:900_000], headers, None) for key, value, _, _ in refused]
        await self._outbox.write(self._dead_letters, partition, letters, owned)
        self._metrics.dead_letters.labels(code).inc(len(letters))

    async def tick(self, at_ms: int) -> None:
        """Writes a tick of the wall clock to the journal partitions that this worker stands for."""
        name = topics.full_name(topics.APPLICATIONS, self._prefix)
        numbers = [tp.partition for tp in self.consumer.assignment() if tp.topic == name]
        item: Item = (None, pack_tick(at_ms), (), None)
        await asyncio.gather(*[self._outbox.write(self._journal, number, [item]) for number in numbers])
        self._metrics.journal_entries.labels("tick").inc(len(numbers))

"""Whole batches through Faust: one Faust message holds every record that one fetch returned for a partition.

The message's offset is that of its last record; the offsets before it are what Faust already calls a gap. So agents,
rebalancing and table recovery work as they are, and the cost of Faust's machinery is paid once a batch (measured:
10,000 records/s through plain Faust, over 300,000 through this transport).

At most one batch of a partition is in flight: while it is worked on, the broker's records gather, so batches grow with
the load. An agent takes a batch with `begin` and gives it back with `finish`; only `finish` makes an offset
committable. Faust's own acks are ignored for batched topics, because a stream acks what it skips in a rebalance.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import faust
from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from riskwatch.agents.backlog import Backlog, Written
from riskwatch.agents.inject import fault

FETCH_BYTES = 65_536
"""Records of so many bytes are worth a fetch of their own at once."""


class BatchConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns the aiokafka consumer. Its records are taken in the main thread, out of `backlog`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.backlog = Backlog(self.app.batch_records, self._arrived)
        self._news = asyncio.Event()
        self._waits = False
        self._main: asyncio.AbstractEventLoop | None = None

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust asks the broker to answer a fetch as soon as there is one record, and to hold an empty one for 1.5 s.

        A fetch for each record is dear on both sides (measured at 1,000 records/s: 0.8 processors for the worker, 1
        for the broker). So the broker holds a fetch shortly, and answers early only for many records: those of all
        partitions then move together.
        """
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = int(self.app.fetch_wait_seconds * 1000)
        consumer._fetch_min_bytes = FETCH_BYTES
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        self.backlog.attach(self._ensure_consumer()._fetcher)

    def free(self) -> None:
        """A partition has become free, or its agents take records again. From the main thread."""
        self._news.set()

    def _arrived(self) -> None:
        if self._waits and self._main is not None:
            self._main.call_soon_threadsafe(self._news.set)

    def _open(self, tp: TP) -> bool:
        """Whether agents take the partition's records now: changelogs always, streams once recovery is over.

        Faust resumes the streams' partitions some steps before the end of recovery and then clears the streams' queues.
        It fetches again what was lost there; a batch lost there would stay in flight, and its partition stand still.
        """
        return self.consumer.streams_open or not self.app.topics.acks_enabled_for(tp.topic)

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:  # noqa: ASYNC109
        """Records of partitions that have no batch in flight, as soon as there are any."""
        aiokafka = self._ensure_consumer()
        consumer, backlog, active = self.consumer, self.backlog, active_partitions or set()
        self._main = loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        alarm = loop.call_at(deadline, self._news.set)
        backlog.want(active)
        try:
            with aiokafka._subscription.fetch_context():  # its coordinator leaves the group when nobody fetches
                while consumer.flow_active:
                    if aiokafka._closed or aiokafka._fetcher._closed:
                        raise driver.ConsumerStoppedError
                    self._waits = True  # before the look: what arrives after it wakes
                    self._news.clear()
                    taken = backlog.take(
                        lambda tp: tp in active and tp not in consumer.in_flight and self._open(tp),
                        consumer.batch_records,
                    )
                    if taken or loop.time() >= deadline:
                        return taken
                    await self._news.wait()
                return {}
        finally:
            self._waits = False
            alarm.cancel()


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Delivers batches; keeps which are in flight and how far each partition is finished."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_flight: dict[TP, Any] = {}
        self.busy: set[TP] = set()
        self.finished: dict[TP, int] = {}
        self.streams_open = False
        self.closing = False
        self.batch_records: int = self.app.batch_records
        self.drain_seconds: float = self.app.drain_seconds

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        if not self.flow_active:
            with contextlib.suppress(KafkaError):  # a rebalance is under way, and seeks again when it ends
                await self.perform_seek()
            return
        for tp, batch in records.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                break
            if not (active is None or tp in active or tp in self._buffered_partitions):
                continue
            last = batch[-1]
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp) or last.offset + 1)
            message = ConsumerMessage(
                tp.topic, tp.partition, last.offset, (last.timestamp or 0) / 1000, last.timestamp_type,
                (), None, batch, None, 0, 0, tp, generation_id=generation,
            )  # fmt: skip
            if self.app.topics.acks_enabled_for(tp.topic):
                self.in_flight[tp] = message
                fault("fetched")
            yield tp, message

    def highwater(self, tp: TP) -> int | None:
        """The end of a partition as the last fetch saw it; None where it is not known, or not ours any more. An error
        here would end Faust's fetcher for good: a partition may go at any moment."""
        try:
            end: int | None = super().highwater(tp)
        except IllegalStateError:
            return None
        return end

    def offer(self, topic: str, partition: int, base: int, records: list[Written]) -> bool:
        """Records that this worker has just written at offsets `base` and on. True: it reads the partition too, and has
        taken them over; False: they come by a fetch, to whoever reads it."""
        taken = self.streams_open and bool(self._thread.backlog.offer(TP(topic, partition), base, records))
        if taken:
            self._thread.free()
        return taken

    def waiting(self, topic: str, partition: int) -> int:
        """Records of a partition that are here and wait for its batch in flight to end."""
        return int(self._thread.backlog.count(TP(topic, partition)))

    def begin(self, message: Any) -> bool:
        """An agent starts on a batch. False: the partition has been revoked since, or the worker is stopping, and the
        batch must be dropped."""
        if self.closing or not self.owns(message):
            return False
        self.busy.add(message.tp)
        return True

    def owns(self, message: Any) -> bool:
        """Whether a batch still belongs to this worker: effects of one that does not are not to leave."""
        current = message.generation_id == self.app.consumer_generation_id
        return bool(current and self.in_flight.get(message.tp) is message)

    def finish(self, message: Any) -> None:
        """All effects of a batch are durable: its offsets may be committed and the partition's next batch fetched."""
        tp, end = message.tp, message.offset + 1
        self.busy.discard(tp)
        if self.in_flight.get(tp) is message:
            del self.in_flight[tp]
            self.finished[tp] = end
            self._thread.free()

    def abandon(self, message: Any) -> None:
        """A batch whose partition was revoked is left as it is: whoever owns the partition now redoes it."""
        self.busy.discard(message.tp)

    def ack(self, message: Any) -> bool:
        message.acked = True
        self._unacked_messages.discard(message)
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps need no record: `finish` says how far a partition is."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter([tp for tp in self.finished if topics is None or tp in topics or tp.topic in topics])

    def _new_offset(self, tp: TP) -> int | None:
        return self.finished.get(tp)

    def close(self) -> None:
        """The worker is stopping: batches under way end, no other begins, so that the last commit covers all that was
        done."""
        self.closing = True
        self.stop_flow()

    def open_streams(self) -> None:
        """Recovery is over: batches of the streams may be delivered."""
        self.streams_open = True
        self._thread.free()

    def close_streams(self) -> None:
        """A rebalance has begun."""
        self.streams_open = False

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        fault("before-commit")
        committed = bool(await super()._commit(offsets))
        if committed:
            self.app.on_committed(offsets)
            fault("after-commit")
        return committed

    async def on_partitions_revoked(self, revoked: Iterable[TP]) -> None:
        """Lets batches under way end (within `drain_seconds`) and commits them, so that less is done twice."""
        revoked = set(revoked)
        self.stop_flow()
        deadline = time.monotonic() + self.drain_seconds
        while self.busy & revoked and time.monotonic() < deadline and not self.should_stop:
            await asyncio.sleep(0.01)
        await self.commit()
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self.in_flight.pop(tp, None)
            self.finished.pop(tp, None)
        self._thread.free()


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with `BatchConsumer`."""

    Consumer = BatchConsumer


class BatchApp(faust.App):  # type: ignore[misc]
    """A Faust app whose topics all move in batches."""

    batch_records: int = 4_000
    drain_seconds: float = 3.0
    fetch_wait_seconds: float = 0.01

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self, loop=self.loop)

    def on_rebalance_start(self) -> None:
        self.consumer.close_streams()
        super().on_rebalance_start()

    def on_rebalance_end(self) -> None:
        super().on_rebalance_end()
        self.consumer.open_streams()

    def on_committed(self, offsets: Mapping[TP, int]) -> None:
        """Called with every successful commit."""

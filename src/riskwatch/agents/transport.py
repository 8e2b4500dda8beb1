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
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from riskwatch.agents.fetched import take
from riskwatch.agents.inject import fault

FETCH_BYTES = 65_536
"""Records of so many bytes are worth a fetch of their own at once."""


class BatchConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns the aiokafka consumer. Waits for records of partitions that have no batch in flight."""

    _freed: asyncio.Event | None = None

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust asks the broker to answer a fetch as soon as there is one record, and to hold an empty one for 1.5 s.

        A partition whose records are taken while a fetch is held is not part of that fetch, so its next record would
        wait for as long; and a fetch for each record is dear on both sides (measured at 1,000 records/s: 0.8
        processors for the worker, 1 for the broker). So the broker holds a fetch shortly, and answers early only for
        many records: those of all partitions then move together.
        """
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = int(self.app.fetch_wait_seconds * 1000)
        consumer._fetch_min_bytes = FETCH_BYTES
        return consumer

    def free(self) -> None:
        """A partition has become free: wake the fetch that waits. Callable from any thread."""
        self.thread_loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._freed is not None:
            self._freed.set()

    def _open(self, tp: TP) -> bool:
        """Whether agents take the partition's records now: changelogs always, streams once recovery is over.

        Faust resumes the streams' partitions some steps before the end of recovery and then clears the streams' queues.
        It fetches again what was lost there; a batch lost there would stay in flight, and its partition stand still.
        """
        return self.consumer.streams_open or not self.app.topics.acks_enabled_for(tp.topic)

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:  # noqa: ASYNC109
        records: dict[TP, list[Any]] = await self.call_thread(
            self._fetch_batches, self._ensure_consumer(), active_partitions, timeout
        )
        return records

    async def _fetch_batches(self, consumer: Any, active: set[TP], timeout: float) -> dict[TP, list[Any]]:  # noqa: ASYNC109
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise driver.ConsumerStoppedError
        if self._freed is None:
            self._freed = asyncio.Event()
        in_flight = self.consumer.in_flight
        limit = self.consumer.batch_records
        deadline = time.monotonic() + timeout
        with fetcher._subscriptions.fetch_context():
            while True:
                self._freed.clear()
                if fetcher._subscriptions.reassignment_in_progress:
                    await fetcher._subscriptions.wait_for_assignment()
                drained = drain(fetcher, {tp for tp in active if tp not in in_flight and self._open(tp)}, limit)
                left = deadline - time.monotonic()
                if drained or left <= 0 or not self.consumer.flow_active:
                    return drained
                arrival = fetcher._create_fetch_waiter()
                freed = asyncio.ensure_future(self._freed.wait())
                done, pending = await asyncio.wait([arrival, freed], timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for waiter in pending:
                    waiter.cancel()
                if fetcher._closed:
                    return {}
                if arrival in done:
                    arrival.result()  # raises what the broker refused


def drain(fetcher: Any, wanted: set[TP], limit: int) -> dict[TP, list[Any]]:
    """Takes up to `limit` fetched records of each wanted partition out of aiokafka's fetcher."""
    drained: dict[TP, list[Any]] = {}
    for tp in list(fetcher._records):
        if tp not in wanted:
            if not fetcher._subscriptions.is_assigned(tp):
                del fetcher._records[tp]
            continue
        fetched = fetcher._records[tp]
        if type(fetched) is FetchResult:
            records = take(fetched, limit)
            if not fetched.has_more():
                del fetcher._records[tp]
                fetcher._notify(fetcher._wait_consume_future)
            if records:
                drained[tp] = records
        elif drained:
            return drained
        else:
            del fetcher._records[tp]
            fetcher._notify(fetcher._wait_consume_future)
            fetched.check_raise()
    return drained


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Delivers batches; keeps which are in flight and how far each partition is finished."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_flight: dict[TP, Any] = {}
        self.busy: set[TP] = set()
        self.finished: dict[TP, int] = {}
        self.streams_open = False
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
            end = self.highwater(tp)
            if end is None:
                continue
            self.app.monitor.track_tp_end_offset(tp, end)
            last = batch[-1]
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

    def begin(self, message: Any) -> bool:
        """An agent starts on a batch. False: the partition has been revoked since, and the batch must be dropped."""
        if not self.owns(message):
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

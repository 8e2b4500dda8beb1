"""Writes batches to Kafka and waits until the broker has acknowledged every record.

What the broker refuses for good (a record too large) comes back to the caller; what fails for now (broker away, no
leader) is tried again until it succeeds or the batch is no longer ours. So an effect is never lost, and a batch's
offset never passes it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")
Headers = Sequence[tuple[str, bytes | None]]
Item = tuple[bytes | None, bytes | None, Headers, int | None]
"""Key, value, headers and timestamp (ms since 1970, None for now) of a record to be written."""

_NO_HEADERS: list[tuple[str, bytes | None]] = []
RETRY_SECONDS = 0.3
_TOO_LARGE = (MessageSizeTooLargeError, RecordTooLargeError, RecordListTooLargeError)


class Revoked(Exception):
    """The batch's partition has gone to another worker: its effects must not leave this one."""


@dataclass
class Receipt:
    """What became of a write: each accepted chunk as (base offset, records), and the items that the broker refused."""

    chunks: list[tuple[int, int]] = field(default_factory=list)
    refused: list[Item] = field(default_factory=list)

    @property
    def records(self) -> int:
        return sum(count for _, count in self.chunks)

    @property
    def last_offset(self) -> int | None:
        return max((base + count - 1 for base, count in self.chunks), default=None)


MakeProducer = Callable[[], AIOKafkaProducer]
"""Makes a producer inside the running loop; it is started by the outbox."""


class Outbox:
    """The worker's producers, in a thread of their own: a fold of 4,000 entries must not hold up acknowledgements.

    A lane is a producer with its own connection. aiokafka has one request under way for each broker, so journal,
    changelog and outputs would otherwise wait for one another.
    """

    def __init__(self, make_producer: MakeProducer, on_trouble: Callable[[str | None], None]) -> None:
        self._make_producer = make_producer
        self._on_trouble = on_trouble
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outbox", daemon=True)
        self._lanes: dict[str, _Lane] = {}

    async def start(self, lanes: Sequence[str]) -> None:
        """Connects. Topics named in `lanes` have a producer of their own, all others share one."""
        self._thread.start()
        for name in (*lanes, ""):
            self._lanes[name] = await self._run(self._start_lane())

    async def stop(self) -> None:
        """Closes the connections and ends the thread."""
        for lane in self._lanes.values():
            await self._run(lane.producer.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def write(
        self, topic: str, partition: int, items: Sequence[Item], owned: Callable[[], bool] = lambda: True
    ) -> Receipt:
        """Writes items in order to one partition; returns when all are acknowledged. Raises `Revoked` when `owned`
        turns false before. `owned` is asked from the outbox's thread."""
        lane = self._lanes.get(topic) or self._lanes[""]
        return await self._run(lane.write(topic, partition, items, owned))

    async def _start_lane(self) -> _Lane:
        producer = self._make_producer()
        await producer.start()
        return _Lane(producer, self._on_trouble)

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


class _Lane:
    """One producer. Lives in the outbox's thread."""

    def __init__(self, producer: AIOKafkaProducer, on_trouble: Callable[[str | None], None]) -> None:
        self.producer = producer
        self._on_trouble = on_trouble

    async def write(self, topic: str, partition: int, items: Sequence[Item], owned: Callable[[], bool]) -> Receipt:
        """One chunk at a time: were the next one under way when a chunk fails, a retry would put it behind its
        successor, and readers that skip what is older than what they have seen (the monitor) would lose it.
        """
        receipt = Receipt()
        left = list(items)
        while left:
            builder, chunk = self._next_chunk(left)
            if await self._send(topic, partition, builder, chunk, receipt, owned):
                left = left[len(chunk) :]
        return receipt

    async def _send(
        self, topic: str, partition: int, builder: Any, chunk: list[Item], receipt: Receipt, owned: Callable[[], bool]
    ) -> bool:
        if not owned():
            raise Revoked(f"{topic}[{partition}]")
        try:
            metadata = await (await self.producer.send_batch(builder, topic, partition=partition))
        except _TOO_LARGE:
            if len(chunk) == 1:
                receipt.refused.append(chunk[0])
                return True
            half = len(chunk) // 2
            for part in (chunk[:half], chunk[half:]):
                inner = await self.write(topic, partition, part, owned)
                receipt.chunks.extend(inner.chunks)
                receipt.refused.extend(inner.refused)
            return True
        except KafkaError as error:
            await self._wait(topic, partition, error)
            return False
        receipt.chunks.append((metadata.offset, len(chunk)))
        self._on_trouble(None)
        return True

    async def _wait(self, topic: str, partition: int, error: BaseException) -> None:
        text = f"writing to {topic}[{partition}] failed: {error!r}"
        self._on_trouble(text)
        log.warning("write-failed", topic=topic, partition=partition, error=repr(error), retry_in=RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)

    def _next_chunk(self, items: list[Item]) -> tuple[Any, list[Item]]:
        """As many items from the front as one Kafka batch holds, at least one."""
        builder = self.producer.create_batch()
        append = builder._builder.append  # past one layer of Python for each record
        count = 0
        for key, value, headers, timestamp in items:
            if append(count, timestamp, key, value, list(headers) if headers else _NO_HEADERS) is None:
                break
            count += 1
        builder._relative_offset = count
        builder.close()
        return builder, items[:count]

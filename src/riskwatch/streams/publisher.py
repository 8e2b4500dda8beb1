"""The client of upstream teams: typed events in, the right topic and key, and a return only when the broker has them.

    async with Publisher("127.0.0.1:9092") as publisher:
        await publisher.publish(LoginFailed(event_id=..., tenant=..., customer_id=..., occurred_at=...))

An event that is published again under its `event_id` counts once, so after an error: publish again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Literal, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from msgspec import Struct

from riskwatch.streams import cloudevents
from riskwatch.streams.checking import InvalidEvent, checked
from riskwatch.streams.codec import Faults, Outcome, decode_event, encode_event
from riskwatch.streams.connecting import BrokerError, Security, broker_error, client_settings, why_away
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.packing import customer_key
from riskwatch.streams.topics import DEFAULT_PREFIX, TOPIC_OF, full_name

__all__ = ["BrokerError", "InvalidEvent", "Publisher", "Security"]

Headers = list[tuple[str, bytes]]
_BATCH_BYTES = 262_144
_TURN = 2_000  # records between two looks of a bulk publication at everything else that runs in the loop


class Message(Struct, frozen=True):
    """An event as it goes to the broker."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Publisher:
    """Publishes events. One for each process is enough; it is used as `async with Publisher(...) as publisher`.

    `timeout`: seconds after which an unanswered publication is an error (`BrokerAway`); the event may still arrive,
    and publishing it again is safe. `in_flight`: records that may wait for the broker at a time; `send` and the bulk
    methods wait when there are more. `source`: the `ce_source` header, a URI reference of the publishing system; None
    leaves the CloudEvents headers out, which saves a fifth of the bytes of a small event.
    """

    def __init__(
        self,
        broker: str = "127.0.0.1:9092",
        *,
        prefix: str = DEFAULT_PREFIX,
        source: str | None = "/riskwatch/publisher",
        timeout: float = 10.0,
        in_flight: int = 20_000,
        linger_seconds: float = 0.0,
        compression: Literal["gzip", "snappy", "lz4", "zstd"] | None = None,
        security: Security | None = None,
    ) -> None:
        self._broker = broker
        self._source = source
        self._timeout = timeout
        self._in_flight = in_flight
        self._linger = linger_seconds
        self._compression = compression
        self._security = Security() if security is None else security
        self._topic_of = {event_type: full_name(topic, prefix) for event_type, topic in TOPIC_OF.items()}
        self._room = asyncio.Semaphore(in_flight)
        self._client: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        """Connects. Raises `BrokerAway` or `BrokerRefused` within the timeout."""
        client = AIOKafkaProducer(
            bootstrap_servers=self._broker,
            client_id="riskwatch-publisher",
            acks="all",
            linger_ms=round(self._linger * 1000),
            max_batch_size=_BATCH_BYTES,
            compression_type=self._compression,
            request_timeout_ms=round(self._timeout * 1000),
            **client_settings(self._security),
        )
        try:
            async with asyncio.timeout(self._timeout):
                await client.start()
        except BaseException as error:
            await client.stop()
            if isinstance(error, KafkaConnectionError | TimeoutError):
                raise await why_away(self._broker, self._security) from error
            if isinstance(error, KafkaError | OSError):
                raise broker_error(error, self._broker) from error
            raise
        self._client = client
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits for what is in flight, as long as the timeout allows, and disconnects."""
        client, self._client = self._producer(), None
        try:
            async with asyncio.timeout(self._timeout):
                await client.stop()
        except TimeoutError as late:
            if error is None:
                raise broker_error(late, self._broker) from late

    async def publish(self, event: AnyEvent) -> None:
        """Publishes one event and returns when the broker has it.

        Raises `InvalidEvent` with every fault of the event, `BrokerAway`, `BrokerRefused`.
        """
        message = self._message(checked(event))
        try:
            async with asyncio.timeout(self._timeout):
                future = await self._enqueue(message)
                await future
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, self._broker, message.topic) from error

    async def send(self, event: AnyEvent) -> asyncio.Future[object]:
        """Hands one event to the client; the future returned is done when the broker has it, or failed.

        Waits while `in_flight` records are unanswered. Raises as `publish` does; the future raises aiokafka's errors.
        """
        message = self._message(checked(event))
        try:
            return await self._enqueue(message)
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, self._broker, message.topic) from error

    async def publish_many(self, events: Iterable[AnyEvent], *, told: Callable[[int], None] | None = None) -> int:
        """Publishes events in bulk, in their order, and returns how many when the broker has them all.

        `told` is called with the count of records handed over since its last call. Raises as `publish` does; what came
        before the event at fault is published.
        """
        return await self._publish_bulk((self._message(checked(event)) for event in events), told)

    async def publish_lines(self, lines: Iterable[bytes], *, told: Callable[[int], None] | None = None) -> int:
        """Publishes events that are JSON already, one a line, byte for byte. Empty lines are passed over.

        Each line is read as a worker would read it; a line with faults raises `InvalidEvent`. Otherwise as
        `publish_many`.
        """
        return await self._publish_bulk(self._messages_of(lines), told)

    async def flush(self) -> None:
        """Returns when the broker has answered for all that was sent."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._producer().flush()
        except (KafkaError, TimeoutError) as error:
            raise broker_error(error, self._broker) from error

    # ------------------------------------------------------------------------------------------------------- messages

    def _message(self, event: AnyEvent, value: bytes | None = None) -> Message:
        encoded = encode_event(event) if value is None else value
        headers = [] if self._source is None else cloudevents.write(event, self._source)
        return Message(self._topic_of[type(event)], customer_key(event.tenant, event.customer_id), encoded, headers)

    def _messages_of(self, lines: Iterable[bytes]) -> Iterator[Message]:
        for line in lines:
            stripped = line.strip()
            if not stripped:
                continue
            event = decode_event(stripped)
            if isinstance(event, Faults):
                raise InvalidEvent(event)
            assert not isinstance(event, Outcome), "a line is never null"
            yield self._message(event, stripped)

    # -------------------------------------------------------------------------------------------------------- sending

    def _producer(self) -> AIOKafkaProducer:
        if self._client is None:
            raise RuntimeError("the publisher is not connected: use it as `async with Publisher(...) as publisher`")
        return self._client

    async def _enqueue(self, message: Message) -> asyncio.Future[object]:
        client = self._producer()
        await self._room.acquire()
        try:
            partition = _partition(message.key, await self._partitions(message.topic))
            future: asyncio.Future[object] = await client.send(
                message.topic, message.value, message.key, partition=partition, headers=message.headers
            )
        except BaseException:
            self._room.release()
            raise
        future.add_done_callback(lambda _: self._room.release())
        return future

    async def _partitions(self, topic: str) -> int:
        return len(await self._producer().partitions_for(topic))

    async def _publish_bulk(self, messages: Iterator[Message], told: Callable[[int], None] | None) -> int:
        """Fills whole batches for each partition: a fifth of the cost of record by record."""
        client = self._producer()
        open_batches: dict[tuple[str, int], BatchBuilder] = {}
        waiting: deque[tuple[asyncio.Future[object], str, int]] = deque()
        unanswered = published = new = 0
        partitions: dict[str, int] = {}
        failed: Exception | None = None

        async def submit(topic: str, partition: int, batch: BatchBuilder) -> None:
            nonlocal unanswered
            count = batch.record_count()
            batch.close()
            try:
                future: asyncio.Future[object] = await client.send_batch(batch, topic, partition=partition)
            except (KafkaError, TimeoutError) as error:
                raise broker_error(error, self._broker, topic) from error
            future.add_done_callback(_look)  # several may fail, the first is told
            waiting.append((future, topic, count))
            unanswered += count
            while unanswered > self._in_flight:
                await settle()

        async def settle() -> None:
            nonlocal unanswered
            future, topic, count = waiting.popleft()
            try:
                async with asyncio.timeout(self._timeout):
                    await future
            except (KafkaError, TimeoutError) as error:
                raise broker_error(error, self._broker, topic) from error
            unanswered -= count

        while True:
            try:
                message = next(messages, None)
            except InvalidEvent as error:
                message, failed = None, error
            if message is None:
                break
            count = partitions.get(message.topic)
            if count is None:
                try:
                    count = partitions[message.topic] = await self._partitions(message.topic)
                except KafkaError as error:
                    raise broker_error(error, self._broker, message.topic) from error
            at = (message.topic, _partition(message.key, count))
            batch = open_batches.get(at)
            if batch is None:
                batch = open_batches[at] = client.create_batch()
            if not _append(batch, message):
                await submit(*at, batch)
                batch = open_batches[at] = client.create_batch()
                if not _append(batch, message):
                    raise BrokerError(
                        f"an event of {len(message.value):,} bytes is too large for topic {message.topic}"
                    )
            published += 1
            new += 1
            if new == _TURN:
                if told is not None:
                    told(new)
                new = 0
                await asyncio.sleep(0)
        for at, batch in open_batches.items():
            await submit(*at, batch)
        while waiting:
            await settle()
        if told is not None and new:
            told(new)
        if failed is not None:
            raise failed
        return published


def _look(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()


def _append(batch: BatchBuilder, message: Message) -> bool:
    appended = batch.append(timestamp=None, key=message.key, value=message.value, headers=message.headers)
    return appended is not None


@lru_cache(maxsize=131_072)
def _partition(key: bytes, n: int) -> int:
    """The partition that Kafka's own clients choose, so that a customer's events stay in order whoever publishes
    them."""
    return int((murmur2(key) & 0x7FFFFFFF) % n)

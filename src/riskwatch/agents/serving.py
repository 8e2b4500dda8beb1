"""Serving: views of the alerts in Redis, for consoles and other readers. A view only: nothing waits for it, and it can
be rebuilt.

Keys, under `<prefix>:`

    alert:<alert id>                 the alert as JSON
    alerts:<fraud|early-warning>     sorted set of alert ids by event time (ms), the newest `NEWEST`
    customer:<tenant>/<customer id>  sorted set of that customer's alert ids by event time (ms), the newest
    `NEWEST_OF_CUSTOMER`

All expire `KEPT_SECONDS` after their last write. A repeated alert writes the same again; a withdrawn one is taken out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import msgspec
import structlog
from redis.exceptions import RedisError

from riskwatch.streams import topics
from riskwatch.streams.outputs import Alert, decode_alert

log = structlog.get_logger(__name__)

NEWEST = 10_000
NEWEST_OF_CUSTOMER = 200
KEPT_SECONDS = 90 * 24 * 3600
RETRY_SECONDS = 1.0
SERVED = (topics.FRAUD_ALERTS, topics.EARLY_WARNINGS)


class Pipeline(Protocol):
    """What is used of a Redis pipeline."""

    def set(self, name: str, value: bytes, *, ex: int) -> Any: ...
    def delete(self, name: str) -> Any: ...
    def zrem(self, name: str, member: str) -> Any: ...
    def zadd(self, name: str, mapping: dict[str, float]) -> Any: ...
    def zremrangebyrank(self, name: str, min: int, max: int) -> Any: ...
    def expire(self, name: str, time: int) -> Any: ...


def view(pipeline: Pipeline, prefix: str, alerts: Iterable[tuple[Alert, bytes]]) -> None:
    """Queues the commands that show these alerts (with their JSON), or take them out of sight."""
    sets: dict[str, int] = {}
    for alert, value in alerts:
        at = alert.occurred_at.timestamp() * 1000
        shown_in = (
            (f"{prefix}:alerts:{alert.kind}", NEWEST),
            (f"{prefix}:customer:{alert.tenant}/{alert.customer_id}", NEWEST_OF_CUSTOMER),
        )
        if alert.withdrawn:
            pipeline.delete(f"{prefix}:alert:{alert.alert_id}")
            for name, _ in shown_in:
                pipeline.zrem(name, alert.alert_id)
            continue
        pipeline.set(f"{prefix}:alert:{alert.alert_id}", value, ex=KEPT_SECONDS)
        for name, newest in shown_in:
            pipeline.zadd(name, {alert.alert_id: at})
            sets[name] = newest
    for name, newest in sets.items():
        pipeline.zremrangebyrank(name, 0, -newest - 1)
        pipeline.expire(name, KEPT_SECONDS)


class Serving:
    """The serving agent. While Redis is away its batches wait, uncommitted; the monitor does not."""

    def __init__(
        self, *, app: Any, redis: Any, prefix: str, on_trouble: Callable[[str | None], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._app = app
        self._redis = redis
        self._prefix = prefix
        self._on_trouble = on_trouble
        self._sleep = sleep
        self.topic_names = [topics.full_name(topic, prefix) for topic in SERVED]

    async def agent(self, stream: Any) -> None:
        """Faust agent: batches of alerts."""
        async for event in stream.noack().events():
            message = event.message
            if self._app.consumer.begin(message):
                self._app.spawn(self.take(message), f"serving-{message.partition}")

    async def take(self, message: Any) -> None:
        """Shows one batch; tries until Redis has it or the partition is no longer ours."""
        consumer = self._app.consumer
        alerts = list(_readable(message.value))
        while consumer.owns(message):
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    view(pipeline, self._prefix, alerts)
                    await pipeline.execute()
            except (RedisError, OSError) as error:
                self._on_trouble(f"Redis is away: {type(error).__name__}")
                log.warning("redis-away", error=repr(error), retry_in=RETRY_SECONDS)
                await self._sleep(RETRY_SECONDS)
                continue
            self._on_trouble(None)
            consumer.finish(message)
            return
        consumer.abandon(message)


def _readable(records: Iterable[Any]) -> Iterable[tuple[Alert, bytes]]:
    for record in records:
        try:
            yield decode_alert(record.value), record.value
        except (msgspec.MsgspecError, TypeError) as error:
            log.warning("alert-unreadable", offset=record.offset, error=type(error).__name__)

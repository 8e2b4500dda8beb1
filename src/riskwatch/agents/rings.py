"""The rings agent: one worker of the group owns all rings. It answers the links' questions and alerts as rings grow.

Some hundred questions at a time: answers and alerts acknowledged, then their rows in one record batch (the log holds it
whole or not at all, so no crash leaves half of a ring), then the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import structlog

from riskwatch.agents.durable import Durable
from riskwatch.agents.fetched import received
from riskwatch.agents.inject import fault
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Revoked
from riskwatch.agents.provision import RINGS_CHANGELOG
from riskwatch.agents.publishing import Publishing
from riskwatch.agents.relay import Relay
from riskwatch.agents.ringing import RingPartition, Rung, open_rings, ring
from riskwatch.agents.table import StateTable
from riskwatch.features.linkmessages import RingAsked, decode_ring_asked
from riskwatch.streams import faults as said
from riskwatch.streams import topics
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.outputs import encode_output
from riskwatch.streams.packing import customer_key
from riskwatch.streams.partitioning import partition_of

log = structlog.get_logger(__name__)


class RingsAgent:
    """The rings agent; `forget` where its partition goes."""

    def __init__(
        self, *, app: Any, table: StateTable, durable: Durable, journal: Relay, publishing: Publishing,
        metrics: Metrics, partitions: int, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._app = app
        self._table = table
        self._durable = durable
        self._journal = journal
        self._publishing = publishing
        self._metrics = metrics
        self._count = partitions
        self._now = now
        self._held: RingPartition | None = None

    async def agent(self, stream: Any) -> None:
        """Faust agent: batches of questions about rings."""
        async for event in stream.noack().events():
            message = event.message
            consumer = self._app.consumer
            if not consumer.begin(message):
                continue
            began = time.perf_counter()
            try:
                await self._take(message, partial(consumer.owns, message))
            except Revoked:
                self.forget()
                consumer.abandon(message)
                continue
            consumer.finish(message)
            self._metrics.batch_records.labels("rings").observe(len(message.value))
            self._metrics.batch_seconds.labels("rings").observe(time.perf_counter() - began)

    def forget(self) -> None:
        """The rings have gone to another worker, or what is in memory is ahead of what is stored."""
        self._held = None

    async def _take(self, message: Any, owned: Callable[[], bool]) -> None:
        left = await self._read(message, owned)
        while left:
            partition = self._partition(message.partition)
            rung = ring(partition, left, self._now())
            await self._publish(rung, owned)
            fault("rings-after-answers")
            if rung.rows and not await self._durable.keep(partition, rung.rows, owned):
                self._reopen(partition)
            left = left[rung.taken :]

    async def _publish(self, rung: Rung, owned: Callable[[], bool]) -> None:
        await self._journal.scatter(rung.answers, owned)
        self._metrics.journal_entries.labels("rings").inc(len(rung.answers))
        alerts: dict[int, list[Item]] = {}
        for alert in rung.alerts:
            key = customer_key(alert.tenant, alert.customer_id)
            alerts.setdefault(partition_of(key, self._count), []).append((key, encode_output(alert), (), None))
            self._metrics.alerts.labels(alert.rule, alert.severity, alert.kind).inc()
        for number, part in alerts.items():
            await self._publishing.write(topics.FRAUD_ALERTS, number, part, owned)

    def _partition(self, number: int) -> RingPartition:
        if self._held is None:
            self._held = open_rings(number, self._table.partition(number))
            self._held.changelog_next = self._app.changelog_end(RINGS_CHANGELOG, number)
        return self._held

    def _reopen(self, partition: RingPartition) -> None:
        self._held = open_rings(partition.number, partition.store)
        self._held.changelog_next = partition.changelog_next

    async def _read(self, message: Any, owned: Callable[[], bool]) -> list[tuple[int, RingAsked]]:
        asked: list[tuple[int, RingAsked]] = []
        letters: list[Item] = []
        code = "entry-failed"
        for record in message.value:
            try:
                asked.append((record.offset, decode_ring_asked(record.value)))
            except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
                log.error("question-refused", topic=message.topic, offset=record.offset)
                faults = said.fault(code, "", "the record is no question about a ring")
                letter = dead_letter(received(message, record), faults, self._now())
                letters.append((letter.key, letter.value, letter.headers, letter.timestamp))
        if letters:
            await self._publishing.bury(message.partition, letters, code, owned)
        return asked

"""What the agents of one worker are made with: topics that they write, tables that they own, their guard."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from faust.types import TP

from riskwatch.agents.durable import Durable
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.provision import partitions_of as partition_count
from riskwatch.agents.publishing import Publishing
from riskwatch.agents.relay import Relay
from riskwatch.agents.rereading import read_rows
from riskwatch.agents.settings import Settings
from riskwatch.agents.table import StateTable
from riskwatch.streams import topics
from riskwatch.streams.topics import Topic

if TYPE_CHECKING:
    from riskwatch.agents.app import RiskwatchApp


class Ground:
    """What the agents of one worker share while they are made."""

    def __init__(self, app: RiskwatchApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.zones = zones_of(settings)
        self.publishing = Publishing(outbox=app.outbox, metrics=app.metrics, prefix=settings.prefix, now=now)
        self.journal = self._relay(topics.JOURNAL)
        self.probes = self._relay(topics.LINK_PROBES)
        self.edges = self._relay(topics.RING_EDGES)

    def _relay(self, topic: Topic) -> Relay:
        app, settings = self.app, self.settings
        return Relay(
            topic,
            app=app,
            outbox=app.outbox,
            metrics=app.metrics,
            prefix=settings.prefix,
            partitions=settings.partitions,
            now_ms=now_ms,
        )

    def table(self, name: str, changelog: Topic) -> StateTable:
        """A table whose rows a worker's own agent writes."""
        app, settings = self.app, self.settings
        table = StateTable(
            app,
            name=name,
            kind=settings.store,
            folder=settings.data_dir / (settings.prefix if name == "state" else f"{settings.prefix}.{name}"),
            buffer_bytes=settings.store_buffer_bytes,
            partitions=partition_count(changelog, settings.partitions),
            changelog_topic=app.topic(
                topics.full_name(changelog, settings.prefix),
                key_serializer="riskwatch-identity",
                value_serializer="riskwatch-identity",
                partitions=partition_count(changelog, settings.partitions),
                internal=False,
                has_prefix=True,
                acks=False,  # read to its end by the recovery, which finishes no batch
            ),
            on_restored=lambda rows, seconds: _restored(app.metrics, rows, seconds),
            on_failed=app.fail,
        )
        app.tables.add(table)
        return table

    def durable(self, table: StateTable, agent: str) -> Durable:
        app, broker = self.app, self.settings.broker
        return Durable(
            table=table,
            outbox=app.outbox,
            metrics=app.metrics,
            agent=agent,
            read_rows=lambda topic, number, first, end: read_rows(broker, app.security, topic, number, first, end),
        )

    def agent(self, topic: Topic, name: str, agent: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        self.app.agent(self.app.topic(self.publishing.names[topic.name]), name=name)(guarded(self.app, agent))

    def on_revoked(self, forget: Callable[[Sequence[int]], None]) -> None:
        async def revoked(_: Any, gone: set[TP], **__: Any) -> None:
            forget([tp.partition for tp in gone])

        self.app.on_partitions_revoked.connect(revoked, weak=False)


def zones_of(settings: Settings) -> dict[str, ZoneInfo]:
    """The zone of each tenant that has one."""
    return {tenant: ZoneInfo(name) for tenant, name in settings.zones.items()}


def _restored(metrics: Metrics, rows: int, seconds: float) -> None:
    metrics.restored_rows.inc(rows)
    metrics.restore_seconds.inc(seconds)


def now() -> datetime:
    return datetime.now(UTC)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def guarded(app: RiskwatchApp, agent: Callable[[Any], Coroutine[Any, Any, None]]) -> Any:
    """An agent whose failure stops the worker: Faust would start it again, behind the batch that it failed on."""

    async def guard(stream: Any) -> None:
        try:
            await agent(stream)
        except Exception as error:
            app.fail(error)
            raise

    return guard

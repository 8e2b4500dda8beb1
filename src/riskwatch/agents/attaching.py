"""The agents of a worker, made of its settings and attached to its Faust app."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from faust.types import TP

from riskwatch.agents.clock import EventClock
from riskwatch.agents.controlling import Control
from riskwatch.agents.durable import Durable
from riskwatch.agents.folded import Program
from riskwatch.agents.ingest import Ingest
from riskwatch.agents.learning import LearnerAgent
from riskwatch.agents.links import LinksAgent
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.monitor import Monitor
from riskwatch.agents.provision import CHANGELOG, LINKS_CHANGELOG, RINGS_CHANGELOG
from riskwatch.agents.provision import partitions_of as partition_count
from riskwatch.agents.publishing import Publishing
from riskwatch.agents.relay import Relay
from riskwatch.agents.rereading import read_last, read_rows
from riskwatch.agents.rings import RingsAgent
from riskwatch.agents.serving import Serving
from riskwatch.agents.settings import Settings
from riskwatch.agents.sorting import Stamp
from riskwatch.agents.table import StateTable
from riskwatch.agents.translating import Naming
from riskwatch.features.layout import Layout, compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lendingbook import NO_LENDING, LendingBook, packaged_book, read_book
from riskwatch.policy.rules import base_policy, compile_rules, load_policy
from riskwatch.scoring.settings import PromotionPolicy
from riskwatch.streams import topics
from riskwatch.streams.topics import Topic

if TYPE_CHECKING:
    from riskwatch.agents.app import RiskwatchApp

HASTE_SECONDS = 0.05
"""Between two looks whether a deadline has passed."""


class Attaching:
    """What the agents of one worker share while they are made."""

    def __init__(self, app: RiskwatchApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.zones = zones_of(settings)
        self.publishing = Publishing(outbox=app.outbox, metrics=app.metrics, prefix=settings.prefix, now=_now)
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
            now_ms=_now_ms,
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


def attach(app: RiskwatchApp, settings: Settings) -> None:
    """Attaches the agents of the worker's roles."""
    shared = Attaching(app, settings)
    monitor = _attach_monitor(shared) if "monitor" in settings.roles else None
    if "ingest" in settings.roles:
        _attach_ingest(shared, monitor)
        _attach_control(shared)
    if "links" in settings.roles and settings.links:
        _attach_links(shared)
        _attach_rings(shared)
    if "learner" in settings.roles:
        _attach_learner(shared)
    if "serving" in settings.roles and settings.redis is not None:
        _attach_serving(app, settings, settings.redis)


def _attach_ingest(shared: Attaching, monitor: Monitor | None) -> None:
    app, settings = shared.app, shared.settings
    by_events = settings.clock == "events"
    ingest = Ingest(
        app=app,
        outbox=app.outbox,
        journal=shared.journal,
        stamp=Stamp(
            partitions=settings.partitions,
            zone_of=shared.zones,
            region_of=settings.regions,
            secret=settings.identifier_keys,
            future_ms=int(settings.future_seconds * 1000),
            by_event_time=by_events,
        ),
        metrics=app.metrics,
        prefix=settings.prefix,
        now_ms=_now_ms,
        clock=EventClock(int(settings.event_tick_seconds * 1000)) if by_events else None,
        undecided=lambda number: settings.links and monitor is not None and monitor.undecided(number),
    )
    app.agent(app.topic(*ingest.topic_names), name="ingest")(guarded(app, ingest.agent))
    if not by_events:

        @app.timer(settings.tick_seconds, on_leader=False)  # type: ignore[untyped-decorator]
        async def ticks() -> None:
            if app.readiness.ready:
                await ingest.tick(_now_ms())


def _attach_control(shared: Attaching) -> None:
    app, settings = shared.app, shared.settings
    naming = Naming(settings.identifier_keys, settings.regions)
    control = Control(
        app=app, journal=shared.journal, publishing=shared.publishing, metrics=app.metrics,
        partitions=settings.partitions, naming=naming, now=_now,
    )  # fmt: skip
    app.agent(app.topic(*control.topic_names), name="control")(guarded(app, control.agent))


def _attach_monitor(shared: Attaching) -> Monitor:
    app, settings = shared.app, shared.settings
    table = shared.table("state", CHANGELOG)
    monitor = Monitor(
        app=app,
        table=table,
        durable=shared.durable(table, "monitor"),
        publishing=shared.publishing,
        journal=shared.journal,
        probes=shared.probes,
        program=program_of(settings, compile_layout(FEATURES)),
        metrics=app.metrics,
        now=_now,
    )
    shared.agent(topics.JOURNAL, "monitor", monitor.agent)
    shared.on_revoked(monitor.forget)
    if settings.clock == "wall":

        @app.timer(HASTE_SECONDS, on_leader=False)  # type: ignore[untyped-decorator]
        async def haste() -> None:
            if app.readiness.ready:
                await monitor.hasten(_now_ms())

    return monitor


def program_of(settings: Settings, layout: Layout) -> Program:
    """What a worker with these settings folds. Raises `PolicyError` with every fault of a file, and `OSError`."""
    return Program(
        layout, rules_of(settings, layout), zones_of(settings), lending_of(settings), settings.links,
        shadows_of(settings),
    )  # fmt: skip


def zones_of(settings: Settings) -> dict[str, ZoneInfo]:
    return {tenant: ZoneInfo(name) for tenant, name in settings.zones.items()}


def rules_of(settings: Settings, layout: Layout) -> RuleSet:
    """The rules of the worker's policy. Raises `PolicyError` with every fault of the file."""
    policy = base_policy() if settings.policy is None else load_policy(settings.policy, layout.names)
    return compile_rules(policy, layout.names)


def lending_of(settings: Settings) -> LendingBook:
    """The worker's lending policies. Raises `PolicyError` with every fault of a file, and `OSError`."""
    if settings.lending == "off":
        return NO_LENDING
    return packaged_book() if settings.lending == "packaged" else read_book(Path(settings.lending))


def shadows_of(settings: Settings) -> LendingBook:
    """The worker's lending policies in shadow. Raises as `lending_of` does."""
    return NO_LENDING if settings.lending_shadow is None else read_book(settings.lending_shadow)


def _attach_links(shared: Attaching) -> None:
    table = shared.table("links", LINKS_CHANGELOG)
    links = LinksAgent(
        app=shared.app,
        table=table,
        durable=shared.durable(table, "links"),
        journal=shared.journal,
        edges=shared.edges,
        publishing=shared.publishing,
        metrics=shared.app.metrics,
        now=_now,
    )
    shared.agent(topics.LINK_PROBES, "links", links.agent)
    shared.on_revoked(links.forget)


def _attach_rings(shared: Attaching) -> None:
    table = shared.table("rings", RINGS_CHANGELOG)
    rings = RingsAgent(
        app=shared.app,
        table=table,
        durable=shared.durable(table, "rings"),
        journal=shared.journal,
        publishing=shared.publishing,
        metrics=shared.app.metrics,
        partitions=shared.settings.partitions,
        now=_now,
    )
    shared.agent(topics.RING_EDGES, "rings", rings.agent)
    shared.on_revoked(lambda _: rings.forget())


def _attach_learner(shared: Attaching) -> None:
    app, settings = shared.app, shared.settings
    learner = LearnerAgent(
        app=app,
        outbox=app.outbox,
        metrics=app.metrics,
        prefix=settings.prefix,
        partitions=settings.partitions,
        read_last=lambda topic, number: read_last(settings.broker, app.security, topic, number),
        promotion=PromotionPolicy(),
    )
    shared.agent(topics.TRAINING_EXAMPLES, "learner", learner.agent)
    shared.on_revoked(lambda _: learner.forget())


def _attach_serving(app: RiskwatchApp, settings: Settings, url: str) -> None:
    from redis.asyncio import Redis

    # Its troubles do not make the worker unready: views are behind for a while, decisions are not.
    serving = Serving(
        app=app,
        redis=Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5),
        prefix=settings.prefix,
        on_trouble=lambda trouble: app.metrics.redis_away.set(0 if trouble is None else 1),
    )
    app.agent(app.topic(*serving.topic_names), name="serving")(guarded(app, serving.agent))


def _restored(metrics: Metrics, rows: int, seconds: float) -> None:
    metrics.restored_rows.inc(rows)
    metrics.restore_seconds.inc(seconds)


def _now() -> datetime:
    return datetime.now(UTC)


def _now_ms() -> int:
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

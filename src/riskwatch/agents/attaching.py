"""The agents of a worker, made of its settings and attached to its Faust app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from riskwatch.agents.clock import EventClock
from riskwatch.agents.controlling import Control
from riskwatch.agents.folded import Program
from riskwatch.agents.ground import Ground, guarded, now, now_ms, zones_of
from riskwatch.agents.ingest import Ingest
from riskwatch.agents.learning import LearnerAgent
from riskwatch.agents.links import LinksAgent
from riskwatch.agents.monitor import Monitor
from riskwatch.agents.provision import CHANGELOG, LINKS_CHANGELOG, RINGS_CHANGELOG
from riskwatch.agents.rereading import read_last
from riskwatch.agents.rings import RingsAgent
from riskwatch.agents.serving import Serving
from riskwatch.agents.settings import Settings
from riskwatch.agents.sorting import Stamp
from riskwatch.agents.translating import Naming
from riskwatch.features.freshness import Freshness
from riskwatch.features.layout import Layout, compile_layout
from riskwatch.features.servicing import ServicingBook
from riskwatch.features.table import FEATURES
from riskwatch.policy.collectionfile import (
    NO_COLLECTIONS,
    CollectionBook,
    packaged_collection_book,
    read_collection_book,
)
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lendingbook import NO_LENDING, LendingBook, packaged_book, read_book
from riskwatch.policy.rules import base_policy, compile_rules, load_policy
from riskwatch.policy.servicingfile import load_servicing, packaged_servicing
from riskwatch.scoring.settings import PromotionPolicy
from riskwatch.streams import topics

if TYPE_CHECKING:
    from riskwatch.agents.app import RiskwatchApp

HASTE_SECONDS = 0.05
"""Between two looks whether a deadline has passed."""


def attach(app: RiskwatchApp, settings: Settings) -> None:
    """Attaches the agents of the worker's roles."""
    shared = Ground(app, settings)
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


def _attach_ingest(shared: Ground, monitor: Monitor | None) -> None:
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
        now_ms=now_ms,
        clock=EventClock(int(settings.event_tick_seconds * 1000)) if by_events else None,
        undecided=lambda number: settings.links and monitor is not None and monitor.undecided(number),
    )
    app.agent(app.topic(*ingest.topic_names), name="ingest")(guarded(app, ingest.agent))
    if not by_events:

        @app.timer(settings.tick_seconds, on_leader=False)  # type: ignore[untyped-decorator]
        async def ticks() -> None:
            if app.readiness.ready:
                await ingest.tick(now_ms())


def _attach_control(shared: Ground) -> None:
    app, settings = shared.app, shared.settings
    naming = Naming(settings.identifier_keys, settings.regions)
    control = Control(
        app=app, journal=shared.journal, publishing=shared.publishing, metrics=app.metrics,
        partitions=settings.partitions, naming=naming, now=now,
    )  # fmt: skip
    app.agent(app.topic(*control.topic_names), name="control")(guarded(app, control.agent))


def _attach_monitor(shared: Ground) -> Monitor:
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
        now=now,
    )
    shared.agent(topics.JOURNAL, "monitor", monitor.agent)
    shared.on_revoked(monitor.forget)
    if settings.clock == "wall":

        @app.timer(HASTE_SECONDS, on_leader=False)  # type: ignore[untyped-decorator]
        async def haste() -> None:
            if app.readiness.ready:
                await monitor.hasten(now_ms())

    return monitor


def program_of(settings: Settings, layout: Layout) -> Program:
    """What a worker with these settings folds. Raises `PolicyError` with every fault of a file, and `OSError`."""
    return Program(
        layout, rules_of(settings, layout), zones_of(settings), lending_of(settings), settings.links,
        shadows_of(settings), servicing_of(settings), freshness_of(settings), collections=collections_of(settings),
    )  # fmt: skip


def freshness_of(settings: Settings) -> Freshness:
    """How far repayments may be behind."""
    limits = {tenant: int(hours * 3_600_000) for tenant, hours in settings.stale_after_hours_of.items()}
    return Freshness(int(settings.stale_after_hours * 3_600_000), limits)


def servicing_of(settings: Settings) -> ServicingBook:
    """How the worker services loans. Raises `PolicyError` with every fault of the file, and `OSError`."""
    return packaged_servicing() if settings.servicing is None else load_servicing(settings.servicing)


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


def collections_of(settings: Settings) -> CollectionBook:
    """The worker's collections policies. Raises as `lending_of` does."""
    if settings.collections == "off":
        return NO_COLLECTIONS
    if settings.collections == "packaged":
        return packaged_collection_book()
    return read_collection_book(Path(settings.collections))


def _attach_links(shared: Ground) -> None:
    table = shared.table("links", LINKS_CHANGELOG)
    links = LinksAgent(
        app=shared.app,
        table=table,
        durable=shared.durable(table, "links"),
        journal=shared.journal,
        edges=shared.edges,
        probes=shared.probes,
        publishing=shared.publishing,
        metrics=shared.app.metrics,
        now=now,
    )
    shared.agent(topics.LINK_PROBES, "links", links.agent)
    shared.on_revoked(links.forget)


def _attach_rings(shared: Ground) -> None:
    table = shared.table("rings", RINGS_CHANGELOG)
    rings = RingsAgent(
        app=shared.app,
        table=table,
        durable=shared.durable(table, "rings"),
        journal=shared.journal,
        publishing=shared.publishing,
        metrics=shared.app.metrics,
        partitions=shared.settings.partitions,
        now=now,
    )
    shared.agent(topics.RING_EDGES, "rings", rings.agent)
    shared.on_revoked(lambda _: rings.forget())


def _attach_learner(shared: Ground) -> None:
    app, settings = shared.app, shared.settings
    learner = LearnerAgent(
        app=app,
        outbox=app.outbox,
        metrics=app.metrics,
        prefix=settings.prefix,
        partitions=settings.partitions,
        read_last=lambda topic, number, count: read_last(settings.broker, app.security, topic, number, count),
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

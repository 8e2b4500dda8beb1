"""The composition root: settings in, a fresh Faust app with its agents out. Importing this does nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from faust.serializers.codecs import Codec
from faust.serializers.codecs import register as register_codec
from faust.types import TP
from yarl import URL

from riskwatch.agents.clients import faust_credentials, make_producer
from riskwatch.agents.clock import EventClock
from riskwatch.agents.folded import Program
from riskwatch.agents.health import Readiness
from riskwatch.agents.ingest import Ingest
from riskwatch.agents.learning import LearnerAgent
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.monitor import Monitor
from riskwatch.agents.outbox import Outbox
from riskwatch.agents.provision import CHANGELOG
from riskwatch.agents.rereading import read_last, read_rows
from riskwatch.agents.serving import Serving
from riskwatch.agents.settings import Settings
from riskwatch.agents.sorting import Stamp
from riskwatch.agents.table import StateTable
from riskwatch.agents.transport import BatchApp
from riskwatch.features.layout import Layout, compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lendingbook import NO_LENDING, LendingBook, packaged_book, read_book
from riskwatch.policy.rules import base_policy, compile_rules, load_policy
from riskwatch.scoring.settings import PromotionPolicy
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security

log = structlog.get_logger(__name__)


class _Identity(Codec):  # type: ignore[misc]
    """Batches are decoded in our own code."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


class RiskwatchApp(BatchApp):
    """The worker's Faust app, with what its agents share."""

    def __init__(self, settings: Settings, security: Security, **kwargs: Any) -> None:
        self.riskwatch = settings
        self.security = security
        self.metrics = Metrics()
        self.readiness = Readiness()
        self.readiness.set("recovery", "starting")
        self.failure: BaseException | None = None
        self.failed = asyncio.Event()
        self.outbox = Outbox(
            lambda: make_producer(settings, security), lambda trouble: self.readiness.set("broker", trouble)
        )
        self.batch_records = settings.batch_records
        self.fetch_wait_seconds = settings.fetch_wait_seconds
        self._spawned: set[asyncio.Task[Any]] = set()
        super().__init__(**kwargs)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Runs work beside the agents; what it raises stops the worker, with nothing committed."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._spawned.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._spawned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """The worker cannot go on. What it has in hand is left uncommitted, for whoever takes its place."""
        if self.failure is None:
            self.failure = error
            log.error("worker-failed", error=f"{type(error).__name__}: {error}", exc_info=error)
            self.readiness.set("failed", str(error))
            self.failed.set()

    def on_committed(self, offsets: Mapping[TP, int]) -> None:
        for tp in offsets:
            self.metrics.commits.labels(tp.topic).inc()

    def changelog_end(self, number: int) -> int:
        """The changelog offset that the next write of a partition should get, as the recovery saw its end."""
        tp = TP(topics.full_name(CHANGELOG, self.riskwatch.prefix), number)
        return int(self.tables.recovery.active_highwaters.get(tp, -1)) + 1

    async def cancel_spawned(self) -> None:
        for task in list(self._spawned):
            task.cancel()
        await asyncio.gather(*self._spawned, return_exceptions=True)


def build_app(settings: Settings, security: Security) -> RiskwatchApp:
    """A worker's app. Its `outbox` is started and stopped by the caller."""
    register_codec("riskwatch-identity", _Identity())
    app = RiskwatchApp(
        settings,
        security,
        id=settings.group,
        broker=[URL(f"kafka://{server.strip()}") for server in settings.broker.split(",")],
        store="memory://",
        datadir=str(settings.data_dir / "faust"),
        key_serializer="riskwatch-identity",
        value_serializer="riskwatch-identity",
        autodiscover=False,
        origin=None,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=settings.partitions,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        table_standby_replicas=0,
        broker_credentials=faust_credentials(security),
        broker_commit_interval=settings.commit_seconds,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.heartbeat_seconds,
        broker_rebalance_timeout=settings.rebalance_seconds,
        broker_request_timeout=max(20.0, settings.session_seconds + 5),
        broker_max_poll_interval=300.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=2 * 1024 * 1024,
        **({} if settings.member is None else {"consumer_group_instance_id": settings.member}),
    )
    outbox = app.outbox
    zones = {tenant: ZoneInfo(name) for tenant, name in settings.zones.items()}
    table = StateTable(
        app,
        name="state",
        kind=settings.store,
        folder=settings.data_dir / settings.prefix,
        buffer_bytes=settings.store_buffer_bytes,
        partitions=settings.partitions,
        changelog_topic=app.topic(
            topics.full_name(CHANGELOG, settings.prefix),
            key_serializer="riskwatch-identity",
            value_serializer="riskwatch-identity",
            partitions=settings.partitions,
            internal=False,
            has_prefix=True,
            acks=False,  # read to its end by the recovery, which finishes no batch
        ),
        on_restored=lambda rows, seconds: _restored(app.metrics, rows, seconds),
        on_failed=app.fail,
    )
    app.tables.add(table)
    if "ingest" in settings.roles:
        _attach_ingest(app, settings, outbox, zones)
    if "monitor" in settings.roles:
        _attach_monitor(app, settings, table, outbox, zones)
    if "learner" in settings.roles:
        _attach_learner(app, settings, outbox)
    if "serving" in settings.roles and settings.redis is not None:
        _attach_serving(app, settings, settings.redis)
    return app


def _restored(metrics: Metrics, rows: int, seconds: float) -> None:
    metrics.restored_rows.inc(rows)
    metrics.restore_seconds.inc(seconds)


def _attach_ingest(app: RiskwatchApp, settings: Settings, outbox: Outbox, zones: dict[str, ZoneInfo]) -> None:
    by_events = settings.clock == "events"
    ingest = Ingest(
        app=app,
        outbox=outbox,
        stamp=Stamp(
            partitions=settings.partitions,
            zone_of=zones,
            region_of=settings.regions,
            secret=settings.identifier_keys,
            future_ms=int(settings.future_seconds * 1000),
            by_event_time=by_events,
        ),
        metrics=app.metrics,
        prefix=settings.prefix,
        now_ms=_now_ms,
        clock=EventClock(int(settings.event_tick_seconds * 1000)) if by_events else None,
    )
    app.agent(app.topic(*ingest.topic_names), name="ingest")(guarded(app, ingest.agent))
    if not by_events:

        @app.timer(settings.tick_seconds, on_leader=False)  # type: ignore[untyped-decorator]
        async def ticks() -> None:
            if app.readiness.ready:
                await ingest.tick(_now_ms())


def _attach_monitor(
    app: RiskwatchApp, settings: Settings, table: StateTable, outbox: Outbox, zones: dict[str, ZoneInfo]
) -> None:
    layout = compile_layout(FEATURES)
    program = Program(layout, rules_of(settings, layout), zones, lending_of(settings))
    monitor = Monitor(
        app=app,
        table=table,
        outbox=outbox,
        program=program,
        metrics=app.metrics,
        prefix=settings.prefix,
        now=lambda: datetime.now(UTC),
        read_rows=lambda topic, number, first, end: read_rows(settings.broker, app.security, topic, number, first, end),
    )
    app.agent(app.topic(topics.full_name(topics.JOURNAL, settings.prefix)), name="monitor")(guarded(app, monitor.agent))

    async def revoked(_: Any, gone: set[TP], **__: Any) -> None:
        monitor.forget([tp.partition for tp in gone])

    app.on_partitions_revoked.connect(revoked, weak=False)


def rules_of(settings: Settings, layout: Layout) -> RuleSet:
    """The rules of the worker's policy. Raises `PolicyError` with every fault of the file."""
    policy = base_policy() if settings.policy is None else load_policy(settings.policy, layout.names)
    return compile_rules(policy, layout.names)


def lending_of(settings: Settings) -> LendingBook:
    """The worker's lending policies. Raises `PolicyError` with every fault of a file, and `OSError`."""
    if settings.lending == "off":
        return NO_LENDING
    return packaged_book() if settings.lending == "packaged" else read_book(Path(settings.lending))


def _attach_learner(app: RiskwatchApp, settings: Settings, outbox: Outbox) -> None:
    learner = LearnerAgent(
        app=app,
        outbox=outbox,
        metrics=app.metrics,
        prefix=settings.prefix,
        partitions=settings.partitions,
        read_last=lambda topic, number: read_last(settings.broker, app.security, topic, number),
        promotion=PromotionPolicy(),
    )
    app.agent(app.topic(topics.full_name(topics.TRAINING_EXAMPLES, settings.prefix)), name="learner")(
        guarded(app, learner.agent)
    )

    async def revoked(_: Any, gone: set[TP], **__: Any) -> None:
        learner.forget()

    app.on_partitions_revoked.connect(revoked, weak=False)


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

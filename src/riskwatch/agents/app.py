"""The composition root: settings in, a fresh Faust app with its agents out. Importing this does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog
from faust.serializers.codecs import Codec
from faust.serializers.codecs import register as register_codec
from faust.types import TP
from yarl import URL

from riskwatch.agents.attaching import attach
from riskwatch.agents.clients import faust_credentials, make_producer
from riskwatch.agents.health import Readiness
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Outbox
from riskwatch.agents.settings import Settings
from riskwatch.agents.transport import BatchApp
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security
from riskwatch.streams.topics import Topic

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

    def changelog_end(self, changelog: Topic, number: int) -> int:
        """The changelog offset that the next write of a partition should get, as the recovery saw its end."""
        tp = TP(topics.full_name(changelog, self.riskwatch.prefix), number)
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
    attach(app, settings)
    return app

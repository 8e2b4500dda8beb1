"""Runs a worker from start to exit: provision, warm, serve, and a shutdown that ends within its time."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
import time
from typing import Any

import structlog

from riskwatch.agents.app import RiskwatchApp, build_app
from riskwatch.agents.clients import lanes_of
from riskwatch.agents.health import Endpoints, Watchdog, serve
from riskwatch.agents.inject import arm_from_environment
from riskwatch.agents.lag import LagReader
from riskwatch.agents.learning import import_learner
from riskwatch.agents.provision import provision
from riskwatch.agents.settings import Settings
from riskwatch.features.kernel import warm
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.streams.connecting import Security

log = structlog.get_logger(__name__)

WATCH_SECONDS = 2.0
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 256 * 1024 * 1024
EXIT_FAILED, EXIT_STALLED = 1, 3


def configure_logging(level: str) -> None:
    """JSON lines on stderr, times in UTC. Libraries speak from warnings on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), force=True,
        format='{"timestamp": "%(asctime)s", "level": "%(levelname)s", "logger": "%(name)s", "event": "%(message)s"}',
    )  # fmt: skip
    for quiet in ("faust", "mode", "aiokafka"):
        logging.getLogger(quiet).setLevel(logging.ERROR if number > logging.DEBUG else logging.DEBUG)


def settle_memory() -> None:
    """What is loaded by now stays: the collector need not look at it again, and large buffers are kept instead of being
    given back to the system after each batch and faulted in again at the next."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(0.001)  # the threads that talk to the broker need the interpreter often, and briefly
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL("libc.so.6")
            for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
                libc.mallopt(option, _KEEP_BYTES)


async def run_worker(settings: Settings, security: Security) -> int:
    """Runs until a signal, a failure or a stall. → the exit code: 0 for a signal, 1 for a failure, 3 for a stall."""
    began = time.monotonic()
    arm_from_environment()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    created = await provision(settings.broker, settings.prefix, settings.partitions, settings.replication, security)
    if created:
        log.info("topics-created", count=len(created))
    warm(compile_layout(FEATURES))
    settle_memory()
    (settings.data_dir / "faust").mkdir(parents=True, exist_ok=True)
    app = build_app(settings, security)
    await app.outbox.start(lanes_of(settings))
    endpoints: Endpoints | None = None
    stalled: list[str] = []
    try:
        if settings.metrics_port:
            endpoints = await serve(app.metrics, app.readiness, settings.metrics_host, settings.metrics_port)
        starting = loop.create_task(_start(app, began), name="start")
        watching = loop.create_task(_watch(app, settings, security, stalled), name="watch")
        waiting = [loop.create_task(stop.wait()), loop.create_task(app.failed.wait()), watching]
        done, _ = await asyncio.wait([*waiting, starting], return_when=asyncio.FIRST_COMPLETED)
        if starting in done and not starting.exception():
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        elif starting in done and (error := starting.exception()) is not None:
            app.fail(error)
        for task in (*waiting, starting):
            task.cancel()
        code = EXIT_STALLED if stalled else EXIT_FAILED if app.failure is not None else 0
        await _shut_down(app, settings, code)
        return code
    finally:
        if endpoints is not None:
            await endpoints.close()


async def _start(app: RiskwatchApp, began: float) -> None:
    ready = asyncio.Event()

    async def completed(*_: Any, **__: Any) -> None:
        app.readiness.set("recovery", None)
        app.metrics.rebalances.inc()
        ready.set()

    async def revoked(*_: Any, **__: Any) -> None:
        app.readiness.set("recovery", "partitions are being assigned")

    app.on_rebalance_complete.connect(completed, weak=False)
    app.on_partitions_revoked.connect(revoked, weak=False)
    app.finalize()
    await app.start()
    await ready.wait()
    if "learner" in app.riskwatch.roles:
        app.spawn(_import_ahead(), "import-learner")
    log.info(
        "ready",
        seconds=round(time.monotonic() - began, 2),
        restored_rows=int(app.metrics.value("riskwatch_restored_rows_total")),
    )


async def _import_ahead() -> None:
    await import_learner()


async def _watch(app: RiskwatchApp, settings: Settings, security: Security, stalled: list[str]) -> None:
    """Shows lag from committed offsets; ends where an assigned partition has lag and makes no progress."""
    watchdog = Watchdog(time.monotonic, stalled.append, limit=settings.stall_seconds)
    assigned: set[tuple[str, int]] = set()
    async with LagReader(settings.broker, settings.group, settings.prefix, security=security) as reader:
        while not stalled:
            await asyncio.sleep(WATCH_SECONDS)
            if not app.started or app.consumer is None:
                continue
            mine = {
                (tp.topic, tp.partition) for tp in app.consumer.assignment() if app.topics.acks_enabled_for(tp.topic)
            }
            if mine != assigned:
                assigned = mine
                watchdog.assigned(assigned)
            try:
                lags = await asyncio.wait_for(reader.read(mine), 10)
            except Exception as error:
                log.warning("lag-unknown", error=repr(error))
                watchdog.assigned(assigned)  # the broker is away, which is not the worker's own stall
                continue
            app.metrics.show_lag(lags)
            for each in lags:
                watchdog.saw(each.topic, each.partition, position=each.committed or 0, end=each.end)
            reasons = watchdog.check()
            app.metrics.stalled.set(len(reasons))
            app.readiness.set("stall", "; ".join(reasons) if reasons else None)
    log.error("stalled", reason="; ".join(stalled))


async def _shut_down(app: RiskwatchApp, settings: Settings, code: int) -> None:
    """Lets batches under way end, commits, leaves the group. A deadline holds whatever hangs."""
    app.readiness.set("stopping", "the worker is stopping")
    deadline = time.monotonic() + settings.shutdown_seconds
    consumer = app.consumer
    with contextlib.suppress(Exception):
        if code == 0:
            consumer.close()
            while consumer.busy and time.monotonic() < deadline - settings.shutdown_seconds / 2:
                await asyncio.sleep(0.01)
            await asyncio.wait_for(consumer.commit(), max(0.1, deadline - time.monotonic()))
    for step in (app.cancel_spawned(), app.stop(), app.outbox.stop()):
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await asyncio.wait_for(step, max(0.1, deadline - time.monotonic()))
    log.info("stopped", code=code)


def main_worker(settings: Settings, security: Security) -> None:
    """The process of a worker: never returns. Threads that a library left behind cannot hold the exit up."""
    configure_logging(settings.log_level)
    code = EXIT_FAILED
    try:
        code = asyncio.run(run_worker(settings, security))
    except KeyboardInterrupt:
        code = 0
    except Exception as error:
        log.error("worker-failed", error=f"{type(error).__name__}: {error}")
        print(f"riskwatch: {error}", file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)

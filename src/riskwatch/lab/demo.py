"""The demo: an embedded broker, a worker, a simulated portfolio, and what is found in it, within a minute.

Two phases, both in order of event time: the first weeks at full speed, so that the worker knows its customers, then the
rest at a pace that an eye can follow. It ends by itself; interrupted, it keeps what it has seen so far for the summary.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer
from msgspec import Struct, field
from redis.asyncio import Redis

from riskwatch.lab.demobook import demo_book
from riskwatch.lab.feeding import Fed, Step, feed
from riskwatch.lab.people import INSTITUTIONS
from riskwatch.lab.plot import Truth
from riskwatch.lab.portfolio import FIRST_DAY, simulate
from riskwatch.lab.portfoliobook import Book
from riskwatch.lab.replay import balance, read_alerts, read_trails
from riskwatch.lab.report import Balance
from riskwatch.lab.rig import Rig, rig
from riskwatch.lab.watching import Position, Watcher, follow, watch
from riskwatch.streams.decisions import DecisionTrail
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.outputs import Alert, decode_alert
from riskwatch.streams.publisher import Publisher
from riskwatch.streams.topics import EARLY_WARNINGS, FRAUD_ALERTS, INPUTS, LOGINS, TRANSACTIONS, full_name

DAYS = 100
HISTORY_DAYS = 35
"""Days at full speed; the rest is paced."""
LIVE_SECONDS = 20.0
DRAIN_SECONDS = 30.0
SLACK_SECONDS = 30.0
"""For the start and the first weeks; on a machine too busy for that the story is cut short, so that the demo ends."""
PARTITIONS = 1
"""One: at the demo's pace batches are small, and each partition would have its own."""
STEP = Step(seconds=21_600.0, depth=4)
"""A day of event time is under way at most: a payment a day late must not look three days late."""

MALFORMED: tuple[tuple[str, bytes], ...] = (
    (LOGINS.name, b'{"type": "LoginFailed", "event_id": "broken-1", "tenant": "lumen-'),
    (LOGINS.name, b"\xff\xfe not text at all"),
    (
        LOGINS.name,
        b'{"type": "LoginFailed", "event_id": "broken-3", "tenant": "lumen-credit", "customer_id": "c00001",'
        b' "occurred_at": "2025-04-01T10:00:00"}',
    ),
    (
        TRANSACTIONS.name,
        b'{"type": "PurchaseMade", "event_id": "broken-4", "tenant": "lumen-credit", "customer_id": "c00001",'
        b' "occurred_at": "2025-04-01T10:00:00Z", "amount": "12.50", "currency": "euro"}',
    ),
    (
        TRANSACTIONS.name,
        b'{"type": "PurchaseMade", "event_id": "broken-5", "tenant": "lumen-credit", "customer_id": "c00001",'
        b' "occurred_at": "2025-04-01T10:00:00Z", "amount": NaN, "currency": "EUR"}',
    ),
    (TRANSACTIONS.name, b'{"type": "PurchaseImagined", "event_id": "broken-6"}'),
)
"""Records as upstream systems send them on a bad day: (name of the topic, value)."""


class Scene(Struct):
    """Everything that the demo knows so far: shown live, summed up at the end. Times: `time.monotonic` seconds."""

    started: float
    customers: int
    truths: tuple[Truth, ...] = ()
    total: int | None = None
    phase: str = "starting the broker and the worker"
    fed: Fed = field(default_factory=Fed)
    feeding_since: float | None = None
    fed_at: float | None = None
    cut: bool = False
    done_at: float | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)
    withdrawn: dict[str, Alert] = field(default_factory=dict)
    repeats: int = 0
    first_alert_after: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    position: Position | None = None
    balance: Balance | None = None
    served: int | None = None
    trails: list[DecisionTrail] = field(default_factory=list)
    applied: dict[tuple[int, int], int] = field(default_factory=dict)
    """Partition and offset of each application's journal entry → when it was written (ms)."""
    book: Book | None = None
    plots: tuple[Path, ...] = ()
    finished: bool = False
    broker: str = ""
    prefix: str = "riskwatch"

    def hear(self, alert: Alert) -> bool:
        """Takes an alert in; False where its id was heard before. A withdrawn one is no alert any more."""
        if alert.withdrawn:
            gone = self.alerts.pop(alert.alert_id, None)
            if gone is not None:
                self.withdrawn[alert.alert_id] = gone
            return False
        if alert.alert_id in self.alerts:
            self.repeats += 1
            return False
        if self.first_alert_after is None:
            self.first_alert_after = time.monotonic() - self.started
        self.alerts[alert.alert_id] = alert
        return True

    @property
    def by_rule(self) -> Counter[str]:
        """How many alerts each rule raised."""
        return Counter(alert.rule for alert in self.alerts.values())


Show = Callable[[Scene, list[Alert]], None]
"""Shows the scene; called a few times a second with the alerts that are new."""


async def demo(
    scene: Scene,
    *,
    seed: int,
    show: Show,
    live_seconds: float = LIVE_SECONDS,
    partitions: int = PARTITIONS,
) -> None:
    """Runs the demo to its end, filling `scene`. Broker and worker are gone when it returns or raises.

    Raises `EmbeddedMissing` where there is no embedded broker, `ChildFailed` where the worker ends, `TimeoutError`
    where it stands still.
    """
    simulating = asyncio.create_task(asyncio.to_thread(simulate, Random(seed), customers=scene.customers, days=DAYS))
    zones = {institution.tenant: institution.zone for institution in INSTITUTIONS}
    fresh: list[Alert] = []
    async with rig(zones=zones, partitions=partitions, redis=True) as running:
        portfolio = await simulating
        scene.truths = portfolio.truths
        scene.broker, scene.prefix = running.broker, running.prefix
        async with watch(running.broker, running.prefix, running.group) as watcher:
            await watcher.begin()

            def hear(record: Any) -> None:
                alert = decode_alert(record.value)
                if scene.hear(alert):
                    fresh.append(alert)

            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(follow(watcher, [FRAUD_ALERTS, EARLY_WARNINGS], hear)),
                    tasks.create_task(_look(scene, running, watcher, show, fresh)),
                ]
                await _tell_the_story(scene, running, watcher, portfolio.events(), live_seconds)
                scene.phase = "letting the worker finish"
                scene.position = await watcher.drain(seconds=DRAIN_SECONDS)
                scene.done_at = time.monotonic()
                await _settle(scene, watcher)
                for task in background:
                    task.cancel()
            show(scene, _taken(fresh))
            scene.balance = await balance(watcher, scene.applied)
            scene.trails = await read_trails(watcher)
            scene.book = await demo_book(running.broker, running.prefix)
            scene.served = await served(running, len(scene.alerts))
            scene.phase, scene.finished = "done", True


async def _tell_the_story(
    scene: Scene, running: Rig, watcher: Watcher, events: Iterator[AnyEvent], live_seconds: float
) -> None:
    turn = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC) + timedelta(days=HISTORY_DAYS)
    pace = (DAYS - HISTORY_DAYS) * 86_400 / live_seconds if live_seconds > 0 else None
    first_live: list[AnyEvent] = []
    ends_at = scene.started + SLACK_SECONDS + live_seconds

    def in_time() -> Iterator[AnyEvent]:
        for event in events:
            if time.monotonic() > ends_at:
                scene.cut = True
                return
            yield event

    told = in_time()

    def history() -> Iterator[AnyEvent]:
        for event in told:
            if event.occurred_at >= turn:
                first_live.append(event)
                return
            yield event

    async with Publisher(running.broker, prefix=running.prefix, source=None, compression="snappy") as publisher:
        scene.phase, scene.feeding_since = f"the first {HISTORY_DAYS} days, at full speed", time.monotonic()
        await feed(publisher, history(), watcher.ingested, fed=scene.fed, step=STEP)
        await publish_malformed(running)
        scene.phase = f"{DAYS - HISTORY_DAYS} more days" + ("" if pace is None else f", {pace / 86_400:.1f} a second")
        await feed(publisher, chain(first_live, told), watcher.ingested, fed=scene.fed, step=STEP, speed=pace)
        scene.fed_at = time.monotonic()
        if scene.cut and scene.fed.event_time is not None:
            reached = scene.fed.event_time
            scene.truths = tuple(truth for truth in scene.truths if truth.begins <= reached)


async def publish_malformed(running: Rig) -> None:
    """Publishes what no worker can read, so that dead letters show."""
    names = {topic.name: full_name(topic, running.prefix) for topic in INPUTS}
    producer = AIOKafkaProducer(bootstrap_servers=running.broker, client_id="riskwatch-demo")
    await producer.start()
    try:
        for topic, value in MALFORMED:
            await producer.send_and_wait(names[topic], value, key=b"lumen-credit/c00001")
    finally:
        await producer.stop()


async def _look(scene: Scene, running: Rig, watcher: Watcher, show: Show, fresh: list[Alert]) -> None:
    """Refreshes what is shown, four times a second, and ends the demo where the worker has ended."""
    looked = 0.0
    while True:
        running.check()
        scene.metrics = await running.metrics() or scene.metrics
        if time.monotonic() - looked >= 1.0:
            scene.position, looked = await watcher.position(), time.monotonic()
        show(scene, _taken(fresh))
        await asyncio.sleep(0.3)


async def _settle(scene: Scene, watcher: Watcher) -> None:
    """Waits until every alert that the topics hold has been heard."""
    raised, _ = await read_alerts(watcher)
    for alert in raised:
        if not alert.shadow and alert.alert_id not in scene.alerts:
            scene.hear(alert)


async def served(running: Rig, expected: int, seconds: float = 3.0) -> int | None:
    """How many alerts the views in Redis hold; waits a little for the last. None without a Redis."""
    if running.redis is None:
        return None
    redis: Any = Redis.from_url(running.redis)
    try:
        deadline = time.monotonic() + seconds
        while True:
            held: int = sum(
                [await redis.zcard(f"{running.prefix}:alerts:{kind}") for kind in ("fraud", "early-warning")]
            )
            if held >= expected or time.monotonic() > deadline:
                return held
            await asyncio.sleep(0.05)
    finally:
        await redis.aclose()


def _taken(fresh: list[Alert]) -> list[Alert]:
    taken = fresh[:]
    fresh.clear()
    return taken

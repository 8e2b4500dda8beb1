"""The demo: an embedded broker, a worker, simulated portfolios, and what is found in them, within a minute or so.

Three parts, in order of event time: six months of loans and then the first weeks of the customers with their stories
at full speed, so that the worker knows them all, then the rest at a pace that an eye can follow. It ends by itself;
interrupted, it keeps what it has seen so far for the summary.
"""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from riskwatch.lab.contracts import LENDERS
from riskwatch.lab.demobook import demo_book
from riskwatch.lab.desk import Desk
from riskwatch.lab.floor import Floor
from riskwatch.lab.lives import Lives, draw_lives
from riskwatch.lab.people import INSTITUTIONS
from riskwatch.lab.portfolio import FIRST_DAY, simulate
from riskwatch.lab.replay import balance, read_alerts, read_trails
from riskwatch.lab.rig import Rig, rig
from riskwatch.lab.scene import Scene, Show
from riskwatch.lab.storyline import Storyline
from riskwatch.lab.telling import DAYS, LOANS_FIRST_DAY, tell
from riskwatch.lab.watching import Watcher, follow, watch
from riskwatch.streams.outputs import Alert, decode_alert
from riskwatch.streams.topics import EARLY_WARNINGS, FRAUD_ALERTS

LOANS = 360
LOANS_MONTHS = 9
OPENING_MONTHS = 4
"""Loans open in the first months, so that the first of them have time to be written off."""
LIVE_SECONDS = 20.0
DRAIN_SECONDS = 30.0
PARTITIONS = 1
"""One: at the demo's pace batches are small, and each partition would have its own."""
TICK_SECONDS = 10_800.0
"""Every three hours of event time: a year of hours would be most of the work."""
KEEP_PROMISES = frozenset({"late-payer", "cures-at-m1", "cures-at-m2", "cures-at-m3"})
"""Courses of loans whose customers pay what they promise."""


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
    loans = draw_loans(seed)
    zones = {institution.tenant: institution.zone for institution in INSTITUTIONS}
    keep = {plan.loan_id for plan in loans.plans if plan.course.name in KEEP_PROMISES}
    floor = Floor(seed, {tenant: ZoneInfo(zone) for tenant, zone in zones.items()}, keep)
    fresh: list[Alert] = []
    async with rig(zones=zones, partitions=partitions, redis=True, tick_seconds=TICK_SECONDS) as running:
        portfolio = await simulating
        scene.truths = portfolio.truths
        scene.borrowers = frozenset((plan.lender.tenant, plan.customer_id) for plan in loans.plans)
        desk = Desk(scene, floor, running.prefix)
        story = Storyline((loans.arrivals(), portfolio.arrivals()))
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
                    tasks.create_task(follow(watcher, desk.topics, desk.hear)),
                    tasks.create_task(_look(scene, running, watcher, show, fresh)),
                ]
                await tell(scene, running, watcher, story, desk, floor, live_seconds)
                scene.phase = "letting the worker finish"
                scene.position = await watcher.drain(seconds=DRAIN_SECONDS)
                scene.done_at = time.monotonic()
                await _settle(scene, watcher)
                await desk.heard_all(watcher, DRAIN_SECONDS)
                for task in background:
                    task.cancel()
            show(scene, _taken(fresh))
            scene.balance = await balance(watcher, scene.applied)
            scene.trails = await read_trails(watcher)
            scene.book = await demo_book(running.broker, running.prefix)
            scene.served = await served(running, len(scene.alerts))
            scene.phase, scene.finished = "done", True


def draw_loans(seed: int) -> Lives:
    """The loans of the demo, without collectors of the lenders' own, and without merchants: these are the stories'."""
    return draw_lives(
        Random(seed + 1),
        loans=LOANS,
        months=LOANS_MONTHS,
        opening_months=OPENING_MONTHS,
        first_day=LOANS_FIRST_DAY,
        days=(FIRST_DAY - LOANS_FIRST_DAY).days + DAYS,
        lenders=[each for each in LENDERS if each.tenant in {known.tenant for known in INSTITUTIONS}],
        contacts=False,
        merchants=False,
    )


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

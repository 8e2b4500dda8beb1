"""How the demo's events are told: day by day, the floor at work in between, at full speed and then at a pace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from riskwatch.lab.desk import Desk
from riskwatch.lab.feeding import Pace, Step, feed
from riskwatch.lab.floor import Floor
from riskwatch.lab.malformed import publish_malformed
from riskwatch.lab.portfolio import FIRST_DAY
from riskwatch.lab.rig import Rig
from riskwatch.lab.scene import Scene
from riskwatch.lab.storyline import Storyline
from riskwatch.lab.watching import Watcher
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.packing import to_ms
from riskwatch.streams.publisher import Publisher

LOANS_FIRST_DAY = date(2024, 9, 1)
"""The loans live for six months before the customers of the stories come, and on beside them."""
DAYS = 100
"""Of the customers with their stories."""
HISTORY_DAYS = 35
"""Of these, the days at full speed; the rest is paced."""
LAST_DAY = FIRST_DAY + timedelta(days=DAYS)
PRELUDE_SECONDS = 30.0
"""For the start and the loans alone, and …"""
SLACK_SECONDS = 48.0
"""… for all that is told at full speed. On a machine too busy for that the floor is waited for less often, and at last
the story is cut short, so that the demo ends."""
MOST_SKIPPED = 10
"""Stops in a row: two weeks."""
STALL_SECONDS = 60.0
MORNING, SHIFT = 1, 6
"""Hours (UTC) at which a day of the loans is divided. At the first it is morning or night wherever the loans are, so
that no day's payments are under way with the next day's logins; at the second the floor takes up what was ordered."""
LOANS_STEP = Step(seconds=604_800.0, depth=1)
"""What lies between two stops is under way at once."""
STEP = Step(seconds=21_600.0, depth=4)
"""A day of event time is under way at most: a payment a day late must not look three days late."""
SHIFTS, EVERY_SHIFT = frozenset({1, 3}), frozenset(range(5))
"""Weekdays on which the floor works: two while only loans are told, for each takes a while, and five from then on."""
SUNDAY = 6
QUIET_DAYS = 14
"""Before them nothing falls due, and there is nothing to stop for."""


class Stop(Struct, frozen=True):
    """An instant up to which events are told. `works`: the floor is at work then; `month_of`: last day of a month that
    is over."""

    at: datetime
    works: bool = False
    month_of: date | None = None


class Timetable(Struct, frozen=True):
    """When (`time.monotonic`) which instant should be reached, so that the demo ends in time. `marks`: in order."""

    marks: tuple[tuple[datetime, float], ...]

    def due(self, at: datetime) -> float:
        """When an instant should be reached: between two marks in proportion."""
        for (before, begins), (after, ends) in pairwise(self.marks):
            if at <= after:
                return begins + (ends - begins) * max(0.0, (at - before) / (after - before))
        return self.marks[-1][1]


def timetable(started: float, began: float, live_seconds: float) -> Timetable:
    """`started`: the demo; `began`: the telling."""
    live = FIRST_DAY + timedelta(days=HISTORY_DAYS)
    return Timetable(
        (
            (_at(LOANS_FIRST_DAY, 0), began),
            (_at(FIRST_DAY, 0), started + PRELUDE_SECONDS),
            (_at(live, 0), started + SLACK_SECONDS),
            (_at(LAST_DAY, 0), started + SLACK_SECONDS + live_seconds),
        )
    )


def stops(first: date, last: date) -> Iterator[Stop]:
    """The stops from the first day to the last: where the floor works or a month is over, and where days are divided:
    every morning, or while only loans are told the mornings of shifts and Sundays. There are none in the quiet days."""
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        loans_only = day < FIRST_DAY
        works = day.weekday() in (SHIFTS if loans_only else EVERY_SHIFT)
        ended = day - timedelta(days=1) if day.day == 1 else None
        if n < QUIET_DAYS and ended is None:
            continue
        if works or not loans_only or day.weekday() == SUNDAY:
            yield Stop(_at(day, MORNING))
        if works or ended is not None:
            yield Stop(_at(day, SHIFT), works, ended)


def _at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


async def tell(
    scene: Scene, running: Rig, watcher: Watcher, story: Storyline, desk: Desk, floor: Floor, live_seconds: float
) -> None:
    """Publishes the story to its end, or until the time is up."""
    ends_at = scene.started + SLACK_SECONDS + live_seconds
    pace = Pace((DAYS - HISTORY_DAYS) * 86_400 / live_seconds if live_seconds > 0 else None)
    stories, live = FIRST_DAY, FIRST_DAY + timedelta(days=HISTORY_DAYS)

    def in_time(events: Iterator[AnyEvent]) -> Iterator[AnyEvent]:
        for event in events:
            if time.monotonic() > ends_at:
                scene.cut = True
                return
            scene.published(event)
            yield event

    scene.feeding_since = time.monotonic()
    times, skipped = timetable(scene.started, scene.feeding_since, live_seconds), 0
    async with Publisher(running.broker, prefix=running.prefix, source=None, compression="snappy") as publisher:
        for stop in stops(LOANS_FIRST_DAY, LAST_DAY):
            day, late = stop.at.date(), time.monotonic() > times.due(stop.at)
            if late and day < stories and stop.month_of is None and skipped < MOST_SKIPPED:
                skipped += 1
                continue
            skipped = 0
            if day >= live and not scene.live:
                await publish_malformed(running)
                scene.live = True
            scene.phase = _phase(day < stories, scene.live, pace.speed)
            await feed(
                publisher,
                in_time(story.until(to_ms(stop.at))),
                watcher.ingested,
                fed=scene.fed,
                step=LOANS_STEP if day < stories else STEP,
                pace=pace if scene.live else None,
            )
            if scene.cut:
                break
            works = stop.works and not late
            if works or stop.month_of is not None:
                await watcher.caught_up(seconds=STALL_SECONDS)
                await desk.heard_all(watcher, STALL_SECONDS)
            if stop.month_of is not None:
                scene.stages.end_month(stop.month_of)
            if works:
                for at, event in floor.work(to_ms(stop.at)):
                    story.add(at, event)
                scene.floor = floor.tally
        scene.fed_at = time.monotonic()
    if scene.cut and scene.fed.event_time is not None:
        reached = scene.fed.event_time
        scene.truths = tuple(truth for truth in scene.truths if truth.begins <= reached)


def _phase(loans: bool, live: bool, speed: float | None) -> str:
    if loans:
        return "six months of loans, at full speed"
    if not live:
        return f"the first {HISTORY_DAYS} days of the stories, at full speed"
    return f"{DAYS - HISTORY_DAYS} more days" + ("" if speed is None else f", {speed / 86_400:.1f} a second")

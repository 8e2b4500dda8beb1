"""Feeding events to a broker in step with the worker: never far ahead of what is ingested, at a stated speed or none.

The input topics are separate logs, and how far ingest is in one says nothing about the others. At full speed a payment
could be journaled days of event time after a login that followed it, and an instalment would look overdue meanwhile.
So events are published in steps, and only a few steps are under way that are not ingested in every topic.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct, field

from riskwatch.streams.events import AnyEvent
from riskwatch.streams.publisher import Publisher
from riskwatch.streams.topics import TOPIC_OF

AHEAD = 20_000
TURN = 1_000
_LOOK_SECONDS = 0.03


class Fed(Struct):
    """How far feeding is: events published, by input topic too, and the event time that it has reached. `under_way`:
    counts by topic before each of the steps that may not be ingested yet."""

    published: int = 0
    event_time: datetime | None = None
    by_topic: Counter[str] = field(default_factory=Counter)
    under_way: deque[Mapping[str, int]] = field(default_factory=lambda: deque([{}]))


class Step(Struct, frozen=True, kw_only=True):
    """What may be under way: `depth` steps of at least `seconds` of event time and `records`; at most `ahead` records.

    The event time is the bound that matters: to rules about days, and to labels, which a fraud case must not miss by
    half a day. The records keep sparse files quick.
    """

    seconds: float = 10_800.0
    records: int = 10
    depth: int = 4
    ahead: int = AHEAD


async def feed(
    publisher: Publisher,
    events: Iterable[AnyEvent],
    ingested: Callable[[], Awaitable[Mapping[str, int]]],
    *,
    fed: Fed,
    step: Step = Step(),  # noqa: B008 (frozen)
    speed: float | None = None,
    pace: Pace | None = None,
    stalled_seconds: float = 60.0,
) -> None:
    """Publishes events in their order, in step with ingest; more may follow in another call with the same `fed`.

    `ingested()` counts the records that the worker has committed, by name of the input topic. Before a step is
    published, all but the last `depth` steps are ingested, in every topic. `speed`: event seconds a second; None is
    full speed. `pace`: one that has begun before, in the place of a speed. Raises `TimeoutError` where nothing is
    ingested for `stalled_seconds` while waiting.
    """
    pace = Pace(speed) if pace is None else pace
    for window in windows(events, step):
        while len(fed.under_way) > step.depth - 1:
            await _until_ingested(fed.under_way.popleft(), ingested, stalled_seconds)
        for turn in turns(window, pace):
            await pace.wait(turn[0].occurred_at)
            await publisher.publish_many(turn)
            fed.published += len(turn)
            fed.event_time = max(fed.event_time or turn[-1].occurred_at, turn[-1].occurred_at)
            fed.by_topic.update(TOPIC_OF[type(event)].name for event in turn)
        fed.under_way.append(dict(fed.by_topic))


async def _until_ingested(
    goal: Mapping[str, int], ingested: Callable[[], Awaitable[Mapping[str, int]]], stalled_seconds: float
) -> None:
    moved, best = time.monotonic(), -1
    while True:
        done = await ingested()
        if all(done.get(topic, 0) >= count for topic, count in goal.items()):
            return
        if sum(done.values()) > best:
            moved, best = time.monotonic(), sum(done.values())
        elif time.monotonic() - moved > stalled_seconds:
            raise TimeoutError(f"the worker has ingested nothing for {stalled_seconds:g} s ({best:,} records so far)")
        await asyncio.sleep(_LOOK_SECONDS)


def windows(events: Iterable[AnyEvent], step: Step) -> Iterator[list[AnyEvent]]:
    """The events in steps of at least `seconds` and `records` each; `depth` of them have at most `ahead` records."""
    window: list[AnyEvent] = []
    for event in events:
        if window and (
            len(window) >= max(1, step.ahead // step.depth)
            or (
                len(window) >= step.records
                and (event.occurred_at - window[0].occurred_at).total_seconds() >= step.seconds
            )
        ):
            yield window
            window = []
        window.append(event)
    if window:
        yield window


class Pace:
    """Event time at `speed` times the clock's; None never waits."""

    def __init__(self, speed: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._clock = clock
        self._start: tuple[float, datetime] | None = None

    def due_in(self, moment: datetime) -> float:
        """Seconds until an event of this time is due; 0 when it is late, or where there is no pace."""
        if self.speed is None:
            return 0.0
        if self._start is None:
            self._start = self._clock(), moment
        began, first = self._start
        return max(0.0, (moment - first).total_seconds() / self.speed - (self._clock() - began))

    async def wait(self, moment: datetime) -> None:
        """Returns when an event of this time is due."""
        if (seconds := self.due_in(moment)) > 0:
            await asyncio.sleep(seconds)


def turns(events: Iterable[AnyEvent], pace: Pace, size: int = TURN) -> Iterator[list[AnyEvent]]:
    """The events in lists: of `size`, and where there is a pace, of a fiftieth of a second at most."""
    chunk: list[AnyEvent] = []
    for event in events:
        if chunk and (
            len(chunk) >= size
            or (pace.speed is not None and (event.occurred_at - chunk[0].occurred_at).total_seconds() > pace.speed / 50)
        ):
            yield chunk
            chunk = []
        chunk.append(event)
    if chunk:
        yield chunk


def parse_speed(text: str) -> float | None:
    """`max` (no pace: None) or a factor such as `3600x`. Raises `ValueError` with a sentence."""
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e12:
        raise ValueError(f"{text!r} is no speed: expected max, or a factor such as 3600x (an hour a second)")
    return speed

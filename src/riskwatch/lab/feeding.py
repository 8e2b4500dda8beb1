"""Feeding events to a broker in step with the worker: never far ahead of what is ingested, at a stated speed or none.

The input topics are separate logs, and how far ingest is in one says nothing about the others. Bounding how far
publishing runs ahead of the ingested records keeps them within that many records of each other, whatever the worker
does, and bounds memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from riskwatch.streams.events import AnyEvent
from riskwatch.streams.publisher import Publisher

AHEAD = 20_000
TURN = 1_000


class Fed(Struct):
    """How far feeding is: events published, and the event time that it has reached."""

    published: int = 0
    event_time: datetime | None = None


async def feed(
    publisher: Publisher,
    events: Iterable[AnyEvent],
    ingested: Callable[[], Awaitable[int]],
    *,
    fed: Fed,
    ahead: int = AHEAD,
    speed: float | None = None,
    base: int = 0,
    stalled_seconds: float = 60.0,
) -> None:
    """Publishes events in their order. `ingested()` counts records that the worker has committed; `base` other records.

    At most `ahead` records are published that are not ingested. `speed`: event seconds a second; None is full speed.
    Raises `TimeoutError` where nothing is ingested for `stalled_seconds` while waiting.
    """
    pace = Pace(speed)
    done = await ingested()
    for chunk in turns(events, pace):
        await pace.wait(chunk[0].occurred_at)
        moved = time.monotonic()
        while fed.published + base + len(chunk) - done > ahead:
            before, done = done, await ingested()
            if done > before:
                moved = time.monotonic()
            elif time.monotonic() - moved > stalled_seconds:
                raise TimeoutError(
                    f"the worker has ingested nothing for {stalled_seconds:g} s ({done:,} of {fed.published:,} records)"
                )
            else:
                await asyncio.sleep(0.02)
        await publisher.publish_many(chunk)
        fed.published += len(chunk)
        fed.event_time = chunk[-1].occurred_at


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

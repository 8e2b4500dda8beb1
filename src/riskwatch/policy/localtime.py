"""The customer's clock: which minute of which day an instant is there, and when a part of a day begins and ends.

Clocks are turned: a minute may come twice in a day or not at all. What is open is judged by what the clock shows, so
that the questions here are answered for every zone of the tz database, whatever it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo

from riskwatch.features.timers import day_of, start_of_day
from riskwatch.streams.packing import to_ms

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def minute_of_day(at_ms: int, zone: tzinfo) -> int:
    """The minute that the clock shows, 0 to 1439."""
    shown = datetime.fromtimestamp(at_ms // 1000, zone)
    return shown.hour * 60 + shown.minute


def is_within(at_ms: int, minutes: tuple[int, int], zone: tzinfo) -> bool:
    """Whether the clock shows a minute in `[start, end)`."""
    return minutes[0] <= minute_of_day(at_ms, zone) < minutes[1]


def next_within(at_ms: int, minutes: tuple[int, int], zone: tzinfo) -> int:
    """The first instant at or after `at_ms` at which the clock shows a minute in `[start, end)`, 0 ≤ start < end.

    Looks ten days ahead, since no zone has ever skipped more than one day; raises `ValueError` beyond.
    """
    return _first(at_ms, minutes, zone, wanted=True)


def end_of_within(at_ms: int, minutes: tuple[int, int], zone: tzinfo) -> int:
    """The first instant after `at_ms` at which the clock no longer shows a minute in `[start, end)`; the end of the
    day where the clock shows one all day."""
    if minutes == (0, 1440):
        return start_of_day(day_of(at_ms, zone) + 1, zone)
    return _first(at_ms, minutes, zone, wanted=False)


def _first(at_ms: int, minutes: tuple[int, int], zone: tzinfo, *, wanted: bool) -> int:
    if is_within(at_ms, minutes, zone) is wanted:
        return at_ms
    today = day_of(at_ms, zone)
    for day in range(today, today + 10):
        edges = [edge for edge in _edges(day, minutes, zone) if edge > at_ms]
        for edge in sorted(edges):
            if is_within(edge, minutes, zone) is wanted:
                return edge
    raise ValueError(f"the clock of {zone} never shows minutes {minutes[0]} to {minutes[1]}")


def _edges(day: int, minutes: tuple[int, int], zone: tzinfo) -> Iterator[int]:
    """Where the answer may change on a day: where the clock shows an edge, first or again, and where it is turned."""
    for minute in minutes:
        on = date.fromordinal(day) + timedelta(days=minute // 1440)
        shown = datetime.combine(on, time(minute % 1440 // 60, minute % 60), zone)
        yield to_ms(shown)
        yield to_ms(shown.replace(fold=1))
    low = start_of_day(day, zone) - DAY_MS
    yield from _turned(low, low + 3 * DAY_MS, zone)


def _turned(low: int, high: int, zone: tzinfo) -> Iterator[int]:
    """Instants at which the clock is turned between two instants, by halving; whole minutes."""
    for start in range(low, high, DAY_MS):
        before, after = start, start + DAY_MS
        offset = _offset(before, zone)
        if offset == _offset(after, zone):
            continue
        while after - before > MINUTE_MS:
            middle = (before + after) // 2
            before, after = (middle, after) if _offset(middle, zone) == offset else (before, middle)
        yield after - after % MINUTE_MS


def _offset(at_ms: int, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(at_ms // 1000, zone).utcoffset()

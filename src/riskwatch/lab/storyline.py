"""The order in which the demo tells its events: what is simulated beforehand, and what comes of it meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, merge
from operator import itemgetter

from riskwatch.lab.floor import Advances
from riskwatch.lab.life import Dated
from riskwatch.streams.events import AnyEvent


class Storyline:
    """Streams of events, each in order of time, and those that are added as it goes; told in order of time.

    What is added for an instant that is past comes next. Payments that were added are taken off the loan's own later
    ones.
    """

    def __init__(self, streams: Iterable[Iterator[Dated]]) -> None:
        self._streams = merge(*streams, key=itemgetter(0))
        self._next: Dated | None = next(self._streams, None)
        self._added: list[tuple[int, int, AnyEvent]] = []
        self._count = 0
        self._advances = Advances()

    def add(self, at_ms: int, event: AnyEvent) -> None:
        """An event that is to be told at an instant."""
        self._count += 1
        heappush(self._added, (at_ms, self._count, event))

    def until(self, end_ms: int) -> Iterator[AnyEvent]:
        """What is left of the events before an instant. The same event is told in no second call."""
        while True:
            coming = self._next
            if self._added and self._added[0][0] < end_ms and (coming is None or self._added[0][0] <= coming[0]):
                _, _, event = heappop(self._added)
                self._advances.paid(event)
                yield event
            elif coming is not None and coming[0] < end_ms:
                self._next = next(self._streams, None)
                left = self._advances.less(coming[1])
                if left is not None:
                    yield left
            else:
                return

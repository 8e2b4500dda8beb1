"""Where ticks come from when time is the events' own."""

from __future__ import annotations


class EventClock:
    """Ticks that follow the events' own time: one before the first entry of each new interval, for each journal
    partition.
    """

    def __init__(self, every_ms: int) -> None:
        self._every = every_ms
        self._newest: dict[int, int] = {}

    def tick_before(self, partition: int, at_ms: int) -> int | None:
        """The tick to be written before an entry that occurred at `at_ms`, or None."""
        tick = at_ms - at_ms % self._every
        newest = self._newest.get(partition)
        if newest is not None and tick <= newest:
            return None
        self._newest[partition] = tick
        return tick

"""Puts the records of several topics of one partition number into one order while none of them runs ahead of the
others.

Each topic's batch is a lane, in its own order. Records are taken from the lanes by time; a lane that has been emptied
while its topic has more to come stops the others at its last time, so that after an outage (or in a replay) the logins
of a week are not journaled before its purchases. Pure: which topics have more to come is told by the caller.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

LaneT = TypeVar("LaneT", bound=Hashable)


class Aligner(Generic[LaneT]):
    """Lanes of pending items, each with a time (ms)."""

    def __init__(self) -> None:
        self._times: dict[LaneT, NDArray[np.int64]] = {}
        self._items: dict[LaneT, list[Any]] = {}

    def add(self, lane: LaneT, times: NDArray[np.int64], items: list[Any]) -> None:
        """A batch of a lane that holds nothing. `times` need not rise: within a lane the lane's own order stands."""
        if lane in self._items:
            raise ValueError(f"lane {lane!r} still holds a batch")
        self._times[lane] = np.maximum.accumulate(times) if len(times) else times
        self._items[lane] = items

    def drop(self, lane: LaneT) -> None:
        """Forgets a lane whose partition has been revoked."""
        self._times.pop(lane, None)
        self._items.pop(lane, None)

    @property
    def lanes(self) -> Collection[LaneT]:
        return self._items.keys()

    def release(self, more: Mapping[LaneT, bool]) -> tuple[list[Any], list[LaneT]]:
        """→ (items in order, lanes that are emptied). `more[lane]`: the lane's topic has records after this batch."""
        if len(self._items) == 1:
            lane = next(iter(self._items))
            items = self._items[lane]
            self.drop(lane)
            return items, [lane]
        bound = min(
            (int(times[-1]) for lane, times in self._times.items() if len(times) and more.get(lane, False)),
            default=None,
        )
        lanes = list(self._items)
        cuts = [
            len(self._times[lane]) if bound is None else int(np.searchsorted(self._times[lane], bound, side="right"))
            for lane in lanes
        ]
        times = np.concatenate([self._times[lane][:cut] for lane, cut in zip(lanes, cuts, strict=True)])
        taken = [item for lane, cut in zip(lanes, cuts, strict=True) for item in self._items[lane][:cut]]
        order = np.argsort(times, kind="stable").tolist()
        emptied = []
        for lane, cut in zip(lanes, cuts, strict=True):
            if cut == len(self._times[lane]):
                self.drop(lane)
                emptied.append(lane)
            else:
                self._times[lane], self._items[lane] = self._times[lane][cut:], self._items[lane][cut:]
        return [taken[at] for at in order], emptied

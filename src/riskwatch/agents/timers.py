"""When each account of a partition next wants a look: a heap over the stored rows, rebuilt when the partition is
assigned.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable


class Timers:
    """One instant (ms) for each key; the earliest first. An entry of the heap that is no longer true is passed over."""

    def __init__(self, looks: Iterable[tuple[bytes, int]] = ()) -> None:
        self._at: dict[bytes, int] = {key: at for key, at in looks if at}
        self._heap: list[tuple[int, bytes]] = [(at, key) for key, at in self._at.items()]
        heapq.heapify(self._heap)

    def set(self, key: bytes, at: int) -> None:
        """`at` = 0: the key wants no look."""
        if self._at.get(key, 0) == at:
            return
        if at:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))
        else:
            del self._at[key]

    def earliest(self) -> int | None:
        """The earliest instant that a key wants a look at; None where no key wants one."""
        while self._heap:
            at, key = self._heap[0]
            if self._at.get(key) == at:
                return at
            heapq.heappop(self._heap)
        return None

    def due(self, now: int) -> list[bytes]:
        """Keys whose instant is at or before `now`, earliest first, ties by key. They stay until they are set anew."""
        popped: list[tuple[int, bytes]] = []
        while self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            if self._at.get(key) == at and (not popped or popped[-1] != (at, key)):
                popped.append((at, key))
        for item in popped:
            heapq.heappush(self._heap, item)
        return [key for _, key in popped]

    def __len__(self) -> int:
        return len(self._at)

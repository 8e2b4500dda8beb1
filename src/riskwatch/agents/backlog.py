"""What the consumer's thread has fetched, or the worker itself has written, and no agent has taken yet.

aiokafka keeps fetched records until they are asked for, and while those of one partition lie there it fetches nothing
from that broker for up to 100 ms: one busy partition would hold up all others. Here records are taken out as they
arrive, so every fetch asks for every partition that has room, and the broker's answer is all that is waited for.

What ingest writes to a journal partition that this worker reads is offered here and not fetched again. An offer counts
only where it continues what has been fetched without a gap, so the journal alone says what comes in which order.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from faust.types import TP
from msgspec import Struct

LOOK_SECONDS = 0.1
"""A partition that continues by offers is not fetched; after so long without one it is, for what others wrote to it."""


class Written(Struct, frozen=True, gc=False):
    """A record that this worker wrote, in the form of a fetched one."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_type: int = 0


class _Held:
    """Records of one partition: `count` of them in `chunks`, `end` is the offset after the last."""

    def __init__(self, assignment: Any, state: Any) -> None:
        self.assignment = assignment
        self.state = state
        self.chunks: deque[list[Any]] = deque()
        self.count = 0
        self.end: int = state.position
        self.look_at = 0.0

    @property
    def valid(self) -> bool:
        """False after a rebalance and after a seek: the records are fetched anew."""
        return bool(self.assignment.active and self.state._position == self.end)

    def add(self, records: list[Any], end: int) -> None:
        if records:
            self.chunks.append(records)
            self.count += len(records)
        self.end = end
        self.state.consumed_to(end)

    def take(self, limit: int) -> list[Any]:
        taken: list[Any] = []
        while self.chunks and len(taken) < limit:
            room = limit - len(taken)
            first = self.chunks[0]
            if not taken and len(first) <= room:
                taken = self.chunks.popleft()
            elif len(first) <= room:
                taken += self.chunks.popleft()
            else:
                taken += first[:room]
                self.chunks[0] = first[room:]
        self.count -= len(taken)
        return taken


class Backlog:
    """One consumer's records. `limit`: records of a partition from which on it is not fetched. `on_arrival` is called
    from the consumer's thread."""

    def __init__(self, limit: int, on_arrival: Callable[[], None]) -> None:
        self._limit = limit
        self._on_arrival = on_arrival
        self._held: dict[TP, _Held] = {}
        self._wanted: frozenset[TP] = frozenset()
        self._failures: list[BaseException] = []
        self._lock = threading.Lock()
        self._fetcher: Any = None
        self._loop: Any = None

    def attach(self, fetcher: Any) -> None:
        """Takes over a started fetcher. In the consumer's thread, before it has an assignment."""
        self._fetcher = fetcher
        self._loop = fetcher._loop
        process, plan = fetcher._proc_fetch_request, fetcher._get_actions_per_node

        async def process_and_stow(*args: Any) -> bool:
            await process(*args)
            if self._stow():
                self._on_arrival()
            return False  # nobody waits for aiokafka's own records

        def plan_for_wanted(assignment: Any) -> Any:
            return plan(_Planned(assignment, [tp for tp in assignment.tps if self._in_plan(assignment, tp)]))

        fetcher._proc_fetch_request = process_and_stow
        fetcher._get_actions_per_node = plan_for_wanted

    def want(self, wanted: Iterable[TP]) -> None:
        """The partitions to be fetched; what is held of others is kept."""
        if self._wanted != wanted:
            self._wanted = frozenset(wanted)
            self._loop.call_soon_threadsafe(self._plan_again)

    def take(self, wanted: Callable[[TP], bool], limit: int) -> dict[TP, list[Any]]:
        """Up to `limit` records of each wanted partition. Raises what the broker refused if there is nothing else."""
        taken: dict[TP, list[Any]] = {}
        made_room = False
        with self._lock:
            for tp, held in list(self._held.items()):
                if not held.valid:
                    del self._held[tp]
                elif held.count and wanted(tp):
                    full = held.count >= self._limit
                    taken[tp] = held.take(limit)
                    made_room = made_room or (full and held.count < self._limit)
            if not taken and self._failures:
                raise self._failures.pop(0)
        if made_room:
            self._loop.call_soon_threadsafe(self._plan_again)
        return taken

    def offer(self, tp: TP, base: int, records: list[Any]) -> bool:
        """Records that this worker has just written at offsets `base` and on. False: they come by a fetch."""
        with self._lock:
            held = self._of(tp)
            if held is None or base < held.end:
                return False
            if base > held.end or held.count >= 2 * self._limit:
                held.look_at = 0.0
                return False
            held.add(records, base + len(records))
            held.state.highwater = max(held.state.highwater or 0, held.end)
            held.look_at = time.monotonic() + LOOK_SECONDS
        return True

    def count(self, tp: TP) -> int:
        """Records of a partition that wait to be taken."""
        held = self._held.get(tp)
        return held.count if held is not None and held.valid else 0

    def _of(self, tp: TP) -> _Held | None:
        held = self._held.get(tp)
        if held is not None and held.valid:
            return held
        subscription = self._fetcher._subscriptions.subscription
        assignment = None if subscription is None else subscription.assignment
        if assignment is None or not assignment.active or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        if not state.has_valid_position:
            return None
        held = self._held[tp] = _Held(assignment, state)
        return held

    def _stow(self) -> bool:
        """Takes every fetched record out of aiokafka. Whether there were any."""
        found = False
        records = self._fetcher._records
        with self._lock:
            for tp in list(records):
                fetched = records.pop(tp)
                found = True
                if type(fetched) is not FetchResult:
                    self._failures.append(fetched._error)
                    continue
                held, part = self._of(tp), fetched._partition_records
                if held is None or held.assignment is not fetched._assignment or held.end != part.next_fetch_offset:
                    continue  # a rebalance, a seek or an offer came first
                try:
                    held.add(list(_records(part)), part.next_fetch_offset)
                except Exception as failure:
                    self._failures.append(failure)
        return found

    def _in_plan(self, assignment: Any, tp: TP) -> bool:
        if not assignment.state_value(tp).has_valid_position:
            return True  # aiokafka's plan is also to ask where to begin
        if tp not in self._wanted:
            return False
        held = self._held.get(tp)
        return held is None or not held.valid or (held.count < self._limit and held.look_at <= time.monotonic())

    def _plan_again(self) -> None:
        self._fetcher._notify(self._fetcher._wait_consume_future)


class _Planned:
    """An assignment as a fetch is to see it: without the partitions that are not to be fetched now."""

    def __init__(self, assignment: Any, tps: list[TP]) -> None:
        self.tps = tps
        self.state_value = assignment.state_value


def _records(part: Any) -> Iterator[Any]:
    held = part._records
    while held.has_next():
        batch = held.next_batch()
        if part._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"a batch of {part._tp} does not have its checksum")
        if not batch.is_control_batch:
            first = part.next_fetch_offset
            if batch.base_offset < first:  # the fetch began in the middle of a batch
                yield from (record for record in batch if record.offset >= first)
            else:
                yield from batch
        part.next_fetch_offset = batch.next_offset  # compaction may have taken the batch's last records away

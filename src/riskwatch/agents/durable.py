"""Makes a table's rows durable: changelog acknowledged, then local store; and sees to writes of others in between."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from riskwatch.agents.inject import fault
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Outbox, Receipt, Revoked
from riskwatch.agents.store import PartitionStore, Row
from riskwatch.agents.table import StateTable

log = structlog.get_logger(__name__)

ReadRows = Callable[[str, int, int, int], Awaitable[list[Row]]]
"""Topic, partition, first offset, end offset → the rows written there, in order."""


class StateRefused(RuntimeError):
    """The broker takes no row of this size: the state cannot be made durable, so the worker must not go on."""


class Kept(Protocol):
    """A partition of a table in memory. `changelog_next`: the changelog offset that the next write should get."""

    number: int
    store: PartitionStore
    changelog_next: int | None


class Durable:
    """Writes the rows of one table. `agent`: whose rows they are, in metrics and in the names of fault points."""

    def __init__(
        self, *, table: StateTable, outbox: Outbox, metrics: Metrics, read_rows: ReadRows, agent: str = "monitor"
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._metrics = metrics
        self._read_rows = read_rows
        self._changelog: str = table.changelog_topic_name
        self._mark = "" if agent == "monitor" else f"{agent}-"
        self._timed = agent == "monitor"

    async def keep(self, partition: Kept, rows: list[Row], owned: Callable[[], bool]) -> bool:
        """False: another worker has written meanwhile. Its rows and these are merged and durable, and what is in memory
        must be read anew from the store. Raises `Revoked`, `StateRefused`."""
        began = time.perf_counter()
        receipt = await self._log(partition, rows, owned)
        fault(f"{self._mark}after-changelog")
        logged = time.perf_counter()
        if not owned():
            raise Revoked(self._changelog)
        foreign = _foreign(partition, receipt)
        if foreign:
            await self._merge(partition, rows, receipt, foreign, owned)
        else:
            partition.store.write(rows, receipt.last_offset)
        if self._timed:
            self._metrics.stage_seconds.labels("changelog").observe(logged - began)
            self._metrics.stage_seconds.labels("store").observe(time.perf_counter() - logged)
        return not foreign

    async def _log(self, partition: Kept, rows: list[Row], owned: Callable[[], bool]) -> Receipt:
        items: list[Item] = [(key, value, (), None) for key, value in rows]
        receipt = await self._outbox.write(self._changelog, partition.number, items, owned)
        if receipt.refused:
            raise StateRefused(f"the broker refused {len(receipt.refused)} state rows of partition {partition.number}")
        return receipt

    async def _merge(
        self, partition: Kept, rows: list[Row], receipt: Receipt, foreign: list[tuple[int, int]],
        owned: Callable[[], bool],
    ) -> None:  # fmt: skip
        """Every changelog offset should be ours. Where one is not, another worker has written, and one of the two does
        not know yet that it lost the partition: it may be this one. A row is a function of the log up to its watermark,
        whoever wrote it, so the newest of each key is right. It is taken over, and written again as the last, for
        compaction keeps the last.
        """
        number, store = partition.number, partition.store
        found: list[Row] = []
        for first, end in foreign:
            log.warning("foreign-changelog-writes", topic=self._changelog, partition=number, records=end - first)
            self._metrics.foreign_writes.inc(end - first)
            found += await self._read_rows(self._changelog, number, first, end)
        if not owned():
            raise Revoked(self._changelog)
        store.write(rows, None)
        store.restore(found, max(base + count for base, count in receipt.chunks) - 1)
        keys = list(dict.fromkeys(key for key, _ in (*found, *rows)))
        last: list[Row] = list(zip(keys, store.get_many(keys), strict=True))
        receipt = await self._log(partition, last, owned)
        if foreign := _foreign(partition, receipt):
            await self._merge(partition, last, receipt, foreign, owned)


def _foreign(partition: Kept, receipt: Receipt) -> list[tuple[int, int]]:
    """Ranges of changelog offsets before and between a write's chunks that are not this worker's; moves
    `changelog_next` past the write.
    """
    ranges: list[tuple[int, int]] = []
    for base, count in sorted(receipt.chunks):
        if partition.changelog_next is not None and base > partition.changelog_next:
            ranges.append((partition.changelog_next, base))
        partition.changelog_next = base + count
    return ranges

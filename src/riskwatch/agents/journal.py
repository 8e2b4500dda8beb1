"""The one way into the journal for this worker's agents: acknowledged, in order, and handed over where it is read here.

What the worker's own monitor reads is offered to it without a fetch (decision 0006). Two agents may write to one
partition at once, so each partition is written by one at a time: an offer counts only where it continues the last one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from riskwatch.agents.backlog import Written
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Outbox, Receipt
from riskwatch.agents.refusals import refused_letters
from riskwatch.streams import topics
from riskwatch.streams.partitioning import partitions_of

Owned = Callable[[], bool]


class Journal:
    """Appends entries to journal partitions. `ends`: the offset after the last entry that this worker has written to
    each."""

    def __init__(
        self, *, app: Any, outbox: Outbox, metrics: Metrics, prefix: str, partitions: int, now_ms: Callable[[], int]
    ) -> None:  # fmt: skip
        self._app = app
        self._count = partitions
        self._outbox = outbox
        self._metrics = metrics
        self._now_ms = now_ms
        self.name = topics.full_name(topics.JOURNAL, prefix)
        self._dead_letters = topics.full_name(topics.DEAD_LETTERS, prefix)
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.ends: dict[int, int] = {}

    async def append(self, partition: int, items: list[Item], owned: Owned = lambda: True) -> None:
        """Returns when all items are acknowledged. What the broker refuses for its size becomes a dead letter. Raises
        `Revoked` when `owned` turns false before."""
        if not items:
            return
        async with self._turns[partition]:
            receipt = await self._outbox.write(self.name, partition, items, owned)
            if receipt.last_offset is not None:
                self.ends[partition] = receipt.last_offset + 1
            if not receipt.refused:
                self._offer(partition, items, receipt)
        if receipt.refused:
            await self._bury(partition, receipt.refused, owned)

    async def append_all(self, items: Mapping[int, list[Item]], owned: Owned = lambda: True) -> None:
        """`append` to several partitions side by side."""
        await asyncio.gather(*[self.append(number, part, owned) for number, part in items.items()])

    async def answer(self, answers: Sequence[tuple[bytes, bytes]], owned: Owned, origin: str) -> None:
        """Appends entries to the journals of the customers whose keys they bear. `origin`: who says so, in metrics."""
        items: dict[int, list[Item]] = {}
        for number, (key, entry) in zip(partitions_of([key for key, _ in answers], self._count), answers, strict=True):
            items.setdefault(number, []).append((key, entry, (), None))
        await self.append_all(items, owned)
        self._metrics.journal_entries.labels(origin).inc(len(answers))

    def _offer(self, partition: int, items: Sequence[Item], receipt: Receipt) -> None:
        written = iter(items)
        for base, count in receipt.chunks:
            records = [
                Written(offset, timestamp or 0, key, value)
                for offset, (key, value, _, timestamp) in zip(range(base, base + count), written, strict=False)
            ]
            if self._app.consumer.offer(self.name, partition, base, records):
                self._metrics.handed_over.inc(count)

    async def _bury(self, partition: int, refused: list[Item], owned: Owned) -> None:
        code = "entry-refused"
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        message = "the broker refused the journal entry of this size"
        letters = refused_letters(self.name, partition, refused, code=code, message=message, now=now)
        await self._outbox.write(self._dead_letters, partition, letters, owned)
        self._metrics.dead_letters.labels(code).inc(len(letters))

"""The one way into a topic that workers read as well: acknowledged, in order, and handed over where it is read here.

What this worker's own agent reads is offered to it without a fetch (decision 0006). Two agents may write to one
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
from riskwatch.streams.topics import Topic

Owned = Callable[[], bool]


class Relay:
    """Appends records to the partitions of one topic: the journal, link probes, ring edges. `ends`: the offset after
    the last one that this worker has written to each."""

    def __init__(
        self, topic: Topic, *, app: Any, outbox: Outbox, metrics: Metrics, prefix: str, partitions: int,
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._app = app
        self._count = partitions
        self._outbox = outbox
        self._metrics = metrics
        self._now_ms = now_ms
        self._topic = topic.name
        self.name = topics.full_name(topic, prefix)
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

    async def scatter(self, records: Sequence[tuple[bytes, bytes]], owned: Owned) -> None:
        """Appends keyed values, each to the partition of its key."""
        items: dict[int, list[Item]] = {}
        for number, (key, value) in zip(partitions_of([key for key, _ in records], self._count), records, strict=True):
            items.setdefault(number, []).append((key, value, (), None))
        await self.append_all(items, owned)

    async def broadcast(self, values: Sequence[bytes], owned: Owned) -> int:
        """Appends values without a key to every partition → how many records that makes."""
        items: list[Item] = [(None, value, (), None) for value in values]
        await self.append_all(dict.fromkeys(range(self._count), items), owned)
        return self._count * len(items)

    def _offer(self, partition: int, items: Sequence[Item], receipt: Receipt) -> None:
        written = iter(items)
        for base, count in receipt.chunks:
            records = [
                Written(offset, timestamp or 0, key, value)
                for offset, (key, value, _, timestamp) in zip(range(base, base + count), written, strict=False)
            ]
            if self._app.consumer.offer(self.name, partition, base, records):
                self._metrics.handed_over.labels(self._topic).inc(count)

    async def _bury(self, partition: int, refused: list[Item], owned: Owned) -> None:
        code = "entry-refused"
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        message = "the broker refused the entry of this size"
        letters = refused_letters(self.name, partition, refused, code=code, message=message, now=now)
        await self._outbox.write(self._dead_letters, partition, letters, owned)
        self._metrics.dead_letters.labels(code).inc(len(letters))

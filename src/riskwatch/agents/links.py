"""The links agent: owns the link profiles, and answers probes into the customers' journals.

Law 3 here: answers and questions to the rings acknowledged, then the changelog, then the local store, then the batch is
finished. A crash anywhere repeats answers with the same ids, which nobody waits for any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from riskwatch.agents.durable import Durable
from riskwatch.agents.fetched import received
from riskwatch.agents.inject import fault
from riskwatch.agents.linking import Answered, answer_links
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Revoked
from riskwatch.agents.provision import LINKS_CHANGELOG
from riskwatch.agents.publishing import Publishing
from riskwatch.agents.relay import Relay
from riskwatch.agents.store import PartitionStore
from riskwatch.agents.table import StateTable
from riskwatch.features.linkmessages import encode_message, key_of
from riskwatch.streams import faults as said
from riskwatch.streams.deadletters import dead_letter

log = structlog.get_logger(__name__)


@dataclass
class LinkPartition:
    """One partition of the link profiles. They stay in the store; nothing else is kept in memory."""

    number: int
    store: PartitionStore
    changelog_next: int | None = None


class LinksAgent:
    """The links agent and the partitions that it owns."""

    def __init__(
        self, *, app: Any, table: StateTable, durable: Durable, journal: Relay, edges: Relay,
        probes: Relay, publishing: Publishing, metrics: Metrics, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._app = app
        self._table = table
        self._durable = durable
        self._journal = journal
        self._edges = edges
        self._probes = probes
        self._publishing = publishing
        self._metrics = metrics
        self._now = now
        self._partitions: dict[int, LinkPartition] = {}

    async def agent(self, stream: Any) -> None:
        """Faust agent: batches of link probes. Partitions are worked on side by side, each batch by batch."""
        async for event in stream.noack().events():
            message = event.message
            if self._app.consumer.begin(message):
                self._app.spawn(self.take(message), f"links-{message.partition}")

    def forget(self, numbers: Sequence[int]) -> None:
        """Partitions that are no longer this worker's, or are about to be restored."""
        for number in numbers:
            self._partitions.pop(number, None)

    async def take(self, message: Any) -> None:
        """One batch, start to finish."""
        consumer = self._app.consumer
        began = time.perf_counter()
        owned = partial(consumer.owns, message)
        try:
            await self._take(message, owned)
        except Revoked:
            consumer.abandon(message)
            return
        consumer.finish(message)
        self._metrics.batch_records.labels("links").observe(len(message.value))
        self._metrics.batch_seconds.labels("links").observe(time.perf_counter() - began)

    async def _take(self, message: Any, owned: Callable[[], bool]) -> None:
        partition = self._partition(message.partition)
        records = message.value
        out = answer_links(
            partition.store.get_many, [record.value for record in records], [record.offset for record in records]
        )
        await self._bury(message, out, owned)
        await self._journal.scatter(out.answers, owned)
        asked: list[Item] = [(each.tenant.encode(), encode_message(each), (), None) for each in out.asked]
        await self._edges.append(0, asked, owned)
        await self._probes.scatter([(key_of(each), encode_message(each)) for each in out.merchants_asked], owned)
        fault("links-after-answers")
        if out.rows:
            await self._durable.keep(partition, out.rows, owned)
        self._metrics.journal_entries.labels("links").inc(len(out.answers))
        self._metrics.link_probes.labels("answered").inc(out.probes)
        self._metrics.link_probes.labels("repeated").inc(out.repeated)
        self._metrics.link_probes.labels("told").inc(out.told)

    def _partition(self, number: int) -> LinkPartition:
        partition = self._partitions.get(number)
        if partition is None:
            end = self._app.changelog_end(LINKS_CHANGELOG, number)
            partition = self._partitions[number] = LinkPartition(number, self._table.partition(number), end)
        return partition

    async def _bury(self, message: Any, out: Answered, owned: Callable[[], bool]) -> None:
        if not out.bad:
            return
        code = "entry-failed"
        faults = said.fault(code, "", "the record is no message about an identifier")
        letters: list[Item] = []
        for place in out.bad:
            log.error("probe-refused", topic=message.topic, offset=message.value[place].offset)
            letter = dead_letter(received(message, message.value[place]), faults, self._now())
            letters.append((letter.key, letter.value, letter.headers, letter.timestamp))
        await self._publishing.bury(message.partition, letters, code, owned)

"""The control agent: what people ask for on control topics → a broadcast entry in every journal partition, or an entry
in the partition of the customer whom it is about.

A control topic has one partition, so one worker of the group brings all of its records in, in their order. A batch is
finished when its dead letters, its audits and its entries are acknowledged, in this order. A crash before that repeats
the batch: audits and entries are then there twice, byte for byte the same, and partitions may differ in how often. So
readers must take an entry that they have seen (a list change by its `change_id`) as no news.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import structlog

from riskwatch.agents.fetched import received
from riskwatch.agents.inject import fault as strike
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Revoked
from riskwatch.agents.publishing import Publishing
from riskwatch.agents.relay import Relay
from riskwatch.agents.translating import TRANSLATORS, Broadcast, Naming, Translator
from riskwatch.streams.codec import TOMBSTONE, Faults
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.faults import fault
from riskwatch.streams.packing import pack_broadcast, partition_of
from riskwatch.streams.topics import Topic

log = structlog.get_logger(__name__)


@dataclass
class Translated:
    """One batch of a control topic. `audits`: topic → its records; `entries`: in order, those without a key for
    every journal partition; `dead`: code
    and dead letter of each refused record, in order: replayed, requests take effect in their order."""

    entries: list[Item] = field(default_factory=list)
    audits: dict[Topic, list[Item]] = field(default_factory=dict)
    dead: list[tuple[str, Item]] = field(default_factory=list)
    tombstones: int = 0


def translate(message: Any, translator: Translator, now: datetime) -> Translated:
    """Reads a batch. Never raises: what cannot be read is a dead letter."""
    out = Translated()
    for each in message.value:
        record = received(message, each)
        try:
            found = translator(record)
            if not (found is TOMBSTONE or isinstance(found, Faults)):
                entry = found.entry
                key, value = (None, pack_broadcast(*entry)) if isinstance(entry, Broadcast) else entry
                item: Item = (key, value, (), None)
        except Exception as error:
            log.warning("translation-failed", topic=message.topic, offset=each.offset, error=type(error).__name__)
            found = fault("ingest-failed", "", f"riskwatch failed on this record: {type(error).__name__}")
        if found is TOMBSTONE:
            out.tombstones += 1
        elif isinstance(found, Faults):
            letter = dead_letter(record, found, now)
            out.dead.append((found.code, (letter.key, letter.value, letter.headers, letter.timestamp)))
        else:
            out.entries.append(item)
            for audit in found.audits:
                out.audits.setdefault(audit.topic, []).append(audit.item)
    return out


class Control:
    """The control agent. `partitions`: of the journal; `now` gives the wall clock's time."""

    def __init__(
        self, *, app: Any, journal: Relay, publishing: Publishing, metrics: Metrics, partitions: int, naming: Naming,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._app = app
        self._journal = journal
        self._publishing = publishing
        self._metrics = metrics
        self._partitions = partitions
        self._now = now
        self._translators = {
            publishing.names[topic.name]: (topic.name, make(naming)) for topic, make in TRANSLATORS.items()
        }

    @property
    def topic_names(self) -> list[str]:
        return list(self._translators)

    async def agent(self, stream: Any) -> None:
        """Faust agent: batches of the control topics."""
        async for event in stream.noack().events():
            message = event.message
            consumer = self._app.consumer
            if not consumer.begin(message):
                continue
            try:
                await self._take(message)
            except Revoked:
                consumer.abandon(message)
                continue
            consumer.finish(message)

    async def _take(self, message: Any) -> None:
        name, translator = self._translators[message.topic]
        out = translate(message, translator, self._now())
        owned = partial(self._app.consumer.owns, message)
        for code, letters in groupby(out.dead, key=itemgetter(0)):
            await self._publishing.bury(0, [letter for _, letter in letters], code, owned)
        for topic, records in out.audits.items():
            await self._publishing.write(topic, 0, records, owned)
        strike("after-outputs")
        written = self._placed(out.entries)
        await self._journal.append_all(written, owned)
        strike("after-journal")
        self._count(name, len(message.value), out, sum(map(len, written.values())))

    def _placed(self, entries: list[Item]) -> dict[int, list[Item]]:
        """The entries of each journal partition, in order."""
        own = [None if item[0] is None else partition_of(item[0], self._partitions) for item in entries]
        return {
            number: [item for item, at in zip(entries, own, strict=True) if at is None or at == number]
            for number in range(self._partitions)
        }

    def _count(self, topic: str, records: int, out: Translated, written: int) -> None:
        metrics = self._metrics
        metrics.batch_records.labels("control").observe(records)
        metrics.journal_entries.labels(topic).inc(written)
        addressed = sum(item[0] is not None for item in out.entries)
        outcomes = {
            "broadcast": len(out.entries) - addressed, "addressed": addressed, "refused": len(out.dead),
            "tombstone": out.tombstones,
        }  # fmt: skip
        for outcome, count in outcomes.items():
            metrics.control_records.labels(topic, outcome).inc(count)

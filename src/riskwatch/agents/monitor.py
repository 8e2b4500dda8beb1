"""The monitor agent: folds each batch of the journal and makes its effects durable, in the order of law 3.

outputs acknowledged → changelog acknowledged → local store → the batch is finished. A batch that cannot be folded is
split down to the entry at fault, which becomes a dead letter; the others go on. What fails for want of a broker is
tried again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from faust.types import TP
from msgspec import structs

from riskwatch.agents.durable import Durable
from riskwatch.agents.fetched import received
from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.inject import fault
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Revoked
from riskwatch.agents.outgoing import outputs_of, tainted
from riskwatch.agents.partition import Partition, open_partition, pack_partition
from riskwatch.agents.provision import CHANGELOG
from riskwatch.agents.publishing import Publishing
from riskwatch.agents.relay import Relay
from riskwatch.agents.settingaside import fold_apart
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.table import StateTable
from riskwatch.features.linkmessages import LinkMessage, encode_message, key_of
from riskwatch.features.pending import PROBED
from riskwatch.streams import topics
from riskwatch.streams.codec import Fault, Faults
from riskwatch.streams.collections import ActionClosed
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.outputs import encode_output
from riskwatch.streams.packing import customer_key, pack_tick

log = structlog.get_logger(__name__)


class Monitor:
    """The monitor agent and the partitions that it owns."""

    def __init__(
        self, *, app: Any, table: StateTable, durable: Durable, publishing: Publishing, journal: Relay, probes: Relay,
        program: Program, metrics: Metrics, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._app = app
        self._table = table
        self._durable = durable
        self._publishing = publishing
        self._journal = journal
        self._probes = probes
        self._program = program
        self._metrics = metrics
        self._now = now
        self._hastened: dict[int, int] = {}
        self._partitions: dict[int, Partition] = {}

    async def agent(self, stream: Any) -> None:
        """Faust agent: batches of the journal. Partitions are worked on side by side, each batch by batch."""
        async for event in stream.noack().events():
            message = event.message
            if self._app.consumer.begin(message):
                self._app.spawn(self.take(message), f"monitor-{message.partition}")

    def forget(self, numbers: Sequence[int]) -> None:
        """Partitions that are no longer this worker's, or are about to be restored."""
        for number in numbers:
            self._partitions.pop(number, None)
            self._metrics.stale_feeds.labels(str(number)).set(0)

    def partition(self, number: int) -> Partition:
        """The partition in memory, read from its restored rows the first time."""
        partition = self._partitions.get(number)
        if partition is None:
            partition = self._partitions[number] = open_partition(number, self._table.partition(number))
            partition.changelog_next = self._app.changelog_end(CHANGELOG, number)
        return partition

    def due(self, now_ms: int) -> dict[int, int]:
        """Partitions in which somebody waits for time to have come that has: number → since when, ms."""
        found = {}
        for number, partition in self._partitions.items():
            at = partition.timers.earliest()
            if at is not None and partition.row.clock < at <= now_ms:
                found[number] = at
        return found

    def undecided(self, number: int) -> bool:
        """Whether entries that this worker has written to its own journal partition are not folded yet, or somebody in
        it waits to be decided."""
        tp, consumer = TP(self._journal.name, number), self._app.consumer
        end = self._journal.ends.get(number)
        if end is None or tp not in consumer.assignment():
            return False
        if consumer.finished.get(tp, 0) < end:
            return True
        partition = self._partitions.get(number)
        return partition is not None and bool(partition.undecided)

    async def take(self, message: Any) -> None:
        """One batch, start to finish."""
        consumer = self._app.consumer
        began = time.perf_counter()
        try:
            await self._take_records(message, message.value)
        except Revoked:
            consumer.abandon(message)
            return
        consumer.finish(message)
        self._metrics.batch_records.labels("monitor").observe(len(message.value))
        self._metrics.batch_seconds.labels("monitor").observe(time.perf_counter() - began)

    async def _take_records(self, message: Any, records: Sequence[Any]) -> None:
        partition = self.partition(message.partition)
        began = time.perf_counter()
        try:
            folded = fold(
                self._program,
                partition,
                [record.key for record in records],
                [record.value for record in records],
                [record.offset for record in records],
                self._now(),
            )
        except Exception as error:
            if len(records) > 1:
                self._metrics.batch_retries.labels("monitor").inc()
                half = len(records) // 2
                await self._take_records(message, records[:half])
                await self._take_records(message, records[half:])
            else:
                await self._take_apart(message, records[0], error)
            return
        self._metrics.stage_seconds.labels("fold").observe(time.perf_counter() - began)
        await self._finish(message, partition, folded)

    async def _finish(self, message: Any, partition: Partition, folded: Folded) -> None:
        await self._effect(message, partition, folded)
        self._count(folded)
        stale = sum(feed.stale_ms > 0 for feed in folded.partition_row.feeds.values())
        self._metrics.stale_feeds.labels(str(partition.number)).set(stale)

    async def _effect(self, message: Any, partition: Partition, folded: Folded) -> None:
        """Outputs, changelog, local store: each acknowledged before the next."""
        owned = partial(self._app.consumer.owns, message)
        began = time.perf_counter()
        await self._publish(partition.number, folded, owned)
        fault("after-outputs")
        if folded.alerts or folded.decisions or folded.actions or folded.collections:
            self._metrics.stage_seconds.labels("outputs").observe(time.perf_counter() - began)
        if await self._durable.keep(partition, folded.rows, owned):
            folded.settle(partition)
        else:
            anew = self._partitions[partition.number] = open_partition(partition.number, partition.store)
            anew.changelog_next = partition.changelog_next
        fault("after-store")

    async def hasten(self, now_ms: int) -> None:
        """Writes a tick to each partition in which a deadline has passed, once for each: the next ordinary one may be a
        second away."""
        due = {number: at for number, at in self.due(now_ms).items() if at > self._hastened.get(number, 0)}
        self._hastened |= due
        item: Item = (None, pack_tick(now_ms), (), now_ms)
        await self._journal.append_all({number: [item] for number in due})
        self._metrics.journal_entries.labels("tick").inc(len(due))

    async def _publish(self, number: int, folded: Folded, owned: Callable[[], bool]) -> None:
        # First: somebody waits for the answers.
        taints = folded.taints if self._program.links else ()
        tainting = [tainted(each) for each in taints if each.identity.kind in PROBED]
        messages: list[LinkMessage] = [*folded.probes, *tainting, *folded.told]
        asked = [(key_of(each), encode_message(each)) for each in messages]
        await self._probes.scatter(asked, owned)
        for topic, items in outputs_of(folded).items():
            await self._publishing.write(topic, number, items, owned)
        examples: list[Item] = [
            (customer_key(each.tenant, each.customer_id), encode_output(each), (), None) for each in folded.examples
        ]
        await self._publishing.write(topics.TRAINING_EXAMPLES, 0, examples, owned)
        copies = await self._journal.broadcast(folded.broadcasts, owned)
        self._metrics.journal_entries.labels("case").inc(copies)

    async def _take_apart(self, message: Any, record: Any, error: Exception) -> None:
        """An entry that cannot be folded is buried. A tick is folded for all but those for whom it cannot be."""
        partition, name = self.partition(message.partition), type(error).__name__
        apart = fold_apart(self._program, partition, record.value, record.offset, self._now())
        if apart is None:
            log.error("entry-failed", topic=message.topic, offset=record.offset, error=name)
            await self._bury(message, record, f"the entry cannot be folded: {name}")
            row = structs.replace(partition.row, watermark=record.offset + 1)
            await self._effect(message, partition, Folded(row, rows=[(PARTITION_KEY, pack_partition(row))]))
            return
        folded, aside = apart
        log.error("customers-set-aside", topic=message.topic, offset=record.offset, error=name, customers=aside[:20])
        some = ", ".join(key.decode() for key in aside[:5])
        told = f"time cannot be told to {len(aside)} customers, and is again in a day: {name}: {some}"
        await self._bury(message, record, told)
        await self._finish(message, partition, folded)

    async def _bury(self, message: Any, record: Any, told: str) -> None:
        """Into dead-letters. `told`: what is wrong with the entry."""
        code = "entry-failed"
        faults = Faults((Fault(code=code, path="", message=told),))
        letter = dead_letter(received(message, record), faults, datetime.fromtimestamp(self._now().timestamp(), UTC))
        owned = partial(self._app.consumer.owns, message)
        await self._publishing.bury(
            message.partition, [(letter.key, letter.value, letter.headers, letter.timestamp)], code, owned
        )

    def _count(self, folded: Folded) -> None:
        metrics, counts = self._metrics, folded.counts
        metrics.entries.inc(counts.new)
        metrics.duplicates.inc(counts.duplicates)
        metrics.redelivered.labels("source").inc(counts.redelivered)
        metrics.redelivered.labels("watermark").inc(counts.applied_before)
        metrics.late.inc(counts.late)
        metrics.held_looks.inc(counts.held)
        for failure in folded.failures:
            metrics.rule_failures.labels(failure.rule).inc()
            log.error("rule-failed", rule=failure.rule, offset=failure.offset, error=failure.error)
        now = self._now().timestamp()
        if folded.library is not None:
            metrics.library_cases.set(len(folded.library))
        metrics.late_matches_left_out.inc(counts.left_out)
        for alert in folded.alerts:
            if alert.withdrawn:
                metrics.withdrawn_alerts.labels(alert.rule).inc()
                continue
            if alert.shadow:
                metrics.shadow_alerts.labels(alert.rule).inc()
            else:
                metrics.alerts.labels(alert.rule, alert.severity, alert.kind).inc()
            metrics.occurrence_to_alert.observe(max(0.0, now - alert.occurred_at.timestamp()))
            metrics.journal_to_alert.observe(max(0.0, now - alert.detected_at.timestamp()))
        for trail in folded.decisions:
            decision = trail.decision
            metrics.decisions.labels(decision.outcome, decision.product).inc()
            metrics.occurrence_to_decision.observe(max(0.0, now - decision.occurred_at.timestamp()))
        for trail in folded.shadow_decisions:
            metrics.shadow_decisions.labels(trail.decision.outcome, trail.decision.policy).inc()
        for action in folded.actions:
            metrics.account_actions.labels(action.change, action.product).inc()
        for action in folded.shadow_actions:
            metrics.shadow_account_actions.labels(action.change, action.batch.rpartition("/")[0]).inc()
        self._count_collections(folded)
        if counts.unanswered:
            metrics.unanswered.inc(counts.unanswered)
        if counts.without_policy:
            metrics.undecided.inc(counts.without_policy)
        for rule, count in Counter(folded.suppressed).items():
            metrics.suppressed.labels(rule).inc(count)
        for model in folded.models.values():
            metrics.model_version.labels(model.name).set(model.version)

    def _count_collections(self, folded: Folded) -> None:
        metrics = self._metrics
        for record in folded.collections:
            if isinstance(record, ActionClosed):
                metrics.collection_closings.labels(record.ending).inc()
            else:
                holdout = "yes" if record.holdout else "no"
                metrics.collection_actions.labels(record.treatment, record.channel, holdout).inc()
        for rule, count in folded.collecting.refused.items():
            metrics.contacts_refused.labels(rule).inc(count)
        for rule, action in folded.collecting.stopped:
            metrics.collection_stopped.labels(rule).inc()
            log.error("collection-action-stopped", rule=rule, action_id=action.action_id, treatment=action.treatment)

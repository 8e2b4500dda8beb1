"""The monitor agent: folds each batch of the journal and makes its effects durable, in the order of law 3.

outputs acknowledged → changelog acknowledged → local store → the batch is finished. A batch that cannot be folded is
split down to the entry at fault, which becomes a dead letter; the others go on. What fails for want of a broker is
tried again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from riskwatch.agents.fetched import received
from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.inject import fault
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Outbox, Receipt, Revoked
from riskwatch.agents.partition import Partition, PartitionRow, open_partition, pack_partition
from riskwatch.agents.refusals import refused_letters
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.store import Row
from riskwatch.agents.table import StateTable
from riskwatch.streams import topics
from riskwatch.streams.codec import Fault, Faults
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.decisions import encode_decision
from riskwatch.streams.outputs import Alert, encode_output
from riskwatch.streams.packing import customer_key

log = structlog.get_logger(__name__)

ReadRows = Callable[[str, int, int, int], Awaitable[list[Row]]]
"""Topic, partition, first offset, end offset → the rows written there, in order."""


class StateRefused(RuntimeError):
    """The broker takes no row of this size: the state cannot be made durable, so the worker must not go on."""


class Monitor:
    """The monitor agent and the partitions that it owns."""

    def __init__(
        self, *, app: Any, table: StateTable, outbox: Outbox, program: Program, metrics: Metrics, prefix: str,
        now: Callable[[], datetime], read_rows: ReadRows,
    ) -> None:  # fmt: skip
        self._app = app
        self._table = table
        self._outbox = outbox
        self._program = program
        self._metrics = metrics
        self._now = now
        self._read_rows = read_rows
        self._changelog = table.changelog_topic_name
        self._names = {
            topic.name: topics.full_name(topic, prefix)
            for topic in (
                topics.FRAUD_ALERTS, topics.EARLY_WARNINGS, topics.SHADOW_ALERTS, topics.TRAINING_EXAMPLES,
                topics.DEAD_LETTERS, topics.DECISIONS, topics.DECISION_TRAILS,
            )
        }  # fmt: skip
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

    def partition(self, number: int) -> Partition:
        """The partition in memory, read from its restored rows the first time."""
        partition = self._partitions.get(number)
        if partition is None:
            partition = self._partitions[number] = open_partition(number, self._table.partition(number))
            partition.changelog_next = self._app.changelog_end(number)
        return partition

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
                await self._bury(message, records[0], error)
            return
        self._metrics.stage_seconds.labels("fold").observe(time.perf_counter() - began)
        await self._effect(message, partition, folded)
        self._count(folded)

    async def _effect(self, message: Any, partition: Partition, folded: Folded) -> None:
        """Outputs, changelog, local store: each acknowledged before the next."""
        owned = partial(self._app.consumer.owns, message)
        stage = self._metrics.stage_seconds
        began = time.perf_counter()
        await self._publish(partition.number, folded, owned)
        fault("after-outputs")
        outputs_done = time.perf_counter()
        receipt = await self._log_rows(partition, folded.rows, owned)
        fault("after-changelog")
        changelog_done = time.perf_counter()
        if not owned():
            raise Revoked(message.topic)
        foreign = _foreign(partition, receipt)
        if foreign:
            await self._merge(partition, folded.rows, receipt, foreign, owned)
        else:
            partition.store.write(folded.rows, receipt.last_offset)
            folded.settle(partition)
        fault("after-store")
        if folded.alerts or folded.decisions:
            stage.labels("outputs").observe(outputs_done - began)
        stage.labels("changelog").observe(changelog_done - outputs_done)
        stage.labels("store").observe(time.perf_counter() - changelog_done)

    async def _publish(self, number: int, folded: Folded, owned: Callable[[], bool]) -> None:
        by_topic: dict[str, list[Item]] = {}
        for alert in folded.alerts:
            by_topic.setdefault(_topic_of(alert), []).append(
                (customer_key(alert.tenant, alert.customer_id), encode_output(alert), (), None)
            )
        for trail in folded.decisions:  # the trail first: a decision that is out can be explained
            key = customer_key(trail.decision.tenant, trail.decision.customer_id)
            by_topic.setdefault(topics.DECISION_TRAILS.name, []).append((key, encode_decision(trail), (), None))
        for trail in folded.decisions:
            key = customer_key(trail.decision.tenant, trail.decision.customer_id)
            by_topic.setdefault(topics.DECISIONS.name, []).append((key, encode_decision(trail.decision), (), None))
        for name, items in by_topic.items():
            await self._write_output(self._names[name], number, items, owned)
        if folded.examples:
            examples: list[Item] = [
                (customer_key(each.tenant, each.customer_id), encode_output(each), (), None) for each in folded.examples
            ]
            await self._write_output(self._names[topics.TRAINING_EXAMPLES.name], 0, examples, owned)

    async def _write_output(self, topic: str, number: int, items: list[Item], owned: Callable[[], bool]) -> None:
        receipt = await self._outbox.write(topic, number, items, owned)
        if receipt.refused:
            self._metrics.refused_outputs.labels(topic).inc(len(receipt.refused))
            message = "the broker refused the output of this size"
            letters = refused_letters(
                topic, number, receipt.refused, code="output-refused", message=message, now=self._now()
            )
            await self._outbox.write(self._names[topics.DEAD_LETTERS.name], number, letters, owned)
            self._metrics.dead_letters.labels("output-refused").inc(len(letters))

    async def _log_rows(self, partition: Partition, rows: list[Row], owned: Callable[[], bool]) -> Receipt:
        items: list[Item] = [(key, value, (), None) for key, value in rows]
        receipt = await self._outbox.write(self._changelog, partition.number, items, owned)
        if receipt.refused:
            raise StateRefused(f"the broker refused {len(receipt.refused)} state rows of partition {partition.number}")
        return receipt

    async def _merge(
        self, partition: Partition, rows: list[Row], receipt: Receipt, foreign: list[tuple[int, int]],
        owned: Callable[[], bool],
    ) -> None:  # fmt: skip
        """Every changelog offset should be ours. Where one is not, another worker has written, and one of the two does
        not know yet that it lost the partition: it may be this one. A row is a function of the journal up to its
        watermark, whoever wrote it, so the newest of each key is right. It is taken over, and written again as the
        last, for compaction keeps the last.
        """
        number, store = partition.number, partition.store
        found: list[Row] = []
        for first, end in foreign:
            log.warning("foreign-changelog-writes", partition=number, first=first, records=end - first)
            self._metrics.foreign_writes.inc(end - first)
            found += await self._read_rows(self._changelog, number, first, end)
        if not owned():
            raise Revoked(self._changelog)
        store.write(rows, None)
        store.restore(found, max(base + count for base, count in receipt.chunks) - 1)
        merged = self._partitions[number] = open_partition(number, store)
        merged.changelog_next = partition.changelog_next
        keys = list(dict.fromkeys(key for key, _ in (*found, *rows)))
        last: list[Row] = list(zip(keys, store.get_many(keys), strict=True))
        receipt = await self._log_rows(merged, last, owned)
        if foreign := _foreign(merged, receipt):
            await self._merge(merged, last, receipt, foreign, owned)

    async def _bury(self, message: Any, record: Any, error: Exception) -> None:
        """An entry that cannot be folded: into dead-letters, and the partition goes on after it."""
        log.error("entry-failed", topic=message.topic, offset=record.offset, error=type(error).__name__)
        code = "entry-failed"
        faults = Faults((Fault(code=code, path="", message=f"the entry cannot be folded: {type(error).__name__}"),))
        letter = dead_letter(received(message, record), faults, datetime.fromtimestamp(self._now().timestamp(), UTC))
        partition = self.partition(message.partition)
        owned = partial(self._app.consumer.owns, message)
        await self._outbox.write(
            self._names[topics.DEAD_LETTERS.name], partition.number,
            [(letter.key, letter.value, letter.headers, letter.timestamp)], owned,
        )  # fmt: skip
        self._metrics.dead_letters.labels(code).inc()
        row = PartitionRow(watermark=record.offset + 1, clock=partition.row.clock)
        await self._effect(message, partition, Folded(row, rows=[(PARTITION_KEY, pack_partition(row))]))

    def _count(self, folded: Folded) -> None:
        metrics, counts = self._metrics, folded.counts
        metrics.entries.inc(counts.new)
        metrics.duplicates.inc(counts.duplicates)
        metrics.redelivered.labels("source").inc(counts.redelivered)
        metrics.redelivered.labels("watermark").inc(counts.applied_before)
        metrics.late.inc(counts.late)
        for failure in folded.failures:
            metrics.rule_failures.labels(failure.rule).inc()
            log.error("rule-failed", rule=failure.rule, offset=failure.offset, error=failure.error)
        now = self._now().timestamp()
        for alert in folded.alerts:
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
        if counts.without_policy:
            metrics.undecided.inc(counts.without_policy)
        for rule, count in Counter(folded.suppressed).items():
            metrics.suppressed.labels(rule).inc(count)
        for model in folded.models.values():
            metrics.model_version.labels(model.name).set(model.version)


def _foreign(partition: Partition, receipt: Receipt) -> list[tuple[int, int]]:
    """Ranges of changelog offsets before and between a write's chunks that are not this worker's; moves
    `changelog_next` past the write.
    """
    ranges: list[tuple[int, int]] = []
    for base, count in sorted(receipt.chunks):
        if partition.changelog_next is not None and base > partition.changelog_next:
            ranges.append((partition.changelog_next, base))
        partition.changelog_next = base + count
    return ranges


def _topic_of(alert: Alert) -> str:
    if alert.shadow:
        return topics.SHADOW_ALERTS.name
    return topics.FRAUD_ALERTS.name if alert.kind == "fraud" else topics.EARLY_WARNINGS.name

"""Replays a data set through Kafka: publishes it in event order, waits until all of it is done, and reports."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from riskwatch.lab.datasets import Dataset
from riskwatch.lab.decided import by_reason, link_rules
from riskwatch.lab.feeding import AHEAD, Fed, Step, feed
from riskwatch.lab.instalments import Instalments
from riskwatch.lab.known import known
from riskwatch.lab.leadreport import lead_report
from riskwatch.lab.modelreport import judge_model
from riskwatch.lab.panel import Panel
from riskwatch.lab.report import Balance, Report
from riskwatch.lab.rig import Rig
from riskwatch.lab.verdicts import by_rule, by_story
from riskwatch.lab.watching import Position, Watcher, watch
from riskwatch.streams.decisions import Decision, DecisionTrail, decode_decision, decode_trail
from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.outputs import Alert, TrainingExample, decode_alert, decode_training_example
from riskwatch.streams.packing import headers_of
from riskwatch.streams.publisher import Publisher
from riskwatch.streams.topics import (
    DEAD_LETTERS,
    DECISION_TRAILS,
    DECISIONS,
    EARLY_WARNINGS,
    FRAUD_ALERTS,
    INPUTS,
    JOURNAL,
    SHADOW_ALERTS,
    TRAINING_EXAMPLES,
)

STALL_SECONDS = 60.0
_KIND = int(ENTRY.fields["kind"][1])  # type: ignore[index]
_ANSWERS = range(64, 100)
"""Kinds of entries that other agents answer (`streams.entry.Kind`)."""


class Progress(Struct):
    """How far a replay is, for whoever shows it."""

    fed: Fed
    position: Position | None = None
    phase: str = "publishing"


Show = Callable[[Progress], None]


async def replay(
    dataset: Dataset,
    rig: Rig,
    *,
    speed: float | None = None,
    ahead: int = AHEAD,
    show: Show = lambda _: None,
) -> Report:
    """Publishes the data set at `speed` (event seconds a second; None: as fast as it goes) and reports when all is
    done.

    Raises `ChildFailed` where the worker that the rig started ends, `TimeoutError` where a worker stands still for a
    minute.
    """
    progress = Progress(fed=Fed())
    async with watch(rig.broker, rig.prefix, rig.group) as watcher:
        await watcher.begin()
        started = time.monotonic()
        async with (
            asyncio.TaskGroup() as tasks,
            Publisher(rig.broker, prefix=rig.prefix, source=None, compression="snappy") as publisher,
        ):
            looking = tasks.create_task(_look(watcher, rig, progress, show))
            await feed(
                publisher,
                dataset.events(),
                watcher.ingested,
                fed=progress.fed,
                step=Step(ahead=ahead),
                speed=speed,
                stalled_seconds=STALL_SECONDS,
            )
            looking.cancel()
        progress.phase = "draining"

        def told(position: Position) -> None:
            rig.check()
            progress.position = position
            show(progress)

        position = await watcher.drain(seconds=STALL_SECONDS, look=told)
        seconds = time.monotonic() - started
        progress.phase, progress.position = "reporting", position
        show(progress)
        return await report(dataset, watcher, progress.fed.published, seconds, position)


async def _look(watcher: Watcher, rig: Rig, progress: Progress, show: Show) -> None:
    while True:
        rig.check()
        progress.position = await watcher.position()
        show(progress)
        await asyncio.sleep(0.5)


async def report(dataset: Dataset, watcher: Watcher, published: int, seconds: float, position: Position) -> Report:
    """Reads the topics from where they ended at the watcher's beginning, and reports."""
    raised: list[Alert] = []
    alerts, repeats = await read_alerts(watcher, raised)
    examples: list[TrainingExample] = []
    await watcher.read(
        [TRAINING_EXAMPLES],
        watcher.begun([TRAINING_EXAMPLES]),
        lambda record: examples.append(decode_training_example(record.value)),
    )
    decisions = await read_decisions(watcher)
    ticks: dict[tuple[int, int], int] = {}
    balanced = await balance(watcher, ticks=ticks)
    truth = known(dataset)
    return Report(
        dataset=dataset.name,
        file=dataset.path.name,
        rows=dataset.rows,
        bad_rows=dict(dataset.bad),
        notes={note: count for note, count in dataset.notes.items() if count},
        published=published,
        seconds=seconds,
        records_per_second=published / seconds if seconds else 0.0,
        balance=balanced,
        lag_records=position.behind,
        alerts=len(alerts),
        repeated_alerts=repeats,
        truth=truth.told,
        rules=by_rule(alerts, truth.match, truth.totals),
        links=[] if truth.fraudulent is None else link_rules(alerts, truth.fraudulent),
        decisions=by_reason(decisions, truth.fraudulent),
        stories=by_story(alerts, truth.stories),
        models=judge_model(examples),
        lead=lead_report(dataset.book(), raised, examples, ticks) if isinstance(dataset, Panel | Instalments) else None,
    )


async def read_alerts(watcher: Watcher, raised: list[Alert] | None = None) -> tuple[list[Alert], int]:
    """Every alert since the watcher's beginning that stands, in shadow too, without repeats; and how many repeats there
    were. A withdrawal takes its alert out and is neither. `raised` takes all, those that were withdrawn later too."""
    found: dict[str, Alert] = {}
    withdrawn: set[str] = set()
    repeats = 0
    topics = [FRAUD_ALERTS, EARLY_WARNINGS, SHADOW_ALERTS]

    def look(record: Any) -> None:
        nonlocal repeats
        alert = decode_alert(record.value)
        if alert.withdrawn:
            found.pop(alert.alert_id, None)
            withdrawn.add(alert.alert_id)
            return
        repeated = alert.alert_id in found or alert.alert_id in withdrawn
        repeats += repeated
        found.setdefault(alert.alert_id, alert)
        if raised is not None and not repeated:
            raised.append(alert)

    await watcher.read(topics, watcher.begun(topics), look)
    return list(found.values()), repeats


async def read_decisions(watcher: Watcher) -> list[Decision]:
    """Every decision since the watcher's beginning, without repeats."""
    found: dict[str, Decision] = {}

    def look(record: Any) -> None:
        decision = decode_decision(record.value)
        found.setdefault(decision.decision_id, decision)

    await watcher.read([DECISIONS], watcher.begun([DECISIONS]), look)
    return list(found.values())


async def read_trails(watcher: Watcher) -> list[DecisionTrail]:
    """The trail of every decision since the watcher's beginning, without repeats."""
    found: dict[str, DecisionTrail] = {}

    def look(record: Any) -> None:
        trail = decode_trail(record.value)
        found.setdefault(trail.decision.decision_id, trail)

    await watcher.read([DECISION_TRAILS], watcher.begun([DECISION_TRAILS]), look)
    return list(found.values())


async def balance(
    watcher: Watcher, applied: dict[tuple[int, int], int] | None = None, ticks: dict[tuple[int, int], int] | None = None
) -> Balance:
    """Counts the topics' records since the watcher's beginning. Inputs are opened only where the counts differ.

    `applied` takes, for each application's entry (partition and offset), when it was written: ms by the worker's clock
    (an entry's own times are the events', where ticks are). `ticks` takes, for each tick (partition and offset), the
    time that it brought (ms).
    """
    counts: Counter[str] = Counter()

    def journaled(record: Any) -> None:
        if record.key is None:
            counts["broadcast"] += 1
            if ticks is not None and record.value[_KIND] == Kind.TICK:
                ticks[record.partition, record.offset] = int(headers_of([record.value])["occurred_at"][0])
            return
        kind = record.value[_KIND]
        counts["answers" if kind in _ANSWERS else "journal"] += 1
        if applied is not None and kind == Kind.LOAN_APPLIED:
            applied[record.partition, record.offset] = record.timestamp

    await watcher.read([JOURNAL], watcher.begun([JOURNAL]), journaled)
    ends, begun = await watcher.ends([*INPUTS, DEAD_LETTERS]), watcher.begun([*INPUTS, DEAD_LETTERS])
    dead_name = next((tp.topic for tp in ends if DEAD_LETTERS.name in tp.topic), "")
    for tp, end in ends.items():
        counts["dead" if tp.topic == dead_name else "in"] += end - begun.get(tp, 0)
    if counts["in"] != counts["journal"] + counts["dead"]:

        def emptied(record: Any) -> None:
            counts["tombstones"] += record.value is None

        await watcher.read(INPUTS, begun, emptied)
    return Balance(
        events_in=counts["in"],
        journal=counts["journal"],
        dead_letters=counts["dead"],
        tombstones=counts["tombstones"],
        broadcast=counts["broadcast"],
        answers=counts["answers"],
    )

"""A day's turn: what falls due, is overdue or must be looked at when a day begins, among many accounts or few.

Time passes by ticks alone: no upstream message says that an instalment was not paid. The accounts are put into the
journal as entries, as ingest would have written them, and so are the ticks; a worker with nothing but the monitor's
role works them off, with its outputs, its changelog and its local store. No peer does this job, so there is no ratio.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition  # type: ignore[import-untyped]
from msgspec import Struct

from bench.load import PARTITIONS, count_records, create_topics, delete_topics
from bench.measure import Sampler
from riskwatch.agents.provision import CHANGELOG
from riskwatch.lab.children import Child, start_child
from riskwatch.lab.probe import wait_until
from riskwatch.streams import events
from riskwatch.streams.packing import customer_key, pack_entry, pack_tick, partition_of, to_ms
from riskwatch.streams.topics import TOPICS, full_name

TENANT = "bench-bank"
FIRST_DAY = date(2026, 1, 5)
WARM_UP_DUE = 500
_APART_DAYS = 40
"""Between the due dates of two turns: steps of overdue days and looks of collections of one lie behind the other."""
_OUTPUTS = ("early-warnings", "loan-moves", "collection-actions", "account-actions")
_SECRET = b"bench-secret-key"
_CHECKOUT = Path(__file__).parents[1]


class Turn(Struct, kw_only=True):
    """One day's turn. `customers`: accounts held; `due`: those that became overdue by it; `looked`: accounts that were
    looked at in all, rows written. `seconds`: from the tick to the last partition's commit; `cpu_us`: the worker's
    processor time for each account looked at; `records`: what went out because of it (warnings, moves, actions)."""

    customers: int
    due: int
    looked: int
    seconds: float
    cpu_us: float
    records: int


def measure_turns(bench: Any, customers: int, due: Sequence[int]) -> list[Turn]:
    """Turns of days on which so many of `customers` accounts become overdue, one turn after the other."""
    group = f"bench-turn{customers}"
    folder = bench.folder / group
    folder.mkdir(parents=True)
    journal = f"{group}.journal.v1"
    create_topics(bench.broker, [journal])
    child = _start(bench.broker, group, folder)
    try:
        commits = _Commits(bench.broker, group, journal)
        sampler = Sampler(child.pid, bench.broker_pid)
        try:
            producer = Producer({"bootstrap.servers": bench.broker, "linger.ms": 5, "enable.idempotence": True})
            ends = _publish(producer, journal, _opened(customers, (WARM_UP_DUE, *due)))
            commits.wait(child, ends, 600)
            turns = [_turn(bench, group, child, producer, commits, sampler, customers, place, count)
                     for place, count in enumerate((WARM_UP_DUE, *due))]  # fmt: skip
        finally:
            sampler.close()
            commits.close()
    finally:
        child.stop(10)
        delete_topics(bench.broker, group)
        shutil.rmtree(folder, ignore_errors=True)
    return turns[1:]


def _turn(
    bench: Any, group: str, child: Child, producer: Any, commits: _Commits, sampler: Sampler, customers: int,
    place: int, due: int,
) -> Turn:  # fmt: skip
    day = datetime.combine(_due_on(place), datetime.min.time(), UTC)
    for hours in range(-5 * 24, 24, 12):  # reminders, and the due day itself: not the turn that is measured
        commits.wait(child, _tick(producer, commits.journal, day + timedelta(hours=hours)), 240)
    time.sleep(0.5)
    outputs = [full_name(each, group) for each in TOPICS if each.name in _OUTPUTS]
    changelog = full_name(CHANGELOG, group)
    before = sum(count_records(bench.broker, topic) for topic in outputs)
    rows = count_records(bench.broker, changelog)
    began = time.time()
    commits.wait(child, _tick(producer, commits.journal, day + timedelta(days=1)), 240)
    ended = time.time()
    time.sleep(0.3)  # the sampler looks ten times a second
    looked = count_records(bench.broker, changelog) - rows - PARTITIONS  # each partition has a row of its own
    return Turn(
        customers=customers,
        due=due,
        looked=looked,
        seconds=ended - began,
        cpu_us=sampler.spent(began, ended).system / max(looked, 1) * 1e6,
        records=sum(count_records(bench.broker, topic) for topic in outputs) - before,
    )


def _start(broker: str, group: str, folder: Path) -> Child:
    settings = {
        "broker": broker, "store": "rocksdb", "roles": '["monitor"]', "clock": "events", "data_dir": folder / "state",
        "prefix": group, "group": group, "partitions": PARTITIONS, "metrics_port": 0, "commit_seconds": 0.05,
    }  # fmt: skip
    given = {f"RISKWATCH_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "riskwatch", "worker"]
    return start_child("riskwatch", command, log=folder / "worker.log", cwd=_CHECKOUT, env=given)


def _due_on(place: int) -> date:
    return FIRST_DAY + timedelta(days=_APART_DAYS * (place + 1))


def _opened(customers: int, due: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
    """A loan of three instalments for each customer: the first so many fall due on the days of the turns, all others
    far behind them."""
    dates = [_due_on(place) for place, count in enumerate(due) for _ in range(count)]
    far = _due_on(len(due) + 4)
    opened = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    for number in range(customers):
        first = dates[number] if number < len(dates) else far
        event = events.LoanOpened(
            event_id=f"o{number}", tenant=TENANT, customer_id=f"c{number:07d}", occurred_at=opened,
            loan_id=f"l{number}", product="cash-instalments", principal=300_000, currency="CNY",
            schedule=[
                events.Instalment(number=n + 1, due_on=first + timedelta(days=400 * n), amount=110_000)
                for n in range(3)
            ],
        )  # fmt: skip
        yield customer_key(TENANT, event.customer_id), pack_entry(
            event, source_topic=4, source_partition=0, source_offset=number, source_at=1, ingested_at=to_ms(opened),
            zone_of={}, secret=_SECRET,
        )  # fmt: skip


def _publish(producer: Any, journal: str, entries: Iterator[tuple[bytes, bytes]]) -> dict[int, int]:
    """Writes entries to their customers' partitions → how many each partition has got."""
    ends = dict.fromkeys(range(PARTITIONS), 0)
    for key, value in entries:
        number = partition_of(key, PARTITIONS)
        _send(producer, journal, number, value, key)
        ends[number] += 1
    producer.flush(60)
    return ends


def _tick(producer: Any, journal: str, at: datetime) -> dict[int, int]:
    """Tells every partition that time has come so far → one record more for each."""
    for number in range(PARTITIONS):
        _send(producer, journal, number, pack_tick(to_ms(at)), None)
    producer.flush(30)
    return dict.fromkeys(range(PARTITIONS), 1)


def _send(producer: Any, journal: str, number: int, value: bytes, key: bytes | None) -> None:
    while True:
        try:
            producer.produce(journal, value, key, partition=number)
            return
        except BufferError:
            producer.poll(0.05)


class _Commits:
    """How far the worker has got in its journal."""

    def __init__(self, broker: str, group: str, journal: str) -> None:
        self.journal = journal
        self._consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "enable.auto.commit": False})
        self._ends = dict.fromkeys(range(PARTITIONS), 0)

    def wait(self, child: Child, more: dict[int, int], seconds: float) -> None:
        """Waits until what was written since the last wait, `more` records by partition, is done and committed."""
        self._ends = {number: end + more[number] for number, end in self._ends.items()}

        def done() -> bool:
            child.check()
            asked = [TopicPartition(self.journal, number) for number in self._ends]
            found = self._consumer.committed(asked, timeout=10)
            return all(each.offset >= self._ends[each.partition] for each in found)

        wait_until(done, seconds=seconds, what="the worker's commits", every=0.01)

    def close(self) -> None:
        self._consumer.close()

"""What the consumer has fetched, or the worker has written itself, and nobody has taken: over aiokafka's own parts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from faust.types import TP

from riskwatch.agents import backlog as backlog_module
from riskwatch.agents.backlog import Backlog, Written

JOURNAL, OTHER = TP("journal", 0), TP("journal", 1)


def batch(first: int, count: int, base: int | None = None) -> bytes:
    """Records `first` to `first + count - 1` as a broker keeps them; `base`: where their batch begins."""
    begins = first if base is None else base
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    for offset in range(begins, first + count):
        builder.append(offset - begins, 1_000 + offset, b"k", str(offset).encode(), [])
    made = builder.build()
    made[0:8] = begins.to_bytes(8, "big")
    return bytes(made)


class Fetcher:
    """The part of aiokafka's fetcher that the backlog takes over, with answers that a test gives."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._records: dict[TP, Any] = {}
        self._wait_consume_future = None
        self.plans: list[frozenset[TP]] = []
        self.replanned = 0
        self.assign()

    def assign(self, *, positioned: bool = True) -> None:
        assignment = Assignment([JOURNAL, OTHER])
        if hasattr(self, "assignment"):
            self.assignment._unassign()
        self.assignment = assignment
        self._subscriptions = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
        if positioned:
            for tp in assignment.tps:
                assignment.state_value(tp).seek(0)

    def position(self, tp: TP) -> int:
        return int(self.assignment.state_value(tp).position)

    def answer(self, tp: TP, offset: int, raw: bytes) -> None:
        part = PartitionRecords(tp, MemoryRecords(raw), [], offset, None, None, True, 0)
        self._records[tp] = FetchResult(tp, assignment=self.assignment, partition_records=part, backoff=0)

    async def _proc_fetch_request(self) -> bool:
        return True

    def _get_actions_per_node(self, assignment: Any) -> frozenset[TP]:
        return frozenset(assignment.tps)

    def _notify(self, _: Any) -> None:
        self.replanned += 1

    def planned(self) -> frozenset[TP]:
        return self._get_actions_per_node(self.assignment)


class Cluster:
    def __init__(self, limit: int = 100) -> None:
        self.fetcher = Fetcher()
        self.arrivals = 0
        self.backlog = Backlog(limit, self._arrived)
        self.backlog.attach(self.fetcher)
        self.backlog.want({JOURNAL, OTHER})

    def _arrived(self) -> None:
        self.arrivals += 1

    async def fetch(self, tp: TP, offset: int, raw: bytes) -> None:
        self.fetcher.answer(tp, offset, raw)
        await self.fetcher._proc_fetch_request()

    def take(self, limit: int = 100, *only: TP) -> dict[TP, list[int]]:
        taken = self.backlog.take(lambda tp: not only or tp in only, limit)
        return {tp: [record.offset for record in records] for tp, records in taken.items()}


@pytest.fixture
async def cluster() -> Cluster:
    return Cluster()


def written(first: int, count: int) -> list[Written]:
    return [Written(offset, 1_000, b"k", str(offset).encode()) for offset in range(first, first + count)]


async def test_fetched_records_leave_aiokafka_at_once_and_are_taken_in_order(cluster: Cluster) -> None:
    await cluster.fetch(JOURNAL, 0, batch(0, 5))
    assert (cluster.fetcher._records, cluster.arrivals, cluster.fetcher.position(JOURNAL)) == ({}, 1, 5)
    await cluster.fetch(JOURNAL, 5, batch(5, 3))
    assert cluster.backlog.count(JOURNAL) == 8
    assert cluster.take() == {JOURNAL: [0, 1, 2, 3, 4, 5, 6, 7]}
    assert cluster.take() == {}


async def test_a_limit_cuts_what_is_taken_and_the_rest_comes_next(cluster: Cluster) -> None:
    await cluster.fetch(JOURNAL, 0, batch(0, 5))
    await cluster.fetch(JOURNAL, 5, batch(5, 5))
    assert [cluster.take(3)[JOURNAL] for _ in range(4)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


async def test_only_what_is_wanted_is_taken_and_the_rest_is_kept(cluster: Cluster) -> None:
    await cluster.fetch(JOURNAL, 0, batch(0, 1))
    await cluster.fetch(OTHER, 0, batch(0, 2))
    assert cluster.take(10, OTHER) == {OTHER: [0, 1]}
    assert cluster.take() == {JOURNAL: [0]}


async def test_a_fetch_that_begins_within_a_batch_leaves_its_first_records_out(cluster: Cluster) -> None:
    cluster.fetcher.assignment.state_value(JOURNAL).seek(3)
    await cluster.fetch(JOURNAL, 3, batch(3, 2, base=0))
    assert cluster.take() == {JOURNAL: [3, 4]}


@pytest.mark.parametrize("back_to", [0, 2])
async def test_a_seek_drops_what_is_held(cluster: Cluster, back_to: int) -> None:
    await cluster.fetch(JOURNAL, 0, batch(0, 5))
    cluster.fetcher.assignment.state_value(JOURNAL).seek(back_to)
    assert (cluster.backlog.count(JOURNAL), cluster.take()) == (0, {})
    await cluster.fetch(JOURNAL, back_to, batch(back_to, 1, base=0))
    assert cluster.take() == {JOURNAL: [back_to]}


async def test_a_new_assignment_drops_what_is_held_even_at_the_same_position(cluster: Cluster) -> None:
    await cluster.fetch(JOURNAL, 0, batch(0, 5))
    cluster.fetcher.assign()
    cluster.fetcher.assignment.state_value(JOURNAL).seek(5)
    assert cluster.take() == {}


async def test_an_answer_to_an_old_assignment_is_dropped(cluster: Cluster) -> None:
    cluster.fetcher.answer(JOURNAL, 0, batch(0, 5))
    cluster.fetcher.assign()
    await cluster.fetcher._proc_fetch_request()
    assert (cluster.take(), cluster.fetcher.position(JOURNAL)) == ({}, 0)


async def test_what_the_worker_wrote_follows_what_was_fetched(cluster: Cluster) -> None:
    await cluster.fetch(JOURNAL, 0, batch(0, 2))
    assert cluster.backlog.offer(JOURNAL, 2, written(2, 3))
    assert cluster.fetcher.position(JOURNAL) == 5
    assert cluster.fetcher.assignment.state_value(JOURNAL).highwater == 5
    assert cluster.take() == {JOURNAL: [0, 1, 2, 3, 4]}


async def test_an_offer_behind_a_gap_is_refused_and_comes_by_a_fetch(cluster: Cluster) -> None:
    assert cluster.backlog.offer(JOURNAL, 0, written(0, 2))
    assert JOURNAL not in cluster.fetcher.planned()
    assert not cluster.backlog.offer(JOURNAL, 3, written(3, 2))  # another wrote offset 2
    assert JOURNAL in cluster.fetcher.planned()
    await cluster.fetch(JOURNAL, 2, batch(2, 3))
    assert cluster.backlog.offer(JOURNAL, 5, written(5, 1))
    assert cluster.take() == {JOURNAL: [0, 1, 2, 3, 4, 5]}


async def test_an_offer_of_what_was_fetched_already_is_refused(cluster: Cluster) -> None:
    await cluster.fetch(JOURNAL, 0, batch(0, 3))
    assert not cluster.backlog.offer(JOURNAL, 1, written(1, 2))
    assert cluster.take() == {JOURNAL: [0, 1, 2]}


async def test_an_answer_that_an_offer_has_overtaken_is_dropped(cluster: Cluster) -> None:
    cluster.fetcher.answer(JOURNAL, 0, batch(0, 3))
    assert cluster.backlog.offer(JOURNAL, 0, written(0, 3))
    await cluster.fetcher._proc_fetch_request()
    assert cluster.take() == {JOURNAL: [0, 1, 2]}


async def test_offers_to_partitions_of_others_or_without_a_position_are_refused(cluster: Cluster) -> None:
    assert not cluster.backlog.offer(TP("journal", 7), 0, written(0, 1))
    cluster.fetcher.assign(positioned=False)
    assert not cluster.backlog.offer(JOURNAL, 0, written(0, 1))


async def test_a_partition_without_offers_for_a_while_is_fetched(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.backlog.offer(JOURNAL, 0, written(0, 1))
    assert cluster.fetcher.planned() == {OTHER}
    later = backlog_module.time.monotonic() + backlog_module.LOOK_SECONDS
    monkeypatch.setattr(backlog_module.time, "monotonic", lambda: later)
    assert cluster.fetcher.planned() == {JOURNAL, OTHER}


async def test_a_full_partition_is_not_fetched_and_does_not_hold_up_the_others() -> None:
    cluster = Cluster(limit=5)
    await cluster.fetch(JOURNAL, 0, batch(0, 5))
    assert cluster.fetcher.planned() == {OTHER}
    await asyncio.sleep(0)
    before = cluster.fetcher.replanned
    cluster.take(2)
    await asyncio.sleep(0)
    assert cluster.fetcher.replanned == before + 1  # the fetch that waits hears of the room
    assert cluster.fetcher.planned() == {JOURNAL, OTHER}


async def test_offers_are_refused_when_twice_the_limit_waits() -> None:
    cluster = Cluster(limit=5)
    assert cluster.backlog.offer(JOURNAL, 0, written(0, 10))
    assert not cluster.backlog.offer(JOURNAL, 10, written(10, 1))
    assert cluster.take() == {JOURNAL: list(range(10))}
    assert JOURNAL in cluster.fetcher.planned()


async def test_unwanted_partitions_are_not_fetched_but_find_their_position(cluster: Cluster) -> None:
    cluster.backlog.want({OTHER})
    assert cluster.fetcher.planned() == {OTHER}
    cluster.fetcher.assign(positioned=False)
    assert cluster.fetcher.planned() == {JOURNAL, OTHER}


async def test_what_the_broker_refuses_is_raised_when_there_is_nothing_else(cluster: Cluster) -> None:
    cluster.fetcher._records[OTHER] = FetchError(error=TopicAuthorizationFailedError("journal"), backoff=0)
    await cluster.fetch(JOURNAL, 0, batch(0, 1))
    assert cluster.take() == {JOURNAL: [0]}
    with pytest.raises(TopicAuthorizationFailedError):
        cluster.take()
    assert cluster.take() == {}


async def test_a_damaged_batch_is_raised_and_nothing_of_it_counts(cluster: Cluster) -> None:
    raw = bytearray(batch(0, 3))
    raw[-1] ^= 1
    await cluster.fetch(JOURNAL, 0, bytes(raw))
    with pytest.raises(Exception, match="checksum"):
        cluster.take()
    assert cluster.fetcher.position(JOURNAL) == 0

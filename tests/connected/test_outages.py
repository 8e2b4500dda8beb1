"""The broker restarts, goes away, stops answering; the worker is told to stop under load."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest
from figures import figure
from load import portfolio, publish, slices
from oracle import assert_commits_stay_behind_the_changelog, check_all
from reading import committed
from worker_process import plant, until

from riskwatch.agents.lag import LagReader
from riskwatch.agents.provision import provision
from riskwatch.streams import topics
from riskwatch.streams.connecting import BrokerAway, Security
from riskwatch.streams.topics import full_name

AWAY_SECONDS = float(os.environ.get("RISKWATCH_TEST_AWAY_SECONDS", "3"))
"""How long the broker is away; 60 in a release's proof."""


async def _journal_committed(broker: str, prefix: str) -> int:
    return sum((await committed(broker, prefix, full_name(topics.JOURNAL, prefix))).values())


async def _under_way(broker: str, prefix: str, more_than: int = 0, seconds: float = 90) -> float:
    """Waits until more journal entries are committed than that → the seconds it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while await _journal_committed(broker, prefix) <= more_than:
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_a_broker_that_goes_away_and_comes_back_costs_nothing(
    kafka_node: Any, broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    parts = slices(portfolio(seed=7), 2)
    async with plant(broker, fresh_prefix, batch_records=20) as workers:
        await publish(broker, fresh_prefix, parts[0])
        worker = workers.start()
        await _under_way(broker, fresh_prefix)
        await asyncio.to_thread(kafka_node.stop)
        down = time.monotonic()
        await until(lambda: time.monotonic() - down > AWAY_SECONDS, AWAY_SECONDS + 5, "the broker is away")
        await asyncio.to_thread(kafka_node.start)
        before = await _journal_committed(broker, fresh_prefix)
        back = await _under_way(broker, fresh_prefix, before)
        await publish(broker, fresh_prefix, parts[1])
        await workers.settled()
        await assert_commits_stay_behind_the_changelog(broker, fresh_prefix)
        outcome = await check_all(broker, fresh_prefix)
        assert worker.child.alive
    figure(pytestconfig, f"broker away for {AWAY_SECONDS:g} s", **outcome._asdict(), on_again_after=back)


async def test_a_reader_of_lag_says_that_the_broker_is_away_and_reads_on_when_it_is_back(
    kafka_node: Any, broker: str, fresh_prefix: str
) -> None:
    await provision(broker, fresh_prefix, 4, 1, Security())
    await publish(broker, fresh_prefix, portfolio(seed=3))
    async with LagReader(broker, fresh_prefix, fresh_prefix) as reader:
        before = [(each.topic, each.partition, each.records) for each in await reader.read()]
        await asyncio.to_thread(kafka_node.stop)
        for _ in range(2):
            with pytest.raises(BrokerAway, match="does not answer"):
                await reader.read()
        await asyncio.to_thread(kafka_node.start)
        after = [(each.topic, each.partition, each.records) for each in await reader.read()]
    assert sum(records for _, _, records in before) > 0
    assert after == before


async def test_while_the_broker_does_not_answer_no_commit_passes_the_changelog(
    kafka_node: Any, broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    async with plant(broker, fresh_prefix, batch_records=20) as workers:
        await publish(broker, fresh_prefix, portfolio(seed=18))
        workers.start()
        for _ in range(2):
            await _under_way(broker, fresh_prefix, await _journal_committed(broker, fresh_prefix))
            await asyncio.to_thread(kafka_node.pause)
            stopped = time.monotonic()
            await until(lambda: time.monotonic() - stopped > 5, 10, "five seconds pass")  # noqa: B023
            await asyncio.to_thread(kafka_node.resume)
            await assert_commits_stay_behind_the_changelog(broker, fresh_prefix)
        await workers.settled()
        await assert_commits_stay_behind_the_changelog(broker, fresh_prefix)
        outcome = await check_all(broker, fresh_prefix)
    figure(pytestconfig, "a broker that does not answer for 5 s, twice", **outcome._asdict())


async def test_a_worker_told_to_stop_under_load_commits_what_it_did_and_nothing_is_done_twice(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    async with plant(broker, fresh_prefix, batch_records=20, store="rocksdb", commit_seconds=30) as workers:
        await publish(broker, fresh_prefix, portfolio(seed=9))
        worker = workers.start()
        await worker.ready()
        await until(lambda: b"riskwatch_entries_total 0.0" not in worker.get("/metrics")[1].encode(), 60, "under load")
        code, seconds = await worker.stop()
        await assert_commits_stay_behind_the_changelog(broker, fresh_prefix)
        workers.start(commit_seconds=0.2)
        await workers.settled(workers=workers.workers[-1:])
        outcome = await check_all(broker, fresh_prefix)
    assert code == 0
    assert seconds < 10
    assert outcome.repeated_entries == 0
    assert outcome.repeated_alerts == 0
    figure(pytestconfig, "SIGTERM under load", **outcome._asdict(), exit_after=seconds)

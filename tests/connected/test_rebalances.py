"""Workers that join, leave, die and freeze under load: nothing is lost, nothing counts twice."""

from __future__ import annotations

import os
import time
from typing import Any

from figures import figure
from load import portfolio, publish, slices
from oracle import assert_commits_stay_behind_the_changelog, check_all
from reading import read
from worker_process import plant, until

from riskwatch.agents.provision import CHANGELOG

RESTLESS_SECONDS = float(os.environ.get("RISKWATCH_TEST_RESTLESS_SECONDS", "20"))
"""How long workers come and go; 300 in a release's proof."""


async def test_workers_join_and_leave_under_load(broker: str, fresh_prefix: str, pytestconfig: Any) -> None:
    parts = slices(portfolio(seed=4), 5)
    began = time.monotonic()
    async with plant(broker, fresh_prefix, batch_records=20, partitions=6) as workers:
        await publish(broker, fresh_prefix, parts[0])
        first, second = workers.start("first"), workers.start("second", store="rocksdb")
        await publish(broker, fresh_prefix, parts[1])
        await first.ready()
        third = workers.start("third")
        await publish(broker, fresh_prefix, parts[2])
        await third.ready()
        first.kill()
        await publish(broker, fresh_prefix, parts[3])
        code, _ = await third.stop()
        assert code == 0
        await publish(broker, fresh_prefix, parts[4])
        await workers.settled(workers=[second])
        seconds = time.monotonic() - began
        outcome = await check_all(broker, fresh_prefix)
    figure(pytestconfig, "1, 2, 3, 2 and 1 workers", **outcome._asdict(), seconds=seconds)


async def test_a_group_that_never_comes_to_rest_loses_nothing(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    """A second worker comes and goes every few seconds, by SIGTERM and by kill -9 in turn, while events flow."""
    rounds = max(2, round(RESTLESS_SECONDS / 10))
    parts = slices(portfolio(seed=11), rounds)
    async with plant(broker, fresh_prefix, batch_records=50, store="rocksdb") as workers:
        steady = workers.start("steady")
        began = time.monotonic()
        for number, part in enumerate(parts):
            guest = workers.start(f"guest-{number % 2}")
            await publish(broker, fresh_prefix, part)
            await guest.ready()
            await until(lambda: time.monotonic() - began > 10 * number + 5, 30, "half of a round")  # noqa: B023
            if number % 2:
                guest.kill()
            else:
                code, _ = await guest.stop()
                assert code == 0
            await until(lambda: time.monotonic() - began > 10 * number + 10, 30, "a round")  # noqa: B023
        await workers.settled(workers=[steady])
        rebalances = int((await steady.metrics())["rebalances_total"])
        outcome = await check_all(broker, fresh_prefix)
    figure(pytestconfig, f"a worker comes and goes {rounds} times", **outcome._asdict(), rebalances=rebalances)
    assert rebalances >= rounds


async def test_the_late_writes_of_a_frozen_worker_change_nothing(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    """One worker freezes between outputs and changelog, loses its partitions, and wakes up with rows in its hands."""
    parts = slices(portfolio(seed=5), 3)
    async with plant(broker, fresh_prefix, batch_records=100) as workers:
        await publish(broker, fresh_prefix, parts[0])
        frozen = workers.start("frozen", fault="after-outputs:6:stall")
        await until(lambda: "injected fault" in frozen.log(), 90, "the worker is between outputs and changelog")
        frozen.child.pause()
        began = time.monotonic()
        heir = workers.start("heir")
        await publish(broker, fresh_prefix, parts[1])
        await workers.settled(workers=[heir])
        taken_over = time.monotonic() - began
        before = await _changelog_records(broker, fresh_prefix)
        frozen.child.resume()
        await frozen.ready(30)
        late = await _changelog_records(broker, fresh_prefix) - before
        await publish(broker, fresh_prefix, parts[2])
        await workers.settled(workers=[heir, frozen])
        metrics = [await worker.metrics() for worker in (heir, frozen)]
        outcome = await check_all(broker, fresh_prefix)
        await assert_commits_stay_behind_the_changelog(broker, fresh_prefix)
    noticed = sum(each["foreign_changelog_writes_total"] for each in metrics)
    figure(
        pytestconfig, "a worker frozen beyond its session", **outcome._asdict(), taken_over_after=taken_over,
        late_rows=late, noticed=noticed,
    )  # fmt: skip


async def _changelog_records(broker: str, prefix: str) -> int:
    return len(await read(broker, prefix, CHANGELOG))

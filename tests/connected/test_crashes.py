"""kill -9 at every step of a batch: nothing is lost, nothing counts twice."""

from __future__ import annotations

import os
import signal
import time
from random import Random
from typing import Any

import pytest
from figures import figure
from load import portfolio, publish, slices
from oracle import check_all
from worker_process import plant, until

from riskwatch.agents.inject import POINTS

SEEDS = range(int(os.environ.get("RISKWATCH_TEST_CRASH_SEEDS", "2")))
"""Each seed kills a worker once at every point. 29 seeds make the two hundred strikes of a release's proof."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_after_a_crash_at_every_point_the_state_is_that_of_a_run_without_crashes(
    broker: str, fresh_prefix: str, seed: int, pytestconfig: Any
) -> None:
    random = Random(seed)
    store = ("rocksdb", "memory")[seed % 2]
    points = list(POINTS)
    random.shuffle(points)
    parts = slices(portfolio(seed), len(points) + 1)
    began = time.monotonic()
    async with plant(broker, fresh_prefix, store=store, batch_records=50, member="one", commit_seconds=0.1) as workers:
        for point, part in zip(points, parts, strict=False):
            first, second = slices(part, 2)
            await publish(broker, fresh_prefix, first)
            worker = workers.start(fault=f"{point}:{random.randint(1, 2 if 'commit' in point else 4)}")
            await until(lambda: not worker.child.alive or worker.get("/ready")[0] == 200, 90, "ready or dead")  # noqa: B023
            await publish(broker, fresh_prefix, second)
            assert await worker.ended() == -signal.SIGKILL
        await publish(broker, fresh_prefix, parts[-1])
        workers.start()
        await workers.settled(workers=workers.workers[-1:])
        seconds = time.monotonic() - began
        outcome = await check_all(broker, fresh_prefix)
    assert outcome.alerts > 0
    figure(pytestconfig, f"kill -9 at {len(points)} points, {store}", **outcome._asdict(), seconds=seconds)

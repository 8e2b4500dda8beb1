"""The same journal gives the same alerts, for any size of batch, number of partitions, and number of workers."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from figures import figure
from journals_by_hand import Entry, entries_of, write_journal
from load import portfolio
from oracle import recompute, told, told_decision
from reading import read_alerts, read_trails
from worker_process import plant

FEW = 6
"""Customers of the runs in batches of one."""


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return entries_of(portfolio(seed=3))


def records_of(entries: list[Entry]) -> list[Any]:
    return [SimpleNamespace(key=key, value=value, offset=at) for at, (key, value) in enumerate(entries)]


def expected(entries: list[Entry]) -> set[Any]:
    """The alerts of one partition's fold, in one batch: no transport, no cut. What the fold says to every partition
    about fraud cases comes behind the entries, which were all there before a worker began."""
    said = recompute({0: records_of(entries)}, batch=len(entries)).broadcasts
    records = records_of([*entries, *((None, value) for value in said)])
    return {told(alert) for alert in recompute({0: records}, batch=len(records)).alerts}


def expected_decisions(entries: list[Entry]) -> set[bytes]:
    """The decisions of one partition's fold, in one batch."""
    records = records_of(entries)
    return {told_decision(trail) for trail in recompute({0: records}, batch=len(records)).decisions}


def of_few(entries: list[Entry]) -> list[Entry]:
    """The entries of some customers about whom there are alerts, and the ticks."""
    keys = sorted({each[1] + "/" + each[2] for each in expected(entries)})[:FEW]
    return [each for each in entries if each[0] is None or each[0].decode() in keys]


@pytest.mark.parametrize(
    ("partitions", "batch", "workers", "count"),
    [(1, 1, 1, FEW), (8, 1, 2, FEW), (1, 7, 1, None), (8, 7, 2, None), (1, 4_000, 1, None), (8, 4_000, 2, None)],
)
async def test_one_journal_raises_one_set_of_alerts(
    broker: str, fresh_prefix: str, entries: list[Entry], partitions: int, batch: int, workers: int,
    count: int | None, pytestconfig: Any,
) -> None:  # fmt: skip
    part = entries if count is None else of_few(entries)
    settings = {"partitions": partitions, "batch_records": batch, "roles": "monitor"}
    async with plant(broker, fresh_prefix, **settings) as made:
        await write_journal(broker, fresh_prefix, part, partitions)
        began = time.monotonic()
        for number in range(workers):
            made.start(f"worker-{number}")
        await made.settled()
        seconds = time.monotonic() - began
        alerts = await read_alerts(broker, fresh_prefix)
        trails = await read_trails(broker, fresh_prefix)
    wanted = expected(part)
    assert {told(alert) for alert in alerts} == wanted
    assert len(wanted) >= 5
    assert {told_decision(trail) for trail in trails} == expected_decisions(part)
    figure(
        pytestconfig, f"one journal, {partitions} partitions, batches of {batch}, {workers} workers",
        entries=len(part), alerts=len(wanted), repeats=len(alerts) - len(wanted), seconds=seconds,
    )  # fmt: skip

"""A worker that comes back: how soon it decides again, and what it rebuilds its state from."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition
from figures import figure
from load import portfolio, publish, slices
from oracle import check_all
from reading import read, read_journal, read_state
from test_outages import _journal_committed, _under_way
from worker_process import plant

from riskwatch.agents.provision import CHANGELOG
from riskwatch.agents.statecodec import pack_state
from riskwatch.agents.store import RocksPartition
from riskwatch.streams.topics import full_name


@pytest.mark.parametrize(("member", "limit"), [("one", 15.0), (None, 25.0)])
async def test_a_killed_worker_decides_again_soon(
    broker: str, fresh_prefix: str, member: str | None, limit: float, pytestconfig: Any
) -> None:
    """The figure is from kill -9 to the first commit of its successor, process start and all."""
    parts = slices(portfolio(seed=10), 2)
    async with plant(broker, fresh_prefix, member=member, session_seconds=6, batch_records=100) as workers:
        await publish(broker, fresh_prefix, parts[0])
        worker = workers.start()
        await workers.settled()
        before = await _journal_committed(broker, fresh_prefix)
        await publish(broker, fresh_prefix, parts[1])
        worker.kill()
        began = time.monotonic()
        successor = workers.start()
        ready = await successor.ready()
        await _under_way(broker, fresh_prefix, before)
        seconds = time.monotonic() - began
        await workers.settled(workers=[successor])
        outcome = await check_all(broker, fresh_prefix)
    assert seconds < limit
    kind = "with a static member id" if member is not None else "without one"
    figure(
        pytestconfig, f"kill -9 to the first new decision, {kind}", seconds=seconds, of_which_start=ready,
        **outcome._asdict(),
    )  # fmt: skip


async def test_local_state_that_was_deleted_is_rebuilt_byte_for_byte(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    async with plant(broker, fresh_prefix, store="rocksdb", batch_records=200) as workers:
        await publish(broker, fresh_prefix, portfolio(seed=11))
        first = workers.start()
        await workers.settled()
        await first.stop()
        folder = workers.folder / "one" / fresh_prefix
        before = _rows(folder, workers.partitions)
        shutil.rmtree(workers.folder / "one")
        second = workers.start()
        await second.ready()
        metrics = await second.metrics()
        await second.stop()
        after = _rows(folder, workers.partitions)
        await check_all(broker, fresh_prefix)
        journal = await read_journal(broker, fresh_prefix)
        state = await read_state(broker, fresh_prefix)
    assert after == before
    assert after == {number: state[number] for number in journal}
    rows, seconds = metrics["restored_rows_total"], metrics["restore_seconds_total"]
    assert rows > sum(map(len, after.values()))
    figure(pytestconfig, "local state rebuilt", rows=rows, seconds=seconds, rows_per_second=rows / seconds)


def _rows(folder: Any, partitions: int) -> dict[int, dict[bytes, bytes]]:
    found = {}
    for number in range(partitions):
        store = RocksPartition(folder / f"partition-{number}")
        found[number] = dict(store.scan())
        store.close()
    return {number: rows for number, rows in found.items() if rows}


def _cleanup(topic: str, policy: str) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": policy})


async def test_a_recovery_over_empty_cut_and_long_changelogs_ends(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    """Partition 0 holds nothing, 1 lost all its records, 2 its older half, 3 is many batches long."""
    topic = full_name(CHANGELOG, fresh_prefix)
    async with plant(broker, fresh_prefix, store="rocksdb", roles="monitor", batch_records=1_000) as workers:
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            sent = [
                await producer.send(topic, pack_state(1, 0, 0, b"", b""), b"acme/c%d" % number, partition=partition)
                for partition, count in ((1, 50), (2, 50), (3, 20_000))
                for number in range(count)
            ]
            await producer.flush()
            await asyncio.gather(*sent)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        await admin.start()
        try:
            await admin.alter_configs([_cleanup(topic, "delete")])  # the broker cuts no topic that it only compacts
            await admin.delete_records(
                {TopicPartition(topic, 1): RecordsToDelete(50), TopicPartition(topic, 2): RecordsToDelete(25)}
            )
            await admin.alter_configs([_cleanup(topic, "compact")])
        finally:
            await admin.close()
        worker = workers.start()
        seconds = await worker.ready(60)
        metrics = await worker.metrics()
        held = await read(broker, fresh_prefix, CHANGELOG)
    assert metrics["restored_rows_total"] == 20_025
    assert len(held) == 20_025
    figure(pytestconfig, "empty, cut and long changelogs", rows=20_025, start_to_ready=seconds)

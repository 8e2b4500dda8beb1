"""A worker takes what it writes to its journal without fetching it: what others write there must not be passed over."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaProducer
from figures import figure
from load import portfolio, publish, slices
from oracle import check_all
from reading import committed
from worker_process import plant

from riskwatch.streams import topics
from riskwatch.streams.packing import pack_tick
from riskwatch.streams.topics import full_name

TICKS = 40


async def _ticks(broker: str, journal: str, partitions: int, first_ms: int, count: int) -> int:
    """Another's broadcast entries, an hour apart, among the worker's own → where the last of partition 0 is."""
    last = -1
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for number in range(count):
            value = pack_tick(first_ms + number * 3_600_000)
            for partition in range(partitions):
                written = await producer.send_and_wait(journal, value, partition=partition)
                last = written.offset if partition == 0 else last
            await asyncio.sleep(0.01)
    return last


async def test_entries_that_others_write_to_the_journal_are_folded_in_their_place(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    journal = full_name(topics.JOURNAL, fresh_prefix)
    async with plant(broker, fresh_prefix, batch_records=50) as workers:
        worker = workers.start()
        await worker.ready()
        events = portfolio(seed=23)
        first_ms = int(max(event.occurred_at for event in events).timestamp() * 1000)

        async def load() -> None:
            for part in slices(events, 20):
                await publish(broker, fresh_prefix, part)

        await asyncio.gather(load(), _ticks(broker, journal, workers.partitions, first_ms, TICKS))
        await workers.settled()
        counted = await worker.metrics()
        fetched = counted["entries_total"] - counted["handed_over_total"]
        assert counted["handed_over_total"] > 0, "both ways of an entry were gone"
        assert fetched > 0, "both ways of an entry were gone"

        last = await _ticks(broker, journal, workers.partitions, first_ms + TICKS * 3_600_000, 1)
        began = time.monotonic()
        async with asyncio.timeout(10):  # nothing of its own follows that would show the gap
            while True:
                done = await committed(broker, fresh_prefix, journal)
                if max((offset for tp, offset in done.items() if tp.partition == 0), default=0) > last:
                    break
                await asyncio.sleep(0.05)
        alone = time.monotonic() - began
        outcome = await check_all(broker, fresh_prefix)
    handed_over = int(counted["handed_over_total"])
    name = "ticks of another among the worker's own"
    figure(pytestconfig, name, **outcome._asdict(), handed_over=handed_over, alone_committed_after=alone)

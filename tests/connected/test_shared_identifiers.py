"""Applications and the identifiers that they share, with workers as in production."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from typing import Any

import pytest
from applicants_live import application, latencies, office
from figures import figure
from journals_by_hand import write_journal
from load import publish
from oracle import check_all, program, told_decision
from reading import read, read_alerts, read_decisions, read_journal, read_trails
from worker_process import Plant, plant, until

from riskwatch.agents.inject import LINK_POINTS
from riskwatch.agents.partition import unpack_reserved
from riskwatch.agents.provision import LINKS_CHANGELOG
from riskwatch.features.linkmessages import decode_link_answer
from riskwatch.features.links import decode_link
from riskwatch.streams import topics
from riskwatch.streams.decisions import Decision
from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.packing import payload_of

LIVE = {"clock": "wall", "links": True, "roles": "ingest,monitor,links", "partitions": 2, "fetch_wait_seconds": 0.01}


async def decided(plant_: Plant, count: int, seconds: float = 60) -> list[Decision]:
    """Waits until so many applications have a decision → one of each."""
    async with asyncio.timeout(seconds):
        while True:
            found = {each.application_id: each for each in await read_decisions(plant_.broker, plant_.prefix)}
            if len(found) >= count:
                return sorted(found.values(), key=lambda each: each.occurred_at)
            await asyncio.sleep(0.2)


async def test_applications_are_decided_with_what_is_known_of_their_identifiers(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    async with plant(broker, fresh_prefix, **LIVE) as workers:
        worker = workers.start()
        await worker.ready()
        for number in range(4):  # one after the other: who comes first is known
            await publish(broker, fresh_prefix, [application(number, device_id="shared")])
            await decided(workers, number + 1)
        trails = {trail.decision.application_id: trail for trail in await read_trails(broker, fresh_prefix)}
        alerts = await ring_steps(broker, fresh_prefix)
        await workers.settled()
        await worker.stop()  # time goes on in the journal while a worker runs
        await check_all(broker, fresh_prefix, program(links=True), without=alerts_of_rings)
    seen = [trails[f"a-{number}"].inputs["links.device_customers"] for number in range(4)]
    assert seen == [1.0, 2.0, 3.0, 4.0]
    assert {trail.inputs["links.answered"] for trail in trails.values()} == {True}
    assert [trails[f"a-{number}"].decision.outcome for number in range(4)] == ["approve", "approve", "approve", "refer"]
    assert alerts == [2.0, 3.0]
    took = latencies(trails.values())
    figure(pytestconfig, "decided with answers", median=took[len(took) // 2], slowest=took[-1])


async def customers_by_kind(broker: str, prefix: str) -> dict[str, list[int]]:
    """Kind of identifier → the customers that each answer counts, late ones too."""
    found: dict[str, list[int]] = {}
    at = kind_at()
    for records in (await read_journal(broker, prefix)).values():
        for record in records:
            if record.value[at] == Kind.LINK_ANSWERED:
                facts = decode_link_answer(payload_of(record.value)).facts
                found.setdefault(facts.kind, []).append(facts.customers)
    return found


async def answers(broker: str, prefix: str) -> int:
    """Entries of the journal that answer about identifiers."""
    return sum(map(len, (await customers_by_kind(broker, prefix)).values()))


def alerts_of_rings(alert: Any) -> bool:
    return bool(alert.rule == "ring-grown")


async def ring_steps(broker: str, prefix: str) -> list[float]:
    found = {alert.alert_id: alert for alert in await read_alerts(broker, prefix) if alerts_of_rings(alert)}
    return sorted(float(alert.reasons[0].values["step"] or 0) for alert in found.values())


async def test_with_the_links_killed_decisions_still_come_referred_with_the_reason(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    async with plant(broker, fresh_prefix, **LIVE) as workers:
        await workers.start("monitor", roles="ingest,monitor").ready()
        apart = {"roles": "links", "group": f"{fresh_prefix}-links"}  # members of one group have the same roles
        links = workers.start("links", **apart)
        await links.ready()
        warm = 0
        while not warm or (await decided(workers, warm))[-1].outcome != "approve":  # the first may come too late
            warm += 1
            assert warm <= 10, links.log()
            await publish(broker, fresh_prefix, [application(1_000 + warm, ip="203.0.113.9")])
            await decided(workers, warm)
        links.kill()
        await publish(broker, fresh_prefix, [application(number, ip="198.51.100.1") for number in range(2, 12)])
        found = await decided(workers, warm + 10)
        later = [each for each in found if int(each.application_id[2:]) < 1_000]
        assert {(each.outcome, each.reasons[0].code) for each in later} == {("refer", "links-missing")}
        workers.start("links-again", **apart)
        async with asyncio.timeout(60):
            while await answers(broker, fresh_prefix) < 3 * (warm + 10):  # device, ip and network of each
                await asyncio.sleep(0.2)
        await workers.settled(without=(topics.LINK_PROBES, topics.RING_EDGES))
        assert len({each.decision_id for each in await read_decisions(broker, fresh_prefix)}) == warm + 10
        took = latencies(await read_trails(broker, fresh_prefix))
    figure(pytestconfig, "links killed: decided at the deadline", median=took[len(took) // 2], slowest=took[-1])


@pytest.mark.parametrize("point", LINK_POINTS)
async def test_after_a_crash_of_the_links_or_rings_every_application_is_decided_once_and_nothing_is_counted_twice(
    broker: str, fresh_prefix: str, point: str
) -> None:
    events = [application(number, device_id=f"d{number // 3}") for number in range(60)]
    settings = LIVE | {"batch_records": 5, "member": "one", "commit_seconds": 0.1, "partitions": 1}
    async with plant(broker, fresh_prefix, **settings) as workers:
        struck = workers.start(fault=f"{point}:3")
        await until(lambda: not struck.child.alive or struck.get("/ready")[0] == 200, 90, "ready or dead")
        await publish(broker, fresh_prefix, events)
        assert await struck.ended() == -signal.SIGKILL
        worker = workers.start()
        await worker.ready()
        found = await decided(workers, len(events))
        await workers.settled()
        await worker.stop()
        await check_all(broker, fresh_prefix, program(links=True), without=alerts_of_rings)
        counted = await customers_of_devices(broker, fresh_prefix)
        assert await ring_steps(broker, fresh_prefix) == [2.0] * 20 + [3.0] * 20
    assert len({each.decision_id for each in found}) == len(events)
    assert counted == {f"d{number}": 3 for number in range(20)}


async def customers_of_devices(broker: str, prefix: str) -> dict[str, int]:
    """Customers of each device, by the newest rows of the link profiles."""
    rows: dict[bytes, bytes] = {}
    for record in await read(broker, prefix, LINKS_CHANGELOG):
        if record.key[:1] == b"i" and record.value is not None:
            rows[record.key] = record.value
    profiles = [decode_link(unpack_reserved(value)) for value in rows.values()]
    return {each.identifier: len(each.customers) for each in profiles if each.kind == "device"}


async def test_ten_thousand_customers_on_one_ip_neither_stall_the_stream_nor_grow_a_row_without_bound(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    settings = LIVE | {"partitions": 2, "store": "rocksdb"}
    async with plant(broker, fresh_prefix, **settings) as workers:
        await workers.start().ready()
        began = datetime.now(UTC)
        await publish(broker, fresh_prefix, office(10_000))
        await workers.settled(240)
        seconds = (datetime.now(UTC) - began).total_seconds()
        sizes = [len(record.value) for record in await read(broker, fresh_prefix, LINKS_CHANGELOG) if record.value]
        trails = await read_trails(broker, fresh_prefix)
        counted = await customers_by_kind(broker, fresh_prefix)
        steps = await ring_steps(broker, fresh_prefix)
    assert len({trail.decision.application_id for trail in trails}) == 10_000
    (customers,) = [max(counts) for kind, counts in counted.items() if kind == "ip"]
    assert abs(customers - 10_000) < 4 * 0.0325 * 10_000, "estimated beyond 64, with its stated error"
    assert max(sizes) < 20_000
    assert steps == [2.0, 3.0], "an office is a ring for no longer than it looks like a household"
    figure(pytestconfig, "10,000 applicants on one ip", seconds=seconds, largest_row=max(sizes))


async def test_one_journal_with_its_answers_gives_one_set_of_decisions(broker: str, fresh_prefix: str) -> None:
    """Law 6 for answers: the journal of a live run, written anew for other partitions, batches and workers."""
    settings = LIVE | {"partitions": 1}
    events = [application(number, device_id=f"d{number % 7}") for number in range(80)]
    async with plant(broker, fresh_prefix, **settings) as workers:
        await workers.start().ready()
        await publish(broker, fresh_prefix, events)
        await decided(workers, len(events))
        await workers.settled()
        journal = (await read_journal(broker, fresh_prefix))[0]
        wanted = {told_decision(trail) for trail in await read_trails(broker, fresh_prefix)}
    kinds = {record.value[kind_at()] for record in journal}
    assert {Kind.LINK_ANSWERED, Kind.RING_ANSWERED, Kind.TICK} <= kinds
    entries = [(record.key, record.value) for record in journal]
    for partitions, batch, count in ((1, 1, 1), (4, 7, 2), (8, 4_000, 2)):
        prefix = f"{fresh_prefix}-{partitions}"
        changed: dict[str, Any] = LIVE | {"partitions": partitions, "batch_records": batch, "roles": "monitor"}
        async with plant(broker, prefix, **changed) as again:
            await write_journal(broker, prefix, entries, partitions)
            for number in range(count):
                again.start(f"worker-{number}")
            await again.settled(without=(topics.LINK_PROBES, topics.RING_EDGES))
            found = {told_decision(trail) for trail in await read_trails(broker, prefix)}
        assert found == wanted, f"{partitions} partitions, batches of {batch}, {count} workers"


def kind_at() -> int:
    assert ENTRY.fields is not None
    return int(ENTRY.fields["kind"][1])

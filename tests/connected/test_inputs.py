"""What publishers may send: everything ends in the journal or in dead letters, and the stream goes on."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from figures import figure
from load import portfolio, publish
from oracle import check_all, recompute, told
from reading import read, read_alerts, read_inputs, read_journal
from worker_process import plant

from riskwatch.streams import topics
from riskwatch.streams.deadletters import VALUE_LIMIT, diagnosis, restore
from riskwatch.streams.entry import Flag, Kind
from riskwatch.streams.events import PurchaseMade
from riskwatch.streams.packing import headers_of, to_ms
from riskwatch.streams.topics import LOGINS, full_name

START = datetime(2025, 3, 3, 12, tzinfo=UTC)


def login(**fields: Any) -> bytes:
    good = {
        "type": "LoginFailed", "event_id": "e", "tenant": "acme", "customer_id": "c1",
        "occurred_at": "2025-03-03T12:00:00Z",
    }  # fmt: skip
    return json.dumps(good | fields).encode()


HOSTILE: dict[str, bytes] = {
    "truncated": login()[:-20],
    "wrong types": login(tenant=5, customer_id=[]),
    "deep": b'{"type":' + b"[" * 100_000,
    "deep, closed": b'{"type":"LoginFailed","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a naive time": login(occurred_at="2025-03-03T12:00:00"),
    "an unknown type": login(type="LoginForgotten"),
    "NaN": b'{"type":"PurchaseMade","amount":NaN}',
    "a bool for money": login(type="PurchaseMade", amount=True, currency="EUR"),
    "a number beyond doubles": login(type="PurchaseMade", amount=10**400, currency="EUR"),
    "no UTF-8": login()[:-1] + b',"reason":"\xff\xfe"}',
    "a lone surrogate": login()[:-1] + b',"reason":"\\ud800"}',
    "empty": b"",
    "a list": b"[]",
    "a million keys": b"{" + b",".join(b'"%x":0' % number for number in range(1_000_000)) + b"}",
    "5 MB": b'{"x":"' + b"y" * 5_000_000 + b'"}',
    "10 MB": b"z" * 10_000_000,
}


async def send(broker: str, topic: str, records: list[tuple[bytes | None, bytes | None]], partition: int = 0) -> None:
    """Writes records as they are, up to 12 MB each."""
    producer = AIOKafkaProducer(bootstrap_servers=broker, max_request_size=12_000_000, max_batch_size=1_000_000)
    async with producer:
        sent = [await producer.send(topic, value, key, partition=partition) for key, value in records]
        for future in sent:
            await future


async def allow_large(broker: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "12000000"})])
    finally:
        await admin.close()


async def test_hostile_records_are_dead_letters_byte_for_byte_and_the_stream_goes_on(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    """Hostile records, 1 % of random bytes, tombstones and null keys among a portfolio."""
    random = Random(1)
    events = portfolio(seed=12)
    noise: list[tuple[bytes | None, bytes | None]] = [
        (None if number % 2 else b"k", random.randbytes(random.randint(1, 200))) for number in range(len(events) // 100)
    ]
    tombstones: list[tuple[bytes | None, bytes | None]] = [(b"acme/c1", None), (b"", None)]
    keyless: list[tuple[bytes | None, bytes | None]] = [(None, login(event_id="keyless", customer_id="c-keyless"))]
    topic = full_name(LOGINS, fresh_prefix)
    async with plant(broker, fresh_prefix) as workers:
        await allow_large(broker, topic)
        half = len(events) // 2
        await publish(broker, fresh_prefix, events[:half])
        await send(broker, topic, [(b"acme/c1", value) for value in HOSTILE.values()])
        await send(broker, topic, [*noise, *tombstones, *keyless], partition=1)
        await publish(broker, fresh_prefix, events[half:])
        worker = workers.start()
        await workers.settled()
        outcome = await check_all(broker, fresh_prefix)
        metrics = await worker.metrics()
        inputs = await read_inputs(broker, fresh_prefix)
        letters = await read(broker, fresh_prefix, topics.DEAD_LETTERS)
    assert outcome.dead == len(HOSTILE) + len(noise)
    assert outcome.tombstones == 2
    assert outcome.inputs == outcome.journaled + outcome.dead + outcome.tombstones
    assert metrics["records_in_total"] == outcome.inputs
    assert metrics["dead_letters_total"] == outcome.dead
    for letter in letters:
        found = diagnosis(letter)
        original = inputs[(topics.SOURCE_TOPIC["logins"], found.source_partition, found.source_offset)]
        assert letter.key == original.key
        assert letter.value == original.value[:VALUE_LIMIT]
        assert found.faults
        if len(original.value) <= VALUE_LIMIT:
            assert restore(letter).headers == list(original.headers)
        else:
            assert found.full_size == len(original.value)
    codes = Counter(diagnosis(letter).code for letter in letters)
    figure(pytestconfig, "hostile records", **outcome._asdict(), codes=str(len(codes)))


async def test_every_event_three_times_raises_the_alerts_of_once(broker: str, fresh_prefix: str) -> None:
    """Three publications of each event, as a publisher that retries; each customer's retries within 64 events."""
    events = portfolio(seed=13)
    tripled = [event for event in events for _ in range(3)]
    async with plant(broker, fresh_prefix) as workers:
        await publish(broker, fresh_prefix, tripled)
        worker = workers.start()
        await workers.settled()
        metrics = await worker.metrics()
        outcome = await check_all(broker, fresh_prefix)
        journal = await read_journal(broker, fresh_prefix)
        alerts = await read_alerts(broker, fresh_prefix)
    assert outcome.inputs == 3 * len(events)
    assert metrics["duplicates_total"] == 2 * len(events)
    once = recompute({number: _firsts(records) for number, records in journal.items()})
    assert {told(alert) for alert in alerts} == {told(alert) for alert in once.alerts}


def _firsts(records: list[Any]) -> list[Any]:
    """The journal without repeats of an event."""
    headers = headers_of([record.value for record in records])
    seen: set[int] = set()
    kept = []
    for record, event, kind in zip(records, headers["event"].tolist(), headers["kind"].tolist(), strict=True):
        if kind >= Kind.TICK or event not in seen:
            seen.add(event)
            kept.append(record)
    return kept


async def test_ten_thousand_poison_records_go_to_dead_letters_without_a_restart(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    async with plant(broker, fresh_prefix) as workers:
        worker = workers.start()
        await worker.ready()
        for partition in range(4):
            await send(broker, full_name(LOGINS, fresh_prefix), [(b"k", b"poison")] * 2_500, partition)
        seconds = await workers.settled()
        metrics = await worker.metrics()
        assert worker.child.alive
    assert metrics["dead_letters_total"] == 10_000
    figure(pytestconfig, "poison", records=10_000, seconds_after_publishing=seconds)


async def test_half_bad_input_does_not_collapse_the_stream(broker: str, fresh_prefix: str, pytestconfig: Any) -> None:
    good = [(b"acme/c%d" % (n % 500), login(event_id=f"g{n}", customer_id=f"c{n % 500}")) for n in range(10_000)]
    bad = [(key, value[:-20]) for key, value in good[:5_000]]
    seconds: dict[str, float] = {}
    for name, records in (
        ("good", good),
        ("half bad", [each for pair in zip(good, bad, strict=False) for each in pair]),
    ):
        prefix = f"{fresh_prefix}{name[:1]}"
        async with plant(broker, prefix, roles="ingest") as workers:
            for partition in range(4):
                await send(broker, full_name(LOGINS, prefix), list(records[partition::4]), partition)
            worker = workers.start()
            ready = await worker.ready()
            await _all_committed(broker, prefix)
            seconds[name] = time.monotonic() - worker.started - ready
    figure(
        pytestconfig, "10,000 records, all good and half bad", **{k.replace(" ", "_"): v for k, v in seconds.items()}
    )


async def _all_committed(broker: str, prefix: str) -> None:
    import asyncio

    from reading import committed

    name = full_name(LOGINS, prefix)
    async with asyncio.timeout(60):
        while sum((await committed(broker, prefix, name)).values()) < 10_000:
            await asyncio.sleep(0.05)


def purchase(number: int, customer: str, at: datetime) -> PurchaseMade:
    return PurchaseMade(
        event_id=f"{customer}-{number}", tenant="acme", customer_id=customer, occurred_at=at, amount=1_000 + number,
        currency="EUR", terminal_id="t1",
    )  # fmt: skip


async def test_a_publisher_a_day_ahead_is_clamped_and_nobody_elses_entries_move(broker: str, fresh_prefix: str) -> None:
    now = datetime.now(UTC)
    honest = [purchase(number, "honest", now - timedelta(minutes=60 - number)) for number in range(30)]
    ahead = [purchase(number, "ahead", now + timedelta(days=1, seconds=number)) for number in range(30)]
    mixed = [event for pair in zip(honest, ahead, strict=True) for event in pair]
    async with plant(broker, fresh_prefix, clock="wall", tick_seconds=1) as workers:
        await publish(broker, fresh_prefix, mixed)
        worker = workers.start()
        await worker.ready()
        await workers.settled()
        metrics = await worker.metrics()
        entries = _entries(await read_journal(broker, fresh_prefix))
    assert metrics["clamped_total"] == 30
    assert sorted(at for key, at, _ in entries if key == b"acme/honest") == [to_ms(e.occurred_at) for e in honest]
    assert all(
        at < to_ms(now) + 30 * 60_000 and flags & Flag.CLAMPED for key, at, flags in entries if key == b"acme/ahead"
    )


async def test_a_worker_whose_clock_is_an_hour_off_makes_the_same_entries(broker: str, fresh_prefix: str) -> None:
    events = portfolio(seed=14)[:1_000]
    found = []
    for hours in ("-1", "1"):
        prefix = f"{fresh_prefix}{hours.replace('-', 'm')}"
        async with plant(broker, prefix) as workers:
            await publish(broker, prefix, events)
            workers.start(script="planted_worker.py", arguments=["clock", hours])
            await workers.settled()
            await check_all(broker, prefix)
            found.append(sorted(_entries(await read_journal(broker, prefix))))
    assert found[0] == found[1]


def _entries(journal: dict[int, list[Any]]) -> list[tuple[bytes, int, int]]:
    """Customer, event time and flags of every entry."""
    made = []
    for records in journal.values():
        headers = headers_of([record.value for record in records])
        for record, at, flags in zip(records, headers["occurred_at"].tolist(), headers["flags"].tolist(), strict=True):
            if record.key is not None:
                made.append((record.key, at, flags))
    return made


async def test_one_customer_with_most_of_the_events_holds_nobody_up(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    random = Random(26)
    events = [
        purchase(number, "hot" if random.random() < 0.8 else f"c{number % 300}", START + timedelta(seconds=number))
        for number in range(10_000)
    ]
    async with plant(broker, fresh_prefix) as workers:
        await publish(broker, fresh_prefix, events)
        workers.start()
        seconds = await workers.settled()
        outcome = await check_all(broker, fresh_prefix)
    assert outcome.journaled == 10_000
    figure(pytestconfig, "80 % of events on one customer", **outcome._asdict(), seconds=seconds)

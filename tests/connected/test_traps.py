"""Where plain Faust skips, loses or stands still: a rule that raises, an entry that cannot be folded, a write that is
refused, a consumer that hangs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from figures import figure
from journals_by_hand import entries_of, write_journal
from load import portfolio, publish
from oracle import assert_same_state, check_all, program, recompute, told
from planting import FAILING_AMOUNT, FIRING_AMOUNT, failing_rules
from reading import read, read_alerts, read_journal, read_state
from worker_process import plant

from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.streams import topics
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import PurchaseMade
from riskwatch.streams.packing import pack_broadcast
from riskwatch.streams.topics import full_name

START = datetime(2025, 3, 3, 12, tzinfo=UTC)


def purchase(number: int, amount: int) -> PurchaseMade:
    return PurchaseMade(
        event_id=f"p{number}", tenant="acme", customer_id=f"c{number % 7}", amount=amount, currency="EUR",
        occurred_at=START + timedelta(seconds=number), terminal_id="t1",
    )  # fmt: skip


async def test_a_rule_that_raises_on_an_entry_loses_nothing_and_shows(broker: str, fresh_prefix: str) -> None:
    amounts = [FAILING_AMOUNT if number % 100 == 50 else FIRING_AMOUNT + number for number in range(500)]
    async with plant(broker, fresh_prefix) as workers:
        await publish(broker, fresh_prefix, [purchase(number, amount) for number, amount in enumerate(amounts)])
        worker = workers.start(script="planted_worker.py", arguments=["failing-rule"])
        await workers.settled()
        metrics = await worker.metrics()
        layout = compile_layout(FEATURES)
        outcome = await check_all(broker, fresh_prefix, program(failing_rules(layout), layout))
    assert outcome.journaled == 500
    assert outcome.alerts > 0
    assert metrics["rule_failures_total"] == 5
    assert metrics["entries_total"] == 500


async def test_an_entry_that_cannot_be_folded_is_a_dead_letter_and_the_others_go_on(
    broker: str, fresh_prefix: str
) -> None:
    entries = entries_of(portfolio(seed=6)[:1_500])
    loan = pack_broadcast(Kind.LOAN_OPENED, 1)
    bad = [(b"acme/c1", b"rubbish"), (None, entries[-1][1]), (b"acme/c1", loan + b"\xc1"), (b"acme/c1", b"")]
    mixed = [*entries[:300], bad[0], *entries[300:700], bad[1], bad[2], *entries[700:], bad[3]]
    async with plant(broker, fresh_prefix, partitions=1, roles="monitor") as workers:
        await write_journal(broker, fresh_prefix, mixed, 1)
        worker = workers.start()
        await workers.settled()
        metrics = await worker.metrics()
        letters = await read(broker, fresh_prefix, topics.DEAD_LETTERS)
        journal = await read_journal(broker, fresh_prefix)
        failing = [(0, record.offset) for record in journal[0] if (record.key, record.value) in bad]
        expected = recompute(journal, failing=failing)
        alerts = await read_alerts(broker, fresh_prefix)
        state = await read_state(broker, fresh_prefix)
    assert [(letter.key, letter.value) for letter in letters] == bad
    assert metrics["dead_letters_total"] == len(bad)
    assert {told(alert) for alert in alerts} == {told(alert) for alert in expected.alerts}
    assert_same_state(state, expected.state | {0: expected.state[0] | _partition_rows(state)})


def _partition_rows(state: dict[int, dict[bytes, bytes]]) -> dict[bytes, bytes]:
    from riskwatch.agents.statecodec import PARTITION_KEY

    return {PARTITION_KEY: state[0][PARTITION_KEY]}


async def test_an_alert_that_the_broker_refuses_is_a_dead_letter_and_the_others_go_out(
    broker: str, fresh_prefix: str
) -> None:
    async with plant(broker, fresh_prefix) as workers:
        await _limit(broker, full_name(topics.FRAUD_ALERTS, fresh_prefix), 200)
        await publish(broker, fresh_prefix, portfolio(seed=1))
        worker = workers.start()
        await workers.settled()
        metrics = await worker.metrics()
        letters = await read(broker, fresh_prefix, topics.DEAD_LETTERS)
        expected = recompute(await read_journal(broker, fresh_prefix))
        out = await read_alerts(broker, fresh_prefix)
        assert_same_state(await read_state(broker, fresh_prefix), expected.state)
    frauds = [alert for alert in expected.alerts if alert.kind == "fraud" and not alert.shadow]
    assert len(frauds) > 0
    assert [dict(letter.headers)["riskwatch-error-code"] for letter in letters] == [b"output-refused"] * len(frauds)
    assert {told(alert) for alert in out} == {told(alert) for alert in expected.alerts if alert not in frauds}
    assert metrics["refused_outputs_total"] == len(frauds)


async def _limit(broker: str, topic: str, size: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": str(size)})])
    finally:
        await admin.close()


async def test_a_worker_that_stands_still_says_so_and_ends(broker: str, fresh_prefix: str, pytestconfig: Any) -> None:
    async with plant(broker, fresh_prefix, stall_seconds=5) as workers:
        await publish(broker, fresh_prefix, [purchase(number, 100) for number in range(50)])
        worker = workers.start(script="planted_worker.py", arguments=["endless-write"])
        ready = await worker.ready()
        code = await worker.ended(60)
        seconds = worker_seconds(worker) - ready
        assert code == 3
        assert '"event": "stalled"' in worker.log()
        assert await read(broker, fresh_prefix, topics.FRAUD_ALERTS) == []
    figure(pytestconfig, "a worker that stands still ends, limit 5 s", seconds=seconds)


def worker_seconds(worker: Any) -> float:
    import time

    return time.monotonic() - float(worker.started)

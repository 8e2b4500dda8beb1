"""A merchant whose customers do not pay, with workers as in production: raised once a step, whatever is struck."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from journals_by_hand import write_journal
from load import publish
from oracle import check_all, program
from reading import read_alerts, read_journal
from worker_process import plant, until

from riskwatch.streams import events, topics
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import headers_of

LIVE = {"clock": "wall", "links": True, "roles": "ingest,monitor,links", "partitions": 2, "fetch_wait_seconds": 0.01}
NOW = datetime.now(UTC)
OPENED = NOW - timedelta(days=40)


def sold(merchant: str, count: int, paying: int) -> tuple[list[Any], list[Any]]:
    """Loans of a merchant's customers, the first instalment due three weeks ago, and the payments of those who paid."""
    loans, payments = [], []
    due = (OPENED + timedelta(days=19)).date()
    schedule = [events.Instalment(number=1, due_on=due, amount=10_000)]
    for n in range(count):
        of: dict[str, Any] = {"tenant": "bank", "customer_id": f"{merchant}-{n}", "currency": "CNY"}
        loan_id = f"loan-{merchant}-{n}"
        loans.append(
            events.LoanOpened(
                event_id=f"open-{merchant}-{n}", occurred_at=OPENED, loan_id=loan_id, product="shopping-instalments",
                principal=10_000, merchant_id=merchant, schedule=schedule,
                **of,
            )
        )  # fmt: skip
        if n < paying:
            payments.append(
                events.RepaymentReceived(
                    event_id=f"pay-{merchant}-{n}", occurred_at=OPENED + timedelta(days=18), loan_id=loan_id,
                    amount=10_000, **of,
                )
            )  # fmt: skip
    return loans, payments


LOANS = [*sold("m1", 20, 8)[0], *sold("m2", 30, 30)[0]]
PAYMENTS = [*sold("m1", 20, 8)[1], *sold("m2", 30, 30)[1]]
STEPS = [("merchant m1", 5.0), ("merchant m1", 7.0), ("merchant m1", 10.0)]


def steps(alerts: list[Alert]) -> list[tuple[str, float]]:
    """What was raised, each alert once."""
    found = {alert.alert_id: alert for alert in alerts if alert.rule == "merchant-trouble"}
    return sorted((alert.subject, float(alert.reasons[0].values["merchant_late_90d"] or 0)) for alert in found.values())


async def raised(broker: str, prefix: str) -> list[tuple[str, float]]:
    """Waits until every step is raised."""
    async with asyncio.timeout(60):
        while True:
            found = steps(await read_alerts(broker, prefix))
            if len(found) >= len(STEPS):
                return found
            await asyncio.sleep(0.2)


async def test_one_journal_with_its_answers_about_merchants_gives_one_set_of_alerts(
    broker: str, fresh_prefix: str
) -> None:
    """Law 6 for merchants: the journal of a live run, written anew for other partitions, batches and workers."""
    async with plant(broker, fresh_prefix, **LIVE | {"partitions": 1}) as workers:
        worker = workers.start()
        await worker.ready()
        await publish(broker, fresh_prefix, PAYMENTS)  # they wait for their loans, so that none looks late
        await workers.settled()
        await publish(broker, fresh_prefix, LOANS)
        assert await raised(broker, fresh_prefix) == STEPS
        await workers.settled()
        await worker.stop()
        await check_all(broker, fresh_prefix, program(links=True))
        journal = (await read_journal(broker, fresh_prefix))[0]
        alerts = Counter(alert.alert_id for alert in await read_alerts(broker, fresh_prefix))
    assert set(alerts.values()) == {1}
    kinds = headers_of([record.value for record in journal])["kind"].tolist()
    assert kinds.count(Kind.MERCHANT_ANSWERED) == len(STEPS)
    entries = [(record.key, record.value) for record in journal]
    for partitions, batch, count in ((1, 1, 1), (4, 7, 2)):
        prefix = f"{fresh_prefix}-{partitions}"
        changed: dict[str, Any] = LIVE | {"partitions": partitions, "batch_records": batch, "roles": "monitor"}
        async with plant(broker, prefix, **changed) as again:
            await write_journal(broker, prefix, entries, partitions)
            for number in range(count):
                again.start(f"worker-{number}")
            await again.settled(without=(topics.LINK_PROBES, topics.RING_EDGES))
            found = Counter(alert.alert_id for alert in await read_alerts(broker, prefix))
        assert found == alerts, f"{partitions} partitions, batches of {batch}, {count} workers"


async def test_after_a_crash_between_a_question_and_its_row_each_step_is_raised_once(
    broker: str, fresh_prefix: str
) -> None:
    settings = LIVE | {"batch_records": 5, "member": "one", "commit_seconds": 0.1}
    async with plant(broker, fresh_prefix, **settings) as workers:
        worker = workers.start()
        await worker.ready()
        await publish(broker, fresh_prefix, PAYMENTS)
        await workers.settled()
        await worker.stop()
        struck = workers.start(fault="links-after-answers:20")
        await until(lambda: not struck.child.alive or struck.get("/ready")[0] == 200, 90, "ready or dead")
        await publish(broker, fresh_prefix, LOANS)
        assert await struck.ended() == -signal.SIGKILL
        worker = workers.start()
        await worker.ready()
        assert await raised(broker, fresh_prefix) == STEPS
        await workers.settled()
        await worker.stop()
        await check_all(broker, fresh_prefix, program(links=True))

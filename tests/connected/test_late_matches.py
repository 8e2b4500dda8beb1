"""Fraud cases with workers as in production: a case of one partition recalls customers of all, clearing withdraws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from load import publish
from oracle import check_all
from reading import read_alerts, read_journal
from worker_process import Plant, plant

from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.events import FraudCleared, FraudConfirmed, LoanApplied

START = datetime(2026, 1, 5, tzinfo=UTC)
CUSTOMERS = 12


def common(event_id: str, customer: str, day: float) -> dict[str, Any]:
    return {"event_id": event_id, "tenant": "bank", "customer_id": customer, "occurred_at": START + timedelta(days=day)}


def applied(number: int) -> LoanApplied:
    return LoanApplied(
        **common(f"apply-{number}", f"c{number}", number / 10), application_id=f"a{number}", device_id="shared",
        product="cash-instalments", amount=1_000_000, currency="CNY", term_months=12,
    )  # fmt: skip


CONFIRMED = FraudConfirmed(
    **common("said", "c0", 90), case_id="case-1", typology="application-fraud", subject_event_id="a0"
)
CLEARED = FraudCleared(**common("cleared", "c0", 120), case_id="case-1")


async def late(made: Plant, *, withdrawn: bool) -> set[str]:
    found = await read_alerts(made.broker, made.prefix)
    return {each.subject for each in found if each.rule == "late-match" and each.withdrawn == withdrawn}


async def test_a_case_recalls_customers_of_every_partition_and_clearing_withdraws(
    broker: str, fresh_prefix: str
) -> None:
    others = {f"a{number}" for number in range(1, CUSTOMERS)}
    async with plant(broker, fresh_prefix) as workers:
        workers.start("one")
        workers.start("two")
        await publish(broker, fresh_prefix, [applied(number) for number in range(CUSTOMERS)])
        await workers.settled()
        await publish(broker, fresh_prefix, [CONFIRMED])
        await workers.settled()
        assert await late(workers, withdrawn=False) == others
        assert await late(workers, withdrawn=True) == set()
        await publish(broker, fresh_prefix, [CLEARED])
        await workers.settled()
        assert await late(workers, withdrawn=True) == others
        journal = await read_journal(broker, fresh_prefix)
        kinds = [[record.value[ENTRY.fields["kind"][1]] for record in records] for records in journal.values()]
        assert [(each.count(Kind.CASE_CONFIRMED), each.count(Kind.CASE_CLEARED)) for each in kinds] == [(1, 1)] * 4
        await check_all(broker, fresh_prefix)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("point", ["after-outputs", "after-changelog", "after-store"])
async def test_a_worker_killed_amid_a_case_recalls_and_withdraws_all_the_same(
    broker: str, fresh_prefix: str, point: str, count: int
) -> None:
    async with plant(broker, fresh_prefix, member="one", commit_seconds=0.1) as workers:
        first = workers.start("one")
        await publish(broker, fresh_prefix, [applied(number) for number in range(CUSTOMERS)])
        await workers.settled()
        assert (await first.stop())[0] == 0
        struck = workers.start("one", fault=f"{point}:{count}")
        await publish(broker, fresh_prefix, [CONFIRMED, CLEARED])
        await struck.ended()
        last = workers.start("one")
        await workers.settled(workers=[last])
        assert await late(workers, withdrawn=True) == {f"a{number}" for number in range(1, CUSTOMERS)}
        await check_all(broker, fresh_prefix)

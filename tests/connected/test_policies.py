"""Policies published live: under load, over a crash, rolled back, and in shadow."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from figures import figure
from load import publish
from oracle import check_all, recompute, told_decision
from reading import read, read_decisions, read_journal
from typer.testing import CliRunner
from worker_process import plant

from riskwatch.agents.explaining import find_trail
from riskwatch.lab.commands import policy_app
from riskwatch.policy.lendingfile import load_lending
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security
from riskwatch.streams.decisions import decode_trail
from riskwatch.streams.events import Bureau, Declared, LoanApplied

WHO = ("--by", "ann", "--reason", "a test")
APPLICATIONS = 1_600


def policy_file(folder: Path, name: str, rate: float) -> Path:
    file = folder / f"{name}.toml"
    file.write_text(f'extends = "cash-instalments"\nname = "{name}"\n[grades.A]\nannual_rate = {rate}\n')
    return file


def applications(first: int, count: int) -> list[LoanApplied]:
    """Of as many customers, good ones, made now: ingestion is taken to be then where ticks follow events."""
    now = datetime.now(UTC)
    return [
        LoanApplied(
            event_id=f"apply-{number}", tenant="bank", customer_id=f"c{number}", occurred_at=now,
            application_id=f"a-{number}", product="cash-instalments", amount=1_000_000, currency="CNY", term_months=12,
            declared=Declared(
                monthly_income=1_800_000, employment="employed", employed_months=72, monthly_debt_service=100_000,
                birth_date=date(1988, 1, 1),
            ),
            bureau=Bureau(score=735, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1),
        )
        for number in range(first, first + count)
    ]  # fmt: skip


async def command(broker: str, prefix: str, *arguments: str) -> str:
    env = {"RISKWATCH_BROKER": broker, "RISKWATCH_PREFIX": prefix, "COLUMNS": "250"}
    done = await asyncio.to_thread(CliRunner().invoke, policy_app, list(arguments), env=env)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


async def test_policies_published_under_load_decide_in_journal_order_and_are_rolled_back(
    broker: str, fresh_prefix: str, tmp_path: Path, pytestconfig: Any
) -> None:
    first, second, shadow = (
        policy_file(tmp_path, name, rate) for name, rate in (("first", 0.1), ("second", 0.09), ("shadow", 0.08))
    )
    version = {file.stem: load_lending(file).version for file in (first, second, shadow)}
    async with plant(broker, fresh_prefix, batch_records=100) as workers:
        worker = workers.start()
        await worker.ready()
        await command(broker, fresh_prefix, "publish", str(first), *WHO)
        await command(broker, fresh_prefix, "publish", str(shadow), *WHO, "--shadow")
        await workers.settled()
        loaded: list[int] = []

        async def load() -> None:
            for first_of in range(0, APPLICATIONS, 40):
                await publish(broker, fresh_prefix, applications(first_of, 40))
                loaded.append(first_of)

        async def change() -> None:
            while len(loaded) < 8:
                await asyncio.sleep(0.01)
            await command(broker, fresh_prefix, "publish", str(second), *WHO)

        await asyncio.gather(load(), change())
        worker.kill()  # between two versions, so that the shelf is read from the rows
        again = workers.start("two")
        await again.ready()
        await publish(broker, fresh_prefix, applications(APPLICATIONS, 200))
        await workers.settled(workers=[again])
        told = await command(broker, fresh_prefix, "rollback", "cash-instalments", *WHO)
        assert version["first"] in told
        await workers.settled(workers=[again])
        await publish(broker, fresh_prefix, applications(APPLICATIONS + 200, 200))
        await workers.settled(workers=[again])

        decisions = await read_decisions(broker, fresh_prefix)
        outcome = await check_all(broker, fresh_prefix)
        shadows = [decode_trail(each.value) for each in await read(broker, fresh_prefix, topics.SHADOW_DECISIONS)]
        journal = await read_journal(broker, fresh_prefix)

    by_id: dict[str, set[str]] = {}
    for each in decisions:
        by_id.setdefault(each.decision_id, set()).add(each.policy_version)
    assert len(by_id) == APPLICATIONS + 400
    assert all(len(versions) == 1 for versions in by_id.values()), "one decision, one version, also when repeated"

    ordered = sorted({(each.cause.partition, each.cause.offset, each.policy_version) for each in decisions})
    for number, own in groupby(ordered, key=lambda each: each[0]):
        told_versions = [versions for versions, _ in groupby(each[2] for each in own)]
        wanted = [version["first"], version["second"], version["first"]]
        assert told_versions == wanted, f"in partition {number} old comes before new, once"

    assert {each.decision.policy_version for each in shadows} == {version["shadow"]}
    assert {each.decision.application_id for each in shadows} == {each.application_id for each in decisions}
    assert all(each.decision.shadow for each in shadows)
    assert not {each.decision.decision_id for each in shadows} & set(by_id)
    expected = recompute(journal)
    assert {told_decision(each) for each in shadows} == {told_decision(each) for each in expected.shadows}
    figure(
        pytestconfig,
        "policies published under load",
        **outcome._asdict(),
        shadow_decisions=len({each.decision.decision_id for each in shadows}),
    )


async def test_a_backtest_of_the_journal_decides_again_what_was_decided(
    broker: str, fresh_prefix: str, tmp_path: Path
) -> None:
    first, second = policy_file(tmp_path, "first", 0.1), policy_file(tmp_path, "second", 0.09)
    async with plant(broker, fresh_prefix) as workers:
        worker = workers.start()
        await worker.ready()
        await publish(broker, fresh_prefix, applications(0, 100))
        await workers.settled()
        await command(broker, fresh_prefix, "publish", str(first), *WHO)
        await workers.settled()
        await publish(broker, fresh_prefix, applications(100, 100))
        await workers.settled()
        told = await command(broker, fresh_prefix, "backtest", str(second), "--journal", "kafka", "--max-share", "1")
        trail = await find_trail(broker, Security(), fresh_prefix, "a-150")
    assert trail.decision.policy == "first"
    assert "200 of 200 recorded decisions decided again: none differs" in told
    assert "200 decisions compared, 200 of them change" in told
    # From 10.8 % to 9 % for a hundred, from 10 % to 9 % for the other hundred: between them 1.4 points.
    assert "rate: 200 differ, by -1.40 points in the median" in told

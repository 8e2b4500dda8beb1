"""Limits and rates live: a bad policy moves lines over a crash, and is rolled back over another."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import typer
from figures import figure
from load import publish
from oracle import check_all
from typer.testing import CliRunner
from worker_process import Worker, plant

from riskwatch.agents.commands import actions_app
from riskwatch.lab.commands import policy_app
from riskwatch.policy.lendingfile import load_lending
from riskwatch.streams import events

CUSTOMERS = 80
WHO = ("--by", "ann", "--reason", "a test")
PLACE = {"tenant": "bank", "currency": "CNY"}


def bad_policy(folder: Path) -> Path:
    """Raises limits by a fifth at once, on less than the packaged one asks for."""
    file = folder / "bad.toml"
    file.write_text(
        'extends = "cash-instalments"\nname = "bad"\ntenant = "bank"\n'
        "[account]\nhysteresis = 0\nlargest_limit_step = 5_000_000\n"
    )
    return file


def granted(at: datetime) -> list[events.LoanApplied]:
    return [
        events.LoanApplied(
            event_id=f"apply-{number}", customer_id=f"c{number}", occurred_at=at, application_id=f"a-{number}",
            product="cash-instalments", amount=1_000_000, term_months=12,
            declared=events.Declared(
                monthly_income=1_800_000, employment="employed", employed_months=72, monthly_debt_service=100_000,
                birth_date=date(1988, 1, 1),
            ),
            bureau=events.Bureau(score=480, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1), **PLACE,
        )
        for number in range(CUSTOMERS)
    ]  # fmt: skip


def lent(at: datetime) -> list[events.LoanOpened]:
    schedule = [
        events.Instalment(number=month, due_on=(at + timedelta(days=40 * month)).date(), amount=100_000)
        for month in range(1, 9)
    ]
    return [
        events.LoanOpened(
            event_id=f"open-{number}", customer_id=f"c{number}", occurred_at=at, loan_id=f"l-{number}",
            product="cash-instalments", principal=800_000, annual_rate=0.144, schedule=schedule, **PLACE,
        )
        for number in range(CUSTOMERS)
    ]  # fmt: skip


def repaid(at: datetime, name: str, first: int, last: int) -> list[events.RepaymentReceived]:
    return [
        events.RepaymentReceived(
            event_id=f"pay-{name}-{number}", customer_id=f"c{number}", occurred_at=at, loan_id=f"l-{number}",
            amount=100_000, **PLACE,
        )
        for number in range(first, last)
    ]  # fmt: skip


async def command(app: typer.Typer, broker: str, prefix: str, *arguments: str) -> str:
    env = {"RISKWATCH_BROKER": broker, "RISKWATCH_PREFIX": prefix, "COLUMNS": "250"}
    done = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=env)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


async def test_what_a_bad_policy_did_is_rolled_back_once_over_two_crashes(
    broker: str, fresh_prefix: str, tmp_path: Path, pytestconfig: Any
) -> None:
    file, begin = bad_policy(tmp_path), datetime.now(UTC) - timedelta(days=61)
    batch = f"bad/{load_lending(file).version}"
    rollback = ("rollback", "--batch", batch, *WHO, "--rate-notice-days", "0", "--wait-seconds", "60")
    async with plant(broker, fresh_prefix, batch_records=50) as workers:
        worker = workers.start()
        await worker.ready()
        await publish(broker, fresh_prefix, granted(begin))
        await workers.settled()
        await publish(broker, fresh_prefix, lent(begin + timedelta(hours=1)))
        await publish(broker, fresh_prefix, repaid(begin + timedelta(days=30), "early", 0, CUSTOMERS))
        await command(policy_app, broker, fresh_prefix, "publish", str(file), *WHO)
        await workers.settled()
        await publish(broker, fresh_prefix, repaid(datetime.now(UTC), "late", 0, CUSTOMERS // 2))
        worker.kill()
        worker = workers.start("two")
        await publish(broker, fresh_prefix, repaid(datetime.now(UTC), "late", CUSTOMERS // 2, CUSTOMERS))
        await worker.ready()
        await workers.settled(workers=[worker])

        async def crash() -> Worker:
            await asyncio.sleep(1.0)
            worker.kill()
            return workers.start("three")

        told, third = await asyncio.gather(command(actions_app, broker, fresh_prefix, *rollback), crash())
        assert f"{CUSTOMERS} of {CUSTOMERS} lines are restored" in told
        await workers.settled(workers=[third])
        again = await command(actions_app, broker, fresh_prefix, *rollback)
        assert f"0 lines to restore, 0 left alone, {CUSTOMERS} restored before" in again
        listed = await command(actions_app, broker, fresh_prefix, "list", "--json")
        shown = await command(actions_app, broker, fresh_prefix, "show", "c7")
        outcome = await check_all(broker, fresh_prefix)

    lines: dict[str, list[dict[str, Any]]] = {}
    for each in map(json.loads, listed.splitlines()):
        lines.setdefault(each["customer_id"], []).append(each)
    assert len(lines) == CUSTOMERS
    # 20 % of 60,000.00 on the way to 75,000.00 (125 to 150): 72,000.00, and back.
    for moved, back in lines.values():
        assert (moved["batch"], moved["before"]["limit"], moved["after"]["limit"]) == (batch, 6_000_000, 7_200_000)
        assert (back["batch"], back["after"]["limit"], back["after"]["rate_bp"]) == (
            f"rollback/{batch}", 6_000_000, 1_440,
        )  # fmt: skip
        assert back["undoes"] == [moved["action_id"]]
    assert "asked for by" in shown
    figure(pytestconfig, "a bad policy rolled back", **outcome._asdict())

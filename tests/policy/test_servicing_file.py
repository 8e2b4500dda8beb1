"""Servicing rules as files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskwatch.features.servicing import STANDARD, Servicing
from riskwatch.policy.commands import policy_app
from riskwatch.policy.faults import PolicyError
from riskwatch.policy.servicingfile import load_servicing, packaged_servicing


def file_of(folder: Path, text: str) -> Path:
    path = folder / "servicing.toml"
    path.write_text('extends = "standard"\n' + text)
    return path


def faults_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as raised:
        load_servicing(file_of(folder, text))
    return [fault.message for fault in raised.value.faults]


def test_the_packaged_rules_are_those_that_the_ledger_has_by_itself() -> None:
    packaged = packaged_servicing().rules_for("any", "cash-instalments")
    assert packaged.version == STANDARD.version


def test_each_table_says_only_what_differs(tmp_path: Path) -> None:
    book = load_servicing(
        file_of(
            tmp_path,
            """
            [servicing]
            tolerance = 100
            [institutions.north]
            grace_days = 3
            [institutions.north.cash-instalments]
            across = "component-first"
            """,
        )
    )
    said = [
        (each.tolerance, each.grace_days, each.across)
        for each in (
            book.rules_for("south", "cash-instalments"),
            book.rules_for("north", ""),
            book.rules_for("north", "consumer-credit"),
            book.rules_for("north", "cash-instalments"),
        )
    ]
    assert said == [
        (100, 0, "oldest-first"), (100, 3, "oldest-first"), (100, 3, "oldest-first"), (100, 3, "component-first"),
    ]  # fmt: skip


def test_a_calendar_moves_due_dates_to_the_next_business_day(tmp_path: Path) -> None:
    book = load_servicing(file_of(tmp_path, '[institutions.north]\ncalendar = "DE"'))
    rules = book.rules_for("north", "")
    # 3 April 2026 is Good Friday, 6 April Easter Monday.
    assert rules.due_day(date(2026, 4, 3).toordinal()) == date(2026, 4, 7).toordinal()
    assert rules.due_day(date(2026, 4, 7).toordinal()) == date(2026, 4, 7).toordinal()


def test_every_fault_is_told(tmp_path: Path) -> None:
    text = """
    [servicing]
    waterfall = ["fee", "fee", "interest", "principal"]
    grace_days = 61
    tolerance = -1
    calendar = "Atlantis"
    [institutions.north]
    bucket = "M1"
    [institutions.north.cash]
    across = "first"
    """
    told = "\n".join(faults_of(tmp_path, text))
    for said in ("waterfall", "grace_days", "tolerance", "no business calendar", "`bucket`", "`cash`", "across"):
        assert said in told


def test_rules_that_say_the_same_have_one_version() -> None:
    assert Servicing(name="a").version == Servicing(name="b").version != Servicing(grace_days=1).version


def test_policy_check_shows_the_rules_of_each_institution(tmp_path: Path) -> None:
    file = file_of(tmp_path, "[institutions.north]\ngrace_days = 3")
    checked = CliRunner().invoke(policy_app, ["check", str(file)])
    assert checked.exit_code == 0
    assert "institutions.north: fee, penalty, interest, principal; oldest-first; grace 3 days" in checked.output


def test_policy_check_tells_the_faults_of_servicing_rules(tmp_path: Path) -> None:
    file = file_of(tmp_path, "[institutions.north]\ngrace = 3")
    checked = CliRunner().invoke(policy_app, ["check", str(file)])
    assert checked.exit_code == 1
    assert "unknown key `grace`" in checked.output

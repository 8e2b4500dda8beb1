"""`riskwatch policy backtest` over a journal file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from msgspec.structs import replace
from replayed import APPLICATIONS, CANDIDATE, decisions, write_file
from typer.testing import CliRunner

from riskwatch.lab.commands import policy_app


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    return write_file(tmp_path / "journal", APPLICATIONS, decisions(APPLICATIONS))


def run(folder: Path, *arguments: str) -> Result:
    candidate = folder / "candidate.toml"
    candidate.write_text(CANDIDATE, encoding="utf-8")
    return CliRunner().invoke(policy_app, ["backtest", str(candidate), *arguments], env={"COLUMNS": "200"})


def test_a_share_above_what_is_allowed_is_exit_code_3_and_a_sentence(tmp_path: Path, exported: Path) -> None:
    done = run(tmp_path, "--journal", str(exported), "--max-share", "0.49")
    assert done.exit_code == 3
    assert "careful touches 50.0% of the book (2 of 4 customers): more than the 49.0% allowed" in done.output


def test_a_share_that_is_just_allowed_is_exit_code_0(tmp_path: Path, exported: Path) -> None:
    done = run(tmp_path, "--journal", str(exported), "--max-share", "0.5")
    assert done.exit_code == 0
    assert "50.0% is allowed" in done.output


def test_the_report_says_what_it_compared_and_what_changes(tmp_path: Path, exported: Path) -> None:
    told = run(tmp_path, "--journal", str(exported)).output
    assert "6 of 6 recorded decisions decided again: none differs" in told
    assert "5 decisions compared, 3 of them change" in told
    assert "limit: 3 differ, by -10,000.00 in the median, -120,000.00 in all" in told
    assert "rate: 2 differ, by -0.90 points in the median" in told


def test_a_recorded_decision_that_differs_is_told(tmp_path: Path) -> None:
    recorded = decisions(APPLICATIONS)
    file = write_file(tmp_path / "journal", APPLICATIONS, [replace(recorded[0], amount=1), *recorded[1:]])
    told = run(tmp_path, "--journal", str(file)).output
    assert f"1 differ, such as {recorded[0].decision_id}" in told
    assert "1 decisions come out otherwise than they were recorded" in told


def test_the_report_goes_to_a_file_too(tmp_path: Path, exported: Path) -> None:
    out = tmp_path / "report.json"
    run(tmp_path, "--journal", str(exported), "--json", str(out))
    said = json.loads(out.read_text())
    assert (said["share"], said["decisions"]["touched"], said["recorded"]["differ"]) == (0.5, 2, 0)


def test_where_nothing_can_be_compared_nothing_is_allowed(tmp_path: Path, exported: Path) -> None:
    done = run(tmp_path, "--journal", str(exported), "--max-share", "1", "--since", "2030-01-01T00:00:00Z")
    assert done.exit_code == 3
    assert "how much of the book careful touches is not known: there are no applications" in done.output


def test_no_customer_is_named(tmp_path: Path, exported: Path) -> None:
    out = tmp_path / "report.json"
    told = run(tmp_path, "--journal", str(exported), "--json", str(out)).output + out.read_text()
    assert [name for name in ("a-c1", "a-c2", "apply-c", '"c1"', "bank") if name in told] == []


def test_a_file_that_was_cut_is_an_error_in_words(tmp_path: Path, exported: Path) -> None:
    exported.write_bytes(exported.read_bytes()[:-3])
    done = run(tmp_path, "--journal", str(exported))
    assert done.exit_code == 1
    assert "was cut: it ends after 12 records and before its end; export it anew" in str(done.exception)


def test_an_instant_without_its_zone_is_refused(tmp_path: Path, exported: Path) -> None:
    done = run(tmp_path, "--journal", str(exported), "--since", "2026-03-01T00:00:00")
    assert done.exit_code == 2
    assert "an instant with its zone" in done.output


def test_a_span_narrows_what_is_compared(tmp_path: Path, exported: Path) -> None:
    done = run(tmp_path, "--journal", str(exported), "--since", "2026-03-03T09:00:00Z", "--until", "2026-03-04T09:00Z")
    assert "1 decisions compared, 1 of them change" in done.output

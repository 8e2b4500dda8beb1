"""The laboratory's commands from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from riskwatch.lab import commands

RUN = CliRunner()


def app(command: object) -> typer.Typer:
    made = typer.Typer()
    made.command()(command)  # type: ignore[type-var]
    return made


def test_simulate_writes_events_that_the_contract_reads(tmp_path: Path) -> None:
    from riskwatch.streams.codec import Faults, decode_event

    out = tmp_path / "events.jsonl"
    done = RUN.invoke(app(commands.simulate), [str(out), "--customers", "60", "--days", "60"])
    assert done.exit_code == 0
    lines = out.read_bytes().splitlines()
    assert len(lines) > 1_000
    assert not [line for line in lines[:2_000] if isinstance(decode_event(line), Faults)]


def test_simulate_writes_the_truth_beside_the_events(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    out = tmp_path / "events.jsonl"
    RUN.invoke(app(commands.simulate), [str(out), "--customers", "60", "--days", "60", "--truth", str(truth)])
    kinds = {json.loads(line)["kind"] for line in truth.read_text().splitlines()}
    assert {"account-takeover", "self-cure", "traveller"} <= kinds


def test_simulate_portfolio_writes_the_lives_of_loans_and_their_courses(tmp_path: Path) -> None:
    from riskwatch.streams.codec import decode_event
    from riskwatch.streams.events import LoanOpened

    out, truth = tmp_path / "loans.jsonl", tmp_path / "truth.jsonl"
    arguments = ["portfolio", str(out), "--loans", "50", "--months", "8", "--truth", str(truth)]
    done = RUN.invoke(app(commands.simulate), arguments)
    assert done.exit_code == 0
    opened = [each for line in out.read_bytes().splitlines() if isinstance(each := decode_event(line), LoanOpened)]
    told = [json.loads(line) for line in truth.read_text().splitlines()]
    assert len(told) == 50
    assert {each.loan_id for each in opened} == {each["loan_id"] for each in told}
    assert {(each.tenant, each.customer_id) for each in opened} == {(t["tenant"], t["customer_id"]) for t in told}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--speed", "fast"], "is no speed"),
        (["--worker", "mine"], "expected embedded or none"),
        (["--worker", "none"], "give --broker"),
    ],
)
def test_replay_refuses_options_in_words(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = RUN.invoke(app(commands.replay), ["transactions", str(tmp_path), *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert told in done.output


def test_replay_of_a_folder_without_the_form_says_so(tmp_path: Path) -> None:
    done = RUN.invoke(app(commands.replay), ["transactions", str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no table of transactions" in str(done.exception)


def test_simulate_signups_writes_rows_and_what_is_planted(tmp_path: Path) -> None:
    out, truth = tmp_path / "signups.csv", tmp_path / "truth.jsonl"
    arguments = ["signups", str(out), "--rows", "1000", "--truth", str(truth)]
    assert RUN.invoke(app(commands.simulate), arguments).exit_code == 0
    assert len(out.read_text().splitlines()) == 1_001
    kinds = {json.loads(line)["kind"] for line in truth.read_text().splitlines()}
    assert kinds == {"ring", "office", "household", "lone-fraud"}


def test_simulate_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    done = RUN.invoke(app(commands.simulate), ["weather", str(tmp_path / "x")], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "expected customers, portfolio or signups" in done.output

"""`riskwatch policy publish`, `published`, `rollback`, `withdraw-shadow`, and `journal export`, at a broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import Result
from replayed import APPLICATIONS, CANDIDATE, decisions, write_file
from typer.testing import CliRunner

from riskwatch.agents.commands import journal_app
from riskwatch.agents.policytopic import publish_policy, read_published
from riskwatch.agents.provision import provision
from riskwatch.lab.commands import policy_app
from riskwatch.policy.lendingfile import load_lending
from riskwatch.policy.publication import Publication
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security
from riskwatch.streams.decisions import encode_decision
from riskwatch.streams.journalfile import read_journal_file
from riskwatch.streams.topics import full_name

Run = Callable[..., Result]
WHO = ("--by", "ann", "--reason", "less risk")
PLACE = ("cash-instalments", "--tenant", "*", "--currency", "CNY")


@pytest.fixture
def run(broker: str, fresh_prefix: str) -> Run:
    """Runs a command of `riskwatch policy` at a broker whose topics are there."""
    asyncio.run(provision(broker, fresh_prefix, 2, 1, Security()))

    def invoke(*arguments: str) -> Result:
        env = {"COLUMNS": "250", "RISKWATCH_BROKER": broker, "RISKWATCH_PREFIX": fresh_prefix}
        return CliRunner().invoke(policy_app, list(arguments), env=env)

    return invoke


def candidate(folder: Path, name: str = "careful") -> str:
    file = folder / f"{name}.toml"
    file.write_text(CANDIDATE.replace('"careful"', f'"{name}"'), encoding="utf-8")
    return str(file)


def stands(run: Run) -> list[tuple[str, str]]:
    lines = run("published", "--json").output.splitlines()
    return [(said["policy"], said["state"]) for said in map(json.loads, lines)]


def test_before_anything_is_published_the_workers_own_policies_decide(run: Run) -> None:
    assert "nothing was published: the workers' own policies decide" in run("published").output


def test_a_policy_is_published_with_who_and_why(run: Run, tmp_path: Path) -> None:
    file = candidate(tmp_path)
    done = run("publish", file, *WHO)
    version = load_lending(Path(file)).version
    assert done.exit_code == 0, done.output
    assert f"careful, version {version}, decides at once: cash-instalments in CNY of every institution" in done.output
    told = run("published").output
    assert all(each in told for each in (version, "in force", "ann", "less risk"))


def test_a_rollback_publishes_the_one_before_anew(run: Run, tmp_path: Path) -> None:
    for name in ("first", "second"):
        run("publish", candidate(tmp_path, name), *WHO)
    done = run("rollback", *PLACE, "--by", "bob", "--reason", "too stern")
    assert done.exit_code == 0, done.output
    assert "first, version" in done.output
    assert (
        "decides cash-instalments in CNY of every institution without its own again, instead of second" in done.output
    )
    assert stands(run) == [("first", "was in force"), ("second", "was in force"), ("first", "in force")]


def test_a_rollback_without_one_before_is_refused_in_a_sentence(run: Run, tmp_path: Path) -> None:
    done = run("rollback", *PLACE, *WHO)
    assert done.exit_code == 1
    assert "nothing was published for cash-instalments in CNY of every institution" in str(done.exception)
    run("publish", candidate(tmp_path), *WHO)
    assert "is all that was published" in str(run("rollback", *PLACE, *WHO).exception)
    assert stands(run) == [("careful", "in force")]


def test_what_waits_is_told_when_it_will_not_come_into_force(run: Run, tmp_path: Path) -> None:
    run("publish", candidate(tmp_path, "first"), *WHO)
    run("publish", candidate(tmp_path, "second"), *WHO)
    run("publish", candidate(tmp_path, "later"), *WHO, "--from", "2999-01-01T00:00:00Z")
    assert stands(run)[2] == ("later", "waits")
    done = run("rollback", *PLACE, *WHO)
    assert "will not come into force at 2999-01-01 00:00:00Z" in done.output
    assert stands(run)[2] == ("later", "never in force")


def test_a_shadow_is_published_and_withdrawn(run: Run, tmp_path: Path) -> None:
    run("publish", candidate(tmp_path), *WHO, "--shadow")
    assert stands(run) == [("careful", "shadow")]
    done = run("withdraw-shadow", *PLACE, *WHO)
    assert "is no longer in shadow" in done.output
    assert stands(run) == [("careful", "shadow ended")]
    assert "no published policy is in shadow" in str(run("withdraw-shadow", *PLACE, *WHO).exception)


def test_of_several_shadows_one_is_named(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run("publish", candidate(tmp_path, name), *WHO, "--shadow")
    assert "several are in shadow" in str(run("withdraw-shadow", *PLACE, *WHO).exception)
    version = load_lending(tmp_path / "two.toml").version
    run("withdraw-shadow", *PLACE, *WHO, "--version", version)
    assert sorted(stands(run)) == [("one", "shadow"), ("two", "shadow ended")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "2020-01-01T00:00:00Z"], "that is past"),
        (["--from", "tomorrow"], "is not an instant with its zone"),
        (["--force"], "nothing to force without --backtest"),
    ],
)
def test_options_that_make_no_sense_are_refused(run: Run, tmp_path: Path, arguments: list[str], told: str) -> None:
    done = run("publish", candidate(tmp_path), *WHO, *arguments)
    assert (done.exit_code, told in done.output) == (2, True)
    assert stands(run) == []


def test_a_policy_of_rules_is_not_published(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('name = "x"\n[rules.a]\n')
    assert "only lending policies are published" in run("publish", str(file), *WHO).output


def test_a_policy_with_faults_is_not_published(run: Run, tmp_path: Path) -> None:
    file = Path(candidate(tmp_path))
    file.write_text(file.read_text() + "\n[lending]\ndeadline_ms = 0\n")
    done = run("publish", str(file), *WHO)
    assert (done.exit_code, "`deadline_ms` is 0" in str(done.exception)) == (1, True)
    assert stands(run) == []


def test_a_clock_that_is_behind_the_last_publisher_s_does_not_publish(
    run: Run, tmp_path: Path, broker: str, fresh_prefix: str
) -> None:
    own = load_lending(Path(candidate(tmp_path)))
    ahead = datetime(2999, 1, 1, tzinfo=UTC)
    made = Publication(
        version=own.version, policy=own, in_force_from=ahead, published_at=ahead, published_by="bob", reason="r"
    )
    asyncio.run(publish_policy(broker, Security(), fresh_prefix, lambda _: made))
    done = run("publish", candidate(tmp_path, "second"), *WHO)
    assert done.exit_code == 1
    assert "bob published careful at 2999-01-01" in str(done.exception)
    assert "one of the two clocks is wrong" in str(done.exception)


# ---------------------------------------------------------------------------------------------------- backtested


def test_what_touches_too_much_is_not_published(run: Run, tmp_path: Path) -> None:
    journal = str(write_file(tmp_path / "journal", APPLICATIONS, []))
    done = run("publish", candidate(tmp_path), *WHO, "--backtest", journal, "--max-share", "0.4")
    assert done.exit_code == 3
    assert "more than the 40.0% allowed" in done.output
    assert stands(run) == []


def test_forced_it_is_published_and_share_and_reason_are_recorded(
    run: Run, tmp_path: Path, broker: str, fresh_prefix: str
) -> None:
    journal = str(write_file(tmp_path / "journal", APPLICATIONS, []))
    done = run("publish", candidate(tmp_path), *WHO, "--backtest", journal, "--max-share", "0.4", "--force")
    assert done.exit_code == 0, done.output
    (made,) = asyncio.run(read_published(broker, Security(), fresh_prefix)).publications
    assert (made.share, made.forced, made.reason) == (0.5, True, "less risk")
    assert "less risk (50.0% of the book touched, forced)" in run("published").output


def test_what_touches_little_is_published_unforced_with_its_share(
    run: Run, tmp_path: Path, broker: str, fresh_prefix: str
) -> None:
    journal = str(write_file(tmp_path / "journal", APPLICATIONS, []))
    run("publish", candidate(tmp_path), *WHO, "--backtest", journal, "--max-share", "0.5", "--force")
    (made,) = asyncio.run(read_published(broker, Security(), fresh_prefix)).publications
    assert (made.share, made.forced) == (0.5, False)


def test_a_shadow_may_touch_what_it_likes(run: Run, tmp_path: Path) -> None:
    journal = str(write_file(tmp_path / "journal", APPLICATIONS, []))
    done = run("publish", candidate(tmp_path), *WHO, "--shadow", "--backtest", journal, "--max-share", "0.1")
    assert (done.exit_code, stands(run)) == (0, [("careful", "shadow")])


# --------------------------------------------------------------------------------------------- the topic, the journal


async def _fill(broker: str, prefix: str) -> None:
    """The journal of partition 1, and the decisions that were made by it."""
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for topic, records in (
            (topics.JOURNAL, [(key, value) for _, key, value in APPLICATIONS]),
            (topics.DECISIONS, [(b"key", encode_decision(each)) for each in decisions(APPLICATIONS, 1)]),
        ):
            for key, value in records:
                await producer.send_and_wait(full_name(topic, prefix), value, key=key, partition=1)


def test_the_journal_is_exported_with_its_decisions_and_a_backtest_reads_either(
    run: Run, tmp_path: Path, broker: str, fresh_prefix: str
) -> None:
    asyncio.run(_fill(broker, fresh_prefix))
    file = tmp_path / "out.journal"
    env = {"RISKWATCH_BROKER": broker, "RISKWATCH_PREFIX": fresh_prefix}
    done = CliRunner().invoke(journal_app, ["export", str(file)], env=env)
    assert done.exit_code == 0, done.output
    assert "6 journal records and 6 decisions" in done.output
    with file.open("rb") as source:
        records = list(read_journal_file(source))
    journal = [(each.offset, each.key, each.value) for each in records if each.topic == "journal"]
    assert journal == APPLICATIONS
    assert not file.with_name("out.journal.part").exists()

    reports = []
    for name, source_name in (("file", str(file)), ("broker", "kafka")):
        out = tmp_path / f"{name}.json"
        assert run("backtest", candidate(tmp_path), "--journal", source_name, "--json", str(out)).exit_code == 3
        reports.append(json.loads(out.read_text()))
    assert reports[0] == reports[1]
    assert reports[0]["decisions"]["touched"] == 2
    assert reports[0]["recorded"] == {"known": 6, "compared": 6, "differ": 0, "examples": []}


def test_records_that_are_no_publications_are_counted_and_passed_over(
    run: Run, tmp_path: Path, broker: str, fresh_prefix: str
) -> None:
    async def spoil() -> Any:
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            await producer.send_and_wait(full_name(topics.POLICIES, fresh_prefix), b"{}", key=b"x", partition=0)

    run("publish", candidate(tmp_path), *WHO)
    asyncio.run(spoil())
    told = run("published").output
    assert "careful" in told
    assert "1 records of the topic are no publications and count for nothing" in told


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "out.journal"
    done = CliRunner().invoke(journal_app, ["export", str(file), "--broker", "127.0.0.1:1"])
    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []

"""`riskwatch actions` at a broker: list, show, and ask for a rollback, without a worker that would apply it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import Result
from msgspec import structs
from typer.testing import CliRunner

from riskwatch.agents.actioncommands import NoBatch, actions_app
from riskwatch.agents.actiontopic import UnreadableAction
from riskwatch.agents.provision import provision
from riskwatch.agents.topicreading import read_topic
from riskwatch.streams import topics
from riskwatch.streams.accountactions import (
    AccountAction,
    AccountReason,
    AnyAction,
    Compensation,
    Terms,
    action_identity,
    decode_action,
    encode_action,
)
from riskwatch.streams.connecting import Security
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import customer_key
from riskwatch.streams.partitioning import partition_of
from riskwatch.streams.rollbacks import read_compensation
from riskwatch.streams.topics import full_name

AT = datetime(2026, 5, 1, 9, tzinfo=UTC)
WHO = ("--by", "ann", "--reason", "limits too high")
PARTITIONS = 2
Run = Callable[..., Result]


def action(
    customer: str = "c1", number: int = 1, *, batch: str = "bad/0123456789ab", before: int = 100_000,
    after: int = 200_000, tenant: str = "bank",
) -> AccountAction:  # fmt: skip
    at, (policy, _, version) = AT + timedelta(days=number), batch.partition("/")
    return AccountAction(
        action_id=action_identity(f"{tenant}/{customer}".encode(), "cash-instalments", "CNY", number, "moved"),
        tenant=tenant, customer_id=customer, product="cash-instalments", currency="CNY", change="moved",
        before=Terms(grade="B", limit=before, rate_bp=1_440, frozen=False),
        after=Terms(grade="B", limit=after, rate_bp=1_240, frozen=False), moves=["limit", "rate"], announced_at=at,
        limit_from=at, rate_from=at, effective_from=at, batch=batch, decided_at=at, points=676.0, pd=0.01, bounds=[],
        reasons=[AccountReason(code="gain-clean-record", en="Paid.", zh="均已还清。", values={"own.max_dpd": 0.0})],
        cause=Cause(partition=0, offset=number, event_id=f"pay-{number}", event_type="RepaymentReceived"),
        policy=policy, policy_version=version,
    )  # fmt: skip


@pytest.fixture
def run(broker: str, fresh_prefix: str) -> Run:
    asyncio.run(provision(broker, fresh_prefix, PARTITIONS, 1, Security()))

    def invoke(*arguments: str) -> Result:
        env = {"COLUMNS": "300", "RISKWATCH_BROKER": broker, "RISKWATCH_PREFIX": fresh_prefix}
        return CliRunner().invoke(actions_app, list(arguments), env=env)

    return invoke


async def _write(broker: str, prefix: str, actions: list[AnyAction], topic: topics.Topic) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        for each in actions:
            key = customer_key(each.tenant, each.customer_id)
            number = partition_of(key, PARTITIONS)
            await producer.send_and_wait(full_name(topic, prefix), encode_action(each), key=key, partition=number)
    finally:
        await producer.stop()


@pytest.fixture
def write(broker: str, fresh_prefix: str) -> Callable[..., None]:
    def written(*actions: AnyAction, topic: topics.Topic = topics.ACCOUNT_ACTIONS) -> None:
        asyncio.run(_write(broker, fresh_prefix, list(actions), topic))

    return written


@pytest.fixture
def asked(broker: str, fresh_prefix: str) -> Callable[[], list[Compensation]]:
    async def read() -> list[Compensation]:
        found = []
        async for _, records in read_topic(broker, Security(), full_name(topics.ROLLBACKS, fresh_prefix)):
            for record in records:
                said = read_compensation(record.value)
                assert isinstance(said, Compensation), said
                found.append(said)
        return found

    return lambda: asyncio.run(read())


def test_what_was_done_is_listed_once_and_by_batch(run: Run, write: Callable[..., None]) -> None:
    write(action(), action(), action("c2", 2, batch="good/0123456789ab"))
    lines = [json.loads(line) for line in run("list", "--json").output.splitlines()]
    assert [(each["customer_id"], each["batch"]) for each in lines] == [
        ("c1", "bad/0123456789ab"), ("c2", "good/0123456789ab"),
    ]  # fmt: skip
    told = run("list", "--batch", "bad/0123456789ab").output
    assert "batch bad/0123456789ab" in told
    assert "c1        cash-instalments  moved" in told
    assert "B, 1,000.00 CNY, 14.4 % → B, 2,000.00 CNY, 12.4 %; gain-clean-record" in told
    assert "c2" not in told


def test_a_customer_s_actions_are_shown_with_their_reasons(run: Run, write: Callable[..., None]) -> None:
    write(action(), action("c2", 2))
    told = run("show", "c1", "--language", "zh").output
    assert all(each in told for each in ("均已还清。", "own.max_dpd 0.0", "676 points", "RepaymentReceived pay-1"))
    assert "c2" not in told
    assert "nothing was done to this customer's lines" in run("show", "c9").output


def test_what_shadows_would_have_done_is_shown_apart(run: Run, write: Callable[..., None]) -> None:
    write(structs.replace(action(), shadow=True), topic=topics.SHADOW_ACCOUNT_ACTIONS)
    assert "nothing was done" in run("list").output
    assert "c1        cash-instalments" in run("list", "--shadow").output


def test_a_rollback_asks_for_what_restores_each_line_of_the_batch(
    run: Run, write: Callable[..., None], asked: Callable[[], list[Compensation]]
) -> None:
    write(action(), action("c1", 2, before=200_000, after=300_000), action("c2", 3), action("c3", 4),
          action("c3", 5, batch="good/0123456789ab"), action("c4", 6, tenant="other"))  # fmt: skip
    done = run("rollback", "--batch", "bad/0123456789ab", "--tenant", "bank", *WHO, "--wait-seconds", "0.1")
    assert done.exit_code == 1, "no worker applies it"
    assert "2 lines to restore, 1 left alone, 0 restored before" in done.output
    assert action("c3", 5).action_id in done.output
    assert "0 of 2 lines are restored" in done.output
    found = {each.customer_id: each for each in asked()}
    assert sorted(found) == ["c1", "c2"]
    assert found["c1"].after.limit == 100_000
    assert found["c1"].undoes == [action("c1", 1).action_id, action("c1", 2).action_id]
    assert (found["c1"].requested_by, found["c1"].requested_because) == ("ann", "limits too high")
    assert found["c1"].rate_from == found["c1"].announced_at + timedelta(days=30)


def test_a_dry_run_asks_for_nothing(
    run: Run, write: Callable[..., None], asked: Callable[[], list[Compensation]]
) -> None:
    write(action())
    done = run("rollback", "--batch", "bad/0123456789ab", *WHO, "--dry-run")
    assert (done.exit_code, asked()) == (0, [])
    assert "1 lines to restore" in done.output
    assert done.output.splitlines()[-1] == "dry run: nothing was asked"


@pytest.mark.parametrize(
    "command", [("list",), ("list", "--json"), ("rollback", *WHO), ("rollback", *WHO, "--dry-run")]
)
def test_a_batch_that_nothing_is_of_is_refused_with_those_that_there_are(
    run: Run, write: Callable[..., None], command: tuple[str, ...]
) -> None:
    write(action(), action("c1", 2), action("c2", 3, batch="good/1"), action("c3", 4, batch="far/1", tenant="other"))
    done = run(*command, "--batch", "nosuch/1")
    assert (done.exit_code, type(done.exception)) == (1, NoBatch)
    assert str(done.exception) == ("no action of this batch, nosuch/1; batches are: far/1, good/1, bad/0123456789ab")
    done = run(*command, "--batch", "far/1", "--tenant", "bank")
    assert str(done.exception) == "no action of this batch, far/1; batches are: good/1, bad/0123456789ab"


def test_where_nothing_was_done_there_is_no_batch(run: Run) -> None:
    assert str(run("list", "--batch", "bad/1").exception) == "no action of this batch, bad/1; batches are: none"
    assert run("list").exit_code == 0


def test_of_many_batches_the_newest_are_told(run: Run, write: Callable[..., None]) -> None:
    write(*(action("c1", number, batch=f"b/{number:02}") for number in range(1, 23)))
    said = str(run("list", "--batch", "nosuch/1").exception)
    assert said.endswith("batches are: " + ", ".join(f"b/{number:02}" for number in range(22, 2, -1)) + " and 2 more")


def test_what_was_restored_is_not_asked_for_again(
    run: Run, write: Callable[..., None], asked: Callable[[], list[Compensation]]
) -> None:
    write(action())
    run("rollback", "--batch", "bad/0123456789ab", *WHO, "--wait-seconds", "0.1")
    write(*asked())  # as a worker does that has applied it
    done = run("rollback", "--batch", "bad/0123456789ab", *WHO)
    assert done.exit_code == 0
    assert "0 lines to restore, 0 left alone, 1 restored before" in done.output
    assert len(asked()) == 1


def test_a_span_of_time_bounds_a_rollback(
    run: Run, write: Callable[..., None], asked: Callable[[], list[Compensation]]
) -> None:
    write(action("c1", 1), action("c2", 2))
    run("rollback", "--batch", "bad/0123456789ab", "--since", "2026-05-03", *WHO, "--wait-seconds", "0.1")
    assert [each.customer_id for each in asked()] == ["c2"]


def test_who_and_why_must_be_said(run: Run) -> None:
    assert run("rollback", "--batch", "bad/0123456789ab").exit_code == 2
    assert run("rollback", "--batch", "bad/0123456789ab", "--by", " ", "--reason", "x").exit_code == 2


def test_a_record_that_is_no_action_stops_the_command(broker: str, fresh_prefix: str, run: Run) -> None:
    async def spoil() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker)
        await producer.start()
        await producer.send_and_wait(full_name(topics.ACCOUNT_ACTIONS, fresh_prefix), b"{}", partition=0)
        await producer.stop()

    asyncio.run(spoil())
    done = run("list")
    assert done.exit_code == 1
    assert isinstance(done.exception, UnreadableAction)
    assert str(done.exception).startswith(
        f"record 0 of partition 0 of {full_name(topics.ACCOUNT_ACTIONS, fresh_prefix)}"
    )


def test_the_wire_form_round_trips() -> None:
    assert decode_action(encode_action(action())) == action()

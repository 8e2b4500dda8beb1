"""`riskwatch collections queue`, over what is in the topic."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from aiokafka import AIOKafkaProducer
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rich.console import Console
from typer.testing import CliRunner

from riskwatch.agents.collectionscommands import collections_app, nothing_open, queue_table
from riskwatch.agents.provision import provision
from riskwatch.streams import topics
from riskwatch.streams.collections import ActionClosed, CollectionAction, encode_collection
from riskwatch.streams.connecting import security_from
from riskwatch.streams.outputs import Reason
from riskwatch.streams.topics import full_name

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)


def action(action_id: str, priority: int, tenant: str = "harbour", channel: str = "phone") -> CollectionAction:
    return CollectionAction(
        action_id=action_id, tenant=tenant, customer_id="c-1", loan_id="l-[1]", stage="firm", treatment="call",
        channel=channel, priority=priority, due_at=NINE, expires_at=NINE + timedelta(hours=8), script="s.call",
        reasons=[Reason(code="strategy", text="M2, line two", values={})], policy="p", policy_version="1", rules="cn",
        rules_version="2", decided_at=NINE,
    )  # type: ignore[arg-type]  # fmt: skip


RECORDS = [
    action("later", 50),
    action("first", 10),
    action("other", 20, tenant="north"),
    action("review", 5, channel="person"),
    action("gone", 1),
    ActionClosed(
        action_id="gone", tenant="harbour", customer_id="c-1", loan_id="l-[1]", ending="payment", closed_at=NINE
    ),
]


async def publish(broker: str, prefix: str, records: Sequence[CollectionAction | ActionClosed] = RECORDS) -> None:
    await provision(broker, prefix, 2, 1, security_from({}))
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        for number, record in enumerate(records):
            name = full_name(topics.COLLECTION_ACTIONS, prefix)
            await producer.send_and_wait(name, encode_collection(record), partition=number % 2)
    finally:
        await producer.stop()


def queue(broker: str, prefix: str, *options: str) -> list[str]:
    given = ["queue", "--broker", broker, "--prefix", prefix, "--at", "2026-06-01T10:00:00+0000", "--json", *options]
    result = CliRunner().invoke(collections_app, given)
    assert result.exit_code == 0, result.output
    return [json.loads(line)["action_id"] for line in result.output.splitlines()]


def test_the_queue_holds_what_is_open_the_most_urgent_first(broker: str, fresh_prefix: str) -> None:
    asyncio.run(publish(broker, fresh_prefix))
    assert queue(broker, fresh_prefix) == ["review", "first", "other", "later"]
    assert queue(broker, fresh_prefix, "--tenant", "north") == ["other"]
    assert queue(broker, fresh_prefix, "--channel", "person") == ["review"]
    assert queue(broker, fresh_prefix, "--at", "2026-06-02T10:00:00+0000") == []


def test_the_queue_of_the_past_holds_what_has_expired_or_was_closed_since(broker: str, fresh_prefix: str) -> None:
    expired = ActionClosed(
        action_id="first", tenant="harbour", customer_id="c-1", loan_id="l-[1]", ending="expired",
        closed_at=NINE + timedelta(hours=8),
    )  # fmt: skip
    asyncio.run(publish(broker, fresh_prefix, [action("first", 10), expired]))
    assert queue(broker, fresh_prefix) == ["first"]
    assert queue(broker, fresh_prefix, "--at", "2026-06-01T17:00:00Z") == []


def test_where_everything_is_of_the_past_the_reader_is_told_how_to_look_there(broker: str, fresh_prefix: str) -> None:
    asyncio.run(publish(broker, fresh_prefix))
    given = ["queue", "--broker", broker, "--prefix", fresh_prefix]
    told = CliRunner().invoke(collections_app, [*given, "--at", "2031-01-02T11:00:00+0100"]).output
    assert told == (
        "Nothing is to be done as of 2031-01-02 10:00 UTC; the newest action expired 2026-06-01 17:00 UTC: "
        "--at INSTANT, such as --at 2026-06-01T09:00:00Z\n"
    )
    there = CliRunner().invoke(collections_app, [*given, "--at", told.split()[-1]])
    assert "4 actions to do" in there.output
    told = CliRunner().invoke(collections_app, [*given, "--at", "2031-01-02T11:00:00+0100", "--tenant", "south"]).output
    assert told == "Nothing is to be done as of 2031-01-02 10:00 UTC.\n", "there are no records of that institution"


def test_what_is_still_to_come_or_held_out_is_not_of_the_past() -> None:
    held = structs.replace(action("held", 1), holdout=True)
    assert nothing_open([action("a", 1)], NINE - timedelta(hours=1)).endswith("08:00 UTC.")
    assert nothing_open([held], NINE + timedelta(days=1)).endswith("09:00 UTC.")
    late = structs.replace(action("a", 1), due_at=NINE + timedelta(microseconds=1))
    assert nothing_open([late], NINE + timedelta(days=1)).endswith("--at 2026-06-01T09:00:01Z"), "it is due by then"


def shown(actions: list[CollectionAction], width: int, limit: int = 50) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(queue_table(actions, limit=limit))
    return console.export_text().splitlines()


def test_a_reader_sees_who_what_until_when_and_why() -> None:
    text = "\n".join(shown([action("a", 10), action("b", 20)], 220, limit=1))
    for part in ("2 actions to do", "2026-06-01 17:00", "harbour/c-1", "l-[1]", "M2, line two", "and 1 more"):
        assert part in text
    assert queue_table([], 5) == "Nothing is to be done now."


def test_an_action_takes_two_lines_of_eighty_columns() -> None:
    lines = shown([action("a", 10), action("b", 20)], 80)
    assert [line.rstrip() for line in lines[2:]] == [
        "prio  until (UTC)       channel  customer     loan",
        "10    2026-06-01 17:00  phone    harbour/c-1  l-[1]",
        "  M2, line two; treatment call; stage firm; script s.call; action a",
        "20    2026-06-01 17:00  phone    harbour/c-1  l-[1]",
        "  M2, line two; treatment call; stage firm; script s.call; action b",
    ]


def test_the_end_is_told_in_utc_and_a_treatment_only_where_the_channel_does_not_say_it() -> None:
    there = NINE.astimezone(timezone(timedelta(hours=8))) + timedelta(hours=8)
    text = "\n".join(shown([structs.replace(action("a", 1), treatment="phone", expires_at=there)], 80))
    assert "2026-06-01 17:00  phone" in text
    assert "+08:00" not in text
    assert "treatment" not in text


@given(names=st.lists(st.text("abc-", min_size=1, max_size=60), min_size=3, max_size=3), width=st.integers(40, 130))
def test_nothing_of_an_action_is_cut_at_any_width(names: list[str], width: int) -> None:
    made = structs.replace(action(names[0], 1), customer_id=names[1], loan_id=names[2])
    text = "".join("".join(shown([made], width)).split())
    assert "…" not in text
    assert all(each in text for each in names)


def listed(number: int, **more: object) -> CollectionAction:
    given = {
        "action_id": f"a{number}", "loan_id": f"l-{number}", "channel": "batch", "file": "sale", "product": "cash",
        "fields": ["tenant", "loan_id", "product", "loan.exposure", "loan.dpd", "own.paid", "decided_at"],
        "values": {"loan.exposure": 1_234_500.0, "loan.dpd": 190.5, "own.paid": None},
    } | more  # fmt: skip
    return structs.replace(action("", 9), **given)


def written(broker: str, prefix: str, folder: Path, *options: str) -> tuple[int, str]:
    out = folder / "list.csv"
    given = ["file", "sale", str(out), "--broker", broker, "--prefix", prefix, "--at", "2026-06-01T10:00:00+0000"]
    result = CliRunner().invoke(collections_app, [*given, *options])
    return result.exit_code, out.read_text() if out.exists() else result.output


def test_a_list_for_sale_holds_every_open_loan_of_it_with_its_fields(
    broker: str, fresh_prefix: str, tmp_path: Path
) -> None:
    ended = ActionClosed(
        action_id="a3", tenant="harbour", customer_id="c-1", loan_id="l-3", ending="payment", closed_at=NINE
    )
    others = [listed(4, holdout=True), listed(5, file="suit"), action("call", 1), listed(3), ended]
    asyncio.run(publish(broker, fresh_prefix, [listed(2, tenant="north"), listed(1), *others]))
    code, text = written(broker, fresh_prefix, tmp_path)
    assert code == 0
    assert text.splitlines() == [
        "action_id,tenant,loan_id,product,loan.exposure,loan.dpd,own.paid,decided_at",
        "a1,harbour,l-1,cash,1234500,190.5,,2026-06-01T09:00:00+00:00",
        "a2,north,l-2,cash,1234500,190.5,,2026-06-01T09:00:00+00:00",
    ]
    code, text = written(broker, fresh_prefix, tmp_path, "--tenant", "north")
    assert [line.split(",")[0] for line in text.splitlines()] == ["action_id", "a2"]


def test_a_list_that_nobody_is_on_is_not_written(broker: str, fresh_prefix: str, tmp_path: Path) -> None:
    asyncio.run(publish(broker, fresh_prefix, [listed(5, file="suit")]))
    code, told = written(broker, fresh_prefix, tmp_path)
    assert code == 1
    assert "Lists that were ever filled: suit." in told

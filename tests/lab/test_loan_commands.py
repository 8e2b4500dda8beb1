"""`riskwatch loans report` and `loans show` at a broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from click.testing import Result
from loan_making import action, closed, contact, day, looked_at, moved, opened, paid
from typer.testing import CliRunner

from riskwatch.agents.provision import provision
from riskwatch.lab.loancommands import loans_app
from riskwatch.streams import topics
from riskwatch.streams.collections import encode_collection
from riskwatch.streams.connecting import Security
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.outputs import Alert, Cause, Reason, encode_output
from riskwatch.streams.packing import customer_key, pack_answer, pack_broadcast, pack_entry, pack_tick, to_ms
from riskwatch.streams.partitioning import partition_of

Run = Callable[..., Result]
PARTITIONS = 3
LATE = ("loan-moves", "account-actions", "collection-actions")
TWICE = [("u", "e"), ("v", "e")]
"""A customer id that two institutions have."""


def entry(event: AnyEvent) -> bytes:
    at = to_ms(event.occurred_at)
    return pack_entry(
        event, source_topic=4, source_partition=0, source_offset=0, source_at=at, ingested_at=at, zone_of={},
        secret=b"k" * 16,
    )  # fmt: skip


ALERT = Alert(
    alert_id="w", tenant="t", customer_id="c", rule="first-instalment-late", kind="early-warning", severity="high",
    subject="c", reasons=[Reason(code="r", text="three days past due", values={})], features={},
    cause=Cause(partition=0, offset=0, event_id="e", event_type="x"), policy="p", policy_version="1",
    occurred_at=day(37), detected_at=day(37),
)  # fmt: skip
CALL = action(day(38), considered=[looked_at("limits.calls-a-day")])
OF_C = [
    ("journal", entry(opened(day(4)))), ("journal", entry(paid(day(50), 500))),
    ("journal", entry(contact(day(38.2), action_id="a"))), ("early-warnings", encode_output(ALERT)),
    ("loan-moves", msgspec.json.encode(moved(day(35), "M0", "M1", past_due_days=1, past_due=500))),
    ("loan-moves", b"not a move"),
    ("loan-moves", msgspec.json.encode(moved(day(50), "M1", "M0", exposure=500))),
    ("collection-actions", encode_collection(CALL)),
    ("collection-actions", encode_collection(closed(CALL, "done", day(38.2), reported="no-answer"))),
]  # fmt: skip
OF_D = [
    ("journal", entry(opened(day(4), "other", customer_id="d"))),
    ("loan-moves", msgspec.json.encode(moved(day(40), "M0", "M1", "other", customer_id="d"))),
]
YEARS_LATER = to_ms(day(3_000))
ASKED = [
    *(pack_broadcast(kind, YEARS_LATER, b"{}") for kind in (Kind.LIST_CHANGED, Kind.POLICY_PUBLISHED)),
    pack_answer(Kind.TERMS_RESTORED, YEARS_LATER, 1, 2, b"{}"),
]
"""What people asked for while history was told: it bears the time of the machine, not that of the events."""


async def fill(broker: str, prefix: str, late: tuple[str, ...]) -> None:
    await provision(broker, prefix, PARTITIONS, 1, Security())
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        wanted = [f"{prefix}.{name}.v1" for name in LATE]
        for name in wanted:
            if name.split(".")[1] not in late and name in there:
                await admin.delete_topics([name])
        new = [name for name in wanted if name.split(".")[1] in late and name not in there]
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in new])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for customer, records in (("c", OF_C), ("d", OF_D)):
            key = customer_key("t", customer)
            for name, value in records:
                if name not in LATE or name in late:
                    where = partition_of(key, PARTITIONS)
                    await producer.send_and_wait(f"{prefix}.{name}.v1", value, key=key, partition=where)
        for tenant, customer in TWICE:
            key, value = (
                customer_key(tenant, customer),
                entry(opened(day(65), "twice", customer_id=customer, tenant=tenant)),
            )
            name = topics.full_name(topics.JOURNAL, prefix)
            await producer.send_and_wait(name, value, key=key, partition=partition_of(key, PARTITIONS))
        for number in range(PARTITIONS):
            name = topics.full_name(topics.JOURNAL, prefix)
            await producer.send_and_wait(name, pack_tick(to_ms(day(70))), partition=number)
            for value in ASKED:
                await producer.send_and_wait(name, value, key=customer_key("t", "c"), partition=number)


@pytest.fixture
def at(broker: str, fresh_prefix: str) -> Callable[..., Run]:
    """Fills a broker's topics, of which some may be absent, and gives what runs a command there."""

    def filled(late: tuple[str, ...] = LATE) -> Run:
        asyncio.run(fill(broker, fresh_prefix, late))
        env = {"COLUMNS": "200", "RISKWATCH_BROKER": broker, "RISKWATCH_PREFIX": fresh_prefix}
        return lambda *arguments, **more: CliRunner().invoke(loans_app, list(arguments), env=env | more)

    return filled


def test_the_report_tells_the_book_and_writes_plots_and_data(at: Callable[..., Run], tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = at()("report", "--out", str(out))
    assert done.exit_code == 0, done.output
    for each in ("Loans of t in CNY", "2025-03-12 00:00 UTC", "limits.calls-a-day", "calls-a-week"):
        assert each in done.output
    files = sorted(each.name for each in out.iterdir())
    assert files == ["book.json", "contact-budget-t.svg", "roll-rates-t-cny.svg", "vintages-t-cny.svg"]
    for name in files[1:]:
        assert ElementTree.parse(out / name).getroot().tag.endswith("svg")
    book = json.loads((out / "book.json").read_text())
    # M1 at the end of February: neither; the loan of c was cured on day 50, that of d stayed in M1.
    assert book["loans"][0]["rolls"]["cells"]["M0"] == {state: {"loans": 1, "amount": 1000} for state in ("M0", "M1")}


def test_the_report_and_a_life_go_until_the_newest_event_or_tick_whatever_people_asked_for_since(
    at: Callable[..., Run],
) -> None:
    run = at()
    assert "2025-03-12 00:00 UTC" in run("report").output
    assert run("show", "c").output.startswith("c at t, until 2025-03-12 00:00 UTC\n")


def test_the_report_as_json_is_one_object(at: Callable[..., Run]) -> None:
    said = json.loads(at()("report", "--json").stdout)
    assert said["loans"][0]["standing"] == {"M0": [1, 500], "M1": [1, 1000]}
    assert (said["collections"][0]["budget"]["contacts"], said["absent"]) == (1, [])


def test_topics_that_are_not_there_yet_are_named_and_the_rest_is_told(
    at: Callable[..., Run], fresh_prefix: str
) -> None:
    run = at(())
    told = run("report").output
    assert "1 made" in told
    assert f"topics that the broker does not have: {fresh_prefix}.loan-moves.v1" in told
    shown = run("show", "c", "--tenant", "t")
    assert shown.exit_code == 0
    assert "three days past due" in shown.output
    assert "account-actions" in shown.stderr


def test_a_customer_is_found_without_the_institution_and_shown_from_every_topic(at: Callable[..., Run]) -> None:
    done = at()("show", "c")
    assert done.exit_code == 0, done.output
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "c at t, until 2025-03-12 00:00 UTC"
    for each in (
        "2025-01-05 Sun M0 opened: 10.00 CNY in 2 instalments",
        "2025-02-05 Wed M1 M0 -> M1, 1 day past due with 5.00 CNY",
        "2025-02-07 Fri M1 warning first-instalment-late (high): three days past due",
        "M1 call ended: done, no-answer",
    ):
        assert each in lines
    assert lines[-1] == (
        "loans: 1 (1 M0); paid: 5.00 CNY; owed: 5.00 CNY; worst bucket: M1; open actions: 0; alerts that stand: 1"
    )
    assert "other" not in done.stdout


def test_a_terminal_gets_coloured_blocks_and_one_without_colours_ascii(at: Callable[..., Run]) -> None:
    run = at()
    coloured = run("show", "c", FORCE_COLOR="1", TERM="xterm-256color")
    assert coloured.exit_code == 0, coloured.output
    assert "M0 → M1" in coloured.stdout
    assert "\x1b[" in coloured.stdout
    plain = run("show", "c", FORCE_COLOR="1", NO_COLOR="1")
    assert "M0 -> M1" in plain.stdout
    assert "\x1b[" not in plain.stdout


def test_a_life_as_json_from_a_day_on(at: Callable[..., Run]) -> None:
    said = json.loads(at()("show", "d", "--tenant", "t", "--since", "2025-02-05", "--json").stdout)
    assert [(row["day"], row["happening"]["kind"]) for row in said["rows"]] == [
        ("2025-02-10", "LoanMoved"), ("2025-03-06", "InstalmentDue"),
    ]  # fmt: skip
    assert date.fromisoformat(said["lanes"][0]["opened_on"]) == date(2025, 1, 5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody"], "is about a customer nobody"),
        (["c", "--tenant", "elsewhere"], "is about the customer c of elsewhere"),
        (["e"], "e is a customer of u, v: say which with --tenant"),
        (["c", "--loan", "none"], "c at t has no loan none"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(at: Callable[..., Run], arguments: list[str], told: str) -> None:
    done = at()("show", *arguments)
    assert (done.exit_code, told in str(done.exception)) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "more", "told"),
    [
        (["show", "c", "--since", "yesterday"], {}, "is no day"),
        (["report", "--zone", "Berlin"], {}, "is not TENANT=IANA-NAME"),
        (["report", "--zone", "t=Mars/Base"], {}, "is no time zone"),
        (["report"], {"RISKWATCH_ZONES": "t: x"}, "is not JSON"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: list[str], more: dict[str, Any], told: str) -> None:
    done = CliRunner().invoke(loans_app, arguments, env={"COLUMNS": "200", **more})
    assert (done.exit_code, told in done.output) == (2, True)


def test_the_institution_s_zone_is_the_workers_unless_an_option_says_another(at: Callable[..., Run]) -> None:
    run = at()
    shanghai = {"RISKWATCH_ZONES": '{"t": "Asia/Shanghai"}'}
    days = [
        next(row["day"] for row in json.loads(run(*arguments, **more).stdout)["rows"] if "ContactMade" in str(row))
        for arguments, more in (
            (("show", "c", "--json"), shanghai),
            (("show", "c", "--json", "--zone", "t=Pacific/Kiritimati"), {}),
            (("show", "c", "--json", "--zone", "t=Pacific/Honolulu"), shanghai),
        )
    ]
    assert days == ["2025-02-08", "2025-02-08", "2025-02-07"]

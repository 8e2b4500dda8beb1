"""Lists and fraud cases by the command line, against workers as they are in production."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from reading import committed, read, read_inputs, read_journal
from typer.testing import CliRunner
from worker_process import plant

from riskwatch.agents.provision import CHANGELOG
from riskwatch.cli import build
from riskwatch.streams import topics
from riskwatch.streams.deadletters import diagnosis, restore
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import FraudCleared, FraudConfirmed
from riskwatch.streams.listing import ListChange
from riskwatch.streams.listreading import decode_audit, decode_change
from riskwatch.streams.liststanding import once
from riskwatch.streams.packing import headers_of, payload_of, unpack_event
from riskwatch.streams.pseudonyms import keyed_hash
from riskwatch.streams.topics import full_name

PHONE = "+86 138 0013 8000"
KEY = "a key of this test alone"
Run = Callable[..., Any]


@pytest.fixture
def run(broker: str, fresh_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `riskwatch …` in a thread (it brings an event loop of its own): exit code and output."""
    monkeypatch.setenv("RISKWATCH_BROKER", broker)
    monkeypatch.setenv("RISKWATCH_PREFIX", fresh_prefix)
    monkeypatch.setenv("COLUMNS", "240")

    async def invoke(*arguments: Any) -> tuple[int, str]:
        words = [str(each) for each in arguments]
        result = await asyncio.to_thread(CliRunner().invoke, build(words[0]), words)
        return result.exit_code, result.output

    return invoke


async def broadcast(broker: str, prefix: str) -> dict[int, list[ListChange]]:
    """Journal partition → the changes of lists in it, in order, repeats and all."""
    found: dict[int, list[ListChange]] = {}
    for number, records in (await read_journal(broker, prefix)).items():
        kinds = headers_of([record.value for record in records])["kind"].tolist()
        found[number] = [
            decode_change(payload_of(record.value))
            for record, kind in zip(records, kinds, strict=True)
            if kind == Kind.LIST_CHANGED
        ]
        assert all(record.key is None for record, kind in zip(records, kinds, strict=True) if kind >= Kind.TICK)
    return found


async def audited(broker: str, prefix: str) -> list[ListChange]:
    return [decode_audit(record.value) for record in await read(broker, prefix, topics.LIST_CHANGES)]


async def holding(broker: str, prefix: str, *clear: bytes) -> set[str]:
    """The names of topics that hold one of the texts in a key, a value or a header."""
    found = set()
    for topic in (*topics.TOPICS, CHANGELOG):
        for record in await read(broker, prefix, topic):
            parts = [record.key or b"", record.value or b"", *[value or b"" for _, value in record.headers]]
            if any(text in part for text in clear for part in parts):
                found.add(topic.name)
    return found


async def test_a_phone_on_a_list_is_hashed_in_every_journal_partition_and_in_clear_nowhere_but_in_its_request(
    broker: str, fresh_prefix: str, run: Run
) -> None:
    add = ("lists", "add", "block", "phone", PHONE, "--tenant", "acme", "--reason", "ring", "--by", "li.na")
    async with plant(broker, fresh_prefix, identifier_key=KEY) as workers:
        worker = workers.start()
        await worker.ready()
        code, output = await run(*add, "--for", "90d")
        assert code == 0, output
        await workers.settled()
        entries = await broadcast(broker, fresh_prefix)
        audit = await audited(broker, fresh_prefix)
        clear = await holding(broker, fresh_prefix, b"138 0013 8000", b"13800138000", b"0013 8000")
        metrics = await worker.metrics()
    assert sorted(entries) == [0, 1, 2, 3]
    assert all(changes == audit for changes in entries.values())
    [change] = audit
    assert change.values == (keyed_hash(KEY.encode(), "acme", "phone", "+8613800138000"),)
    assert (change.actor, change.reason, change.purpose) == ("li.na", "ring", "block")
    assert change.expires_ms == change.at_ms + 90 * 86_400_000
    assert clear == {"lists"}
    assert metrics["control_records_total"] == 1


async def test_what_stands_and_what_was_changed_is_shown(broker: str, fresh_prefix: str, run: Run) -> None:
    asked = ("--tenant", "acme", "--reason", "r", "--by", "li.na")
    async with plant(broker, fresh_prefix) as workers:
        workers.start()
        await run("lists", "add", "block", "device", "D-1", *asked)
        await run("lists", "add", "watch", "merchant", "M-1", *asked)
        await run("lists", "remove", "watch", "merchant", "M-1", *asked)
        await run("lists", "add", "allow", "customer", "C-1", *asked, "--until", "2099-01-31")
        await workers.settled()
        shown = (await run("lists", "show", "--tenant", "acme"))[1]
        others = (await run("lists", "show", "--tenant", "other"))[1]
        blocked = (await run("lists", "show", "--purpose", "block"))[1]
        history = (await run("lists", "history"))[1]
    assert all(text in shown for text in ("D-1", "C-1", "2099-02-01 00:00:00Z", "for good", "li.na"))
    assert "M-1" not in shown
    assert "nothing stands" in others
    assert "D-1" in blocked
    assert "C-1" not in blocked
    assert [line.split()[2:4] for line in history.splitlines() if "acme" in line and "M-1" in line] == [
        ["acme", "on"], ["acme", "off"],
    ]  # fmt: skip


async def test_a_file_of_list_requests_is_brought_in_by_one_of_two_workers_in_its_order(
    broker: str, fresh_prefix: str, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "lists.csv"
    file.write_text("purpose,kind,text\n" + "".join(f"block,device,D-{n}\n" for n in range(500)) + "block,ip,office\n")
    async with plant(broker, fresh_prefix) as workers:
        both = [workers.start("one"), workers.start("two")]
        for worker in both:
            await worker.ready()
        code, output = await run("lists", "import", file, "--tenant", "acme", "--reason", "r", "--by", "li.na")
        await workers.settled()
        entries = await broadcast(broker, fresh_prefix)
        metrics = [await worker.metrics() for worker in both]
    assert sorted(each.get("control_records_total", 0) for each in metrics) == [0, 500]
    assert (code, "501 rows read, 500 requests published, 1 refused" in output) == (1, True)
    for changes in entries.values():
        assert [change.values for change in changes] == [(f"D-{n}",) for n in range(500)]


async def test_poison_requests_are_dead_letters_byte_for_byte_and_the_others_are_broadcast(
    broker: str, fresh_prefix: str, run: Run
) -> None:
    poison = [b"", b"{", b"\xff", b'{"tenant":5}', b'{"x":' + b"[" * 5_000, b"[]"]
    async with plant(broker, fresh_prefix) as workers:
        name = full_name(topics.LISTS, fresh_prefix)
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            for value in (*poison, None):
                await producer.send_and_wait(name, value, b"acme", headers=[("trace", b"t")])
        await run("lists", "add", "block", "device", "D-1", "--tenant", "acme", "--reason", "r", "--by", "b")
        worker = workers.start()
        await workers.settled()
        letters = await read(broker, fresh_prefix, topics.DEAD_LETTERS)
        entries = await broadcast(broker, fresh_prefix)
        metrics = await worker.metrics()
        code, output = await run("dead-letters", "replay", "--topic", "lists", "--dry-run")
    assert [restore(letter).value for letter in letters] == poison
    assert all(restore(letter).headers == [("trace", b"t")] and diagnosis(letter).faults for letter in letters)
    assert [len(changes) for changes in entries.values()] == [1, 1, 1, 1]
    assert metrics["control_records_total"] == len(poison) + 2
    assert (code, f"{len(poison)} would be replayed to {name}" in output) == (0, True)


@pytest.mark.parametrize("point", ["after-outputs", "after-journal"])
async def test_an_agent_killed_before_or_after_the_journal_loses_no_change(
    broker: str, fresh_prefix: str, run: Run, point: str
) -> None:
    """After the audit was written, or after the entries were: before anything is committed. The journal is empty until
    then, so no other agent passes these points."""
    async with plant(broker, fresh_prefix) as workers:
        for number in range(5):
            await run(
                "lists", "add", "block", "device", f"D-{number}", "--tenant", "acme", "--reason", "r", "--by", "b"
            )
        struck = workers.start(fault=f"{point}:1")
        assert await struck.ended() == -signal.SIGKILL
        asked = [change.change_id for change in await audited(broker, fresh_prefix)]
        before = await broadcast(broker, fresh_prefix)
        offsets = await committed(broker, fresh_prefix, full_name(topics.LISTS, fresh_prefix))
        last = workers.start()
        await workers.settled(workers=[last])
        entries = await broadcast(broker, fresh_prefix)
        audit = await audited(broker, fresh_prefix)
    assert len(asked) == 5
    assert sum(offsets.values()) == 0
    assert any(before.values()) == (point == "after-journal")
    assert len(audit) == 10
    assert [change.change_id for change in once(audit)] == asked
    assert sorted(entries) == [0, 1, 2, 3]
    for changes in entries.values():
        assert [change.change_id for change in once(changes)] == asked


async def test_a_second_import_of_fraud_cases_changes_nothing(
    broker: str, fresh_prefix: str, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(
        "case_id;typology;confirmed_at;phone;customer_id\n"
        + "".join(f"F-{n};takeover;2026-03-01;{13_800_138_000 + n};{'' if n % 2 else f'C-{n}'}\n" for n in range(200))
        + "F-1;takeover;2026-03-01;;\n"
    )
    arguments = ("cases", "import", file, "--tenant", "acme", "--zone", "Asia/Shanghai")
    async with plant(broker, fresh_prefix) as workers:
        worker = workers.start()
        await worker.ready()
        first, second = await run(*arguments), await run(*arguments)
        cleared = await run("cases", "clear", "F-1", "--tenant", "acme")
        await workers.settled()
        metrics = await worker.metrics()
        inputs = await read_inputs(broker, fresh_prefix)
        journal = await read_journal(broker, fresh_prefix)
    for code, output in (first, second):
        assert (code, "201 rows read, 200 cases published, 1 refused" in output) == (1, True)
    assert cleared[0] == 0
    assert len(inputs) == 401
    assert metrics["duplicates_total"] == 200
    events = [unpack_event(each.value) for records in journal.values() for each in records if each.key is not None]
    assert Counter(type(event) for event in events) == {FraudConfirmed: 400, FraudCleared: 1}
    assert len({event.event_id for event in events}) == 201
    [taken_back] = [event for event in events if isinstance(event, FraudCleared)]
    assert (taken_back.customer_id, taken_back.case_id) == ("case:F-1", "F-1")


async def test_where_no_worker_has_made_the_topics_none_is_made(broker: str, fresh_prefix: str, run: Run) -> None:
    code, _ = await run("lists", "add", "block", "device", "D-1", "--tenant", "acme", "--reason", "r", "--by", "b")
    async with AIOKafkaConsumer(bootstrap_servers=broker) as consumer:
        made = {name for name in await consumer.topics() if name.startswith(fresh_prefix)}
    assert (code, made) == (1, set())

"""Listing, showing and replaying dead letters against a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import topic_making
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from topic_making import make_topics
from typer.testing import CliRunner

from riskwatch.streams.codec import Faults, decode_event
from riskwatch.streams.connecting import BrokerAway
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.letters import ForeignTopic, Letter, put_back, read_letters
from riskwatch.streams.topics import DEAD_LETTERS, LOGINS, TRANSACTIONS, full_name

NOW = datetime(2024, 5, 1, 12, 34, 56, tzinfo=UTC)
VALUES = (b"\xff\x00", b'{"type": "LoginFailed", "tenant": 5}', b'{"type": "Nonsense"}', b"x" * 300_000)
PARTITIONS = 2
CODES = ("not-utf8", "missing-field", "unknown-type", "too-large")


@pytest.fixture
async def prefix(broker: str, fresh_prefix: str) -> str:
    """The prefix of topics with four dead letters, three from logins and one from transactions."""
    await make_topics(broker, (DEAD_LETTERS, LOGINS, TRANSACTIONS), fresh_prefix, PARTITIONS)
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        for number, value in enumerate(VALUES):
            topic = TRANSACTIONS if number == 3 else LOGINS
            record: Any = SimpleNamespace(
                topic=full_name(topic, fresh_prefix),
                partition=1,
                offset=number,
                timestamp=1_700_000_000_000 + number,
                key=b"key-%d" % number,
                value=value,
                headers=[("trace", b"t-%d" % number)],
            )
            faults = decode_event(value)
            assert isinstance(faults, Faults)
            letter = dead_letter(record, faults, NOW)
            await producer.send_and_wait(
                full_name(DEAD_LETTERS, fresh_prefix),
                letter.value,
                letter.key,
                partition=number % 2,
                timestamp_ms=letter.timestamp,
                headers=letter.headers,
            )
    finally:
        await producer.stop()
    return fresh_prefix


async def letters_of(broker: str, prefix: str, **only: Any) -> list[Letter]:
    return [letter async for letter in read_letters(broker, prefix=prefix, **only)]


records_of = partial(topic_making.records_of, partitions=PARTITIONS)


async def test_every_letter_is_read_and_the_reading_ends(broker: str, prefix: str) -> None:
    letters = await letters_of(broker, prefix)
    assert {letter.diagnosis.code for letter in letters if letter.diagnosis is not None} == set(CODES)


async def test_letters_are_chosen_by_code(broker: str, prefix: str) -> None:
    assert [letter.record.value for letter in await letters_of(broker, prefix, code="not-utf8")] == [b"\xff\x00"]


@pytest.mark.parametrize("name", ["transactions", "{prefix}.transactions.v1"])
async def test_letters_are_chosen_by_source_topic(broker: str, prefix: str, name: str) -> None:
    [letter] = await letters_of(broker, prefix, topic=name.format(prefix=prefix))
    assert letter.record.key == b"key-3"


async def test_letters_that_were_written_as_one_batch_are_all_read(broker: str, fresh_prefix: str) -> None:
    await make_topics(broker, (DEAD_LETTERS,), fresh_prefix, PARTITIONS)
    producer = AIOKafkaProducer(bootstrap_servers=broker, linger_ms=200)
    await producer.start()
    try:
        name = full_name(DEAD_LETTERS, fresh_prefix)
        await asyncio.gather(*[await producer.send(name, b"%d" % number, partition=0) for number in range(1_200)])
    finally:
        await producer.stop()
    assert [int(letter.record.value or b"") for letter in await letters_of(broker, fresh_prefix)] == list(range(1_200))


async def test_without_a_topic_there_are_no_letters(broker: str) -> None:
    assert await letters_of(broker, "nothing-here") == []


async def test_an_absent_broker_is_an_error() -> None:
    with pytest.raises(BrokerAway, match="Connection refused"):
        await letters_of("127.0.0.1:1", "x", patience=2)


# ------------------------------------------------------------------------------------------------------------ commands


Run = Callable[..., Any]


@pytest.fixture
def run(broker: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `riskwatch dead-letters …` in a thread (it brings an event loop of its own): exit code and output."""
    from riskwatch.cli import build

    monkeypatch.setenv("RISKWATCH_BROKER", broker)
    monkeypatch.setenv("RISKWATCH_PREFIX", prefix)
    monkeypatch.setenv("COLUMNS", "200")

    async def invoke(*arguments: str) -> tuple[int, str]:
        command = build("dead-letters")
        result = await asyncio.to_thread(CliRunner().invoke, command, ["dead-letters", *arguments])
        return result.exit_code, result.output

    return invoke


async def test_the_list_counts_by_code_and_source(run: Run, prefix: str) -> None:
    code, output = await run("list")
    assert code == 0
    assert "4 dead letters" in output
    assert all(each in output for each in CODES)
    assert f"{prefix}.transactions.v1" in output


async def test_a_letter_is_shown_in_full(run: Run) -> None:
    code, output = await run("show", "1:0")
    assert code == 0
    for expected in ("missing-field", "event_id: missing", "tenant: found the number 5", "key-1", "trace: t-1"):
        assert expected in output


async def test_a_letter_that_is_not_there_is_an_error(run: Run) -> None:
    code, output = await run("show", "1:99")
    assert (code, "there is no dead letter 1:99" in output) == (1, True)


async def test_a_dry_run_writes_nothing(run: Run, broker: str, prefix: str) -> None:
    code, output = await run("replay", "--dry-run")
    assert (code, "3 would be replayed" in output) == (0, True)
    async with AIOKafkaConsumer(bootstrap_servers=broker) as consumer:
        partitions = [TopicPartition(full_name(LOGINS, prefix), number) for number in range(2)]
        assert sum((await consumer.end_offsets(partitions)).values()) == 0


async def test_a_replay_puts_the_originals_back_byte_for_byte(run: Run, broker: str, prefix: str) -> None:
    code, output = await run("replay", "--topic", "logins")
    assert (code, "3 replayed to" in output) == (0, True)
    records = sorted(await records_of(broker, LOGINS, prefix, 3), key=lambda record: record.key)
    assert [(record.key, record.value, list(record.headers)) for record in records] == [
        (b"key-%d" % number, VALUES[number], [("trace", b"t-%d" % number)]) for number in range(3)
    ]


async def test_a_replay_is_limited_to_the_oldest(run: Run, broker: str, prefix: str) -> None:
    code, _ = await run("replay", "--limit", "1")
    assert code == 0
    assert [record.key for record in await records_of(broker, LOGINS, prefix, 1)] == [b"key-0"]


async def test_a_replay_of_one_code_leaves_the_others(run: Run, broker: str, prefix: str) -> None:
    code, _ = await run("replay", "--code", "unknown-type")
    assert code == 0
    assert [record.key for record in await records_of(broker, LOGINS, prefix, 1)] == [b"key-2"]


async def test_a_letter_is_never_put_into_a_topic_that_is_no_input(broker: str, prefix: str) -> None:
    from riskwatch.streams.deadletters import restore

    [letter] = await letters_of(broker, prefix, code="not-utf8")
    with pytest.raises(ForeignTopic):
        await put_back([restore(letter.record)], broker, prefix="another")

"""The publisher against a broker."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import topic_making
from topic_making import make_topics
from typer.testing import CliRunner

from riskwatch.streams.codec import decode_event, encode_event
from riskwatch.streams.connecting import BrokerAway, Security
from riskwatch.streams.events import LoginFailed, PurchaseMade
from riskwatch.streams.examples import EXAMPLES
from riskwatch.streams.publisher import InvalidEvent, Publisher
from riskwatch.streams.topics import INPUTS, LOGINS, TOPIC_OF, TRANSACTIONS

PARTITIONS = 4


def login(number: int = 0, customer: int = 0, **fields: Any) -> LoginFailed:
    at = datetime(2024, 5, 1, 12, 34, 56, tzinfo=UTC)
    common = {"event_id": f"e-{number}", "tenant": "acme", "customer_id": f"c-{customer}", "occurred_at": at}
    return LoginFailed(**{**common, **fields})


@pytest.fixture
async def prefix(broker: str, fresh_prefix: str) -> str:
    """The prefix of input topics that exist and that nobody else uses."""
    await make_topics(broker, INPUTS, fresh_prefix, PARTITIONS)
    return fresh_prefix


records_of = partial(topic_making.records_of, partitions=PARTITIONS)


async def test_an_event_is_in_its_topic_when_publish_returns(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix) as publisher:
        await publisher.publish(login())
    [record] = await records_of(broker, LOGINS, prefix, 1)
    assert decode_event(record.value) == login()


async def test_an_event_is_keyed_by_tenant_and_customer(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix) as publisher:
        await publisher.publish(login(customer=7))
    [record] = await records_of(broker, LOGINS, prefix, 1)
    assert record.key == b"acme/c-7"


async def test_an_event_carries_cloudevents_headers(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix, source="/apps/7") as publisher:
        await publisher.publish(login())
    [record] = await records_of(broker, LOGINS, prefix, 1)
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_type": b"riskwatch.LoginFailed.v1",
        "ce_id": b"e-0",
        "ce_source": b"/apps/7",
        "ce_subject": b"c-0",
        "ce_time": b"2024-05-01T12:34:56+00:00",
        "content-type": b"application/json",
    }
    assert decode_event(record.value, record.headers) == login()


async def test_each_event_type_goes_to_its_own_topic(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix) as publisher:
        await publisher.publish_many(EXAMPLES)
    for topic in INPUTS:
        expected = {type(event) for event in EXAMPLES if TOPIC_OF[type(event)] is topic}
        records = await records_of(broker, topic, prefix, len(expected))
        assert {type(decode_event(record.value)) for record in records} == expected


async def test_an_invalid_event_is_refused_before_it_is_sent(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix) as publisher:
        with pytest.raises(InvalidEvent, match="channel"):
            await publisher.publish(login(channel="fax"))
        await publisher.publish(login(1))
    records = await records_of(broker, LOGINS, prefix, 1)
    assert [json.loads(record.value)["event_id"] for record in records] == ["e-1"]


async def test_a_bulk_publication_loses_nothing_and_keeps_each_customers_order(broker: str, prefix: str) -> None:
    events = [login(number, customer=number % 50) for number in range(5_000)]
    async with Publisher(broker, prefix=prefix, in_flight=500) as publisher:
        assert await publisher.publish_many(events) == 5_000
    order: dict[bytes, list[int]] = {}
    for record in await records_of(broker, LOGINS, prefix, 5_000):
        order.setdefault(record.key, []).append(int(json.loads(record.value)["event_id"][2:]))
    assert sum(map(len, order.values())) == 5_000
    assert all(numbers == sorted(numbers) for numbers in order.values())


async def test_single_and_bulk_publications_choose_the_same_partition(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix) as publisher:
        await publisher.publish_many([login(number, customer=number) for number in range(20)])
        for number in range(20):
            await publisher.publish(login(100 + number, customer=number))
    partitions: dict[bytes, set[int]] = {}
    for record in await records_of(broker, LOGINS, prefix, 40):
        partitions.setdefault(record.key, set()).add(record.partition)
    assert {len(each) for each in partitions.values()} == {1}


async def test_lines_are_published_byte_for_byte(broker: str, prefix: str) -> None:
    line = b' {"customer_id":"c", "type": "PurchaseMade", "amount":5,"currency":"EUR", "x": [1 ,2],'
    line += b' "tenant":"acme","event_id":"e","occurred_at":"2024-05-01T12:34:56.000Z"} '
    async with Publisher(broker, prefix=prefix) as publisher:
        assert await publisher.publish_lines([line, b"\n"]) == 1
    [record] = await records_of(broker, TRANSACTIONS, prefix, 1)
    assert record.value == line.strip()
    assert isinstance(decode_event(record.value, record.headers), PurchaseMade)


async def test_what_comes_before_a_bad_line_is_published(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix) as publisher:
        with pytest.raises(InvalidEvent):
            await publisher.publish_lines([encode_event(login(1)), b"{}", encode_event(login(2))])
    records = await records_of(broker, LOGINS, prefix, 1)
    assert [json.loads(record.value)["event_id"] for record in records] == ["e-1"]


async def test_progress_adds_up_to_what_was_published(broker: str, prefix: str) -> None:
    told: list[int] = []
    async with Publisher(broker, prefix=prefix) as publisher:
        await publisher.publish_many((login(number) for number in range(4_500)), told=told.append)
    assert (len(told), sum(told)) == (3, 4_500)


async def test_sent_events_are_there_after_a_flush(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix, in_flight=10) as publisher:
        futures = [await publisher.send(login(number)) for number in range(100)]
        await publisher.flush()
        assert all(future.done() for future in futures)
    assert len(await records_of(broker, LOGINS, prefix, 100)) == 100


async def test_send_waits_while_too_many_records_are_unanswered(broker: str, prefix: str) -> None:
    async with Publisher(broker, prefix=prefix, in_flight=1, linger_seconds=0.2) as publisher:
        first = await publisher.send(login(1))
        await publisher.send(login(2))
        assert first.done()


async def test_an_absent_broker_is_an_error_within_the_timeout() -> None:
    with pytest.raises(BrokerAway, match=r"127\.0\.0\.1:1 does not answer: Connection refused"):
        async with asyncio.timeout(5), Publisher("127.0.0.1:1", timeout=2):
            pass


async def test_a_listener_that_never_answers_is_an_error_within_the_timeout() -> None:
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        with pytest.raises(BrokerAway, match="does it ask for TLS or credentials"):
            async with asyncio.timeout(10), Publisher(address, timeout=1):
                pass
    finally:
        server.close()


async def test_credentials_that_the_broker_does_not_take_are_an_error_within_the_timeout(broker: str) -> None:
    security = Security(protocol="SASL_PLAINTEXT", mechanism="PLAIN", username="u", password="hunter2")
    with pytest.raises(Exception, match=broker) as caught:
        async with asyncio.timeout(10), Publisher(broker, timeout=3, security=security):
            pass
    assert type(caught.value).__name__ in {"BrokerRefused", "BrokerAway", "BrokerError"}
    assert "hunter2" not in str(caught.value)


async def test_an_unconnected_publisher_says_how_it_is_used() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Publisher().publish(login())


# ------------------------------------------------------------------------------------------------ riskwatch publish


@pytest.fixture
def command(broker: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("RISKWATCH_BROKER", broker)
    monkeypatch.setenv("RISKWATCH_PREFIX", prefix)
    return CliRunner()


def publish_file(command: CliRunner, *arguments: str) -> tuple[int, str]:
    from riskwatch.cli import build

    result = command.invoke(build("publish"), ["publish", *arguments])
    return result.exit_code, result.output


async def test_a_file_of_events_is_published(command: CliRunner, broker: str, prefix: str, tmp_path: Any) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(encode_event(login(number)) for number in range(30)))
    code, output = await asyncio.to_thread(publish_file, command, str(file))
    assert (code, "30 events published" in output) == (0, True)
    assert len(await records_of(broker, LOGINS, prefix, 30)) == 30


async def test_nothing_of_a_file_with_faults_is_published(
    command: CliRunner, broker: str, prefix: str, tmp_path: Any
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(encode_event(login(1)) + b'\n{"type": "LoginFaild"}\n' + encode_event(login(2)))
    code, output = await asyncio.to_thread(publish_file, command, str(file))
    assert code == 1
    assert "line 2: unknown-type" in output
    assert "occurred_at: missing" in output
    code, output = await asyncio.to_thread(publish_file, command, str(file), "--skip-bad")
    assert (code, "2 events published" in output) == (0, True)
    assert len(await records_of(broker, LOGINS, prefix, 2)) == 2

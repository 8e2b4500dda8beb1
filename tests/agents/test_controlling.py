"""The control agent: requests → audits and broadcast entries, or dead letters; nothing vanishes over a crash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec import structs

from riskwatch.agents import controlling
from riskwatch.agents.controlling import Control, translate
from riskwatch.agents.fetched import Received
from riskwatch.agents.lag import CONSUMED
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Receipt, Revoked
from riskwatch.agents.publishing import Publishing
from riskwatch.agents.relay import Relay
from riskwatch.agents.translating import (
    TRANSLATORS,
    Addressed,
    Broadcast,
    Naming,
    Translation,
    list_translator,
    policy_translator,
)
from riskwatch.policy.lendingfile import packaged_lending
from riskwatch.policy.publication import Publication, encode_publication
from riskwatch.streams import topics
from riskwatch.streams.deadletters import diagnosis
from riskwatch.streams.entry import Kind
from riskwatch.streams.keys import Keys
from riskwatch.streams.listreading import decode_audit, decode_change
from riskwatch.streams.packing import headers_of, partition_of, payload_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMING = Naming(Keys(current=b"0123456789abcdef"), {"sunrise": "CN"})
LISTS = "riskwatch.lists.v1"
AUDIT, JOURNAL, DEAD = "riskwatch.list-changes.v1", "riskwatch.journal.v1", "riskwatch.dead-letters.v1"
PARTITIONS = 3


def asked(number: int = 1, **fields: Any) -> bytes:
    common = {
        "change_id": f"ch-{number}", "tenant": "acme", "kind": "phone", "text": "+8613800138000", "purpose": "block",
        "actor": "li.na", "reason": "r", "at": "2026-03-01T00:00:00Z",
    }  # fmt: skip
    return msgspec.json.encode(common | fields)


def batch(*values: bytes | None) -> Any:
    records = [
        SimpleNamespace(offset=number, timestamp=1_000 + number, key=b"acme", value=value, headers=[("trace", b"t")])
        for number, value in enumerate(values)
    ]
    return SimpleNamespace(topic=LISTS, partition=0, offset=len(records) - 1, value=records)


class Broker:
    """What an outbox writes, in order. `refuses(topic, item)`: what is too large for the broker. `after`: the writes
    after which the partition is gone."""

    def __init__(self, *, refuses: Callable[[str, Item], bool] = lambda topic, item: False) -> None:
        self.written: list[tuple[str, int, Item]] = []
        self.refuses = refuses
        self.owned = True
        self.lose_after: int | None = None

    async def write(self, topic: str, number: int, items: Sequence[Item], owned: Callable[[], bool]) -> Receipt:
        receipt = Receipt()
        for item in items:
            if len(self.written) == self.lose_after or not owned():
                raise Revoked(topic)
            if self.refuses(topic, item):
                receipt.refused.append(item)
            else:
                self.written.append((topic, number, item))
        return receipt

    def of(self, topic: str) -> list[tuple[int, Item]]:
        return [(number, item) for name, number, item in self.written if name == topic]


class Consumer:
    """Which batches were begun, finished and abandoned."""

    def __init__(self) -> None:
        self.finished: list[Any] = []
        self.abandoned: list[Any] = []
        self.mine = True

    def begin(self, message: Any) -> bool:
        return self.mine

    def owns(self, message: Any) -> bool:
        return True

    def offer(self, *_: Any) -> bool:
        return False

    def finish(self, message: Any) -> None:
        self.finished.append(message)

    def abandon(self, message: Any) -> None:
        self.abandoned.append(message)


class Stream:
    def __init__(self, *messages: Any) -> None:
        self._messages = messages

    def noack(self) -> Stream:
        return self

    async def events(self) -> Any:
        for message in self._messages:
            yield SimpleNamespace(message=message)


class Rig:
    """A control agent with its surroundings."""

    def __init__(self, broker: Broker | None = None) -> None:
        self.broker = broker or Broker()
        self.consumer = Consumer()
        self.metrics = Metrics()
        app = SimpleNamespace(consumer=self.consumer)
        common: dict[str, Any] = {"outbox": self.broker, "metrics": self.metrics, "prefix": "riskwatch"}
        self.control = Control(
            app=app, metrics=self.metrics, partitions=PARTITIONS, naming=NAMING, now=lambda: NOW,
            journal=Relay(topics.JOURNAL, app=app, now_ms=lambda: 0, partitions=PARTITIONS, **common),
            publishing=Publishing(now=lambda: NOW, **common),
        )  # fmt: skip

    async def take(self, *messages: Any) -> None:
        await self.control.agent(Stream(*messages))


def letter_of(item: Item) -> Any:
    key, value, headers, timestamp = item
    return SimpleNamespace(
        topic=DEAD, partition=0, offset=0, timestamp=timestamp, key=key, value=value, headers=headers
    )


# --------------------------------------------------------------------------------------------------------- translating


def test_a_request_becomes_a_broadcast_entry_and_an_audit_of_the_same_change() -> None:
    found = list_translator(NAMING)(Received(LISTS, 0, 0, 0, None, asked(), []))
    assert isinstance(found, Translation)
    [audit] = found.audits
    assert (found.entry.kind, found.entry.at_ms) == (Kind.LIST_CHANGED, 1_772_323_200_000)
    assert audit.topic is topics.LIST_CHANGES
    assert audit.item[0] == b"acme"
    assert decode_audit(audit.item[1] or b"") == decode_change(found.entry.payload)


def test_a_phone_number_is_read_in_the_region_of_its_institution() -> None:
    values = [
        decode_change(found.entry.payload).values
        for text in ("138 0013 8000", "+8613800138000")
        if isinstance(
            found := list_translator(NAMING)(Received(LISTS, 0, 0, 0, None, asked(tenant="sunrise", text=text), [])),
            Translation,
        )
    ]
    assert values[0] == values[1]


def test_every_record_of_a_batch_is_an_entry_a_dead_letter_or_a_tombstone() -> None:
    out = translate(batch(asked(1), b"{", None, asked(2), b""), list_translator(NAMING), NOW)
    assert (len(out.entries), out.tombstones) == (2, 1)
    assert [code for code, _ in out.dead] == ["malformed-json", "empty-value"]


def test_a_translator_that_fails_makes_a_dead_letter_and_the_batch_goes_on() -> None:
    good = list_translator(NAMING)

    def failing(record: Received) -> Any:
        if record.offset == 0:
            raise ZeroDivisionError
        return good(record)

    out = translate(batch(asked(1), asked(2)), failing, NOW)
    assert (len(out.entries), [code for code, _ in out.dead]) == (1, ["ingest-failed"])


def test_a_translation_that_cannot_be_packed_makes_a_dead_letter() -> None:
    out = translate(batch(asked()), lambda record: Translation(Broadcast(Kind.LIST_CHANGED, 2**70, b"")), NOW)
    assert (out.entries, [code for code, _ in out.dead]) == ([], ["ingest-failed"])


def test_the_topics_that_have_a_translator_are_those_whose_lag_is_watched() -> None:
    assert set(TRANSLATORS) <= set(CONSUMED)


@pytest.mark.parametrize("topic", TRANSLATORS, ids=lambda topic: topic.name)
def test_a_topic_that_is_translated_is_a_control_topic_of_one_partition(topic: topics.Topic) -> None:
    assert (topic.role, topic.partitions) == ("control", "one")


# ------------------------------------------------------------------------------------------------------------ the agent


async def test_an_entry_is_in_every_journal_partition_without_a_key_and_the_batch_is_finished() -> None:
    rig, message = Rig(), batch(asked(1), asked(2))
    await rig.take(message)
    entries = rig.broker.of(JOURNAL)
    assert sorted(number for number, _ in entries) == [0, 0, 1, 1, 2, 2]
    assert all(key is None for _, (key, *_) in entries)
    for number in range(PARTITIONS):
        values = [value for at, (_, value, *_) in entries if at == number and value is not None]
        assert [decode_change(payload_of(value)).change_id for value in values] == ["ch-1", "ch-2"]
        assert headers_of(values)["kind"].tolist() == [Kind.LIST_CHANGED, Kind.LIST_CHANGED]
    assert rig.consumer.finished == [message]


async def test_an_entry_for_one_customer_is_in_the_customer_s_partition_alone_and_order_stays() -> None:
    rig = Rig()
    customers = [f"acme/c{number}".encode() for number in range(20)]
    entries = iter([Addressed(key, b"of " + key) for key in customers] + [Broadcast(Kind.LIST_CHANGED, 0, b"all")])
    rig.control._translators = {LISTS: ("lists", lambda record: Translation(next(entries)))}
    await rig.take(batch(*[b"x"] * 21))
    written = rig.broker.of(JOURNAL)
    for number in range(PARTITIONS):
        own = [key for key in customers if partition_of(key, PARTITIONS) == number]
        found = [key for at, (key, *_) in written if at == number]
        assert found == [*own, None]
    assert len(written) == 20 + PARTITIONS
    counted = {
        outcome: rig.metrics.control_records.labels("lists", outcome)._value.get()
        for outcome in ("addressed", "broadcast")
    }
    assert counted == {"addressed": 20, "broadcast": 1}


async def test_dead_letters_then_audits_then_entries() -> None:
    rig = Rig()
    await rig.take(batch(asked(1), b"{"))
    assert [topic for topic, *_ in rig.broker.written] == [DEAD, AUDIT, *[JOURNAL] * PARTITIONS]


async def test_a_poison_request_is_a_dead_letter_byte_for_byte_with_its_faults() -> None:
    rig, poison = Rig(), asked(purpose="blok", kind="passport")
    await rig.take(batch(poison))
    [(_, item)] = rig.broker.of(DEAD)
    found = diagnosis(letter_of(item))
    assert (item[0], item[1], item[2][0], item[3]) == (b"acme", poison, ("trace", b"t"), 1_000)
    assert [each.path for each in found.faults] == ["kind", "purpose"]
    assert (found.source_topic, found.source_partition, found.source_offset) == (LISTS, 0, 0)
    assert len(rig.consumer.finished) == 1


async def test_dead_letters_are_written_in_the_order_of_their_records() -> None:
    rig, poison = Rig(), [b"{", b"", b"[]", b""]
    await rig.take(batch(*poison))
    assert [value for _, (_, value, *_) in rig.broker.of(DEAD)] == poison


@pytest.mark.parametrize("writes", range(2 + 2 * PARTITIONS))
async def test_a_partition_that_goes_at_any_write_leaves_the_batch_to_its_next_owner(writes: int) -> None:
    """Two audits, then two entries for each journal partition."""
    broker = Broker()
    broker.lose_after = writes
    rig, message = Rig(broker), batch(asked(1), asked(2))
    await rig.take(message)
    assert (rig.consumer.finished, rig.consumer.abandoned) == ([], [message])
    again = Rig()
    await again.take(message)
    assert set(map(repr, broker.written)) <= set(map(repr, again.broker.written))


async def test_a_batch_that_is_not_ours_any_more_is_not_begun() -> None:
    rig = Rig()
    rig.consumer.mine = False
    await rig.take(batch(asked()))
    assert (rig.broker.written, rig.consumer.finished) == ([], [])


@pytest.mark.parametrize(
    ("topic", "code", "letters"), [(JOURNAL, "entry-refused", PARTITIONS), (AUDIT, "output-refused", 1)]
)
async def test_what_the_broker_takes_at_no_size_is_a_dead_letter(topic: str, code: str, letters: int) -> None:
    rig = Rig(Broker(refuses=lambda name, item: name == topic))
    await rig.take(batch(asked()))
    assert [diagnosis(letter_of(item)).code for _, item in rig.broker.of(DEAD)] == [code] * letters
    assert len(rig.consumer.finished) == 1


async def test_records_are_counted_by_what_became_of_them() -> None:
    rig = Rig()
    await rig.take(batch(asked(1), asked(2), b"{", None))
    value = rig.metrics.value
    assert [value("riskwatch_control_records_total", topic="lists", outcome=each) for each in (
        "broadcast", "refused", "tombstone",
    )] == [2, 1, 1]  # fmt: skip
    assert value("riskwatch_journal_entries_total", origin="lists") == 2 * PARTITIONS
    assert value("riskwatch_dead_letters_total", code="malformed-json") == 1


async def test_a_topic_is_translated_by_its_own_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def to_policies(naming: Naming) -> Any:
        return lambda record: Translation(Broadcast(Kind.POLICY_PUBLISHED, 7, record.value))

    monkeypatch.setattr(controlling, "TRANSLATORS", {**TRANSLATORS, topics.POLICIES: to_policies})
    rig = Rig()
    policies = batch(b"policy")
    policies.topic = "riskwatch.policies.v1"
    await rig.take(batch(asked()), policies)
    kinds = headers_of([value for number, (_, value, *_) in rig.broker.of(JOURNAL) if number == 0])["kind"]
    assert kinds.tolist() == [Kind.LIST_CHANGED, Kind.POLICY_PUBLISHED]


def test_a_published_policy_is_broadcast_and_one_with_faults_is_a_dead_letter() -> None:
    translator = policy_translator(NAMING)
    own = packaged_lending("cash-instalments")
    made = Publication(
        version=own.version, policy=own, in_force_from=NOW, published_at=NOW, published_by="li.na", reason="r"
    )
    good, bad = encode_publication(made), encode_publication(structs.replace(made, version="0" * 12))
    out = translate(batch(good, bad, None), translator, NOW)
    ((_, entry, _, _),) = out.entries
    (header,) = headers_of([entry])
    assert (header["kind"], payload_of(entry)) == (Kind.POLICY_PUBLISHED, good)
    assert (len(out.dead), out.tombstones) == (1, 1)

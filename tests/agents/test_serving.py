"""Views of alerts in Redis."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import fakeredis.aioredis
import pytest
from msgspec import structs
from redis.exceptions import ConnectionError as RedisAway

from riskwatch.agents import serving
from riskwatch.agents.serving import Serving, view
from riskwatch.streams.outputs import Alert, Cause, encode_output

AT = datetime(2026, 1, 1, tzinfo=UTC)


def alert(number: int, customer: str = "c1", kind: str = "fraud") -> Alert:
    return Alert(
        alert_id=f"id{number}", tenant="acme", customer_id=customer, rule="r", kind=kind, severity="high",
        subject=customer, reasons=[], features={}, policy="base", policy_version="1",
        cause=Cause(partition=0, offset=number, event_id=f"e{number}", event_type="LoginFailed"),
        occurred_at=AT + timedelta(minutes=number), detected_at=AT,
    )  # fmt: skip


class Consumer:
    def __init__(self) -> None:
        self.finished: list[object] = []
        self.abandoned: list[object] = []
        self.owned = True

    def owns(self, message: object) -> bool:
        return self.owned

    def finish(self, message: object) -> None:
        self.finished.append(message)

    def abandon(self, message: object) -> None:
        self.abandoned.append(message)


def batch(*alerts: Alert, extra: bytes | None = None) -> SimpleNamespace:
    values = [encode_output(each) for each in alerts] + ([] if extra is None else [extra])
    records = [SimpleNamespace(value=value, topic="t", offset=n) for n, value in enumerate(values)]
    return SimpleNamespace(value=records, partition=0)


@pytest.fixture
def redis():
    return fakeredis.aioredis.FakeRedis()


def make(redis, consumer, troubles):
    async def no_wait(seconds: float) -> None:
        """The retry comes at once."""

    return Serving(
        app=SimpleNamespace(consumer=consumer), redis=redis, prefix="rw", on_trouble=troubles.append, sleep=no_wait
    )


async def test_a_customers_alerts_are_found_by_event_time(redis):
    consumer = Consumer()
    message = batch(alert(2), alert(1), alert(3, "other"))
    await make(redis, consumer, []).take(message)
    assert await redis.zrange("rw:customer:acme/c1", 0, -1) == [b"id1", b"id2"]
    assert await redis.zrange("rw:alerts:fraud", 0, -1) == [b"id1", b"id2", b"id3"]
    assert await redis.get("rw:alert:id2") == encode_output(alert(2))
    assert consumer.finished == [message]


async def test_a_repeated_alert_is_shown_once(redis):
    made = make(redis, Consumer(), [])
    await made.take(batch(alert(1)))
    await made.take(batch(alert(1)))
    assert await redis.zcard("rw:alerts:fraud") == 1


async def test_a_withdrawn_alert_is_taken_out_of_every_view(redis):
    made = make(redis, Consumer(), [])
    await made.take(batch(alert(1), alert(2)))
    await made.take(batch(structs.replace(alert(1), withdrawn=True)))
    assert await redis.zrange("rw:customer:acme/c1", 0, -1) == [b"id2"]
    assert await redis.zrange("rw:alerts:fraud", 0, -1) == [b"id2"]
    assert await redis.get("rw:alert:id1") is None


async def test_an_alert_that_is_raised_and_withdrawn_in_one_batch_is_not_shown(redis):
    await make(redis, Consumer(), []).take(batch(alert(1), structs.replace(alert(1), withdrawn=True)))
    assert await redis.keys("*") == []


async def test_an_alert_that_is_raised_again_after_its_withdrawal_is_shown(redis):
    await make(redis, Consumer(), []).take(batch(alert(1), structs.replace(alert(1), withdrawn=True), alert(1)))
    assert await redis.zrange("rw:alerts:fraud", 0, -1) == [b"id1"]


async def test_only_the_newest_of_a_customer_stay(redis, monkeypatch):
    monkeypatch.setattr(serving, "NEWEST_OF_CUSTOMER", 2)
    await make(redis, Consumer(), []).take(batch(alert(1), alert(2), alert(3)))
    assert await redis.zrange("rw:customer:acme/c1", 0, -1) == [b"id2", b"id3"]


async def test_every_key_expires(redis):
    await make(redis, Consumer(), []).take(batch(alert(1)))
    lives = [await redis.ttl(key) for key in await redis.keys("*")]
    assert len(lives) == 3
    assert all(0 < life <= serving.KEPT_SECONDS for life in lives)


async def test_an_unreadable_record_is_passed_over(redis):
    consumer = Consumer()
    await make(redis, consumer, []).take(batch(alert(1), extra=b"rubbish"))
    assert await redis.zcard("rw:alerts:fraud") == 1
    assert len(consumer.finished) == 1


class Flaky:
    """A Redis that fails twice, then works."""

    def __init__(self, redis) -> None:
        self.redis, self.left = redis, 2

    def pipeline(self, transaction: bool):
        self.left -= 1
        if self.left >= 0:
            raise RedisAway("away")
        return self.redis.pipeline(transaction=transaction)


async def test_while_redis_is_away_the_batch_waits_and_is_shown_when_it_is_back(redis):
    consumer, troubles = Consumer(), []
    await make(Flaky(redis), consumer, troubles).take(batch(alert(1)))
    assert await redis.zcard("rw:alerts:fraud") == 1
    assert troubles == ["Redis is away: ConnectionError", "Redis is away: ConnectionError", None]
    assert len(consumer.finished) == 1


async def test_a_batch_whose_partition_has_gone_is_left_to_the_next_owner(redis):
    consumer = Consumer()
    consumer.owned = False
    await make(redis, consumer, []).take(batch(alert(1)))
    assert consumer.finished == []
    assert len(consumer.abandoned) == 1


def test_a_view_of_nothing_queues_nothing():
    view(SimpleNamespace(), "rw", [])

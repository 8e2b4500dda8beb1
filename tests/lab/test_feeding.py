"""Feeding in step: windows, pace, and never further ahead than stated; a fake broker stands in for Kafka."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.lab.feeding import Fed, Pace, Step, feed, parse_speed, turns, windows
from riskwatch.streams.events import AnyEvent, LoginSucceeded, PurchaseMade
from riskwatch.streams.topics import TOPIC_OF

START = datetime(2025, 3, 10, tzinfo=UTC)


def login(hours: float) -> LoginSucceeded:
    return LoginSucceeded(event_id=f"l{hours}", tenant="t", customer_id="c", occurred_at=START + timedelta(hours=hours))


def purchase(hours: float) -> PurchaseMade:
    return PurchaseMade(
        event_id=f"p{hours}",
        tenant="t",
        customer_id="c",
        occurred_at=START + timedelta(hours=hours),
        amount=1,
        currency="XXX",
    )


class FakeBroker:
    """Takes events, and ingests one more of each topic whenever it is asked how far it is."""

    def __init__(self) -> None:
        self.published: list[AnyEvent] = []
        self.ingested: Counter[str] = Counter()
        self.widest = timedelta(0)

    async def publish_many(self, events: Iterable[AnyEvent]) -> int:
        self.published.extend(events)
        by_topic: dict[str, list[AnyEvent]] = {}
        for event in self.published:
            by_topic.setdefault(TOPIC_OF[type(event)].name, []).append(event)
        waiting = [e for topic, them in by_topic.items() for e in them[self.ingested[topic] :]]
        instants = [event.occurred_at for event in waiting]
        self.widest = max(self.widest, max(instants) - min(instants))
        return 0

    async def look(self) -> Mapping[str, int]:
        published = Counter(TOPIC_OF[type(event)].name for event in self.published)
        for topic, count in published.items():
            self.ingested[topic] = min(count, self.ingested[topic] + 1)
        return self.ingested


async def fed_through(events: list[AnyEvent], step: Step) -> FakeBroker:
    broker: Any = FakeBroker()
    await feed(broker, events, broker.look, fed=Fed(), step=step)
    assert isinstance(broker, FakeBroker)
    return broker


async def test_every_event_is_published_once_and_in_order() -> None:
    events: list[AnyEvent] = [login(hour) if hour % 3 else purchase(hour) for hour in range(50)]
    broker = await fed_through(events, Step(seconds=7_200, records=1, depth=2))
    assert broker.published == events


async def test_no_more_event_time_is_under_way_than_the_steps_allow() -> None:
    events: list[AnyEvent] = [login(hour) if hour % 10 else purchase(hour) for hour in range(60)]
    broker = await fed_through(events, Step(seconds=3_600, records=1, depth=4))
    assert broker.widest <= timedelta(hours=4)


async def test_a_worker_that_stands_still_is_told() -> None:
    async def nothing() -> Mapping[str, int]:
        return {}

    publisher: Any = FakeBroker()
    with pytest.raises(TimeoutError, match=r"ingested nothing for 0\.05 s"):
        await feed(
            publisher,
            [login(hour) for hour in range(9)],
            nothing,
            fed=Fed(),
            step=Step(seconds=1, records=1, depth=2),
            stalled_seconds=0.05,
        )


async def test_what_was_fed_is_counted_by_topic() -> None:
    fed = Fed()
    broker: Any = FakeBroker()
    await feed(broker, [login(0), login(1), purchase(2)], broker.look, fed=fed)
    assert fed.by_topic == {"logins": 2, "transactions": 1}
    assert (fed.published, fed.event_time) == (3, START + timedelta(hours=2))


@given(
    st.lists(st.floats(0, 500), max_size=60).map(sorted),
    st.integers(1, 10),
    st.integers(1, 5),
    st.integers(5, 40),
)
def test_windows_lose_nothing_and_keep_the_bound_on_records(
    hours: list[float], records: int, depth: int, ahead: int
) -> None:
    events: list[AnyEvent] = [login(hour) for hour in hours]
    step = Step(seconds=36_000, records=records, depth=depth, ahead=ahead)
    made = list(windows(events, step))
    assert [event for window in made for event in window] == events
    assert all(len(window) <= max(1, ahead // depth) for window in made)


def test_a_window_closes_when_both_its_time_and_its_records_are_reached() -> None:
    events: list[AnyEvent] = [login(hour) for hour in (0, 1, 2, 3, 4, 5)]
    step = Step(seconds=7_200, records=3, depth=1, ahead=100)
    assert [len(window) for window in windows(events, step)] == [3, 3]


def test_a_pace_of_an_hour_a_second_makes_two_hours_due_in_two_seconds() -> None:
    now = [100.0]
    pace = Pace(3_600, clock=lambda: now[0])
    assert pace.due_in(START) == 0
    assert pace.due_in(START + timedelta(hours=2)) == pytest.approx(2)
    now[0] = 101.5
    assert pace.due_in(START + timedelta(hours=2)) == pytest.approx(0.5)


def test_an_event_that_is_late_is_due_at_once() -> None:
    now = [0.0]
    pace = Pace(1, clock=lambda: now[0])
    pace.due_in(START)
    now[0] = 60
    assert pace.due_in(START + timedelta(seconds=30)) == 0


def test_full_speed_never_waits() -> None:
    assert Pace(None).due_in(START + timedelta(days=9)) == 0


def test_paced_turns_span_a_fiftieth_of_a_second_at_most() -> None:
    events: list[AnyEvent] = [login(hour) for hour in (0, 0.01, 1)]
    # 3,600 times: a fiftieth of a second is 72 seconds of event time; 0.01 hours are 36.
    assert [len(turn) for turn in turns(events, Pace(3_600))] == [2, 1]


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("3600x", 3600.0), ("0.5", 0.5)])
def test_speeds(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["fast", "0x", "-1x", "nan", "inf", ""])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no speed"):
        parse_speed(text)


def test_steps_are_independent_of_the_running_loop() -> None:
    assert asyncio.run(fed_through([login(0)], Step())).published == [login(0)]

"""Laws of the contact budget, against rules that are checked a second time by dates and clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from contact_oracle import Made, broken
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from riskwatch.policy.contactbudget import Allowed, Consent, Contact, Refused, may_contact
from riskwatch.policy.contactfile import packaged_rules
from riskwatch.policy.contactrules import WEEKDAYS, Closed, ContactRules, Hours, Limit, Silence

CHANNELS = ("phone", "sms")
HOUR = 3_600_000
ZONES = [
    "America/New_York",
    "Europe/London",
    "Asia/Shanghai",
    "Australia/Lord_Howe",  # turns by half an hour
    "America/Havana",  # turns at midnight
    "America/Nuuk",  # turns late in the evening
    "Pacific/Apia",  # left out a whole day in 2011
    "Asia/Kathmandu",
]
ANCHORS = [
    datetime(2026, 3, 5, tzinfo=UTC),
    datetime(2026, 3, 26, tzinfo=UTC),
    datetime(2026, 10, 1, tzinfo=UTC),
    datetime(2026, 10, 22, tzinfo=UTC),
    datetime(2026, 10, 30, tzinfo=UTC),
    datetime(2026, 12, 29, tzinfo=UTC),
    datetime(2011, 12, 26, tzinfo=UTC),
]
OPTED_IN = Consent(opted_in=frozenset(("sms", "email", "push")))

some_channels = st.sampled_from([("phone",), ("sms",), ("phone", "sms")])
clocks = st.integers(0, 47).map(lambda half: f"{half // 2:02d}:{half % 2 * 30:02d}")


@st.composite
def limits(draw: DrawFn) -> Limit:
    window = draw(st.sampled_from(["rolling", "calendar-day", "calendar-week"]))
    return Limit(
        channels=draw(some_channels),
        most=draw(st.integers(0, 3)),
        days=7 if window == "calendar-week" else draw(st.integers(1, 4)),
        window=window,
        scope=draw(st.sampled_from(["customer", "loan"])),
    )


@st.composite
def hours(draw: DrawFn) -> Hours:
    start, end = sorted(draw(st.sets(clocks, min_size=2, max_size=2)))
    return Hours(channels=draw(some_channels), start=start, end=draw(st.sampled_from([end, "24:00"])))


@st.composite
def all_rules(draw: DrawFn) -> ContactRules:
    return ContactRules(
        name="drawn",
        channels=CHANNELS,
        limits={f"l{n}": draw(limits()) for n in range(draw(st.integers(0, 2)))},
        hours={f"h{n}": draw(hours()) for n in range(draw(st.integers(0, 2)))},
        closed={
            f"c{n}": Closed(
                channels=draw(some_channels),
                weekdays=tuple(draw(st.sets(st.sampled_from(WEEKDAYS), min_size=1, max_size=3))),
                calendar=draw(st.sampled_from(["", "US"])),
            )
            for n in range(draw(st.integers(0, 1)))
        },
        silences={
            f"s{n}": Silence(
                channels=draw(some_channels),
                after=draw(some_channels),
                days=draw(st.integers(1, 4)),
                scope=draw(st.sampled_from(["customer", "loan"])),
            )
            for n in range(draw(st.integers(0, 1)))
        },
    )


drawn_or_packaged: SearchStrategy[ContactRules] = st.one_of(
    all_rules(), st.sampled_from([packaged_rules("us"), packaged_rules("cn")])
)
loans = st.sampled_from(["a", "b"])
gaps = st.one_of(st.integers(0, 3 * HOUR), st.integers(0, 40 * HOUR), st.integers(0, 40).map(lambda n: n * HOUR // 2))
asks = st.lists(st.tuples(gaps, st.sampled_from(CHANNELS), loans, st.booleans()), max_size=25)
starts = st.tuples(st.sampled_from(ANCHORS), st.integers(0, 200)).map(
    lambda drawn: int(drawn[0].timestamp() * 1000) + drawn[1] * HOUR // 2
)


def contacts(made: list[Made]) -> list[Contact]:
    return [
        Contact(
            channel=each.channel,
            from_ms=each.at_ms,
            to_ms=each.at_ms,
            loan_id=each.loan_id,
            conversation=each.conversation,
        )
        for each in made
    ]


@settings(max_examples=300, deadline=None)
@given(drawn_or_packaged, st.sampled_from(ZONES), starts, asks)
def test_a_contact_is_allowed_where_it_breaks_no_rule_and_only_there(
    rules: ContactRules, zone_name: str, now: int, asked: list[tuple[int, str, str, bool]]
) -> None:
    zone = ZoneInfo(zone_name)
    made: list[Made] = []
    for gap, channel, loan, conversation in asked:
        now += gap
        answer = may_contact(rules, contacts(made), now, channel, zone, OPTED_IN, loan_id=loan)
        with_it = [*made, Made(channel, now, loan, conversation)]
        assert (broken(rules, with_it, zone) == []) is isinstance(answer, Allowed), answer
        if isinstance(answer, Allowed):
            made = with_it


@settings(max_examples=200, deadline=None)
@given(drawn_or_packaged, st.sampled_from(ZONES), starts, asks, st.lists(st.floats(0, 1), min_size=25, max_size=25))
def test_orders_that_are_carried_out_when_it_suits_break_no_rule_either(
    rules: ContactRules, zone_name: str, now: int, asked: list[tuple[int, str, str, bool]], when: list[float]
) -> None:
    # One open order on each channel, as collections keep it; an order is carried out at any instant that was allowed,
    # and reported only before the next order on its channel, or never: then it stays an order in the books.
    zone = ZoneInfo(zone_name)
    made: list[Made] = []
    books: list[Contact] = []
    open_until: dict[str, int] = {}
    for (gap, channel, loan, conversation), share in zip(asked, when, strict=False):
        now += gap
        if now < open_until.get(channel, 0) or (any(now < until for until in open_until.values()) and rules.silences):
            continue  # a conversation that is still to come may silence another channel: so no two orders at once
        answer = may_contact(rules, books, now, channel, zone, OPTED_IN, loan_id=loan)
        if isinstance(answer, Refused):
            continue
        until = min(now + 12 * HOUR, answer.until_ms or now + 12 * HOUR)
        at = now + int((until - 1 - now) * share)
        made.append(Made(channel, at, loan, conversation))
        open_until[channel] = until
        if conversation or share < 0.5:
            books.append(Contact(channel=channel, from_ms=at, to_ms=at, loan_id=loan, conversation=conversation))
        else:
            books.append(Contact(channel=channel, from_ms=now, to_ms=until, loan_id=loan))
    assert broken(rules, made, zone) == []


@settings(max_examples=200, deadline=None)
@given(drawn_or_packaged, st.sampled_from(ZONES), starts, asks, st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_what_is_refused_is_allowed_at_the_instant_told_and_not_before(
    rules: ContactRules, zone_name: str, now: int, asked: list[tuple[int, str, str, bool]], when: list[float]
) -> None:
    zone = ZoneInfo(zone_name)
    made: list[Made] = []
    for gap, channel, loan, conversation in asked:
        now += gap
        answer = may_contact(rules, contacts(made), now, channel, zone, OPTED_IN, loan_id=loan)
        if isinstance(answer, Allowed):
            made.append(Made(channel, now, loan, conversation))
            continue
        then = answer.next_allowed_ms
        if then is None:
            assert any(limit.most == 0 and channel in limit.channels for limit in rules.limits.values()) or _never(
                rules, channel
            )
            continue
        assert then > now
        assert broken(rules, [*made, Made(channel, then, loan)], zone) == []
        for share in (*when, 1.0):
            before = now + int((then - 1 - now) * share)
            assert broken(rules, [*made, Made(channel, before, loan)], zone) != []


def _never(rules: ContactRules, channel: str) -> bool:
    """Whether the hours of a channel have no minute in common."""
    own = [each for each in rules.hours.values() if channel in each.channels]
    return bool(own) and max(each.start for each in own) >= min(each.end for each in own)


@pytest.mark.parametrize("zone_name", ZONES)
@pytest.mark.parametrize("start", ANCHORS)
def test_every_half_hour_of_ten_days_is_open_exactly_while_the_clock_shows_the_hours(
    zone_name: str, start: datetime
) -> None:
    zone, rules = ZoneInfo(zone_name), packaged_rules("us")
    first = int(start.timestamp() * 1000)
    for at in range(first, first + 240 * HOUR, HOUR // 2):
        answer = may_contact(rules, [], at, "push", zone, OPTED_IN)
        assert isinstance(answer, Allowed) is (broken(rules, [Made("push", at)], zone) == [])

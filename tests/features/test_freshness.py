"""How far a feed has got, and whether its silence can be an accident: against counting entry by entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.features.freshness import BUCKETS, UNIT, Feed, Freshness, expected_runs, judged, observe, surprise
from riskwatch.streams.entry import Kind

HOUR = 3_600_000
DAY = 24 * HOUR
START = 20_500 * DAY
LIMIT = 6 * HOUR
REST = (0,) * (BUCKETS - 1)
Entry = tuple[str, Kind, int]
"""Tenant, kind, event time in hours since the start."""


def taken(entries: Sequence[Entry], feeds: dict[str, Feed] | None = None) -> dict[str, Feed]:
    feeds = {} if feeds is None else feeds
    if entries:
        tenants = list(dict.fromkeys(tenant for tenant, _, _ in entries))
        which = np.array([tenants.index(tenant) for tenant, _, _ in entries])
        kinds = np.array([int(kind) for _, kind, _ in entries], dtype=np.uint8)
        at = np.array([START + hours * HOUR for _, _, hours in entries], dtype=np.int64)
        observe(feeds, tenants, None if len(tenants) == 1 else which, kinds, at)
    return feeds


def counted(entries: Sequence[Entry], tenant: str) -> Feed:
    """The oracle: one entry after another."""
    repaid_ms = others_ms = 0
    bucket, before_was_other = 0, False
    since, runs, traffic = [0] * BUCKETS, [0] * BUCKETS, [0] * BUCKETS
    for whose, kind, hours in entries:
        if whose != tenant or kind >= 64:
            continue
        at = START + hours * HOUR
        if kind in (Kind.LOAN_OPENED, Kind.REPAYMENT_RECEIVED, Kind.INSTALMENT_DUE):
            repaid_ms = max(repaid_ms, at)
            if before_was_other:
                runs[bucket] += UNIT
            traffic = [count + UNIT * more for count, more in zip(traffic, since, strict=True)]
            since, before_was_other = [0] * BUCKETS, False
        else:
            others_ms = max(others_ms, at)
            bucket = at // (DAY // BUCKETS) % BUCKETS
            since[bucket] += 1
            before_was_other = True
    return Feed(
        repaid_ms=repaid_ms, others_ms=others_ms, bucket=bucket, since=tuple(since), runs=tuple(runs),
        traffic=tuple(traffic),
    )  # fmt: skip


KINDS = [Kind.LOGIN_SUCCEEDED, Kind.PURCHASE_MADE, Kind.REPAYMENT_RECEIVED, Kind.LOAN_OPENED, Kind.LINK_ANSWERED]
ENTRIES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(KINDS), st.integers(0, 100)), max_size=40
)


@settings(deadline=None)
@given(ENTRIES)
def test_columns_count_as_one_entry_after_another_does(entries: list[Entry]) -> None:
    feeds = taken(entries)
    for tenant in {tenant for tenant, kind, _ in entries if kind < 64}:
        assert feeds[tenant] == counted(entries, tenant)


@settings(deadline=None)
@given(ENTRIES, st.lists(st.integers(0, 200), max_size=4))
def test_entries_taken_in_parts_come_to_the_same(entries: list[Entry], cuts: list[int]) -> None:
    parts: dict[str, Feed] = {}
    bounds = [0, *sorted(min(cut, len(entries)) for cut in cuts), len(entries)]
    for low, high in pairwise(bounds):
        taken(entries[low:high], parts)
    assert parts == taken(entries)


def other(hours: int, tenant: str = "a") -> Entry:
    return tenant, Kind.LOGIN_SUCCEEDED, hours


def repayment(hours: int, tenant: str = "a") -> Entry:
    return tenant, Kind.REPAYMENT_RECEIVED, hours


def usual(days: int = 10, others: int = 4) -> list[Entry]:
    """A repayment each hour, and some other entries before it."""
    return [each for hour in range(24 * days) for each in (*[other(hour)] * others, repayment(hour))]


def silence(hours: int, begin: int = 240, others: int = 4) -> list[Entry]:
    return [other(begin + hour) for hour in range(hours) for _ in range(others)]


def stale(entries: list[Entry], limit: int = LIMIT) -> bool:
    return judged(taken(entries)["a"], limit, START + 300 * HOUR).stale_ms > 0


def test_a_feed_that_has_come_each_hour_and_then_is_silent_for_a_day_is_stale() -> None:
    assert not stale(usual())
    assert stale(usual() + silence(24))


def test_a_silence_within_the_limit_is_not_stale_however_much_traffic_there_was() -> None:
    entries = usual() + silence(6, others=1000)  # the last repayment is of hour 239, the newest other of 245
    assert not stale(entries)
    assert stale([*entries, *[other(246)] * 1000])


def test_no_limit_is_no_gate() -> None:
    assert not stale(usual() + silence(24), limit=0)


def test_a_quiet_night_is_not_stale_however_long() -> None:
    assert not stale(usual() + silence(24, others=0) + [other(300), other(301), other(302)])


def test_an_institution_that_is_new_is_not_stale() -> None:
    assert not stale([other(0), repayment(0), other(0), repayment(0), *silence(24)])


def test_a_feed_that_was_never_seen_is_not_stale() -> None:
    assert not stale(silence(200, begin=0))


def test_a_first_load_of_loans_before_any_traffic_says_nothing_of_the_usual_rate() -> None:
    assert not stale([("a", Kind.LOAN_OPENED, 0)] * 5_000 + silence(200, begin=0))


def test_a_burst_is_one_run() -> None:
    spread = taken([each for hour in range(50) for each in (other(hour), repayment(hour))])["a"]
    burst = taken([other(hour) for hour in range(50)] + [repayment(hour) for hour in range(50)])["a"]
    assert (sum(spread.runs), sum(burst.runs)) == (50 * UNIT, UNIT)


def test_repayments_that_are_booked_by_day_only_are_not_missed_at_night() -> None:
    day = [[other(24 * d + h), *([repayment(24 * d + h)] if 8 <= h < 20 else [])] for d in range(30) for h in range(24)]
    booked = [each for several in day for each in several]
    night = [other(24 * 30 + hour) for hour in range(8) for _ in range(50)]
    assert not stale(booked + night)
    morning = [other(24 * 30 + 8 + hour) for hour in range(4) for _ in range(50)]
    assert stale(booked + night + morning)


def test_the_probability_of_a_silence_is_the_negative_binomials() -> None:
    feed = Feed(since=(30, *REST), runs=(5 * UNIT, *REST), traffic=(20 * UNIT, *REST))
    assert math.isclose(math.exp(-surprise(feed)), (20 / 50) ** 5)
    assert math.isclose(expected_runs(feed), 30 * 5 / 20)
    assert surprise(Feed()) == 0.0


def outage(hours: int = 48) -> Feed:
    """Found stale at hour 288; the newest repayment is of hour 239, the newest other of hour 239 + `hours`."""
    found = judged(taken(usual() + silence(hours))["a"], LIMIT, START + 288 * HOUR)
    assert (found.stale_ms, found.from_ms, found.limit_ms) == (START + 288 * HOUR, START + 239 * HOUR, LIMIT)
    return found


def after(feed: Feed, hours: float, *entries: Entry) -> Feed:
    """The feed at a tick so many hours after it was found stale, behind these entries."""
    return judged(taken(entries, {"a": feed})["a"], LIMIT, START + int((288 + hours) * HOUR))


def test_a_stale_feed_stays_so_while_it_catches_up() -> None:
    feed = after(outage(), 1, repayment(240))
    assert feed.stale_ms
    assert after(feed, 20, repayment(280)).stale_ms  # 7 hours behind


def test_it_is_fresh_once_its_backlog_is_in() -> None:
    caught = after(outage(), 1, repayment(240), repayment(287))
    assert caught.stale_ms
    assert after(caught, 1.4).stale_ms
    assert after(caught, 1.5).stale_ms == 0
    more = after(caught, 1.4, repayment(250))
    assert after(more, 1.8).stale_ms
    fresh = after(more, 1.9)
    assert (fresh.stale_ms, fresh.from_ms, fresh.backlog_ms, fresh.caught_ms) == (0, 0, 0, 0)


def test_it_is_fresh_at_once_where_no_backlog_comes() -> None:
    assert after(outage(), 1, repayment(281)).stale_ms == 0


def test_late_repayments_that_never_end_do_not_keep_it_stale_for_ever() -> None:
    feed = outage()
    stale_hours = []
    for hour in range(1, 12):
        feed = after(feed, hour, repayment(240), repayment(287))
        if not feed.stale_ms:
            break
        stale_hours.append(hour)
    assert stale_hours == [1, 2, 3, 4, 5, 6]  # the limit is six hours from the first


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.just("a"), st.sampled_from(KINDS), st.integers(230, 320)), max_size=80), st.integers(0, 80)
)
def test_a_backlog_is_found_however_the_entries_are_cut(entries: list[Entry], cut: int) -> None:
    stale_feed = outage()
    expected = False
    newest = 287
    for _, kind, hours in entries:
        if kind in (Kind.LOGIN_SUCCEEDED, Kind.PURCHASE_MADE):
            newest = max(newest, hours)
        elif kind < 64:
            expected = expected or hours < newest - 6
    whole = taken(entries, {"a": stale_feed})["a"]
    assert whole.backlog is expected
    assert taken(entries[cut:], taken(entries[:cut], {"a": stale_feed}))["a"] == whole


def test_what_was_counted_fades_by_an_eighth_a_day() -> None:
    feed = judged(taken(usual())["a"], LIMIT, START)
    one = judged(feed, LIMIT, START + DAY)
    assert judged(feed, LIMIT, START + 23 * HOUR) == feed
    assert math.isclose(sum(one.runs), sum(feed.runs) * 7 / 8, rel_tol=2e-3)
    for _ in range(3):
        one = judged(one, LIMIT, START + DAY)
    three = judged(feed, LIMIT, START + 3 * DAY)
    assert math.isclose(sum(three.traffic), sum(feed.traffic) * (7 / 8) ** 3, rel_tol=2e-3)
    assert sum(judged(feed, LIMIT, START + 9_000 * DAY).runs) == 0


def test_a_feed_that_has_become_rare_for_good_is_stale_no_more_in_the_end() -> None:
    """The gate learns what is usual while it is shut as well: it does not stay shut for ever."""
    feeds = taken(usual(days=10, others=1))
    stale_days = []
    for day in range(10, 60):
        for entry in [other(24 * day + hour) for hour in range(24)]:
            taken([entry], feeds)
            feeds["a"] = judged(feeds["a"], LIMIT, START + entry[2] * HOUR)
        if feeds["a"].stale_ms:
            stale_days.append(day)
        taken([repayment(24 * day + 23)], feeds)
        feeds["a"] = judged(feeds["a"], LIMIT, START + (24 * day + 23) * HOUR)
    assert stale_days
    assert max(stale_days) < 30


def test_a_limit_is_the_institutions_own_else_that_of_all() -> None:
    freshness = Freshness(LIMIT, {"b": 0})
    assert (freshness.limit("a"), freshness.limit("b")) == (LIMIT, 0)

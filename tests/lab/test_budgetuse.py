"""The contact budget: peaks against limits, what it refused, what became of actions, and uplift against holdouts."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loan_making import action, closed, contact, day, looked_at, moved, opened

from riskwatch.lab.budgetuse import LimitUse, budget_use, monday_of, peak_uses
from riskwatch.lab.collectionbook import collection_book, newcombe
from riskwatch.lab.loanpath import Zones, loan_paths
from riskwatch.policy.contactbudget import Consent as Consents
from riskwatch.policy.contactbudget import Contact, Refused, may_contact
from riskwatch.policy.contactfile import packaged_rules
from riskwatch.policy.contactrules import ContactRules, Limit
from riskwatch.streams.packing import to_ms

ZONE = ZoneInfo("Asia/Shanghai")
UTC = Zones()
MONDAY = 5
"""6 January 2025, as a day of `day`."""
RULES = ContactRules(
    name="cn",
    channels=("phone", "push"),
    limits={
        "calls": Limit(channels=("phone",), most=2, days=7),
        "loan-calls": Limit(channels=("phone",), most=3, days=1, window="calendar-day", scope="loan"),
        "visits": Limit(channels=("field-visit",), most=1, days=7, window="calendar-week"),
    },
)


def use_of(name: str, *contacts, actions=(), closings=(), rules: ContactRules = RULES) -> LimitUse | None:
    found = budget_use(contacts, [action(day(0)), *actions], closings, {"cn": rules}, UTC).limits
    return next((each for each in found if each.limit == name), None)


def test_a_rolling_limit_counts_what_the_window_holds_not_the_week() -> None:
    # Saturday, Sunday, Monday: three within seven days, though two weeks of the calendar share them.
    use = use_of("calls", *(contact(day(MONDAY + at)) for at in (5, 6, 7)))
    assert use is not None
    assert use.peaks == {2: 1, 3: 1}
    assert (use.weeks, use.highest, use.over, use.used) == (2, 3, 1, pytest.approx(1.25))


def test_a_contact_leaves_a_rolling_window_after_its_days() -> None:
    assert use_of("calls", contact(day(MONDAY)), contact(day(MONDAY + 7))).peaks == {1: 2}
    assert use_of("calls", contact(day(MONDAY)), contact(day(MONDAY + 6.99))).peaks == {2: 1}


def test_other_channels_do_not_use_a_limit() -> None:
    assert use_of("calls", contact(day(MONDAY), "push")) is None


def test_a_limit_of_each_loan_is_counted_by_loan_and_contacts_about_none_count_for_all() -> None:
    said = [contact(day(MONDAY + n / 100), loan_id=loan) for n, loan in enumerate(["a", "a", "b", None])]
    assert use_of("loan-calls", *said).peaks == {2: 1, 3: 1}
    assert use_of("calls", *said).peaks == {4: 1}


def test_a_calendar_week_is_the_week_whenever_in_it() -> None:
    assert use_of("visits", contact(day(MONDAY), "field-visit"), contact(day(MONDAY + 6.9), "field-visit")).over == 1
    assert (
        use_of("visits", contact(day(MONDAY + 6.9), "field-visit"), contact(day(MONDAY + 7), "field-visit")).over == 0
    )


def test_weeks_begin_on_monday_on_the_institution_s_clock() -> None:
    assert monday_of(to_ms(day(MONDAY)) - 1, UTC["t"]) == date(2024, 12, 30)
    assert monday_of(to_ms(day(MONDAY)) - 1, ZONE) == date(2025, 1, 6)


def test_an_order_that_nobody_reported_counts_as_it_does_in_the_budget() -> None:
    order, told = action(day(MONDAY), "x"), action(day(MONDAY + 1), "y")
    ended = [closed(order, "expired", day(MONDAY + 1)), closed(told, "done", day(MONDAY + 1), reported="refused")]
    said = contact(day(MONDAY + 1), action_id="y")
    found = budget_use([said], [order, told], ended, {"cn": RULES}, UTC)
    assert (found.contacts, found.unreported, found.weekly) == (1, 1, {2: 1})


def test_an_order_that_was_reported_late_is_one_contact() -> None:
    order = action(day(MONDAY), "x")
    found = budget_use(
        [contact(day(MONDAY), action_id="x")], [order], [closed(order, "expired", day(MONDAY + 1))], {"cn": RULES}, UTC
    )
    assert (found.contacts, found.unreported) == (1, 0)


def test_a_contact_that_was_published_twice_is_one() -> None:
    assert budget_use([contact(day(MONDAY))] * 2, [], [], {}, UTC).weekly == {1: 1}


def test_only_refusals_of_the_budget_are_counted_by_rule() -> None:
    seen = [looked_at(each) for each in ("limits.calls", "limits.calls", "hours.day", "no-consent", "strategy", None)]
    found = budget_use([], [action(day(0), considered=seen)], [], {"cn": RULES}, UTC)
    assert found.refused == {"limits.calls": 2, "hours.day": 1, "no-consent": 1}


def test_rules_that_are_not_at_hand_are_named_and_nothing_is_held_against_them() -> None:
    found = budget_use([contact(day(MONDAY))], [action(day(0), rules="mars")], [], {"cn": RULES}, UTC)
    assert (found.unknown, found.limits) == (["mars"], [])


def test_no_records_use_nothing() -> None:
    found = budget_use([], [], [], {}, UTC)
    assert (found.contacts, found.weekly, found.limits, found.refused) == (0, {}, [], {})


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 24 * 20), max_size=25))
def test_who_asks_before_each_contact_never_exceeds_a_limit_and_who_does_not_is_found(hours: list[int]) -> None:
    """The oracle is the budget itself: a contact that it would have refused is one too many in its window."""
    limit = packaged_rules("us").limits["seven-calls-in-seven-days"]
    rules = ContactRules(name="r", channels=("phone",), limits={"x": limit})
    made: list[Contact] = []
    refused = False
    for hour in sorted(hours):
        at = to_ms(day(MONDAY + hour / 24))
        said = may_contact(rules, made, at, "phone", ZONE, Consents(), loan_id="l")
        refused = refused or isinstance(said, Refused)
        made.append(Contact(channel="phone", from_ms=at, to_ms=at, loan_id="l"))
    peaks = peak_uses(limit, made, ZONE)
    assert (max(peaks.values(), default=0) > limit.most) == refused


# ------------------------------------------------------------------------------------------------------------ actions


def test_actions_are_counted_by_stage_channel_and_end() -> None:
    ordered = [action(day(n), f"a{n}") for n in range(5)] + [action(day(9), "p", channel="push")]
    ended = [closed(ordered[n], how, day(n + 1)) for n, how in enumerate(["done", "expired", "payment", "dispute"])]
    found = collection_book([*ordered, *ordered], [*ended, ended[0]], [], day(20))
    calls, push = found.stages
    assert (calls.stage, calls.channel, calls.ordered, calls.done, calls.expired, calls.others, calls.open) == (
        "early", "phone", 5, 1, 1, 2, 1,
    )  # fmt: skip
    assert (push.channel, push.ordered, push.open) == ("push", 1, 1)
    assert found.endings == {"dispute": 1, "done": 1, "expired": 1, "payment": 1}


def test_uplift_is_the_difference_of_cure_rates_of_those_seen_long_enough() -> None:
    openings = [opened(day(0), name) for name in "abcdxyz"]
    moves = [moved(day(31), "M0", "M1", name) for name in "abcdxyz"]
    moves += [moved(day(45), "M1", "M0", name) for name in "abx"]
    moves.append(moved(day(75), "M0", "M1", "a"))  # after the 30 days from its first action
    actions = [action(day(32), name, loan_id=name) for name in "abc"]
    actions += [action(day(50), "a2", loan_id="a"), action(day(80), "d", loan_id="d")]
    actions += [action(day(32), name, loan_id=name, holdout=True) for name in "xy"]
    actions += [action(day(32), "z", loan_id="z", holdout=True, treatment="wait", channel="none")]
    found = collection_book(actions, [], loan_paths(openings, moves, UTC), day(100))
    (uplift,) = found.uplifts
    assert (uplift.treated, uplift.treated_cured, uplift.held, uplift.held_cured) == (3, 2, 2, 1)
    assert uplift.difference == pytest.approx(2 / 3 - 1 / 2)
    assert uplift.low is not None
    assert uplift.high is not None
    assert uplift.low < uplift.difference < uplift.high
    assert found.held == 3


def test_without_a_holdout_there_is_no_uplift_and_of_one_side_alone_no_difference() -> None:
    paths = loan_paths([opened(day(0))], [], UTC)
    assert collection_book([action(day(1))], [], paths, day(100)).uplifts == []
    (uplift,) = collection_book([action(day(1), holdout=True)], [], paths, day(100)).uplifts
    assert (uplift.held, uplift.treated, uplift.difference) == (1, 0, None)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_intervals_are_those_of_newcombe_s_table(a: int, m: int, b: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10."""
    assert newcombe(a, m, b, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_packaged_rules_are_held_against_the_tenant_that_works_by_them() -> None:
    said = [contact(day(MONDAY) + timedelta(hours=n)) for n in range(4)]
    found = budget_use(said, [action(day(0), rules="cn")], [], {"cn": packaged_rules("cn")}, UTC)
    assert {each.limit: each.over for each in found.limits} == {"calls-a-day": 1, "calls-a-week": 0}

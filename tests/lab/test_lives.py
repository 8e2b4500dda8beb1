"""The lives of loans: deterministic, in order of arrival, inside the contract, and each course as it is declared."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import get_args

import pytest

from riskwatch.lab.contracts import LENDERS, annuity, due_dates, months_later
from riskwatch.lab.courses import COURSES
from riskwatch.lab.lives import MOST_LATE_MS, Lives, draw_lives, lives
from riskwatch.streams.codec import decode_event, encode_event
from riskwatch.streams.events import (
    AnyEvent,
    ChargeMade,
    ChargeWaived,
    ContactMade,
    LoanOpened,
    LoanRescheduled,
    LoanSold,
    LoanWrittenOff,
    PromiseMade,
    RepaymentReceived,
    RepaymentReversed,
    SettlementAgreed,
)
from riskwatch.streams.packing import to_ms

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def drawn() -> Lives:
    return draw_lives(Random(11), loans=3_000, months=24, opening_months=12)


@pytest.fixture(scope="module")
def events(drawn: Lives) -> list[AnyEvent]:
    return list(drawn.events())


@pytest.fixture(scope="module")
def by_loan(events: list[AnyEvent]) -> dict[str, list[AnyEvent]]:
    """Loan id → its events without repeats, in order of event time."""
    told: dict[str, dict[str, AnyEvent]] = defaultdict(dict)
    for event in events:
        if (loan_id := getattr(event, "loan_id", None)) is not None:
            told[loan_id].setdefault(event.event_id, event)
    return {loan_id: sorted(each.values(), key=lambda event: event.occurred_at) for loan_id, each in told.items()}


def of(drawn: Lives, by_loan: dict[str, list[AnyEvent]], course: str) -> list[list[AnyEvent]]:
    """The loans of a course."""
    return [by_loan[plan.loan_id] for plan in drawn.plans if plan.course.name == course]


def arrears(told: list[AnyEvent]) -> dict[date, int]:
    """What was past due on each day that changed it, from due dates and net payments alone: no allocation."""
    changes: Counter[date] = Counter()
    schedule: dict[int, tuple[date, int]] = {}
    for event in told:
        day = event.occurred_at.date()
        match event:
            case LoanOpened():
                schedule = {each.number: (each.due_on, each.amount) for each in event.schedule}
            case RepaymentReceived():
                changes[event.value_on or day] -= event.amount
            case RepaymentReversed() | ChargeMade():
                changes[day] += event.amount
            case ChargeWaived():
                changes[day] -= event.amount
            case LoanRescheduled():
                raise AssertionError("the old schedule would have to go")
    for due_on, amount in schedule.values():
        changes[due_on + DAY] += amount
    total, running = 0, {}
    for day in sorted(changes):
        total += changes[day]
        running[day] = total
    return running


def longest_delay(told: list[AnyEvent]) -> int:
    """Days of the longest time in which something was past due; until the newest event where that lasts."""
    longest, since = 0, None
    running = arrears(told)
    end = told[-1].occurred_at.date()
    for day, owed in running.items():
        if day > end:
            break
        if owed > 0 and since is None:
            since = day
        elif owed <= 0 and since is not None:
            longest, since = max(longest, (day - since).days), None
    return longest if since is None else max(longest, (end - since).days)


def test_the_same_seed_gives_the_same_events() -> None:
    first, second = (list(lives(Random(5), loans=60, months=6)) for _ in range(2))
    assert first == second
    assert first != list(lives(Random(6), loans=60, months=6))


def test_reading_the_events_twice_gives_the_same_events(drawn: Lives, events: list[AnyEvent]) -> None:
    assert list(drawn.events()) == events


def test_events_arrive_in_order_and_never_before_they_happen_nor_later_than_declared(drawn: Lives) -> None:
    before, late = 0, 0
    for at, event in drawn.arrivals():
        assert at >= before
        assert 0 <= at - to_ms(event.occurred_at) <= MOST_LATE_MS
        late += at > to_ms(event.occurred_at)
        before = at
    assert late > 0


def test_nothing_arrives_after_the_end(drawn: Lives) -> None:
    assert all(at < drawn.calendars[event.tenant].end for at, event in drawn.arrivals())


def test_every_event_passes_the_codec_as_it_is(events: list[AnyEvent]) -> None:
    assert all(decode_event(encode_event(event)) == event for event in events)


def test_every_type_of_event_occurs(events: list[AnyEvent]) -> None:
    assert {type(event) for event in events} == set(get_args(AnyEvent))


def test_an_event_id_names_one_event_of_its_tenant_and_some_come_again(events: list[AnyEvent]) -> None:
    seen: dict[tuple[str, str], AnyEvent] = {}
    repeats = 0
    for event in events:
        name = (event.tenant, event.event_id)
        repeats += name in seen
        assert seen.setdefault(name, event) == event
    assert 0.005 < repeats / len(events) < 0.015


def test_a_loan_has_some_twenty_events_over_its_life(drawn: Lives, events: list[AnyEvent]) -> None:
    long = draw_lives(Random(4), loans=600, months=48, opening_months=12)
    assert 18 <= sum(1 for _ in long.events()) / 600 <= 30


def test_courses_have_their_shares(drawn: Lives) -> None:
    assert sum(course.share for course in COURSES) == 1_000
    counts = Counter(plan.course.name for plan in drawn.plans)
    for course in COURSES:
        mean = len(drawn.plans) * course.share / 1_000
        assert abs(counts[course.name] - mean) < 4 * mean**0.5, course.name


GIVEN_UP = {"first-payment-default", "rolls-to-loss", "hardship-lost", "sold"}


def test_whoever_is_not_given_up_pays_all_that_falls_due(drawn: Lives, by_loan: dict[str, list[AnyEvent]]) -> None:
    over = 0
    for plan in drawn.plans:
        told = by_loan[plan.loan_id]
        settled_or_moved = any(isinstance(event, SettlementAgreed | LoanRescheduled) for event in told)
        if plan.course.name not in GIVEN_UP and not settled_or_moved and _is_over(told):
            assert list(arrears(told).values())[-1] <= 0, (plan.loan_id, plan.course.name)
            over += 1
    assert over > 1_000


def test_only_courses_of_loss_are_written_off_or_sold(drawn: Lives, by_loan: dict[str, list[AnyEvent]]) -> None:
    lost = {
        plan.course.name
        for plan in drawn.plans
        if any(isinstance(event, LoanWrittenOff | LoanSold) for event in by_loan[plan.loan_id])
    }
    assert lost == GIVEN_UP


@pytest.mark.parametrize(
    ("course", "least", "most"),
    [
        ("prompt", 0, 0),
        ("late-payer", 1, 9),
        ("partial-payer", 4, 13),
        ("cures-at-m1", 10, 30),
        ("cures-at-m2", 32, 60),
        ("cures-at-m3", 62, 90),
        ("disputes", 17, 45),
    ],
)
def test_delays_are_as_long_as_the_course_says(
    drawn: Lives, by_loan: dict[str, list[AnyEvent]], course: str, least: int, most: int
) -> None:
    delays = [longest_delay(told) for told in of(drawn, by_loan, course) if _is_over(told)]
    assert delays
    assert least <= min(delays)
    assert max(delays) <= most


def _is_over(told: list[AnyEvent]) -> bool:
    """Whether the schedule ended well before the simulation did."""
    return next(event for event in told if isinstance(event, LoanOpened)).schedule[-1].due_on < date(2024, 9, 1)


def test_a_first_payment_default_never_pays_before_it_is_written_off(
    drawn: Lives, by_loan: dict[str, list[AnyEvent]]
) -> None:
    recovered = 0
    for told in of(drawn, by_loan, "first-payment-default"):
        kinds = [type(event) for event in told]
        if LoanWrittenOff in kinds:
            assert RepaymentReceived not in kinds[: kinds.index(LoanWrittenOff)]
            recovered += RepaymentReceived in kinds
    assert recovered > 0


def test_loans_are_written_off_past_180_days(drawn: Lives, by_loan: dict[str, list[AnyEvent]]) -> None:
    for told in of(drawn, by_loan, "rolls-to-loss"):
        written = next((event for event in told if isinstance(event, LoanWrittenOff)), None)
        if written is not None:
            assert longest_delay([each for each in told if each.occurred_at <= written.occurred_at]) >= 180


def test_settlements_are_kept_or_lapse_as_the_course_says(drawn: Lives, by_loan: dict[str, list[AnyEvent]]) -> None:
    for course, kept in (("settles-early", True), ("settles-late", True), ("settlement-lapses", False)):
        for told in of(drawn, by_loan, course):
            agreed = next((event for event in told if isinstance(event, SettlementAgreed)), None)
            if agreed is None or agreed.pay_by > date(2024, 12, 1):
                continue
            paid = sum(
                event.amount
                for event in told
                if isinstance(event, RepaymentReceived)
                and agreed.occurred_at.date() <= event.occurred_at.date() <= agreed.pay_by
            )
            assert (paid >= agreed.amount) == kept, course


def test_a_bounced_debit_names_a_payment_that_was_made(drawn: Lives, by_loan: dict[str, list[AnyEvent]]) -> None:
    again = 0
    for told in of(drawn, by_loan, "bounced-debits"):
        made = Counter(event.payment_id for event in told if isinstance(event, RepaymentReceived))
        for event in told:
            assert not isinstance(event, RepaymentReversed) or event.payment_id in made
        again += any(count > 1 for count in made.values())
    assert again > 0  # presented again under the same id


def test_some_payments_count_from_a_day_before_the_due_date_and_are_booked_after_it(
    drawn: Lives, by_loan: dict[str, list[AnyEvent]]
) -> None:
    crossing = 0
    for told in of(drawn, by_loan, "booked-late"):
        opened = next(event for event in told if isinstance(event, LoanOpened))
        for event in told:
            if isinstance(event, RepaymentReceived):
                assert event.value_on is not None
                booked = event.occurred_at.date()
                assert event.value_on < booked
                crossing += any(event.value_on <= line.due_on < booked for line in opened.schedule)
    assert crossing > 10


def test_hardships_bring_a_restructured_schedule_over_all_that_was_left(
    drawn: Lives, by_loan: dict[str, list[AnyEvent]]
) -> None:
    restructured = 0
    for course in ("hardship-cured", "hardship-lost"):
        for told in of(drawn, by_loan, course):
            opened = next(event for event in told if isinstance(event, LoanOpened))
            for new in told:
                if isinstance(new, LoanRescheduled):
                    paid = sum(
                        event.amount
                        for event in told
                        if isinstance(event, RepaymentReceived) and event.occurred_at < new.occurred_at
                    )
                    owed = sum(line.amount for line in opened.schedule) - paid
                    assert new.restructured
                    assert sum(line.principal for line in new.schedule) == owed
                    restructured += 1
    assert restructured > 10


def test_without_contacts_nobody_is_contacted_and_nothing_promised() -> None:
    quiet = draw_lives(Random(2), loans=300, months=12, contacts=False)
    kinds = {type(event) for event in quiet.events()}
    assert not kinds & {ContactMade, PromiseMade}
    assert LoanWrittenOff in kinds


def test_without_merchants_no_loan_names_one_and_nothing_else_changes() -> None:
    told, bare = (list(draw_lives(Random(2), loans=90, months=6, merchants=each).events()) for each in (True, False))
    assert {event.merchant_id for event in bare if isinstance(event, LoanOpened)} == {None}
    assert {event.loan_id: event.schedule for event in told if isinstance(event, LoanOpened)} == {
        event.loan_id: event.schedule for event in bare if isinstance(event, LoanOpened)
    }


def test_every_lender_has_its_currency_and_loans_of_every_product(events: list[AnyEvent]) -> None:
    opened = [event for event in events if isinstance(event, LoanOpened)]
    assert {(event.tenant, event.currency) for event in opened} == {(each.tenant, each.currency) for each in LENDERS}
    assert len({(event.tenant, event.product) for event in opened}) == 3 * len(LENDERS)
    assert {3, 24} <= {len(event.schedule) for event in opened}


def test_loans_open_in_every_month_of_openings_and_in_no_other() -> None:
    drawn = draw_lives(Random(1), loans=120, months=6, opening_months=4)
    months = Counter(plan.opened_on.month for plan in drawn.plans)
    assert months == {1: 30, 2: 30, 3: 30, 4: 30}


def test_schedules_add_up_to_the_principal_and_their_parts_to_their_amounts(events: list[AnyEvent]) -> None:
    for event in events:
        if isinstance(event, LoanOpened):
            assert sum(line.principal for line in event.schedule) == event.principal
            assert all(line.principal + line.interest == line.amount for line in event.schedule)


def test_an_annuity_pays_interest_on_what_is_left() -> None:
    first, second = annuity(120_000, 1_200, [date(2024, 2, 1), date(2024, 3, 1)])
    assert (first.interest, first.principal) == (1_200, 59_701)  # an annuity of 60,901.49, 1 % of interest
    assert (second.interest, second.principal) == (603, 60_299)


def test_months_keep_their_day_or_end_early() -> None:
    assert due_dates(date(2023, 12, 31), 3, 0) == [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)]
    assert due_dates(date(2024, 2, 25), 2, 14) == [date(2024, 3, 10), date(2024, 3, 24)]
    assert months_later(date(2023, 11, 15), 14) == date(2025, 1, 15)


def test_no_loans_or_months_are_refused() -> None:
    for loans, months in ((0, 3), (3, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            draw_lives(Random(1), loans=loans, months=months)


def test_what_is_drawn_in_order_lives_in_order(drawn: Lives) -> None:
    assert all(earlier.begins <= later.begins for earlier, later in pairwise(drawn.plans))


def test_the_documentation_tells_every_course_with_its_share() -> None:
    text = (Path(__file__).parents[2] / "docs" / "replay.md").read_text()
    for course in COURSES:
        assert f"| `{course.name}` | {course.share / 10:g} % | {course.description} |" in text

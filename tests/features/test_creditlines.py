"""What an account keeps of its lines of credit: suspicions, cases, scores; all of it bounded."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.features.account import Account, decode_account, encode_account, next_look
from riskwatch.features.credit import Announced, CreditState
from riskwatch.features.creditlines import (
    DAY_MS,
    HISTORY_DAYS,
    MAX_CASES,
    MAX_LINES,
    MAX_SUSPICIONS,
    SUSPICION_DAYS,
    WEEK_MS,
    Credit,
    CreditLine,
    Suspicion,
    clear,
    confirm,
    line_of,
    look_at,
    open_suspicions,
    put_line,
    score,
    score_change,
    suspect,
    unsuspect,
)

T0 = 3_000 * WEEK_MS


def state(product: str = "cash-instalments", currency: str = "CNY", **fields: object) -> CreditState:
    return CreditState(product=product, currency=currency, **fields)  # type: ignore[arg-type]


def with_line() -> Credit:
    return Credit(lines=[CreditLine(live=state())])


def test_a_line_is_found_by_product_and_currency_and_begins_where_there_is_none() -> None:
    credit = Credit()
    made = put_line(credit, state())
    assert put_line(credit, state(limit=5)) is made
    assert line_of(credit, "cash-instalments", "CNY") is made
    assert line_of(credit, "cash-instalments", "USD") is None


def test_the_line_that_rested_longest_goes_where_there_are_too_many() -> None:
    credit = Credit()
    for number in range(MAX_LINES + 1):
        put_line(credit, state(currency=f"C{number}", changed_ms=0 if number == 3 else 10 + number))
    assert len(credit.lines) == MAX_LINES
    assert line_of(credit, "cash-instalments", "C3") is None
    assert line_of(credit, "cash-instalments", f"C{MAX_LINES}") is not None


@pytest.mark.parametrize(
    "held",
    [
        {"frozen": True},
        {"next_limit": Announced(1, 70, "a")},
        {"next_rate": Announced(1, 70, "a")},
    ],
)
def test_a_line_that_is_frozen_or_has_something_announced_goes_last(held: dict[str, object]) -> None:
    credit = Credit()
    for number in range(MAX_LINES):
        put_line(credit, state(currency=f"C{number}", changed_ms=number, **(held if number == 0 else {})))
    put_line(credit, state(currency="new", changed_ms=99))
    kept = {line.live.currency for line in credit.lines}
    assert kept == {"new", *(f"C{number}" for number in range(MAX_LINES))} - {"C1"}


def test_where_all_lines_are_held_the_one_that_rested_longest_goes_and_never_the_new_one() -> None:
    credit = Credit()
    for number in range(MAX_LINES):
        put_line(credit, state(currency=f"C{number}", changed_ms=10 + number, frozen=True))
    put_line(credit, state(currency="new", changed_ms=1))
    kept = {line.live.currency for line in credit.lines}
    assert kept == {"new", *(f"C{number}" for number in range(1, MAX_LINES))}


def test_the_next_look_is_the_earliest_of_what_is_announced_live_and_of_a_suspicion() -> None:
    credit = with_line()
    assert look_at(credit) is None
    credit.lines[0].live = state(next_rate=Announced(1, 70, "a"), next_limit=Announced(1, 90, "b"))
    credit.lines[0].shadows["v"] = state(next_rate=Announced(1, 5, "c"), shadow=True)
    assert look_at(credit) == 70
    suspect(credit, Suspicion("a1", 1, True), 60)
    suspect(credit, Suspicion("a2", 1, True), 65)
    assert look_at(credit) == 60


def test_an_account_that_is_stored_comes_back_with_its_lines_and_looks() -> None:
    from datetime import UTC

    account = Account(credit=with_line())
    assert account.credit is not None
    suspect(account.credit, Suspicion("a1", 1, True), 60)
    score(account.credit.lines[0], 600.0, T0, T0)
    again = decode_account(encode_account(account))
    assert again == account
    assert next_look(again, UTC) == 60
    assert encode_account(Account()) == encode_account(decode_account(b""))


@pytest.mark.parametrize(("after_ms", "stands"), [(SUSPICION_DAYS * DAY_MS - 1, 1), (SUSPICION_DAYS * DAY_MS, 0)])
def test_a_suspicion_is_open_for_thirty_days(after_ms: int, stands: int) -> None:
    credit = with_line()
    suspect(credit, Suspicion("a", T0, True), T0)
    assert len(open_suspicions(credit, T0 + after_ms)) == stands


def test_a_suspicion_counts_once_and_is_kept_though_others_came_that_are_not_severe() -> None:
    credit = with_line()
    for _ in range(2):
        suspect(credit, Suspicion("severe", T0, True), T0)
    for number in range(MAX_SUSPICIONS + 5):
        suspect(credit, Suspicion(f"a{number}", T0 + number, False), T0)
    assert len(credit.suspicions) == MAX_SUSPICIONS
    assert sum(each.severe for each in credit.suspicions) == 1
    unsuspect(credit, "severe")
    assert not any(each.severe for each in credit.suspicions)


def test_a_verdict_clears_its_case_and_the_alerts_up_to_then() -> None:
    credit = with_line()
    confirm(credit, "one")
    confirm(credit, "one")
    confirm(credit, "two")
    suspect(credit, Suspicion("before", T0, True), T0)
    suspect(credit, Suspicion("after", T0 + 1, True), T0)
    clear(credit, "one", T0)
    assert credit.cases == ["two"]
    assert [each.alert_id for each in credit.suspicions] == ["after"]


def test_the_newest_cases_are_kept() -> None:
    credit = Credit()
    for number in range(MAX_CASES + 2):
        confirm(credit, f"case-{number}")
    assert credit.cases[-1] == f"case-{MAX_CASES + 1}"
    assert len(credit.cases) == MAX_CASES


# -------------------------------------------------------------------------------------------------------------- scores


def change(line: CreditLine, now_ms: int, clock_ms: int) -> float:
    return score_change([line], now_ms, clock_ms)


def test_a_score_is_known_from_the_tick_after_it_on() -> None:
    line = CreditLine(live=state())
    score(line, 660.0, T0, T0)
    assert math.isnan(change(line, T0 + 5, T0))
    assert change(line, T0 + 5, T0 + 1) == 0.0
    score(line, 600.0, T0 + 5, T0 + 1)
    assert change(line, T0 + 6, T0 + 1) == 0.0
    assert change(line, T0 + 6, T0 + 6) == -60.0


def test_a_rise_is_no_change_and_of_several_lines_the_one_that_fell_farthest_is_told() -> None:
    rising, falling = CreditLine(live=state()), CreditLine(live=state(currency="USD"))
    for number, (up, down) in enumerate(((500.0, 640.0), (600.0, 610.0))):
        score(rising, up, T0 + number, T0 + number)
        score(falling, down, T0 + number, T0 + number)
    assert change(rising, T0 + 9, T0 + 9) == 0.0
    assert score_change([rising, falling], T0 + 9, T0 + 9) == -30.0
    assert math.isnan(score_change([], T0, T0))
    assert math.isnan(change(CreditLine(live=state()), T0, T0))


def test_a_score_of_more_than_ninety_days_ago_is_no_best_any_more() -> None:
    line = CreditLine(live=state())
    score(line, 700.0, T0, T0)
    later = T0 + (HISTORY_DAYS + 7) * DAY_MS
    score(line, 600.0, later, later)
    assert change(line, T0 + HISTORY_DAYS * DAY_MS, later + 1) == -100.0
    assert change(line, later, later + 1) == 0.0


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), st.floats(300, 800)), max_size=60))
def test_the_change_is_that_of_a_memory_without_bounds(said: list[tuple[int, int, float]]) -> None:
    line, told, now_ms, clock_ms = CreditLine(live=state()), [], T0, T0
    for hours, tick, points in said:
        now_ms += hours * DAY_MS // 4
        if tick == 0:
            clock_ms = now_ms
        score(line, points, now_ms, clock_ms)
        told.append((now_ms, clock_ms, points))
        for clock in (clock_ms, now_ms + 1):
            known = [(at, value) for at, under, value in told if under < clock]
            since = (now_ms - HISTORY_DAYS * DAY_MS) // WEEK_MS
            best = max((value for at, value in known if at // WEEK_MS >= since), default=math.nan)
            expected = min(0.0, known[-1][1] - best) if known and not math.isnan(best) else 0.0 if known else math.nan
            found = change(line, now_ms, clock)
            assert found == expected or (math.isnan(found) and math.isnan(expected))
    if line.scores is not None:
        assert len(line.scores.known.weeks) <= HISTORY_DAYS // 7 + 2

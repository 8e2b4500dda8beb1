"""Repayment plans against sources outside of riskwatch: numpy-financial, scipy, and sums done by hand."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import holidays
import numpy as np
import numpy_financial as npf  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from riskwatch.policy.calendars import Shift, calendar_of, nominal_dates, shifted
from riskwatch.policy.plans import Plan, PlanTerms, check_terms, internal_rate, make_plan

OPENED = date(2026, 1, 15)

TERMS = st.one_of(
    st.builds(
        PlanTerms,
        method=st.sampled_from(["equal-instalments", "equal-principal"]),
        grace_days=st.integers(0, 10),
        due_day=st.none() | st.integers(1, 31),
        shift=st.sampled_from(["none", "following", "modified-following", "preceding"]),
        calendar=st.sampled_from(["CN", "US"]),
        day_count=st.sampled_from(["30/360", "actual/365"]),
    ),
    st.builds(PlanTerms, method=st.just("interest-only-first"), interest_only=st.integers(1, 3)),
)


def plan(principal: int = 1_000_000, rate: float = 0.24, months: int = 12, **terms: object) -> Plan:
    return make_plan(principal, rate, months, OPENED, PlanTerms(**terms))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ against other sources


@pytest.mark.parametrize(
    ("principal", "rate", "months"), [(1_000_000, 0.24, 12), (350_000, 0.0399, 60), (99_999, 2, 7)]
)
def test_equal_instalments_are_those_of_an_annuity(principal: int, rate: float, months: int) -> None:
    made = plan(principal, rate, months)
    level = -float(npf.pmt(rate / 12, months, principal))
    assert all(abs(line.amount - level) <= 1 for line in made.lines[:-1])
    assert abs(made.lines[-1].amount - level) <= months
    exact = [float(npf.ppmt(rate / 12, number, months, -principal)) for number in range(1, months + 1)]
    assert all(abs(line.principal - part) <= months for line, part in zip(made.lines, exact, strict=True))


def test_a_published_example_comes_out_to_the_cent() -> None:
    # 100,000.00 over 360 months at 6 %: the textbook's monthly payment is 599.55.
    made = plan(10_000_000, 0.06, 360)
    assert {line.amount for line in made.lines[:-1]} == {59_955}
    assert (made.lines[0].interest, made.lines[0].principal) == (50_000, 9_955)


def test_equal_principal_by_hand() -> None:
    # 1,000.00 over 3 months at 12 %: 1 % of 1000.00, of 666.67 and of 333.34.
    made = plan(100_000, 0.12, 3, method="equal-principal")
    assert [(line.principal, line.interest, line.balance) for line in made.lines] == [
        (33_333, 1_000, 66_667), (33_333, 667, 33_334), (33_334, 333, 0),
    ]  # fmt: skip


def test_interest_only_first_by_hand() -> None:
    # 1,200.00 at 10 % a year: 10.00 a month; then two instalments of 1200 * r / (1 - (1 + r) ** -2) = 607.51.
    made = plan(120_000, 0.10, 4, method="interest-only-first", interest_only=2)
    assert [(line.principal, line.interest) for line in made.lines[:2]] == [(0, 1_000), (0, 1_000)]
    assert [line.amount for line in made.lines[2:]] == [60_751, 60_751]


def test_actual_days_by_hand() -> None:
    # 15 January to 15 February is 31 days: 1,000.00 * 0.365 * 31 / 365 = 31.00.
    made = plan(100_000, 0.365, 2, day_count="actual/365")
    assert made.lines[0].interest == 3_100
    assert made.lines[1].interest == round(made.lines[0].balance * 0.365 * 28 / 365)


def test_a_longer_first_period_bears_its_days() -> None:
    # Opened on the 15th, due on the 1st: 1 February is 17 days off, so 1 March is first; 46 days at 30/360.
    made = plan(100_000, 0.36, 2, due_day=1)
    assert made.lines[0].nominal_on == date(2026, 3, 1)
    assert made.lines[0].interest == 100_000 * 36 * 46 // (100 * 360)


@settings(deadline=None)  # a year of holidays is made when it is first asked for
@given(
    st.integers(1_000, 5_000_000), st.integers(0, 400).map(lambda permille: permille / 1000), st.integers(1, 60), TERMS
)
def test_the_annual_rate_is_scipy_s_root_of_the_cash_flows(
    principal: int, rate: float, months: int, terms: PlanTerms
) -> None:
    made = make_plan(principal, rate, max(months, terms.interest_only + 1), OPENED, terms)

    def worth(internal: float) -> float:
        timed = ((line.amount, (line.due_on - OPENED).days / 365) for line in made.lines)
        return sum(amount / (1 + internal) ** years for amount, years in timed) - principal

    assert made.apr == pytest.approx(brentq(worth, -0.9, 10, xtol=1e-13), abs=1e-9)


def test_the_rate_of_one_payment_after_a_year_is_its_interest() -> None:
    assert internal_rate(100_000, [(OPENED + timedelta(days=365), 112_500)], OPENED) == pytest.approx(0.125, abs=1e-12)
    assert internal_rate(100_000, [(OPENED + timedelta(days=365), 90_000)], OPENED) == pytest.approx(-0.1, abs=1e-12)


@pytest.mark.parametrize(
    "flows", [[], [(OPENED, -1)], [(OPENED - timedelta(days=1), 5)], [(OPENED + timedelta(days=365), 1)]]
)
def test_flows_without_a_rate_are_refused(flows: list[tuple[date, int]]) -> None:
    with pytest.raises(ValueError, match="flows"):
        internal_rate(100_000, flows, OPENED)


# -------------------------------------------------------------------------------------------------------------- laws


@given(
    st.integers(1, 10_000_000), st.integers(0, 10_000).map(lambda permille: permille / 1000), st.integers(1, 120), TERMS
)
def test_every_cent_is_accounted_for(principal: int, rate: float, months: int, terms: PlanTerms) -> None:
    made = make_plan(principal, rate, max(months, terms.interest_only + 1), OPENED, terms)
    assert sum(line.principal for line in made.lines) == principal
    assert sum(line.interest for line in made.lines) == made.interest
    balance = principal
    for line in made.lines:
        balance -= line.principal
        assert line.balance == balance
        assert line.principal >= 0
        assert line.interest >= 0
        assert line.amount == line.principal + line.interest
        assert line.last_day == line.due_on + timedelta(days=terms.grace_days)
    assert balance == 0
    assert all(before.due_on < after.due_on for before, after in pairwise(made.lines))
    assert (made.lines[0].nominal_on - OPENED).days >= 20


@given(st.integers(1, 5_000_000), st.integers(1, 120), TERMS)
def test_a_loan_without_interest_costs_nothing(principal: int, months: int, terms: PlanTerms) -> None:
    made = make_plan(principal, 0, max(months, terms.interest_only + 1), OPENED, terms)
    assert made.interest == 0
    assert made.apr == pytest.approx(0, abs=1e-9)


@given(
    st.integers(100_000, 5_000_000), st.integers(1, 120), st.sampled_from(["30/360", "actual/365"]),
    st.integers(0, 600).map(lambda permille: permille / 1000),
)  # fmt: skip
def test_equal_instalments_are_equal_and_the_last_is_near_them(
    principal: int, months: int, day_count: str, rate: float
) -> None:
    made = plan(principal, rate, months, day_count=day_count)
    level = min(line.amount for line in made.lines[:-1]) if months > 1 else made.lines[0].amount
    # In a month of more days the interest alone can be more than the level amount, where hardly anything is repaid yet.
    assert all(line.amount == max(level, line.interest) for line in made.lines[:-1])
    # Half a cent of rounding a month, and what a cent more in each instalment would have left of the last.
    growth = (1 + rate / 11) ** months
    assert abs(made.lines[-1].amount - level) <= (months + 1) * max(growth, 1) + 1


# ------------------------------------------------------------------------------------------------------------- dates


def test_the_day_does_not_drift_after_a_short_month() -> None:
    assert nominal_dates(date(2026, 1, 31), 3, None) == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    assert nominal_dates(date(2027, 12, 31), 2, None) == [date(2028, 1, 31), date(2028, 2, 29)]


@pytest.mark.parametrize(
    ("opened", "due_day", "first"),
    [
        (date(2026, 1, 10), 5, date(2026, 2, 5)),
        (date(2026, 1, 16), 5, date(2026, 2, 5)),
        (date(2026, 1, 17), 5, date(2026, 3, 5)),
        (date(2026, 1, 5), 31, date(2026, 2, 28)),
        (date(2026, 12, 20), 20, date(2027, 1, 20)),
    ],
)
def test_the_first_due_date_is_at_least_twenty_days_off(opened: date, due_day: int, first: date) -> None:
    assert nominal_dates(opened, 1, due_day) == [first]


@pytest.mark.parametrize(
    ("day", "shift", "moved"),
    [
        (date(2026, 2, 17), "following", date(2026, 2, 24)),  # Spring Festival, 16 to 23 February
        (date(2026, 2, 17), "preceding", date(2026, 2, 14)),  # a Saturday that is worked for it
        (date(2026, 5, 31), "following", date(2026, 6, 1)),
        (date(2026, 5, 31), "modified-following", date(2026, 5, 29)),
        (date(2026, 5, 31), "none", date(2026, 5, 31)),
        (date(2026, 3, 4), "following", date(2026, 3, 4)),
    ],
)
def test_due_dates_move_to_days_that_are_worked_in_china(day: date, shift: str, moved: date) -> None:
    assert shifted(day, shift, calendar_of("CN")) == moved  # type: ignore[arg-type]


def test_china_s_working_weekends_of_2026_are_worked_and_its_golden_week_is_not() -> None:
    # General Office of the State Council, arrangement of holidays for 2026.
    calendar = calendar_of("CN")
    worked = [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]
    assert all(calendar.is_working_day(date(2026, month, day)) for month, day in worked)
    assert not any(calendar.is_working_day(date(2026, 10, day)) for day in range(1, 8))


def test_a_year_without_known_holidays_has_its_weekends() -> None:
    # 4 October 2200 is a Saturday.
    assert shifted(date(2200, 10, 4), "following", calendar_of("CN")) == date(2200, 10, 6)


@pytest.mark.parametrize(
    ("shift", "roll"),
    [("following", "following"), ("preceding", "preceding"), ("modified-following", "modifiedfollowing")],
)
@given(day=st.dates(date(2020, 1, 1), date(2032, 12, 31)))
def test_due_dates_move_as_numpy_rolls_business_days(shift: Shift, roll: Any, day: date) -> None:
    own = holidays.country_holidays("US", years=range(2019, 2034))
    assert shifted(day, shift, calendar_of("US")) == np.busday_offset(day, 0, roll=roll, holidays=list(own)).item()


def test_parts_of_a_country_have_their_own_holidays() -> None:
    # Cesar Chavez Day, 31 March, is a holiday of California.
    day = date(2026, 3, 31)
    assert shifted(day, "following", calendar_of("US")) == day
    assert shifted(day, "following", calendar_of("US-CA")) == date(2026, 4, 1)


# ------------------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("principal", "rate", "months", "told"),
    [
        (0, 0.1, 12, "principal"), (100, -0.1, 12, "rate"), (100, 10.1, 12, "rate"), (100, float("nan"), 12, "rate"),
        (100, 0.1, 0, "months"), (100, 0.1, 601, "months"),
    ],
)  # fmt: skip
def test_what_no_plan_can_be_made_of_is_named(principal: int, rate: float, months: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plan(principal, rate, months)


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"due_day": 0}, "due_day"), ({"due_day": 32}, "due_day"), ({"grace_days": -1}, "grace_days"),
        ({"method": "interest-only-first"}, "interest_only"), ({"interest_only": 2}, "interest-only-first"),
        ({"shift": "following"}, "needs a calendar"), ({"calendar": "XX"}, "no business calendar"),
        ({"calendar": "US-XX"}, "no business calendar"), ({"calendar": "US-"}, "no business calendar"),
        # Names of the library's own modules and classes, and of a stock exchange.
        ({"calendar": "utils"}, "no business calendar"), ({"calendar": "HolidayBase"}, "no business calendar"),
        ({"calendar": "NYSE"}, "no business calendar"), ({"calendar": ""}, "no business calendar"),
    ],
)  # fmt: skip
def test_faulty_terms_are_told(terms: dict[str, object], told: str) -> None:
    assert told in "; ".join(check_terms(PlanTerms(**terms)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=told):
        plan(**terms)  # type: ignore[arg-type]


@pytest.mark.parametrize(("opened", "months"), [(date(9999, 6, 1), 1), (date(9980, 1, 1), 240)])
def test_a_plan_that_would_outlast_the_calendar_is_refused(opened: date, months: int) -> None:
    with pytest.raises(ValueError, match="a plan ends before"):
        make_plan(100_000, 0.1, months, opened, PlanTerms(grace_days=60))


def test_interest_only_months_leave_one_for_the_principal() -> None:
    with pytest.raises(ValueError, match="leaves no month"):
        plan(months=3, method="interest-only-first", interest_only=3)

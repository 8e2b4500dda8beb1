"""Annual rates of repayment plans, and every cent of them, against published examples and slow recomputations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from random import Random
from typing import Literal

import numpy_financial as npf  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from riskwatch.policy.plans import LEAST_INTERNAL_RATE, PlanTerms, internal_rate, make_plan

OPENED = date(2026, 1, 15)
YEAR = timedelta(days=365)


# ------------------------------------------------------------------------------------------------- published examples


def test_the_directive_s_example_of_one_payment() -> None:
    # Directive 98/7/EC, Annex III, first example: 1,000 on 1 January 1994, repaid by 1,200 on 1 July 1995.
    # 365 + 181 = 546 days. 1 + i = 1.2 ** (365 / 546) = exp(0.668498 * 0.182322) = exp(0.121882) = 1.129620: 12.96 %.
    rate = internal_rate(1_000_00, [(date(1995, 7, 1), 1_200_00)], date(1994, 1, 1))
    assert rate == pytest.approx(0.129620, abs=1e-6)


def test_the_spreadsheet_s_example_of_xirr() -> None:
    # Microsoft's page on XIRR: 10,000 on 1 January 2008 against four payments, 60, 303, 411 and 456 days later.
    # 0.373362535 by the page. Worth at that rate: 2750 * 1.373363 ** -(60/365) = 2610.3,
    # 4250 * … ** -(303/365) = 3265.9, 3250 * … ** -(411/365) = 2273.7, 2750 * … ** -(456/365) = 1850.1: 10,000.0.
    flows = [
        (date(2008, 3, 1), 2_750), (date(2008, 10, 30), 4_250), (date(2009, 2, 15), 3_250), (date(2009, 4, 1), 2_750),
    ]  # fmt: skip
    assert internal_rate(10_000, flows, date(2008, 1, 1)) == pytest.approx(0.373362535, abs=1e-8)


def test_two_yearly_payments_by_the_formula_of_a_quadratic() -> None:
    # 1,000 against 600 after one year and 600 after two: 600 v² + 600 v = 1000, v = (-3 + √(9 + 60)) / 6 = 0.884437,
    # 1 / v - 1 = 0.130662. 1994 and 1995 have 365 days each.
    flows = [(date(1995, 1, 1), 600), (date(1996, 1, 1), 600)]
    assert internal_rate(1_000, flows, date(1994, 1, 1)) == pytest.approx(6 / (69**0.5 - 3) - 1, abs=1e-12)


# --------------------------------------------------------------------------------------------------- other libraries


@given(st.integers(1_000, 1_000_000), st.lists(st.integers(1, 500_000), min_size=1, max_size=8))
def test_yearly_flows_have_the_rate_of_numpy_financial(principal: int, amounts: list[int]) -> None:
    flows = [(OPENED + number * YEAR, amount) for number, amount in enumerate(amounts, 1)]
    expected = float(npf.irr([-principal, *amounts]))
    if expected > LEAST_INTERNAL_RATE + 1e-6:
        assert internal_rate(principal, flows, OPENED) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(
    st.integers(100, 10_000_000),
    st.lists(st.tuples(st.integers(1, 4_000), st.integers(1, 5_000_000)), min_size=1, max_size=40),
)
def test_flows_of_any_days_have_the_root_of_scipy(principal: int, paid: list[tuple[int, int]]) -> None:
    def worth(rate: float) -> float:
        return sum(amount / (1 + rate) ** (days / 365) for days, amount in paid) / principal - 1

    if worth(-0.98) > 0 > worth(1e6):
        root = brentq(worth, -0.98, 1e6, xtol=1e-13, rtol=1e-14, maxiter=1_000)
        flows = [(OPENED + timedelta(days=days), amount) for days, amount in paid]
        assert internal_rate(principal, flows, OPENED) == pytest.approx(root, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("rate", "months"), [(0.24, 12), (0.36, 36), (0.0399, 60)])
def test_the_parts_of_each_instalment_are_those_of_numpy_financial(rate: float, months: int) -> None:
    made = make_plan(1_000_000, rate, months, OPENED, PlanTerms())
    for line in made.lines[:-1]:
        # A cent of rounding in the amount and in the interest, and what the lines before have added up to.
        assert line.interest == pytest.approx(float(npf.ipmt(rate / 12, line.number, months, -1_000_000)), abs=2)
        assert line.principal == pytest.approx(float(npf.ppmt(rate / 12, line.number, months, -1_000_000)), abs=3)


# ------------------------------------------------------------------------------------------------ slow recomputation


def owed(balance: int, year_rate: Fraction, share: Fraction) -> int:
    """Interest on a balance for a share of a year, half a unit up."""
    return floor(balance * year_rate * share + Fraction(1, 2))


def shares_of_a_year(opened: date, due: Sequence[date], day_count: str) -> list[Fraction]:
    if day_count == "30/360":
        return [Fraction(1, 12)] * len(due)
    days = [day.toordinal() for day in (opened, *due)]
    return [Fraction(end - start, 365) for start, end in pairwise(days)]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2_000, 6_000), st.integers(0, 500), st.integers(2, 18), st.sampled_from(["30/360", "actual/365"]),
    st.integers(1, 28),
)  # fmt: skip
def test_of_all_equal_instalments_those_are_taken_whose_last_is_nearest(
    principal: int, permille: int, months: int, day_count: Literal["30/360", "actual/365"], day: int
) -> None:
    opened = date(2027, 12, day)  # a leap year follows
    made = make_plan(principal, permille / 1_000, months, opened, PlanTerms(day_count=day_count))
    shares = shares_of_a_year(opened, [line.nominal_on for line in made.lines], day_count)
    rate = Fraction(permille, 1_000)

    def last_of(amount: int) -> int | None:
        balance = principal
        for share in shares[:-1]:
            balance -= amount - owed(balance, rate, share)
            if balance < 0 or balance > principal:
                return None
        return balance + owed(balance, rate, shares[-1])

    lasts = {amount: last for amount in range(1, 2 * principal) if (last := last_of(amount)) is not None}
    nearest = min(abs(last - amount) for amount, last in lasts.items())
    taken = {line.amount for line in made.lines[:-1]}
    assert len(taken) == 1
    assert made.lines[-1].amount == lasts[taken.pop()]
    assert abs(made.lines[-1].amount - made.lines[0].amount) == nearest


@given(
    st.integers(1, 5_000_000), st.integers(0, 2_000), st.integers(1, 60), st.sampled_from(["30/360", "actual/365"])
)  # fmt: skip
def test_equal_principal_is_what_exact_fractions_make_of_it(
    principal: int, permille: int, months: int, day_count: Literal["30/360", "actual/365"]
) -> None:
    terms = PlanTerms(method="equal-principal", day_count=day_count)
    made = make_plan(principal, permille / 1_000, months, OPENED, terms)
    shares = shares_of_a_year(OPENED, [line.nominal_on for line in made.lines], day_count)
    each = principal // months
    for number, (line, share) in enumerate(zip(made.lines, shares, strict=True)):
        balance = principal - number * each
        assert line.interest == owed(balance, Fraction(permille, 1_000), share)
        assert line.principal == (balance if number == months - 1 else each)


# ------------------------------------------------------------------------------------------------------------- laws


@given(
    st.integers(1_000_000, 10_000_000), st.integers(0, 600), st.integers(1, 60),
    st.dates(date(2020, 1, 1), date(2032, 12, 31)),
)  # fmt: skip
def test_the_annual_rate_is_at_least_the_nominal_one_but_for_long_months_and_rounding(
    principal: int, permille: int, months: int, opened: date
) -> None:
    # Paid by exact twelfths of a year, the rate is (1 + r / 12) ** 12 - 1, which is r or more. Real months reach at
    # most `slack` times as far (31 days for 30.42): a payment that is that much later bears that much less in a year.
    nominal = permille / 1_000
    made = make_plan(principal, nominal, months, opened, PlanTerms())
    slack = max((line.nominal_on - opened).days / 365 * 12 / line.number for line in made.lines)
    compounded = (1 + nominal / 12) ** (12 / max(slack, 1)) - 1
    # Half a cent a line, over no less than a twelfth of a year of the loan.
    assert made.apr >= compounded - 12 * months / principal
    if slack <= 1:
        assert made.apr >= nominal - 12 * months / principal


@given(
    st.integers(1_000, 1_000_000),
    st.lists(st.tuples(st.integers(1, 2_000), st.integers(100, 500_000)), min_size=1, max_size=12),
    st.randoms(),
)
def test_the_order_of_the_flows_does_not_matter(principal: int, paid: list[tuple[int, int]], random: Random) -> None:
    flows = [(OPENED + timedelta(days=days), amount) for days, amount in paid]
    mixed = list(flows)
    random.shuffle(mixed)
    try:
        expected = internal_rate(principal, flows, OPENED)
    except ValueError:
        with pytest.raises(ValueError, match="the flows are worth"):
            internal_rate(principal, mixed, OPENED)
    else:
        assert internal_rate(principal, mixed, OPENED) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(deadline=None)  # a year of holidays is made when it is first asked for
@given(st.integers(1, 20), st.integers(0, 10_000), st.integers(1, 40), st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_the_smallest_loans_have_a_plan_and_a_rate(principal: int, permille: int, months: int, opened: date) -> None:
    made = make_plan(
        principal, permille / 1_000, months, opened, PlanTerms(due_day=5, shift="preceding", calendar="CN")
    )
    assert sum(line.principal for line in made.lines) == principal
    assert made.apr >= -1e-9


# ------------------------------------------------------------------------------------------------------------ limits


def test_a_gift_down_to_the_least_rate_has_one() -> None:
    # 1 % of the principal after a year: -99 %.
    assert internal_rate(100_000, [(OPENED + YEAR, 1_000)], OPENED) == pytest.approx(-0.99, abs=1e-12)


def test_a_gift_below_the_least_rate_is_refused() -> None:
    with pytest.raises(ValueError, match=r"worth less than the principal at any rate from -0\.99 up"):
        internal_rate(100_000, [(OPENED + YEAR, 999)], OPENED)


def test_a_payment_of_nothing_after_centuries_adds_nothing() -> None:
    with pytest.raises(ValueError, match="worth less than the principal"):
        internal_rate(100_000, [(OPENED + YEAR, 999), (OPENED + 374 * YEAR, 0)], OPENED)


def test_flows_that_no_rate_brings_down_are_refused() -> None:
    with pytest.raises(ValueError, match="worth more than the principal at any rate"):
        internal_rate(100_000, [(OPENED, 100_001), (OPENED + YEAR, 1)], OPENED)


def test_flows_on_the_day_of_opening_alone_have_no_rate() -> None:
    with pytest.raises(ValueError, match="flows on the day of opening alone"):
        internal_rate(100_000, [(OPENED, 100_000)], OPENED)


@pytest.mark.parametrize("principal", [0, -5])
def test_a_rate_needs_a_principal(principal: int) -> None:
    with pytest.raises(ValueError, match="a principal is at least 1"):
        internal_rate(principal, [(OPENED + YEAR, 10)], OPENED)


def test_a_payment_after_centuries_has_a_rate() -> None:
    # Doubled in 374 * 365 days: 2 ** (1 / 374) - 1.
    rate = internal_rate(100_000, [(OPENED + 374 * YEAR, 200_000)], OPENED)
    assert rate == pytest.approx(2 ** (1 / 374) - 1, abs=1e-12)


def test_amounts_beyond_floats_have_a_rate() -> None:
    assert internal_rate(10**400, [(OPENED + YEAR, 11 * 10**399)], OPENED) == pytest.approx(0.1, abs=1e-12)

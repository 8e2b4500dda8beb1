"""Repayment plans: what is due when, every cent accounted for, and the effective annual rate of it.

Money is integer minor units and rates are exact fractions: the principal parts sum to the principal, and what rounding
leaves over lies in the last line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from math import inf, isfinite
from typing import Literal

from msgspec import Struct

from riskwatch.policy.calendars import Shift, calendar_of, nominal_dates, shifted

Method = Literal["equal-instalments", "equal-principal", "interest-only-first"]
DayCount = Literal["30/360", "actual/365"]

MAX_MONTHS = 600
MAX_RATE = 10.0
LEAST_INTERNAL_RATE = -0.99
LAST_YEAR = 9990
_YEAR_DAYS = 365
_LEAST_GROWTH = 0.01
_MOST_GROWTH = 1e12
_NEWTON_STEPS = 60


class PlanTerms(Struct, frozen=True, kw_only=True):
    """How an institution plans repayments.

    `interest_only`: months at the start without principal. `grace_days`: days after the due date on which a payment is
    still in time. `due_day`: 1 to 31, that of the opening where None. `calendar`: a code of `calendar_of`, for `shift`.
    `day_count`: a month is a twelfth of a year, or days between nominal due dates over 365.
    """

    method: Method = "equal-instalments"
    interest_only: int = 0
    grace_days: int = 0
    due_day: int | None = None
    shift: Shift = "none"
    calendar: str | None = None
    day_count: DayCount = "30/360"


class PlanLine(Struct, frozen=True, kw_only=True):
    """One instalment, minor units. `due_on`: `nominal_on` moved to a business day; `last_day`: with the days of grace;
    `balance`: principal that is open after it."""

    number: int
    due_on: date
    nominal_on: date
    last_day: date
    principal: int
    interest: int
    amount: int
    balance: int


class Plan(Struct, frozen=True, kw_only=True):
    """A repayment plan. `interest`: all of it; `apr`: effective annual rate of the cash flows by actual days over
    365."""

    principal: int
    annual_rate: float
    lines: tuple[PlanLine, ...]
    interest: int
    apr: float


def check_terms(terms: PlanTerms) -> list[str]:
    """Every fault of the terms, in words."""
    faults = []
    if terms.due_day is not None and not 1 <= terms.due_day <= 31:
        faults.append(f"due_day is 1 to 31, not {terms.due_day}")
    if not 0 <= terms.grace_days <= 60:
        faults.append(f"grace_days is 0 to 60, not {terms.grace_days}")
    if terms.method == "interest-only-first" and terms.interest_only < 1:
        faults.append("interest-only-first needs interest_only of at least 1 month")
    if terms.method != "interest-only-first" and terms.interest_only:
        faults.append(f"interest_only is for interest-only-first, not for {terms.method}")
    if terms.shift != "none" and terms.calendar is None:
        faults.append(f"shift {terms.shift} needs a calendar, such as CN")
    if terms.calendar is not None:
        try:
            calendar_of(terms.calendar)
        except ValueError as error:
            faults.append(str(error))
    return faults


def make_plan(principal: int, annual_rate: float, months: int, opened_on: date, terms: PlanTerms) -> Plan:
    """The plan of a loan of `principal` minor units at a nominal `annual_rate` (0.24: 24 %), over so many months.

    Raises `ValueError` for a principal under 1, a rate outside of 0 to 10, months outside of 1 to 600, an opening so
    late that the plan would run past the year 9990, and terms with faults.
    """
    if principal < 1:
        raise ValueError(f"a principal is at least 1 minor unit, not {principal}")
    if not (isfinite(annual_rate) and 0 <= annual_rate <= MAX_RATE):
        raise ValueError(f"an annual rate is 0 to {MAX_RATE:g}, not {annual_rate}")
    if not 1 <= months <= MAX_MONTHS:
        raise ValueError(f"a plan has 1 to {MAX_MONTHS} months, not {months}")
    if opened_on.year + months // 12 > LAST_YEAR:  # dates end with 9999, and grace and shifts need room
        raise ValueError(f"a plan ends before {LAST_YEAR}: {months} months from {opened_on} are too many")
    faults = check_terms(terms)
    if terms.interest_only >= months:
        faults.append(f"interest_only of {terms.interest_only} leaves no month of {months} for the principal")
    if faults:
        raise ValueError("; ".join(faults))
    nominal = nominal_dates(opened_on, months, terms.due_day)
    rates = _period_rates(Fraction(str(annual_rate)), opened_on, nominal, terms)
    parts = _parts(principal, rates, terms)
    calendar = None if terms.calendar is None else calendar_of(terms.calendar)
    lines, balance = [], principal
    for number, (day, (repaid, interest)) in enumerate(zip(nominal, parts, strict=True), 1):
        balance -= repaid
        due = shifted(day, terms.shift, calendar)
        lines.append(
            PlanLine(
                number=number,
                due_on=due,
                nominal_on=day,
                last_day=due + timedelta(days=terms.grace_days),
                principal=repaid,
                interest=interest,
                amount=repaid + interest,
                balance=balance,
            )
        )
    flows = [(line.due_on, line.amount) for line in lines]
    return Plan(
        principal=principal,
        annual_rate=annual_rate,
        lines=tuple(lines),
        interest=sum(line.interest for line in lines),
        apr=internal_rate(principal, flows, opened_on),
    )


def _period_rates(rate: Fraction, opened_on: date, nominal: list[date], terms: PlanTerms) -> list[Fraction]:
    """Interest of each period on one unit of principal."""
    if terms.day_count == "actual/365":
        starts = [opened_on, *nominal[:-1]]
        return [rate * (end - start).days / _YEAR_DAYS for start, end in zip(starts, nominal, strict=True)]
    first, day = nominal[0], opened_on.day if terms.due_day is None else terms.due_day
    ahead = (first.year - opened_on.year) * 12 + first.month - opened_on.month
    days = ahead * 30 + min(day, 30) - min(opened_on.day, 30)
    return [rate * days / 360, *[rate / 12] * (len(nominal) - 1)]


def _parts(principal: int, rates: list[Fraction], terms: PlanTerms) -> list[tuple[int, int]]:
    """Principal and interest of each line."""
    if terms.method == "equal-principal":
        share, balance, parts = principal // len(rates), principal, []
        for number, rate in enumerate(rates, 1):
            repaid = balance if number == len(rates) else share
            parts.append((repaid, _interest(balance, rate)))
            balance -= repaid
        return parts
    free = terms.interest_only
    only_interest = [(0, _interest(principal, rate)) for rate in rates[:free]]
    return only_interest + _level(principal, rates[free:])


def _level(principal: int, rates: list[Fraction]) -> list[tuple[int, int]]:
    """Instalments of one amount, chosen so that the last, which takes the rest, differs least from it."""

    def too_low(amount: int) -> bool:  # the higher the amount, the less is left for the last line
        return sum(_repay(principal, rates, amount)[-1]) >= amount

    low, high = 0, principal + sum(_interest(principal, rate) for rate in rates) + 1
    near, apart = _annuity(principal, rates), 1
    if low < near < high:  # rounding moves the amount by a few units at most: look there first
        step = 1 if too_low(near) else -1
        while low < (reached := near + step * apart) < high and too_low(reached) == (step > 0):
            near, apart = reached, 2 * apart
        edges = sorted((near, min(max(reached, low), high)))
        low, high = edges[0], edges[1]
    while high - low > 1:
        middle = (low + high) // 2
        if too_low(middle):
            low = middle
        else:
            high = middle
    return min((_repay(principal, rates, amount) for amount in (low, high)), key=_unevenness)


def _annuity(principal: int, rates: list[Fraction]) -> int:
    """The level amount by the formula, before any rounding to whole units."""
    worth, growth = 0.0, 1.0
    for rate in rates:
        growth *= 1.0 + float(rate)
        worth += 1.0 / growth
    return int(principal / worth)


def _unevenness(parts: list[tuple[int, int]]) -> int:
    return abs(sum(parts[-1]) - sum(parts[0]))


def _repay(principal: int, rates: list[Fraction], amount: int) -> list[tuple[int, int]]:
    balance, parts = principal, []
    for number, rate in enumerate(rates, 1):
        interest = _interest(balance, rate)
        repaid = balance if number == len(rates) else min(max(amount - interest, 0), balance)
        parts.append((repaid, interest))
        balance -= repaid
    return parts


def _interest(balance: int, rate: Fraction) -> int:
    """Interest to the nearest whole minor unit, half a unit up; in integers, for a plan reckons it some hundred
    times."""
    return (2 * balance * rate.numerator + rate.denominator) // (2 * rate.denominator)


def internal_rate(principal: int, flows: Sequence[tuple[date, int]], opened_on: date) -> float:
    """The effective annual rate at which the flows are worth the principal on the day of opening: actual days over 365,
    as the EU's directive on consumer credit and a spreadsheet's XIRR reckon. Flows may come in any order.

    Raises `ValueError` for a principal under 1, no flows, a negative one, one before the opening, flows of which none
    comes after it (no rate says anything then), and a rate below -0.99 or out of all reason (above 1e12).
    """
    if principal < 1:
        raise ValueError(f"a principal is at least 1 minor unit, not {principal}")
    if not flows or any(amount < 0 or day < opened_on for day, amount in flows):
        raise ValueError("flows are payments of 0 or more, on or after the opening, and at least one")
    if all(day == opened_on for day, _ in flows):
        raise ValueError("flows on the day of opening alone have no rate: at least one comes after it")
    # As shares of the principal, amounts of any size are floats.
    timed = [((day - opened_on).days / _YEAR_DAYS, amount / principal) for day, amount in flows if amount]

    def worth(growth: float) -> float:
        try:
            return sum(share * float(growth**-years) for years, share in timed)
        except OverflowError:  # centuries at nearly -0.99: more than any principal
            return inf

    # Growth in a year, not the rate, is what is searched: 0.01 is exactly the bound, 1 - 0.99 is not.
    low, high = _LEAST_GROWTH, 2.0
    if worth(low) < 1:
        raise ValueError(f"the flows are worth less than the principal at any rate from {LEAST_INTERNAL_RATE} up")
    while worth(high) > 1:
        low, high = high, high * 4
        if high > _MOST_GROWTH:
            raise ValueError("the flows are worth more than the principal at any rate")
    if low < 1 < high and worth(1.0) >= 1:  # the usual loan costs something
        low = 1.0
    return _root(worth, timed, low, high) - 1


def _root(
    worth: Callable[[float], float], timed: list[tuple[float, float]], low: float, high: float
) -> float:  # fmt: skip
    """Where the flows are worth 1, between two growths. Newton's steps from the left never pass the root of what falls
    and is convex, and end where a step is too small for a float; halving does it where they do not."""
    growth = low
    for _ in range(_NEWTON_STEPS):
        slope = sum(share * years * float(growth ** (-years - 1)) for years, share in timed)
        over = worth(growth) - 1
        if not (isfinite(slope) and isfinite(over)) or slope <= 0:
            break
        reached = growth + over / slope
        if over <= 0 or reached <= growth:
            return growth
        growth = min(reached, high)
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if worth(middle) > 1:
            low = middle
        else:
            high = middle
    return (low + high) / 2

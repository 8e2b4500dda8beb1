"""Risk-based pricing: a probability of default to a grade, a grade to a limit, a rate and a term.

A limit is the smallest of several bounds, and the offer says which of them set it. Multiples and rates are reckoned as
the decimal numbers that a policy writes, never as binary fractions: 0.24 is 240 steps of 0.001, not 239.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from math import isfinite

from msgspec import Struct

MAX_RATE = 10.0
"""Annual rates end here: 10 is 1000 % a year."""

MAX_TERM = 600
"""Months of the longest repayment plan."""

BOUNDS: Mapping[str, str] = {
    "requested": "The amount is what was requested; the limit allows as much or more.",
    "grade-cap": "The highest limit of the grade set the limit.",
    "income": "The grade's multiple of the income that debt service leaves set the limit.",
    "exposure": "The highest limit of the grade, less what the customer owes already, set the limit.",
    "merchant": "The cap of the merchant set the limit.",
    "legal-cap": "The legal cap made the rate lower than the grade's.",
}
"""What can bound an offer: codes of `Offer.bounds`, in the order that they stand there."""


class Grade(Struct, frozen=True, kw_only=True):
    """One band of risk: a pd above the band before it, up to and including `max_pd`.

    `max_limit`: minor units, over all that the customer owes; 0 for a grade that never gets an offer. `annual_rate`:
    nominal, 0.24 is 24 %. `income_multiple`: of the monthly income that debt service leaves. `terms`: months, rising.
    """

    name: str
    max_pd: float
    max_limit: int
    annual_rate: float
    income_multiple: float
    terms: tuple[int, ...]


class Pricing(Struct, frozen=True, kw_only=True):
    """Grades in rising `max_pd`; a pd above the last has no grade. `legal_cap`: the highest annual rate that the law
    allows; `rate_step`: rates are multiples of it; `limit_step` and `min_limit`: minor units.
    """

    grades: tuple[Grade, ...]
    legal_cap: float
    rate_step: float
    limit_step: int
    min_limit: int


class Offer(Struct, frozen=True, kw_only=True):
    """What is offered. `limit`: the most that could be lent; `amount`: what is lent of it; both in minor units.

    `annual_rate`: nominal; `term_months`: one of `terms`, all on offer; `bounds`: codes of `BOUNDS`. Every bound that
    alone would give the same limit is among them: raising only one of these would change nothing.
    """

    grade: str
    limit: int
    amount: int
    annual_rate: float
    term_months: int
    terms: tuple[int, ...]
    bounds: tuple[str, ...]


def grade_of(pricing: Pricing, pd: float) -> Grade | None:
    """The first grade whose `max_pd` is not below `pd`; None above the last band, and for NaN."""
    return next((grade for grade in pricing.grades if pd <= grade.max_pd), None)


def make_offer(
    pricing: Pricing,
    grade: Grade,
    *,
    requested: int,
    requested_term: int,
    income: int | None,
    debt_service: int | None,
    exposure: int,
    merchant_cap: int | None = None,
) -> Offer | None:
    """The offer in a grade, or None where the limit is below `min_limit` or nothing (below 1) is requested.

    Minor units: `income` and `debt_service` a month (None: unknown), `exposure` owed already, `merchant_cap` the most
    that may be lent at this merchant (None: no cap). An unknown income bounds nothing: a policy that will not lend
    without one lists it as required. An unknown debt service counts as 0; so do a debt service and an exposure below
    0, because a wrong sign must never raise a limit. The term is the requested one where it is on offer, else the
    longest shorter one, else the shortest. Raises nothing for a pricing without faults (`check_pricing`).
    """
    rooms: dict[str, Fraction | int] = {"grade-cap": grade.max_limit}
    if exposure > 0:
        rooms["exposure"] = grade.max_limit - exposure
    if income is not None:
        owed = 0 if debt_service is None else max(debt_service, 0)
        rooms["income"] = _exact(grade.income_multiple) * (income - owed)
    if merchant_cap is not None:
        rooms["merchant"] = merchant_cap
    limits = {code: room // pricing.limit_step * pricing.limit_step for code, room in rooms.items()}
    limit = min(limits.values())
    if requested < 1 or limit < pricing.min_limit:
        return None
    binding = {code for code, alone in limits.items() if alone == limit}
    if requested <= limit:
        binding.add("requested")
    rate = _stepped(min(grade.annual_rate, pricing.legal_cap), pricing.rate_step)
    if rate < _stepped(grade.annual_rate, pricing.rate_step):
        binding.add("legal-cap")
    return Offer(
        grade=grade.name,
        limit=limit,
        amount=min(requested, limit),
        annual_rate=rate,
        term_months=max((term for term in grade.terms if term <= requested_term), default=min(grade.terms)),
        terms=grade.terms,
        bounds=tuple(code for code in BOUNDS if code in binding),
    )


def check_pricing(pricing: Pricing) -> list[str]:
    """Every fault of a pricing in words, with the way out; empty for a sound one."""
    faults = list(_step_faults(pricing))
    if not pricing.grades:
        faults.append("there are no grades; every applicant would be declined")
    names: set[str] = set()
    before: Grade | None = None
    for place, grade in enumerate(pricing.grades, start=1):
        where = f"grade `{grade.name}`" if grade.name.strip() else f"grade {place}"
        if not grade.name.strip():
            faults.append(f"{where} has no name")
        elif grade.name in names:
            faults.append(f"{where} is there more than once; give each its own name")
        names.add(grade.name)
        faults += [f"{where}: {fault}" for fault in (*_band_faults(grade, before), *_grade_faults(pricing, grade))]
        before = grade
    return faults


def _exact(number: float) -> Fraction:
    """The decimal number as it is written: 0.1 is a tenth."""
    return Fraction(str(number))


def _stepped(rate: float, step: float) -> float:
    """The rate, rounded down to a multiple of the step."""
    exact = _exact(step)
    return float(_exact(rate) // exact * exact)


def _step_faults(pricing: Pricing) -> Iterator[str]:
    sound_cap = isfinite(pricing.legal_cap) and pricing.legal_cap > 0
    sound_step = isfinite(pricing.rate_step) and pricing.rate_step > 0
    if not sound_cap:
        yield f"legal_cap is {pricing.legal_cap}; it is an annual rate above 0, such as 0.24 for 24 %"
    if not sound_step:
        yield f"rate_step is {pricing.rate_step}; it is a rate above 0, such as 0.001 for a tenth of a percent"
    if sound_cap and sound_step and pricing.legal_cap < pricing.rate_step:
        yield (
            f"legal_cap {pricing.legal_cap} is below rate_step {pricing.rate_step}: "
            "every rate would be rounded down to 0; take a smaller step"
        )
    if pricing.limit_step < 1:
        yield f"limit_step is {pricing.limit_step}; it is an amount in minor units above 0, such as 10000"
    elif pricing.min_limit < pricing.limit_step:
        yield (
            f"min_limit {pricing.min_limit} is below limit_step {pricing.limit_step}: "
            f"the smallest limit is one step; write {pricing.limit_step} or more"
        )


def _band_faults(grade: Grade, before: Grade | None) -> Iterator[str]:
    if not 0 < grade.max_pd <= 1:
        yield f"max_pd is {grade.max_pd}; it is a probability above 0, at most 1"
    elif before is not None and before.max_pd >= grade.max_pd:
        yield (
            f"max_pd {grade.max_pd} is not above {before.max_pd} of grade `{before.name}`; "
            "list the grades from the lowest max_pd to the highest"
        )


def _grade_faults(pricing: Pricing, grade: Grade) -> Iterator[str]:
    step, least = pricing.limit_step, pricing.min_limit
    if grade.max_limit < 0:
        yield f"max_limit is {grade.max_limit}; it is an amount in minor units, 0 for a grade without offers"
    elif grade.max_limit > 0 and step >= 1 and grade.max_limit // step * step < least:
        yield (
            f"max_limit {grade.max_limit} in steps of {step} is below min_limit {least}: nobody gets an offer; "
            "write 0 where that is meant"
        )
    if not 0 <= grade.annual_rate <= MAX_RATE:
        yield f"annual_rate is {grade.annual_rate}; it lies from 0 to 10, and 24 % is 0.24"
    elif 0 < grade.annual_rate < pricing.rate_step:
        yield f"annual_rate {grade.annual_rate} is below rate_step {pricing.rate_step} and would be rounded down to 0"
    if not (isfinite(grade.income_multiple) and grade.income_multiple >= 0):
        yield f"income_multiple is {grade.income_multiple}; it is a number above 0, such as 3 for three monthly incomes"
    elif grade.income_multiple == 0 and grade.max_limit > 0:
        yield "income_multiple is 0: nobody whose income is known gets an offer; write a number above 0"
    if not grade.terms:
        yield "it has no terms; list months, such as [3, 6, 12]"
    for term in grade.terms:
        if not 1 <= term <= MAX_TERM:
            yield f"the term {term} is not from 1 to {MAX_TERM} months"
    for left, right in pairwise(grade.terms):
        if left >= right:
            yield f"the term {right} stands after {left}; list each term once, from the shortest to the longest"

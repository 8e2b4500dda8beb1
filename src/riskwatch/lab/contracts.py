"""Loans that the lives of loans are about: who borrows, where, how much, and the schedule with its parts."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from random import Random

from msgspec import Struct

from riskwatch.lab.people import INSTITUTIONS, Institution, address, device_name
from riskwatch.streams.events import Employment, Instalment, Product


class Lender(Struct, frozen=True, kw_only=True):
    """An institution that lends. `income`: a typical monthly income, minor units of its currency."""

    tenant: str
    currency: str
    zone: str
    income: int
    publishes_due_dates: bool


def _lender(institution: Institution) -> Lender:
    return Lender(
        tenant=institution.tenant,
        currency=institution.currency,
        zone=institution.zone,
        income=institution.income,
        publishes_due_dates=institution.publishes_due_dates,
    )


LENDERS: tuple[Lender, ...] = (
    *map(_lender, INSTITUTIONS),
    Lender(tenant="prairie-lending", currency="USD", zone="America/Chicago", income=420_000, publishes_due_dates=False),
)
"""Those of the portfolio of customers, and one more."""
MERCHANTS = 40
"""Merchants of each institution; the first of them sell to many who never pay."""
BAD_MERCHANTS = 3


class Kind(Struct, frozen=True, kw_only=True):
    """How loans of a product are made: instalment counts, days between them (0: monthly), yearly rate in basis points,
    principal in monthly incomes."""

    product: Product
    share: int
    counts: tuple[int, ...]
    every_days: tuple[int, ...]
    rate_bp: int
    incomes: float


KINDS: tuple[Kind, ...] = (
    Kind(product="shopping-instalments", share=45, counts=(3, 4, 6), every_days=(14, 0), rate_bp=1_200, incomes=0.3),
    Kind(product="cash-instalments", share=35, counts=(6, 9, 12), every_days=(0,), rate_bp=2_400, incomes=0.9),
    Kind(product="consumer-credit", share=20, counts=(12, 18, 24), every_days=(0,), rate_bp=1_800, incomes=1.8),
)


class Borrower(Struct, frozen=True, kw_only=True):
    """A customer. Incomes in minor units a month."""

    lender: Lender
    customer_id: str
    income: int
    employment: Employment
    bureau_score: float
    device_id: str
    ip: str
    sms: bool
    born: date


class Contract(Struct, frozen=True, kw_only=True):
    """A loan as agreed. Money in minor units; the schedule's principal parts add up to `principal`."""

    loan_id: str
    borrower: Borrower
    product: Product
    principal: int
    rate_bp: int
    opened_on: date
    schedule: tuple[Instalment, ...]
    merchant_id: str | None


def customer_id(number: int) -> str:
    """The id of the customer with this number."""
    return f"b{number:06d}"


def draw_borrower(random: Random, lender: Lender, number: int) -> Borrower:
    """A customer; `number` names them within the portfolio."""
    return Borrower(
        lender=lender,
        customer_id=customer_id(number),
        income=int(lender.income * random.lognormvariate(0, 0.3)) // 1000 * 1000,
        employment=random.choices(("employed", "self-employed", "student", "retired"), (78, 12, 5, 5))[0],
        bureau_score=float(round(min(900.0, max(480.0, random.gauss(700, 60))))),
        device_id=device_name(random),
        ip=address(random),
        sms=random.random() < 0.6,
        born=date(1955, 1, 1) + timedelta(days=random.randrange(18_000)),
    )


def draw_contract(random: Random, borrower: Borrower, loan_id: str, opened_on: date, *, bad: bool) -> Contract:
    """A loan. `bad`: it will never be paid; such loans gather at a few merchants."""
    kind = random.choices(KINDS, [each.share for each in KINDS])[0]
    count, every = random.choice(kind.counts), random.choice(kind.every_days)
    principal = max(10_000, int(borrower.income * kind.incomes * random.uniform(0.5, 1.4)) // 1000 * 1000)
    merchant = None
    if kind.product == "shopping-instalments":
        shady = random.random() < (0.6 if bad else 0.02)
        merchant = random.randrange(BAD_MERCHANTS) if shady else random.randrange(BAD_MERCHANTS, MERCHANTS)
    return Contract(
        loan_id=loan_id,
        borrower=borrower,
        product=kind.product,
        principal=principal,
        rate_bp=kind.rate_bp,
        opened_on=opened_on,
        schedule=annuity(principal, kind.rate_bp, due_dates(opened_on, count, every)),
        merchant_id=None if merchant is None else f"shop-{borrower.lender.tenant[:3]}-{merchant:03d}",
    )


def due_dates(opened_on: date, count: int, every_days: int) -> list[date]:
    """Due dates: every so many days, or (0) on the same day of each month, its last where it is shorter."""
    if every_days:
        return [opened_on + timedelta(days=every_days * number) for number in range(1, count + 1)]
    return [months_later(opened_on, number) for number in range(1, count + 1)]


def months_later(day: date, months: int) -> date:
    """The same day of a later month, its last day where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def annuity(principal: int, rate_bp: int, dates: list[date], first_number: int = 1) -> tuple[Instalment, ...]:
    """Equal instalments, each with the interest of a month on what is left; the last one takes what rounding left."""
    rate, count = rate_bp / 120_000, len(dates)
    amount = round(principal * rate / (1 - (1 + rate) ** -count)) if rate else principal // count
    schedule, left = [], principal
    for place, due_on in enumerate(dates):
        interest = round(left * rate)
        part = left if place == count - 1 else min(left, max(0, amount - interest))
        left -= part
        schedule.append(
            Instalment(
                number=first_number + place, due_on=due_on, amount=part + interest, principal=part, interest=interest
            )
        )
    return tuple(schedule)

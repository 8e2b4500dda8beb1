"""Loans of the portfolio: how they are drawn, asked for, opened, and paid or not paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from random import Random

from msgspec import Struct

from riskwatch.lab.life import Dated, Scribe, Situation, situation
from riskwatch.lab.people import MINUTE, Calendar, Customer, Phase, near, town_of
from riskwatch.streams.events import (
    Bureau,
    Declared,
    Instalment,
    InstalmentDue,
    LoanApplied,
    LoanOpened,
    Product,
    RepaymentReceived,
    Session,
)


class Part(Struct, frozen=True):
    """A payment towards an instalment: so many days after its due date (negative: early), so much of it."""

    days_late: float
    share: float = 1.0


class Loan(Struct, frozen=True, kw_only=True):
    """A loan to be: opened on a day of the simulation, due in equal instalments every `every_days`."""

    product: Product
    opened_on: int
    instalments: int
    every_days: int
    principal: int
    merchant: str | None = None
    """Where it is asked for; None: at one of the customer's own, if at any."""

    @property
    def instalment(self) -> int:
        """What falls due each time, minor units: principal and a flat tenth for interest."""
        return self.principal * 11 // (10 * self.instalments)

    def due_day(self, number: int) -> int:
        """Day of the simulation on which an instalment falls due; `number` counts from 1."""
        return self.opened_on + self.every_days * number


Terms = Mapping[int, Sequence[Part]]
"""How named instalments are paid; an empty sequence: not at all. The others are paid on time or a day late."""


def draw_loan(random: Random, customer: Customer, *, opened_on: int, product: Product | None = None) -> Loan:
    """A loan of one of the three products, sized by the customer's income."""
    products: tuple[Product, ...] = ("shopping-instalments", "cash-instalments", "consumer-credit")
    chosen = random.choices(products, (50, 30, 20))[0] if product is None else product
    income = customer.monthly_income
    if chosen == "shopping-instalments":
        return Loan(product=chosen, opened_on=opened_on, instalments=6, every_days=14, principal=int(income * 0.3))
    if chosen == "cash-instalments":
        return Loan(product=chosen, opened_on=opened_on, instalments=6, every_days=30, principal=int(income * 0.9))
    return Loan(product=chosen, opened_on=opened_on, instalments=12, every_days=30, principal=int(income * 2.0))


def application(
    scribe: Scribe,
    random: Random,
    at: int,
    *,
    product: Product,
    amount: int,
    term_months: int,
    now: Situation,
    income: int,
    paste_share: float | None = None,
    bureau: Bureau | None = None,
    merchant: str | None = None,
) -> Dated:
    """An application for a loan, as an app sends it."""
    customer = scribe.customer
    pasted = round(random.random() * 0.12, 3) if paste_share is None else paste_share
    return scribe.write(
        LoanApplied,
        at,
        application_id=f"app-{customer.customer_id}-{at // MINUTE}",
        product=product,
        amount=amount,
        currency=customer.institution.currency,
        term_months=term_months,
        # A purchase by instalments names where it is made.
        merchant_id=(merchant or _merchant(customer, at)) if product == "shopping-instalments" else None,
        device_id=now.device_id,
        ip=now.ip,
        geo=near(random, now.place),
        channel="app",
        session=Session(seconds=round(random.lognormvariate(5.6 if pasted < 0.5 else 3.8, 0.3), 1), paste_share=pasted),
        identifiers=customer.papers.written(at // MINUTE),
        declared=declared(customer, income),
        bureau=bureau or record(customer),
    )


def _merchant(customer: Customer, at: int) -> str:
    """One of the customer's own merchants, a quarter of the time the town's favourite."""
    place = at // MINUTE % 8
    return town_of(customer.institution)[0] if place < 2 else customer.merchants[place]


def declared(customer: Customer, income: int) -> Declared:
    """What a customer declares, the same each time but for the income."""
    seed = customer.seed
    return Declared(
        monthly_income=income,
        employment=customer.employment,
        employed_months=6 + seed // 7 % 160,
        monthly_debt_service=income * (seed // 11 % 40) // 100,
        birth_date=customer.papers.born,
    )


def record(customer: Customer) -> Bureau:
    """The bureau's record of a customer: the lower the score, the more there is in it."""
    seed, strain = customer.seed, max(0, int(760 - customer.bureau_score)) // 40
    return Bureau(
        score=customer.bureau_score,
        open_loans=2,
        outstanding=customer.monthly_income * (1 + seed // 13 % 6),
        max_dpd_12m=(0, 0, 0, 5, 15, 35, 65, 95)[strain] if seed // 17 % 3 == 0 else 0,
        inquiries_90d=1 + strain // 2,
        oldest_loan_months=60,
    )


def loan_life(
    customer: Customer, calendar: Calendar, random: Random, loan: Loan, terms: Terms, *, phases: Sequence[Phase] = ()
) -> list[Dated]:
    """Application, opening, due dates (where the institution publishes them) and repayments within the calendar,
    sorted.
    """
    scribe = Scribe(customer, calendar, f"l{loan.opened_on:03d}-")
    applied = calendar.at(loan.opened_on - 1, min(22.0, max(8.0, random.gauss(17, 3))))
    term = max(1, round(loan.instalments * loan.every_days / 30))
    done = [
        application(
            scribe,
            random,
            applied,
            product=loan.product,
            amount=loan.principal,
            term_months=term,
            now=situation(customer, phases, applied),
            income=customer.monthly_income,
            merchant=loan.merchant,
        )
    ]
    loan_id = f"loan-{customer.customer_id}-{loan.opened_on}"
    currency = customer.institution.currency
    schedule = [
        Instalment(number=number, due_on=calendar.day(loan.due_day(number)), amount=loan.instalment)
        for number in range(1, loan.instalments + 1)
    ]
    opened = calendar.at(loan.opened_on, 10 + random.random() * 4)
    asked = done[0][1]
    done.append(
        scribe.write(
            LoanOpened,
            opened,
            loan_id=loan_id,
            product=loan.product,
            principal=loan.principal,
            currency=currency,
            schedule=schedule,
            application_id=getattr(asked, "application_id", None),
            annual_rate=0.18,
            merchant_id=getattr(asked, "merchant_id", None),
        )
    )
    for line in schedule:
        day = loan.due_day(line.number)
        if customer.institution.publishes_due_dates:
            due = calendar.at(day, 0.25)
            done.append(
                scribe.write(
                    InstalmentDue,
                    due,
                    loan_id=loan_id,
                    number=line.number,
                    due_on=line.due_on,
                    amount=line.amount,
                    currency=currency,
                )
            )
        parts = terms.get(line.number, _usual_payment(random))
        for part, amount in zip(parts, split_amount(line.amount, [each.share for each in parts]), strict=True):
            at = calendar.at(day + int(part.days_late // 1), 9 + random.random() * 11)
            done.append(
                scribe.write(
                    RepaymentReceived,
                    at,
                    loan_id=loan_id,
                    amount=amount,
                    currency=currency,
                    payment_id=f"pay-{loan_id}-{line.number}-{part.days_late:g}",
                    instalment_number=line.number,
                    channel="app",
                )
            )
    return sorted((dated for dated in done if 0 <= dated[0] < calendar.end), key=itemgetter(0))


def split_amount(amount: int, shares: Sequence[float]) -> list[int]:
    """The parts of an amount, rounded so that shares which add up to one add up to the amount, to the cent."""
    parts, taken, share_taken = [], 0, 0.0
    for share in shares:
        share_taken += share
        parts.append(round(amount * share_taken) - taken)
        taken += parts[-1]
    return parts


def _usual_payment(random: Random) -> tuple[Part, ...]:
    return (Part(random.choices((-2, -1, 0, 1), (15, 25, 50, 10))[0]),)

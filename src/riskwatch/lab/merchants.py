"""A merchant who stops delivering: whoever bought there by instalments stops paying, most of them.

The customers have nothing in common but the shop, pay in time until it fails, and are spread over the institution's
partitions; the other merchants of the town go on as they did.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import structs

from riskwatch.lab.loans import draw_loan
from riskwatch.lab.people import DAY, Calendar, Customer
from riskwatch.lab.plot import Expected, Life, Plot, Role

STOP_PAYING = 0.75
"""Share of the shop's customers who pay nothing more once it has failed."""


def merchant_trouble(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """Customers buy at one shop by instalments over a month. Half-way through the simulation it fails, and most of them
    pay nothing more; the others pay on.
    """
    shop = f"shop-{random.getrandbits(32):08x}"
    fails = calendar.days // 2
    stopping = round(len(cast) * STOP_PAYING)
    lives, roles = [], []
    late: list[int] = []
    for place, member in enumerate(cast):
        opened = random.randint(max(1, fails - 35), fails - 15)  # a first instalment is paid before
        drawn = draw_loan(random, member, opened_on=opened, product="shopping-instalments")
        loan = structs.replace(drawn, merchant=shop)
        unpaid = [n for n in range(1, loan.instalments + 1) if loan.due_day(n) > fails]
        begins = calendar.at(loan.due_day(unpaid[0]) + 1)
        if place < stopping:
            lives.append(Life(loans=((loan, dict.fromkeys(unpaid, ())),)))
            late.append(begins)
            roles.append(_role("customer-of-shop", place, "early-warning", begins, calendar))
        else:
            lives.append(Life(loans=((loan, {}),)))
            roles.append(_role("pays-all-the-same", place, "none", begins, calendar))
    about = Role(
        kind="merchant-trouble",
        member=0,
        subject=f"merchant {shop}",
        expected="early-warning",
        begins=min(late),
        ends=calendar.end,
    )
    return Plot(lives=tuple(lives), begins=calendar.at(fails), ends=calendar.end + DAY, roles=(about, *roles))


def _role(kind: str, place: int, expected: Expected, begins: int, calendar: Calendar) -> Role:
    return Role(kind=kind, member=place, expected=expected, begins=begins, ends=calendar.end)

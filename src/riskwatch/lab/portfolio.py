"""A seeded portfolio of consumer-instalment customers: its events in order of event time, and the truth about it.

The same seed gives the same events. Memory holds one day of each customer: the streams are generated day by day and
merged. What the simulator shows is a test of mechanism; it is no evidence of quality on real customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from heapq import merge
from operator import itemgetter
from random import Random

from msgspec import Struct

from riskwatch.lab.life import Dated, daily_life
from riskwatch.lab.loans import draw_loan, loan_life
from riskwatch.lab.people import INSTITUTIONS, Calendar, Customer, make_customer, town_of, utc
from riskwatch.lab.plot import Life, Truth
from riskwatch.lab.stories import STORIES, truths_of
from riskwatch.streams.events import AnyEvent

FIRST_DAY = date(2025, 3, 3)
"""A Monday; far enough back that no event of a simulation lies in the future of a worker's clock."""


class Resident(Struct, frozen=True):
    """A customer with the life that they are going to live."""

    customer: Customer
    life: Life


class Portfolio(Struct, frozen=True, kw_only=True):
    """Customers with their lives, the truth, and the calendar of each institution (by tenant)."""

    residents: tuple[Resident, ...]
    truths: tuple[Truth, ...]
    calendars: dict[str, Calendar]
    towns: dict[str, tuple[str, ...]]

    def events(self) -> Iterator[AnyEvent]:
        """Every event in order of event time; a fresh iterator each time, always the same events."""
        return (event for _, event in self.arrivals())

    def arrivals(self) -> Iterator[Dated]:
        """Every event with its instant (UTC ms), in that order."""
        return merge(*map(self._stream, self.residents), key=itemgetter(0))

    def _stream(self, resident: Resident) -> Iterator[Dated]:
        customer, life = resident.customer, resident.life
        tenant = customer.institution.tenant
        calendar, random = self.calendars[tenant], Random(customer.seed)
        loans = life.loans
        if loans is None:
            opened_on = random.randint(1, max(1, calendar.days // 2))
            loans = ((draw_loan(random, customer, opened_on=opened_on), {}),) if random.random() < 0.75 else ()
        strands: list[Iterator[Dated]] = [
            daily_life(
                customer,
                calendar,
                Random(customer.seed + 1),
                phases=life.phases,
                town=self.towns[tenant],
                from_day=life.from_day,
                until_day=life.until_day,
            ),
            iter([dated for dated in life.events if dated[0] < calendar.end]),
        ]
        for loan, terms in loans:
            strands.append(iter(loan_life(customer, calendar, random, loan, terms, phases=life.phases)))
        return merge(*strands, key=itemgetter(0))


def simulate(random: Random, *, customers: int = 400, days: int = 100, first_day: date = FIRST_DAY) -> Portfolio:
    """A portfolio of about `customers` customers over `days` days (at least 60: the stories need room).

    Each story gets its share of the customers, at least one instance; the rest are healthy. At least 60 customers.
    """
    if customers < 60:
        raise ValueError(f"a portfolio needs at least 60 customers to hold every story, not {customers}")
    if days < 60:
        raise ValueError(f"a portfolio needs at least 60 days for its stories, not {days}")
    calendars = {each.tenant: Calendar(each.zone, first_day, days) for each in INSTITUTIONS}
    towns = {each.tenant: town_of(each) for each in INSTITUTIONS}
    numbers = iter(range(1, customers * 2))

    def newcomer(institution: int, tenant: str | None = None) -> Customer:
        chosen = INSTITUTIONS[institution % len(INSTITUTIONS)]
        if tenant is not None:
            chosen = next(each for each in INSTITUTIONS if each.tenant == tenant)
        return make_customer(random, next(numbers), chosen, towns[chosen.tenant])

    residents: list[Resident] = []
    truths: list[Truth] = []
    for story in STORIES:
        for instance in range(max(1, round(customers * story.share / story.cast))):
            cast = [newcomer(instance, story.tenant) for _ in range(story.cast)]
            tenant = cast[0].institution.tenant
            plot = story.plant(cast, calendars[tenant], random, towns[tenant])
            truths.extend(truths_of(story, cast, plot))
            residents.extend(map(Resident, plot.members or cast, plot.lives))
    for tenant, calendar in calendars.items():  # every other merchant is one that nothing should be raised about
        merchants = tuple((tenant, f"merchant {each}") for each in towns[tenant])
        begins, ends = utc(calendar.at(0)), utc(calendar.end)
        truths.append(
            Truth(kind="merchant-as-usual", expected="none", customers=(), subjects=merchants, begins=begins, ends=ends)
        )
    while len(residents) < customers:
        residents.append(Resident(newcomer(len(residents)), Life()))
    return Portfolio(residents=tuple(residents), truths=tuple(truths), calendars=calendars, towns=towns)

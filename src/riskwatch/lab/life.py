"""The daily life of a healthy customer: logins at habit hours, device reports, purchases.

Streams are iterators of `(instant in ms, event)` in order of time. What a story changes is data: the phases of a
customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import exp
from operator import itemgetter
from random import Random
from typing import Any

from msgspec import Struct

from riskwatch.lab.people import MINUTE, Calendar, Customer, Phase, near
from riskwatch.streams.events import (
    AnyEvent,
    DeviceSeen,
    Geo,
    LoginFailed,
    LoginSucceeded,
    PurchaseMade,
    Session,
)

Dated = tuple[int, AnyEvent]
"""An instant (UTC ms) and the event that happens then."""

CATEGORIES = ("groceries", "fuel", "restaurants", "clothing", "electronics", "travel", "pharmacy", "home")


class Scribe:
    """Writes a customer's events: fills in what each carries, and numbers them within one strand of the customer's
    life.
    """

    def __init__(self, customer: Customer, calendar: Calendar, strand: str) -> None:
        self.customer = customer
        self.calendar = calendar
        self._prefix = f"{customer.customer_id}-{strand}"
        self._count = 0

    def write(self, kind: Callable[..., Any], at_ms: int, **fields: Any) -> Dated:
        """One event of a kind at an instant. Event ids follow from customer, strand and order, so a seed repeats
        them.
        """
        self._count += 1
        event = kind(
            event_id=f"{self._prefix}{self._count:05d}",
            tenant=self.customer.institution.tenant,
            customer_id=self.customer.customer_id,
            occurred_at=self.calendar.moment(at_ms),
            **fields,
        )
        return at_ms, event


class Situation(Struct, frozen=True):
    """Where and with what a customer acts at an instant."""

    place: Geo
    ip: str
    device_id: str
    purchases: float
    amounts: float
    quiet: bool
    roams: bool


def situation(customer: Customer, phases: Sequence[Phase], at_ms: int) -> Situation:
    """The customer's habits with every phase applied that holds at `at_ms`; later phases win."""
    place, ip, device = customer.home, customer.ip, customer.device_id
    purchases = amounts = 1.0
    quiet = roams = False
    for phase in phases:
        if not phase.begins <= at_ms < phase.ends:
            continue
        place = place if phase.place is None else phase.place
        ip = ip if phase.ip is None else phase.ip
        device = device if phase.device_id is None else phase.device_id
        purchases, amounts = purchases * phase.purchases, amounts * phase.amounts
        quiet, roams = quiet or phase.quiet, roams or phase.roams
    return Situation(place, ip, device, purchases, amounts, quiet, roams)


def count(random: Random, mean: float) -> int:
    """A Poisson draw (Knuth's product of uniforms; fine for the small means of a day)."""
    limit, product, drawn = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        drawn += 1
    return drawn


def daily_life(
    customer: Customer,
    calendar: Calendar,
    random: Random,
    *,
    phases: Sequence[Phase] = (),
    town: Sequence[str],
    from_day: int = 0,
    until_day: int | None = None,
) -> Iterator[Dated]:
    """Logins, device reports and purchases, day by day, in order of time. `town`: merchants beyond the customer's
    own.
    """
    scribe = Scribe(customer, calendar, "d")
    for day in range(from_day, calendar.days if until_day is None else until_day):
        done: list[Dated] = []
        for _ in range(count(random, customer.logins_a_day)):
            at = calendar.at(day, min(23.9, max(0.1, random.gauss(random.choice(customer.hours), 0.9) % 24)))
            done.extend(_login(scribe, random, at, situation(customer, phases, at)))
        noon = situation(customer, phases, calendar.at(day, 12))
        for _ in range(count(random, customer.purchases_a_day * noon.purchases)):
            at = calendar.at(day, min(23.0, max(7.5, random.gauss(15.5, 3.4))))
            done.extend(_purchase(scribe, random, at, situation(customer, phases, at), town))
        done.sort(key=itemgetter(0))
        yield from done


def _login(scribe: Scribe, random: Random, at: int, now: Situation) -> list[Dated]:
    if now.quiet:
        return []
    where: dict[str, Any] = {
        "channel": "app" if random.random() < 0.85 else "web",
        "device_id": now.device_id,
        "ip": now.ip,
        "geo": near(random, now.place),
    }
    done = []
    if random.random() < 0.04:
        done.append(scribe.write(LoginFailed, at - MINUTE, reason="wrong password", **where))
    session = Session(seconds=round(random.lognormvariate(4.2, 0.5), 1), paste_share=round(random.random() * 0.1, 3))
    done.append(scribe.write(LoginSucceeded, at, session=session, **where))
    if random.random() < 0.12:
        done.append(scribe.write(DeviceSeen, at + 1_500, device_id=now.device_id, ip=now.ip, geo=where["geo"]))
    return done


def _purchase(scribe: Scribe, random: Random, at: int, now: Situation, town: Sequence[str]) -> list[Dated]:
    if now.quiet:
        return []
    customer = scribe.customer
    strange = now.roams or random.random() < 0.12
    online = random.random() < 0.35
    fields: dict[str, Any] = {
        "amount": max(100, int(customer.basket * now.amounts * random.lognormvariate(0, 0.45))),
        "currency": customer.institution.currency,
        "merchant_id": random.choice(town) if strange else random.choice(customer.merchants),
        "merchant_category": random.choice(CATEGORIES),
    }
    if online:
        fields |= {"channel": "app", "device_id": now.device_id, "ip": now.ip}
    return [scribe.write(PurchaseMade, at, geo=near(random, now.place), **fields)]

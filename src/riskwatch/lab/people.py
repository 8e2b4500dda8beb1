"""Who lives in the simulated portfolio: institutions, customers, and the phases in which a customer differs.

Times inside the simulator are integer milliseconds since 1970 UTC, so that comparing two of them never meets a time
zone; `Calendar` turns them into the zoned datetimes that events carry. Every draw comes from the `random.Random` that
is passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from msgspec import Struct

from riskwatch.lab.papers import Country, Papers, papers_of
from riskwatch.streams.events import Employment, Geo

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Institution(Struct, frozen=True, kw_only=True):
    """A lender. `basket`: a typical purchase, in minor units of its currency; `income`: a typical monthly income,
    likewise.
    """

    tenant: str
    country: Country
    currency: str
    zone: str
    towns: tuple[Geo, ...]
    abroad: tuple[Geo, ...]
    basket: int
    income: int
    publishes_due_dates: bool


INSTITUTIONS = (
    Institution(
        tenant="lumen-credit",
        country="DE",
        currency="EUR",
        zone="Europe/Berlin",
        towns=(
            Geo(latitude=52.52, longitude=13.40),
            Geo(latitude=48.14, longitude=11.58),
            Geo(latitude=53.55, longitude=9.99),
        ),
        abroad=(Geo(latitude=40.71, longitude=-74.01), Geo(latitude=35.68, longitude=139.69)),
        basket=3_800,
        income=290_000,
        publishes_due_dates=False,
    ),
    Institution(
        tenant="harbour-finance",
        country="CN",
        currency="CNY",
        zone="Asia/Shanghai",
        towns=(
            Geo(latitude=31.23, longitude=121.47),
            Geo(latitude=30.57, longitude=104.07),
            Geo(latitude=23.13, longitude=113.26),
        ),
        abroad=(Geo(latitude=55.75, longitude=37.62), Geo(latitude=-33.87, longitude=151.21)),
        basket=16_000,
        income=900_000,
        publishes_due_dates=True,
    ),
)


class Calendar:
    """An institution's days: UTC milliseconds of each local midnight, and the way back to zoned datetimes."""

    def __init__(self, zone: str, first_day: date, days: int) -> None:
        self.zone = ZoneInfo(zone)
        self.first_day = first_day
        self.days = days
        self._midnights = tuple(self._midnight(first_day + timedelta(days=day)) for day in range(days + 1))

    def _midnight(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()) * 1000

    @property
    def end(self) -> int:
        """The instant at which the simulation ends (ms)."""
        return self._midnights[-1]

    def at(self, day: float, hour: float = 0.0) -> int:
        """UTC milliseconds of local `hour` (may exceed 24, may be negative) on a day counted from the first."""
        whole = int(day // 1)
        extra = int(((day - whole) * 24 + hour) * HOUR)
        if 0 <= whole <= self.days:
            return self._midnights[whole] + extra
        return self._midnight(self.first_day + timedelta(days=whole)) + extra

    def moment(self, at_ms: int) -> datetime:
        """The zoned datetime of an instant."""
        return datetime.fromtimestamp(at_ms / 1000, self.zone)

    def day(self, day: int) -> date:
        """The date of a day counted from the first."""
        return self.first_day + timedelta(days=day)


class Customer(Struct, frozen=True, kw_only=True):
    """Who a customer is and how they usually live. Hours are local, amounts minor units, `seed` feeds their own
    draws.
    """

    institution: Institution
    customer_id: str
    seed: int
    home: Geo
    ip: str
    device_id: str
    hours: tuple[float, float]
    logins_a_day: float
    purchases_a_day: float
    basket: int
    merchants: tuple[str, ...]
    monthly_income: int
    employment: Employment
    bureau_score: float
    papers: Papers


class Phase(Struct, frozen=True, kw_only=True):
    """A time `[begins, ends)` (ms) in which a customer differs from themselves; what is None stays as usual."""

    begins: int
    ends: int
    place: Geo | None = None
    ip: str | None = None
    device_id: str | None = None
    purchases: float = 1.0
    amounts: float = 1.0
    quiet: bool = False
    roams: bool = False


def town_of(institution: Institution) -> tuple[str, ...]:
    """The merchants where an institution's customers buy; the first is the favourite of all."""
    return tuple(f"m-{institution.tenant[:3]}-{n:03d}" for n in range(120))


def device_name(random: Random) -> str:
    """A device's identifier, as an app would report it."""
    return f"dev-{random.getrandbits(48):012x}"


def address(random: Random) -> str:
    """An IP address out of 198.18.0.0/15, the block that is reserved for tests (RFC 2544)."""
    return f"198.{18 + random.getrandbits(1)}.{random.getrandbits(8)}.{random.getrandbits(8)}"


def near(random: Random, place: Geo, spread: float = 0.05) -> Geo:
    """Somewhere about a place; `spread` is in degrees."""
    return Geo(
        latitude=round(place.latitude + random.gauss(0, spread), 4),
        longitude=round(place.longitude + random.gauss(0, spread), 4),
    )


def make_customer(random: Random, number: int, institution: Institution, merchants: Sequence[str]) -> Customer:
    """A healthy customer with habits of their own."""
    morning, evening = random.gauss(8.5, 1.0), random.gauss(19.5, 1.3)
    seed = random.getrandbits(64)
    return Customer(
        institution=institution,
        customer_id=f"c{number:05d}",
        seed=seed,
        home=near(random, random.choice(institution.towns), 0.15),
        ip=address(random),
        device_id=device_name(random),
        hours=(morning, evening),
        logins_a_day=random.uniform(0.5, 1.6),
        purchases_a_day=random.uniform(0.3, 1.1),
        basket=int(institution.basket * random.lognormvariate(0, 0.35)),
        merchants=tuple(random.sample(list(merchants), 8)),
        monthly_income=int(institution.income * random.lognormvariate(0, 0.3)) // 1000 * 1000,
        employment=random.choices(("employed", "self-employed", "student", "retired"), (78, 12, 5, 5))[0],
        bureau_score=float(round(min(900.0, max(480.0, random.gauss(690, 60))))),
        papers=papers_of(institution.country, number, seed),
    )


def utc(at_ms: int) -> datetime:
    """The UTC datetime of an instant."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)

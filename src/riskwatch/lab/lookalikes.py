"""Hard negatives: customers who look unusual for a while and deserve no alert."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from riskwatch.lab.life import Scribe
from riskwatch.lab.people import DAY, Calendar, Customer, Phase, address, device_name, near
from riskwatch.lab.plot import Life, Plot, some_day
from riskwatch.streams.events import DeviceChanged


def traveller(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """Two days of silence on the way, then a week of ordinary life on another continent with the same phone, and
    back.
    """
    (person,) = cast
    left = some_day(random, calendar, 0.3, 0.8)
    away = Phase(
        begins=calendar.at(left + 1),
        ends=calendar.at(left + 8),
        place=random.choice(person.institution.abroad),
        ip=address(random),
        roams=True,
    )
    out = Phase(begins=calendar.at(left, 9), ends=calendar.at(left + 1, 9), quiet=True)
    back = Phase(begins=calendar.at(left + 7, 9), ends=calendar.at(left + 8, 9), quiet=True)
    return Plot(lives=(Life(phases=(out, away, back)),), begins=out.begins, ends=calendar.at(left + 10))


def holiday_shopper(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """Five days of many and larger purchases at merchants old and new, at home and on the usual phone."""
    day = some_day(random, calendar, 0.4, 0.85)
    feast = Phase(begins=calendar.at(day), ends=calendar.at(day + 5), purchases=3.0, amounts=1.5, roams=True)
    return Plot(lives=(Life(phases=(feast,)),), begins=feast.begins, ends=calendar.at(day + 7))


def new_phone(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """A new phone, at home, in the daytime; life goes on as before."""
    (person,) = cast
    day, device = some_day(random, calendar, 0.3, 0.85), device_name(random)
    at = calendar.at(day, random.uniform(10, 19))
    changed = Scribe(person, calendar, "p").write(
        DeviceChanged,
        at,
        device_id=device,
        previous_device_id=person.device_id,
        ip=person.ip,
        geo=near(random, person.home),
    )
    phase = Phase(begins=at, ends=calendar.end + DAY, device_id=device)
    return Plot(lives=(Life(phases=(phase,), events=(changed,)),), begins=at, ends=at + 3 * DAY)

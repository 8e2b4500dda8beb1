"""What contact rules mean, said a second time: every rule checked on every contact, by dates and clocks as they read.

Slow, and shares nothing with `policy/contactbudget.py` but the records of the rules.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

import holidays
from msgspec import Struct

from riskwatch.policy.contactrules import ContactRules


class Made(Struct, frozen=True):
    """A contact that took place."""

    channel: str
    at_ms: int
    loan_id: str = ""
    conversation: bool = False


def shown(at_ms: int, zone: tzinfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)


def broken(rules: ContactRules, made: list[Made], zone: tzinfo) -> list[str]:
    """The rules that a history breaks, once for each contact that does."""
    return [rule for place in range(len(made)) for rule in broken_by(rules, made, place, zone)]


def broken_by(rules: ContactRules, made: list[Made], place: int, zone: tzinfo) -> list[str]:
    """The rules that one contact of a history breaks, by its place in it."""
    this, found = made[place], []
    clock = shown(this.at_ms, zone)
    if this.channel not in rules.channels:
        found.append("channel")
    for name, hours in rules.hours.items():
        if this.channel in hours.channels and not hours.start <= clock.strftime("%H:%M") < hours.end:
            found.append(f"hours.{name}")
    for name, closed in rules.closed.items():
        day = clock.date()
        free = day.strftime("%a").lower() in closed.weekdays or (
            closed.calendar != "" and _holiday(day, closed.calendar)
        )
        if this.channel in closed.channels and free:
            found.append(f"closed.{name}")
    found += _limits(rules, made, this, zone)
    for name, silence in rules.silences.items():
        for earlier, spoken in enumerate(made):
            together = silence.scope == "customer" or {"", this.loan_id} >= {spoken.loan_id}
            apart = (clock.date() - shown(spoken.at_ms, zone).date()).days
            before = (spoken.at_ms, earlier) < (this.at_ms, place)
            if (
                this.channel in silence.channels
                and spoken.channel in silence.after
                and spoken.conversation
                and together
                and before
                and 0 <= apart < silence.days
            ):
                found.append(f"silences.{name}")
    return found


def _holiday(day: date, country: str) -> bool:
    """A holiday, or in a run of days off with a holiday on either side."""
    calendar = holidays.country_holidays(country)
    first = last = day
    while not calendar.is_working_day(first):
        first -= timedelta(days=1)
    while not calendar.is_working_day(last):
        last += timedelta(days=1)
    run = [first + timedelta(days=n) for n in range((last - first).days)]
    sides = [any(each in calendar for each in run if each <= day), any(each in calendar for each in run if each >= day)]
    return day in calendar or (day != first and all(sides))


def _limits(rules: ContactRules, made: list[Made], this: Made, zone: tzinfo) -> list[str]:
    found = []
    for name, limit in rules.limits.items():
        if this.channel not in limit.channels:
            continue
        count = 0
        for other in made:
            if other.channel not in limit.channels or other.at_ms > this.at_ms:
                continue
            if limit.scope == "loan" and other.loan_id not in ("", this.loan_id):
                continue
            one, two = shown(other.at_ms, zone), shown(this.at_ms, zone)
            if limit.window == "rolling":
                within = this.at_ms - other.at_ms < limit.days * 24 * 3600 * 1000
            elif limit.window == "calendar-week":
                within = one.isocalendar()[:2] == two.isocalendar()[:2]
            else:
                within = (two.date() - one.date()).days < limit.days
            count += within
        if count > limit.most:
            found.append(f"limits.{name}")
    return found

"""Due dates: the same day of each month without drift, moved to business days where a plan asks for it."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, Protocol

import holidays

Shift = Literal["none", "following", "modified-following", "preceding"]

LEAST_DAYS = 20
"""Between opening and the first due date at least."""
_DAY = timedelta(days=1)
_CODE = re.compile(r"([A-Z]{2})(?:-(.+))?")


class Calendar(Protocol):
    """Says which days are worked."""

    def is_working_day(self, key: date) -> bool: ...

    def __contains__(self, key: object) -> bool:
        """Whether a day is a public holiday."""


@lru_cache(maxsize=64)
def calendar_of(code: str) -> Calendar:
    """The business calendar of a country (`CN`) or of a part of it (`US-CA`), from the `holidays` library.

    Weekends and public holidays are not worked; the working Saturdays and Sundays that China sets against its long
    holidays are, for the years that the library has been told of. Where it knows no holidays of a year, the weekends
    are all. Raises `ValueError` for a code that it does not know.
    """
    # The library takes any name of its modules and classes for a country: only two capitals are one.
    match = _CODE.fullmatch(code)
    if match is not None:
        try:
            return holidays.country_holidays(match[1], subdiv=match[2])  # type: ignore[no-any-return]
        except NotImplementedError:
            pass
    raise ValueError(f"no business calendar for {code!r}: a country code such as CN, or US-CA for a part")


def is_holiday(day: date, calendar: Calendar) -> bool:
    """Whether a day is a public holiday, or a weekend between two: where one falls on a weekend, the library may list
    it as the weekend alone."""
    if day in calendar:
        return True
    return not calendar.is_working_day(day) and all(
        _walk_off(day, step, calendar) in calendar for step in (-_DAY, _DAY)
    )


def _walk_off(day: date, step: timedelta, calendar: Calendar) -> date:
    """The first day in that direction that is no plain weekend."""
    while day not in calendar and not calendar.is_working_day(day):
        day += step
    return day


def nominal_dates(opened_on: date, months: int, due_day: int | None) -> list[date]:
    """Due dates before any shift: the day `due_day` (that of the opening where None) of successive months, the month's
    last day where it has no such day. The first lies in the month after the opening, or in the next one where that
    were less than `LEAST_DAYS` away."""
    day = opened_on.day if due_day is None else due_day
    first = 1 if (_in_month(opened_on, 1, day) - opened_on).days >= LEAST_DAYS else 2
    return [_in_month(opened_on, first + number, day) for number in range(months)]


def _in_month(opened_on: date, ahead: int, day: int) -> date:
    year, month = divmod(opened_on.year * 12 + opened_on.month - 1 + ahead, 12)
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))


def shifted(day: date, shift: Shift, calendar: Calendar | None) -> date:
    """The business day that a due date is moved to. `following`: the next; `preceding`: the one before;
    `modified-following`: the next, unless that is in another month, then the one before."""
    if shift == "none" or calendar is None:
        return day
    if shift == "preceding":
        return _walk(day, -_DAY, calendar)
    after = _walk(day, _DAY, calendar)
    if shift == "modified-following" and after.month != day.month:
        return _walk(day, -_DAY, calendar)
    return after


def _walk(day: date, step: timedelta, calendar: Calendar) -> date:
    while not calendar.is_working_day(day):
        day += step
    return day

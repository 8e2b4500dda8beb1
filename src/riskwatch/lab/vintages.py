"""Vintage curves: of the loans opened in a month, how many have ever been more than 30 days past due by when."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec import Struct

from riskwatch.lab.loanpath import WORSE_THAN_30, LoanPath, Zones, start_of


class Point(Struct, frozen=True):
    """Shares of a vintage's loans and of its principal that were ever more than 30 days past due, or written off, by
    the day on which they have been `months` on book."""

    months: int
    loans: float
    principal: float


class Vintage(Struct, frozen=True, kw_only=True):
    """The loans opened in the month that begins on `month`. `points`: for each number of whole months that every
    loan of it has been on book, from 0. `principal`: minor units."""

    month: date
    loans: int
    principal: int
    points: tuple[Point, ...]


def vintages(paths: Sequence[LoanPath], as_of: datetime, zones: Zones) -> list[Vintage]:
    """The vintages that were opened up to `as_of`, the oldest first."""
    cohorts: dict[date, list[LoanPath]] = {}
    for path in paths:
        if path.opened_on <= as_of.astimezone(zones[path.tenant]).date():
            cohorts.setdefault(path.opened_on.replace(day=1), []).append(path)
    return [_vintage(month, cohorts[month], as_of, zones) for month in sorted(cohorts)]


def _vintage(month: date, paths: Sequence[LoanPath], as_of: datetime, zones: Zones) -> Vintage:
    observed = min(_whole_months(path, as_of, zones) for path in paths)
    bad = [(path, _months_until_bad(path, observed, zones)) for path in paths]
    principal = sum(path.principal for path in paths)
    points = []
    for months in range(observed + 1):
        fallen = [path for path, at in bad if at is not None and at <= months]
        fallen_principal = sum(path.principal for path in fallen)
        share = fallen_principal / principal if principal else 0.0
        points.append(Point(months, len(fallen) / len(paths), share))
    return Vintage(month=month, loans=len(paths), principal=principal, points=tuple(points))


def _whole_months(path: LoanPath, as_of: datetime, zones: Zones) -> int:
    """Months on book of which the last day is over."""
    today = as_of.astimezone(zones[path.tenant]).date()
    months = (today.year - path.opened_on.year) * 12 + today.month - path.opened_on.month
    while months > 0 and months_later(path.opened_on, months) >= today:
        months -= 1
    return months


def _months_until_bad(path: LoanPath, most: int, zones: Zones) -> int | None:
    """The least number of months on book by whose last day the loan has been bad; None for more than `most`."""
    first = next((step.at for step in path.steps if step.state in WORSE_THAN_30), None)
    if first is None:
        return None
    zone = zones[path.tenant]
    for months in range(most + 1):
        if first < start_of(months_later(path.opened_on, months) + timedelta(days=1), zone):
            return months
    return None


def months_later(day: date, months: int) -> date:
    """The same day so many months later; the month's last day where it has no such day."""
    number = day.month - 1 + months
    year, month = day.year + number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))

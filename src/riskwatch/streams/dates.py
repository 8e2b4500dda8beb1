"""Dates that people write, as days on the institution's clock."""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from unicodedata import normalize

from riskwatch.streams.spelling import Normalised, collapsed

_YEAR_FIRST = re.compile(r"([0-9]{4})(?:[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日?)|([0-9]{8})")
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")


def normalise_date(text: str | date, zone: tzinfo) -> Normalised:
    """`YYYY-MM-DD`. An instant gives its day on the institution's clock (`zone`); one without a zone is on that clock.

    Read: ISO 8601, `1994/3/7`, `19940307`, `1994年3月7日`, `7.3.1994`; years 1900 to 2199. `03/07/1994` is not: it is
    March to one reader and July to another.
    """
    plain = text.isoformat() if isinstance(text, date) else normalize("NFKC", text).strip()
    found = _day_of(plain, zone)
    if found is None or not 1900 <= found.year < 2200:
        return Normalised(text=collapsed(plain), valid=False, note="no date: write year-month-day, years 1900 to 2199")
    return Normalised(text=found.isoformat(), valid=True)


def _day_of(plain: str, zone: tzinfo) -> date | None:
    try:
        if match := _YEAR_FIRST.fullmatch(plain):
            whole = match[6]
            if whole is not None:
                return date(int(whole[:4]), int(whole[4:6]), int(whole[6:]))
            return date(int(match[1]), int(match[2] or match[4]), int(match[3] or match[5]))
        if match := _DOTTED.fullmatch(plain):
            return date(int(match[3]), int(match[2]), int(match[1]))
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]", plain) is None:
            return None
        at = datetime.fromisoformat(plain)
        return at.date() if at.tzinfo is None else at.astimezone(zone).date()
    except (ValueError, OverflowError):
        return None

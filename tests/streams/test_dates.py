"""Dates as people write them: one spelling each, on the institution's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from riskwatch.streams.dates import normalise_date

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize("text", ["1994-03-07", "1994/3/7", "19940307", "1994年3月7日", "7.3.1994", "１９９４-03-07"])
def test_a_date_has_one_spelling(text: str) -> None:
    found = normalise_date(text, SHANGHAI)
    assert (found.text, found.valid) == ("1994-03-07", True)


@pytest.mark.parametrize(
    ("given_as", "day"),
    [
        ("1994-03-06T16:00:00Z", "1994-03-07"),
        ("1994-03-06T15:59:59Z", "1994-03-06"),
        ("1994-03-07T00:30", "1994-03-07"),
        (datetime(1994, 3, 6, 16, tzinfo=UTC), "1994-03-07"),
        (date(1994, 3, 7), "1994-03-07"),
    ],
)
def test_an_instant_is_its_day_on_the_institutions_clock(given_as: str | date, day: str) -> None:
    assert normalise_date(given_as, SHANGHAI).text == day


@pytest.mark.parametrize("text", ["03/07/1994", "1994-02-30", "1899-12-31", "2200-01-01", "94-03-07", "yesterday", ""])
def test_a_date_that_cannot_be_read_one_way_is_marked(text: str) -> None:
    assert normalise_date(text, SHANGHAI).valid is False

"""Days past due and delinquent, buckets, and what a loan's lines tell of its past. Days as `date.toordinal` counts.

A line is open from the beginning of its life until its `closed_day`; it is past due from the day after its `pay_day`.
On the day that closes it, it was past due in the morning and is not in the evening. Days stop at a write-off and at a
sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from riskwatch.features.ledger import Line, Loan, LoanStatus, is_settled
from riskwatch.features.servicing import BUCKET_DAYS, BUCKETS, Servicing, bucket_of

Part = Literal["morning", "evening"]
"""Of a day: before what happened on it, or after."""


def last_day(loan: Loan, day: int) -> int:
    """The day up to which days are counted: `day`, or an earlier write-off or sale."""
    if loan.written_day and loan.written_day < day:
        day = loan.written_day
    if loan.sold_day and loan.sold_day < day:
        day = loan.sold_day
    return day


def oldest_open(loan: Loan) -> Line | None:
    """The oldest instalment or charge that is not closed."""
    for line in loan.lines:
        if not line.closed_day:
            return line
    return None


def oldest_open_on(loan: Loan, day: int, part: Part) -> Line | None:
    """The oldest that was not closed on a day that has passed."""
    begins = day if part == "morning" else day + 1
    for line in loan.lines:
        if line.since < begins and (not line.closed_day or line.closed_day >= begins):
            return line
    return None


def past_due_days(line: Line | None, day: int) -> int:
    """Days past due of a line that is open on `day`."""
    return 0 if line is None else max(0, day - line.pay_day)


def delinquent_days(loan: Loan, line: Line | None, day: int, rules: Servicing) -> int:
    """Days past due of a line that is open on `day`, without the days of holidays, less the grace."""
    days = past_due_days(line, day)
    if not days or line is None:
        return 0
    for first, last in _merged(loan.holidays):
        days -= max(0, min(last, day) - max(first, line.pay_day + 1) + 1)
    return max(0, days - rules.grace_days)


def day_of_delinquency(loan: Loan, line: Line, days: int, rules: Servicing) -> int:
    """The day on which a line that stays open has so many delinquent days."""
    day = line.pay_day + rules.grace_days + days
    for first, last in _merged(loan.holidays):
        begins = max(first, line.pay_day + 1)
        if begins <= min(last, day):
            day += last - begins + 1
    return day


def day_of_bucket(loan: Loan, line: Line, bucket: int, rules: Servicing) -> int:
    """The day on which a line that stays open brings the loan into a bucket (above 0)."""
    days = (bucket - 1) * BUCKET_DAYS + 1
    return line.pay_day + days if rules.bucket_by == "past-due" else day_of_delinquency(loan, line, days, rules)


def bucket_days(loan: Loan, line: Line | None, day: int, rules: Servicing) -> int:
    """The days that the bucket counts."""
    return past_due_days(line, day) if rules.bucket_by == "past-due" else delinquent_days(loan, line, day, rules)


def place_on(loan: Loan, day: int, rules: Servicing) -> tuple[LoanStatus, int]:
    """Status and bucket of the loan on the newest day that it has reached."""
    lines = loan.lines
    if not lines and not loan.written_day and not loan.sold_day:
        return "unknown", 0
    if loan.sold_day or loan.written_day:
        stopped = last_day(loan, day)
        oldest = oldest_open_on(loan, stopped, "evening")
        bucket = bucket_of(bucket_days(loan, oldest, stopped, rules))
        return ("sold" if loan.sold_day else "written-off"), bucket
    oldest = oldest_open(loan)
    if oldest is None:
        return ("settled" if is_settled(loan) else "performing"), 0
    if oldest.pay_day >= day:
        return "performing", 0
    return "past-due", bucket_of(bucket_days(loan, oldest, day, rules))


def was_in(loan: Loan, day: int, status: str, bucket: int, rules: Servicing) -> bool:
    """Whether the loan, as its facts are known now, was in that status and bucket at some time of a day."""
    if status == "unknown":
        return True
    if status == "sold":
        return 0 < loan.sold_day <= day
    if status == "written-off":
        return 0 < loan.written_day <= day and (not loan.sold_day or loan.sold_day >= day)
    if any(0 < ended < day for ended in (loan.sold_day, loan.written_day)):
        return False
    if status == "settled":
        return any(began <= day and (not ended or ended >= day) for began, ended in loan.settled)
    if any(began < day and (not ended or ended > day) for began, ended in loan.settled):
        return False
    morning, evening = oldest_open_on(loan, day, "morning"), oldest_open_on(loan, day, "evening")
    buckets = [bucket_of(bucket_days(loan, each, day, rules)) for each in (morning, evening)]
    late = [past_due_days(each, day) > 0 for each in (morning, evening)]
    return min(buckets) <= bucket <= max(buckets) and (any(late) if status == "past-due" else not all(late))


def settled_on(loan: Loan, day: int) -> bool:
    """Whether nothing was owed on the evening of a day."""
    return any(began <= day and (not ended or ended > day) for began, ended in loan.settled)


def next_place_day(loan: Loan, day: int, rules: Servicing) -> int | None:
    """The next day after `day` on which status or bucket change where nothing happens; None for never."""
    if loan.written_day or loan.sold_day:
        return None
    oldest = oldest_open(loan)
    if oldest is None:
        return None
    if day <= oldest.pay_day:
        return oldest.pay_day + 1
    bucket = bucket_of(bucket_days(loan, oldest, day, rules))
    return None if bucket + 1 >= len(BUCKETS) else day_of_bucket(loan, oldest, bucket + 1, rules)


def most_past_due(loan: Loan, today: int, within: int | None = None) -> int:
    """Most days past due that the loan has had, up to `today`; within the last so many days."""
    today = last_day(loan, today)
    since = 0 if within is None else today - within
    spells = _spells(loan, today)
    most = loan.worst if within is None else 0
    for began, ended in (*spells, *loan.episodes):
        if ended > began and ended >= since:
            most = max(most, ended - began)
    return most


def last_past_due(loan: Loan, today: int) -> int | None:
    """The newest day on which anything was past due; None if nothing ever was."""
    today = last_day(loan, today)
    return max((ended for began, ended in (*_spells(loan, today), *loan.episodes) if ended > began), default=None)


def _spells(loan: Loan, today: int) -> list[tuple[int, int]]:
    """(pay day, last day) that each line was open, up to today."""
    return [(line.pay_day, min(line.closed_day or today, today)) for line in loan.lines if line.since <= today]


def _merged(holidays: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Holidays without overlaps, in order."""
    found: list[tuple[int, int]] = []
    for first, last, _ in holidays:
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found

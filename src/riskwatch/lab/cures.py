"""Cure rates, and what was recovered of loans after they were written off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from riskwatch.lab.loanpath import CURRENT, LoanPath
from riskwatch.policy.collectionvocabulary import BUCKETS

CURE_DAYS = (30, 60, 90)
_RANK = {bucket: rank for rank, bucket in enumerate(BUCKETS)}
CURED = frozenset({CURRENT, "settled"})


class Cured(Struct, frozen=True):
    """Of the entries into a bucket that are `days` old at least (`observed`), how many were current or settled within
    so many days. Younger ones are left out, cured or not: else the quick cures would count alone."""

    days: int
    observed: int
    cured: int

    @property
    def share(self) -> float | None:
        return self.cured / self.observed if self.observed else None


class CureRate(Struct, frozen=True, kw_only=True):
    """A bucket: how often loans entered it from a better one, and what became of those that were seen long enough."""

    bucket: str
    entered: int
    within: tuple[Cured, ...]


class Recovery(Struct, frozen=True, kw_only=True):
    """Loans written off, what was owed on them then, and what has been recovered since, minor units."""

    loans: int = 0
    written_off: int = 0
    recovered: int = 0
    paying: int = 0

    @property
    def share(self) -> float | None:
        return self.recovered / self.written_off if self.written_off else None


def cure_rates(paths: Sequence[LoanPath], as_of: datetime) -> list[CureRate]:
    """Cure rates of the buckets past due that were ever entered, the mildest first."""
    entries: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for path in paths:
        for bucket, at, cured_at in _entries(path, as_of):
            entries.setdefault(bucket, []).append((at, cured_at))
    return [
        CureRate(
            bucket=bucket,
            entered=len(entries[bucket]),
            within=tuple(_cured(entries[bucket], days, as_of) for days in CURE_DAYS),
        )
        for bucket in BUCKETS[1:]
        if bucket in entries
    ]


def recoveries(paths: Sequence[LoanPath], as_of: datetime) -> Recovery:
    """What came of the loans that were written off up to `as_of` and not taken back since."""
    loans = written_off = recovered = paying = 0
    for path in paths:
        known = [step for step in path.steps if step.at <= as_of]
        if not known or known[-1].state in BUCKETS:
            continue
        first = next((step for step in known if step.state == "written-off"), None)
        if first is None:
            continue
        came = path.recovered_until(as_of)
        loans, paying = loans + 1, paying + (came > 0)
        written_off, recovered = written_off + first.exposure, recovered + came
    return Recovery(loans=loans, written_off=written_off, recovered=recovered, paying=paying)


def _entries(path: LoanPath, as_of: datetime) -> Iterator[tuple[str, datetime, datetime | None]]:
    """Bucket, when it was entered from a better one, when the loan was cured since."""
    steps = [step for step in path.steps if step.at <= as_of]
    stood = 0
    for place, step in enumerate(steps):
        rank = _RANK.get(step.state, 0)
        if rank > stood:
            yield step.state, step.at, next((each.at for each in steps[place:] if each.state in CURED), None)
        stood = rank


def _cured(entries: Sequence[tuple[datetime, datetime | None]], days: int, as_of: datetime) -> Cured:
    span = timedelta(days=days)
    seen = [(at, cured_at) for at, cured_at in entries if at + span <= as_of]
    return Cured(days, len(seen), sum(cured_at is not None and cured_at - at <= span for at, cured_at in seen))

"""The loans at risk by month, as columns, and warnings about them: what every ranking over one book is measured by.
Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from riskwatch.lab.delinquency import DAY_MS, Book, LoanKey, Spell
from riskwatch.streams.packing import hash64

Column = NDArray[Any]

HORIZON_DAYS = 180
"""A warning is right, and counts, where 30 days past due is reached within so many days after it."""
SEED = "early-warning/1"
HELD_OUT_SHARE = 0.5
_MONTHS, _MS, _NEVER = 1 << 20, 1 << 42, 1 << 62
_DPD = (1, 2, 3, 5, 7, 10, 15, 20, 25)


class Rank(Struct, frozen=True, gc=False):
    """How likely a loan, or every loan of a customer (`loan_id` None), is to fall behind, as known at an instant
    (ms)."""

    tenant: str
    customer_id: str
    loan_id: str | None
    at_ms: int
    value: float


def held_out(tenant: str, customer_id: str, seed: str = SEED) -> bool:
    """Whether a person is of the part that figures are of. Half of them are, chosen by a hash; all of a person's loans
    go together."""
    return hash64(tenant, f"{seed}\x1f{customer_id}") < HELD_OUT_SHARE * 2.0**64


class Hits(Struct, frozen=True, kw_only=True):
    """Ranks of loans at risk as columns [n]: loan, instant (ms), rank, and the unit that they fall into."""

    loan: Column
    at: Column
    value: Column
    unit: Column


class Exposure:
    """The loans at risk, as columns: what every ranking over one book is measured by. A unit is a loan in a calendar
    month (UTC, year * 12 + month - 1) in which it was at risk for a while.

    `months`: those that are judged; the first quarter of all (at least one) only gives thresholds and lets models
    learn.
    """

    def __init__(self, book: Book, until_ms: int | None = None, *, split: bool = True) -> None:
        """`until_ms`: what happens later is not looked at, as if the records ended there. `split`: by persons; else
        everybody is both held out and developed on, which only a ranking that was fitted to nobody bears."""
        self.loans: list[LoanKey] = sorted(book.spells)
        self._place = {loan: at for at, loan in enumerate(self.loans)}
        self._of_customer: dict[tuple[str, str], list[int]] = {}
        for at, (tenant, customer_id, _) in enumerate(self.loans):
            self._of_customer.setdefault((tenant, customer_id), []).append(at)
        self._spells = [_until(book.spells[loan], until_ms) for loan in self.loans]
        self._begins = [[spell.begins for spell in spells] for spells in self._spells]
        flat = [(at, spell) for at, spells in enumerate(self._spells) for spell in spells]
        loan = np.array([at for at, _ in flat], dtype=np.int64)
        begins, ends = (
            np.array([getattr(spell, name) for _, spell in flat], dtype=np.int64) for name in ("begins", "ends")
        )
        first = month_of(begins)
        spans = month_of(ends - 1) - first + 1
        start = np.repeat(np.cumsum(spans) - spans, spans)
        months = np.repeat(first, spans) + np.arange(int(spans.sum())) - start
        self._codes, at_first = np.unique(np.repeat(loan, spans) * _MONTHS + months, return_index=True)
        self.since = np.maximum(np.repeat(begins, spans), month_begins(months))[at_first]
        self.loan, self.month = self._codes // _MONTHS, self._codes % _MONTHS
        held = [not split or held_out(tenant, customer) for tenant, customer, _ in self.loans]
        self.loan_held = np.array(held, dtype=np.bool_)
        self.held = self.loan_held[self.loan]
        self.developed = ~self.held if split else self.held
        self.ties = _ties(self.loans, self.loan, self.month)
        reached = [(at, spell) for at, spell in flat if spell.reached]
        self.reach_loan = np.array([at for at, _ in reached], dtype=np.int64)
        self.reach_at = np.array([spell.ends for _, spell in reached], dtype=np.int64)
        self.reach_further = np.array([spell.further is not None for _, spell in reached], dtype=np.bool_)
        last = [spells[-1] if spells else None for spells in self._spells]
        self._unknown_from = np.array(
            [_NEVER if each is None or each.known or each.reached else each.ends for each in last], dtype=np.int64
        )
        seen = np.unique(self.month)
        self.months = seen[max(1, len(seen) // 4) :]

    def hits(self, ranks: Iterable[Rank]) -> Hits:
        """The ranks of loans at risk, each with its unit. A rank about a customer is of each of their loans."""
        loans, times, values = [], [], []
        for rank in ranks:
            person = rank.tenant, rank.customer_id
            if rank.loan_id is None:
                concerned: Sequence[int] = self._of_customer.get(person, ())
            else:
                place = self._place.get((*person, rank.loan_id))
                concerned = () if place is None else (place,)
            for loan in concerned:
                which = bisect_right(self._begins[loan], rank.at_ms) - 1
                if which >= 0 and rank.at_ms < self._spells[loan][which].ends:
                    loans.append(loan)
                    times.append(rank.at_ms)
                    values.append(rank.value)
        place_of, at = np.array(loans, dtype=np.int64), np.array(times, dtype=np.int64)
        unit = np.searchsorted(self._codes, place_of * _MONTHS + month_of(at))
        return Hits(loan=place_of, at=at, value=np.array(values, dtype=np.float64), unit=unit)

    def by_chance(self) -> Hits:
        """The baseline that knows nothing: every loan from the beginning of each month, ranked by a hash."""
        drawn = self.ties.astype(np.float64)
        return Hits(loan=self.loan, at=self.since, value=drawn, unit=np.arange(len(self.loan)))

    def by_dpd(self) -> Hits:
        """The baseline of a collections desk: every loan that has missed a payment, ranked by its days past due."""
        late = [
            Rank(*loan, at_ms=due + dpd * DAY_MS, value=dpd)
            for loan, spells in zip(self.loans, self._spells, strict=True)
            for spell in spells
            for due, until in spell.late
            for dpd in _DPD
            if due + dpd * DAY_MS < until
        ]
        return self.hits(late)

    def right(self, loan: Column, at: Column) -> tuple[Column, Column, Column]:
        """Of warnings about loans at instants: which time of reaching 30 days past due comes next (-1: none within the
        horizon), days until then, and whether the horizon is over, or was reached."""
        order = np.argsort(self.reach_loan * _MS + self.reach_at, kind="stable")
        codes = (self.reach_loan * _MS + self.reach_at)[order]
        place = np.searchsorted(codes, loan * _MS + at, side="right")
        inside = place < len(codes)
        which = np.where(inside, order[np.minimum(place, len(codes) - 1)] if len(codes) else -1, -1)
        if len(codes):
            days = (self.reach_at[which] - at) / DAY_MS
            inside &= (self.reach_loan[which] == loan) & (days <= HORIZON_DAYS)
        else:
            days = np.full(len(at), np.nan)
        known = inside | (at + HORIZON_DAYS * DAY_MS <= self._unknown_from[loan])
        return np.where(inside, which, -1), days, known


def month_of(at_ms: Column) -> Column:
    """The calendar month (UTC, year * 12 + month - 1) of instants."""
    return at_ms.astype("M8[ms]").astype("M8[M]").astype(np.int64) + 1970 * 12


def month_begins(months: Column) -> Column:
    """The first instant (ms, UTC) of calendar months."""
    return (months - 1970 * 12).astype("M8[M]").astype("M8[ms]").astype(np.int64)


def _ties(loans: Sequence[LoanKey], loan: Column, month: Column) -> Column:
    """What puts equal ranks in an order: uint64[n], as good as drawn, of each loan and month."""
    hashed = np.array(
        [hash64(tenant, f"{SEED}\x1f{customer}\x1f{loan}") for tenant, customer, loan in loans], np.uint64
    )
    # SplitMix64, so that a loan that is first in one month is not so in the next.
    mixed = hashed[loan] + month.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    ties: Column = mixed ^ (mixed >> np.uint64(31))
    return ties


def _until(spells: Sequence[Spell], until_ms: int | None) -> list[Spell]:
    if until_ms is None:
        return list(spells)
    kept = [spell for spell in spells if spell.begins < until_ms]
    if kept and kept[-1].ends > until_ms:
        kept[-1] = structs.replace(kept[-1], ends=until_ms, reached=False, known=False, further=None)
    return kept

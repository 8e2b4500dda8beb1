"""Early warnings by lead time at a fixed alert budget: of the loans that reached 30 days past due, how many were warned
of, and how many days before, where so many per cent of the accounts at risk are warned of in a month.

A ranking says of a loan, at instants, how likely it is to fall behind. A loan counts as warned of in a month from the
first instant at which its rank reaches the threshold of the month, which is known before the month begins: the rank
that would have kept the budget over the year before, for the persons of the development part. Once a month's budget is
spent (counted in the accounts at risk in the month before) nobody is warned any more. The figures are of the persons
held out. Equal ranks are put in an order by a hash, so that every ranking spends what it may. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from riskwatch.lab.exposure import Column, Exposure, Hits, month_of
from riskwatch.lab.verdicts import ratio

BUDGETS = (0.01, 0.02, 0.05)
"""Shares of the accounts at risk that may be warned of in a month."""
MEMORY_MONTHS = 12
"""Months before a month from which its threshold is chosen."""
_NEVER = 1 << 62


class LeadTime(Struct, frozen=True, kw_only=True):
    """What a ranking achieved at a budget, for one part of the persons. None: nothing to divide, or nobody.

    `accounts`: loans at risk, summed over the months judged; `warned`: of them warned of. `reached`: times that a loan
    at risk reached 30 days past due; `found`: of them warned of before. `lead_…`: quartiles of the days between, from
    the earliest warning that counts. `precision`: of the warnings whose horizon is over or whose loan reached it, the
    share that was right. `further`: of those that went on to 60 days past due, `further_found` were warned of before
    30.
    `threshold`: the rank in the last month.
    """

    ranking: str
    part: str
    budget: float
    accounts: int
    warned: int
    reached: int
    found: int
    share: float | None
    lead_low: float | None
    lead_median: float | None
    lead_high: float | None
    precision: float | None
    further: int
    further_found: int
    threshold: float | None


def measure(name: str, exposure: Exposure, hits: Hits, budgets: Sequence[float] = BUDGETS) -> list[LeadTime]:
    """What a ranking achieves: for the persons held out at each budget, then for those of the development part."""
    if not len(exposure.months):
        return []
    # Places in one order of (rank, tie): the keys that thresholds are made of.
    order = np.lexsort((exposure.ties[hits.unit], hits.value))
    key = np.empty(len(order), dtype=np.int64)
    key[order] = np.arange(len(order))
    best = np.full(len(exposure.loan), -1, dtype=np.int64)
    np.maximum.at(best, hits.unit, key)
    ranked = hits.value[order]
    found = {
        (held, budget): _at_budget(name, exposure, hits, key, best, ranked, budget, held)
        for budget in budgets
        for held in (True, False)
    }
    return [found[held, budget] for held in (True, False) for budget in budgets]


def _at_budget(
    name: str, exposure: Exposure, hits: Hits, key: Column, best: Column, ranked: Column, budget: float, held: bool
) -> LeadTime:
    thresholds = {month: _threshold(exposure, best, month, budget) for month in exposure.months.tolist()}
    judged = np.isin(exposure.month, exposure.months) & (exposure.held == held)
    floor = np.array([thresholds.get(month, _NEVER) for month in range(int(exposure.month.max()) + 1)])
    warned = np.flatnonzero(judged[hits.unit] & (key >= floor[exposure.month[hits.unit]]))
    warned = warned[np.lexsort((hits.unit[warned], hits.at[warned]))]
    _, first = np.unique(hits.unit[warned], return_index=True)
    warned = _within_budget(exposure, hits, warned[np.sort(first)], budget, held)
    which, days, known = exposure.right(hits.loan[warned], hits.at[warned])
    reached = np.flatnonzero(
        (exposure.loan_held[exposure.reach_loan] == held) & np.isin(month_of(exposure.reach_at), exposure.months)
    )
    lead = np.full(len(exposure.reach_at), -1.0)
    right = which >= 0
    np.maximum.at(lead, which[right], days[right])
    lead = lead[reached]
    found = lead >= 0
    low, median, high = (
        (float(each) for each in np.quantile(lead[found], (0.25, 0.5, 0.75))) if found.any() else (None, None, None)
    )
    further = exposure.reach_further[reached]
    last = thresholds[int(exposure.months[-1])]
    return LeadTime(
        ranking=name,
        part="held out" if held else "development",
        budget=budget,
        accounts=int(judged.sum()),
        warned=len(warned),
        reached=len(reached),
        found=int(found.sum()),
        share=ratio(int(found.sum()), len(reached)),
        lead_low=low,
        lead_median=median,
        lead_high=high,
        precision=ratio(int(right.sum()), int(known.sum())),
        further=int(further.sum()),
        further_found=int((further & found).sum()),
        threshold=float(ranked[last]) if 0 <= last < len(ranked) else None,
    )


def _within_budget(exposure: Exposure, hits: Hits, warned: Column, budget: float, held: bool) -> Column:
    """The warnings, in order of time, that each month's budget has room for: so many of the accounts at risk in the
    month before."""
    base = exposure.month.min()
    accounts = np.bincount(exposure.month[exposure.held == held] - base, minlength=int(exposure.month.max() - base) + 1)
    # What is less than a whole warning is carried on, so that a small portfolio can spend its budget too.
    allowed = np.diff(np.floor(budget * np.cumsum(np.r_[0, 0, accounts[:-1]]) + 1e-9)).astype(np.int64)
    months = exposure.month[hits.unit[warned]] - base
    order = np.argsort(months, kind="stable")
    counted = np.bincount(months, minlength=len(allowed))
    place = np.empty(len(months), dtype=np.int64)
    place[order] = np.arange(len(months)) - np.repeat(np.cumsum(counted) - counted, counted)
    kept: Column = warned[place < allowed[months]]
    return kept


def _threshold(exposure: Exposure, best: Column, month: int, budget: float) -> int:
    """The least key that is warned of in a month."""
    before = (exposure.month < month) & (exposure.month >= month - MEMORY_MONTHS) & exposure.developed
    allowed = int(budget * int(before.sum()))
    keys = best[before]
    keys = keys[keys >= 0]
    if allowed == 0:
        return _NEVER
    if len(keys) <= allowed:
        return 0
    return int(np.partition(keys, len(keys) - allowed)[len(keys) - allowed])

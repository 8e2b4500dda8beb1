"""Confirmed frauds by device and by merchant or terminal, for every entry of a batch: what the library knew at its
place.

The entries' own header hashes are looked up, so no entry is opened for it. An empty library is not looked up at all:
the columns then read as 0 where the entry names a device or counterparty (`policy.columns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from riskwatch.features.library import DAY_MS, Library, counts, watched_of
from riskwatch.streams.cases import Case

Columns = dict[str, NDArray[np.float64]]

WATCHED: tuple[tuple[str, str, int], ...] = (
    ("counterparty_frauds_1d", "counterparty", 1),
    ("counterparty_frauds_7d", "counterparty", 7),
    ("counterparty_frauds_30d", "counterparty", 30),
    ("device_frauds_30d", "device", 30),
)
"""Column, the field of the header whose hash it counts, and days. A window is `(at - days, at]` in event time."""

_WINDOW = {1: 0, 7: 1, 30: 2}


class WatchChange(Struct, frozen=True, kw_only=True):
    """From entry `place` of a batch on, a case counts once more (`sign` 1) or no more (-1)."""

    place: int
    sign: int
    confirmed_ms: int
    devices: frozenset[int]
    counterparties: frozenset[int]


def watch_change(place: int, sign: int, case: Case) -> WatchChange:
    """What taking a case in, or out, changes for the entries behind it."""
    devices, counterparties = watched_of(case)
    return WatchChange(
        place=place, sign=sign, confirmed_ms=case.confirmed_ms, devices=devices, counterparties=counterparties
    )


def watch_frauds(library: Library, entries: NDArray[Any], changes: Iterable[WatchChange] = ()) -> Columns:
    """The columns of `WATCHED`, float64[n]: confirmed cases that name the entry's device or counterparty, NaN where it
    names none.

    `entries`: `ENTRY`[n]. `library`: as known before the batch; `changes`: what the batch itself brings, each from its
    place on. Nothing at all where there is nothing to count.
    """
    some = [each for each in changes if each.devices or each.counterparties]
    if not (library.devices or library.counterparties or some):
        return {}
    at = entries["occurred_at"]
    columns: Columns = {}
    for source, times in (("device", library.devices), ("counterparty", library.counterparties)):
        named = np.ascontiguousarray(entries[source])
        own = [(name, days) for name, column, days in WATCHED if column == source]
        for name, _ in own:
            columns[name] = np.where(named != 0, 0.0, np.nan)
        if times:
            _count(columns, own, named, at, times)
        for change in some:
            for place in change.devices if source == "device" else change.counterparties:
                age = at[change.place :] - change.confirmed_ms
                behind = (named[change.place :] == np.uint64(place)) & (age >= 0)
                for name, days in own:
                    columns[name][change.place :][behind & (age < days * DAY_MS)] += change.sign
    return columns


def _count(
    columns: Columns, own: list[tuple[str, int]], named: NDArray[Any], at: NDArray[Any],
    times: Mapping[int, tuple[int, ...]],
) -> None:  # fmt: skip
    for row, found in enumerate(map(times.get, named.tolist())):
        if found is not None:
            windows = counts(found, int(at[row]))
            for name, days in own:
                columns[name][row] = windows[_WINDOW[days]]

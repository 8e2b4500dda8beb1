"""A part of a batch, and the entries that the passing of time makes for a customer, in the form of those that
publishers made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskwatch.features.timers import Overdue
from riskwatch.streams.entry import ENTRY, Flag, Kind
from riskwatch.streams.packing import pack_broadcast

_BLANK = np.frombuffer(pack_broadcast(Kind.INSTALMENT_OVERDUE, 0), dtype=ENTRY)[0]


@dataclass(frozen=True)
class Part:
    """Customers' entries between two ticks, or those that a tick makes, by place: `ENTRY`[n], the row of each in the
    scratch, what `recognise` said, journal offset, customer key, and position in the batch (-1: derived)."""

    entries: NDArray[np.void]
    row_of: NDArray[np.int64]
    outcomes: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    keys: list[bytes]
    mine: NDArray[np.intp]


@dataclass(frozen=True)
class Derived:
    """An entry that a tick at `at_ms` makes for the customer of a row of the scratch."""

    row: int
    at_ms: int
    overdue: Overdue


def derived_entries(derived: Sequence[Derived]) -> NDArray[np.void]:
    """`ENTRY`[n]. `amount`: what is open; `due_amount`: the instalment's; `days_late`: DPD reached."""
    made = np.zeros(len(derived), dtype=ENTRY)
    made[:] = _BLANK
    for at, each in enumerate(derived):
        entry, facts = made[at], each.overdue
        entry["kind"] = facts.kind
        entry["occurred_at"], entry["ingested_at"] = facts.reached_ms, each.at_ms
        entry["event"], entry["subject"] = facts.event_hash, facts.subject_hash
        entry["amount"], entry["due_amount"] = facts.amount_outstanding, facts.due_amount
        entry["days_late"], entry["paid_share"] = facts.dpd, facts.paid_share
        entry["flags"] = Flag.FIRST_INSTALMENT if facts.first_instalment else 0
    return made


class View(Sequence[bytes]):
    """Some items of a list, by position, without copying them."""

    def __init__(self, items: list[bytes], which: NDArray[np.intp]) -> None:
        self._items, self._which = items, which

    def __getitem__(self, at: int) -> bytes:  # type: ignore[override]
        return self._items[int(self._which[at])]

    def __len__(self) -> int:
        return len(self._which)

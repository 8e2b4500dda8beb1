"""A part of a batch: customers' entries that are opened, evolved and judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from riskwatch.features.loanhistory import LoanHistory


@dataclass(frozen=True)
class Part:
    """Customers' entries between two ticks, or those that a tick makes, by place: `ENTRY`[n], the row of each in the
    scratch, what `recognise` said, journal offset, customer key, and position in the batch (-1: derived). `loans`: ids
    of the loans that derived entries are about; `histories`: by place, how the loan was paid that an entry tells
    something late about."""

    entries: NDArray[np.void]
    row_of: NDArray[np.int64]
    outcomes: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    keys: list[bytes]
    mine: NDArray[np.intp]
    loans: Sequence[str] = ()
    histories: dict[int, LoanHistory] = field(default_factory=dict)


class View(Sequence[bytes]):
    """Some items of a list, by position, without copying them."""

    def __init__(self, items: list[bytes], which: NDArray[np.intp]) -> None:
        self._items, self._which = items, which

    def __getitem__(self, at: int) -> bytes:  # type: ignore[override]
        return self._items[int(self._which[at])]

    def __len__(self) -> int:
        return len(self._which)

"""Let a batch of entries count in the customers' rows, and read every feature of every entry: the seam that others
call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskwatch.features import loops
from riskwatch.features.layout import Layout
from riskwatch.features.loops import APPLIED, DUPLICATE, NEW, REDELIVERED
from riskwatch.streams.entry import ENTRY

__all__ = ["APPLIED", "DUPLICATE", "NEW", "REDELIVERED", "evolve", "recognise", "warm"]

Rows = NDArray[np.float64]


def recognise(
    layout: Layout, rows: Rows, row_of: NDArray[np.int64], entries: NDArray[np.void], offsets: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """What each entry is, in journal order: NEW, or one of three kinds of repeat that must not count again.

    APPLIED: the row's watermark has passed its journal offset. REDELIVERED: the upstream record (topic, partition,
    offset, broker time) is in the journal already. DUPLICATE: the event id is among the customer's last 64. Marks all
    three in the rows. `rows`: float64[m, n_slots]; `row_of`: int64[n], below 0 for nobody's entries (ticks);
    `offsets`: int64[n] of the journal, below 0 for entries derived within the fold. Raises `ValueError` for arrays of
    another form.
    """
    rows, row_of, entries = _checked(layout, rows, row_of, entries)
    outcomes = np.empty(len(entries), dtype=np.uint8)
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    if len(offsets) != len(entries):
        raise ValueError(f"{len(offsets)} offsets for {len(entries)} entries")
    loops.recognise_rows(rows, rows.view(np.uint64), row_of, entries, offsets, outcomes)
    return outcomes


def evolve(
    layout: Layout, rows: Rows, row_of: NDArray[np.int64], entries: NDArray[np.void], outcomes: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Change the rows in place, in journal order; the features of each entry, and how many windows each came too late
    for.

    Returns `(float64[n, n_features], uint8[n])`, columns as `layout.names`; NaN: unknown. Entries that are not NEW,
    broadcast entries and those of no row count nowhere: NaN throughout. Raises `ValueError` for arrays of another
    form.
    """
    rows, row_of, entries = _checked(layout, rows, row_of, entries)
    outcomes = np.ascontiguousarray(outcomes, dtype=np.uint8)
    if len(outcomes) != len(entries):
        raise ValueError(f"{len(outcomes)} outcomes for {len(entries)} entries")
    matrix = np.empty((len(entries), layout.n_features))
    late = np.empty(len(entries), dtype=np.uint8)
    loops.evolve_rows(layout.plan, rows, rows.view(np.uint64), row_of, entries, outcomes, matrix, late)
    return matrix, late


def warm(layout: Layout) -> None:
    """Compile both loops, or load them from the cache on disk, before the first real batch."""
    rows = np.zeros((1, layout.n_slots))
    nothing = np.zeros(0, dtype=np.int64)
    entries = np.zeros(0, dtype=ENTRY)
    evolve(layout, rows, nothing, entries, recognise(layout, rows, nothing, entries, nothing))


def _checked(layout: Layout, rows: Rows, row_of: Any, entries: Any) -> tuple[Rows, NDArray[np.int64], NDArray[np.void]]:
    """The arrays in the one form that the loops are compiled for: another form would compile them again."""
    if rows.dtype != np.float64 or rows.ndim != 2 or rows.shape[1] != layout.n_slots or not rows.flags.c_contiguous:
        raise ValueError(f"rows must be contiguous float64[m, {layout.n_slots}], not {rows.dtype}{list(rows.shape)}")
    if entries.dtype != ENTRY:
        raise ValueError("entries must have the dtype streams.entry.ENTRY")
    if len(row_of) != len(entries):
        raise ValueError(f"{len(row_of)} row numbers for {len(entries)} entries")
    row_of = np.ascontiguousarray(row_of, dtype=np.int64)
    if len(row_of) and row_of.max() >= len(rows):
        raise ValueError(f"row {row_of.max()} of {len(rows)} rows")
    entries = np.ascontiguousarray(entries).view()
    entries.flags.writeable = False
    return rows, row_of, entries


if __name__ == "__main__":  # done once when the environment is made, so that no worker starts by compiling
    from riskwatch.features.layout import compile_layout
    from riskwatch.features.table import FEATURES

    warm(compile_layout(FEATURES))

"""The form of a customer's row: windows, fixed slots, and the dtypes of what the kernel walks.

A row is `n_slots` float64, mostly zeros; zero means "nothing yet" in every slot, so a new customer is a row of zeros.
Slots that hold hashes are read as uint64. Windows are rings of tiles: a window of six tiles is held as seven, so it
reaches back at least its length and at most one tile more. Per window all measures of one tile are contiguous (sums,
then maxima): a tile is cleared, and a window summed, by vector instructions. There is one clock, the newest event
time; a tile's place is its absolute number modulo the ring.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.void]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WINDOWS: dict[str, tuple[int, int]] = {
    "10m": (2 * MINUTE, 5),
    "1h": (10 * MINUTE, 6),
    "24h": (4 * HOUR, 6),
    "7d": (DAY, 7),
    "30d": (5 * DAY, 6),
    "90d": (15 * DAY, 6),
}
"""Window → length of a tile in ms, and tiles in the window. Each tile is a whole number of tiles of the next shorter
window, and all start at 1970 UTC: so a longer window never sees less than a shorter one.
"""

RECENT_EVENTS = 64
"""Event ids remembered for a customer; a repeat is recognised when fewer than this many others came between."""
SET_SIZE = 16
VALUES_KEPT = 16
SOURCES = 8
"""Input topics whose newest record is remembered for each customer."""

HALVE_AT = 256.0
"""Activities counted by hour of day before all counts are halved: habits change, and old ones fade."""
HABIT_FROM = 10.0
MEAN_FROM, DEVIATION_FROM = 3.0, 5.0
CAP = 2.0**40
"""Largest number that enters state, either way: sums of up to 8,192 of them are exact in float64, whatever their
order.
"""

MEANING = 1
"""Raise it when a step comes to write another thing into the same slots: rows written before must not be read then."""

# The first slots of every row.
WATERMARK, NEWEST, RING_NEXT, LATE_EVENTS = 0, 1, 2, 3
SOURCE_BASE = 4
"""Of each source topic: partition, offset + 1 and broker timestamp of the newest record that reached the journal."""
RING_BASE = SOURCE_BASE + 3 * SOURCES
STATE_BASE = RING_BASE + RECENT_EVENTS

STEP = np.dtype(
    [
        ("code", "<i4"),
        ("column", "<i4"),
        ("slot", "<i8"),
        ("other", "<i8"),
        ("field", "<i4"),
        ("size", "<i4"),
        ("window", "<i8"),
        ("number", "<f8"),
        ("floor", "<f8"),
        ("where", "<i4"),
        ("flag", "<u4"),
        ("low", "<f8"),
        ("high", "<f8"),
    ],
    align=True,
)
"""One thing to do at an entry: `code` says what, the rest with what (see `kernel_steps`). `where` -1: no condition."""

TIER = np.dtype(
    [("tile_ms", "<i8"), ("tiles", "<i8"), ("base", "<i8"), ("width", "<i8"), ("sums", "<i8"), ("column", "<i8")],
    align=True,
)
"""One window: a ring of `tiles` tiles of `width` slots from slot `base`; its features start at `column`."""


class Plan(NamedTuple):
    """The steps as the kernel takes them: those of kind k are `steps[start[k]:start[k + 1]]`."""

    tiers: Array
    before: Array
    before_start: NDArray[np.int64]
    keep: Array
    keep_start: NDArray[np.int64]
    after: Array
    after_start: NDArray[np.int64]

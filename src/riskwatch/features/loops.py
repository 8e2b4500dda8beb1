"""The compiled loops over a batch: recognise repeats, and let each entry count, one after the other in journal order.

Entry by entry, so that a batch never blurs what one entry saw; no step looks at another row. The code is plain Python over numpy
arrays: `loops.evolve_rows.py_func` runs it uncompiled, and so does NUMBA_DISABLE_JIT=1. No fastmath: a sum has one order.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from riskwatch.features.keeping import keep
from riskwatch.features.reading import read_after, read_before
from riskwatch.features.row import (
    CAP,
    LATE_EVENTS,
    NEWEST,
    RECENT_EVENTS,
    RING_BASE,
    RING_NEXT,
    SOURCE_BASE,
    SOURCES,
    WATERMARK,
)

NEW, DUPLICATE, APPLIED, REDELIVERED = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def recognise_rows(rows, words, row_of, entries, offsets, outcomes):  # type: ignore[no-untyped-def]
    """Fill `outcomes`; move watermarks, remember source records and event ids. Rows below 0 are nobody's: always NEW."""
    for i in range(len(entries)):
        outcomes[i] = NEW
        r = row_of[i]
        if r < 0:
            continue
        entry = entries[i]
        row = rows[r]
        if offsets[i] >= 0:
            if offsets[i] < row[WATERMARK]:
                outcomes[i] = APPLIED
                continue
            row[WATERMARK] = offsets[i] + 1
        if entry["source_at"] > 0 and entry["source_offset"] >= 0 and entry["source_topic"] < SOURCES:
            source = SOURCE_BASE + 3 * np.int64(entry["source_topic"])
            same_partition = row[source + 1] > 0 and row[source] == entry["source_partition"]
            if same_partition and entry["source_offset"] < row[source + 1] and entry["source_at"] <= row[source + 2]:
                outcomes[i] = REDELIVERED
                continue
            row[source] = entry["source_partition"]
            row[source + 1] = entry["source_offset"] + 1
            row[source + 2] = entry["source_at"]
        event = entry["event"]
        if event == 0:
            continue
        ring = words[r, RING_BASE : RING_BASE + RECENT_EVENTS]
        known = False
        for place in range(RECENT_EVENTS):
            known |= ring[place] == event
        if known:
            outcomes[i] = DUPLICATE
            continue
        place = int(row[RING_NEXT])
        ring[place] = event
        row[RING_NEXT] = (place + 1) % RECENT_EVENTS


@njit(cache=True, nogil=True)
def numbers_of(entry, numbers):  # type: ignore[no-untyped-def]
    """The numbers of an entry in the order of `steps.FIELDS`. What is not finite is absent; what is huge is capped."""
    numbers[0] = 1.0
    numbers[1] = entry["amount"]
    numbers[2] = entry["due_amount"]
    numbers[3] = entry["income"]
    numbers[4] = entry["days_late"]
    numbers[5] = entry["paid_share"]
    numbers[6] = entry["session_seconds"]
    numbers[7] = entry["paste_share"]
    numbers[8] = entry["term_months"]
    numbers[9] = entry["bureau_score"]
    numbers[10] = entry["local_hour"]
    numbers[11] = entry["channel"]
    numbers[12] = entry["product"]
    numbers[13] = entry["outcome"]
    for k in range(1, 10):
        if not np.isfinite(numbers[k]):
            numbers[k] = np.nan
        elif numbers[k] > CAP:
            numbers[k] = CAP
        elif numbers[k] < -CAP:
            numbers[k] = -CAP


@njit(cache=True, nogil=True)
def advance(row, tiers, at_ms, newest, places):  # type: ignore[no-untyped-def]
    """Clear the tiles that time has passed; note where this entry's tile is in each window (-1: passed). How many passed."""
    passed = 0
    for k in range(len(tiers)):
        tile_ms, tiles, width = tiers[k]["tile_ms"], tiers[k]["tiles"], tiers[k]["width"]
        base = tiers[k]["base"]
        tile = at_ms // tile_ms
        if at_ms > newest:
            last = newest // tile_ms
            if tile != last and newest > 0:
                for gone in range(last + 1, last + 1 + min(tile - last, tiles)):
                    begin = base + gone % tiles * width
                    for slot in range(begin, begin + width):
                        row[slot] = 0.0
        elif newest // tile_ms - tile >= tiles:
            places[k] = -1
            passed += 1
            continue
        places[k] = base + tile % tiles * width
    return passed


@njit(cache=True, nogil=True)
def read_windows(row, tiers, at_ms, clock, places, out):  # type: ignore[no-untyped-def]
    """Sums and maxima over the tiles that the rings hold, up to this entry's own tile; oldest first."""
    for k in range(len(tiers)):
        if places[k] < 0:
            continue
        tile_ms, tiles, width = tiers[k]["tile_ms"], tiers[k]["tiles"], tiers[k]["width"]
        base, sums, column = tiers[k]["base"], tiers[k]["sums"], tiers[k]["column"]
        for j in range(column, column + width):
            out[j] = 0.0
        oldest = clock // tile_ms - tiles + 1
        place = oldest % tiles
        for _ in range(oldest, at_ms // tile_ms + 1):
            begin = base + place * width
            for j in range(sums):
                out[column + j] += row[begin + j]
            for j in range(sums, width):
                out[column + j] = max(out[column + j], row[begin + j])
            place = place + 1 if place + 1 < tiles else 0


@njit(cache=True, nogil=True)
def evolve_rows(plan, rows, words, row_of, entries, outcomes, matrix, late):  # type: ignore[no-untyped-def]
    """Let each NEW entry count in its row; fill its line of `matrix`, and `late`: how many windows had passed its time."""
    numbers = np.zeros(14)
    hashes = np.zeros(4, dtype=np.uint64)
    places = np.zeros(len(plan.tiers), dtype=np.int64)
    for i in range(len(entries)):
        out = matrix[i]
        out[:] = np.nan
        late[i] = 0
        r = row_of[i]
        entry = entries[i]
        kind = np.int64(entry["kind"])
        if r < 0 or outcomes[i] != NEW or kind >= 128:
            continue
        row, word = rows[r], words[r]
        numbers_of(entry, numbers)
        hashes[0], hashes[1], hashes[2] = entry["device"], entry["ip"], entry["counterparty"]
        hashes[3] = entry["subject"]
        latitude, longitude = np.float64(entry["latitude"]), np.float64(entry["longitude"])
        if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
            latitude = np.nan
        flags = entry["flags"]
        at_ms = max(np.int64(entry["occurred_at"]), 1)
        newest = np.int64(row[NEWEST])

        steps = plan.before[plan.before_start[kind] : plan.before_start[kind + 1]]
        read_before(steps, row, at_ms, numbers, flags, latitude, longitude, out)
        passed = advance(row, plan.tiers, at_ms, newest, places)
        if passed > 0:
            late[i] = passed
            row[LATE_EVENTS] += 1.0
        clock = max(at_ms, newest)
        row[NEWEST] = clock
        steps = plan.keep[plan.keep_start[kind] : plan.keep_start[kind + 1]]
        keep(steps, row, word, at_ms, numbers, hashes, flags, latitude, longitude, places)
        read_windows(row, plan.tiers, at_ms, clock, places, out)
        steps = plan.after[plan.after_start[kind] : plan.after_start[kind + 1]]
        read_after(steps, row, word, at_ms, numbers, hashes, flags, out)

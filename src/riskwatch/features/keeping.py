"""The kernel's writing steps: what an entry changes in its customer's row. Nothing that is not finite is ever
written.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from riskwatch.features import steps as do
from riskwatch.features.reading import passes
from riskwatch.features.row import HALVE_AT


@njit(nogil=True)
def keep_identity(row, word, slot, size, identity, at):  # type: ignore[no-untyped-def]
    """Put an identity in a set of the `size` seen last: `slot` holds when a further one was new; then hashes, first,
    last.
    """
    begin = slot + 1
    place = -1
    for candidate in range(begin, begin + size):
        if word[candidate] == identity:
            place = candidate
    if place >= 0:
        row[place + size] = min(row[place + size], at)
        row[place + 2 * size] = max(row[place + 2 * size], at)
        return
    further = word[begin] != 0
    place = begin
    for candidate in range(begin, begin + size):  # an empty place was last seen at 0
        if row[candidate + 2 * size] < row[place + 2 * size]:
            place = candidate
    if at <= row[place + 2 * size]:
        return
    if further:
        row[slot] = max(row[slot], at)
    word[place] = identity
    row[place + size] = at
    row[place + 2 * size] = at


@njit(nogil=True)
def keep_hour(row, slot, hour):  # type: ignore[no-untyped-def]
    """Count an hour of day: 24 counts and their total, whole numbers throughout."""
    row[slot + hour] += 1.0
    row[slot + 24] += 1.0
    if row[slot + 24] >= HALVE_AT:
        total = 0.0
        for k in range(slot, slot + 24):
            row[k] = np.floor(row[k] / 2.0)
            total += row[k]
        row[slot + 24] = total


@njit(nogil=True)
def keep(steps, row, word, at_ms, numbers, hashes, flags, latitude, longitude, places):  # type: ignore[no-untyped-def]
    """Take the writing steps of one entry."""
    at = float(at_ms)
    for j in range(len(steps)):
        step = steps[j]
        if not passes(step, numbers, flags):
            continue
        code, slot = step["code"], step["slot"]
        number = numbers[step["field"]]
        if code == do.ADD:
            begin = places[step["other"]]
            if begin >= 0 and not np.isnan(number):
                row[begin + slot] += number
        elif code == do.RAISE:
            begin = places[step["other"]]
            if begin >= 0 and number > row[begin + slot]:
                row[begin + slot] = number
        elif code == do.NEWEST:
            row[slot] = max(row[slot], at)
        elif code == do.OLDEST:
            if row[slot] == 0.0 or at < row[slot]:
                row[slot] = at
        elif code == do.LEARN:
            if not np.isnan(number):
                known = row[slot]
                weight = max(step["number"], 1.0 / (known + 1.0))
                apart = number - row[slot + 1]
                row[slot] = known + 1.0
                row[slot + 1] += weight * apart
                row[slot + 2] = (1.0 - weight) * (row[slot + 2] + weight * apart * apart)
        elif code == do.MEMBER:
            if hashes[step["field"]] != 0:
                keep_identity(row, word, slot, step["size"], hashes[step["field"]], at)
        elif code == do.VALUE:
            if not np.isnan(number):
                oldest = slot
                for place in range(slot, slot + step["size"]):
                    if row[place] < row[oldest]:
                        oldest = place
                if at > row[oldest]:
                    row[oldest] = at
                    row[oldest + step["size"]] = number
        elif code == do.LATEST:
            if not np.isnan(number) and at >= row[slot]:
                row[slot] = at
                row[slot + 1] = number
        elif code == do.HABIT:
            if numbers[do.LOCAL_HOUR] < 24.0:
                keep_hour(row, slot, int(numbers[do.LOCAL_HOUR]))
        elif code == do.POSITION and not np.isnan(latitude) and at >= row[slot + 2]:
            row[slot] = latitude
            row[slot + 1] = longitude
            row[slot + 2] = at

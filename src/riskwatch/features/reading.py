"""The kernel's reading steps: what is known before an entry counts, and what after. NaN where unknown (the caller
filled it).
"""

from __future__ import annotations

from math import asin, cos, floor, radians, sin, sqrt

import numpy as np
from numba import njit

from riskwatch.features import steps as do
from riskwatch.features.row import DAY, DEVIATION_FROM, HABIT_FROM, HOUR, LATE_EVENTS, MEAN_FROM, MINUTE

EARTH_RADIUS_KM = 6371.0088


@njit(nogil=True)
def passes(step, numbers, flags):  # type: ignore[no-untyped-def]
    """Whether an entry meets the condition of a step. An absent number fails it."""
    if step["flag"] != 0 and flags & step["flag"] == 0:
        return False
    field = step["where"]
    return field < 0 or step["low"] <= numbers[field] < step["high"]


@njit(nogil=True)
def distance_km(latitude, longitude, to_latitude, to_longitude):  # type: ignore[no-untyped-def]
    """Great-circle distance by the haversine formula, rounded to a metre so that a last bit of `sin` does not show."""
    phi, to_phi = radians(latitude), radians(to_latitude)
    across = sin((to_phi - phi) / 2.0)
    along = sin(radians(to_longitude - longitude) / 2.0)
    half = across * across + cos(phi) * cos(to_phi) * (along * along)
    return floor(2.0 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half))) * 1000.0 + 0.5) / 1000.0


@njit(nogil=True)
def read_before(steps, row, at_ms, numbers, flags, latitude, longitude, out):  # type: ignore[no-untyped-def]
    """Recency, means, deviations, habits, travel: this entry against what was known before it."""
    at = float(at_ms)
    for j in range(len(steps)):
        step = steps[j]
        code, slot, column = step["code"], step["slot"], step["column"]
        if code == do.SINCE:
            if 0.0 < row[slot] <= at:
                out[column] = (at - row[slot]) / 1000.0
        elif code == do.MEAN:
            if row[slot] >= MEAN_FROM:
                out[column] = row[slot + 1]
        elif code == do.DEVIATION:
            if row[slot] >= DEVIATION_FROM and passes(step, numbers, flags):
                mean = row[slot + 1]
                spread = max(sqrt(row[slot + 2]), max(0.1 * abs(mean), step["floor"]))
                out[column] = (numbers[step["field"]] - mean) / spread
        elif code == do.HOUR_HABIT:
            hour = int(numbers[do.LOCAL_HOUR])
            total = row[slot + 24]
            if total >= HABIT_FROM and hour < 24:
                near = row[slot + (hour + 23) % 24] + row[slot + hour] + row[slot + (hour + 1) % 24]
                out[column] = near / total
        elif code == do.NIGHT_SHARE:
            total = row[slot + 24]
            if total >= HABIT_FROM:
                night = 0.0
                for hour in range(6):
                    night += row[slot + hour]
                out[column] = night / total
        elif code == do.DISTANCE:
            if row[slot + 2] > 0.0 and not np.isnan(latitude):
                out[column] = distance_km(row[slot], row[slot + 1], latitude, longitude)
        elif code == do.SPEED:
            apart = max(abs(at - row[slot + 2]), float(MINUTE))
            out[column] = out[step["other"]] / (apart / HOUR)
        elif code == do.OVER_LAST:
            if row[slot] > 0.0 and row[slot + 1] != 0.0 and passes(step, numbers, flags):
                out[column] = numbers[step["field"]] / row[slot + 1]
        elif code == do.CHANGE:
            if row[slot] > 0.0 and passes(step, numbers, flags):
                out[column] = numbers[step["field"]] - row[slot + 1]
        elif code == do.OVER_MIN and passes(step, numbers, flags):
            size = step["size"]
            least = np.inf
            for place in range(slot, slot + size):
                if 0.0 < row[place] <= at and row[place] > at - step["window"]:
                    least = min(least, row[place + size])
            if least < np.inf:
                out[column] = numbers[step["field"]] / max(least, 1.0)


@njit(nogil=True)
def read_after(steps, row, word, at_ms, numbers, hashes, flags, out):  # type: ignore[no-untyped-def]
    """Tenure, trends, distinct identities, last values, repeats, and the ratios of other features."""
    at = float(at_ms)
    for j in range(len(steps)):
        step = steps[j]
        code, slot, column, size = step["code"], step["slot"], step["column"], step["size"]
        if code == do.RATIO:
            if out[step["other"]] != 0.0:
                out[column] = step["number"] * out[slot] / out[step["other"]]
        elif code == do.SHARE_OF_FIELD:
            if out[step["other"]] != 0.0:
                out[column] = step["number"] * numbers[step["field"]] / out[step["other"]]
        elif code == do.DISTINCT:
            seen_last = slot + 1 + 2 * size
            count = 0
            for place in range(seen_last, seen_last + size):
                count += row[place] > at - step["window"]
            out[column] = float(count)
        elif code == do.AGE:
            identity = hashes[step["field"]]
            if identity != 0 and passes(step, numbers, flags):
                out[column] = 0.0
                for place in range(slot + 1, slot + 1 + size):
                    if word[place] == identity:
                        out[column] = (at - row[place + size]) / HOUR
        elif code == do.FURTHER:
            if 0.0 < row[slot] <= at:
                out[column] = (at - row[slot]) / 1000.0
        elif code == do.TENURE:
            if row[slot] > 0.0:
                out[column] = max(at - row[slot], 0.0) / DAY
        elif code == do.TREND:
            if row[slot] >= MEAN_FROM:
                out[column] = row[slot + 1] - row[step["other"] + 1]
        elif code == do.LAST:
            if row[slot] > 0.0:
                out[column] = row[slot + 1]
        elif code == do.SAME:
            number = numbers[step["field"]]
            if passes(step, numbers, flags) and not np.isnan(number):
                count = 0
                for place in range(slot, slot + size):
                    in_window = 0.0 < row[place] <= at and row[place] > at - step["window"]
                    count += in_window and row[place + size] == number
                out[column] = float(count)
        elif code == do.LATE:
            out[column] = row[LATE_EVENTS]

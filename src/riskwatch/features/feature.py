"""What a feature is: one frozen record; the table is a tuple of them and everything else is derived from it."""

from __future__ import annotations

from enum import StrEnum
from math import inf

from msgspec import Struct

from riskwatch.streams.entry import Flag, Kind


class Aggregate(StrEnum):
    """How a feature is made of what a customer did. `MEANING` says in words what each does, and what unknown means."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    DISTINCT = "distinct"
    AGE = "age"
    SINCE_FURTHER = "since further"
    SINCE = "since"
    TENURE = "tenure"
    MEAN = "mean"
    DEVIATION = "deviation"
    TREND = "trend"
    HOUR_HABIT = "hour habit"
    NIGHT_SHARE = "night share"
    DISTANCE = "distance"
    SPEED = "speed"
    LAST = "last"
    OVER_LAST = "over last"
    CHANGE = "change"
    SAME = "same"
    OVER_MIN = "over min"
    LATE = "late"
    RATIO = "ratio"


MEANING = {
    Aggregate.COUNT: "entries in the window, this entry included",
    Aggregate.SUM: "sum of the value over the entries in the window, this entry included; an absent value adds nothing",
    Aggregate.MAX: "largest value in the window, this entry included; 0 when there is none or all are negative",
    Aggregate.DISTINCT: (
        "different identities in the window, this entry's included; exact event time, not tiles; of the 16 identities"
        " seen last, so 16 means 16 or more"
    ),
    Aggregate.AGE: (
        "hours since this entry's identity was first seen for the customer: 0 when it is new, unknown when the entry"
        " names none; an identity is forgotten when 16 others were seen after it"
    ),
    Aggregate.SINCE_FURTHER: (
        "seconds since an identity was new while another was already known, 0 at the entry that brings it; the very"
        " first identity does not count; unknown when there was none"
    ),
    Aggregate.SINCE: (
        "seconds since the newest such entry before this one; unknown when there was none, or when it is later by time"
    ),
    Aggregate.TENURE: "days since the oldest such entry, 0 at that entry itself; unknown when there was none",
    Aggregate.MEAN: (
        "exponentially weighted mean of the value as known before this entry; the plain mean until the weight of a"
        " new value reaches its floor; unknown before 3 values"
    ),
    Aggregate.DEVIATION: (
        "this entry's value minus the mean known before it, in deviations known before it (never less than a tenth of"
        " the mean, nor than the floor); unknown before 5 values, and where the entry has no such value"
    ),
    Aggregate.TREND: (
        "a short mean (weight 1/2) minus the long mean, both with this entry included; unknown before 3 values"
    ),
    Aggregate.HOUR_HABIT: (
        "share of past activity whose local hour is within one hour of this entry's; all counts are halved (rounded"
        " down) when they reach 256; unknown before 10 activities, and for entries that are not the customer's activity"
    ),
    Aggregate.NIGHT_SHARE: "share of past activity between 0 and 6 o'clock local time; unknown before 10 activities",
    Aggregate.DISTANCE: (
        "kilometres (great circle, to a metre) from the newest position known before this entry; unknown without both"
    ),
    Aggregate.SPEED: (
        "distance over the time between the two positions, in km/h; less than a minute counts as a minute; unknown"
        " without both positions"
    ),
    Aggregate.LAST: "newest value by event time, this entry's included; unknown when there was none",
    Aggregate.OVER_LAST: (
        "this entry's value divided by the newest one known before it; unknown without both, or when that is 0"
    ),
    Aggregate.CHANGE: "this entry's value minus the newest one known before it; unknown without both",
    Aggregate.SAME: (
        "entries in the window with exactly this entry's value, this entry included; exact event time, of the last 16"
        " values"
    ),
    Aggregate.OVER_MIN: (
        "this entry's value divided by the smallest in the window before it (a value below 1 counts as 1); exact event"
        " time, of the last 16 values; unknown when there was none"
    ),
    Aggregate.LATE: "entries, ever, that arrived after at least one window had passed their time, this entry included",
    Aggregate.RATIO: "the first divided by the second; unknown when either is, or when the second is 0",
}


class Where(Struct, frozen=True, kw_only=True):
    """A condition on one entry: its field within `[low, high)`, or one of its flags set. An absent field fails it."""

    field: str | None = None
    low: float = -inf
    high: float = inf
    flag: Flag | None = None

    def __str__(self) -> str:
        if self.flag is not None:
            return f"{str(self.flag.name).lower()}"
        if self.high == inf:
            return f"{self.field} ≥ {self.low:g}"
        if self.low == -inf:
            return f"{self.field} < {self.high:g}"
        return f"{self.low:g} ≤ {self.field} < {self.high:g}"


class Feature(Struct, frozen=True, kw_only=True):
    """One feature. `kinds` are the entries that feed it; `at` those at which it is known (empty: at every entry).

    `value` is a field of the entry header (or, for a ratio, a feature or a field); `over` a ratio's second part.
    """

    name: str
    aggregate: Aggregate
    kinds: tuple[Kind, ...] = ()
    value: str | None = None
    where: Where | None = None
    window: str | None = None
    at: tuple[Kind, ...] = ()
    over: str | None = None
    scale: float = 1.0
    weight: float = 0.0
    floor: float = 0.0
    description: str = ""


WINDOW_WORDS = {
    "10m": "10 minutes",
    "1h": "hour",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
}


def over_windows(
    measure: str,
    windows: str,
    aggregate: Aggregate,
    kinds: tuple[Kind, ...],
    description: str,
    *,
    value: str | None = None,
    where: Where | None = None,
) -> tuple[Feature, ...]:
    """The same measure over several windows (named with spaces between): `<measure>_<window>`."""
    return tuple(
        Feature(
            name=f"{measure}_{window}",
            aggregate=aggregate,
            kinds=kinds,
            value=value,
            where=where,
            window=window,
            description=f"{description} in the last {WINDOW_WORDS[window]}",
        )
        for window in windows.split()
    )

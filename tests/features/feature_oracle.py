"""The features, recomputed slowly from the words of docs/features.md: plain lists of what each customer did, no
tiles, no slots.

Shares with the kernel only the table itself (what is counted) and the declared lengths of windows and tiles.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from riskwatch.features.feature import Aggregate, Feature, Where
from riskwatch.features.table import FEATURES
from riskwatch.streams.entry import ENTRY

NAN = math.nan
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
TILES = {
    "10m": (2 * MINUTE, 5),
    "1h": (10 * MINUTE, 6),
    "24h": (4 * HOUR, 6),
    "7d": (DAY, 7),
    "30d": (5 * DAY, 6),
    "90d": (15 * DAY, 6),
}
LENGTH = {"10m": 10 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}
CAP = 2.0**40
Past = list[dict[str, Any]]


def as_dict(entry: np.void) -> dict[str, Any]:
    """An entry's fields as Python numbers: not finite is absent (None), huge is capped, money is whole."""
    plain = {name: entry[name].item() for name in ENTRY.names}
    for name in ("amount", "due_amount", "income"):
        if math.isfinite(plain[name]):
            plain[name] = float(round(plain[name]))
    for name, number in plain.items():
        if isinstance(number, float):
            plain[name] = max(-CAP, min(CAP, number)) if math.isfinite(number) else None
    plain["at"] = plain["occurred_at"]
    place = plain["latitude"], plain["longitude"]
    known = None not in place and abs(place[0]) <= 90 and abs(place[1]) <= 180
    plain["position"] = place if known else None
    return plain


def meets(entry: dict[str, Any], where: Where | None) -> bool:
    if where is None:
        return True
    if where.flag is not None and not entry["flags"] & where.flag:
        return False
    if where.field is None:
        return True
    return entry[where.field] is not None and where.low <= entry[where.field] < where.high


def fed_by(feature: Feature, entries: Past) -> Past:
    return [entry for entry in entries if entry["kind"] in feature.kinds and meets(entry, feature.where)]


def statistics(numbers: list[float], weight: float) -> tuple[int, float, float]:
    """Exponentially weighted mean and variance in the order of arrival."""
    mean = variance = 0.0
    for n, number in enumerate(numbers, start=1):
        w = max(weight, 1 / n)
        apart = number - mean
        mean = mean + w * apart
        variance = (1 - w) * (variance + w * apart * apart)
    return len(numbers), mean, variance


def sixteen_last(entries: Past, identity: str) -> tuple[list[list[Any]], int]:
    """[identity, first seen, last seen] of the 16 seen last, and the newest time at which a further one was new."""
    members: list[list[Any]] = []
    further = 0
    for entry in entries:
        if entry[identity] == 0:
            continue
        same = [member for member in members if member[0] == entry[identity]]
        if same:
            same[0][1], same[0][2] = min(same[0][1], entry["at"]), max(same[0][2], entry["at"])
            continue
        newcomer = [entry[identity], entry["at"], entry["at"]]
        if len(members) == 16:
            oldest = min(members, key=lambda member: member[2])
            if entry["at"] <= oldest[2]:
                continue
            members[members.index(oldest)] = newcomer
        else:
            members.append(newcomer)
        if len(members) > 1:
            further = max(further, entry["at"])
    return members, further


def sixteen_values(entries: Past, value: str) -> list[tuple[int, float]]:
    """(time, value) of the 16 newest values."""
    kept: list[tuple[int, float]] = []
    for entry in entries:
        if entry[value] is None:
            continue
        if len(kept) == 16:
            oldest = min(range(16), key=lambda place: kept[place][0])
            if entry["at"] > kept[oldest][0]:
                kept[oldest] = entry["at"], entry[value]
        else:
            kept.append((entry["at"], entry[value]))
    return kept


def hours_of(entries: Past) -> list[int]:
    counts = [0] * 24
    for entry in entries:
        if entry["local_hour"] < 24:
            counts[entry["local_hour"]] += 1
        if sum(counts) >= 256:
            counts = [count // 2 for count in counts]
    return counts


def newest_of(entries: Past, known: str) -> dict[str, Any] | None:
    """The newest entry by event time that knows something; the later arrival of two at one time."""
    newest = None
    for entry in entries:
        if entry[known] is not None and (newest is None or entry["at"] >= newest["at"]):
            newest = entry
    return newest


def kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    phi, phi2 = math.radians(a[0]), math.radians(b[0])
    across, along = math.sin((phi2 - phi) / 2), math.sin(math.radians(b[1] - a[1]) / 2)
    half = across * across + math.cos(phi) * math.cos(phi2) * (along * along)
    return math.floor(2 * 6371.0088 * math.asin(min(1.0, math.sqrt(half))) * 1000 + 0.5) / 1000


@dataclass
class Customer:
    """What a customer did, in the order of the journal."""

    past: Past = field(default_factory=list)
    next_offset: int = 0
    sources: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    events: deque[int] = field(default_factory=lambda: deque(maxlen=64))

    def recognise(self, entry: np.void, offset: int) -> int:
        """0 new, 1 duplicate event id, 2 journal offset already applied, 3 upstream record already in the journal."""
        if offset >= 0:
            if offset < self.next_offset:
                return 2
            self.next_offset = offset + 1
        topic = int(entry["source_topic"])
        if entry["source_at"] > 0 and entry["source_offset"] >= 0 and topic < 8:
            record = int(entry["source_partition"]), int(entry["source_offset"]), int(entry["source_at"])
            known = self.sources.get(topic)
            if known is not None and known[0] == record[0] and record[1] <= known[1] and record[2] <= known[2]:
                return 3
            self.sources[topic] = record
        event = int(entry["event"])
        if event != 0 and entry["kind"] not in (64, 65):
            if event in self.events:
                return 1
            self.events.append(event)
        return 0

    def evolve(self, raw: np.void) -> tuple[dict[str, float], int]:
        """Every feature at this entry, and for how many windows it came too late. Then the entry is past."""
        entry = as_dict(raw)
        before, after = self.past, [*self.past, entry]
        newest = max(other["at"] for other in after)
        passed = [w for w, (tile, n) in TILES.items() if newest // tile - entry["at"] // tile > n]
        entry["late"] = bool(passed)
        values: dict[str, float] = {}
        for feature in FEATURES:
            if feature.aggregate not in (Aggregate.RATIO, Aggregate.SPEED):
                values[feature.name] = self.one(feature, entry, before, after, newest, passed)
        for feature in FEATURES:
            if feature.aggregate is Aggregate.SPEED:
                values[feature.name] = self.speed(feature, entry, before)
            elif feature.aggregate is Aggregate.RATIO:
                values[feature.name] = self.ratio(feature, entry, values)
        self.past = after
        return values, len(passed)

    def one(
        self, f: Feature, entry: dict[str, Any], before: Past, after: Past, newest: int, passed: list[str]
    ) -> float:
        at = entry["at"]
        feeds = entry["kind"] in f.kinds and meets(entry, f.where)
        own = entry[f.value] if f.value is not None and feeds else None
        match f.aggregate:
            case Aggregate.COUNT | Aggregate.SUM | Aggregate.MAX:
                if f.window in passed:
                    return NAN
                tile, n = TILES[str(f.window)]
                seen = [e for e in fed_by(f, after) if newest // tile - n <= e["at"] // tile <= at // tile]
                if f.aggregate is Aggregate.COUNT:
                    return float(len(seen))
                numbers = [e[str(f.value)] for e in seen if e[str(f.value)] is not None]
                return math.fsum(numbers) if f.aggregate is Aggregate.SUM else max([0.0, *numbers])
            case Aggregate.SINCE:
                last = max((e["at"] for e in fed_by(f, before)), default=None)
                return NAN if last is None or last > at else (at - last) / 1000
            case Aggregate.TENURE:
                first = min((e["at"] for e in fed_by(f, after)), default=None)
                return NAN if first is None else max(at - first, 0) / DAY
            case Aggregate.MEAN | Aggregate.DEVIATION:
                known = [e[str(f.value)] for e in fed_by(f, before) if e[str(f.value)] is not None]
                n, mean, variance = statistics(known, f.weight)
                if f.aggregate is Aggregate.MEAN:
                    return mean if n >= 3 else NAN
                if n < 5 or own is None:
                    return NAN
                return float((own - mean) / max(math.sqrt(variance), 0.1 * abs(mean), f.floor))
            case Aggregate.TREND:
                known = [e[str(f.value)] for e in fed_by(f, after) if e[str(f.value)] is not None]
                return NAN if len(known) < 3 else statistics(known, 0.5)[1] - statistics(known, f.weight)[1]
            case Aggregate.DISTINCT:
                members, _ = sixteen_last(fed_by(f, after), str(f.value))
                return float(sum(last > at - LENGTH[str(f.window)] for _, _, last in members))
            case Aggregate.AGE:
                if not own:
                    return NAN
                members, _ = sixteen_last(fed_by(f, after), str(f.value))
                return next(((at - first) / HOUR for identity, first, _ in members if identity == own), 0.0)
            case Aggregate.SINCE_FURTHER:
                _, further = sixteen_last(fed_by(f, after), str(f.value))
                return (at - further) / 1000 if 0 < further <= at else NAN
            case Aggregate.HOUR_HABIT | Aggregate.NIGHT_SHARE:
                counts = hours_of(fed_by(f, before))
                if sum(counts) < 10:
                    return NAN
                if f.aggregate is Aggregate.NIGHT_SHARE:
                    return sum(counts[:6]) / sum(counts)
                hour = entry["local_hour"]
                if not feeds or hour > 23:
                    return NAN
                return (counts[hour - 1] + counts[hour] + counts[(hour + 1) % 24]) / sum(counts)
            case Aggregate.DISTANCE:
                last_known = newest_of(fed_by(f, before), "position")
                if entry["kind"] not in f.at or last_known is None or entry["position"] is None:
                    return NAN
                return kilometres(last_known["position"], entry["position"])
            case Aggregate.LAST:
                latest = newest_of(fed_by(f, after), str(f.value))
                return NAN if latest is None else float(latest[str(f.value)])
            case Aggregate.OVER_LAST:
                latest = newest_of(fed_by(f, before), str(f.value))
                return NAN if latest is None or not latest[str(f.value)] or own is None else own / latest[str(f.value)]
            case Aggregate.CHANGE:
                latest = newest_of(fed_by(f, before), str(f.value))
                return NAN if latest is None or own is None else float(own - latest[str(f.value)])
            case Aggregate.SAME:
                start = at - LENGTH[str(f.window)]
                kept = sixteen_values(fed_by(f, after), str(f.value))
                return NAN if own is None else float(sum(start < t <= at and number == own for t, number in kept))
            case Aggregate.OVER_MIN:
                start = at - LENGTH[str(f.window)]
                least = [number for t, number in sixteen_values(fed_by(f, before), str(f.value)) if start < t <= at]
                return NAN if own is None or not least else own / max(min(least), 1.0)
            case Aggregate.LATE:
                return float(sum(e["late"] for e in after))
        raise AssertionError(f.aggregate)

    def speed(self, f: Feature, entry: dict[str, Any], before: Past) -> float:
        last_known = newest_of(fed_by(f, before), "position")
        if entry["kind"] not in f.at or last_known is None or entry["position"] is None:
            return NAN
        apart = max(abs(entry["at"] - last_known["at"]), MINUTE)
        return kilometres(last_known["position"], entry["position"]) / (apart / HOUR)

    def ratio(self, f: Feature, entry: dict[str, Any], values: dict[str, float]) -> float:
        own = values.get(str(f.value)) if f.value in values else entry[str(f.value)]
        over = values[str(f.over)]
        if (f.at and entry["kind"] not in f.at) or own is None or over == 0:
            return NAN
        return f.scale * own / over


class Oracle:
    """All customers, by row number."""

    def __init__(self) -> None:
        self.customers: dict[int, Customer] = {}

    def fold(
        self, row_of: np.ndarray, entries: np.ndarray, offsets: np.ndarray
    ) -> tuple[list[int], list[dict[str, float] | None], list[int]]:
        """Outcomes, features (None: not counted) and late windows of a journal, entry by entry."""
        outcomes, features, late = [], [], []
        for row, entry, offset in zip(row_of.tolist(), entries, offsets.tolist(), strict=True):
            customer = self.customers.setdefault(row, Customer())
            outcome = 0 if row < 0 else customer.recognise(entry, offset)
            outcomes.append(outcome)
            counted = outcome == 0 and row >= 0 and entry["kind"] < 128
            values, windows = customer.evolve(entry) if counted else (None, 0)
            features.append(values)
            late.append(windows)
        return outcomes, features, late

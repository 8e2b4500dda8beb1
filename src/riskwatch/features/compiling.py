"""From the feature table to columns, slots and steps. Runs once, at start."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from riskwatch.features import steps
from riskwatch.features.feature import Aggregate, Feature, Where
from riskwatch.features.row import HOUR, SET_SIZE, STATE_BASE, STEP, TIER, VALUES_KEPT, WINDOWS, Array, Plan
from riskwatch.streams.entry import Kind

FOLDED: tuple[Kind, ...] = tuple(kind for kind in Kind if kind < 128)
TILED = (Aggregate.COUNT, Aggregate.SUM, Aggregate.MAX)
RECENT_WEIGHT = 0.5
MONEY = ("amount", "due_amount", "income")
"""The numbers that the kernel makes whole."""
EXACT_WINDOWS = {
    "10m": HOUR // 6,
    "1h": HOUR,
    "24h": 24 * HOUR,
    "7d": 168 * HOUR,
    "30d": 720 * HOUR,
    "90d": 2160 * HOUR,
}


class Compiling:
    """A table on its way to a `Plan`: slots are given out as features ask for state, and shared where they ask for
    the same.
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.next_slot = STATE_BASE
        self.slots: dict[tuple[object, ...], int] = {}
        self.phases: dict[str, list[tuple[tuple[Kind, ...], Array]]] = {"before": [], "keep": [], "after": []}
        for feature in features:
            _check(feature)
        tiled = {window: _sums_first(features, window) for window in WINDOWS}
        in_order = [feature for group in tiled.values() for feature in group]
        in_order += [feature for feature in features if feature.aggregate not in TILED]
        self.column_of = {feature.name: column for column, feature in enumerate(in_order)}
        if len(self.column_of) != len(features):
            names = [feature.name for feature in features]
            raise ValueError(f"features declared twice: {sorted({name for name in names if names.count(name) > 1})}")
        self.tiers = np.array([self._tier(window, group) for window, group in tiled.items()], dtype=TIER)
        for feature in features:
            if feature.aggregate not in (*TILED, Aggregate.RATIO, Aggregate.SPEED):
                self._state(feature)
        for feature in features:  # made of other features: after those
            if feature.aggregate is Aggregate.SPEED:
                self._speed(feature, features)
            elif feature.aggregate is Aggregate.RATIO:
                self._ratio(feature)

    def meaning(self) -> object:
        """All that gives a slot its meaning: who was given which slot, and what the steps do with it."""
        keep = [(kinds, step.tolist()) for kinds, step in self.phases["keep"]]
        return self.slots, self.tiers.tolist(), keep

    def plan(self) -> Plan:
        """The steps of each kind, in the order of the table."""
        return Plan(
            self.tiers,
            *_by_kind(self.phases["before"]),
            *_by_kind(self.phases["keep"]),
            *_by_kind(self.phases["after"]),
        )

    def _step(self, phase: str, kinds: Iterable[Kind], code: int, where: Where | None = None, **values: float) -> None:
        step = np.zeros((), dtype=STEP)
        step["code"], step["where"] = code, -1
        if where is not None:
            step["flag"] = 0 if where.flag is None else int(where.flag)
            if where.field is not None:
                step["where"], step["low"], step["high"] = steps.FIELDS.index(where.field), where.low, where.high
        for name, value in values.items():
            step[name] = value
        self.phases[phase].append((tuple(kinds), step))

    def _slot(self, size: int, *key: object) -> tuple[int, bool]:
        """Where the state called `key` begins, and whether it is new."""
        if key in self.slots:
            return self.slots[key], False
        self.slots[key] = self.next_slot
        self.next_slot += size
        return self.slots[key], True

    def _tier(self, window: str, group: list[Feature]) -> tuple[int, ...]:
        tile_ms, tiles = WINDOWS[window]
        base, _ = self._slot((tiles + 1) * len(group), "tier", window, tuple(_measure(feature) for feature in group))
        for place, feature in enumerate(group):
            code = steps.RAISE if feature.aggregate is Aggregate.MAX else steps.ADD
            field = _field(feature)
            self._step(
                "keep", feature.kinds, code, feature.where, slot=place, other=list(WINDOWS).index(window), field=field
            )
        sums = sum(feature.aggregate is not Aggregate.MAX for feature in group)
        column = self.column_of[group[0].name] if group else 0
        return tile_ms, tiles + 1, base, len(group), sums, column

    def _state(self, feature: Feature) -> None:
        """Slots and steps of a feature that keeps its own state."""
        column, kinds, where = self.column_of[feature.name], feature.kinds, feature.where
        window = 0 if feature.window is None else EXACT_WINDOWS[feature.window]
        match feature.aggregate:
            case Aggregate.SINCE:
                slot, new = self._slot(1, "newest", kinds, where)
                self._step("before", FOLDED, steps.SINCE, slot=slot, column=column)
                if new:
                    self._step("keep", kinds, steps.NEWEST, where, slot=slot)
            case Aggregate.TENURE:
                slot, new = self._slot(1, "oldest", kinds, where)
                self._step("after", FOLDED, steps.TENURE, slot=slot, column=column)
                if new:
                    self._step("keep", kinds, steps.OLDEST, where, slot=slot)
            case Aggregate.MEAN:
                self._step("before", FOLDED, steps.MEAN, slot=self._statistic(feature, feature.weight), column=column)
            case Aggregate.DEVIATION:
                slot, field = self._statistic(feature, feature.weight), _field(feature)
                self._step(
                    "before", kinds, steps.DEVIATION, where, slot=slot, field=field, floor=feature.floor, column=column
                )
            case Aggregate.TREND:
                slot, other = self._statistic(feature, RECENT_WEIGHT), self._statistic(feature, feature.weight)
                self._step("after", FOLDED, steps.TREND, slot=slot, other=other, column=column)
            case Aggregate.DISTINCT | Aggregate.AGE | Aggregate.SINCE_FURTHER:
                self._set(feature, column, window)
            case Aggregate.LAST | Aggregate.OVER_LAST | Aggregate.CHANGE:
                slot, new = self._slot(2, "last", feature.value, kinds, where)
                if new:
                    self._step("keep", kinds, steps.LATEST, where, slot=slot, field=_field(feature))
                if feature.aggregate is Aggregate.LAST:
                    self._step("after", FOLDED, steps.LAST, slot=slot, column=column)
                else:
                    code = steps.CHANGE if feature.aggregate is Aggregate.CHANGE else steps.OVER_LAST
                    self._step("before", kinds, code, where, slot=slot, field=_field(feature), column=column)
            case Aggregate.SAME | Aggregate.OVER_MIN:
                slot, new = self._slot(2 * VALUES_KEPT, "values", feature.value, kinds, where)
                if new:
                    self._step("keep", kinds, steps.VALUE, where, slot=slot, field=_field(feature), size=VALUES_KEPT)
                phase, code = (
                    ("after", steps.SAME) if feature.aggregate is Aggregate.SAME else ("before", steps.OVER_MIN)
                )
                field = _field(feature)
                self._step(
                    phase, kinds, code, where, slot=slot, field=field, size=VALUES_KEPT, window=window, column=column
                )
            case Aggregate.HOUR_HABIT | Aggregate.NIGHT_SHARE:
                slot, new = self._slot(25, "habit", kinds)
                if new:
                    self._step("keep", kinds, steps.HABIT, slot=slot)
                if feature.aggregate is Aggregate.HOUR_HABIT:
                    self._step("before", kinds, steps.HOUR_HABIT, slot=slot, column=column)
                else:
                    self._step("before", FOLDED, steps.NIGHT_SHARE, slot=slot, column=column)
            case Aggregate.DISTANCE:
                slot, new = self._slot(3, "position", kinds)
                if new:
                    self._step("keep", kinds, steps.POSITION, slot=slot)
                self._step("before", feature.at, steps.DISTANCE, slot=slot, column=column)
            case Aggregate.LATE:
                self._step("after", FOLDED, steps.LATE, column=column)
            case _:
                raise ValueError(f"{feature.name}: nothing computes a {feature.aggregate}")

    def _statistic(self, feature: Feature, weight: float) -> int:
        """Count, mean and variance of a value under one weight."""
        slot, new = self._slot(3, "statistic", feature.value, feature.kinds, feature.where, weight)
        if new:
            self._step(
                "keep", feature.kinds, steps.LEARN, feature.where, slot=slot, field=_field(feature), number=weight
            )
        return slot

    def _set(self, feature: Feature, column: int, window: int) -> None:
        if feature.value not in steps.HASHES:
            raise ValueError(f"{feature.name}: {feature.value!r} is no identity; these are: {', '.join(steps.HASHES)}")
        identity = steps.HASHES.index(feature.value)
        slot, new = self._slot(1 + 3 * SET_SIZE, "set", feature.value, feature.kinds, feature.where)
        if new:
            self._step("keep", feature.kinds, steps.MEMBER, feature.where, slot=slot, field=identity, size=SET_SIZE)
        if feature.aggregate is Aggregate.DISTINCT:
            self._step("after", FOLDED, steps.DISTINCT, slot=slot, size=SET_SIZE, window=window, column=column)
        elif feature.aggregate is Aggregate.AGE:
            self._step(
                "after",
                feature.kinds,
                steps.AGE,
                feature.where,
                slot=slot,
                field=identity,
                size=SET_SIZE,
                column=column,
            )
        else:
            self._step("after", FOLDED, steps.FURTHER, slot=slot, column=column)

    def _speed(self, feature: Feature, features: tuple[Feature, ...]) -> None:
        """Speed is made of the distance feature of the same position and the same entries."""
        same = (Aggregate.DISTANCE, feature.kinds, feature.at)
        distances = [other.name for other in features if (other.aggregate, other.kinds, other.at) == same]
        if not distances:
            raise ValueError(f"{feature.name}: needs a distance of the same kinds, known at the same entries")
        slot, _ = self._slot(3, "position", feature.kinds)
        other = self.column_of[distances[0]]
        self._step("before", feature.at, steps.SPEED, slot=slot, other=other, column=self.column_of[feature.name])

    def _ratio(self, feature: Feature) -> None:
        column, kinds = self.column_of[feature.name], feature.at or FOLDED
        if feature.over not in self.column_of:
            raise ValueError(f"{feature.name}: {feature.over!r} is no feature")
        other, scale = self.column_of[feature.over], feature.scale
        if feature.value in self.column_of:
            slot = self.column_of[feature.value]
            self._step("after", kinds, steps.RATIO, slot=slot, other=other, number=scale, column=column)
        else:
            field = _field(feature)
            self._step("after", kinds, steps.SHARE_OF_FIELD, field=field, other=other, number=scale, column=column)


def _check(feature: Feature) -> None:
    if feature.window is not None and feature.window not in WINDOWS:
        raise ValueError(f"{feature.name}: {feature.window!r} is no window; these are: {', '.join(WINDOWS)}")
    if feature.aggregate in (*TILED, Aggregate.DISTINCT, Aggregate.SAME, Aggregate.OVER_MIN) and feature.window is None:
        raise ValueError(f"{feature.name}: a {feature.aggregate} needs a window")
    if feature.aggregate is Aggregate.SUM and feature.value not in MONEY:
        _field(feature)
        raise ValueError(f"{feature.name}: only whole numbers add up in any order: {', '.join(MONEY)}")


def _measure(feature: Feature) -> tuple[object, ...]:
    return feature.aggregate, feature.kinds, feature.value, feature.where


def _sums_first(features: tuple[Feature, ...], window: str) -> list[Feature]:
    group = [feature for feature in features if feature.aggregate in TILED and feature.window == window]
    return sorted(group, key=lambda feature: feature.aggregate is Aggregate.MAX)


def _field(feature: Feature) -> int:
    name = "one" if feature.value is None else feature.value
    if name not in steps.FIELDS:
        raise ValueError(f"{feature.name}: {name!r} is no number of an entry; these are: {', '.join(steps.FIELDS)}")
    return steps.FIELDS.index(name)


def _by_kind(phase: list[tuple[tuple[Kind, ...], Array]]) -> tuple[Array, NDArray[np.int64]]:
    """The steps of each kind one after the other, and where those of each kind begin."""
    listed: list[Array] = []
    start = np.zeros(129, dtype=np.int64)
    for kind in range(128):
        listed += [step for kinds, step in phase if kind in kinds]
        start[kind + 1] = len(listed)
    return np.array(listed, dtype=STEP), start

"""docs/features.md, made from the table: `python -m riskwatch.features.docs [FILE]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from riskwatch.features import row, table
from riskwatch.features.feature import MEANING, Aggregate, Feature
from riskwatch.features.layout import compile_layout
from riskwatch.streams.entry import Kind

FAMILIES: dict[str, tuple[Feature, ...]] = {
    "Logins and sessions": table.LOGIN_FEATURES,
    "Devices and networks": table.DEVICE_FEATURES,
    "Purchases": table.PURCHASE_FEATURES,
    "Repayments": table.REPAYMENT_FEATURES,
    "Applications": table.APPLICATION_FEATURES,
    "Cases and contacts": table.CASE_FEATURES,
    "The customer as a whole": table.GENERAL_FEATURES,
}
GROUPS: dict[tuple[Kind, ...], str] = {
    table.ACTIVITY: "activity",
    table.PRESENCE: "activity, LoginFailed",
    table.EVERYTHING: "everything",
}
DEFAULT = Path("docs/features.md")
READING = """\
- Money is in minor units (cents, fen) of whatever currency the entry has; times are in the unit that the name says.
- **Unknown is NaN**, and a comparison with an unknown is false.
- A count, sum or share includes the entry at which it is read; a deviation, habit, recency or speed compares the entry
  with what was known before it.
- Windows are event time, in tiles: each reaches back at least its length and at most one tile more. Tiles start at
  whole multiples since 1970 UTC, so a longer window never sees less than a shorter one.
- A late entry counts in its own tile, and is read as of its own time, from the tiles that are still held. A window that
  has already passed its time does not count it, and is unknown at it; `late_events_count` says how often that was so.
- An event id that comes again among the customer's last {events}, or an upstream record that reaches the journal twice,
  counts once.
- *Activity* is what the customer does: {activity}.
  *Everything* is every upstream event.
- Absent numbers count nowhere. Numbers beyond ±2^40 count as ±2^40, and money is rounded to whole units: so sums of up
  to 8,192 of the largest are exact, in any order.
- Means and variances go entry by entry in journal order, in float64, from left to right:
  `d = x - mean; mean += w * d; variance = (1 - w) * (variance + w * d * d)`, with `w` the larger of the weight (0.1;
  0.5 for the short mean of a trend) and 1/n.
- A customer's state is {slots} numbers ({bytes:,} bytes in memory), mostly zeros; packed for the changelog and the
  store: about 100 bytes for a new customer, up to 2 kB for a busy one.
"""


def write_features() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    layout = compile_layout(table.FEATURES)
    yield "# Features"
    yield ""
    yield (
        f"The {len(table.FEATURES)} numbers about a customer that rules and models can read, at every entry of its"
        " journal. Generated from `riskwatch/features/table*.py` by `python -m riskwatch.features.docs`, not by hand."
    )
    yield ""
    yield from _reading(layout.n_slots)
    for family, features in FAMILIES.items():
        yield f"## {family}"
        yield ""
        yield "| feature | what it is | aggregate | of | known at |"
        yield "|---|---|---|---|---|"
        for feature in features:
            cells = f"`{feature.name}`", feature.description, feature.aggregate, _of(feature), _at(feature)
            yield f"| {' | '.join(cells)} |"
        yield ""
    yield "## Aggregates"
    yield ""
    yield "| aggregate | what it says |"
    yield "|---|---|"
    for aggregate, meaning in MEANING.items():
        yield f"| {aggregate} | {meaning} |"


def _reading(n_slots: int) -> Iterator[str]:
    yield "## How to read them"
    yield ""
    activity = ", ".join(_name(kind) for kind in table.ACTIVITY)
    yield READING.format(activity=activity, events=row.RECENT_EVENTS, slots=n_slots, bytes=n_slots * 8)
    yield "| window | tile | reaches back |"
    yield "|---|---|---|"
    for window, (tile, tiles) in row.WINDOWS.items():
        yield f"| {window} | {_span(tile)} | {_span(tile * tiles)} to {_span(tile * (tiles + 1))} |"
    yield ""


def _of(feature: Feature) -> str:
    if feature.aggregate is Aggregate.RATIO:
        factor = "" if feature.scale == 1 else f"{feature.scale:g} × "
        return f"{factor}`{feature.value}` / `{feature.over}`"
    parts = [GROUPS.get(feature.kinds) or ", ".join(_name(kind) for kind in feature.kinds)]
    if feature.value is not None:
        parts.insert(0, f"`{feature.value}` of")
    if feature.where is not None:
        parts.append(f"where {feature.where}")
    if feature.floor:
        parts.append(f"(deviation at least {feature.floor:g})")
    return " ".join(parts)


def _at(feature: Feature) -> str:
    if feature.at:
        return ", ".join(_name(kind) for kind in feature.at)
    bound = (
        Aggregate.AGE,
        Aggregate.CHANGE,
        Aggregate.DEVIATION,
        Aggregate.HOUR_HABIT,
        Aggregate.OVER_LAST,
        Aggregate.OVER_MIN,
        Aggregate.SAME,
    )
    if feature.aggregate in bound:
        return GROUPS.get(feature.kinds) or ", ".join(_name(kind) for kind in feature.kinds)
    return "every entry"


def _name(kind: Kind) -> str:
    return "".join(word.capitalize() for word in kind.name.split("_"))


def _span(ms: int) -> str:
    for length, name in ((row.DAY, "d"), (row.HOUR, "h"), (row.MINUTE, "min")):
        if ms % length == 0:
            return f"{ms // length} {name}"
    return f"{ms} ms"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT).write_text(write_features(), encoding="utf-8")

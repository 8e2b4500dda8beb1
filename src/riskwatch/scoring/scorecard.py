"""The points scorecard: an applicant's values to points, points to odds, odds to a probability of default.

Every characteristic gives the points of the one bin that its value falls in. The points add up, and `base_points`,
`base_odds` and `pdo` say what the sum means: at 600 points 50 good to 1 bad, and twice that with every 20 points more.
An unknown value has points of its own, since "no bureau file" is a fact about an applicant as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from math import exp2, fsum, inf, isfinite

from msgspec import Struct

Value = float | str | bool | None
"""What a characteristic reads. None and NaN: unknown."""

UNKNOWN = "unknown"
NO_BIN = "in no bin, counts as unknown"
"""Labels of a part whose value is unknown, or that no bin holds (a word not listed, a word where numbers are read)."""

MAX_POINTS = 1e6
"""Points lie within ±this. No scorecard needs more, and a sum of such points cannot overflow."""

MAX_ODDS = 2.0**52
"""Odds are cut to 1 / this … this: beyond, 1 / (1 + odds) would be 1 in a float, or would claim what nobody knows."""


class Bin(Struct, frozen=True, kw_only=True):
    """One range of numbers, `at_least <= x < below` (None: open), or a set of words. `label` is what an analyst reads.

    Booleans are the words "yes" and "no". Words are compared as they are, letter case included.
    """

    points: float
    label: str
    at_least: float | None = None
    below: float | None = None
    words: tuple[str, ...] = ()


class Characteristic(Struct, frozen=True, kw_only=True):
    """One line of a scorecard. `reads`: name of the value; `missing`: points where it is unknown or in no bin;
    `reason`: code of the adverse-action reason. `gaps`: numbers that no bin holds are meant to count as missing, such
    as a bureau's codes for "no score"; without it a gap is a fault.
    """

    name: str
    reads: str
    bins: tuple[Bin, ...]
    missing: float
    reason: str
    gaps: bool = False


class Scorecard(Struct, frozen=True, kw_only=True):
    """A table of characteristics. `base_points`: the sum of points at which good to bad is `base_odds`, not a number
    that is added to it; `pdo`: points that double the odds.
    """

    name: str
    base_points: float
    base_odds: float
    pdo: float
    characteristics: tuple[Characteristic, ...]


class Part(Struct, frozen=True, kw_only=True):
    """What one characteristic gave. `value`: as read, None where unknown; `label`: of its bin, `UNKNOWN` or `NO_BIN`;
    `lost`: points of the best bin (missing counts as a bin) less `points`, 0 or more.
    """

    characteristic: str
    reads: str
    value: Value
    label: str
    points: float
    lost: float
    reason: str


class Scored(Struct, frozen=True, kw_only=True):
    """A score. `points`: sum of the parts; `pd`: probability of default in (0, 1); `parts`: in the card's order."""

    points: float
    pd: float
    parts: tuple[Part, ...]


def score_with(card: Scorecard, values: Mapping[str, Value]) -> Scored:
    """The score of `values`, by name; a name that is not there is unknown, and names that the card does not read do
    not matter.

    Raises nothing, whatever the values, for a card without faults (`check_scorecard`). The sum is exactly rounded, so
    no order of characteristics or values changes its last bit.
    """
    parts = tuple(_part(each, values.get(each.reads)) for each in card.characteristics)
    points = fsum(part.points for part in parts)
    return Scored(points=points, pd=1.0 / (1.0 + odds_at(card, points)), parts=parts)


def points_with(card: Scorecard, values: Mapping[str, Value]) -> float:
    """The points of `score_with`, without what they are made of."""
    return fsum(_points(each, values.get(each.reads)) for each in card.characteristics)


def odds_at(card: Scorecard, points: float) -> float:
    """Good to bad at a sum of points: base_odds · 2 ** ((points - base_points) / pdo), cut to ±52 doublings of 1:1."""
    # Base odds lie within 2**±52, so ±200 doublings reach both cuts; a power of more would overflow.
    doublings = max(-200.0, min(200.0, (points - card.base_points) / card.pdo))
    return max(1.0 / MAX_ODDS, min(MAX_ODDS, card.base_odds * exp2(doublings)))


def most_lost(scored: Scored, most: int = 4) -> tuple[Part, ...]:
    """At most `most` parts that lost points, the one that lost most first, ties in the card's order.

    The official commentary on Regulation B holds that more than four reasons are not likely to help an applicant.
    Raises `ValueError` where `most` is below 0.
    """
    if most < 0:
        raise ValueError(f"most is {most}: it is a count of parts, 0 or more")
    lossy = [part for part in scored.parts if part.lost > 0]
    return tuple(sorted(lossy, key=lambda part: -part.lost)[:most])


def check_scorecard(card: Scorecard) -> list[str]:
    """Every fault of a card in words, with the way out; empty for a sound one."""
    return [
        *_card_faults(card),
        *(
            f"characteristic `{each.name}`: {fault}"
            for each in card.characteristics
            for fault in _characteristic_faults(each)
        ),
    ]


def _part(each: Characteristic, value: Value) -> Part:
    known = None if value is None or value != value else value
    found = None if known is None else _bin_of(each, known)
    points = each.missing if found is None else found.points
    best = max([each.missing, *(one.points for one in each.bins)])
    return Part(
        characteristic=each.name,
        reads=each.reads,
        value=known,
        label=found.label if found is not None else UNKNOWN if known is None else NO_BIN,
        points=points,
        # In decimal, as the card writes its points: 30.3 - 10.1 and 20.2 - 0 lose the same and keep their order.
        lost=float(Decimal(str(best)) - Decimal(str(points))),
        reason=each.reason,
    )


def _points(each: Characteristic, value: Value) -> float:
    found = None if value is None or value != value else _bin_of(each, value)
    return each.missing if found is None else found.points


def _bin_of(each: Characteristic, value: float | str | bool) -> Bin | None:
    word = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
    if isinstance(word, str):
        return next((one for one in each.bins if word in one.words), None)
    return next((one for one in each.bins if not one.words and _holds(one, word)), None)


def _holds(one: Bin, number: float) -> bool:
    return (one.at_least is None or one.at_least <= number) and (one.below is None or number < one.below)


def _card_faults(card: Scorecard) -> Iterator[str]:
    if not card.name.strip():
        yield "the scorecard has no name"
    if not abs(card.base_points) <= MAX_POINTS:
        yield f"base_points is {card.base_points}; {_POINTS}"
    if not 1 / MAX_ODDS <= card.base_odds <= MAX_ODDS:
        yield f"base_odds is {card.base_odds}; good to bad is above 0 and at most 2**52, such as 50 for 50:1"
    if not (isfinite(card.pdo) and card.pdo > 0):
        yield f"pdo is {card.pdo}; the points that double the odds are a number above 0, such as 20"
    if not card.characteristics:
        yield "the scorecard has no characteristics; without one every applicant gets the same points"
    for name in _repeated(each.name for each in card.characteristics):
        yield f"characteristic `{name}` is there more than once; give each its own name"


def _characteristic_faults(each: Characteristic) -> Iterator[str]:
    for field, text in (("name", each.name), ("reads", each.reads), ("reason", each.reason)):
        if not text.strip():
            yield f"`{field}` is empty"
    if not abs(each.missing) <= MAX_POINTS:
        yield f"`missing` is {each.missing}; {_POINTS}"
    if not each.bins:
        yield "it has no bins; every value would count as missing"
    for place, one in enumerate(each.bins, start=1):
        yield from (f"bin {place} `{one.label}`: {fault}" for fault in _bin_faults(one))
    for label in _repeated(one.label for one in each.bins if one.label.strip()):
        yield f"the label `{label}` is there more than once; an analyst could not tell the bins apart"
    for word in _repeated(word for one in each.bins for word in one.words):
        yield f'the word "{word}" is there more than once; only its first bin would ever count'
    ranges = [one for one in each.bins if not one.words]
    if ranges and len(ranges) < len(each.bins):
        yield f"bins of numbers ({_labels(ranges)}) stand beside bins of words; a value is read as one or the other"
    elif ranges and all(_bounded(one) for one in ranges):
        yield from _tiling_faults(ranges, each.gaps)


def _bin_faults(one: Bin) -> Iterator[str]:
    if not one.label.strip():
        yield "the label is empty"
    if not abs(one.points) <= MAX_POINTS:
        yield f"points is {one.points}; {_POINTS}"
    if any(not word.strip() for word in one.words):
        yield "a word is empty; leave it out, an unknown value counts as missing"
    if one.words and not (one.at_least is None and one.below is None):
        yield "it has words and bounds; a bin holds either words or a range of numbers"
    for field, bound in (("at_least", one.at_least), ("below", one.below)):
        if bound is not None and not isfinite(bound):
            yield f"`{field}` is {bound}; a bound is a finite number, leave it out where the range is open"
    if not one.words and one.at_least is not None and one.below is not None and one.at_least >= one.below:
        yield f"no number is at least {_shown(one.at_least)} and below {_shown(one.below)}"


def _bounded(one: Bin) -> bool:
    """Whether the bounds are sound in themselves, so that the bin can be laid beside others."""
    finite = all(bound is None or isfinite(bound) for bound in (one.at_least, one.below))
    return finite and (one.at_least is None or one.below is None or one.at_least < one.below)


def _tiling_faults(bins: Iterable[Bin], gaps: bool) -> Iterator[str]:
    """Overlaps, and gaps unless they are meant, from the lowest bin to the highest."""
    spans = [
        (-inf if one.at_least is None else one.at_least, inf if one.below is None else one.below, one) for one in bins
    ]
    way_out = "let bins meet and the outer ones be open, or set `gaps` where such values are meant to count as missing"
    reach, highest = -inf, ""
    for low, high, one in sorted(spans, key=lambda span: span[:2]):
        if low < reach:
            shared = _span(low, min(high, reach))
            yield f"bins `{highest}` and `{one.label}` both hold numbers {shared}; let one end where the other begins"
        elif low > reach and not gaps:
            yield f"no bin holds numbers {_span(reach, low)}; {way_out}"
        if high > reach:
            reach, highest = high, one.label
    if reach < inf and not gaps:
        yield f"no bin holds numbers {_span(reach, inf)}; {way_out}"


_POINTS = "points are numbers from -1000000 to 1000000"


def _span(low: float, high: float) -> str:
    if low == -inf:
        return "of any size" if high == inf else f"below {_shown(high)}"
    return f"from {_shown(low)} on" if high == inf else f"from {_shown(low)} to below {_shown(high)}"


def _shown(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else str(number)


def _labels(bins: Iterable[Bin]) -> str:
    return ", ".join(f"`{one.label}`" for one in bins)


def _repeated(names: Iterable[str]) -> list[str]:
    """Names that come more than once, each told once, in the order of their second coming."""
    seen: set[str] = set()
    again: dict[str, None] = {}
    for name in names:
        if name in seen:
            again[name] = None
        seen.add(name)
    return list(again)

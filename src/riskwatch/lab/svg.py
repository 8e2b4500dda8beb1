"""Plots as SVG files: heat map, curves, bars. One style, no dependency, readable by every browser and office
program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10

from msgspec import Struct

FONT = "font-family='Helvetica, Arial, sans-serif'"
INK, FAINT, GRID, PAPER = "#1f2933", "#5f6b7a", "#cbd2d9", "#ffffff"
COLOURS = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#525252")
"""Told apart by those who do not see red and green alike; repeated with dashes."""
DASHES = ("", "6 3", "2 3")
CHARACTER = 6.6
"""Mean width of a character of 12 px, a little too much rather than too little."""


class Curve(Struct, frozen=True):
    """A named curve: points in order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


class Bars(Struct, frozen=True):
    """A named row of bars: value → height; `limit`: a value after which a line is drawn."""

    name: str
    heights: dict[int, int]
    limit: int | None = None


class Square(Struct, frozen=True):
    """A cell of a heat map. `share`: 0 to 1, its colour; `lines`: what it says; `good`: coloured as good news."""

    share: float
    lines: tuple[str, ...]
    good: bool = False


def heat_map(
    title: str, rows: Sequence[str], columns: Sequence[str], squares: Sequence[Sequence[Square | None]], note: str
) -> str:
    """A matrix with a row for each name, top to bottom. None where there is nothing to show."""
    left, top, wide, high = 110, 92, 96, 58
    width = max(left + wide * len(columns) + 20, _width(title, 16) + 40, _width(note, 11) + 40)
    height = top + high * len(rows) + 40
    parts = [_text(20, 28, title, size=16, bold=True)]
    for place, name in enumerate(columns):
        parts.append(_text(left + wide * (place + 0.5), top - 12, name, anchor="middle"))
    for number, (name, row) in enumerate(zip(rows, squares, strict=True)):
        y = top + high * number
        parts.append(_text(left - 12, y + high / 2 + 4, name, anchor="end"))
        for place, square in enumerate(row):
            parts += _square(left + wide * place, y, wide, high, square)
    parts.append(_text(20, height - 14, note, size=11, colour=FAINT))
    return _svg(width, height, parts)


def curves(title: str, x_name: str, series: Sequence[Curve], note: str, *, percent: bool = True) -> str:
    """Curves over a common axis; y begins at 0. A curve of one point is a dot."""
    left, top, wide, high, legend = 70, 56, 520, 300, 190
    width = max(left + wide + legend, _width(title, 16) + 40, _width(note, 11) + 40)
    height = top + high + 84
    most_x = max((x for each in series for x, _ in each.points), default=0.0) or 1.0
    ticks = _ticks(max((y for each in series for _, y in each.points), default=0.0))
    most_y = ticks[-1]

    def at(x: float, y: float) -> tuple[float, float]:
        return left + wide * x / most_x, top + high * (1 - y / most_y)

    parts = [_text(20, 28, title, size=16, bold=True)]
    for tick in ticks:
        _, y = at(0, tick)
        parts += [
            _line(left, y, left + wide, y, GRID, 0.8),
            _text(left - 8, y + 4, _told(tick, percent), anchor="end"),
        ]
    for tick in _whole_ticks(most_x):
        x, _ = at(tick, 0)
        parts += [_line(x, top + high, x, top + high + 5), _text(x, top + high + 20, f"{tick:g}", anchor="middle")]
    parts += [_line(left, top, left, top + high), _line(left, top + high, left + wide, top + high)]
    parts.append(_text(left + wide / 2, top + high + 42, x_name, anchor="middle"))
    for number, each in enumerate(series):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
        points = [at(x, y) for x, y in each.points]
        parts.append(_polyline(points, colour, dash))
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2.5' fill='{colour}'/>" for x, y in points]
        y = top + 6 + 18 * number
        parts.append(_polyline([(left + wide + 14, y), (left + wide + 38, y)], colour, dash))
        parts.append(_text(left + wide + 44, y + 4, each.name, size=11))
    parts.append(_text(20, height - 14, note, size=11, colour=FAINT))
    return _svg(width, max(height, top + 6 + 18 * len(series) + 30), parts)


def bars(title: str, x_name: str, rows: Sequence[Bars], note: str) -> str:
    """One row of bars below the other, over a common axis of whole values; each row has its own height."""
    left, top, wide, high, gap = 70, 60, 520, 92, 46
    width = max(left + wide + 30, _width(title, 16) + 40, _width(note, 11) + 40)
    height = top + (high + gap) * len(rows) + 40
    last = max((max([*row.heights, row.limit or 0]) for row in rows), default=0) or 1
    slot = wide / (last + 1)
    parts = [_text(20, 28, title, size=16, bold=True)]
    for number, row in enumerate(rows):
        base = top + (high + gap) * number + high
        most = max(row.heights.values(), default=0) or 1
        parts.append(_text(left, base - high + 2, row.name, size=12, bold=True))
        parts.append(_line(left, base, left + wide, base))
        for value, count in sorted(row.heights.items()):
            tall = max(2.0, (high - 34) * count / most)
            x, over = left + slot * value, row.limit is not None and value > row.limit
            colour = COLOURS[1] if over else COLOURS[0]
            shape = f"x='{x + slot * 0.15:.1f}' y='{base - tall:.1f}' width='{slot * 0.7:.1f}' height='{tall:.1f}'"
            parts.append(f"<rect {shape} fill='{colour}'/>")
            parts.append(_text(x + slot / 2, base - tall - 4, f"{count:,}", size=10, anchor="middle"))
        for value in range(0, last + 1, max(1, ceil(last / 20))):
            parts.append(_text(left + slot * (value + 0.5), base + 14, str(value), size=10, anchor="middle"))
        if row.limit is not None:
            x = left + slot * (row.limit + 1)
            parts.append(_line(x, base - high + 12, x, base + 4, COLOURS[1], 1.5, "4 3"))
    parts.append(_text(left + wide / 2, height - 44, x_name, anchor="middle"))
    parts.append(_text(20, height - 14, note, size=11, colour=FAINT))
    return _svg(width, height, parts)


def _square(x: float, y: float, wide: float, high: float, square: Square | None) -> list[str]:
    if square is None:
        return [f"<rect x='{x:.1f}' y='{y:.1f}' width='{wide - 3}' height='{high - 3}' fill='#f2f4f7'/>"]
    share = min(1.0, max(0.0, square.share))
    dark = (0x1B, 0x7F, 0x5C) if square.good else (0xB0, 0x3A, 0x2E)
    shade = 0.08 + 0.92 * share**0.6
    mixed = "#" + "".join(f"{round(255 + (part - 255) * shade):02x}" for part in dark)
    ink = PAPER if shade > 0.6 else INK
    parts = [f"<rect x='{x:.1f}' y='{y:.1f}' width='{wide - 3}' height='{high - 3}' fill='{mixed}'/>"]
    first = y + (high - 3) / 2 + 4 - 7.5 * (len(square.lines) - 1)
    for number, line in enumerate(square.lines):
        size = 12 if number == 0 else 10
        parts.append(_text(x + wide / 2 - 1, first + 15 * number, line, size=size, colour=ink, anchor="middle"))
    return parts


def _ticks(most: float) -> list[float]:
    """About five even steps from 0 to at least `most`."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / 5
    scale = 10.0 ** floor(log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    return [step * number for number in range(ceil(most / step * 0.999) + 1)]


def _whole_ticks(most: float) -> Iterable[int]:
    return range(0, int(most) + 1, max(1, ceil(most / 12)))


def _told(value: float, percent: bool) -> str:
    return f"{value * 100:g} %" if percent else f"{value:g}"


def _width(text: str, size: int) -> float:
    return len(text) * CHARACTER * size / 12


def _text(
    x: float, y: float, text: str, *, size: int = 12, colour: str = INK, anchor: str = "start", bold: bool = False
) -> str:
    weight = " font-weight='bold'" if bold else ""
    place = f"x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'"
    return f"<text {place} font-size='{size}' fill='{colour}'{weight}>{escape(text)}</text>"


def _line(x: float, y: float, to_x: float, to_y: float, colour: str = INK, width: float = 1.0, dash: str = "") -> str:
    dashed = f" stroke-dasharray='{dash}'" if dash else ""
    ends = f"x1='{x:.1f}' y1='{y:.1f}' x2='{to_x:.1f}' y2='{to_y:.1f}'"
    return f"<line {ends} stroke='{colour}' stroke-width='{width}'{dashed}/>"


def _polyline(points: Sequence[tuple[float, float]], colour: str, dash: str) -> str:
    dashed = f" stroke-dasharray='{dash}'" if dash else ""
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f"<polyline points='{told}' fill='none' stroke='{colour}' stroke-width='2'{dashed}/>"


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f"width='{width:.0f}' height='{height:.0f}' viewBox='0 0 {width:.0f} {height:.0f}'"
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' {size} {FONT}>\n"
        f"<rect width='100%' height='100%' fill='{PAPER}'/>\n{body}\n</svg>\n"
    )

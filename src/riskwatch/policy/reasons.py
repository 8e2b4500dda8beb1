"""The text of a reason: a template with the entry's numbers filled in.

`{name}` and `{name:form}` only, with a name that a condition could use and a form of `FORMS`. Python's own format
machinery is not reached: there are no attributes, no indexing, no nested fields and no widths.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from string import Formatter

from msgspec import Struct

from riskwatch.policy.faults import Fault, did_you_mean
from riskwatch.policy.vocabulary import Column

MAX_REASON = 500

FORMS: Mapping[str, str] = {
    ".0f": "without decimals; `.1f` to `.4f` with 1 to 4, `,.0f` with thousands apart",
    ".0%": "a share in percent; `.1%` and `.2%` with decimals",
    "money": "minor units as an amount: 1234567 → 12,345.67",
    "duration": "seconds as a span: 5400 → 1 h 30 min",
}
_FORM = re.compile(r",?\.[0-4]f|\.[0-2]%|money|duration")

Value = float | str | None


class Piece(Struct, frozen=True):
    """Literal text, then a placeholder (or none at the end)."""

    literal: str
    name: str | None = None
    form: str = ""


Template = tuple[Piece, ...]


def read_template(text: str, columns: Mapping[str, Column]) -> Template | list[Fault]:
    """The template, or every fault in it."""
    if not text.strip():
        return [Fault(message="the reason is empty")]
    if len(text) > MAX_REASON:
        return [Fault(message=f"a reason has at most {MAX_REASON} characters, this one has {len(text)}")]
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        return [Fault(message=f"the reason does not read: {error}", text=text, suggestion="write {{ for a brace")]
    faults: list[Fault] = []
    pieces: list[Piece] = []
    for literal, name, form, conversion in parts:
        pieces.append(Piece(literal, name, form or ""))
        if name is None:
            continue
        shown = "{" + name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "") + "}"
        column = columns.get(name)
        if column is None:
            near = did_you_mean(name, columns)
            faults.append(Fault(message=f"unknown name `{name}`", text=shown, suggestion=near))
        elif conversion or (form and _FORM.fullmatch(form) is None):
            known = "forms are " + ", ".join(FORMS)
            faults.append(Fault(message="a placeholder cannot be formed so", text=shown, suggestion=known))
        elif form and column.type != "number":
            faults.append(Fault(message=f"`{name}` is not a number and takes no form", text=shown))
    return faults or tuple(pieces)


def fill(template: Template, values: Mapping[str, Value]) -> str:
    """The text with the values; an unknown one reads "unknown"."""
    said = []
    for piece in template:
        said.append(piece.literal)
        if piece.name is not None:
            said.append(_formed(values.get(piece.name), piece.form))
    return "".join(said)


def _formed(value: Value, form: str) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "unknown"
    if isinstance(value, str):
        return value
    if form == "money":
        return f"{value / 100:,.2f}"
    if form == "duration":
        return _span(value)
    if form:
        return format(value, form)
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.4g}"


def _span(seconds: float) -> str:
    size = abs(seconds)
    sign = "-" if seconds < 0 else ""
    for unit, length, smaller, short in (("d", 86_400, 3_600, "h"), ("h", 3_600, 60, "min"), ("min", 60, 1, "s")):
        if size >= length:
            rest = int(size % length // smaller)
            return f"{sign}{int(size // length)} {unit}" + (f" {rest} {short}" if rest else "")
    return f"{sign}{size:.0f} s"

"""A scorecard from the tables of a policy file, whatever family the file is of: every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from riskwatch.policy.faults import did_you_mean
from riskwatch.policy.tomlplaces import Path
from riskwatch.policy.tomltables import Tables
from riskwatch.scoring.scorecard import Bin, Characteristic, Scorecard, check_scorecard


class Readable(Struct, frozen=True):
    """What a characteristic may read. `words`: of an enumeration, `yes` and `no` of a flag; none of a number."""

    type: Literal["number", "words"]
    words: tuple[str, ...] = ()


YES_OR_NO = Readable("words", ("yes", "no"))
NUMBER = Readable("number")


class Vocabulary(Struct, frozen=True):
    """The inputs that a scorecard may read, by name; `listed_in`: the page that lists them."""

    inputs: Mapping[str, Readable]
    listed_in: str


class _Scale(Struct, frozen=True, kw_only=True):
    """The keys of a scorecard beside its characteristics."""

    base_points: float
    base_odds: float
    pdo: float


def read_scorecard(
    tables: Tables, path: Path, table: Mapping[str, Any], name: str, vocabulary: Vocabulary
) -> Scorecard | None:
    """The card of the table at `path`, with its characteristics below; None where something of it does not read."""
    own = dict(table)
    inner = own.pop("characteristics", {})
    scale = tables.record(path, own, _Scale)
    if not isinstance(inner, dict) or not inner:
        tables.fault(path, "there are no characteristics", f"add `[{'.'.join(path)}.characteristics.<name>]`")
        return None
    characteristics = [
        each
        for label, said in inner.items()
        if (each := _characteristic(tables, (*path, "characteristics", label), label, said, vocabulary)) is not None
    ]
    if scale is None or len(characteristics) < len(inner):
        return None
    card = Scorecard(
        name=name,
        base_points=scale.base_points,
        base_odds=scale.base_odds,
        pdo=scale.pdo,
        characteristics=tuple(characteristics),
    )
    for fault in check_scorecard(card):
        concerned = next((label for label in inner if fault.startswith(f"characteristic `{label}`")), None)
        tables.told(path if concerned is None else (*path, "characteristics", concerned), [fault])
    return card


def wrong_kind(each: Characteristic, readable: Readable | None) -> tuple[str, str] | None:
    """What is wrong with bins of the other kind than the input is, and what would do: they would count every value as
    unknown."""
    if readable is None or not each.bins:
        return None
    words = any(one.words for one in each.bins)
    if readable.type == "number" and words:
        return f"`{each.reads}` is a number, and bins have words", "write `at_least` and `below`"
    if readable.type != "number" and not words:
        return f"`{each.reads}` has words, and bins have none", 'write `words = ["…"]`'
    return None


def _characteristic(
    tables: Tables, path: Path, name: str, table: Any, vocabulary: Vocabulary
) -> Characteristic | None:  # fmt: skip
    if not isinstance(table, dict):
        tables.fault(path, f"`{name}` is a table")
        return None
    own = dict(table)
    given = own.pop("bins", [])
    bins = [
        each
        for number, each_bin in enumerate(given if isinstance(given, list) else [], 1)
        if (each := tables.record(path, each_bin, Bin, what=f"bin {number}")) is not None
    ]
    made = tables.record(path, {**own, "name": name, "bins": bins}, Characteristic)
    if made is None:
        return None
    readable = vocabulary.inputs.get(made.reads)
    if readable is None:
        near = did_you_mean(made.reads, vocabulary.inputs) or f"{vocabulary.listed_in} lists the inputs"
        tables.fault((*path, "reads"), f"there is no input `{made.reads}` to be scored", near)
    elif readable.type != "number":
        for word in (word for each in made.bins for word in each.words if word not in readable.words):
            near = did_you_mean(word, readable.words) or f"one of {', '.join(readable.words)}"
            tables.fault((*path, "bins"), f'`{made.reads}` is never "{word}"', near)
    return made

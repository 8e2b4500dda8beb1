"""Conditions of a lending policy: the same language as everywhere, over inputs with dotted names.

Authors write `declared.age_years >= 22 and bureau.score < 550` and read dots in every fault. The language itself has no
dots, so that a name is turned into an identifier before it is read and back again in what is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from riskwatch.policy.expression import check_condition
from riskwatch.policy.faults import Fault
from riskwatch.policy.lendingvocabulary import APPLICATION, REGION, Facts, Inputs, identifier
from riskwatch.policy.lexis import MAX_LENGTH, Refused, read_source
from riskwatch.policy.rowwise import Evaluation, Row, compile_row
from riskwatch.policy.tree import settle
from riskwatch.policy.vocabulary import Column
from riskwatch.scoring.scorecard import Value

_PIECE = re.compile(
    r"""(?P<other>"[^"\n]*"|'[^'\n]*'|\#[^\n]*)"""
    r"""|(?<![\w.])(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)""",
    re.ASCII,
)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAN = float("nan")


class LendingCondition(Struct, frozen=True, kw_only=True):
    """A condition ready to judge. `names`: the inputs that it reads, dotted, in written order; `dotted`: names by
    identifier."""

    names: tuple[str, ...]
    dotted: Mapping[str, str]
    columns: Mapping[str, Column]
    holds: Evaluation
    fails: Evaluation

    def judge(self, facts: Facts) -> bool | None:
        """Definitely true, definitely false, or None: unknown (Kleene's logic)."""
        row = _FactsRow(facts, self.columns, self.dotted)
        if self.holds(row):
            return True
        return False if self.fails(row) else None

    def values(self, facts: Facts) -> dict[str, Value]:
        """What the condition reads, None where unknown."""
        return {name: facts.get(name) for name in self.names}


def check_lending_condition(
    text: str, regions: Sequence[str] = (), inputs: Inputs = APPLICATION
) -> LendingCondition | list[Fault]:
    """The condition, or every fault in it, `Fault.line` counting from 1 within `text`. `regions`: the policy's words
    for `declared.region`; `inputs`: those that it may name."""
    return _checked(text, tuple(regions), inputs)


def canonical(text: str) -> str:
    """The text without comments and layout, for a version; as it is where it does not read."""
    try:
        return " ".join(read_source(text).code.split())
    except Refused:
        return text


@lru_cache(maxsize=64)
def _columns(regions: tuple[str, ...], inputs: Inputs) -> dict[str, Column]:
    return inputs.columns_of(regions)


@lru_cache(maxsize=4_096)
def _checked(text: str, regions: tuple[str, ...], inputs: Inputs) -> LendingCondition | list[Fault]:
    columns, dotted = _columns(regions, inputs), inputs.dotted
    back = dict(dotted)
    undotted: list[Fault] = []

    def translated(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0]
        if "." in name:
            back[identifier(name)] = name
            return identifier(name)
        if name in dotted:
            line = text.count("\n", 0, match.start()) + 1
            undotted.append(
                Fault(message="names are written with dots", line=line, text=name, suggestion=f"write `{dotted[name]}`")
            )
        return name

    code = _PIECE.sub(translated, text) if len(text) <= MAX_LENGTH else text
    if len(text) <= MAX_LENGTH < len(code):
        return [Fault(message=f"a condition has at most {MAX_LENGTH} characters, a dot counting twice", line=1)]
    if undotted:
        return undotted
    condition = check_condition(code, columns)
    if isinstance(condition, list):
        return [_dotted(fault, back, regions, inputs) for fault in condition]
    return LendingCondition(
        names=tuple(back[name] for name in condition.names),
        dotted=dotted,
        columns=columns,
        holds=compile_row(condition.tree, {}),
        fails=compile_row(settle(condition.tree, False), {}),
    )


def _dotted(fault: Fault, back: Mapping[str, str], regions: tuple[str, ...], inputs: Inputs) -> Fault:
    def restored(said: str | None) -> str | None:
        return None if said is None else _WORD.sub(lambda match: back.get(match[0], match[0]), said)

    message, text, suggestion = restored(fault.message) or "", restored(fault.text), restored(fault.suggestion)
    if message == f"unknown name `{text}`" and text is not None:
        known = inputs.of.get(text)
        if known is not None:
            message, suggestion = f"`{text}` is text and stands in no condition", None
        else:
            same = [name for name in inputs.of if name.partition(".")[2] == text.rpartition(".")[2]]
            suggestion = f"did you mean {' or '.join(f'`{name}`' for name in same)}?" if same else suggestion
    elif message.startswith(f"`{REGION}` is never"):
        suggestion = f"declare it in `[regions]`; declared are {', '.join(regions) or 'none'}"
    return replace(fault, message=message, text=text, suggestion=suggestion)


class _FactsRow(Row):
    """One applicant's facts, as `compile_row` reads an entry: NaN, code 0 and None are unknown."""

    __slots__ = ("columns", "dotted", "facts")

    def __init__(
        self, facts: Facts, columns: Mapping[str, Column], dotted: Mapping[str, str]
    ) -> None:  # no entry, no features
        self.facts = facts
        self.columns = columns
        self.dotted = dotted

    def field(self, name: str) -> float | bool | int | None:
        value = self.facts.get(self.dotted[name])
        column = self.columns[name]
        if column.codes is not None:
            return column.codes.get(value, 0) if isinstance(value, str) else 0
        if column.type == "flag":
            return value if isinstance(value, bool) else None  # neither `is True` nor `is False`
        return value if isinstance(value, float) else _NAN

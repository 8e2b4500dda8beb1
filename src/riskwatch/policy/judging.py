"""Judging: every rule of a policy over the entries of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from riskwatch.policy.columns import FIELD_OF, KIND_NAMES, KINDS
from riskwatch.policy.columnwise import Columns
from riskwatch.policy.columnwise import Evaluation as ColumnsEvaluation
from riskwatch.policy.policyfile import Policy, Rule
from riskwatch.policy.reasons import Template, Value
from riskwatch.policy.rowwise import Evaluation as RowEvaluation
from riskwatch.policy.rowwise import Row

Array = npt.NDArray[Any]
Planted = Callable[[Array, Array], Any]

FEW_ROWS = 8
"""Up to so many entries of a group are judged one by one: below this, plain Python beats numpy's cost of a call."""


class Failure(Struct, frozen=True, kw_only=True):
    """A rule that could not be judged at one entry. Its other entries, and all other rules, were judged."""

    rule: str
    row: int
    error: str


class Judgement(Struct, frozen=True, kw_only=True):
    """`firings`: (index of the rule, ascending rows at which it fired), in rule order, only of rules that fired."""

    firings: list[tuple[int, Array]]
    failures: list[Failure]


class CompiledRule(Struct, frozen=True, kw_only=True):
    """A rule ready to judge. `names`: what its condition, its reason and its measure name, in written order;
    `measure`: the number whose rise worsens its episodes."""

    rule: Rule
    names: tuple[str, ...]
    template: Template
    columnwise: ColumnsEvaluation
    rowwise: RowEvaluation
    measure: RowEvaluation | None = None
    planted: Planted | None = None


class _Group(Struct, frozen=True):
    """Rules judged at the same kinds."""

    kinds: tuple[int, ...]
    rules: tuple[int, ...]


class RuleSet:
    """The rules of one policy version over one feature table. Immutable; `judge` keeps nothing between calls."""

    def __init__(
        self, policy: Policy, rules: Sequence[CompiledRule], feature_columns: Mapping[str, int], slots: int
    ) -> None:
        self.policy = policy
        self.name = policy.name
        self.version = policy.version
        self.rules = tuple(rules)
        self.feature_columns = feature_columns
        self.cooldowns = {own.rule.cooldown_key: own.rule.cooldown_ms for own in self.rules}
        self.gaps = {own.rule.cooldown_key: own.rule.episode.gap_ms for own in self.rules if own.rule.episode}
        self._slots = slots
        kinds = [tuple(sorted(int(KINDS[name]) for name in rule.rule.on)) for rule in self.rules]
        self._groups = tuple(
            _Group(group, tuple(index for index, own in enumerate(kinds) if own == group))
            for group in dict.fromkeys(kinds)
        )
        self._by_kind = {kind: tuple(i for i, own in enumerate(kinds) if kind in own) for kind in KIND_NAMES}

    def judge(self, entries: Array, features: Array, extra: Mapping[str, Array] | None = None) -> Judgement:
        """Judges every rule at every entry of its kinds.

        `entries`: ENTRY[n]; `features`: float64[n, F] in the order of the feature names compiled with, NaN = unknown;
        `extra`: columns float64[n] that fill fields of the same name (`score`). Raises nothing: see
        `Judgement.failures`.
        """
        more = {} if extra is None else extra
        fired: dict[int, list[int] | Array] = {}
        failures: list[Failure] = []
        kinds = entries["kind"]
        with np.errstate(all="ignore"):
            if len(entries) <= FEW_ROWS:
                for place, kind in enumerate(kinds.tolist()):
                    self._judge_row(self._by_kind.get(kind, ()), entries, features, more, place, fired, failures)
            else:
                kinds = np.ascontiguousarray(kinds)
                present = {kind: kinds == kind for kind in self._by_kind if kind in kinds.tobytes()}
                fields = dict(more)
                for group in self._groups:
                    masks = [present[kind] for kind in group.kinds if kind in present]
                    if not masks:
                        continue
                    rows = reduce(np.logical_or, masks).nonzero()[0]
                    if len(rows) <= FEW_ROWS:
                        for place in rows.tolist():
                            self._judge_row(group.rules, entries, features, more, place, fired, failures)
                    else:
                        some = None if len(rows) == len(entries) else rows
                        columns = Columns(entries, features, fields, some, self._slots)
                        self._judge_columns(group.rules, columns, more, rows, fired, failures)
        failures.sort(key=lambda failure: failure.row)
        firings = [(index, np.asarray(fired[index], dtype=np.intp)) for index in sorted(fired)]
        return Judgement(firings=firings, failures=failures)

    def _judge_columns(
        self,
        rules: tuple[int, ...],
        columns: Columns,
        extra: Mapping[str, Array],
        rows: Array,
        fired: dict[int, list[int] | Array],
        failures: list[Failure],
    ) -> None:
        entries, features = columns.entries, columns.features
        for index in rules:
            compiled = self.rules[index]
            try:
                if compiled.planted is None:
                    mask = compiled.columnwise(columns)
                else:
                    mask = np.asarray(compiled.planted(entries[rows], features[rows]), dtype=np.bool_)
                hits = mask.nonzero()[0]
                if len(hits):
                    fired[index] = rows[hits]
            except Exception:  # one rule never takes the batch with it: it is judged again, entry by entry
                for row in rows.tolist():
                    self._judge_row((index,), entries, features, extra, row, fired, failures)

    def _judge_row(
        self,
        rules: tuple[int, ...],
        entries: Array,
        features: Array,
        extra: Mapping[str, Array],
        place: int,
        fired: dict[int, list[int] | Array],
        failures: list[Failure],
    ) -> None:
        row = Row(entries, features, extra, place)
        for index in rules:
            compiled = self.rules[index]
            try:
                if compiled.planted is None:
                    hit = compiled.rowwise(row)
                else:
                    one = slice(place, place + 1)
                    hit = bool(np.asarray(compiled.planted(entries[one], features[one]))[0])
            except Exception as error:  # as above; the entry is named, the others decide
                failures.append(Failure(rule=compiled.rule.name, row=place, error=_said(error)))
                continue
            if hit:
                fired.setdefault(index, []).append(place)  # type: ignore[union-attr]  # lists come from rows only

    def values(
        self, index: int, entries: Array, features: Array, row: int, extra: Mapping[str, Array] | None = None
    ) -> dict[str, Value]:
        """What the rule's condition and reason name, with the values of one entry: number, word, yes or no; None =
        unknown.
        """
        one = Row(entries, features, {} if extra is None else extra, row)
        return {name: self._value(one, name) for name in self.rules[index].names}

    def measure(
        self, index: int, entries: Array, features: Array, row: int, extra: Mapping[str, Array] | None = None
    ) -> float:
        """The number whose rise worsens the rule's episodes, at one entry; NaN where it is unknown or there is none."""
        measure = self.rules[index].measure
        if measure is None:
            return float("nan")
        return float(measure(Row(entries, features, {} if extra is None else extra, row)))

    def _value(self, row: Row, name: str) -> Value:
        column = self.feature_columns.get(name)
        if column is not None:
            number = row.features[column]
            return None if number != number else number
        field, value = FIELD_OF[name], row.field(name)
        if field.type == "flag":
            return "yes" if value else "no"
        if field.type == "enumeration":
            return next((word for word, code in (field.codes or {}).items() if code == value), None)
        return None if value != value else float(value)

    def with_condition(self, rule_name: str, condition: Planted) -> RuleSet:
        """A copy in which one rule asks `condition(entries[k], features[k, F]) -> bool[k]` instead. For tests of
        isolation.
        """
        names = [compiled.rule.name for compiled in self.rules]
        rules = list(self.rules)
        place = names.index(rule_name)
        rules[place] = replace(rules[place], planted=condition)
        return RuleSet(self.policy, rules, self.feature_columns, self._slots)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]

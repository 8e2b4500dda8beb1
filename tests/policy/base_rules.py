"""What one entry of the base policy's tests is made of.

One row a case: the rule, the entry, what is known there, then near misses, each of which changes just what it names.
A name is a feature, a number of the entry, a flag or a word of an enumeration; everything else is unknown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from riskwatch.features.watch import WATCHED
from riskwatch.policy.columns import FIELD_OF, KINDS, LINK_COLUMNS, MERCHANT_COLUMNS
from riskwatch.policy.rules import base_policy, compile_rules, standard_features
from riskwatch.streams.entry import ENTRY, Flag

NAMES = standard_features()
RULES = compile_rules(base_policy(), NAMES)
NAN = float("nan")
HOUR, DAY = 3_600.0, 86_400.0
EXTRA = (
    "score",
    "arrears_score",
    *(name for name, _, _ in WATCHED),
    *LINK_COLUMNS,
    *MERCHANT_COLUMNS,
    "score_change_90d",
)
"""Columns that the fold fills."""
Known = dict[str, Any]


class Case(NamedTuple):
    rule: str
    kind: str
    known: Known
    near_misses: list[Known]


def fired(kind: str, known: Known) -> set[str]:
    """Names of the rules that fire at one entry of which just this is known."""
    entries = np.zeros(1, dtype=ENTRY)
    features = np.full((1, len(NAMES)), np.nan)
    for number in ("amount", "due_amount", "income", "days_late", "paid_share", "session_seconds", "paste_share"):
        entries[number] = np.nan
    entries["kind"] = KINDS[kind]
    entries["local_hour"] = 12
    extra = {name: np.full(1, np.nan) for name in EXTRA}
    for name, value in known.items():
        codes = FIELD_OF[name].codes if name in FIELD_OF else None
        if name in NAMES:
            features[0, NAMES.index(name)] = value
        elif name in EXTRA:
            extra[name][0] = value
        elif name == "link_kind":
            entries["outcome"] = FIELD_OF[name].codes[value]  # type: ignore[index]
        elif codes is not None:
            entries[name] = codes[value]
        elif FIELD_OF[name].type == "flag":
            entries["flags"] |= np.uint32(Flag[name.upper()] if value else 0)
        else:
            entries[name] = value
    judgement = RULES.judge(entries, features, extra)
    assert judgement.failures == []
    return {RULES.rules[index].rule.name for index, _ in judgement.firings}

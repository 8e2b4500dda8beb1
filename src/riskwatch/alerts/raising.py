"""From firings to alerts: cooldown, identity, reasons.

A rule that raised about a customer stays silent about that customer for its cooldown, in event time, earlier or
later. The memory is a mapping of the customer's own state (rule name → event time of its last alert, in ms), so it
survives restarts and moves with the customer. A shadow rule remembers under another name: it can never keep a live
rule silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

import numpy.typing as npt
from msgspec import Struct

from riskwatch.policy.columns import KIND_NAMES
from riskwatch.policy.judging import Judgement, RuleSet
from riskwatch.policy.policyfile import Rule
from riskwatch.policy.reasons import Value, fill
from riskwatch.streams.outputs import Alert, Cause, Reason, alert_identity

Cooldowns = MutableMapping[str, int]
_Item = TypeVar("_Item")

NO_SUBJECTS: Mapping[int, str] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Raised(Struct, frozen=True, kw_only=True):
    """`alerts` in the order of entries, then of rules; `rows`: the entry of each. `suppressed`: firings within a
    cooldown.

    `by_rule`: suppressed firings by rule name. The cooldowns of the customers of `rows` have changed.
    """

    alerts: list[Alert]
    rows: list[int]
    suppressed: int
    by_rule: dict[str, int]


def raise_alerts(
    rules: RuleSet,
    judgement: Judgement,
    entries: npt.NDArray[Any],
    features: npt.NDArray[Any],
    *,
    keys: Sequence[bytes],
    offsets: Sequence[int] | npt.NDArray[Any],
    partition: int,
    cooldowns: Sequence[Cooldowns] | Callable[[int], Cooldowns],
    event_ids: Sequence[str] | Callable[[int], str],
    detected_at: datetime,
    policy_version: str | None = None,
    extra: Mapping[str, npt.NDArray[Any]] | None = None,
    subjects: Mapping[int, str] = NO_SUBJECTS,
) -> Raised:
    """Raises what fired and is not within its cooldown; live and shadow alike (see `Alert.shadow`).

    `keys` (customer key), `offsets` (journal), `cooldowns` (of the entry's customer, changed in place) and
    `event_ids` (the publisher's, empty for derived entries) are by row; the last two are asked only for rows that
    need them. `extra` as given to `RuleSet.judge`. `subjects`: what an alert is about, by row, where that is not the
    customer. The same firings over the same cooldowns give the same alerts,
    `detected_at` apart.
    """
    fired = sorted((row, index) for index, rows in judgement.firings for row in rows.tolist())
    alerts: list[Alert] = []
    raised_rows: list[int] = []
    by_rule: dict[str, int] = {}
    for row, index in fired:
        rule = rules.rules[index].rule
        at = int(entries["occurred_at"][row])
        if rule.cooldown_ms > 0 and not _claim(rules, rule, _at(cooldowns, row), at):
            by_rule[rule.name] = by_rule.get(rule.name, 0) + 1
            continue
        values = rules.values(index, entries, features, row, extra)
        tenant, _, customer = keys[row].decode().partition("/")
        kind = int(entries["kind"][row])
        alerts.append(
            Alert(
                alert_id=alert_identity(rule.name, keys[row], int(entries["event"][row])),
                tenant=tenant,
                customer_id=customer,
                rule=rule.name,
                kind=rule.output,
                severity=rule.severity,
                subject=subjects.get(row, customer),
                reasons=[Reason(code=rule.name, text=fill(rules.rules[index].template, values), values=values)],
                features=_features(rules, values),
                cause=Cause(
                    partition=partition,
                    offset=int(offsets[row]),
                    event_id=_at(event_ids, row),
                    event_type=KIND_NAMES[kind],
                ),
                policy=rules.name,
                policy_version=rules.version if policy_version is None else policy_version,
                occurred_at=_EPOCH + timedelta(milliseconds=at),
                detected_at=detected_at,
                shadow=rule.shadow,
            )
        )
        raised_rows.append(row)
    return Raised(alerts=alerts, rows=raised_rows, suppressed=sum(by_rule.values()), by_rule=by_rule)


def _claim(rules: RuleSet, rule: Rule, cooldowns: Cooldowns, at: int) -> bool:
    """Whether the rule may raise at `at` (ms); if so it is remembered, and what is over or unknown is forgotten."""
    key = rule.cooldown_key
    last = cooldowns.get(key)
    if last is not None and abs(at - last) < rule.cooldown_ms:
        return False
    lengths = rules.cooldowns
    for other, when in list(cooldowns.items()):  # so a customer remembers at most one instant a rule
        if at - when >= lengths.get(other, 0):
            del cooldowns[other]
    cooldowns[key] = at
    return True


def _features(rules: RuleSet, values: dict[str, Value]) -> dict[str, float | None]:
    return {
        name: value
        for name, value in values.items()
        if name in rules.feature_columns and (value is None or isinstance(value, float))
    }


def _at(given: Sequence[_Item] | Callable[[int], _Item], row: int) -> _Item:
    return given(row) if callable(given) else given[row]

"""From firings to alerts: cooldown or episode, identity, reasons; and the warnings that a fact withdraws.

A rule that raised about a customer stays silent about that customer for its cooldown, in event time, earlier or
later; a rule with episodes raises once for an episode and each time that it gets worse. The memory is the customer's
own account (`cooldowns`: rule key → event time of its last alert, in ms; `episodes`; `warnings`), so it survives
restarts and moves with the customer. A shadow rule remembers under another name: it can never keep a live rule silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy.typing as npt
from msgspec import Struct, structs

from riskwatch.alerts.episodes import Step, enter
from riskwatch.alerts.withdrawing import Undoing, identity_of, remember, undo, undoable
from riskwatch.features.account import Account
from riskwatch.policy.columns import KIND_NAMES
from riskwatch.policy.judging import Judgement, RuleSet
from riskwatch.policy.policyfile import Rule
from riskwatch.policy.reasons import Value, fill
from riskwatch.streams.outputs import Alert, Cause, Reason, alert_identity

Cooldowns = MutableMapping[str, int]

NO_SUBJECTS: Mapping[int, str] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONCE = Step("", 0, 0)


class Told(NamedTuple):
    """What an entry's header does not hold. `event_id`: the publisher's, empty for derived entries; `loan_id`: of the
    loan that it is about, empty for none; `payment`: hash of the payment that it is, 0 for none."""

    event_id: str
    loan_id: str = ""
    payment: int = 0


class Raised(Struct, frozen=True, kw_only=True):
    """`alerts` in the order of entries, then of rules; `rows`: the entry of each. `published`: the same, and among them
    the alerts that are withdrawn, in order; `places`: the entry of each of these. `suppressed`: firings within a
    cooldown, or of an episode that got no worse; `by_rule`: the same by rule name. The accounts of the customers of
    `rows` have changed.
    """

    alerts: list[Alert]
    rows: list[int]
    published: list[Alert]
    suppressed: int
    by_rule: dict[str, int]
    places: list[int] = []


def raise_alerts(
    rules: RuleSet,
    judgement: Judgement,
    entries: npt.NDArray[Any],
    features: npt.NDArray[Any],
    *,
    keys: Sequence[bytes],
    offsets: Sequence[int] | npt.NDArray[Any],
    partition: int,
    accounts: Callable[[int], Account],
    told: Callable[[int], Told],
    detected_at: datetime,
    policy_version: str | None = None,
    extra: Mapping[str, npt.NDArray[Any]] | None = None,
    subjects: Mapping[int, str] = NO_SUBJECTS,
    undoings: Sequence[tuple[int, Undoing]] = (),
) -> Raised:
    """Raises what fired, live and shadow alike (see `Alert.shadow`), and withdraws what was undone.

    `keys` (customer key), `offsets` (journal), `accounts` (of the entry's customer, changed in place) and `told` are by
    row; the last two are asked only for rows that need them. `extra` as given to `RuleSet.judge`. `subjects`: what an
    alert is about, by row, where that is neither the customer nor a loan. `undoings`: by row, ascending; what an entry
    undoes is withdrawn before the entry raises. The same firings over the same accounts give the same alerts,
    `detected_at` apart.
    """
    fired: list[tuple[int, int, Undoing | None]] = [(row, -1, undoing) for row, undoing in undoings]
    fired += [(row, index, None) for index, rows in judgement.firings for row in rows.tolist()]
    fired.sort(key=lambda each: each[:2])
    alerts: list[Alert] = []
    published: list[Alert] = []
    places: list[int] = []
    raised_rows: list[int] = []
    by_rule: dict[str, int] = {}
    for row, index, undoing in fired:
        if undoing is not None:
            published += undo(accounts(row), undoing, keys[row], detected_at)
            places += [row] * (len(published) - len(places))
            continue
        rule = rules.rules[index].rule
        entry = entries[row]
        at, event, subject = int(entry["occurred_at"]), int(entry["event"]), int(entry["subject"])
        step: Step | None = _ONCE
        if rule.episode is not None:
            value = rules.measure(index, entries, features, row, extra)
            step = enter(
                accounts(row).episodes, rule, rule.episode, rules.gaps, customer=keys[row], subject=subject,
                event=event, at=at, value=value,
            )  # fmt: skip
        elif rule.cooldown_ms > 0 and not _claim(rules, rule, accounts(row).cooldowns, at):
            step = None
        if step is None:
            by_rule[rule.name] = by_rule.get(rule.name, 0) + 1
            continue
        said = told(row)
        cause = Cause(
            partition=partition,
            offset=int(offsets[row]),
            event_id=said.event_id,
            event_type=KIND_NAMES[int(entry["kind"])],
        )
        values = rules.values(index, entries, features, row, extra)
        about = subjects.get(row) or (said.loan_id if rule.episode is not None and rule.episode.of == "loan" else "")
        alert = _alert(
            rules, index, step, cause, about, said.loan_id, keys[row], event, at, values, detected_at, policy_version
        )
        if undoable(int(entry["kind"]), alert):
            account = accounts(row)
            if account.withdrawn:
                identity = identity_of(account, rule.name, keys[row], event)
                alert = structs.replace(alert, alert_id=identity)
            remember(account, rule.cooldown_key, alert, event=event, payment=said.payment, subject=subject)
        alerts.append(alert)
        published.append(alert)
        places.append(row)
        raised_rows.append(row)
    return Raised(
        alerts=alerts, rows=raised_rows, published=published, places=places, suppressed=sum(by_rule.values()),
        by_rule=by_rule,
    )  # fmt: skip


def _alert(
    rules: RuleSet, index: int, step: Step, cause: Cause, about: str, loan_id: str, key: bytes, event: int, at: int,
    values: dict[str, Value], detected_at: datetime, policy_version: str | None,
) -> Alert:  # fmt: skip
    rule = rules.rules[index].rule
    tenant, _, customer = key.decode().partition("/")
    episode = rule.episode
    return Alert(
        alert_id=alert_identity(rule.name, key, event),
        tenant=tenant,
        customer_id=customer,
        rule=rule.name,
        kind=rule.output,
        severity=rule.severity if episode is None else episode.severity(step.level, rule.severity),
        subject=about or customer,
        reasons=[Reason(code=rule.name, text=fill(rules.rules[index].template, values), values=values)],
        features=_features(rules, values),
        cause=cause,
        policy=rules.name,
        policy_version=rules.version if policy_version is None else policy_version,
        occurred_at=_EPOCH + timedelta(milliseconds=at),
        detected_at=detected_at,
        shadow=rule.shadow,
        episode=step.episode,
        boost=step.boost,
        loan_id=loan_id or None,
    )


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

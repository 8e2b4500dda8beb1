"""From firings to alerts: identity, order, reasons, cooldown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.alerts.raising import Raised, Told, raise_alerts
from riskwatch.features.account import Account
from riskwatch.policy.rules import RuleSet, compile_rules, parse_policy
from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.outputs import Alert, alert_identity, decode_alert, encode_output

FEATURES = ["x", "y"]
HOUR = 3_600_000
START = 1_790_000_000_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def rule(name: str, when: str = "x > 1", cooldown: str = "1h", shadow: str = "false") -> str:
    return (
        f'[rules.{name}]\ndescription = "d"\non = ["LoginFailed", "InstalmentOverdue"]\nwhen = "{when}"\n'
        f'severity = "high"\noutput = "fraud"\nreason = "x is {{x:.1f}} by {{channel}}"\ncooldown = "{cooldown}"\n'
        f"shadow = {shadow}\n"
    )


def rule_set(*rules: str) -> RuleSet:
    return compile_rules(parse_policy('name = "test"\n' + "".join(rules), "test", FEATURES), FEATURES)


def entries_at(*times: int, kind: Kind = Kind.LOGIN_FAILED) -> Any:
    entries = np.zeros(len(times), dtype=ENTRY)
    entries["kind"], entries["occurred_at"] = kind, times
    entries["event"] = np.arange(len(times), dtype=np.uint64) + np.uint64(2**63 + 7)
    return entries


def raised(rules: RuleSet, entries: Any, memory: dict[str, int] | list[dict[str, int]], **more: Any) -> Raised:
    """Every entry is the same customer's where one memory is given, else each has its own."""
    n = len(entries)
    features = more.pop("features", np.column_stack([np.full(n, 2.5), np.full(n, np.nan)]))
    given = {
        "keys": [b"bank/c-1"] * n,
        "offsets": list(range(100, 100 + n)),
        "partition": 3,
        "accounts": lambda row: Account(cooldowns=memory if isinstance(memory, dict) else memory[row]),
        "told": lambda row: Told(f"event-{row}"),
        "detected_at": NOW,
    } | more
    return raise_alerts(rules, rules.judge(entries, features), entries, features, **given)


def test_an_alert_says_what_raised_it_and_why() -> None:
    rules = rule_set(rule("one", "x > 1 or y > 1"))
    (alert,) = raised(rules, entries_at(START), {}).alerts
    assert (alert.rule, alert.severity, alert.kind, alert.shadow) == ("one", "high", "fraud", False)
    assert (alert.tenant, alert.customer_id, alert.subject) == ("bank", "c-1", "c-1")
    assert (alert.cause.partition, alert.cause.offset) == (3, 100)
    assert (alert.cause.event_id, alert.cause.event_type) == ("event-0", "LoginFailed")
    assert (alert.policy, alert.policy_version) == ("test", rules.version)
    assert alert.occurred_at == datetime.fromtimestamp(START / 1_000, UTC)
    assert alert.detected_at == NOW


def test_the_reason_carries_the_text_and_every_number_that_the_rule_names() -> None:
    (alert,) = raised(rule_set(rule("one", "x > 1 or y > 1")), entries_at(START), {}).alerts
    (reason,) = alert.reasons
    assert reason.text == "x is 2.5 by unknown"
    assert reason.values == {"x": 2.5, "y": None, "channel": None}
    assert alert.features == {"x": 2.5, "y": None}


def test_an_alert_survives_the_wire() -> None:
    (alert,) = raised(rule_set(rule("one")), entries_at(START), {}).alerts
    assert decode_alert(encode_output(alert)) == alert


def test_a_customer_id_may_hold_a_slash() -> None:
    (alert,) = raised(rule_set(rule("one")), entries_at(START), {}, keys=["bank/a/b·é".encode()]).alerts
    assert (alert.tenant, alert.customer_id) == ("bank", "a/b·é")


def test_the_id_is_made_of_rule_customer_and_event_only() -> None:
    entries = entries_at(START)
    (one,) = raised(rule_set(rule("one")), entries, {}).alerts
    (other,) = raised(rule_set(rule("one")), entries, {}, offsets=[9], partition=0).alerts
    assert one.alert_id == other.alert_id == alert_identity("one", b"bank/c-1", 2**63 + 7)


def test_alerts_come_in_the_order_of_entries_then_of_rules() -> None:
    rules = rule_set(rule("b", cooldown="0s"), rule("a", cooldown="0s"))
    result = raised(rules, entries_at(START, START - HOUR), {})
    assert [(row, alert.rule) for row, alert in zip(result.rows, result.alerts, strict=True)] == [
        (0, "b"), (0, "a"), (1, "b"), (1, "a"),
    ]  # fmt: skip


@pytest.mark.parametrize(("later", "expected"), [(HOUR - 1, 1), (HOUR, 2), (-HOUR + 1, 1), (-HOUR, 2)])
def test_a_rule_is_silent_within_its_cooldown_of_event_time(later: int, expected: int) -> None:
    result = raised(rule_set(rule("one")), entries_at(START, START + later), {})
    assert len(result.alerts) == expected
    assert result.suppressed == 2 - expected


def test_suppressed_firings_are_counted_by_rule() -> None:
    rules = rule_set(rule("one"), rule("two"), rule("free", cooldown="0s"))
    assert raised(rules, entries_at(START, START + 1, START + 2), {}).by_rule == {"one": 2, "two": 2}


def test_a_suppressed_firing_does_not_extend_the_silence() -> None:
    times = [START, START + HOUR - 1, START + HOUR]
    assert raised(rule_set(rule("one")), entries_at(*times), {}).rows == [0, 2]


def test_customers_have_their_own_cooldowns() -> None:
    memories: list[dict[str, int]] = [{}, {}]
    result = raised(rule_set(rule("one")), entries_at(START, START), memories, keys=[b"bank/a", b"bank/b"])
    assert result.rows == [0, 1]
    assert memories == [{"one": START}, {"one": START}]


def test_a_cooldown_of_zero_remembers_nothing() -> None:
    memory: dict[str, int] = {}
    assert len(raised(rule_set(rule("one", cooldown="0s")), entries_at(START, START), memory).alerts) == 2
    assert memory == {}


def test_a_shadow_rule_never_silences_the_live_rule_of_its_name() -> None:
    memory: dict[str, int] = {}
    (shadow,) = raised(rule_set(rule("one", shadow="true")), entries_at(START), memory).alerts
    (live,) = raised(rule_set(rule("one")), entries_at(START + 1), memory).alerts
    assert (shadow.shadow, live.shadow) == (True, False)


def test_what_is_over_and_what_no_rule_knows_is_forgotten() -> None:
    memory = {"one": START - HOUR, "gone": START - 1, "two": START - 1}
    raised(rule_set(rule("one"), rule("two")), entries_at(START), memory)
    assert memory == {"one": START, "two": START - 1}


def test_an_alert_of_a_derived_entry_names_its_kind_and_no_event() -> None:
    entries = entries_at(START, kind=Kind.INSTALMENT_OVERDUE)
    (alert,) = raised(rule_set(rule("one")), entries, {}, told=lambda row: Told("")).alerts
    assert (alert.cause.event_type, alert.cause.event_id) == ("InstalmentOverdue", "")
    assert alert.alert_id == alert_identity("one", b"bank/c-1", int(entries["event"][0]))


def test_what_did_not_fire_asks_for_nothing() -> None:
    def refuse(row: int) -> Any:
        raise AssertionError(row)

    features = np.zeros((3, 2))
    result = raised(
        rule_set(rule("one")),
        entries_at(START, START, START),
        {},
        features=features,
        accounts=refuse,
        told=refuse,
    )
    assert result == Raised(alerts=[], rows=[], published=[], suppressed=0, by_rule={})


@given(steps=st.lists(st.integers(-3 * HOUR, 3 * HOUR), min_size=1, max_size=30), cut=st.integers(0, 30))
def test_a_batch_split_anywhere_raises_the_same_alerts(steps: list[int], cut: int) -> None:
    rules = rule_set(rule("one"), rule("two", cooldown="2h"))
    times = (START + np.cumsum(steps)).tolist()
    entries = entries_at(*times)
    whole = raised(rules, entries, {})
    memory: dict[str, int] = {}
    parts: list[Alert] = []
    for low, high in ((0, cut), (cut, len(times))):
        part = entries[low:high]
        offsets = list(range(100 + low, 100 + low + len(part)))
        part_alerts = raised(rules, part, memory, offsets=offsets, told=lambda row, low=low: Told(f"event-{low + row}"))
        parts += part_alerts.alerts
    assert parts == whole.alerts


def test_an_alert_is_about_the_customer_unless_its_entry_is_about_something_else() -> None:
    rules = rule_set(rule("one", cooldown="0s"))
    alerts = raised(rules, entries_at(START, START + HOUR), {}, subjects={1: "merchant m1"}).alerts
    assert [(alert.subject, alert.customer_id) for alert in alerts] == [("c-1", "c-1"), ("merchant m1", "c-1")]

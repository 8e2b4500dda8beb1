"""Judging a batch: which entries a rule sees, that batches do not matter, and that one rule's failure is its own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.policy.rules import Judgement, RuleSet, base_policy, compile_rules, parse_policy, standard_features
from riskwatch.streams.entry import ENTRY, Kind

FEATURES = ["x", "y"]


def rule(name: str, when: str, on: str = '["LoginFailed"]') -> str:
    return (
        f'[rules.{name}]\ndescription = "d"\non = {on}\nwhen = \'{when}\'\nseverity = "low"\noutput = "fraud"\n'
        f'reason = "x is {{x}}"\ncooldown = "0s"\n'
    )


def rule_set(*rules: str) -> RuleSet:
    return compile_rules(parse_policy('name = "test"\n' + "".join(rules), "test", FEATURES), FEATURES)


def batch(kinds: list[Kind], x: list[float], y: list[float] | None = None) -> tuple[Any, Any]:
    entries = np.zeros(len(kinds), dtype=ENTRY)
    entries["kind"] = kinds
    return entries, np.column_stack([x, [np.nan] * len(x) if y is None else y]).astype(np.float64)


def rows_of(judgement: Judgement) -> dict[int, list[int]]:
    return {index: rows.tolist() for index, rows in judgement.firings}


@pytest.mark.parametrize("copies", [1, 50])
def test_a_rule_is_judged_only_at_its_kinds(copies: int) -> None:
    rules = rule_set(rule("one", "x > 1"), rule("two", "x > 1", '["PurchaseMade", "LoginFailed"]'))
    kinds = [Kind.LOGIN_FAILED, Kind.PURCHASE_MADE, Kind.TICK, Kind.LOAN_APPLIED] * copies
    fired = rows_of(rules.judge(*batch(kinds, [5.0] * len(kinds))))
    assert fired == {
        0: [row for row, kind in enumerate(kinds) if kind == Kind.LOGIN_FAILED],
        1: [row for row, kind in enumerate(kinds) if kind in (Kind.LOGIN_FAILED, Kind.PURCHASE_MADE)],
    }


def test_an_empty_batch_fires_nothing() -> None:
    assert rule_set(rule("one", "x > 1")).judge(*batch([], [])) == Judgement(firings=[], failures=[])


@pytest.mark.parametrize("copies", [1, 30])
def test_the_score_is_unknown_where_none_is_given(copies: int) -> None:
    rules = rule_set(rule("scored", "score > 0.5"), rule("unscored", "not known(score)"))
    entries, features = batch([Kind.LOGIN_FAILED] * copies, [0.0] * copies)
    everything = list(range(copies))
    assert rows_of(rules.judge(entries, features)) == {1: everything}
    assert rows_of(rules.judge(entries, features, {"score": np.full(copies, 0.9)})) == {0: everything}


@pytest.mark.parametrize("copies", [1, 30])
def test_a_rule_sees_the_fields_of_the_entry(copies: int) -> None:
    rules = rule_set(
        rule("late-evening", 'kind == "LoginFailed" and local_hour >= 22 and channel == "web" and device_known')
    )
    entries, features = batch([Kind.LOGIN_FAILED] * 2 * copies, [0.0] * 2 * copies)
    entries["local_hour"], entries["channel"] = 22, 2
    entries["device"][::2] = 2**63
    assert rows_of(rules.judge(entries, features)) == {0: list(range(0, 2 * copies, 2))}


@pytest.mark.parametrize("copies", [1, 30])
def test_the_channel_of_a_contact_is_another_enumeration(copies: int) -> None:
    on = '["ContactMade", "LoginFailed"]'
    rules = rule_set(rule("app", 'channel == "app"', on), rule("push", 'contact_channel == "push"', on))
    entries, features = batch([Kind.CONTACT_MADE, Kind.LOGIN_FAILED] * copies, [0.0] * 2 * copies)
    entries["channel"] = 1
    evens, odds = list(range(0, 2 * copies, 2)), list(range(1, 2 * copies, 2))
    assert rows_of(rules.judge(entries, features)) == {0: odds, 1: evens}


def broken_at(place: float) -> Any:
    def condition(entries: Any, features: Any) -> Any:
        if (features[:, 0] == place).any():
            raise ValueError("a planted fault")
        return features[:, 0] > 1

    return condition


@pytest.mark.parametrize("n", [5, 40])
def test_a_rule_that_raises_at_one_entry_is_judged_at_all_others(n: int) -> None:
    rules = rule_set(rule("planted", "x > 1"), rule("sound", "x > 1")).with_condition("planted", broken_at(3))
    entries, features = batch([Kind.LOGIN_FAILED] * n, [float(row) for row in range(n)])
    judgement = rules.judge(entries, features)
    assert rows_of(judgement) == {0: [row for row in range(2, n) if row != 3], 1: list(range(2, n))}
    assert [(failure.rule, failure.row, failure.error) for failure in judgement.failures] == [
        ("planted", 3, "ValueError: a planted fault")
    ]


def test_a_rule_that_always_raises_fails_at_each_of_its_entries_only() -> None:
    def condition(entries: Any, features: Any) -> Any:
        raise ZeroDivisionError

    rules = rule_set(rule("planted", "x > 1"), rule("sound", "x > 1")).with_condition("planted", condition)
    judgement = rules.judge(*batch([Kind.LOGIN_FAILED, Kind.PURCHASE_MADE] * 20, [5.0] * 40))
    assert [failure.row for failure in judgement.failures] == list(range(0, 40, 2))
    assert rows_of(judgement) == {1: list(range(0, 40, 2))}


def test_planting_leaves_the_original_rules_alone() -> None:
    rules = rule_set(rule("one", "x > 1"))
    rules.with_condition("one", broken_at(5))
    assert rules.judge(*batch([Kind.LOGIN_FAILED], [5.0])).failures == []


def test_values_are_given_in_words_and_unknown_as_none() -> None:
    rules = rule_set(rule("one", 'x > y or emulator or channel == "app"', '["LoginFailed", "DeviceSeen"]'))
    entries, features = batch([Kind.LOGIN_FAILED], [2.5])
    entries["channel"] = 2
    assert rules.values(0, entries, features, 0) == {"x": 2.5, "y": None, "emulator": "no", "channel": "web"}


BASE = compile_rules(base_policy(), standard_features())


def at_random(seed: int, n: int) -> tuple[Any, Any, dict[str, Any]]:
    random = np.random.default_rng(seed)
    entries = np.zeros(n, dtype=ENTRY)
    entries["kind"] = random.choice([int(kind) for kind in Kind], n)
    for name in ("amount", "days_late", "paid_share", "session_seconds", "paste_share"):
        entries[name] = random.choice([np.nan, 0.0, 0.5, 1.0, 40.0], n)
    entries["flags"] = random.integers(0, 64, n)
    entries["outcome"] = random.integers(0, 12, n)
    entries["local_hour"] = random.integers(0, 24, n)
    features = random.choice([np.nan, 0.0, 0.5, 2.0, 6.0, 40.0, 2_000.0], (n, len(standard_features())))
    return entries, features, {"score": random.random(n)}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 120), cuts=st.sets(st.integers(1, 119)))
def test_a_batch_split_anywhere_is_judged_the_same(seed: int, n: int, cuts: set[int]) -> None:
    entries, features, extra = at_random(seed, n)
    whole = BASE.judge(entries, features, extra)
    parts: list[tuple[int, int]] = []
    edges = [0, *sorted(cut for cut in cuts if cut < n), n]
    for low, high in pairwise(edges):
        part = BASE.judge(entries[low:high], features[low:high], {"score": extra["score"][low:high]})
        assert part.failures == []
        parts += [(index, row + low) for index, rows in rows_of(part).items() for row in rows]
    assert sorted(parts) == sorted((index, row) for index, rows in rows_of(whole).items() for row in rows)

"""Episodes: one alert for one trouble, boosted when it worsens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.alerts.raising import Raised, Told, raise_alerts
from riskwatch.features.account import Account, decode_account, encode_account
from riskwatch.features.warned import MAX_EPISODES
from riskwatch.policy.rules import RuleSet, compile_rules, parse_policy
from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.outputs import decode_alert, encode_output

DAY = 86_400_000
START = 1_790_000_000_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
NAN = float("nan")


def policy(of: str = "loan", gap: str = "30d", steps: str = "worse_at = [7, 30]", shadow: str = "false") -> str:
    return (
        'name = "test"\n[rules.late]\ndescription = "d"\non = ["InstalmentOverdue"]\nwhen = "x > 0"\n'
        f'severity = "low"\noutput = "early-warning"\nreason = "x is {{x}}"\nshadow = {shadow}\n'
        f'episode = "{of}"\nepisode_gap = "{gap}"\nworse_by = "y"\n{steps}\nworse_severity = ["medium", "high"]\n'
    )


def rule_set(text: str) -> RuleSet:
    return compile_rules(parse_policy(text, "test", ["x", "y"]), ["x", "y"])


def raised(rules: RuleSet, account: Account, firings: list[tuple[float, float, int]], first: int = 0) -> Raised:
    """Firings of one customer: (days since the start, measure, loan)."""
    entries = np.zeros(len(firings), dtype=ENTRY)
    entries["kind"] = Kind.INSTALMENT_OVERDUE
    entries["occurred_at"] = [START + int(day * DAY) for day, _, _ in firings]
    entries["subject"] = [loan for _, _, loan in firings]
    entries["event"] = np.arange(first, first + len(firings)) + 1000
    features = np.array([(1.0, value) for _, value, _ in firings])
    return raise_alerts(
        rules, rules.judge(entries, features), entries, features, keys=[b"bank/c"] * len(firings),
        offsets=list(range(len(firings))), partition=0, accounts=lambda row: account,
        told=lambda row: Told("", f"loan-{firings[row][2]}"), detected_at=NOW,
    )  # fmt: skip


def said(result: Raised) -> list[tuple[int, int, str]]:
    return [(row, alert.boost, alert.severity) for row, alert in zip(result.rows, result.alerts, strict=True)]


def test_a_trouble_is_one_alert_and_one_more_at_each_step() -> None:
    firings = [(0.0, 3.0, 1), (1.0, 3.0, 1), (4.0, 7.0, 1), (12.0, 15.0, 1), (27.0, 30.0, 1)]
    result = raised(rule_set(policy()), Account(), firings)
    assert said(result) == [(0, 0, "low"), (2, 1, "medium"), (4, 2, "high")]
    assert result.by_rule == {"late": 2}
    assert len({alert.episode for alert in result.alerts}) == 1
    assert len({alert.alert_id for alert in result.alerts}) == 3
    assert result.alerts[0].episode != ""


def test_a_trouble_that_begins_beyond_a_step_has_its_severity_and_no_boost() -> None:
    result = raised(rule_set(policy()), Account(), [(0.0, 9.0, 1), (1.0, 8.0, 1), (2.0, 30.0, 1)])
    assert said(result) == [(0, 0, "medium"), (2, 1, "high")]


def test_a_fall_and_a_return_to_the_same_step_raise_nothing() -> None:
    result = raised(rule_set(policy()), Account(), [(0.0, 9.0, 1), (1.0, 2.0, 1), (2.0, 9.0, 1), (3.0, NAN, 1)])
    assert result.rows == [0]


def test_two_steps_at_once_are_one_alert_boosted_by_both() -> None:
    assert said(raised(rule_set(policy()), Account(), [(0.0, 3.0, 1), (1.0, 31.0, 1)])) == [
        (0, 0, "low"),
        (1, 2, "high"),
    ]


def test_an_episode_is_over_after_its_gap_of_silence() -> None:
    short = raised(rule_set(policy()), Account(), [(0.0, 3.0, 1), (29.9, 3.0, 1), (59.7, 3.0, 1)])
    assert short.rows == [0]
    long = raised(rule_set(policy()), Account(), [(0.0, 3.0, 1), (30.0, 3.0, 1)])
    assert said(long) == [(0, 0, "low"), (1, 0, "low")]
    assert len({alert.episode for alert in long.alerts}) == 2


def test_loans_have_their_own_episodes_and_name_the_loan() -> None:
    result = raised(rule_set(policy()), Account(), [(0.0, 3.0, 1), (0.0, 3.0, 2), (1.0, 7.0, 2)])
    assert [(alert.subject, alert.boost) for alert in result.alerts] == [("loan-1", 0), ("loan-2", 0), ("loan-2", 1)]


def test_a_customers_episode_spans_the_loans() -> None:
    result = raised(rule_set(policy(of="customer")), Account(), [(0.0, 3.0, 1), (0.0, 3.0, 2), (1.0, 7.0, 2)])
    assert [(alert.subject, alert.boost) for alert in result.alerts] == [("c", 0), ("c", 1)]


def test_doubling_counts_from_the_first_number_known() -> None:
    rules = rule_set(policy(steps="worse_times = 2"))
    firings = [(0.0, NAN, 1), (1.0, 0.0, 1), (2.0, 2.0, 1), (3.0, 3.9, 1), (4.0, 4.0, 1), (5.0, 7.0, 1), (6.0, 16.0, 1)]
    assert said(raised(rules, Account(), firings)) == [(0, 0, "low"), (4, 1, "medium"), (6, 3, "high")]


def test_a_late_entry_of_before_belongs_to_the_same_episode() -> None:
    assert raised(rule_set(policy()), Account(), [(20.0, 3.0, 1), (0.0, 3.0, 1), (-9.0, 3.0, 1)]).rows == [0]


def test_a_shadow_rule_has_episodes_of_its_own() -> None:
    account = Account()
    (shadow,) = raised(rule_set(policy(shadow="true")), account, [(0.0, 3.0, 1)]).alerts
    (live,) = raised(rule_set(policy()), account, [(1.0, 3.0, 1)], first=5).alerts
    assert (shadow.shadow, live.shadow, live.boost) == (True, False, 0)
    assert shadow.episode != live.episode


def test_a_customer_has_only_so_many_episodes_and_keeps_the_newest() -> None:
    account = Account()
    count = MAX_EPISODES + 5
    raised(rule_set(policy()), account, [(at / 100, 3.0, at + 1) for at in range(count)])
    assert [each.subject for each in account.episodes] == list(range(6, count + 1))


def test_what_is_over_is_forgotten() -> None:
    account = Account()
    raised(rule_set(policy()), account, [(0.0, 3.0, 1), (31.0, 3.0, 2)])
    assert [each.subject for each in account.episodes] == [2]


def test_an_account_with_episodes_and_warnings_survives_its_row() -> None:
    account = Account()
    (alert,) = raised(rule_set(policy()), account, [(0.0, 3.0, 1)]).alerts
    assert decode_account(encode_account(account)) == account
    assert decode_alert(encode_output(alert)) == alert


def test_a_policy_of_cooldowns_leaves_no_trace_of_episodes() -> None:
    text = policy()
    text = text[: text.index("episode =")] + 'cooldown = "1h"\n'
    account = Account()
    (alert,) = raised(rule_set(text), account, [(0.0, 3.0, 1)]).alerts
    assert (alert.episode, alert.boost, account.episodes) == ("", 0, [])


FIRINGS = st.lists(
    st.tuples(st.floats(0, 120), st.sampled_from([1.0, 7.0, 8.0, 30.0, NAN]), st.integers(1, 2)),
    min_size=1,
    max_size=25,
)


@settings(deadline=None)
@given(firings=FIRINGS, cut=st.integers(0, 25))
def test_a_batch_split_anywhere_raises_the_same(firings: list[tuple[float, float, int]], cut: int) -> None:
    rules = rule_set(policy())
    whole = [(each.alert_id, each.episode, each.boost) for each in raised(rules, Account(), firings).alerts]
    account = Account()
    parts: list[Any] = []
    for low, high in ((0, cut), (cut, len(firings))):
        if firings[low:high]:
            account = decode_account(encode_account(account))
            parts += raised(rules, account, firings[low:high], first=low).alerts
    assert [(each.alert_id, each.episode, each.boost) for each in parts] == whole


@settings(deadline=None)
@given(firings=FIRINGS)
def test_within_an_episode_boost_only_rises(firings: list[tuple[float, float, int]]) -> None:
    last: dict[str, int] = {}
    for alert in raised(rule_set(policy()), Account(), firings).alerts:
        assert alert.boost > last.get(alert.episode, -1)
        last[alert.episode] = alert.boost


def test_a_late_firing_of_an_old_trouble_leaves_the_running_one_as_it_is() -> None:
    rules, account = rule_set(policy(of="customer")), Account()
    alerts = raised(rules, account, [(100.0, 3.0, 1), (40.0, 3.0, 1), (101.0, 3.0, 1), (102.0, 7.0, 1)]).alerts
    assert [alert.boost for alert in alerts] == [0, 0, 1]
    assert alerts[2].episode == alerts[0].episode != alerts[1].episode


def test_an_old_trouble_told_late_is_one_episode_too() -> None:
    firings = [(100.0, 3.0, 1), (40.0, 3.0, 1), (41.0, 3.0, 1), (12.0, 3.0, 1), (-18.0, 3.0, 1), (130.0, 3.0, 1)]
    assert raised(rule_set(policy()), Account(), firings).rows == [0, 1, 4, 5], "30 days apart are two, less are one"


def test_a_firing_at_just_the_gap_before_is_an_older_trouble_and_one_within_it_is_not() -> None:
    assert raised(rule_set(policy()), Account(), [(100.0, 3.0, 1), (70.0, 3.0, 1), (100.5, 3.0, 1)]).rows == [0, 1]
    assert raised(rule_set(policy()), Account(), [(100.0, 3.0, 1), (70.1, 3.0, 1), (100.5, 3.0, 1)]).rows == [0]


def test_where_an_older_and_the_newest_episode_are_both_near_a_firing_is_of_the_newest() -> None:
    alerts = raised(rule_set(policy()), Account(), [(100.0, 3.0, 1), (60.0, 3.0, 1), (80.0, 8.0, 1)]).alerts
    assert [alert.episode == alerts[0].episode for alert in alerts] == [True, False, True]


def test_old_troubles_told_late_never_push_out_the_running_one() -> None:
    account = Account()
    late = [(-31.0 * each, 3.0, 1) for each in range(MAX_EPISODES + 5)]
    raised(rule_set(policy()), account, late)
    assert len(account.episodes) == MAX_EPISODES
    assert raised(rule_set(policy()), account, [(1.0, 3.0, 1)], first=500).alerts == []


@settings(deadline=None)
@given(late=st.lists(st.floats(-400, 69.9), max_size=10))
def test_no_firing_of_before_makes_the_running_trouble_alert_again(late: list[float]) -> None:
    firings = [(100.0, 3.0, 1), *((day, 3.0, 1) for day in late), (101.0, 3.0, 1), (129.0, 3.0, 1)]
    assert not {len(firings) - 1, len(firings) - 2} & set(raised(rule_set(policy()), Account(), firings).rows)

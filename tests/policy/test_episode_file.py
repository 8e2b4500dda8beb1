"""Episodes in a policy file: what is read, and every fault with its line."""

from __future__ import annotations

import pytest

from riskwatch.policy.episodes import Episode
from riskwatch.policy.policyfile import Rule
from riskwatch.policy.rules import PolicyError, base_policy, compile_rules, parse_policy, standard_features

DAY = 86_400_000
SOUND = """\
name = "bank"

[rules.late]
description = "Late."
on = ["InstalmentOverdue"]
when = "days_late >= 3"
severity = "low"
output = "early-warning"
reason = "{days_late:.0f} days"
episode = "loan"
episode_gap = "45d"
worse_by = "days_late"
worse_at = [7, 30]
worse_severity = ["medium", "high"]
"""


def rule_of(text: str) -> Rule:
    return parse_policy(text).rules[0]


def test_an_episode_is_read() -> None:
    assert rule_of(SOUND).episode == Episode(
        of="loan", gap_ms=45 * DAY, worse_by="days_late", worse_at=(7.0, 30.0), worse_severity=("medium", "high")
    )


def test_an_episode_of_a_customer_needs_a_gap_only() -> None:
    text = SOUND[: SOUND.index("worse_by")].replace('"loan"', '"customer"')
    assert rule_of(text).episode == Episode(of="customer", gap_ms=45 * DAY)


def test_what_is_worse_may_be_computed_and_multiplied() -> None:
    text = SOUND.replace('"days_late"\n', '"days_late + instalment_overdue_count_90d"\n').replace(
        "worse_at = [7, 30]", "worse_times = 2"
    )
    episode = rule_of(text).episode
    assert episode is not None
    assert (episode.worse_by, episode.worse_times) == ("days_late + instalment_overdue_count_90d", 2.0)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('episode = "loan"', 'episode = "case"', 10, '`episode` cannot be "case"'),
        ('episode = "loan"', 'episode = "loan"\ncooldown = "1h"', 11, "exclude each other"),
        ('episode = "loan"\n', 'cooldown = "1h"\n', 11, "`episode_gap` without `episode`"),
        ('episode_gap = "45d"\n', "", 3, "`episode_gap` is missing"),
        ('"45d"', '"45 days"', 11, "`episode_gap` cannot be"),
        ('"45d"', '"0s"', 11, "`episode_gap` cannot be 0"),
        ('["InstalmentOverdue"]', '["InstalmentOverdue", "LoanApplied"]', 10, "at LoanApplied, which is about no loan"),
        ('worse_by = "days_late"', 'worse_by = "days_lat"', 12, "unknown name `days_lat`"),
        ('worse_by = "days_late"', 'worse_by = "days_late > 3"', 12, "a measure is a number"),
        ('worse_by = "days_late"', 'worse_by = "3 + 4"', 12, "names at least one column"),
        ('worse_by = "days_late"', 'worse_by = "income"', 12, "`income` is never known at InstalmentOverdue"),
        ("worse_at = [7, 30]\n", "", 12, "`worse_by` without steps"),
        ("worse_at = [7, 30]", "worse_at = [30, 7]", 13, "the steps of `worse_at` rise"),
        ("worse_at = [7, 30]", "worse_at = [7, 7]", 13, "the steps of `worse_at` rise"),
        ("worse_at = [7, 30]", "worse_at = []", 13, "is a list of numbers"),
        ("worse_at = [7, 30]", "worse_at = [7, true]", 13, "is a list of numbers"),
        ("worse_at = [7, 30]", "worse_at = [7, nan]", 13, "is a list of numbers"),
        ("worse_at = [7, 30]", "worse_times = 1", 13, "`worse_times` cannot be 1"),
        ("worse_at = [7, 30]", 'worse_times = "2"', 13, "`worse_times` cannot be '2'"),
        ("worse_at = [7, 30]", "worse_at = [7, 30]\nworse_times = 2", 14, "exclude each other"),
        ('["medium", "high"]', '["medium", "huge"]', 14, 'cannot hold "huge"'),
        ('["medium", "high"]', '["high", "medium"]', 14, "`worse_severity` falls"),
        ('["medium", "high"]', '["medium", "high", "high"]', 14, "has 3 entries for 2 steps"),
        ("worse_at", "worse_att", 13, "unknown key `worse_att`"),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, line: int, message: str) -> None:
    assert old in SOUND
    with pytest.raises(PolicyError) as caught:
        parse_policy(SOUND.replace(old, new))
    found = [(fault.line, fault.message) for fault in caught.value.faults]
    assert any(at == line and message in said for at, said in found), found


def test_steps_without_what_rises_are_a_fault() -> None:
    with pytest.raises(PolicyError, match="`worse_at` without `worse_by`"):
        parse_policy(SOUND.replace('worse_by = "days_late"\n', ""))


@pytest.mark.parametrize(("value", "level"), [(6.9, 0), (7, 1), (29, 1), (30, 2), (500, 2), (float("nan"), 0)])
def test_steps_are_reached_at_their_number(value: float, level: int) -> None:
    episode = rule_of(SOUND).episode
    assert episode is not None
    assert episode.level(value, 3.0) == level


@pytest.mark.parametrize(
    ("value", "base", "level"),
    [
        (3.9, 2, 0),
        (4, 2, 1),
        (7.9, 2, 1),
        (8, 2, 2),
        (4, 0, 0),
        (float("nan"), 2, 0),
        (float("inf"), 2, 0),
        (1e300, 2, 60),
    ],
)
def test_steps_are_reached_each_time_it_doubles(value: float, base: float, level: int) -> None:
    assert Episode(of="loan", gap_ms=1, worse_by="x", worse_times=2.0).level(value, base) == level


def test_severity_is_that_of_the_step_and_the_last_holds_on() -> None:
    episode = Episode(of="loan", gap_ms=1, worse_by="x", worse_times=2.0, worse_severity=("medium", "high"))
    assert [episode.severity(level, "low") for level in range(5)] == ["low", "medium", "high", "high", "high"]


def test_what_makes_an_episode_is_part_of_the_version() -> None:
    assert parse_policy(SOUND).version != parse_policy(SOUND.replace("[7, 30]", "[7, 31]")).version


def test_the_measure_is_among_the_values_of_the_reason() -> None:
    text = SOUND.replace('"days_late"\n', '"instalment_overdue_count_90d"\n')
    (compiled,) = compile_rules(parse_policy(text), standard_features()).rules
    assert "instalment_overdue_count_90d" in compiled.names


def test_a_rule_of_the_base_policy_that_warns_of_arrears_has_episodes_of_a_loan() -> None:
    episodes = {rule.name: rule.episode for rule in base_policy().rules}
    overdue = episodes["instalment-overdue"]
    assert overdue is not None
    assert (overdue.of, overdue.worse_by) == ("loan", "days_late")

"""Reading a policy file: what it may hold, every fault at once with its line, and its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskwatch.policy.rules import PolicyError, base_policy, compile_rules, load_policy, parse_policy

RULE = """\
[rules.burst]
description = "Many failed logins."
on = ["LoginFailed"]
when = "login_failed_count_10m >= 5"
severity = "medium"
output = "fraud"
reason = "{login_failed_count_10m:.0f} failed logins"
cooldown = "1h"
"""
SOUND = f'name = "bank"\n\n{RULE}'


def refused(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    return caught.value


def changed(old: str, new: str) -> str:
    assert old in SOUND
    return SOUND.replace(old, new)


def test_a_sound_policy_is_read() -> None:
    (rule,) = parse_policy(SOUND).rules
    assert (rule.name, rule.on, rule.severity, rule.output) == ("burst", ("LoginFailed",), "medium", "fraud")
    assert rule.cooldown_ms == 3_600_000
    assert rule.shadow is False


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "suggestion"),
    [
        ('name = "bank"', "", None, "`name` is missing", ""),
        ('name = "bank"', 'name = "My Bank"', 1, "`name` cannot be", "lower-case"),
        ('name = "bank"', 'name = "bank"\nowner = "me"', 2, "unknown key `owner`", "keys are"),
        ("[rules.burst]", "[rules.Burst_1]", 3, "a rule's name is", ""),
        ("severity", "sevrity", 7, "unknown key `sevrity`", "`severity`"),
        ('severity = "medium"\n', "", 3, "`severity` is missing", "low, medium, high, critical"),
        ('"medium"', '"mediun"', 7, '`severity` cannot be "mediun"', "`medium`"),
        ('"medium"', "3", 7, "`severity` is text in quotes", ""),
        ('"fraud"', '"alerts"', 8, '`output` cannot be "alerts"', "fraud, early-warning"),
        ('["LoginFailed"]', '["LoginFaild"]', 5, '`on` cannot hold "LoginFaild"', "`LoginFailed`"),
        ('["LoginFailed"]', '["Tick"]', 5, '`on` cannot hold "Tick"', "one of"),
        ('["LoginFailed"]', '["LoginFailed", "LoginFailed"]', 5, "twice", ""),
        ('["LoginFailed"]', "[]", 5, "`on` is empty", "kinds"),
        ('["LoginFailed"]', '"LoginFailed"', 5, "`on` is a list", ""),
        ('"1h"', '"1 hour"', 10, "`cooldown` cannot be", "24h"),
        ('"1h"', "3600", 10, "`cooldown` cannot be", "24h"),
        ('"1h"', '"400d"', 10, "`cooldown` cannot be", "366 days"),
        ('"1h"', '"1h"\nshadow = "yes"', 11, "`shadow` is true or false", ""),
        ('"1h"', '"1h"\ntags = [1]', 11, "`tags` is a list of texts", ""),
        ("login_failed_count_10m >= 5", "login_faild_count_10m >= 5", 6, "unknown name", "login_failed_count_10m"),
        ("login_failed_count_10m >= 5", "", 6, "`when` is empty", ""),
        ("{login_failed_count_10m:.0f}", "{login_faild_count_10m:.0f}", 9, "unknown name", "login_failed_count_10m"),
        ("login_failed_count_10m >= 5", "days_late > 3", 6, "`days_late` is never known at LoginFailed", "have it"),
    ],
)
def test_a_fault_is_told_with_line_and_way_out(
    old: str, new: str, line: int | None, message: str, suggestion: str
) -> None:
    (fault,) = refused(changed(old, new)).faults
    assert message in fault.message
    assert fault.line == line
    assert suggestion in (fault.suggestion or "")


def test_every_fault_of_the_file_is_told_at_once_in_file_order() -> None:
    second = RULE.replace("[rules.burst]", "[rules.second]").replace(">= 5", ">= fiv").replace('"fraud"', '"froud"')
    error = refused(changed('"medium"', '"mediun"').replace("1h", "soon") + "\n" + second)
    assert [(fault.rule, fault.line) for fault in error.faults] == [
        ("burst", 7), ("burst", 10), ("second", 15), ("second", 17),
    ]  # fmt: skip


def test_the_error_reads_as_a_list_of_its_faults() -> None:
    assert str(refused(changed('"medium"', '"mediun"'))) == (
        'policy: 1 fault\n  line 7, rule burst: `severity` cannot be "mediun"; did you mean `medium`?'
    )


def test_a_rule_defined_twice_is_told_with_both_lines() -> None:
    (fault,) = refused(SOUND + "\n" + RULE).faults
    assert (fault.line, fault.message) == (12, "rule `burst` is already defined in line 3")


def test_a_fault_in_a_condition_of_several_lines_names_its_own_line() -> None:
    text = changed(
        '"login_failed_count_10m >= 5"', '"""\nlogin_failed_count_10m >= 5  # five\nand login_count_1hh > 2"""'
    )
    (fault,) = refused(text).faults
    assert (fault.line, fault.text) == (8, "login_count_1hh")


def test_what_is_not_toml_is_told_with_its_line() -> None:
    (fault,) = refused(changed('"medium"', '"medium')).faults
    assert fault.line == 7
    assert "not TOML" in fault.message


def test_a_policy_without_rules_is_refused() -> None:
    assert "no rules" in refused('name = "bank"').faults[0].message


def test_a_rule_that_is_no_table_is_refused() -> None:
    assert "not a table" in refused('name = "bank"\nrules = {burst = 3}').faults[0].message


def test_a_file_that_does_not_exist_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_a_policy_error(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "binary.toml")


def test_a_policy_is_refused_over_features_that_lack_its_names() -> None:
    with pytest.raises(PolicyError, match="unknown name `login_failed_count_10m`"):
        compile_rules(parse_policy(SOUND), ["another_feature"])


def test_the_version_does_not_change_with_comments_and_layout() -> None:
    laid_out = SOUND.replace("login_failed_count_10m >= 5", "login_failed_count_10m   >= 5").replace("=", " = ", 1)
    assert parse_policy("# a comment\n" + laid_out).version == parse_policy(SOUND).version


@pytest.mark.parametrize(
    ("old", "new"), [(">= 5", ">= 6"), ("medium", "high"), ('"1h"', '"2h"'), ("bank", "blank"), ("burst", "bursts")]
)
def test_the_version_changes_with_what_the_policy_says(old: str, new: str) -> None:
    assert parse_policy(changed(old, new)).version != parse_policy(SOUND).version


def test_the_version_changes_with_the_order_of_rules() -> None:
    second = RULE.replace("burst", "second")
    one, other = f'name = "b"\n{RULE}\n{second}', f'name = "b"\n{second}\n{RULE}'
    assert parse_policy(one).version != parse_policy(other).version


def test_the_version_is_12_hexadecimal_digits() -> None:
    assert len(base_policy().version) == 12
    int(base_policy().version, 16)

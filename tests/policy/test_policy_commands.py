"""`riskwatch policy check` and `show`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskwatch.policy.commands import policy_app
from riskwatch.policy.rules import base_policy

BROKEN = """\
name = "bank"
[rules.burst]
description = "d"
on = ["LoginFaild"]
when = "login_faild_count_10m >= 5"
severity = "medium"
output = "fraud"
reason = "r"
cooldown = "1h"
"""
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_readme_shows_a_policy() -> None:
    assert any("[rules." in each for each in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_policy_of_the_readme_is_a_whole_file_without_faults(example: str, tmp_path: Path) -> None:
    file = tmp_path / "my-policy.toml"
    file.write_text(example, encoding="utf-8")
    result = CliRunner().invoke(policy_app, ["check", str(file)])
    assert result.exit_code == 0, result.output


def test_check_tells_every_fault_with_its_line_and_exits_1(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(BROKEN)
    result = CliRunner().invoke(policy_app, ["check", str(file)])
    assert result.exit_code == 1
    assert 'line 4, rule burst: `on` cannot hold "LoginFaild"; did you mean `LoginFailed`?' in result.output
    assert "line 5, rule burst: unknown name `login_faild_count_10m`" in result.output
    assert "2 faults" in result.output


def test_check_of_a_sound_policy_shows_its_rules_and_exits_0(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(BROKEN.replace("Faild", "Failed").replace("faild", "failed"))
    result = CliRunner().invoke(policy_app, ["check", str(file)])
    assert result.exit_code == 0
    assert "1 live rule, 0 in shadow" in result.output
    assert "burst" in result.output


def test_show_without_a_file_shows_the_base_policy() -> None:
    result = CliRunner().invoke(policy_app, ["show"])
    assert result.exit_code == 0
    assert base_policy().version in result.output


def test_show_of_one_rule_gives_its_condition() -> None:
    result = CliRunner().invoke(policy_app, ["show", "--rule", "failed-login-burst"])
    assert "login_failed_count_10m >= 5" in result.output


def test_show_of_an_unknown_rule_suggests_one_and_exits_1() -> None:
    result = CliRunner().invoke(policy_app, ["show", "--rule", "failed-login-brust"])
    assert result.exit_code == 1
    assert "failed-login-burst" in result.output

"""docs/rules.md is what the language and the base policy say."""

from __future__ import annotations

from pathlib import Path

from riskwatch.policy.columns import FIELDS, KINDS
from riskwatch.policy.docs import rules_page
from riskwatch.policy.rules import base_policy, parse_policy

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == rules_page(base_policy()), "run python -m riskwatch.policy.docs"


def test_every_rule_field_and_kind_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = [*(rule.name for rule in base_policy().rules), *(f"`{field.name}`" for field in FIELDS), *KINDS]
    assert [name for name in names if name not in page] == []


def test_the_example_on_the_page_is_a_sound_policy() -> None:
    example = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert parse_policy(example).rules[0].name == "failed-login-burst"

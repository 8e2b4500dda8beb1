from pathlib import Path

import pytest

from riskwatch.agents.docs import settings_page
from riskwatch.agents.settings import Settings

PAGE = Path(__file__).parents[2] / "docs/settings.md"


def test_the_page_of_settings_is_current():
    assert PAGE.read_text() == settings_page()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is_for(name):
    assert Settings.model_fields[name].description


def test_a_row_tells_variable_limits_and_default():
    row = next(line for line in settings_page().splitlines() if line.startswith("| `partitions` |"))
    assert row.split(" | ")[1:4] == ["`RISKWATCH_PARTITIONS`", "whole number, at least 1, at most 1024", "`4`"]


def test_the_page_does_not_show_the_default_of_a_secret():
    secret = Settings.model_fields["identifier_key"].default.get_secret_value()
    assert secret not in settings_page()

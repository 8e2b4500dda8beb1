"""docs/features.md is what the table says."""

from __future__ import annotations

from pathlib import Path

from riskwatch.features import docs
from riskwatch.features.feature import MEANING, Aggregate
from riskwatch.features.table import FEATURES

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == docs.write_features(), "run: python -m riskwatch.features.docs"


def test_every_feature_is_in_a_family():
    assert tuple(feature for family in docs.FAMILIES.values() for feature in family) == FEATURES


def test_every_aggregate_has_a_meaning():
    assert set(MEANING) == set(Aggregate)

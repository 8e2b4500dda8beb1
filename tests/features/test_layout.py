"""The layout is derived from the table, and says when state of another table must not be read."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys

import msgspec
import pytest
from journals import LAYOUT

from riskwatch.features.feature import Aggregate, Feature, Where
from riskwatch.features.layout import compile_layout
from riskwatch.features.row import WINDOWS
from riskwatch.features.table import FEATURES
from riskwatch.streams.entry import Kind

COUNT = Feature(name="a_1h", aggregate=Aggregate.COUNT, kinds=(Kind.LOGIN_FAILED,), window="1h")
TWO = (COUNT, msgspec.structs.replace(COUNT, name="b_1h", kinds=(Kind.PURCHASE_MADE,)))


def test_there_are_at_least_60_features():
    assert len(FEATURES) >= 60


def test_the_same_table_has_the_same_version():
    assert compile_layout(FEATURES).version == LAYOUT.version


def test_the_version_is_the_same_in_another_process():
    program = (
        "from riskwatch.features.layout import compile_layout; from riskwatch.features.table import FEATURES;"
        "print(compile_layout(FEATURES).version)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert int(ran.stdout) == LAYOUT.version


@pytest.mark.parametrize(
    "other",
    [
        (COUNT,),
        (TWO[1], TWO[0]),
        (msgspec.structs.replace(COUNT, kinds=(Kind.LOGIN_SUCCEEDED,)), TWO[1]),
        (msgspec.structs.replace(COUNT, where=Where(field="local_hour", high=6)), TWO[1]),
        (msgspec.structs.replace(COUNT, window="24h"), TWO[1]),
        (msgspec.structs.replace(COUNT, aggregate=Aggregate.SUM, value="amount"), TWO[1]),
    ],
    ids=["one less", "another order", "another kind", "a condition", "another window", "another aggregate"],
)
def test_a_table_that_keeps_other_state_has_another_version(other):
    assert compile_layout(other).version != compile_layout(TWO).version


def test_a_changed_description_leaves_the_version():
    reworded = (msgspec.structs.replace(COUNT, description="said otherwise"), TWO[1])
    assert compile_layout(reworded).version == compile_layout(TWO).version


def test_every_column_has_one_name():
    assert sorted(LAYOUT.names) == sorted(feature.name for feature in FEATURES)
    assert [LAYOUT.column_of[name] for name in LAYOUT.names] == list(range(len(FEATURES)))


def test_names_are_measure_and_span():
    for feature in FEATURES:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name)
        if feature.window is not None:
            assert feature.name.endswith(f"_{feature.window}")


def test_every_feature_is_described():
    assert [feature.name for feature in FEATURES if not feature.description] == []


def test_each_tile_is_a_whole_number_of_tiles_of_the_next_shorter_window():
    lengths = [tile for tile, _ in WINDOWS.values()]
    assert all(long % short == 0 for short, long in itertools.pairwise(lengths))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((COUNT, COUNT), "declared twice: \\['a_1h'\\]"),
        (
            (msgspec.structs.replace(COUNT, aggregate=Aggregate.SUM, value="amonut"),),
            "'amonut' is no number of an entry",
        ),
        ((msgspec.structs.replace(COUNT, aggregate=Aggregate.DISTINCT, value="amount"),), "'amount' is no identity"),
        ((Feature(name="r", aggregate=Aggregate.RATIO, value="amount", over="x"),), "r: 'x' is no feature"),
        ((Feature(name="s", aggregate=Aggregate.SPEED, kinds=(Kind.LOGIN_FAILED,)),), "s: needs a distance"),
        ((msgspec.structs.replace(COUNT, aggregate=Aggregate.SUM, value="paid_share"),), "whole numbers"),
        ((msgspec.structs.replace(COUNT, window="2h"),), "'2h' is no window"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        compile_layout(wrong)

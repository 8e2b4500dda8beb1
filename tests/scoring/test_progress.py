from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from river import metrics
from sklearn.metrics import average_precision_score, roc_auc_score

from riskwatch.scoring.progress import Window, average_precision, roc_auc

SCORED = st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(1, 5)), min_size=2, max_size=60).filter(
    lambda rows: len({label for _, label, _ in rows}) == 2
)


def arrays(rows: list[tuple[int, bool, int]]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    scores, labels, weights = zip(*rows, strict=True)
    return np.array(scores) / 8, np.array(labels, dtype=np.int64), np.array(weights, dtype=np.float64)


@given(SCORED)
def test_the_auc_equals_that_of_scikit_learn(rows: list[tuple[int, bool, int]]) -> None:
    score, label, weight = arrays(rows)
    assert roc_auc(score, label, weight) == pytest.approx(roc_auc_score(label, score, sample_weight=weight))


@given(SCORED)
def test_the_average_precision_equals_that_of_scikit_learn(rows: list[tuple[int, bool, int]]) -> None:
    score, label, weight = arrays(rows)
    expected = average_precision_score(label, score, sample_weight=weight)
    assert average_precision(score, label, weight) == pytest.approx(expected)


def test_the_auc_of_a_window_equals_rivers_rolling_auc() -> None:
    rng = np.random.default_rng(3)
    label = (rng.random(300) < 0.2).astype(np.int64)
    score = np.clip(rng.random(300) + 0.3 * label, 0, 1)
    rolling = metrics.RollingROCAUC(window_size=100)
    for truth, value in zip(label.tolist(), score.tolist(), strict=True):
        rolling.update(truth, value)
    assert roc_auc(score[-100:], label[-100:], np.ones(100)) == pytest.approx(rolling.get())


def test_a_tie_is_half_right() -> None:
    assert roc_auc(np.array([0.5, 0.5]), np.array([1, 0]), np.ones(2)) == 0.5


def test_with_one_label_alone_there_is_no_auc() -> None:
    assert roc_auc(np.array([0.1, 0.2]), np.array([0, 0]), np.ones(2)) is None


def test_without_positives_there_is_no_average_precision() -> None:
    assert average_precision(np.array([0.1]), np.array([0]), np.ones(1)) is None


def test_unknown_scores_are_left_out() -> None:
    score = np.array([0.9, np.nan, 0.1])
    assert roc_auc(score, np.array([1, 1, 0]), np.ones(3)) == 1.0


def test_a_window_keeps_the_newest() -> None:
    window = Window(3)
    for start in (0, 2):
        window.append([0.0, 0.0], [start / 8, (start + 1) / 8], [1.0, 1.0], [False, True])
    assert window.values["current"].tolist() == [1 / 8, 2 / 8, 3 / 8]


def test_a_window_keeps_the_newest_of_a_batch_that_is_larger_than_it() -> None:
    window = Window(2)
    window.append([0.0] * 5, [0.0, 0.125, 0.25, 0.375, 0.5], [1.0] * 5, [False] * 5)
    assert window.values["current"].tolist() == [0.375, 0.5]

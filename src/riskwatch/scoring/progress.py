"""How well scores rank what later proved true: exact ROC AUC and average precision over the newest examples.

Progressive validation: each score was given before its label was learned from, so no data is set aside. The window is
bounded and stated (`LearnerSettings.window`); within it both figures are exact, ties and weights included. River's own
`ROCAUC` cuts [0, 1] into ten thresholds, and nearly all fraud scores lie below the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EXAMPLE = np.dtype([("stored", "<f4"), ("current", "<f4"), ("weight", "<f4"), ("label", "u1")])
"""`stored`: the score that was acted on, NaN where there was none; `current`: the learner's own, before it learned."""


class Window:
    """The newest `size` examples, oldest first. Appended in place; `values` is what a snapshot keeps."""

    def __init__(self, size: int, values: NDArray[np.void] | None = None) -> None:
        self.size = size
        self._values = np.empty(0, EXAMPLE) if values is None else values[-size:]
        self._new: list[NDArray[np.void]] = []

    def append(
        self, stored: Sequence[float], current: Sequence[float], weight: Sequence[float], label: Sequence[bool]
    ) -> None:
        """Add one batch of examples, in order."""
        batch = np.empty(len(label), EXAMPLE)
        batch["stored"], batch["current"], batch["weight"], batch["label"] = stored, current, weight, label
        self._new.append(batch)
        if sum(len(each) for each in self._new) > self.size:
            self._join()

    @property
    def values(self) -> NDArray[np.void]:
        """`EXAMPLE`[at most `size`], oldest first."""
        self._join()
        return self._values

    def _join(self) -> None:
        if self._new:
            self._values = np.concatenate([self._values, *self._new])[-self.size :]
            self._new.clear()


def roc_auc(score: NDArray[np.floating], label: NDArray[np.integer], weight: NDArray[np.floating]) -> float | None:
    """The share of pairs (positive, negative) that the score puts in the right order, a tie being half right.

    Shapes [n]; `label` 0 or 1. None where one of the labels is absent or a score is unknown for all.
    """
    positive, negative = _by_threshold(score, label, weight)
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        return None
    negative_below = negative.sum() - np.cumsum(negative)
    return float((positive * (negative_below + negative / 2)).sum() / pairs)


def average_precision(
    score: NDArray[np.floating], label: NDArray[np.integer], weight: NDArray[np.floating]
) -> float | None:
    """Σ (recall gained at a threshold) · (precision at it), over the distinct scores. Shapes [n]; None without
    positives."""
    positive, negative = _by_threshold(score, label, weight)
    total = positive.sum()
    if total == 0:
        return None
    found = np.cumsum(positive)
    return float((positive * found / (found + np.cumsum(negative))).sum() / total)


def _by_threshold(
    score: NDArray[np.floating], label: NDArray[np.integer], weight: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of positives and of negatives at each distinct score, highest score first; unknown scores left out."""
    known = ~np.isnan(score)
    distinct, place = np.unique(-score[known], return_inverse=True)
    weights = weight[known].astype(np.float64)
    hit = label[known].astype(bool)
    n = len(distinct)
    positive = np.bincount(place, weights=np.where(hit, weights, 0.0), minlength=n).astype(np.float64)
    negative = np.bincount(place, weights=np.where(hit, 0.0, weights), minlength=n).astype(np.float64)
    return positive, negative

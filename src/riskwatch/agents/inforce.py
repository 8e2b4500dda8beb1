"""The models of one batch: which is in force at each place, and the scores of purchases by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.labelling import Labelling, raw_inputs
from riskwatch.agents.partition import Partition
from riskwatch.features.watch import Columns
from riskwatch.scoring.linear import LinearModel
from riskwatch.scoring.settings import TRANSACTION_FRAUD
from riskwatch.streams.entry import Kind


class InForce:
    """`place`: how many of the part's entries come before. `promoted`: models that came into force, by name."""

    def __init__(self, partition: Partition, labels: Labelling, columns: Mapping[str, int]) -> None:
        self._segments: list[tuple[int, LinearModel | None]] = [(0, partition.models.get(TRANSACTION_FRAUD))]
        self._labels = labels
        self._columns = columns
        self.promoted: dict[str, LinearModel] = {}

    def promote(self, model: LinearModel, place: int) -> None:
        """A model comes into force. One that is not newer changes nothing: the learner repeats promotions after a
        crash."""
        current = self._segments[-1][1]
        if current is not None and model.version <= current.version:
            return
        self._segments.append((place, model))
        self.promoted[model.name] = model

    def score(
        self, matrix: NDArray[np.float64], new: NDArray[np.intp], entries: NDArray[np.void], keys: Sequence[bytes],
        offsets: NDArray[np.int64], watched: Columns,
    ) -> NDArray[np.float64]:  # fmt: skip
        """Scores float64[n] of the purchases among the places `new`, NaN elsewhere; each by the model in force at its
        place. Their predictions are kept until their label is known."""
        scores = np.full(len(entries), np.nan)
        purchases = new[entries["kind"][new] == Kind.PURCHASE_MADE]
        if not len(purchases):
            return scores
        columns = dict(self._columns)
        for start, end, model in self._parts(len(entries)):
            chosen = purchases[(purchases >= start) & (purchases < end)]
            if not len(chosen):
                continue
            seen = {name: column[chosen] for name, column in watched.items()}
            raw = raw_inputs(model, matrix[chosen], columns, entries[chosen], seen)
            if model is not None:
                scores[chosen] = model.score(raw, model.columns)
            self._labels.keep(
                model, chosen, entries, raw, None if model is None else scores[chosen], keys, int(offsets[chosen[0]])
            )
        return scores

    def begin(self) -> None:
        """A part of the batch begins: the newest model is in force from its first entry on."""
        self._segments = [(0, self._segments[-1][1])]

    def _parts(self, count: int) -> Iterator[tuple[int, int, LinearModel | None]]:
        """The part of the batch in pieces of one model."""
        cuts = sorted({0, *(at for at, _ in self._segments)})
        for start, end in pairwise([*cuts, count]):
            yield start, end, next(model for at, model in reversed(self._segments) if at <= start)

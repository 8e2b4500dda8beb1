"""The models of one batch: which are in force at each place, and their scores of purchases and of loans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from riskwatch.agents.labelling import Labelling
from riskwatch.agents.part import Part
from riskwatch.agents.partition import Partition
from riskwatch.features.loanhistory import LOAN_COLUMNS
from riskwatch.features.timers import ARREARS_DPD
from riskwatch.features.watch import Columns
from riskwatch.scoring.inputs import MODEL_INPUTS, gather
from riskwatch.scoring.linear import LinearModel
from riskwatch.scoring.settings import ARREARS, TRANSACTION_FRAUD
from riskwatch.streams.entry import Kind

SCORE_COLUMNS: Mapping[str, str] = {TRANSACTION_FRAUD: "score", ARREARS: "arrears_score"}
"""The column in which rules read a model's probability."""


class InForce:
    """`place`: how many of the part's entries come before. `promoted`: models that came into force, by name."""

    def __init__(self, partition: Partition, labels: Labelling, columns: Mapping[str, int]) -> None:
        self._segments: dict[str, list[tuple[int, LinearModel | None]]] = {
            name: [(0, partition.models.get(name))] for name in MODEL_INPUTS
        }
        self._labels = labels
        self._columns = dict(columns)
        self.promoted: dict[str, LinearModel] = {}

    def promote(self, model: LinearModel, place: int) -> None:
        """A model comes into force. One that is not newer changes nothing: the learner repeats promotions after a
        crash. Nor does one that nothing is scored with."""
        segments = self._segments.get(model.name)
        if segments is None:
            return
        current = segments[-1][1]
        if current is not None and model.version <= current.version:
            return
        segments.append((place, model))
        self.promoted[model.name] = model

    def score(self, part: Part, matrix: NDArray[np.float64], new: NDArray[np.intp], watched: Columns) -> Columns:
        """Probabilities float64[n] by `SCORE_COLUMNS`, of the entries among the places `new` that each model looks at,
        NaN elsewhere; each by the model in force at its place. Their predictions are kept until their label is
        known."""
        purchases = new[part.entries["kind"][new] == Kind.PURCHASE_MADE]
        loans = sorted(at for at, told in part.histories.items() if told.loan_dpd < ARREARS_DPD)
        known = np.array([astuple(part.histories[at]) for at in loans], dtype=np.float64)
        return {
            "score": self._score(TRANSACTION_FRAUD, part, matrix, purchases, _rows(watched, purchases)),
            "arrears_score": self._score(
                ARREARS, part, matrix, np.array(loans, dtype=np.intp),
                dict(zip(LOAN_COLUMNS, known.reshape(-1, len(LOAN_COLUMNS)).T, strict=True)),
            ),
        }  # fmt: skip

    def _score(
        self, name: str, part: Part, matrix: NDArray[np.float64], places: NDArray[np.intp], given: Columns
    ) -> NDArray[np.float64]:
        """`places`: rising; `given`: columns beside them."""
        scores = np.full(len(part.entries), np.nan)
        if not len(places):
            return scores
        for start, end, model in self._pieces(name, len(part.entries)):
            within = (places >= start) & (places < end)
            chosen = places[within]
            if not len(chosen):
                continue
            inputs = MODEL_INPUTS[name] if model is None else model.inputs
            raw = gather(inputs, matrix[chosen], self._columns, part.entries[chosen], _rows(given, within))
            if model is not None:
                scores[chosen] = model.score(raw, model.columns)
            self._labels.keep(
                name, model, chosen, part.entries, raw, None if model is None else scores[chosen], part.keys,
                int(part.offsets[chosen[0]]),
            )  # fmt: skip
        return scores

    def begin(self) -> None:
        """A part of the batch begins: the newest models are in force from its first entry on."""
        self._segments = {name: [(0, segments[-1][1])] for name, segments in self._segments.items()}

    def _pieces(self, name: str, count: int) -> Iterator[tuple[int, int, LinearModel | None]]:
        """The part of the batch in pieces of one model."""
        segments = self._segments[name]
        cuts = sorted({0, *(at for at, _ in segments)})
        for start, end in pairwise([*cuts, count]):
            yield start, end, next(model for at, model in reversed(segments) if at <= start)


def _rows(columns: Columns, which: Sequence[int] | NDArray[np.intp] | NDArray[np.bool_]) -> Columns:
    return {name: column[which] for name, column in columns.items()}

"""The linear model that workers score with: what River's `StandardScaler | LogisticRegression` has learned, as plain
numbers.

River predicts one dictionary at a time (8 µs) or a frame at a time (1.2 ms a call); the same arithmetic over columns
costs well under a microsecond an entry. A model travels as JSON and says all that scoring needs, so any worker gives
the same score.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from math import isfinite

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from riskwatch.scoring.faults import ModelFault, seal, unseal
from riskwatch.scoring.inputs import Input, apply_transforms, log1p_rows

MODEL_FORMAT = "riskwatch-linear-model/1"


class Contribution(Struct, frozen=True, kw_only=True):
    """How far one feature moved a score: `log_odds` above 0 raised it. `usual` is the mean that the model compares
    with, in the feature's own unit (for a log-transformed feature the geometric mean); `value` is NaN when it was
    unknown."""

    feature: str
    value: float
    usual: float
    log_odds: float


class LinearModel(Struct, frozen=True, kw_only=True):
    """A logistic regression over scaled inputs. `mean` and `scale` are of the transformed inputs; a scale of 0 is an
    input that never varied and does not count. `learned_from`: examples; `created_for_ms`: event time of the newest
    of them."""

    name: str
    version: int
    inputs: tuple[Input, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    learned_from: int
    created_for_ms: int

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the inputs, in the order of `weights`."""
        return tuple(each.feature for each in self.inputs)

    @property
    def columns(self) -> dict[str, int]:
        """`column_of` for a matrix that `inputs.gather` made: input → place."""
        return {name: place for place, name in enumerate(self.features)}

    def score(self, matrix: NDArray[np.float64], column_of: Mapping[str, int]) -> NDArray[np.float64]:
        """Probabilities float64[n] for a feature matrix float64[n, columns]; `column_of` says where each feature
        stands.

        An unknown (NaN) or infinite value counts as the mean. A row's score has the same bits in any batch. Raises
        `ModelFault` when a feature of the model has no column.
        """
        terms = self._terms(matrix, column_of)
        logit = np.full(terms.shape[1], self.intercept)
        # Row by row, never terms.sum(axis=0): NumPy sums pairwise when n = 1, and the last bit would depend on the
        # batch.
        for term in terms:
            logit += term
        return sigmoid(logit)

    def contributions(self, row: NDArray[np.float64], column_of: Mapping[str, int]) -> list[Contribution]:
        """Why one row float64[columns] got its score: every input, the one that raised it most first, ties by name."""
        terms = self._terms(row.reshape(1, -1), column_of)[:, 0]
        ranked = [
            Contribution(
                feature=each.feature,
                value=float(row[column_of[each.feature]]),
                usual=float(np.copysign(np.expm1(abs(mean)), mean)) if each.transform == "log1p" else mean,
                log_odds=float(term),
            )
            for each, mean, term in zip(self.inputs, self.mean, terms, strict=True)
        ]
        return sorted(ranked, key=lambda each: (-each.log_odds, each.feature))

    def vectors(self, matrix: NDArray[np.float64], column_of: Mapping[str, int]) -> NDArray[np.float32]:
        """The raw inputs float32[n, inputs] of a feature matrix, as they are kept until their label is known."""
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(matrix[:, self._columns(column_of)], dtype=np.float32)

    def _columns(self, column_of: Mapping[str, int]) -> list[int]:
        missing = [each.feature for each in self.inputs if each.feature not in column_of]
        if missing:
            raise ModelFault(f"model {self.name} version {self.version} needs unknown features: {', '.join(missing)}")
        return [column_of[each.feature] for each in self.inputs]

    def _terms(self, matrix: NDArray[np.float64], column_of: Mapping[str, int]) -> NDArray[np.float64]:
        """float64[inputs, n]: what each input adds to the log-odds."""
        block = np.ascontiguousarray(matrix[:, self._columns(column_of)].T, dtype=np.float64)
        logged, mean, scale, factor = _columns_of(self)
        apply_transforms(block, logged)
        block -= mean
        with np.errstate(over="ignore", invalid="ignore"):
            block /= scale
            block *= factor
        # Beyond the range of floats (a feature of 1e300 under a tiny scale) a term is cut, so that no sum is inf - inf.
        np.clip(block, -1e15, 1e15, out=block)
        block[np.isnan(block)] = 0.0
        return block


@lru_cache(maxsize=16)
def _columns_of(
    model: LinearModel,
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Log-transformed inputs, mean, scale and weight as columns [inputs, 1]; an input that never varied weighs 0."""
    scale = np.array(model.scale)[:, None]
    factor = np.where(scale > 0, np.array(model.weights)[:, None], 0.0)
    return log1p_rows(model.inputs), np.array(model.mean)[:, None], np.where(scale > 0, scale, 1.0), factor


def sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow: the exponential is only ever taken of a number below or equal to 0."""
    decayed = np.exp(-np.abs(logit))
    probability: NDArray[np.float64] = np.where(logit >= 0, 1.0, decayed) / (1.0 + decayed)
    return probability


_models = msgspec.json.Decoder(LinearModel)


def encode_model(model: LinearModel) -> bytes:
    """JSON under a checksum; every float comes back bit for bit."""
    return seal(MODEL_FORMAT, msgspec.json.encode(model))


def decode_model(data: bytes, known: Collection[str] | None = None) -> LinearModel:
    """Read what `encode_model` wrote. `known`: the features that the reader computes.

    Raises `ModelFault` for anything but a whole, finite, consistent model of known features: a worker keeps its last
    good model then.
    """
    try:
        model = _models.decode(unseal(MODEL_FORMAT, data))
    except msgspec.DecodeError as error:
        raise ModelFault(f"not a {MODEL_FORMAT}: {error}") from None
    faults = list(_faults(model, known))
    if faults:
        raise ModelFault(f"model {model.name!r} version {model.version}: " + "; ".join(faults))
    return model


def _faults(model: LinearModel, known: Collection[str] | None) -> list[str]:
    features = model.features
    faults = []
    if not features:
        faults.append("it has no inputs")
    for name in sorted({each for each in features if features.count(each) > 1}):
        faults.append(f"input {name!r} is there twice")
    if known is not None:
        faults += [f"feature {name!r} is unknown" for name in features if name not in known]
    for field, values in (("mean", model.mean), ("scale", model.scale), ("weights", model.weights)):
        if len(values) != len(features):
            faults.append(f"{field} has {len(values)} numbers for {len(features)} inputs")
        if not all(isfinite(each) for each in values):
            faults.append(f"{field} holds a number that is not finite")
    if not isfinite(model.intercept):
        faults.append("the intercept is not finite")
    if any(each < 0 for each in model.scale):
        faults.append("a scale is below 0")
    if model.version < 0 or model.learned_from < 0:
        faults.append("version and learned_from cannot be below 0")
    return faults

"""The learner: a River pipeline that learns online from matured examples, one after the other, and can stop at any of
them.

Per example, in the order of the training topic: the pipeline predicts (progressive validation), the loss goes to the
drift watch, then the scaler and the logistic regression learn. A snapshot holds all of it; a learner restored from
one continues with the same bits, and its watermark says where.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import log, sqrt
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from riskwatch.scoring.faults import ModelFault
from riskwatch.scoring.inputs import Input, apply_transforms, log1p_rows
from riskwatch.scoring.linear import LinearModel
from riskwatch.scoring.pipeline import drift_watch, river_pipeline
from riskwatch.scoring.progress import Window, average_precision, roc_auc
from riskwatch.scoring.settings import LearnerSettings, PromotionPolicy
from riskwatch.scoring.snapshot import LearnerState, decode_state, encode_state
from riskwatch.streams.outputs import ModelMetrics

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Example(Protocol):
    """What the learner reads of a `TrainingExample`."""

    @property
    def example_id(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def model_version(self) -> int: ...
    @property
    def labelled_at(self) -> datetime: ...
    @property
    def score(self) -> float | None: ...
    @property
    def label(self) -> bool: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def vector(self) -> list[float | None]: ...
    @property
    def weight(self) -> float: ...


class Learned(Struct, frozen=True, kw_only=True):
    """What became of a batch of examples; the four add up to its length."""

    learned: int = 0
    applied_before: int = 0
    repeated: int = 0
    refused: int = 0


class Learner:
    """Learns one model. Not thread-safe; one instance owns the training topic's single partition."""

    def __init__(self, name: str, inputs: Sequence[Input], settings: LearnerSettings | None = None) -> None:
        settings = LearnerSettings() if settings is None else settings
        features = [each.feature for each in inputs]
        if not features or len(set(features)) != len(features):
            raise ModelFault(f"the inputs of {name} must be distinct features, at least one: {features}")
        prior = log(settings.prior / (1 - settings.prior))
        zeros = [0.0] * len(features)
        self._begin(
            LearnerState(
                name=name, inputs=tuple(inputs), settings=settings, intercept=prior,
                counts=[0] * len(features), means=zeros, variances=zeros, weights=zeros,
            )
        )  # fmt: skip

    @classmethod
    def restore(cls, data: bytes, inputs: Sequence[Input] | None = None) -> Learner:
        """Go on from a snapshot. `inputs`: what the caller means to learn from.

        Raises `ModelFault` when the snapshot is corrupt or inconsistent, or learns from other inputs.
        """
        state = decode_state(data)
        if inputs is not None and tuple(inputs) != state.inputs:
            raise ModelFault(
                f"the snapshot of {state.name} learns from other inputs: start a learner afresh, or from an older one"
            )
        learner = cls.__new__(cls)
        learner._begin(state)
        return learner

    def _begin(self, state: LearnerState) -> None:
        self.name, self.inputs, self.settings = state.name, state.inputs, state.settings
        self.watermark, self.examples, self.positives = state.watermark, state.examples, state.positives
        self.refused, self.version, self.promoted_at = state.refused, state.version, state.promoted_at
        self.learned_until_ms = state.learned_until_ms
        self.drifts, self.drifted_at = state.drifts, state.drifted_at
        self._loss, self._stored_loss, self._stored = state.loss, state.stored_loss, state.stored
        self._features = [each.feature for each in self.inputs]
        self._logged = log1p_rows(self.inputs)
        self.scaler, self.regression = river_pipeline(state)
        self._drift = drift_watch(state)
        self._window = Window(self.settings.window, state.window_values())
        self._seen = deque(state.seen_ids(), maxlen=self.settings.remembered_ids)
        self._seen_set = set(self._seen)

    def learn(self, examples: Sequence[Example], offsets: Sequence[int]) -> Learned:
        """Learn from a batch in order. `offsets` are the examples' places in the training topic, ascending.

        Skipped and counted: offsets up to the watermark; examples whose id was among the last `remembered_ids` (a
        worker that crashed publishes them again further on). Refused and counted: other models, vectors that do not
        fit their names, labels or weights that cannot be.
        """
        fresh: list[Example] = []
        applied_before = repeated = refused = 0
        for example, offset in zip(examples, offsets, strict=True):
            if offset <= self.watermark:
                applied_before += 1
                continue
            self.watermark = offset
            if not self._acceptable(example):
                refused += 1
            elif not self._remember(xxh3_64_intdigest(example.example_id.encode())):
                repeated += 1
            else:
                fresh.append(example)
        self.refused += refused
        if fresh:
            self._learn_all(fresh)
        return Learned(learned=len(fresh), applied_before=applied_before, repeated=repeated, refused=refused)

    def _acceptable(self, example: Example) -> bool:
        return example.model == self.name and len(example.vector) == len(example.names) and 0 < example.weight < 1e6

    def _remember(self, identity: int) -> bool:
        if identity in self._seen_set:
            return False
        if len(self._seen) == self._seen.maxlen:
            self._seen_set.discard(self._seen[0])
        self._seen.append(identity)
        self._seen_set.add(identity)
        return True

    def _learn_all(self, examples: list[Example]) -> None:
        # Workers ignore a version that is not above the one in use: a learner that had to begin anew counts on from it.
        self.version = max(self.version, *(each.model_version for each in examples))
        scaler, regression, features = self.scaler, self.regression, self._features
        current: list[float] = []
        for example, vector in zip(examples, self._vectors(examples), strict=True):
            known = {name: value for name, value in zip(features, vector, strict=True) if value == value}
            label = example.label
            before, after = scaler.advance(known)
            probability = float(regression.predict_proba_one(before)[True])
            current.append(probability)
            regression.learn_one(after, label, w=example.weight)
            self._watch(probability, example)
        self.learned_until_ms = max(self.learned_until_ms, *(_milliseconds(each.labelled_at) for each in examples))
        self._window.append(
            [np.nan if each.score is None else each.score for each in examples],
            current,
            [each.weight for each in examples],
            [each.label for each in examples],
        )

    def _watch(self, probability: float, example: Example) -> None:
        self.examples += 1
        self.positives += example.label
        loss = _log_loss(probability, example.label)
        self._loss += loss
        if example.score is not None:
            self._stored += 1
            self._stored_loss += _log_loss(example.score, example.label)
        self._drift.update(loss)
        if self._drift.drift_detected:
            self.drifts += 1
            self.drifted_at = self.examples

    def _vectors(self, examples: list[Example]) -> list[list[float]]:
        """Transformed inputs, one list for each example; features that the example does not name are unknown."""
        block = np.empty((len(self._features), len(examples)))
        alike: dict[tuple[str, ...], list[int]] = {}
        for i, example in enumerate(examples):
            alike.setdefault(tuple(example.names), []).append(i)
        for names, which in alike.items():
            position = {name: place for place, name in enumerate(names)}
            # A last value, unknown, is what place -1 reads: that of a feature which these examples do not name.
            places = [position.get(name, -1) for name in self._features]
            values = np.array([(*examples[i].vector, None) for i in which], dtype=np.float64)
            block[:, which] = values.T[places]
        apply_transforms(block, self._logged)
        vectors: list[list[float]] = block.T.tolist()
        return vectors

    def model(self, version: int | None = None) -> LinearModel:
        """What was learned so far, as numbers to score with. `version`: that of the last promotion unless stated."""
        weights = self.regression.weights
        return LinearModel(
            name=self.name,
            version=self.version if version is None else version,
            inputs=self.inputs,
            mean=tuple(self.scaler.means[name] for name in self._features),
            scale=tuple(sqrt(self.scaler.vars[name]) for name in self._features),
            weights=tuple(float(weights.get(name, 0.0)) for name in self._features),
            intercept=float(self.regression.intercept),
            learned_from=self.examples,
            created_for_ms=self.learned_until_ms,
        )

    def due_for_promotion(self, policy: PromotionPolicy) -> bool:
        """Whether `policy` wants the present state promoted; see `PromotionPolicy`."""
        if self.examples - self.promoted_at < policy.every_examples or self.positives < policy.positives_at_least:
            return False
        window = self._window.values
        both = window[~np.isnan(window["stored"])]
        in_use = roc_auc(both["stored"], both["label"], both["weight"])
        challenger = roc_auc(both["current"], both["label"], both["weight"])
        return in_use is None or challenger is None or challenger >= in_use - policy.auc_may_fall

    def promote(self) -> LinearModel:
        """The present state under the next version number; counts as a promotion from here on."""
        self.version += 1
        self.promoted_at = self.examples
        return self.model()

    def metrics(self) -> ModelMetrics:
        """Progressive validation. The main figures are the learner's own predictions, before it learned, over the
        window; `details` has those of the scores that were acted on (`stored_…`) and of the whole life (`…_life`)."""
        window = self._window.values
        current, label, weight = window["current"], window["label"], window["weight"]
        drifted = self.drifts > 0 and self.examples - self.drifted_at < self.settings.window
        details = {
            "window": float(len(window)),
            "window_positives": float(label.sum()),
            "stored_auc": roc_auc(window["stored"], label, weight),
            "stored_average_precision": average_precision(window["stored"], label, weight),
            "stored_log_loss_life": self._stored_loss / self._stored if self._stored else None,
            "log_loss_life": self._loss / self.examples if self.examples else None,
            "drifts": float(self.drifts),
            "refused": float(self.refused),
        }
        return ModelMetrics(
            model=self.name,
            model_version=self.version,
            at=EPOCH + timedelta(milliseconds=self.learned_until_ms),
            examples=self.examples,
            positives=self.positives,
            auc=roc_auc(current, label, weight),
            average_precision=average_precision(current, label, weight),
            log_loss=_mean_log_loss(current, label),
            score_mean=float(current.mean()) if len(window) else None,
            drifted=drifted,
            details=details,
        )

    def snapshot(self) -> bytes:
        """Everything that is needed to go on with the same bits, as sealed JSON (about 300 kB at the default
        bounds)."""
        watch, weights = self._drift, self.regression.weights
        return encode_state(
            LearnerState(
                name=self.name, inputs=self.inputs, settings=self.settings, watermark=self.watermark,
                examples=self.examples, positives=self.positives, refused=self.refused, version=self.version,
                promoted_at=self.promoted_at, learned_until_ms=self.learned_until_ms, loss=self._loss,
                stored_loss=self._stored_loss, stored=self._stored, drifts=self.drifts, drifted_at=self.drifted_at,
                counts=[self.scaler.counts[name] for name in self._features],
                means=[self.scaler.means[name] for name in self._features],
                variances=[self.scaler.vars[name] for name in self._features],
                weights=[float(weights.get(name, 0.0)) for name in self._features],
                intercept=float(self.regression.intercept), steps=self.regression.optimizer.n_iterations,
                watch_n=watch._x_mean.n, watch_mean=watch._x_mean.get(), watch_up=watch._sum_increase,
                watch_down=watch._sum_decrease, watch_least=watch._min_increase if watch._x_mean.n else None,
                watch_most=watch._max_decrease, watch_drift=watch.drift_detected,
                window=self._window.values.tobytes(), seen=np.array(self._seen, dtype="<u8").tobytes(),
            )
        )  # fmt: skip


def _log_loss(probability: float, label: bool) -> float:
    return -log(max(probability if label else 1.0 - probability, 1e-15))


def _mean_log_loss(score: NDArray[np.floating], label: NDArray[np.integer]) -> float | None:
    if len(score) == 0:
        return None
    right = np.where(label == 1, score.astype(np.float64), 1.0 - score)
    return float(-np.log(np.maximum(right, 1e-15)).mean())


def _milliseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)

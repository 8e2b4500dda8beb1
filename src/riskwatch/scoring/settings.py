"""How the transaction-fraud model learns, and when a newer state of it is promoted: declared, so that it can be read
and changed."""

from __future__ import annotations

from msgspec import Struct


class LearnerSettings(Struct, frozen=True, kw_only=True):
    """How a learner learns. Stored in its snapshots; a restored learner goes on with what it began with.

    Class imbalance is handled by `positive_weight`: a fraud moves the weights that many times as far as a good
    purchase. That shifts every log-odds by about log(positive_weight), so `LinearModel` scores rank and are no
    frequencies. `prior` sets the first intercept, because from 0 (a half) the first thousand examples would all be
    spent on sinking it.
    """

    learning_rate: float = 0.02
    intercept_rate: float = 0.02
    l2: float = 0.0
    positive_weight: float = 5.0
    prior: float = 0.02
    window: int = 8_192
    remembered_ids: int = 16_384
    drift_delta: float = 0.005
    drift_threshold: float = 50.0
    drift_forgetting: float = 0.9999


class PromotionPolicy(Struct, frozen=True, kw_only=True):
    """When the learner's state becomes the model that workers score with.

    Every `every_examples` examples, once `positives_at_least` frauds were learned; and never while the learner ranks
    worse than the model in use by more than `auc_may_fall` on the same matured examples.
    """

    every_examples: int = 1_000
    positives_at_least: int = 50
    auc_may_fall: float = 0.02


TRANSACTION_FRAUD = "transaction-fraud"
"""The name of the model that scores purchases."""

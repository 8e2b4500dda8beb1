"""How the models learn, what their labels are, and when a newer state is promoted: declared, so that it can be read and
changed."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class LearnerSettings(Struct, frozen=True, kw_only=True):
    """How a learner learns. Stored in its snapshots; a restored learner goes on with what it began with.

    Class imbalance: frauds are a percent or less, and the logistic loss is left unweighted (`positive_weight` 1), so
    that scores are frequencies and every good purchase says its part; `prior` sets the first intercept, since from 0
    (a half) the first thousands of examples would be spent on sinking it. Measured on 1.17 million card transactions,
    0.8% fraud, amounts logged, labels 7.5 days late, from day 30 on: average precision of the scores given .26 at
    weight 1, .22 at 5, .10 at 20 (AUC .69, .69, .68), and .24 to .26 for learning rates from .001 to .02. A weight
    above 1 moves the weights that many times as far for a fraud, and shifts every log-odds by about its logarithm:
    scores then rank and are no frequencies.

    `drift_…`: Page-Hinkley on the log loss, the threshold being a sum of excess loss. On the same transactions 200
    gives one alarm in 1.1 million examples, 100 gives ten; when 2% of the good purchases turn into frauds, 200 sees
    it after 1,119 examples.
    """

    learning_rate: float = 0.005
    intercept_rate: float = 0.005
    l2: float = 0.0
    positive_weight: float = 1.0
    prior: float = 0.02
    window: int = 8_192
    remembered_ids: int = 16_384
    drift_delta: float = 0.005
    drift_threshold: float = 200.0
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
ARREARS = "arrears"
"""The name of the model that scores loans: whether they will be 30 days past due."""

LEARNING: Mapping[str, LearnerSettings] = {
    TRANSACTION_FRAUD: LearnerSettings(),
    ARREARS: LearnerSettings(prior=0.05),
}
HORIZON_DAYS: Mapping[str, int] = {TRANSACTION_FRAUD: 7, ARREARS: 60}
"""Days after an entry within which what a model predicts comes true, or does not.

Arrears: on 467,033 account-months, learned from and judged by different persons, 60 days warn of as many loans as 90 at
1, 2 and 5 % of accounts a month, and of more than 45 or 180."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim, preprocessing

from riskwatch.scoring.faults import ModelFault
from riskwatch.scoring.inputs import Input
from riskwatch.scoring.learner import Learned, Learner
from riskwatch.scoring.linear import decode_model, encode_model
from riskwatch.scoring.settings import LearnerSettings, PromotionPolicy
from riskwatch.streams.outputs import TrainingExample

NAMES = ["a", "b", "c"]
INPUTS = tuple(Input(feature=name) for name in NAMES)
START = datetime(2026, 1, 8, tzinfo=UTC)


def example(i: int, label: bool, vector: list[float | None], **changes: object) -> TrainingExample:
    made = TrainingExample(
        example_id=f"{i:032x}", model="m", model_version=0, tenant="north", customer_id="c", event_id=f"{i:016x}",
        occurred_at=START - timedelta(days=7), labelled_at=START + timedelta(seconds=i), score=0.25, label=label,
        names=NAMES, vector=vector,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def examples(n: int, seed: int = 1, share: float = 0.2) -> list[TrainingExample]:
    """A fraud has a larger `a`; `b` is noise and sometimes unknown; `c` never varies."""
    rng = random.Random(seed)
    made = []
    for i in range(n):
        label = rng.random() < share
        vector = [rng.gauss(3.0 * label, 1.0), None if rng.random() < 0.3 else rng.gauss(5, 2), 1.0]
        made.append(example(i, label, vector, score=None if rng.random() < 0.2 else rng.random()))
    return made


def learned(n: int, **settings: float) -> Learner:
    learner = Learner("m", INPUTS, LearnerSettings(**settings))  # type: ignore[arg-type]
    learner.learn(examples(n), range(n))
    return learner


def test_the_learner_learns_bit_for_bit_what_a_plain_river_pipeline_learns() -> None:
    options = LearnerSettings(positive_weight=4.0, prior=0.1, learning_rate=0.03, intercept_rate=0.02)
    learner = Learner("m", INPUTS, options)
    regression = linear_model.LogisticRegression(
        optim.SGD(0.03), loss=optim.losses.Log(weight_pos=4.0), intercept_init=math.log(0.1 / 0.9), intercept_lr=0.02
    )
    pipeline = preprocessing.StandardScaler() | regression
    batch = examples(300)
    predicted = []
    for each in batch:
        known = {name: value for name, value in zip(NAMES, each.vector, strict=True) if value is not None}
        predicted.append(pipeline.predict_proba_one(known)[True])
        pipeline.learn_one(known, each.label)
    learner.learn(batch, range(300))
    model = learner.model()
    assert learner._window.values["current"].tolist() == np.array(predicted, np.float32).tolist()
    assert (dict(zip(NAMES, model.weights, strict=True)), model.intercept) == (regression.weights, regression.intercept)


def test_the_model_scores_as_the_learner_would_predict() -> None:
    learner = learned(300)
    model = learner.model()
    known = {"a": 2.0, "c": 1.0}
    expected = learner.regression.predict_proba_one(learner.scaler.transform_one(known))[True]
    assert model.score(np.array([[2.0, np.nan, 1.0]]), model.columns)[0] == pytest.approx(expected, abs=1e-12)


def test_a_log_transformed_input_is_learned_from_as_it_is_scored() -> None:
    logged = Learner("m", (Input(feature="a", transform="log1p"),))
    plain = Learner("m", (Input(feature="a"),))
    values = [0.0, 3.0, 900.0, -8.0]
    for learner, told in ((logged, values), (plain, [math.copysign(math.log1p(abs(x)), x) for x in values])):
        batch = [example(i, i == 2, [x], names=["a"]) for i, x in enumerate(told)]
        learner.learn(batch, range(4))
    assert logged.model().mean == pytest.approx(plain.model().mean)
    assert logged.model().weights == pytest.approx(plain.model().weights)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 120), st.lists(st.integers(1, 40), max_size=8))
def test_a_restored_learner_goes_on_with_the_same_bits(stop: int, sizes: list[int]) -> None:
    batch = examples(120)
    whole = Learner("m", INPUTS, LearnerSettings(window=50, remembered_ids=60))
    whole.learn(batch, range(120))
    first = Learner("m", INPUTS, LearnerSettings(window=50, remembered_ids=60))
    first.learn(batch[:stop], range(stop))
    second = Learner.restore(first.snapshot(), INPUTS)
    at = stop
    for size in [*sizes, 120]:
        second.learn(batch[at : at + size], range(at, min(at + size, 120)))
        at = min(at + size, 120)
    assert second.snapshot() == whole.snapshot()


def test_a_learner_restored_before_it_learned_is_the_same_as_a_new_one() -> None:
    fresh = Learner("m", INPUTS)
    assert Learner.restore(fresh.snapshot()).snapshot() == fresh.snapshot()


def test_offsets_up_to_the_watermark_are_skipped() -> None:
    learner = learned(100)
    before = learner.snapshot()
    assert learner.learn(examples(100), range(100)) == Learned(applied_before=100)
    assert learner.snapshot() == before


def test_an_example_that_comes_again_at_a_later_offset_is_skipped_and_counted() -> None:
    learner = learned(100)
    weights = learner.model().weights
    assert learner.learn(examples(100)[40:60], range(100, 120)) == Learned(repeated=20)
    assert (learner.model().weights, learner.watermark) == (weights, 119)


def test_examples_that_do_not_fit_are_refused_and_counted() -> None:
    learner = learned(10)
    misfits = [
        example(100, True, [1.0]),
        example(101, True, [1.0, 2.0, 3.0], model="other"),
        example(102, True, [1.0, 2.0, 3.0], weight=0.0),
        example(103, True, [1.0, 2.0, 3.0], weight=float("nan")),
    ]
    assert learner.learn(misfits, range(10, 14)) == Learned(refused=4)


def test_examples_of_an_earlier_list_of_features_are_read_by_name() -> None:
    by_name = Learner("m", INPUTS)
    by_name.learn([example(0, True, [9.0, 2.0], names=["gone", "a"])], [0])
    assert by_name.model().mean == (2.0, 0.0, 0.0)


def test_an_example_of_more_weight_moves_the_weights_further() -> None:
    once, thrice = (Learner("m", INPUTS) for _ in range(2))
    calm = [example(i, False, [float(i), None, None]) for i in range(4)]
    for learner, weight in ((once, 1.0), (thrice, 3.0)):
        learner.learn([*calm, example(4, True, [9.0, None, None], weight=weight)], range(5))
    assert thrice.model().weights[0] > once.model().weights[0] > 0


def test_frauds_that_look_different_are_told_apart() -> None:
    metrics = learned(2_000, learning_rate=0.05).metrics()
    assert metrics.auc is not None
    assert metrics.auc > 0.95


def test_metrics_are_of_scores_given_before_the_label_was_learned() -> None:
    learner = Learner("m", INPUTS, LearnerSettings(prior=0.1))
    learner.learn([example(0, True, [5.0, 1.0, 1.0], score=0.75)], [0])
    metrics = learner.metrics()
    assert metrics.log_loss == pytest.approx(-math.log(0.1), rel=1e-6)
    assert metrics.details["stored_log_loss_life"] == pytest.approx(-math.log(0.75))


def test_metrics_say_until_when_labels_were_learned() -> None:
    assert learned(10).metrics().at == START + timedelta(seconds=9)


def test_a_change_of_what_fraud_looks_like_is_seen_as_drift() -> None:
    learner = Learner("m", INPUTS, LearnerSettings(learning_rate=0.02, intercept_rate=0.02))
    learner.learn(examples(1_500), range(1_500))
    assert not learner.metrics().drifted
    turned = [msgspec.structs.replace(each, example_id=f"t{i}", label=not each.label) for i, each in
              enumerate(examples(500, seed=2))]  # fmt: skip
    learner.learn(turned, range(1_500, 2_000))
    assert learner.metrics().drifted


POLICY = PromotionPolicy(every_examples=100, positives_at_least=10, auc_may_fall=0.02)


def test_a_promotion_is_due_after_enough_examples_and_frauds() -> None:
    assert [learned(n).due_for_promotion(POLICY) for n in (99, 100)] == [False, True]


def test_no_promotion_is_due_with_too_few_frauds() -> None:
    learner = Learner("m", INPUTS)
    learner.learn(examples(200, share=0.0), range(200))
    assert not learner.due_for_promotion(POLICY)


def test_the_next_promotion_is_due_after_as_many_examples_again() -> None:
    learner = learned(150)
    learner.promote()
    assert not learner.due_for_promotion(POLICY)


def test_no_promotion_is_due_while_the_learner_ranks_worse_than_the_model_in_use() -> None:
    learner = Learner("m", INPUTS)
    perfect = [msgspec.structs.replace(each, score=float(each.label)) for each in examples(200)]
    noise = [msgspec.structs.replace(each, vector=[1.0, 1.0, 1.0]) for each in perfect]
    learner.learn(noise, range(200))
    assert not learner.due_for_promotion(POLICY)


def test_each_promotion_has_the_next_version() -> None:
    learner = learned(100)
    assert [learner.promote().version, learner.promote().version] == [1, 2]


def test_a_learner_that_begins_anew_counts_on_from_the_version_in_use() -> None:
    learner = Learner("m", INPUTS)
    learner.learn([example(0, True, [1.0, 2.0, 3.0], model_version=7)], [0])
    assert learner.promote().version == 8


def test_the_version_outlives_a_restart() -> None:
    learner = learned(100)
    learner.promote()
    assert Learner.restore(learner.snapshot()).promote().version == 2


def test_a_promoted_model_can_be_read_by_a_worker() -> None:
    promoted = learned(200).promote()
    assert decode_model(encode_model(promoted), known=set(NAMES)) == promoted


def test_values_beyond_all_reason_leave_the_learner_finite() -> None:
    learner = learned(50)
    wild = [example(50 + i, i % 2 == 0, [1e308 * (-1) ** i, 1e-308, 1e308]) for i in range(20)]
    learner.learn(wild, range(50, 70))
    decode_model(encode_model(learner.model()))


def test_a_corrupt_snapshot_is_refused() -> None:
    data = bytearray(learned(20).snapshot())
    data[len(data) // 2] ^= 1
    with pytest.raises(ModelFault):
        Learner.restore(bytes(data))


def test_a_snapshot_that_learns_from_other_inputs_is_refused() -> None:
    with pytest.raises(ModelFault, match="other inputs"):
        Learner.restore(learned(20).snapshot(), INPUTS[:2])


def test_a_snapshot_stays_below_the_size_of_a_message() -> None:
    learner = learned(100)
    rng = np.random.default_rng(1)
    learner._window.append(*([rng.random(9_000).tolist()] * 3), [False] * 9_000)
    learner._seen.extend(range(2**63, 2**63 + 20_000))
    assert len(learner.snapshot()) < 500_000

from __future__ import annotations

import json
import math
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim, preprocessing

from riskwatch.features.table import FEATURES
from riskwatch.scoring.faults import ModelFault
from riskwatch.scoring.inputs import (
    ENTRY_INPUTS,
    TRANSACTION_FRAUD_FEATURES,
    TRANSACTION_FRAUD_INPUTS,
    Input,
    gather,
)
from riskwatch.scoring.linear import LinearModel, decode_model, encode_model, sigmoid
from riskwatch.streams.entry import ENTRY

NAN = float("nan")


def model(**changes: object) -> LinearModel:
    """Two inputs: `a` as it is (mean 10, scale 2, weight 1), `b` by its logarithm (mean 0, scale 1, weight -1)."""
    plain = LinearModel(
        name="m", version=3, inputs=(Input(feature="a"), Input(feature="b", transform="log1p")), mean=(10.0, 0.0),
        scale=(2.0, 1.0), weights=(1.0, -1.0), intercept=-2.0, learned_from=100, created_for_ms=5,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def score(row: list[float], **changes: object) -> float:
    return float(model(**changes).score(np.array([row]), {"a": 0, "b": 1})[0])


def test_a_score_is_the_logistic_of_the_weighted_scaled_inputs() -> None:
    # (14 - 10) / 2 = 2; log(1 + e - 1) = 1; -2 + 2 - 1 = -1
    assert logit(score([14.0, math.e - 1])) == pytest.approx(-1.0)


def test_a_log_transformed_value_below_zero_keeps_its_sign() -> None:
    assert logit(score([10.0, 1 - math.e])) == pytest.approx(-1.0)


@pytest.mark.parametrize("unknown", [NAN, math.inf, -math.inf])
def test_an_unknown_value_counts_as_the_mean(unknown: float) -> None:
    assert score([unknown, 0.0]) == score([10.0, 0.0])


def test_an_input_that_never_varied_does_not_count() -> None:
    assert score([1e6, 0.0], scale=(0.0, 1.0)) == pytest.approx(1 / (1 + math.exp(2)))


def test_values_beyond_all_reason_give_a_probability() -> None:
    scores = model(scale=(1e-300, 1.0)).score(np.array([[1e308, 1e308], [-1e308, 1.0]]), {"a": 0, "b": 1})
    assert scores.tolist() == [1.0, 0.0]


def test_the_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_columns_are_found_by_name() -> None:
    wide = np.array([[math.e - 1, 99.0, 14.0]])
    assert model().score(wide, {"b": 0, "other": 1, "a": 2})[0] == score([14.0, math.e - 1])


def test_a_model_of_features_without_a_column_names_them() -> None:
    with pytest.raises(ModelFault, match="unknown features: b"):
        model().score(np.zeros((1, 1)), {"a": 0})


def test_scores_equal_those_of_the_river_pipeline_that_it_was_made_from() -> None:
    rng = random.Random(5)
    names = [f"f{i}" for i in range(12)]
    pipeline = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.05))
    rows = [{name: rng.gauss(i, 1 + i) for i, name in enumerate(names)} for _ in range(400)]
    for row in rows:
        pipeline.learn_one(row, row["f3"] + rng.gauss(0, 2) > 4)
    scaler, regression = pipeline["StandardScaler"], pipeline["LogisticRegression"]
    made = LinearModel(
        name="m", version=1, inputs=tuple(Input(feature=name) for name in names),
        mean=tuple(scaler.means[name] for name in names), scale=tuple(scaler.vars[name] ** 0.5 for name in names),
        weights=tuple(regression.weights[name] for name in names), intercept=regression.intercept, learned_from=400,
        created_for_ms=0,
    )  # fmt: skip
    matrix = np.array([[row[name] for name in names] for row in rows])
    matrix[::7, 2] = NAN  # River is told nothing of a feature that is unknown
    known = [{n: v for n, v in zip(names, row, strict=True) if v == v} for row in matrix.tolist()]
    expected = [pipeline.predict_proba_one(each)[True] for each in known]
    assert made.score(matrix, made.columns) == pytest.approx(expected, abs=1e-12, rel=0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(0, 70), st.integers(0, 2**32 - 1))
def test_a_row_has_the_same_score_bit_for_bit_in_any_batch(n: int, cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = len(TRANSACTION_FRAUD_INPUTS)
    many = LinearModel(
        name="m", version=1, inputs=TRANSACTION_FRAUD_INPUTS, mean=tuple(rng.normal(size=k)),
        scale=tuple(rng.random(k)), weights=tuple(rng.normal(size=k)), intercept=-3.0, learned_from=1, created_for_ms=0,
    )  # fmt: skip
    matrix = rng.lognormal(3, 3, (n, k))
    whole = many.score(matrix, many.columns)
    cut = min(cut, n)
    split = np.concatenate([many.score(matrix[:cut], many.columns), many.score(matrix[cut:], many.columns)])
    alone = np.concatenate([many.score(row[None], many.columns) for row in matrix])
    assert whole.tobytes() == split.tobytes() == alone.tobytes()


def test_contributions_are_ranked_by_how_far_they_raised_the_score() -> None:
    ranked = model().contributions(np.array([14.0, math.e - 1]), {"a": 0, "b": 1})
    assert [(each.feature, round(each.log_odds, 9)) for each in ranked] == [("a", 2.0), ("b", -1.0)]


def test_contributions_and_intercept_add_up_to_the_score() -> None:
    ranked = model().contributions(np.array([13.0, 5.0]), {"a": 0, "b": 1})
    assert sum(each.log_odds for each in ranked) - 2.0 == pytest.approx(logit(score([13.0, 5.0])))


def test_what_is_usual_is_told_in_the_unit_of_the_feature() -> None:
    ranked = model(mean=(10.0, math.log(101))).contributions(np.array([10.0, 100.0]), {"a": 0, "b": 1})
    assert {each.feature: round(each.usual, 6) for each in ranked} == {"a": 10.0, "b": 100.0}


def test_an_unknown_value_contributes_nothing() -> None:
    ranked = model().contributions(np.array([NAN, 0.0]), {"a": 0, "b": 1})
    assert {each.feature: each.log_odds for each in ranked}["a"] == 0.0


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.tuples(FLOATS, FLOATS), FLOATS)
def test_a_model_comes_back_bit_for_bit(weights: tuple[float, float], intercept: float) -> None:
    sent = model(weights=weights, intercept=intercept)
    assert repr(decode_model(encode_model(sent))) == repr(sent)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"mean": (1.0,)}, "mean has 1 numbers for 2 inputs"),
        ({"weights": (1.0, 2.0, 3.0)}, "weights has 3 numbers for 2 inputs"),
        ({"scale": (1.0, -1.0)}, "a scale is below 0"),
        ({"version": -1}, "cannot be below 0"),
        ({"inputs": (Input(feature="a"), Input(feature="a"))}, "'a' is there twice"),
        ({"inputs": (), "mean": (), "scale": (), "weights": ()}, "no inputs"),
        ({"weights": (NAN, 1.0)}, "not a riskwatch-linear-model"),
        ({"intercept": math.inf}, "not a riskwatch-linear-model"),
    ],
)
def test_a_model_that_is_not_consistent_and_finite_is_refused(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(ModelFault, match=fault):
        decode_model(encode_model(model(**changes)))


def test_a_model_of_features_that_the_reader_does_not_compute_is_refused() -> None:
    with pytest.raises(ModelFault, match="feature 'b' is unknown"):
        decode_model(encode_model(model()), known={"a"})


@given(st.data())
def test_a_model_with_a_changed_byte_is_refused_or_the_same(data: st.DataObject) -> None:
    sent = encode_model(model())
    at = data.draw(st.integers(0, len(sent) - 1))
    changed = bytearray(sent)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        read = decode_model(bytes(changed))
    except ModelFault:
        return
    assert read == model()  # a byte between the fields


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"\x80\x04K\x01.", b"[" * 100_000])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ModelFault):
        decode_model(data)


def test_a_model_cut_short_is_refused() -> None:
    with pytest.raises(ModelFault):
        decode_model(encode_model(model())[:-20])


def test_a_model_is_json() -> None:
    assert json.loads(encode_model(model()))["body"]["weights"] == [1.0, -1.0]


def test_every_input_of_the_fraud_model_is_a_feature_or_a_field_of_the_entry() -> None:
    known = {each.name for each in FEATURES} | set(ENTRY_INPUTS)
    assert [name for name in TRANSACTION_FRAUD_FEATURES if name not in known] == []


def test_inputs_are_gathered_from_entries_and_columns() -> None:
    entries = np.zeros(2, ENTRY)
    entries["amount"], entries["local_hour"] = [500.0, NAN], [5, 6]
    inputs = (Input(feature="f"), Input(feature="at_night"), Input(feature="amount"))
    gathered = gather(inputs, np.array([[0.0, 7.0], [0.0, 8.0]]), {"e": 0, "f": 1}, entries)
    assert np.array_equal(gathered, [[7.0, 1.0, 500.0], [8.0, 0.0, NAN]], equal_nan=True)


def test_vectors_keep_what_the_model_read() -> None:
    kept = model().vectors(np.array([[1.0, 2.0, NAN]]), {"b": 2, "a": 1})
    assert kept.dtype == np.float32
    assert np.array_equal(kept, [[2.0, NAN]], equal_nan=True)

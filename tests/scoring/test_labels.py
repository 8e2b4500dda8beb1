from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.scoring.faults import ModelFault
from riskwatch.scoring.labels import (
    HOUR_MS,
    bucket_hours,
    is_due,
    keep_negatives,
    keep_predictions,
    matured,
    maturity_ms,
    pending_key,
    pending_until,
    unpack_predictions,
)
from riskwatch.scoring.remembered import (
    CONFIRMED_KEPT_MS,
    confirmed_expired,
    confirmed_key,
    pack_confirmed,
    read_confirmed,
)
from riskwatch.streams.packing import to_ms

T0 = 490_000 * HOUR_MS
AGE = 7 * 24 * HOUR_MS + 12 * HOUR_MS


def kept(
    events: list[int], times: list[int], offset: int = 10, customers: list[str] | None = None
) -> dict[bytes, bytes]:
    names = ["c"] * len(events) if customers is None else customers
    return keep_predictions(
        model="m",
        model_version=4,
        features=("a", "b"),
        keys=[f"north/{name}".encode() for name in names],
        events=np.array(events, dtype=np.uint64),
        subjects=np.array(events, dtype=np.uint64),
        occurred_at=np.array(times, dtype=np.int64),
        scores=np.array([0.5] * len(events)),
        vectors=np.array([[1.5, np.nan]] * len(events), dtype=np.float32),
        offset=offset,
    )


def test_a_prediction_comes_back_as_an_example_with_what_it_was_made_from() -> None:
    (example,) = matured(kept([2**64 - 1], [T0]).values(), set(), T0 + AGE)
    assert (example.model, example.model_version, example.tenant, example.customer_id) == ("m", 4, "north", "c")
    assert (example.names, example.vector, example.score) == (["a", "b"], [1.5, None], 0.5)
    assert (example.event_id, to_ms(example.occurred_at)) == ("f" * 16, T0)


def test_an_event_that_a_fraud_case_names_is_a_positive() -> None:
    found = matured(kept([1, 2], [T0, T0]).values(), {2}, T0 + AGE)
    assert [example.label for example in found] == [False, True]


def test_nothing_is_labelled_before_seven_days_and_twelve_hours_not_even_a_confirmed_fraud() -> None:
    blobs = kept([1], [T0]).values()
    assert matured(blobs, {1}, T0 + AGE - 1) == []
    assert len(matured(blobs, {1}, T0 + AGE)) == 1


def test_the_time_of_the_label_is_that_of_maturity_whenever_it_is_asked_for() -> None:
    (example,) = matured(kept([1], [T0]).values(), set(), T0 + 10 * AGE)
    assert to_ms(example.labelled_at) == maturity_ms(T0) == T0 + AGE


def test_a_prediction_without_a_score_has_none() -> None:
    blobs = keep_predictions(
        model="m", model_version=0, features=("a",), keys=[b"north/c"], events=np.array([1], np.uint64),
        subjects=np.array([1], np.uint64),
        occurred_at=np.array([T0]), scores=None, vectors=np.ones((1, 1), np.float32), offset=0,
    )  # fmt: skip
    assert matured(blobs.values(), set(), T0 + AGE)[0].score is None


def test_a_batch_is_kept_by_the_hour_of_its_maturity() -> None:
    blobs = kept([1, 2, 3], [T0, T0 + 1, T0 + HOUR_MS])
    hour = (T0 + AGE) // HOUR_MS
    assert list(blobs) == [pending_key(hour, 10), pending_key(hour + 1, 10)]
    assert [len(unpack_predictions(blob).rows) for blob in blobs.values()] == [1, 2]


def test_each_prediction_keeps_its_customer_when_the_batch_is_cut_by_hours() -> None:
    times = [T0, T0 + HOUR_MS, T0, T0 + HOUR_MS]
    blobs = kept([1, 2, 3, 4], times, customers=["x", "y", "z", "x"])
    found = matured(blobs.values(), set(), T0 + 2 * AGE)
    assert {example.event_id[-1]: example.customer_id for example in found} == {"1": "x", "2": "y", "3": "z", "4": "x"}


@given(st.integers(0, 2**45))
def test_by_the_beginning_of_its_hour_a_prediction_is_mature_and_not_an_hour_before(occurred_at: int) -> None:
    (hour,) = bucket_hours(np.array([occurred_at])).tolist()
    assert (hour - 1) * HOUR_MS < maturity_ms(occurred_at) <= hour * HOUR_MS


@given(st.integers(0, 2**40), st.integers(0, 2**62), st.integers(0, 2**62))
def test_keys_sort_by_hour_then_offset(hour: int, low: int, high: int) -> None:
    low, high = sorted((low, high))
    assert pending_key(hour, low) <= pending_key(hour, high) < pending_key(hour + 1, 0)


@pytest.mark.parametrize(("now", "due"), [(5 * HOUR_MS - 1, False), (5 * HOUR_MS, True), (9 * HOUR_MS, True)])
def test_a_blob_is_due_when_its_hour_begins(now: int, due: bool) -> None:
    key = pending_key(5, 99)
    assert is_due(key, now) is due
    assert (key < pending_until(now)) is due


def test_other_keys_are_never_due() -> None:
    assert not is_due(confirmed_key(1), 2**60)


def test_a_batch_that_was_repeated_with_another_cut_gives_each_example_once() -> None:
    events = list(range(1, 7))
    times = [T0 + i for i in range(6)]
    blobs = [
        *kept(events[:4], times[:4], offset=0).values(),
        *kept(events[:2], times[:2], offset=0).values(),
        *kept(events[2:], times[2:], offset=2).values(),
    ]
    found = matured(blobs, set(), T0 + 2 * AGE)
    assert [int(example.event_id, 16) for example in found] == events


@given(st.integers(1, 6))
def test_examples_are_the_same_however_the_batch_is_cut(cut: int) -> None:
    events, times = [5, 4, 3, 2, 1, 9, 8], [T0 + i // 2 for i in range(7)]
    whole = matured(kept(events, times).values(), {3}, T0 + 2 * AGE)
    parts = kept(events[:cut], times[:cut], 0) | kept(events[cut:], times[cut:], cut)
    assert matured(parts.values(), {3}, T0 + 2 * AGE) == whole


def test_an_examples_id_depends_on_customer_and_event_alone() -> None:
    ids = {
        example.example_id
        for blobs in (kept([1], [T0], 0), kept([1], [T0 + 5], 7), kept([1], [T0], 0, ["d"]), kept([2], [T0], 0))
        for example in matured(blobs.values(), set(), T0 + 2 * AGE)
    }
    assert len(ids) == 3


def test_a_share_of_negatives_is_kept_with_the_weight_of_the_others() -> None:
    events = list(range(1, 2_001))
    found = matured(kept(events, [T0] * 2_000).values(), {7}, T0 + AGE, negative_share=0.25)
    negatives = [example for example in found if not example.label]
    assert 400 < len(negatives) < 600
    assert {example.weight for example in negatives} == {4.0}


def test_every_positive_is_kept_with_weight_one() -> None:
    events = list(range(1, 500))
    found = matured(kept(events, [T0] * 499).values(), set(events), T0 + AGE, negative_share=0.01)
    assert (len(found), {example.weight for example in found}) == (499, {1.0})


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50), st.floats(0.01, 1), st.floats(0.01, 1))
def test_what_a_smaller_share_keeps_a_larger_one_keeps_too(events: list[int], one: float, other: float) -> None:
    hashes = np.array(events, np.uint64)
    small, large = (keep_negatives(hashes, share) for share in sorted((one, other)))
    assert not (small & ~large).any()


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_that_cannot_be_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share of negatives"):
        keep_negatives(np.array([1], np.uint64), share)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x90", b"\x96\x01\xa1m\x01\x90\x90\xc4\x00"])
def test_what_is_no_blob_is_refused(data: bytes) -> None:
    with pytest.raises(ModelFault, match="blob of predictions"):
        unpack_predictions(data)


def test_a_blob_that_was_cut_is_refused() -> None:
    (blob,) = kept([1], [T0]).values()
    with pytest.raises(ModelFault):
        unpack_predictions(blob[:-3])


def test_confirmed_frauds_are_read_back_among_other_rows() -> None:
    rows = {confirmed_key(2**64 - 1): pack_confirmed(T0), pending_key(1, 1): b"other"}
    assert read_confirmed(rows) == {2**64 - 1: T0}


def test_a_confirmed_fraud_is_remembered_for_ninety_days() -> None:
    assert [confirmed_expired(T0, T0 + CONFIRMED_KEPT_MS + more) for more in (0, 1)] == [False, True]

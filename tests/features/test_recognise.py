"""Repeats are recognised, named, and count once."""

from __future__ import annotations

import numpy as np
import pytest
from journals import LAYOUT, entry, fold

from riskwatch.features import kernel
from riskwatch.features.kernel import APPLIED, DUPLICATE, NEW, REDELIVERED
from riskwatch.streams.entry import Kind


def login(at: int, **fields: int) -> np.ndarray:
    return entry(Kind.LOGIN_SUCCEEDED, at, **fields)


def outcomes_of(*entries: np.ndarray, offsets: list[int] | None = None, rows: np.ndarray | None = None) -> list[int]:
    joined = np.concatenate(entries)
    _, _, outcomes, _ = fold(joined, offsets=None if offsets is None else np.array(offsets), rows=rows)
    return outcomes.tolist()


def test_a_repeated_event_id_is_a_duplicate():
    assert outcomes_of(login(0, event=7), login(5, event=7)) == [NEW, DUPLICATE]


def test_the_same_event_id_of_another_customer_is_new():
    entries = np.concatenate([login(0, event=7), login(0, event=7)])
    _, _, outcomes, _ = fold(entries, row_of=np.array([0, 1]))
    assert outcomes.tolist() == [NEW, NEW]


def test_an_absent_event_id_is_never_a_duplicate():
    assert outcomes_of(login(0), login(0)) == [NEW, NEW]


@pytest.mark.parametrize(("between", "outcome"), [(63, DUPLICATE), (64, NEW)])
def test_an_event_id_is_remembered_until_64_others_came(between, outcome):
    others = [login(n, event=100 + n) for n in range(between)]
    assert outcomes_of(login(0, event=7), *others, login(0, event=7))[-1] == outcome


def test_answers_take_no_place_in_the_memory_of_event_ids():
    answers = [entry(Kind.LINK_ANSWERED, 0, event=500 + n) for n in range(64)]
    assert outcomes_of(login(0, event=7), *answers, answers[0], login(0, event=7))[-2:] == [NEW, DUPLICATE]


def test_an_answer_about_a_merchant_counts_once():
    answer = entry(Kind.MERCHANT_ANSWERED, 0, event=500)
    assert outcomes_of(answer, login(0, event=7), answer) == [NEW, NEW, DUPLICATE]


def test_an_entry_below_the_watermark_is_applied_already():
    rows = np.zeros((1, LAYOUT.n_slots))
    assert outcomes_of(login(0, event=1), login(1, event=2), offsets=[10, 11], rows=rows) == [NEW, NEW]
    again = outcomes_of(login(1, event=2), login(2, event=3), offsets=[11, 12], rows=rows)
    assert again == [APPLIED, NEW]


def test_offset_0_is_applied_once():
    rows = np.zeros((1, LAYOUT.n_slots))
    assert outcomes_of(login(0, event=1), offsets=[0], rows=rows) == [NEW]
    assert outcomes_of(login(0, event=1), offsets=[0], rows=rows) == [APPLIED]


def test_derived_entries_have_no_offset_and_leave_the_watermark():
    rows = np.zeros((1, LAYOUT.n_slots))
    assert outcomes_of(login(0, event=1), login(0, event=2), offsets=[5, -1], rows=rows) == [NEW, NEW]
    assert rows[0, 0] == 6


def test_upstream_records_that_ingest_delivered_again_are_recognised_beyond_64_events():
    first = [login(n, event=n + 1, source_offset=n, source_at=1_000 + n) for n in range(200)]
    assert outcomes_of(*first, *first) == [NEW] * 200 + [REDELIVERED] * 200


def test_a_topic_made_anew_starts_at_offset_0_and_its_records_are_new():
    old = login(0, event=1, source_offset=500, source_at=1_000)
    fresh = login(1, event=2, source_offset=0, source_at=2_000)
    assert outcomes_of(old, fresh) == [NEW, NEW]


def test_records_of_another_partition_or_topic_are_new():
    first = login(0, event=1, source_offset=9, source_at=1_000)
    other_partition = login(0, event=2, source_offset=3, source_at=900, source_partition=1)
    other_topic = login(0, event=3, source_offset=3, source_at=900, source_topic=1)
    assert outcomes_of(first, other_partition, other_topic) == [NEW, NEW, NEW]


def test_a_repeat_has_no_features():
    _, matrix, _, _ = fold(np.concatenate([login(0, event=7), login(5, event=7)]))
    assert np.isnan(matrix[1]).all()


def test_rows_of_another_layout_are_refused():
    with pytest.raises(ValueError, match="rows must be contiguous float64"):
        kernel.recognise(LAYOUT, np.zeros((1, 8)), np.zeros(1), login(0), np.zeros(1))


def test_a_row_number_beyond_the_rows_is_refused():
    with pytest.raises(ValueError, match="row 3 of 1 rows"):
        kernel.recognise(LAYOUT, np.zeros((1, LAYOUT.n_slots)), np.array([3]), login(0), np.zeros(1))

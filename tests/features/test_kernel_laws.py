"""Laws of the kernel that hold for every journal."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import DAY, FIELDS, KINDS, LAYOUT, MINUTE, entry, fold, journals
from random_journal import random_journal

from riskwatch.features import kernel, row
from riskwatch.features.table import FEATURES
from riskwatch.streams.entry import Kind

TIERS = LAYOUT.plan.tiers
TILES = slice(int(TIERS["base"][0]), int(TIERS["base"][-1] + TIERS["tiles"][-1] * TIERS["width"][-1]))
"""The slots of all windows."""


@settings(max_examples=40, deadline=None)
@given(made=journals(), cuts=st.lists(st.integers(0, 30), max_size=4))
def test_a_split_replay_leaves_the_same_state_as_the_whole(made, cuts):
    entries, row_of = made
    whole, *_ = fold(entries, row_of=row_of)
    split, *_ = fold(entries, row_of=row_of, cuts=tuple(cuts))
    assert whole.tobytes() == split.tobytes()


@settings(max_examples=30, deadline=None)
@given(made=journals())
def test_every_event_three_times_leaves_the_same_state_as_once(made):
    entries, row_of = made
    once, *_ = fold(entries, row_of=row_of)
    thrice, *_ = fold(np.repeat(entries, 3), row_of=np.repeat(row_of, 3))
    once[:, row.WATERMARK] = thrice[:, row.WATERMARK] = 0
    assert once.tobytes() == thrice.tobytes()


@settings(max_examples=30, deadline=None)
@given(
    drawn=st.lists(st.tuples(KINDS.filter(lambda kind: kind < 128), st.integers(0, 8 * MINUTE), FIELDS), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_entries_shuffled_within_the_shortest_window_give_the_same_counts_sums_and_maxima(drawn, order):
    entries = [entry(kind, at, event=n + 1, **fields) for n, (kind, at, fields) in enumerate(drawn)]
    shuffled = entries.copy()
    order.shuffle(shuffled)
    in_order, *_ = fold(np.concatenate([entry(Kind.TICK, 0), *entries]))
    mixed, *_ = fold(np.concatenate([entry(Kind.TICK, 0), *shuffled]))
    assert in_order[:, TILES].tobytes() == mixed[:, TILES].tobytes()


@settings(max_examples=30, deadline=None)
@given(made=journals(customers=1), kind=KINDS.filter(lambda kind: kind < 128), fields=FIELDS)
def test_an_entry_older_than_the_longest_window_changes_no_tile(made, kind, fields):
    entries, row_of = made
    rows, *_ = fold(entries[row_of == 0])
    newest = int(rows[0, row.NEWEST])
    before = rows[:, TILES].tobytes()
    too_late = entry(kind, 0, event=999_999, **fields)
    too_late["occurred_at"] = (newest if newest else int(too_late["occurred_at"][0])) - 120 * DAY
    if newest:
        _, _, _, late = fold(too_late, rows=rows, offsets=np.array([1000]))
        assert late.tolist() == [6]
        assert rows[:, TILES].tobytes() == before


@settings(max_examples=40, deadline=None)
@given(made=journals())
def test_a_longer_window_never_sees_less(made):
    entries, row_of = made
    _, matrix, _, _ = fold(entries, row_of=row_of)
    windows = list(row.WINDOWS)
    growing = {"count", "sum", "max", "distinct", "same"}
    measures: dict[str, list[str]] = {}
    for feature in FEATURES:
        if feature.aggregate in growing:
            measures.setdefault(feature.name.removesuffix(f"_{feature.window}"), []).append(str(feature.window))
    for measure, its_windows in measures.items():
        for short, long in pairwise(sorted(its_windows, key=windows.index)):
            less = matrix[:, LAYOUT.column_of[f"{measure}_{short}"]]
            more = matrix[:, LAYOUT.column_of[f"{measure}_{long}"]]
            assert not (less > more).any(), f"{measure}: {short} against {long}"


@settings(max_examples=30, deadline=None)
@given(made=journals(), fields=FIELDS)
def test_a_future_dated_entry_does_not_touch_another_row(made, fields):
    entries, row_of = made
    rows, *_ = fold(entries, row_of=np.where(row_of < 0, -1, 0))
    rows = np.vstack([rows[:1], np.zeros((1, LAYOUT.n_slots))])
    before = rows[0].tobytes()
    fold(entry(Kind.PURCHASE_MADE, 10_000 * DAY, **fields), row_of=np.array([1]), rows=rows)
    assert rows[0].tobytes() == before


@settings(max_examples=40, deadline=None)
@given(made=journals())
def test_nothing_that_is_not_finite_enters_state(made):
    entries, row_of = made  # hashes in these journals are small: as floats they are finite, too
    rows, *_ = fold(entries, row_of=row_of)
    assert np.isfinite(rows).all()


def test_every_feature_is_known_somewhere_in_the_journals_that_the_oracle_checks():
    entries, row_of = random_journal(0, 700, customers=2)
    _, matrix, _, _ = fold(entries, row_of=row_of)
    unknown = [name for name, column in LAYOUT.column_of.items() if np.isnan(matrix[:, column]).all()]
    assert unknown == []


def test_broadcast_entries_and_entries_of_no_row_count_nowhere():
    entries = np.concatenate([entry(Kind.TICK, 0), entry(Kind.PURCHASE_MADE, 0, amount=5)])
    rows = np.zeros((1, LAYOUT.n_slots))
    outcomes = np.zeros(2, dtype=np.uint8)
    matrix, late = kernel.evolve(LAYOUT, rows, np.array([0, -1]), entries, outcomes)
    assert np.isnan(matrix).all()
    assert not rows.any()
    assert not late.any()

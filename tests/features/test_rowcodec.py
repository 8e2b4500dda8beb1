"""Packed rows come back bit for bit, and are short."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import LAYOUT, START, entry, fold
from random_journal import random_journal

from riskwatch.features import rowcodec
from riskwatch.features.row import NEWEST
from riskwatch.streams.entry import Kind


def bits(number: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", number))[0]


WORDS = st.one_of(
    st.just(0),
    st.integers(0, 2**64 - 1),
    st.floats(width=64).map(bits),
    st.floats(width=32).map(bits),
    st.integers(-(2**53), 2**53).map(lambda number: bits(float(number))),
    st.integers(START - 2**33, START + 10).map(lambda number: bits(float(number))),
    st.sampled_from([bits(-0.0), bits(1.0), bits(2.0), 0x7FF8000000000001, 0xFFF0DEADBEEF0001, 1, 2**63]),
)


@settings(max_examples=80, deadline=None)
@given(
    words=st.lists(st.lists(WORDS, min_size=16, max_size=16), min_size=1, max_size=2),
    newest=st.sampled_from([bits(float(START)), 0, bits(float("nan")), bits(2.0**60), bits(0.5)]),
)
def test_any_bits_come_back_as_they_were(words, newest):
    rows = np.array(words, dtype=np.uint64)
    rows[0, NEWEST] = newest
    back = np.full(rows.shape, 7.5)
    packed = rowcodec.pack_rows(rows.view(np.float64), np.arange(len(rows)))
    rowcodec.unpack_rows(packed, back, np.arange(len(rows)))
    assert back.view(np.uint64).tolist() == rows.tolist()


def test_rows_of_a_long_journal_come_back_as_they_were():
    entries, row_of = random_journal(5, 600, customers=4)
    rows, *_ = fold(entries, row_of=row_of)
    back = np.ones(LAYOUT.n_slots)
    for number, data in enumerate(rowcodec.pack_rows(rows, np.arange(4))):
        rowcodec.unpack_row(data, back)
        assert back.tobytes() == rows[number].tobytes()


def test_only_the_rows_asked_for_are_packed_in_the_order_asked_for():
    rows = np.zeros((3, 16))
    rows[:, 0] = 300, 400, 500
    out = np.zeros((3, 16))
    rowcodec.unpack_rows(rowcodec.pack_rows(rows, np.array([2, 0])), out, np.array([0, 1]))
    assert out[:, 0].tolist() == [500, 300, 0]


def test_a_row_of_zeros_costs_the_outer_bitmap_only():
    (data,) = rowcodec.pack_rows(np.zeros((1, LAYOUT.n_slots)), np.array([0]))
    assert len(data) == -(-LAYOUT.n_slots // 64)


def test_a_new_customer_costs_less_than_100_bytes():
    rows, *_ = fold(entry(Kind.LOGIN_SUCCEEDED, 0, event=2**63 + 5, device=2**62 + 9, local_hour=9))
    (data,) = rowcodec.pack_rows(rows, np.array([0]))
    assert len(data) < 100


def test_no_rows_pack_to_nothing():
    assert rowcodec.pack_rows(np.zeros((3, 16)), np.array([], dtype=np.int64)) == []


def test_every_cut_of_a_packed_row_is_refused():
    entries, row_of = random_journal(5, 60, customers=1)
    rows, *_ = fold(entries, row_of=row_of)
    (data,) = rowcodec.pack_rows(rows, np.array([0]))
    for length in range(len(data)):
        with pytest.raises(ValueError, match="packed row 0"):
            rowcodec.unpack_row(data[:length], np.zeros(LAYOUT.n_slots))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_a_row_or_refused(data):
    out = np.zeros(64)
    try:
        rowcodec.unpack_row(data, out)
    except ValueError:
        return
    rowcodec.unpack_row(rowcodec.pack_rows(out.reshape(1, -1), np.array([0]))[0], again := np.ones(64))
    assert again.tobytes() == out.tobytes()


def test_a_row_number_that_is_not_there_is_refused():
    with pytest.raises(IndexError, match="rows 1 to 1 of 1"):
        rowcodec.pack_rows(np.zeros((1, 16)), np.array([1]))

"""Sorting in runs gives what sorting at once gives, whatever the size of a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from riskwatch.lab.sortedruns import in_order, key


@given(st.lists(st.binary(max_size=40), max_size=80), st.integers(1, 100))
def test_runs_of_any_size_give_the_sorted_records(records: list[bytes], run: int) -> None:
    assert list(in_order(iter(records), run)) == sorted(records)


@given(st.tuples(*[st.integers(-(2**62), 2**62 - 1)] * 2), st.tuples(*[st.integers(-(2**62), 2**62 - 1)] * 2))
def test_keys_compare_as_their_numbers_do(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (key(*one) < key(*other)) == (one < other)


def test_no_records_give_none() -> None:
    assert list(in_order([])) == []

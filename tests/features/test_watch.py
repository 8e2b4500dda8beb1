"""Confirmed frauds by device and counterparty, against a count over everything that was known at each place."""

from __future__ import annotations

from typing import Any

import numpy as np
from fraud_cases import DAY, case, device, terminal
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.features.library import HeldCase, Library
from riskwatch.features.watch import WATCHED, WatchChange, watch_change, watch_frauds
from riskwatch.streams.cases import Case
from riskwatch.streams.entry import ENTRY
from riskwatch.streams.identity import Identity
from riskwatch.streams.packing import hash64

NAN = float("nan")


def library_of(*cases: Case) -> Library:
    library = Library()
    for each in cases:
        library.put_case(each.key, HeldCase(0, each.origin, each))
    return library


def entries(*given: tuple[str | None, str | None, int]) -> np.ndarray[Any, Any]:
    """Device, terminal, day."""
    made = np.zeros(len(given), dtype=ENTRY)
    for entry, (named, place, day) in zip(made, given, strict=True):
        entry["device"] = 0 if named is None else hash64("bank", named)
        entry["counterparty"] = 0 if place is None else hash64("bank", place)
        entry["occurred_at"] = day * DAY
    return made


def test_nothing_is_looked_up_where_nothing_is_known() -> None:
    assert watch_frauds(Library(), entries(("d", "t", 1))) == {}
    assert watch_frauds(library_of(case(1, Identity("phone", "p"))), entries(("d", "t", 1))) == {}


def test_frauds_are_counted_by_window_and_unknown_where_nothing_is_named() -> None:
    library = library_of(case(1, terminal("t")), case(5, terminal("t")), case(10, terminal("t"), device("d")))
    found = watch_frauds(library, entries(("d", "t", 10), (None, "t", 31), ("d", None, 10), ("e", "u", 10)))
    assert np.array_equal(found["counterparty_frauds_1d"], [1, 0, NAN, 0], equal_nan=True)
    assert np.array_equal(found["counterparty_frauds_7d"], [2, 0, NAN, 0], equal_nan=True)
    assert np.array_equal(found["counterparty_frauds_30d"], [3, 2, NAN, 0], equal_nan=True)
    assert np.array_equal(found["device_frauds_30d"], [1, NAN, 1, 0], equal_nan=True)


def test_a_case_confirmed_after_the_entry_s_own_time_does_not_count() -> None:
    assert watch_frauds(library_of(case(5, terminal("t"))), entries((None, "t", 4)))["counterparty_frauds_30d"] == [0]


def test_a_merchant_and_its_terminal_are_each_known() -> None:
    library = library_of(case(5, terminal("t"), Identity("merchant", "m")))
    found = watch_frauds(library, entries((None, "t", 5), (None, "m", 5)))
    assert found["counterparty_frauds_1d"].tolist() == [1, 1]


def test_another_institution_s_case_does_not_count() -> None:
    assert watch_frauds(library_of(case(5, terminal("t"), tenant="other")), entries((None, "t", 5)))[
        "counterparty_frauds_1d"
    ].tolist() == [0]


def test_a_case_of_the_batch_counts_from_its_place_on() -> None:
    taken = watch_change(1, 1, case(5, terminal("t"), device("d")))
    given = entries(("d", "t", 5), ("d", "t", 5), ("d", "t", 5))
    found = watch_frauds(Library(), given, [taken, watch_change(2, -1, case(5, terminal("t"), device("d")))])
    assert found["counterparty_frauds_30d"].tolist() == [0, 1, 0]
    assert found["device_frauds_30d"].tolist() == [0, 1, 0]


DAYS = {name: days for name, _, days in WATCHED}
some = st.sampled_from(["x", "y", None])
made_cases = st.lists(
    st.tuples(st.integers(0, 40), some, some, st.integers(0, 6)), max_size=8, unique_by=lambda each: each[0]
)


@given(made_cases, st.lists(st.tuples(some, some, st.integers(0, 40)), max_size=6), st.integers(0, 8))
def test_the_columns_are_a_count_over_all_that_was_known(
    known: list[tuple[int, str | None, str | None, int]], given_entries: list[tuple[str | None, str | None, int]],
    before: int,
) -> None:  # fmt: skip
    """The first `before` cases are known before the batch, the others come at their places."""
    cases = [
        (place, case(day, *([] if named is None else [device(named)]), *([] if at is None else [terminal(at)])))
        for day, named, at, place in known
    ]
    changes: list[WatchChange] = [watch_change(place, 1, each) for place, each in cases[before:]]
    found = watch_frauds(library_of(*(each for _, each in cases[:before])), entries(*given_entries), changes)
    for name, source, days in WATCHED:
        for row, (named, at, day) in enumerate(given_entries):
            wanted = device(named or "") if source == "device" else terminal(at or "")
            count = sum(
                wanted in each.identities and day * DAY - days * DAY < each.confirmed_ms <= day * DAY
                for number, (place, each) in enumerate(cases)
                if number < before or place <= row
            )
            unknown = named is None if source == "device" else at is None
            if found:
                value = found[name][row]
                assert np.isnan(value) if unknown else value == count
            else:
                assert count == 0

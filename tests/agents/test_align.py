"""Aligning the topics of a partition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.agents.align import Aligner


def lane(*times: int) -> tuple[np.ndarray, list[int]]:
    return np.array(times, dtype=np.int64), list(times)


def test_records_of_two_topics_come_out_by_time():
    aligner: Aligner[str] = Aligner()
    aligner.add("logins", *lane(1, 4, 9))
    aligner.add("purchases", *lane(2, 3, 10))
    assert aligner.release({}) == ([1, 2, 3, 4, 9, 10], ["logins", "purchases"])


def test_an_emptied_topic_with_more_to_come_stops_the_others_at_its_last_time():
    aligner: Aligner[str] = Aligner()
    aligner.add("logins", *lane(1, 4))
    aligner.add("purchases", *lane(2, 3, 10))
    assert aligner.release({"logins": True}) == ([1, 2, 3, 4], ["logins"])
    assert list(aligner.lanes) == ["purchases"]
    aligner.add("logins", *lane(5, 11))
    assert aligner.release({}) == ([5, 10, 11], ["purchases", "logins"])


def test_a_single_topic_is_released_whole_even_with_more_to_come():
    aligner: Aligner[str] = Aligner()
    aligner.add("logins", *lane(7, 3))
    assert aligner.release({"logins": True}) == ([7, 3], ["logins"])


def test_a_topic_keeps_its_own_order_where_its_times_go_back():
    aligner: Aligner[str] = Aligner()
    times, _ = lane(1, 9, 2)
    aligner.add("logins", times, ["a", "b", "c"])
    aligner.add("purchases", np.array([5], dtype=np.int64), ["x"])
    assert aligner.release({})[0] == ["a", "x", "b", "c"]


def test_a_batch_without_entries_is_emptied_at_once_and_stops_nobody():
    aligner: Aligner[str] = Aligner()
    aligner.add("logins", *lane())
    aligner.add("purchases", *lane(5))
    assert aligner.release({"logins": True}) == ([5], ["logins", "purchases"])


def test_a_lane_that_still_holds_records_takes_no_other_batch():
    aligner: Aligner[str] = Aligner()
    aligner.add("logins", *lane(1))
    with pytest.raises(ValueError, match="still holds"):
        aligner.add("logins", *lane(2))


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), min_size=1, max_size=4), st.lists(st.booleans(), min_size=4))
def test_every_record_comes_out_once_and_progress_is_always_made(lanes, more):
    aligner: Aligner[int] = Aligner()
    for number, times in enumerate(lanes):
        aligner.add(number, np.array(sorted(times), dtype=np.int64), [(number, at) for at in range(len(times))])
    flags = {number: more[number] for number in range(len(lanes))}
    released: list[tuple[int, int]] = []
    while aligner.lanes:
        items, emptied = aligner.release(flags)
        assert emptied
        released += items
        for each in emptied:
            flags[each] = False
    assert sorted(released) == sorted((n, at) for n, times in enumerate(lanes) for at in range(len(times)))
    for number in range(len(lanes)):
        mine = [at for n, at in released if n == number]
        assert mine == sorted(mine)

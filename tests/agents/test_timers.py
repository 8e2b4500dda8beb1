"""The index of when accounts want a look, and predictions that wait."""

from hypothesis import given
from hypothesis import strategies as st

from riskwatch.agents.clock import EventClock
from riskwatch.agents.partition import Waiting
from riskwatch.agents.timers import Timers
from riskwatch.scoring.labels import pending_key


def test_keys_come_due_in_order_of_time_and_stay_until_they_are_set_anew():
    timers = Timers([(b"late", 30), (b"early", 10), (b"middle", 20)])
    assert timers.due(20) == [b"early", b"middle"]
    assert timers.due(20) == [b"early", b"middle"]
    timers.set(b"early", 0)
    timers.set(b"middle", 40)
    assert timers.due(35) == [b"late"]
    assert len(timers) == 2


def test_a_key_moved_earlier_comes_due_once():
    timers = Timers([(b"a", 30)])
    timers.set(b"a", 10)
    assert timers.due(50) == [b"a"]


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 9)), max_size=30), st.integers(0, 9))
def test_what_is_due_is_what_a_plain_dict_says(changes, now):
    timers, plain = Timers(), {}
    for key, at in changes:
        timers.set(key, at)
        plain[key] = at
    expected = sorted((at, key) for key, at in plain.items() if 0 < at <= now)
    assert timers.due(now) == [key for _, key in expected]


def test_predictions_are_due_by_the_hour_of_their_maturity():
    waiting = Waiting([pending_key(5, 2), pending_key(4, 9)])
    waiting.add(pending_key(4, 1))
    waiting.add(pending_key(4, 1))
    assert waiting.due(3 * 3_600_000) == []
    assert waiting.due(5 * 3_600_000) == [pending_key(4, 1), pending_key(4, 9), pending_key(5, 2)]
    waiting.remove(pending_key(4, 9))
    assert waiting.due(4 * 3_600_000) == [pending_key(4, 1)]
    assert len(waiting) == 2


def test_a_tick_is_due_before_the_first_entry_of_each_new_interval_of_each_partition():
    clock = EventClock(100)
    assert clock.tick_before(0, 250) == 200
    assert clock.tick_before(0, 299) is None
    assert clock.tick_before(0, 120) is None
    assert clock.tick_before(1, 120) == 100
    assert clock.tick_before(0, 500) == 500

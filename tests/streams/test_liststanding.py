"""What stands on lists after changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from list_making import change

from riskwatch.streams.listing import ListChange
from riskwatch.streams.liststanding import expired, once, standing


def test_what_was_added_stands() -> None:
    assert standing([change(1)]) == [change(1)]


def test_what_was_taken_off_does_not() -> None:
    assert standing([change(1), change(2, remove=True)]) == []


def test_an_addition_of_the_same_thing_takes_the_place_of_the_first() -> None:
    assert standing([change(1), change(2, reason="again")]) == [change(2, reason="again")]


def test_a_removal_touches_its_own_purpose_kind_institution_and_value_only() -> None:
    kept = [
        change(1, purpose="watch"), change(2, kind="terminal"), change(3, tenant="other"), change(4, values=("D-2",)),
    ]  # fmt: skip
    assert sorted(each.change_id for each in standing([*kept, change(5), change(6, remove=True)])) == [
        "ch-1", "ch-2", "ch-3", "ch-4",
    ]  # fmt: skip


def test_what_was_taken_off_can_be_added_again() -> None:
    assert standing([change(1), change(2, remove=True), change(3)]) == [change(3)]


def test_in_a_rotation_one_value_in_common_is_enough_to_take_an_entry_off() -> None:
    entry = change(1, values=("new", "old"))
    assert standing([entry, change(2, values=("newer", "new"), remove=True)]) == []


def test_lists_are_sorted_by_institution_then_purpose() -> None:
    changes = [change(1, purpose="allow"), change(2, purpose="block"), change(3, tenant="aaa", purpose="watch")]
    assert [each.change_id for each in standing(changes)] == ["ch-3", "ch-2", "ch-1"]


def test_a_change_that_was_written_twice_counts_once() -> None:
    assert once([change(1), change(2), change(1)]) == [change(1), change(2)]


def test_two_institutions_may_use_one_change_id() -> None:
    assert len(once([change(1), change(1, tenant="other")])) == 2


def test_a_term_ends_at_its_instant() -> None:
    entry = change(1, expires_ms=5_000)
    assert (expired(entry, 4_999), expired(entry, 5_000)) == (False, True)


def test_without_a_term_nothing_expires() -> None:
    assert not expired(change(1), 2**60)


changes = st.lists(
    st.builds(
        lambda number, value, purpose, remove: change(number, values=(value,), purpose=purpose, remove=remove),
        st.integers(1, 20), st.sampled_from(["D-1", "D-2"]), st.sampled_from(["block", "watch"]), st.booleans(),
    ),
    unique_by=lambda each: each.change_id,
)  # fmt: skip


@given(changes, st.integers(0, 20), st.integers(0, 20))
def test_a_batch_that_a_crash_made_twice_changes_nothing(changes: list[ListChange], first: int, count: int) -> None:
    end = min(first + count, len(changes))
    assert standing([*changes[:end], *changes[first:]]) == standing(changes)


@given(changes)
def test_what_stands_is_the_last_change_of_each_thing_unless_that_is_a_removal(changes: list[ListChange]) -> None:
    last = {(each.purpose, each.values): each for each in changes}
    expected = {each.change_id for each in last.values() if not each.remove}
    assert {each.change_id for each in standing(changes)} == expected

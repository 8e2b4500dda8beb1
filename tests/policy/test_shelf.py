"""The shelf: what decides an application, by what was published before it in the journal and by its instant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publications import hour, ms, policy, published

from riskwatch.policy.lendingbook import LendingBook
from riskwatch.policy.publication import Publication
from riskwatch.policy.shelf import KEPT, MOST_SHADOWS, MOST_WAITING, POLICY_PREFIX, Shelf, Shelved, pack_shelved
from riskwatch.policy.shelf import unpack_shelved as unpack

CASH = ("bank", "cash-instalments", "CNY")


def shelf(*publications: Publication, book: LendingBook | None = None, **fields: Any) -> Shelf:
    made = Shelf((), LendingBook() if book is None else book, **fields)
    for offset, each in enumerate(publications):
        made.put(each, offset)
    return made


def decides(on: Shelf, at: float, place: tuple[str, str, str] = CASH, before: int | None = None) -> str | None:
    found = on.policy_for(*place, ms(at), before)
    return None if found is None else found.name


def in_shadow(on: Shelf, at: float, place: tuple[str, str, str] = CASH) -> list[str]:
    return sorted(each.name for each in on.shadows_for(*place, ms(at)))


def test_without_publications_the_book_decides() -> None:
    assert decides(shelf(book=LendingBook([policy("base")])), 1) == "base"
    assert decides(shelf(), 1) is None


def test_a_publication_decides_from_its_instant_on_and_not_before() -> None:
    own = shelf(published(1, start=9), book=LendingBook([policy("base")]))
    assert own.policy_for(*CASH, ms(9) - 1) == policy("base")
    assert own.policy_for(*CASH, ms(9)) == policy("ours")


def test_of_several_in_force_the_latest_published_decides() -> None:
    own = shelf(published(2, "second"), published(1, "first"), published(3, "third", start=9))
    assert [decides(own, at) for at in (1, 1.9, 2, 8.9, 9)] == ["first", "first", "second", "second", "third"]


def test_a_later_published_one_takes_the_place_of_one_that_waits() -> None:
    own = shelf(published(1, "first"), published(2, "waits", start=9), published(3, "third", start=5))
    assert [decides(own, at) for at in (4.9, 5, 9, 20)] == ["first", "third", "third", "third"]


def test_two_published_at_one_instant_go_by_their_versions() -> None:
    own = [published(1, "left"), published(1, "right")]
    last = max(own, key=lambda each: each.version).policy.name
    assert decides(shelf(*own), 2) == decides(shelf(*own[::-1]), 2) == last


def test_an_institution_s_own_goes_before_that_of_every_institution_however_it_was_given() -> None:
    every = published(2, "every", tenant="*")
    assert decides(shelf(every, book=LendingBook([policy("own-book")])), 3) == "own-book"
    assert decides(shelf(every, published(1, "own")), 3) == "own"
    assert decides(shelf(every, book=LendingBook([policy("book-every", tenant="*")])), 3) == "every"
    assert decides(shelf(every, published(1, "own", start=9)), 3) == "every"


def test_a_policy_judges_its_own_product_and_currency_only() -> None:
    own = shelf(published(1))
    assert decides(own, 2, ("bank", "consumer-credit", "CNY")) is None
    assert decides(own, 2, ("bank", "cash-instalments", "EUR")) is None


def test_what_a_later_entry_published_does_not_count() -> None:
    own = shelf(published(1, "first"), published(2, "second"))  # at offsets 0 and 1
    assert [decides(own, 9, before=offset) for offset in (0, 1, 2, None)] == [None, "first", "second", "second"]


def test_a_repeat_changes_nothing() -> None:
    own = shelf(published(1))
    assert own.put(published(1), 7) == []
    assert [each.offset for each in own.held] == [0]


def test_a_copy_stands_alone() -> None:
    own = shelf(published(1, "first"))
    copy = own.over(LendingBook([policy("base")]))
    copy.put(published(2, "second"), 5)
    assert (decides(own, 9), decides(copy, 9)) == ("first", "second")
    assert decides(copy, 0.5) == "base"


def test_a_publication_is_a_row_of_its_own_and_comes_back_from_it() -> None:
    own = Shelf()
    ((key, value),) = own.put(published(1), 7)
    assert key.startswith(POLICY_PREFIX + b"bank/cash-instalments/CNY/")
    assert value is not None
    assert unpack(value) == Shelved(published(1), 7)
    assert unpack(value).publication.policy.version == published(1).version


def test_what_is_over_is_pruned_but_for_the_last_few_and_its_rows_are_deleted() -> None:
    own = Shelf()
    rows: dict[bytes, bytes | None] = {}
    for number in range(30):
        rows.update(own.put(published(number), number))
    # The one in force, at hour 29, and those of the hours before it.
    assert [each.offset for each in own.held] == [*range(29 - KEPT, 30)]
    assert {key for key, value in rows.items() if value is not None} == {each.row_key for each in own.held}
    assert sum(value is None for value in rows.values()) == 29 - KEPT


def test_pruning_keeps_what_is_in_force_however_much_waits() -> None:
    many = MOST_WAITING + 10
    own = shelf(published(0, "now"), *(published(1 + n / 100, f"w-{n}", start=100 + n) for n in range(many)))
    assert len(own.held) == MOST_WAITING + 1
    assert decides(own, 50) == "now"
    assert decides(own, 100 + many) == f"w-{many - 1}"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=25), st.integers(0, 100))
def test_pruning_does_not_change_what_decides_from_the_newest_publication_on(
    given: list[tuple[int, int]], later: int
) -> None:
    own = [published(at / 4, f"p-{number}", start=(at + wait) / 4) for number, (at, wait) in enumerate(given)]
    own.sort(key=lambda each: each.published_at)
    newest = own[-1].published_at if own else hour(0)
    on = shelf(*own)
    at = (newest - hour(0)).total_seconds() / 3600 + later / 4
    in_force = [each for each in own if each.in_force_from <= hour(at)]  # the rule, as it is said
    wanted = max(in_force, key=lambda each: (each.published_at, each.version), default=None)
    assert decides(on, at) == (None if wanted is None else wanted.policy.name)


def test_a_shadow_is_assessed_from_its_instant_until_it_is_withdrawn_and_never_decides() -> None:
    own = shelf(
        published(1, "live"),
        published(2, "try", start=4, mode="shadow"),
        published(3, "other", mode="shadow"),
        published(6, "try", mode="withdrawn"),
    )
    assert [in_shadow(own, at) for at in (2.9, 3, 4, 5.9, 6)] == [
        [],
        ["other"],
        ["other", "try"],
        ["other", "try"],
        ["other"],
    ]
    assert {decides(own, at) for at in (1, 2, 3, 4, 5, 6)} == {"live"}


def test_what_decides_already_is_not_in_shadow_beside_itself() -> None:
    assert in_shadow(shelf(published(1), published(2, mode="shadow")), 3) == []


def test_a_shadow_is_assessed_only_where_it_would_decide() -> None:
    every = published(1, "every", tenant="*", mode="shadow")
    assert in_shadow(shelf(every), 2) == ["every"]
    assert in_shadow(shelf(every, book=LendingBook([policy("base", tenant="*")])), 2) == ["every"]
    assert in_shadow(shelf(every, book=LendingBook([policy("own")])), 2) == []


def test_the_worker_s_own_shadows_stand_beside_the_published_ones() -> None:
    own = shelf(published(1, "theirs", mode="shadow"), shadows=LendingBook([policy("mine")]))
    assert in_shadow(own, 2) == ["mine", "theirs"]
    assert in_shadow(own, 0) == ["mine"]


def test_shadows_are_bounded_and_the_newest_stay() -> None:
    own = shelf(*(published(number, f"s-{number}", mode="shadow") for number in range(MOST_SHADOWS + 3)))
    assert in_shadow(own, 50) == sorted(f"s-{number}" for number in range(3, MOST_SHADOWS + 3))


def test_withdrawn_versions_do_not_gather() -> None:
    own = Shelf()
    for number in range(100):
        own.put(published(number, f"s-{number}", mode="shadow"), 2 * number)
        own.put(published(number + 0.5, f"s-{number}", mode="withdrawn"), 2 * number + 1)
    assert len(own.held) <= KEPT + 2
    assert in_shadow(own, 200) == []


@pytest.mark.parametrize("start", [9, 3])
def test_a_shadow_may_come_again_after_it_was_withdrawn(start: float) -> None:
    own = shelf(published(1, mode="shadow"), published(2, mode="withdrawn"), published(3, start=start, mode="shadow"))
    assert [in_shadow(own, at) for at in (1, 2, start)] == [["ours"], [], ["ours"]]


def test_shelved_publications_pack_their_offset() -> None:
    assert pack_shelved(Shelved(published(1), 258))[:8] == bytes([0, 0, 0, 0, 0, 0, 1, 2])

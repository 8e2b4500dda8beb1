"""Lists: what stands until when, and which of several entries counts."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest

from riskwatch.features.lists import PRIORITY, Listed, keys_of, listed, listed_by, read_change
from riskwatch.streams.identity import Identity
from riskwatch.streams.listing import PURPOSES, ListChange
from riskwatch.streams.packing import BadEntry

PHONE = Identity("phone", "p1")


def change(purpose: str = "block", **fields: Any) -> ListChange:
    given: dict[str, Any] = {
        "change_id": f"put-{purpose}", "tenant": "bank", "kind": "customer", "values": ("c1",), "purpose": purpose,
        "actor": "ann", "reason": "seen before", "at_ms": 0,
    } | fields  # fmt: skip
    return ListChange(**given)


def after(*changes: ListChange) -> dict[bytes, Listed]:
    lists: dict[bytes, Listed] = {}
    for offset, each in enumerate(changes):
        lists |= dict.fromkeys(keys_of(each), listed_by(each, offset))
    return lists


def purpose_at(lists: dict[bytes, Listed], at_ms: int = 10, customer: str = "c1", *named: Identity) -> str | None:
    found = listed(lists, "bank", customer, named, at_ms)
    return None if found is None else found.purpose


def test_every_purpose_has_its_place_in_the_priority() -> None:
    assert sorted(PRIORITY) == sorted(PURPOSES)


@pytest.mark.parametrize(("at_ms", "found"), [(999, "block"), (1_000, None), (1_001, None)])
def test_an_entry_says_nothing_from_the_instant_of_its_expiry_on(at_ms: int, found: str | None) -> None:
    assert purpose_at(after(change(expires_ms=1_000)), at_ms) == found


def test_an_entry_that_expires_at_the_beginning_of_time_never_stands() -> None:
    assert purpose_at(after(change(expires_ms=0)), 0) is None


def test_an_entry_without_expiry_stands_for_ever() -> None:
    assert purpose_at(after(change()), 2**53) == "block"


@pytest.mark.parametrize(
    ("purposes", "counts"),
    [
        (("allow", "watch"), "watch"),
        (("watch", "allow-always"), "allow-always"),
        (("allow-always", "block"), "block"),
        (("allow", "watch", "allow-always", "block"), "block"),
    ],
)
def test_of_several_entries_the_first_by_priority_counts(purposes: tuple[str, ...], counts: str) -> None:
    for order in permutations(purposes):
        assert purpose_at(after(*map(change, order))) == counts


def test_an_entry_that_has_expired_gives_way_to_the_next() -> None:
    lists = after(change("block", expires_ms=5), change("watch"))
    assert (purpose_at(lists, 4), purpose_at(lists, 5)) == ("block", "watch")


def test_an_identifier_counts_as_the_customer_does() -> None:
    lists = after(change("watch", kind="phone", values=("p1", "p1-under-the-next-key")))
    assert purpose_at(lists, 10, "c9", PHONE) == "watch"
    assert purpose_at(lists, 10, "c9", Identity("phone", "p1-under-the-next-key")) == "watch"
    assert purpose_at(lists, 10, "c9", Identity("device", "p1")) is None
    assert purpose_at(lists, 10, "p1") is None


def test_what_is_taken_off_says_nothing_and_leaves_other_purposes() -> None:
    lists = after(change("block"), change("allow"), change("block", remove=True))
    assert purpose_at(lists) == "allow"


def test_a_later_entry_replaces_the_expiry_of_an_earlier_one() -> None:
    assert purpose_at(after(change(expires_ms=5), change(expires_ms=50)), 20) == "block"
    assert purpose_at(after(change(expires_ms=50), change(expires_ms=5)), 20) is None


def test_lists_of_another_institution_say_nothing() -> None:
    assert purpose_at(after(change(tenant="other"))) is None


def test_a_payload_that_is_no_change_is_a_bad_entry() -> None:
    assert read_change(msgspec.msgpack.encode(change())) == change()
    with pytest.raises(BadEntry):
        read_change(b"rubbish")

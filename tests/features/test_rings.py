"""Rings against connected components worked out afresh from all edges, and against growth worked by hand."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.features.ringrows import RingsFault, read_rings, rows_of, take_changes
from riskwatch.features.rings import forget, join, ring_size, ring_with
from riskwatch.features.ringstate import (
    MAX_IDENTIFIERS,
    MAX_MEMBERS,
    MEMBERS_NAMED,
    PUBLIC_ABOVE,
    SHARED_NAMED,
    STEPS,
    RingGrown,
    Rings,
    Shared,
)
from riskwatch.streams.events import Identifiers

EIGHT = PUBLIC_ABOVE | {"ip": 8}
"""An ip joins up to eight, so that what it had joined can be parted again."""
Edge = tuple[str, str, int]
"""Kind, identifier, customer."""


def key(customer: int) -> bytes:
    return f"north/C-{customer:03d}".encode()


def add(rings: Rings, *edges: Edge, at_ms: int = 1_000) -> list[RingGrown]:
    return [
        each for kind, identifier, customer in edges for each in join(rings, kind, identifier, key(customer), at_ms)
    ]


def chain(first: int, last: int, name: str = "d") -> list[Edge]:
    """Customers first … last, each sharing a device with the next."""
    return [
        edge
        for one, other in pairwise(range(first, last + 1))
        for edge in (("device", f"{name}{one}", one), ("device", f"{name}{one}", other))
    ]


def members(rings: Rings, customer: int) -> set[int]:
    ring = ring_with(rings, key(customer))
    return set() if ring is None else {int(each[-3:]) for each in ring.members}


# ------------------------------------------------------------------------------------------------------------- growing


def test_an_identifier_of_one_customer_is_no_ring() -> None:
    rings = Rings()
    assert add(rings, ("device", "d", 1)) == []
    assert (ring_with(rings, key(1)), ring_size(rings, key(1))) == (None, 1)


def test_two_customers_of_one_device_are_a_ring_that_names_them_and_it() -> None:
    rings = Rings()
    (grown,) = add(rings, ("device", "d", 1), ("device", "d", 2))
    assert (grown.step, grown.size, grown.too_large, grown.members) == (2, 2, False, (key(1), key(2)))
    assert (grown.kind, grown.identifier, grown.customer, grown.at_ms) == ("device", "d", key(2), 1_000)
    assert (grown.shared, grown.shared_count) == ((Shared(kind="device", identifier="d", customers=2),), 1)


def test_one_identifier_leads_to_another() -> None:
    rings = Rings()
    add(rings, ("device", "d", 1), ("device", "d", 2), ("phone", "p", 2), ("phone", "p", 3))
    assert members(rings, 1) == members(rings, 3) == {1, 2, 3}
    assert [ring_size(rings, key(customer)) for customer in (1, 2, 3, 4)] == [3, 3, 3, 1]


def test_a_phone_and_a_device_of_one_name_are_two_identifiers() -> None:
    assert add(Rings(), ("device", "x", 1), ("phone", "x", 2)) == []


def test_the_key_id_of_a_pseudonym_makes_no_other_identifier() -> None:
    assert len(add(Rings(), ("phone", "0" * 32, 1), ("phone", "k1a2b:" + "0" * 32, 2))) == 1


def test_a_ring_is_reported_once_at_each_step() -> None:
    grown = add(Rings(), *chain(1, 25))
    assert [each.step for each in grown] == [2, 3, 5, 10, 20]
    assert [each.size for each in grown] == [2, 3, 5, 10, 20]
    assert len({each.ring_id for each in grown}) == 1


def test_edges_said_again_change_nothing() -> None:
    rings = Rings()
    add(rings, *chain(1, 8))
    before = rows_of(rings)
    assert add(rings, *chain(1, 8)) == []
    assert rows_of(rings) == before


def test_a_later_edge_that_joins_nobody_new_is_not_reported() -> None:
    assert add(Rings(), *chain(1, 3), ("phone", "p", 1), ("phone", "p", 3))[2:] == []


def test_of_two_rings_that_merge_only_steps_beyond_both_are_new() -> None:
    rings = Rings()
    first, *_ = add(rings, *chain(1, 3), at_ms=1_000)
    second, *_ = add(rings, *chain(11, 14), at_ms=2_000)
    (grown,) = add(rings, ("phone", "p", 1), ("phone", "p", 11), at_ms=3_000)
    assert (grown.step, grown.size, grown.ring_id, grown.merged) == (5, 7, first.ring_id, (second.ring_id,))


def test_a_merge_that_passes_two_steps_reports_both() -> None:
    rings = Rings()
    add(rings, *chain(1, 9), *chain(11, 21))
    assert [each.step for each in add(rings, ("phone", "p", 1), ("phone", "p", 11))] == [20]
    rings = Rings()
    add(rings, *chain(1, 4), *chain(11, 14), *chain(21, 22))
    add(rings, ("address", "a", 1), ("address", "a", 21))  # six
    assert [each.step for each in add(rings, ("phone", "p", 1), ("phone", "p", 11))] == [10]
    rings = Rings(public_above={"device": 10, "phone": 10}, max_members=50)
    add(rings, *(("device", f"x{n}", n) for n in range(1, 5)), ("phone", "a", 1), ("phone", "a", 2))
    add(rings, ("phone", "b", 3), ("phone", "b", 4))
    assert [each.step for each in add(rings, ("phone", "c", 2), ("phone", "c", 3))] == [3]


def test_what_a_report_names_is_bounded_and_counted() -> None:
    extra = [("phone", f"p{number:02d}", customer) for number in range(15) for customer in (1, 2)]
    grown = add(Rings(), *extra, *chain(1, 20))[-1]
    assert (grown.step, len(grown.members), len(grown.shared), grown.shared_count) == (
        20,
        MEMBERS_NAMED,
        SHARED_NAMED,
        34,
    )


def test_the_identifiers_of_most_customers_are_named_first() -> None:
    grown = add(
        Rings(), ("phone", "p", 1), ("phone", "p", 2), ("device", "d", 1), ("device", "d", 2), ("device", "d", 3)
    )
    assert [(each.identifier, each.customers) for each in grown[-1].shared] == [("d", 3), ("p", 2)]


def test_a_ring_of_more_than_50_is_reported_as_too_large_and_stops_growing() -> None:
    rings = Rings()
    add(rings, *chain(1, 50))
    (grown,) = add(rings, ("device", "d50", 50), ("device", "d50", 51))
    assert (grown.too_large, grown.size, grown.step) == (True, 51, MAX_MEMBERS)
    assert add(rings, *chain(51, 60, "e")[:2]) == []
    assert (len(members(rings, 1)), members(rings, 52)) == (51, set())


def test_customers_outside_of_a_frozen_ring_are_still_joined_with_each_other() -> None:
    rings = Rings(max_members=3)
    add(rings, *chain(1, 4))
    add(rings, ("phone", "p", 1), ("phone", "p", 8), ("phone", "p", 9))
    assert (members(rings, 8), members(rings, 1)) == ({8, 9}, {1, 2, 3, 4})


def test_the_same_edges_in_the_same_order_give_the_same_reports() -> None:
    edges = [*chain(1, 6), *chain(11, 16), ("phone", "p", 3), ("phone", "p", 13)]
    assert add(Rings(), *edges) == add(Rings(), *edges)


# ------------------------------------------------------------------------------------------------------- public places


@pytest.mark.parametrize("kind", [kind for kind, most in PUBLIC_ABOVE.items() if most])
def test_an_identifier_joins_as_many_customers_as_its_kind_allows_and_not_one_more(kind: str) -> None:
    rings = Rings()
    most = PUBLIC_ABOVE[kind]
    add(rings, *((kind, "x", customer) for customer in range(most)))
    assert ring_size(rings, key(0)) == most
    add(rings, (kind, "x", most))
    assert [ring_size(rings, key(customer)) for customer in range(most + 1)] == [1] * (most + 1)


@pytest.mark.parametrize("kind", ["ip-net", "name"])
def test_networks_and_names_never_join(kind: str) -> None:
    rings = Rings()
    assert add(rings, (kind, "x", 1), (kind, "x", 2)) == []
    assert rows_of(rings) == rows_of(Rings())


def test_every_kind_of_identifier_has_a_limit() -> None:
    assert {*Identifiers.__struct_fields__, "device", "ip", "ip-net"} == set(PUBLIC_ABOVE)


def test_a_kind_without_a_limit_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="kind 'iris' of identifier has no limit"):
        join(Rings(), "iris", "x", key(1), 0)


def public(rings: Rings, identifier: str, customers: Iterable[int]) -> None:
    add(rings, *(("ip", identifier, customer) for customer in customers))


def test_members_stay_joined_only_where_another_identifier_joins_them() -> None:
    rings = Rings(EIGHT)
    add(rings, ("phone", "p", 1), ("phone", "p", 2), ("device", "d", 3), ("device", "d", 4), ("device", "d", 5))
    public(rings, "office", range(1, 9))
    assert members(rings, 1) == {1, 2, 3, 4, 5, 6, 7, 8}
    public(rings, "office", [9])
    assert [members(rings, customer) for customer in (1, 3, 6, 9)] == [{1, 2}, {3, 4, 5}, set(), set()]


def test_a_public_identifier_joins_nobody_again() -> None:
    rings = Rings()
    public(rings, "office", range(1, 10))
    assert add(rings, ("ip", "office", 10), ("ip", "office", 1), ("ip", "office", 2)) == []


def test_the_largest_part_keeps_the_id_of_the_ring() -> None:
    rings = Rings(EIGHT)
    made = add(rings, ("phone", "p", 1), ("phone", "p", 2), ("device", "d", 3), ("device", "d", 4), ("device", "d", 5))
    public(rings, "office", range(1, 9))
    whole = ring_with(rings, key(1))
    assert whole is not None
    public(rings, "office", [9])
    large, small = ring_with(rings, key(3)), ring_with(rings, key(1))
    assert large is not None
    assert small is not None
    assert large.ring_id == whole.ring_id
    assert small.ring_id not in {large.ring_id, *(each.ring_id for each in made[2:])}


def test_a_part_is_reported_again_only_beyond_what_it_fills() -> None:
    rings = Rings(EIGHT)
    add(rings, *chain(1, 4))
    public(rings, "office", range(3, 11))
    assert len(members(rings, 1)) == 10
    public(rings, "office", [11])
    assert members(rings, 1) == {1, 2, 3, 4}
    assert [(each.step, each.size) for each in add(rings, ("phone", "p", 4), ("phone", "p", 5))] == [(5, 5)]


def test_a_part_of_a_frozen_ring_that_is_small_enough_takes_in_who_came_meanwhile() -> None:
    rings = Rings(EIGHT, max_members=8)
    add(rings, *chain(1, 3))
    public(rings, "office", range(3, 11))  # ten customers: frozen
    add(rings, ("phone", "p", 1), ("phone", "p", 20), ("phone", "p", 21))
    assert (members(rings, 20), len(members(rings, 1))) == ({20, 21}, 9)
    grown = join(rings, "ip", "office", key(11), 2_000)
    assert members(rings, 1) == {1, 2, 3, 20, 21}
    assert [(each.step, each.at_ms) for each in grown] == [(5, 2_000)]


# --------------------------------------------------------------------------------------------------- bounds, forgetting


def test_with_one_identifier_too_many_the_edge_that_rested_longest_goes() -> None:
    rings = Rings()
    add(rings, ("phone", "old", 1), ("phone", "old", 2), at_ms=1)
    add(rings, *(("device", f"d{number}", 1) for number in range(MAX_IDENTIFIERS - 1)), at_ms=2)
    assert members(rings, 1) == {1, 2}
    add(rings, ("device", "one more", 1), at_ms=3)
    assert (members(rings, 1), len(rings.identifiers[key(1)])) == (set(), MAX_IDENTIFIERS)


def test_edges_that_are_forgotten_join_no_more() -> None:
    rings = Rings()
    add(rings, ("device", "d", 1), ("device", "d", 2), at_ms=1_000)
    add(rings, ("phone", "p", 2), ("phone", "p", 3), at_ms=2_000)
    forget(rings, 1_001)
    assert (members(rings, 1), members(rings, 2)) == (set(), {2, 3})


def test_an_edge_said_again_later_is_not_forgotten() -> None:
    rings = Rings()
    add(rings, ("device", "d", 1), ("device", "d", 2), at_ms=1_000)
    add(rings, ("device", "d", 1), ("device", "d", 2), at_ms=2_000)
    forget(rings, 2_000)
    assert members(rings, 1) == {1, 2}


def test_a_ring_made_again_by_the_same_edge_is_not_taken_for_the_one_that_lives_on() -> None:
    rings = Rings()
    (made,) = add(rings, ("device", "d", 1), ("device", "d", 2), at_ms=5)
    add(rings, ("phone", "p", 1), ("phone", "p", 3), at_ms=10)
    forget(rings, 6)  # 1 and 3 keep the ring
    (again,) = add(rings, ("device", "d", 4), ("device", "d", 2), at_ms=5)
    assert made.ring_id != again.ring_id
    assert (members(rings, 1), members(rings, 2)) == ({1, 3}, {2, 4})


def test_when_all_is_forgotten_nothing_is_left() -> None:
    rings = Rings()
    add(rings, *chain(1, 5))
    public(rings, "office", range(1, 12))
    forget(rings, 1_001)
    assert rows_of(rings) == rows_of(Rings())


# ---------------------------------------------------------------------------------------------------------------- laws

LIMITS = {"device": 3, "ip": 2, "phone": 4}
EDGES = st.lists(st.tuples(st.sampled_from(sorted(LIMITS)), st.sampled_from("abc"), st.integers(1, 9)), max_size=45)


def slow_partition(edges: list[Edge], without: Iterable[int] = ()) -> set[frozenset[int]]:
    """Connected components of two or more customers, from all edges: all who share take the least label, until none
    changes."""
    users: dict[tuple[str, str], set[int]] = {}
    for kind, identifier, customer in edges:
        users.setdefault((kind, identifier), set()).add(customer)
    left_out = set(without)
    sharing = [its - left_out for (kind, _), its in users.items() if len(its) <= LIMITS[kind]]
    label = {customer: customer for its in sharing for customer in its}
    while True:
        before = dict(label)
        for its in sharing:
            least = min((label[customer] for customer in its), default=0)
            label.update(dict.fromkeys(its, least))
        if label == before:
            break
    groups = [frozenset(each for each in label if label[each] == least) for least in set(label.values())]
    return {group for group in groups if len(group) > 1}


def partition(rings: Rings, *, frozen: bool = False) -> set[frozenset[int]]:
    return {
        frozenset(int(each[-3:]) for each in ring.members) for ring in rings.rings.values() if ring.frozen is frozen
    }


@settings(max_examples=300, deadline=None)
@given(edges=EDGES)
def test_rings_are_the_connected_components_of_all_edges_and_reports_are_the_steps_that_they_pass(
    edges: list[Edge],
) -> None:
    rings, before = Rings(public_above=LIMITS), set[frozenset[int]]()
    for number, edge in enumerate(edges, 1):
        grown = add(rings, edge)
        after = slow_partition(edges[:number])
        assert partition(rings) == after
        expected = []
        for group in after - before:
            largest = max((len(part) for part in before if part <= group), default=1)
            if not any(group < part for part in before):  # it grew, and was not parted
                expected += [(step, len(group)) for step in STEPS if largest < step <= len(group)]
        assert [(each.step, each.size) for each in grown] == sorted(expected)
        before = after


@settings(max_examples=300, deadline=None)
@given(edges=EDGES)
def test_outside_of_frozen_rings_rings_are_the_connected_components_without_them(edges: list[Edge]) -> None:
    rings = Rings(public_above=LIMITS, max_members=4)
    for number, edge in enumerate(edges, 1):
        add(rings, edge)
        frozen = partition(rings, frozen=True)
        assert all(len(group) > 4 for group in frozen)
        assert partition(rings) == slow_partition(edges[:number], without=set().union(*frozen))
        assert all(len(group) <= 4 for group in partition(rings))


@settings(max_examples=150, deadline=None)
@given(edges=EDGES, cuts=st.sets(st.integers(0, 45)), most=st.sampled_from([4, 50]))
def test_any_split_into_batches_gives_the_same_reports_and_bytes(edges: list[Edge], cuts: set[int], most: int) -> None:
    whole, split = Rings(public_above=LIMITS, max_members=most), Rings(public_above=LIMITS, max_members=most)
    for number, edge in enumerate(edges):
        if number in cuts:
            split = read_rings(rows_of(split).items(), LIMITS, most)
        assert add(whole, edge, at_ms=number) == add(split, edge, at_ms=number)
    assert rows_of(whole) == rows_of(split)


@settings(max_examples=150, deadline=None)
@given(edges=EDGES, most=st.sampled_from([4, 50]))
def test_every_edge_three_times_is_the_same_as_once(edges: list[Edge], most: int) -> None:
    once, thrice = Rings(public_above=LIMITS, max_members=most), Rings(public_above=LIMITS, max_members=most)
    for edge in edges:
        assert add(once, edge) == add(thrice, edge, edge, edge)
    assert rows_of(once) == rows_of(thrice)


@settings(max_examples=150, deadline=None)
@given(edges=EDGES, order=st.randoms(use_true_random=False))
def test_the_order_of_edges_does_not_change_who_is_joined(edges: list[Edge], order: object) -> None:
    shuffled = edges.copy()
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Rings(public_above=LIMITS), Rings(public_above=LIMITS)
    add(one, *edges)
    add(other, *shuffled)
    assert partition(one) == partition(other)


@settings(max_examples=150, deadline=None)
@given(edges=EDGES, before=st.integers(0, 45))
def test_after_forgetting_rings_are_the_components_of_the_edges_that_are_left(edges: list[Edge], before: int) -> None:
    limits = dict.fromkeys(LIMITS, 99)  # nothing public: what was public would stay so
    rings = Rings(public_above=limits)
    for number, edge in enumerate(edges):
        add(rings, edge, at_ms=number)
    assert forget(rings, before) == []
    fresh = Rings(public_above=limits)
    for number, edge in enumerate(edges):
        if number >= before:
            add(fresh, edge, at_ms=number)
    assert partition(rings) == partition(fresh)
    assert rings.links == fresh.links


# --------------------------------------------------------------------------------------------------------------- stored


def test_no_rows_are_an_empty_state() -> None:
    assert rows_of(read_rings([])) == {}


@settings(max_examples=150, deadline=None)
@given(edges=EDGES, cuts=st.sets(st.integers(0, 45)), most=st.sampled_from([4, 50]), before=st.integers(0, 45))
def test_the_changes_taken_now_and_then_add_up_to_the_whole_state(
    edges: list[Edge], cuts: set[int], most: int, before: int
) -> None:
    rings, stored = Rings(public_above=LIMITS, max_members=most), {}
    for number, edge in enumerate(edges):
        add(rings, edge, at_ms=number)
        if number in cuts:
            stored.update(take_changes(rings))
    forget(rings, before)
    stored.update(take_changes(rings))
    assert {key: value for key, value in stored.items() if value is not None} == rows_of(rings)
    assert take_changes(rings) == []


def a_row() -> tuple[bytes, bytes]:
    rings = Rings()
    add(rings, ("device", "d", 1), ("device", "d", 2))
    return min(rows_of(rings).items())


@pytest.mark.parametrize("data", [b"\x00", b"nonsense", a_row()[1][:-1]])
def test_bytes_that_are_no_rings_are_refused(data: bytes) -> None:
    with pytest.raises(RingsFault, match="no rings of version 1"):
        read_rings([(a_row()[0], data)])


def test_a_row_of_another_kind_is_refused() -> None:
    with pytest.raises(RingsFault, match="is none of the rings"):
        read_rings([(b"ring/x", a_row()[1])])


def test_rings_of_another_version_are_refused_by_their_version() -> None:
    key, value = a_row()
    data = bytearray(value)
    data[1] = 99  # the first field of the array
    with pytest.raises(RingsFault, match="rings of version 99; this release reads 1"):
        read_rings([(key, bytes(data))])

"""The library of fraud cases: what a lookup finds, against hand-worked cases and a plain search over all of them."""

from __future__ import annotations

import msgspec
import pytest
from fraud_cases import DAY, case, device, phone, terminal
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.features.casematch import FLOOR, JOINING, Match, score_of
from riskwatch.features.library import HeldCase, Library
from riskwatch.features.libraryrows import CASE_PREFIX, LIST_PREFIX, LibraryFault, encode_states, read_library
from riskwatch.features.lists import Listed
from riskwatch.streams.cases import Case
from riskwatch.streams.events import Sketches
from riskwatch.streams.identity import Identity
from riskwatch.streams.packing import hash64
from riskwatch.streams.sketches import similarity

NAME, ADDRESS = b"\x01\x02\x03\x04", bytes(range(20, 40))


def library_of(*cases: Case) -> Library:
    library = Library()
    for each in cases:
        put(library, each)
    return library


def put(library: Library, each: Case) -> None:
    library.put_case(each.key, HeldCase(1, each.origin, each))


def clear(library: Library, each: Case) -> None:
    library.put_case(each.key, HeldCase(2, each.origin + 1))


def ids(matches: list[Match]) -> list[str]:
    return [match.case.case_id for match in matches]


def test_an_applicant_who_shares_an_identifier_is_matched() -> None:
    library = library_of(case(1, phone("p1"), device("d1")), case(2, phone("p2")))
    (found,) = library.matches("bank", "c9", [phone("p1"), device("other")])
    assert (found.case.case_id, found.score, found.shared, found.exact) == ("case-1", 0.95, ("phone",), True)


def test_every_kind_that_is_shared_is_told_heaviest_first() -> None:
    ip, name = Identity("ip", "1.2.3.4"), Identity("name", "n")
    library = library_of(case(1, device("d1"), phone("p1"), ip, name))
    (found,) = library.matches("bank", "c9", [name, ip, phone("p1"), device("d1")])
    assert found.shared == ("phone", "device", "name", "ip")


@pytest.mark.parametrize("kind", ["name", "ip", "ip-net", "merchant", "terminal"])
def test_what_strangers_share_is_no_match(kind: str) -> None:
    shared = Identity(kind, "same")  # type: ignore[arg-type]
    assert library_of(case(1, shared)).matches("bank", "c9", [shared]) == []


def test_another_institution_s_case_is_no_match() -> None:
    library = library_of(case(1, phone("p1"), tenant="other", sketches=Sketches(name=NAME, address=ADDRESS)))
    assert library.matches("bank", "f1", [phone("p1")], Sketches(name=NAME, address=ADDRESS)) == []


def test_an_applicant_s_own_earlier_fraud_counts_without_any_identifier() -> None:
    (found,) = library_of(case(1)).matches("bank", "f1", [])
    assert (found.score, found.shared, found.exact) == (1.0, ("customer",), True)


def test_a_case_about_no_event_at_all_is_the_customer_s_own() -> None:
    assert len(library_of(case(1, subject=None, application_id=None)).matches("bank", "f1", [])) == 1


def test_the_victim_of_a_fraudulent_purchase_is_no_match() -> None:
    library = library_of(case(1, terminal("t1"), subject="purchase-7", application_id=None))
    assert library.matches("bank", "f1", []) == []


def test_the_best_match_comes_first_and_of_equal_ones_the_newest() -> None:
    library = library_of(case(1, phone("p1")), case(2, device("d1")), case(3, phone("p1")))
    assert ids(library.matches("bank", "c9", [phone("p1"), device("d1")])) == ["case-3", "case-1", "case-2"]


def test_name_and_address_that_are_alike_match_without_an_identifier() -> None:
    library = library_of(case(1, sketches=Sketches(name=NAME, address=ADDRESS)))
    (found,) = library.matches("bank", "c9", [], Sketches(name=NAME, address=ADDRESS[:18]))
    # The address lacks 2 of 20 bytes: 2 * 18 / 38 in common; the name is the same.
    assert found.address == pytest.approx(36 / 38)
    assert (found.name, found.exact, found.shared) == (1.0, False, ())
    assert found.score == pytest.approx(0.85 * 36 / 38)


def test_a_name_alone_never_suffices() -> None:
    library = library_of(case(1, sketches=Sketches(name=NAME, address=ADDRESS)), case(2, sketches=Sketches(name=NAME)))
    assert library.matches("bank", "c9", [], Sketches(name=NAME)) == []
    assert library.matches("bank", "c9", [], Sketches(name=NAME, address=b"\xf0\xf1\xf2")) == []


def test_an_address_alone_is_told_below_what_refers() -> None:
    library = library_of(case(1, sketches=Sketches(address=ADDRESS)))
    (found,) = library.matches("bank", "c9", [], Sketches(name=NAME, address=ADDRESS))
    assert (found.score, found.name) == (0.6, None)


def test_a_case_that_was_cleared_matches_nobody() -> None:
    known = case(1, phone("p1"), device("d1"), sketches=Sketches(name=NAME, address=ADDRESS))
    library = library_of(known)
    clear(library, known)
    assert library.matches("bank", "f1", [phone("p1")], Sketches(name=NAME, address=ADDRESS)) == []
    assert (len(library), library.devices) == (0, {})


def test_one_case_id_of_two_customers_is_two_cases() -> None:
    one, other = case(1, phone("p1")), case(1, phone("p1"), customer_id="f2")
    library = library_of(one, other)
    clear(library, one)
    assert [match.case.customer_id for match in library.matches("bank", "c9", [phone("p1")])] == ["f2"]


def test_frauds_are_counted_in_windows_that_end_at_the_instant_asked_for() -> None:
    library = library_of(*(case(day, terminal("t1")) for day in (1, 8, 30, 31)))
    assert library.frauds("bank", terminal("t1"), 31 * DAY) == (1, 2, 3)  # (30, 31], (24, 31], (1, 31]
    assert library.frauds("bank", terminal("t1"), 31 * DAY - 1) == (1, 1, 3)
    assert library.frauds("bank", terminal("t1"), 0) == (0, 0, 0)
    assert library.frauds("bank", terminal("t2"), 31 * DAY) == (0, 0, 0)


def test_a_fork_changes_by_itself() -> None:
    library = library_of(case(1, phone("p1")))
    copy = library.fork()
    clear(copy, case(1, phone("p1")))
    put(copy, case(2, phone("p1"), sketches=Sketches(address=ADDRESS)))
    assert ids(library.matches("bank", "c9", [phone("p1")])) == ["case-1"]
    assert ids(copy.matches("bank", "c9", [phone("p1")])) == ["case-2"]


# ---------------------------------------------------------------------------------------------------------------- laws

identity = st.builds(
    Identity, st.sampled_from(["phone", "device", "address", "name", "terminal", "merchant"]), st.sampled_from("xyz")
)
sketch = st.binary(min_size=4, max_size=8)


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    return case(
        draw(st.integers(0, 40)),
        *draw(st.lists(identity, max_size=4)),
        confirmed_ms=draw(st.integers(0, 40)) * DAY,
        customer_id=draw(st.sampled_from(["f1", "f2"])),
        application_id="a" if draw(st.booleans()) else None,
        sketches=Sketches(name=draw(st.none() | sketch), address=draw(st.none() | sketch)),
    )


cases = st.lists(any_case(), max_size=8, unique_by=lambda each: each.case_id)


def observed(library: Library) -> object:
    """All that a lookup can see."""
    return (
        len(library),
        {key: sorted(times) for key, times in library.devices.items()},
        {key: sorted(times) for key, times in library.counterparties.items()},
        {key: sorted(keys) for key, keys in library._by_identity.items()},
        {key: sorted(keys) for key, keys in library._by_customer.items()},
    )


@given(cases, cases)
def test_adding_and_clearing_is_as_if_it_had_never_been_added(kept: list[Case], gone: list[Case]) -> None:
    held = {each.case_id for each in kept}
    gone = [each for each in gone if each.case_id not in held]
    library = library_of(*gone, *kept)
    for each in gone:
        clear(library, each)
    assert observed(library) == observed(library_of(*kept))


@given(cases, st.randoms(use_true_random=False))
def test_the_order_of_cases_does_not_matter(given_cases: list[Case], random: object) -> None:
    shuffled = list(given_cases)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert observed(library_of(*shuffled)) == observed(library_of(*given_cases))


@given(cases, st.lists(identity, max_size=4), st.none() | sketch, st.none() | sketch)
def test_a_lookup_finds_what_a_search_over_all_cases_finds(
    known: list[Case], mine: list[Identity], name: bytes | None, address: bytes | None
) -> None:
    expected = {}
    for each in known:
        shared = {one.kind for one in mine if one in each.identities}
        joined = bool(shared & JOINING) or (each.customer_id == "f1" and each.own)
        if each.customer_id == "f1" and each.own:
            shared = shared | {"customer"}
        theirs = each.sketches or Sketches()
        by_name = None if name is None or theirs.name is None else similarity(name, theirs.name)
        by_address = None if address is None or theirs.address is None else similarity(address, theirs.address)
        if by_address is None or by_address < FLOOR:
            by_name = by_address = None  # neither part of a score would reach FLOOR by it
        score = score_of(shared, by_name, by_address)
        if joined or score_of((), by_name, by_address) >= FLOOR:
            expected[each.case_id] = pytest.approx(score)
    found = library_of(*known).matches("bank", "f1", mine, Sketches(name=name, address=address))
    assert {match.case.case_id: match.score for match in found} == expected


# ---------------------------------------------------------------------------------------------------------------- rows


def test_rows_give_the_library_back() -> None:
    known = case(1, phone("p1"), terminal("t1"), sketches=Sketches(name=NAME, address=ADDRESS), loss=5, currency="EUR")
    entry = Listed(3, "watch", "put-1", 99)
    library = read_library(
        [(CASE_PREFIX + known.key, encode_states([HeldCase(3, known.origin, known)]))],
        [(LIST_PREFIX + b"k" * 16, encode_states([entry]))],
        before=4,
    )
    assert library.case(known.key) == known
    assert library.lists == {b"k" * 16: entry}
    assert library.counterparties == {hash64("bank", "t1"): (DAY,)}


def test_states_of_a_batch_that_was_never_finished_are_left_out() -> None:
    known = case(1, phone("p1"))
    row = (CASE_PREFIX + known.key, encode_states([HeldCase(3, 1, known), HeldCase(7, 9)]))
    assert len(read_library([row], [], before=8)) == 0
    assert len(read_library([row], [], before=7)) == 1  # the entry at 7 comes again
    assert read_library([row], [], before=3).cases == {}


def test_that_a_case_was_cleared_is_remembered() -> None:
    known = case(1)
    library = read_library([(CASE_PREFIX + known.key, encode_states([HeldCase(7, 9)]))], [], before=8)
    assert library.cases == {known.key: HeldCase(7, 9)}


@pytest.mark.parametrize(
    "value", [b"", b"rubbish", msgspec.msgpack.encode([2, []]), msgspec.msgpack.encode([1, ["x"]])]
)
def test_what_is_no_row_of_this_version_is_a_fault(value: bytes) -> None:
    with pytest.raises(LibraryFault):
        read_library([(CASE_PREFIX + b"k" * 16, value)], [], before=1)

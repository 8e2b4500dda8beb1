"""Link profiles against a slow recomputation from all probes, and against counts worked by hand."""

from __future__ import annotations

from math import sqrt
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from riskwatch.features import links
from riskwatch.features.linkmessages import LinkFacts, Probe
from riskwatch.features.links import (
    EXACT,
    MAX_CASES,
    MAX_LINK_BYTES,
    LinkFault,
    LinkProfile,
    clear,
    decode_link,
    encode_link,
    evolve_link,
    taint,
)
from riskwatch.features.linkwindows import DAY_MS, EXACT_DAILY, HORIZON, Growth, estimate, place

DAY_0 = 20_000
"""A day well after 1970."""


def at(day: float) -> int:
    return int((DAY_0 + day) * DAY_MS)


def probe(customer: int, day: float, event: int = 0, *, application: bool = False) -> Probe:
    return Probe(
        probe_id="p-1",
        tenant="north",
        kind="device",
        identifier="0" * 32,
        customer_key=f"north/C-{customer}".encode(),
        event=event,
        at_ms=at(day),
        application=application,
    )


def profile_of(*probes: Probe) -> LinkProfile:
    profile = LinkProfile()
    for each in probes:
        evolve_link(profile, each)
    return profile


def last_facts(*probes: Probe) -> LinkFacts:
    profile = profile_of(*probes[:-1])
    return evolve_link(profile, probes[-1])


# ------------------------------------------------------------------------------------------------------ what is counted


def test_the_first_probe_is_in_its_own_facts() -> None:
    facts = last_facts(probe(1, 0.5, application=True))
    assert (facts.customers, facts.new_1d, facts.applications_1d, facts.exact) == (1, 1, 1, True)
    assert (facts.first_ms, facts.last_ms) == (at(0.5), at(0.5))


def test_customers_are_new_on_the_day_that_they_were_first_seen() -> None:
    facts = last_facts(probe(1, 0), probe(2, 20), probe(1, 28), probe(3, 29), probe(4, 30))
    assert (facts.customers, facts.new_1d, facts.new_7d, facts.new_30d) == (4, 2, 2, 4)


@pytest.mark.parametrize(("window", "days"), [("1d", 1), ("7d", 7), ("30d", 30)])
def test_a_window_holds_its_own_day_and_as_many_before_as_it_is_long(window: str, days: int) -> None:
    inside = last_facts(probe(1, 40 - days, 1, application=True), probe(2, 40.9, 2, application=True))
    before = last_facts(probe(1, 40 - days - 0.01, 1, application=True), probe(2, 40.9, 2, application=True))
    assert (getattr(inside, f"new_{window}"), getattr(before, f"new_{window}")) == (2, 1)
    assert (getattr(inside, f"applications_{window}"), getattr(before, f"applications_{window}")) == (2, 1)


def test_a_login_is_no_application() -> None:
    assert last_facts(probe(1, 0)).applications_30d == 0


def test_one_event_of_two_customers_is_two_applications() -> None:
    facts = last_facts(probe(1, 0, 7, application=True), probe(2, 0, 7, application=True))
    assert facts.applications_1d == 2


def test_a_late_event_goes_to_its_own_day() -> None:
    late = last_facts(probe(1, 10, 1, application=True), probe(2, 5, 2, application=True))
    after = last_facts(probe(1, 10, 1, application=True), probe(2, 5, 2, application=True), probe(1, 10, 3))
    assert (late.applications_1d, late.new_1d, late.late) == (1, 1, False)
    assert (after.applications_1d, after.applications_7d) == (1, 2)


def test_an_event_older_than_the_horizon_is_late_and_in_no_window() -> None:
    facts = last_facts(probe(1, 31), probe(2, 0.9, 2, application=True))
    assert (facts.late, facts.applications_30d, facts.customers) == (True, 0, 2)


def test_an_event_of_the_oldest_day_of_the_horizon_is_not_late() -> None:
    facts = last_facts(probe(1, 30), probe(2, 0, 2, application=True))
    assert (facts.late, facts.applications_30d) == (False, 1)


def test_the_exact_customers_have_their_first_and_last_time() -> None:
    profile = profile_of(probe(1, 3), probe(1, 1), probe(1, 2))
    seen = profile.customers[b"north/C-1"]
    assert (seen.first_ms, seen.last_ms) == (at(1), at(3))


def test_a_probe_of_another_identifier_is_refused() -> None:
    profile = profile_of(probe(1, 0))
    with pytest.raises(LinkFault, match="keep one profile for each identifier"):
        evolve_link(profile, msgspec.structs.replace(probe(1, 0), identifier="1" * 32))


def test_the_key_id_of_a_pseudonym_does_not_make_it_another_identifier() -> None:
    profile = profile_of(probe(1, 0))
    tagged = msgspec.structs.replace(probe(2, 0), identifier="k1a2b:" + "0" * 32)
    assert evolve_link(profile, tagged).customers == 2


# -------------------------------------------------------------------------------------------------------------- frauds


def frauds(profile: LinkProfile, day: float = 30) -> tuple[int, int, int, int, int]:
    facts = evolve_link(profile, probe(1, day))
    return facts.frauds_1d, facts.frauds_7d, facts.frauds_30d, facts.frauds, facts.fraud_customers


def test_a_confirmed_fraud_counts_in_the_windows_of_its_time() -> None:
    profile = LinkProfile()
    for name, day in (("F-1", 30), ("F-2", 24), ("F-3", 1), ("F-4", -1)):
        taint(profile, name, b"north/C-9", at(day))
    assert frauds(profile) == (1, 2, 3, 4, 1)


def test_a_fraud_dated_after_the_probe_is_in_none_of_its_windows() -> None:
    profile = LinkProfile()
    taint(profile, "F-1", b"north/C-9", at(31))
    assert frauds(profile) == (0, 0, 0, 1, 1)


def test_a_fraud_confirmed_twice_counts_once() -> None:
    profile = LinkProfile()
    for _ in range(2):
        taint(profile, "F-1", b"north/C-9", at(30))
    assert frauds(profile) == (1, 1, 1, 1, 1)


def test_of_two_times_of_one_case_the_earlier_stands_whatever_the_order() -> None:
    for days in ((1, 30), (30, 1)):
        profile = LinkProfile()
        for day in days:
            taint(profile, "F-1", b"north/C-9", at(day))
        assert frauds(profile) == (0, 0, 1, 1, 1)


def test_a_cleared_case_counts_no_more_and_clearing_again_changes_nothing() -> None:
    profile = LinkProfile()
    taint(profile, "F-1", b"north/C-9", at(30))
    taint(profile, "F-2", b"north/C-8", at(30))
    clear(profile, "F-1")
    clear(profile, "F-1")
    clear(profile, "F-0")
    assert frauds(profile) == (1, 1, 1, 1, 1)


def test_beyond_the_cases_held_the_oldest_go() -> None:
    profile = LinkProfile()
    for number in range(MAX_CASES + 1):
        taint(profile, f"F-{number}", b"north/C-9", at(-number))
    assert frauds(profile, 0)[3] == MAX_CASES
    before = encode_link(profile)
    taint(profile, f"F-{MAX_CASES}", b"north/C-9", at(-MAX_CASES))
    assert encode_link(profile) == before


# ---------------------------------------------------------------------------------------------------------------- laws

PROBES = st.lists(
    st.builds(
        probe,
        st.integers(0, 12),
        st.floats(0, HORIZON, exclude_max=True),
        st.integers(0, 6),
        application=st.booleans(),
    ),
    max_size=40,
)
"""Within the horizon, so that nothing is late."""
WILD = st.lists(
    st.builds(probe, st.integers(0, 12), st.floats(0, 100), st.integers(0, 6), application=st.booleans()), max_size=40
)


def slow_facts(counted: list[Probe], last: Probe) -> dict[str, object]:
    """What the facts of the last probe must be, from all that were counted, without any state."""
    day = last.at_ms // DAY_MS
    first = {
        each.customer_key: min(p.at_ms for p in counted if p.customer_key == each.customer_key) for each in counted
    }
    newest, in_windows = 0, set()
    for each in counted:  # the order matters for what is late, and for what had left the horizon
        newest = max(newest, each.at_ms // DAY_MS)
        if each.application and each.at_ms // DAY_MS >= newest - HORIZON:
            in_windows.add((each.customer_key, each.event, each.at_ms // DAY_MS))
    held = {(key, event, its) for key, event, its in in_windows if its >= newest - HORIZON}
    return {
        "customers": len(first),
        "first_ms": min(each.at_ms for each in counted),
        "last_ms": max(each.at_ms for each in counted),
        "late": day < newest - HORIZON,
        **{f"new_{w}d": sum(day - w <= ms // DAY_MS <= day for ms in first.values()) for w in (1, 7, 30)},
        **{
            f"applications_{w}d": len({(key, event) for key, event, its in held if day - w <= its <= day})
            for w in (1, 7, 30)
        },
    }


@settings(max_examples=200, deadline=None)
@given(probes=WILD)
def test_the_facts_of_every_probe_are_those_of_a_slow_recomputation(probes: list[Probe]) -> None:
    profile = LinkProfile()
    for number, each in enumerate(probes, 1):
        found = msgspec.structs.asdict(evolve_link(profile, each))
        expected = slow_facts(probes[:number], each)
        assert {name: found[name] for name in expected} == expected


@settings(max_examples=100, deadline=None)
@given(probes=WILD, cuts=st.sets(st.integers(0, 40)), low=st.booleans())
def test_any_split_into_batches_gives_the_same_facts_and_bytes(probes: list[Probe], cuts: set[int], low: bool) -> None:
    with few_exact(low):
        whole, split = LinkProfile(), LinkProfile()
        for number, each in enumerate(probes):
            if number in cuts:
                split = decode_link(encode_link(split))
            assert evolve_link(whole, each) == evolve_link(split, each)
        assert encode_link(whole) == encode_link(split)


@settings(max_examples=150, deadline=None)
@given(probes=PROBES, order=st.randoms(use_true_random=False), low=st.booleans())
def test_within_the_horizon_the_order_of_probes_does_not_matter(probes: list[Probe], order: Random, low: bool) -> None:
    shuffled = probes.copy()
    order.shuffle(shuffled)
    with few_exact(low):
        assert encode_link(profile_of(*probes)) == encode_link(profile_of(*shuffled))


@settings(max_examples=150, deadline=None)
@given(probes=PROBES, low=st.booleans())
def test_repeats_change_nothing(probes: list[Probe], low: bool) -> None:
    with few_exact(low):
        profile = profile_of(*probes)
        before = encode_link(profile)
        for each in probes:
            evolve_link(profile, each)
        assert encode_link(profile) == before


@settings(max_examples=100, deadline=None)
@given(probes=WILD, low=st.booleans())
def test_a_longer_window_never_sees_less(probes: list[Probe], low: bool) -> None:
    with few_exact(low):
        profile = LinkProfile()
        for each in probes:
            facts = evolve_link(profile, each)
            assert facts.new_1d <= facts.new_7d <= facts.new_30d
            assert facts.applications_1d <= facts.applications_7d <= facts.applications_30d


class few_exact:
    """With `low`, only 4 customers and 5 applications are counted one by one, so that short journals reach further."""

    def __init__(self, low: bool) -> None:
        self.patch = pytest.MonkeyPatch()
        if low:
            self.patch.setattr(links, "EXACT", 4)
            self.patch.setattr("riskwatch.features.linkwindows.EXACT_DAILY", 5)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self.patch.undo()


# ----------------------------------------------------------------------------------------------------- beyond the exact


def test_up_to_64_customers_are_exact_and_the_65th_is_not() -> None:
    probes = [probe(number, 0) for number in range(EXACT + 1)]
    assert last_facts(*probes[:-1]).exact
    facts = last_facts(*probes)
    assert not facts.exact
    assert facts.customers == pytest.approx(EXACT + 1, abs=4)


def test_the_customers_that_are_named_are_those_of_least_hash_whatever_the_order() -> None:
    probes = [probe(number, number / 20) for number in range(200)]
    expected = sorted((each.customer_key for each in probes), key=xxh3_64_intdigest)[:EXACT]
    assert set(profile_of(*probes).customers) == set(expected)
    assert set(profile_of(*reversed(probes)).customers) == set(expected)


def test_the_estimate_of_10_000_customers_is_within_three_standard_errors() -> None:
    facts = last_facts(*(probe(number, number / 500) for number in range(10_000)))
    assert facts.customers == pytest.approx(10_000, rel=3 * 0.0325)


@pytest.mark.parametrize("truth", [100, 1_000, 3_000, 10_000, 100_000])
def test_the_estimator_has_the_standard_error_that_is_stated_and_no_bias(truth: int) -> None:
    errors = []
    for seed in range(60):
        random, registers = Random(seed), bytearray(1 << 10)
        for _ in range(truth):
            register, rank = place(random.getrandbits(64), 10)
            registers[register] = max(registers[register], rank)
        errors.append(estimate(registers, 10) / truth - 1)
    # Of 60 samples the mean has a standard error of 0.0325 / √60 and the deviation one of about 9 %.
    assert abs(sum(errors) / 60) < 3.5 * 0.0325 / sqrt(60)
    assert sqrt(sum(error**2 for error in errors) / 60) < 1.3 * 0.0325


def test_new_customers_of_a_crowd_are_estimated_within_the_error_stated() -> None:
    profile = profile_of(*(probe(number, number / 500) for number in range(10_000)))
    facts = evolve_link(profile, probe(9_999, 19.999))
    # Days 12 to 19 brought 4,000; √(1.4 · 10,000 · 4,000 / 1024) = 234.
    assert facts.new_7d == pytest.approx(4_000, abs=3 * 234)


def test_a_known_customer_of_a_crowd_is_not_new() -> None:
    profile = profile_of(*(probe(number, 0) for number in range(1_000)))
    assert evolve_link(profile, probe(5, 20)).new_7d == 0


def test_applications_beyond_256_are_estimated_within_three_standard_errors() -> None:
    facts = last_facts(*(probe(number % 50, number / 200, number, application=True) for number in range(5_000)))
    assert facts.applications_30d == pytest.approx(5_000, rel=3 * 0.065)


def test_applications_are_exact_up_to_256_and_again_when_the_horizon_has_passed() -> None:
    probes = [probe(1, 0, number, application=True) for number in range(EXACT_DAILY)]
    assert last_facts(*probes).applications_30d == EXACT_DAILY
    facts = last_facts(*probes, probe(1, 0, 999, application=True), probe(1, 31, 1_000, application=True))
    assert facts.applications_30d == 1


def test_registers_by_day_are_those_of_hyperloglogs_made_afresh_for_each_day() -> None:
    random, newest = Random(5), 40
    drawn = [(random.getrandbits(64), random.randrange(newest + 1)) for _ in range(3_000)]
    growth = Growth()
    for hash64, day in drawn:
        growth.add(hash64, day, newest)
    for day in (newest - HORIZON - 1, 10, 11, 25, newest):
        registers = bytearray(1 << 10)
        for hash64, its in drawn:
            if its <= day:
                # Rank by the definition: one more than the zeros that lead the last 54 of 64 bits.
                bits = f"{hash64:064b}"
                registers[int(bits[:10], 2)] = max(registers[int(bits[:10], 2)], 55 - len(bits[10:].lstrip("0")))
        assert growth.up_to(day) == [estimate(registers, 10)]


def test_registers_do_not_depend_on_the_order_in_which_days_came() -> None:
    random = Random(6)
    drawn = [(random.getrandbits(64), random.randrange(90)) for _ in range(3_000)]
    in_order, backwards = Growth(), Growth()
    for hash64, day in sorted(drawn, key=lambda each: each[1]):
        in_order.advance(day)
        in_order.add(hash64, day, day)
    for hash64, day in sorted(drawn, key=lambda each: -each[1]):
        backwards.add(hash64, day, 89)
    in_order.advance(89)
    assert (in_order.base, in_order.days) == (backwards.base, backwards.days)


def test_registers_of_days_before_the_horizon_are_held_once() -> None:
    profile = profile_of(*(probe(number, number / 50) for number in range(1_000)), probe(1, 45))
    assert profile.growth is not None
    assert min(profile.growth.days) >= DAY_0 + 45 - HORIZON


# --------------------------------------------------------------------------------------------------------------- stored


@settings(max_examples=60, deadline=None)
@given(probes=WILD, cases=st.lists(st.tuples(st.integers(0, 5), st.floats(0, 100)), max_size=5), low=st.booleans())
def test_a_profile_comes_back_as_it_was(probes: list[Probe], cases: list[tuple[int, float]], low: bool) -> None:
    with few_exact(low):
        profile = profile_of(*probes)
        for number, day in cases:
            taint(profile, f"F-{number}", b"north/C-9", at(day))
        data = encode_link(profile)
        assert encode_link(decode_link(data)) == data


def test_no_bytes_are_an_empty_profile() -> None:
    assert encode_link(decode_link(b"")) == encode_link(LinkProfile())


@pytest.mark.parametrize("data", [b"\x00", b"nonsense", encode_link(LinkProfile())[:-1]])
def test_bytes_that_are_no_profile_are_refused(data: bytes) -> None:
    with pytest.raises(LinkFault, match="not a link profile"):
        decode_link(data)


def test_a_profile_of_another_version_is_refused_by_its_version() -> None:
    stored = msgspec.msgpack.decode(encode_link(LinkProfile()))
    with pytest.raises(LinkFault, match="of version 99; this release reads 1"):
        decode_link(msgspec.msgpack.encode([99, *stored[1:], "a field of tomorrow"]))


def test_the_worst_profile_is_shorter_than_the_bound() -> None:
    # Customer keys of 63 + 1 + 128 · 4 bytes, the longest there are; every register raised on every day.
    profile = LinkProfile()
    for number in range(EXACT + 1):
        key = b"t" * 63 + b"/" + f"{number:06d}".encode() + b"x" * 506
        longest = msgspec.structs.replace(probe(0, 0), tenant="t" * 63, customer_key=key, identifier="f" * 32)
        evolve_link(profile, longest)
    assert profile.growth is not None
    for day in range(HORIZON + 1):
        for register in range(1 << 10):
            rank = day + 20  # a hash of this register and rank: its first 10 bits, rank - 1 zeros, a one
            profile.growth.add(register << 54 | 1 << (54 - rank), DAY_0 + day, DAY_0 + HORIZON)
        for number in range(300):
            profile.applications.add(xxh3_64_intdigest(f"{day}-{number}".encode()), DAY_0 + day)
    for number in range(MAX_CASES):
        taint(profile, f"F-{number}", f"{number}".encode(), at(30))
    assert 80_000 < len(encode_link(profile)) <= MAX_LINK_BYTES


def test_an_office_with_10_000_customers_takes_less_than_16_kb() -> None:
    probes = (probe(number, number / 350, number, application=True) for number in range(10_000))
    assert len(encode_link(profile_of(*probes))) < 16_000

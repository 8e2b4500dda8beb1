"""Profiles of merchants: who counts and for how long, the steps that are told, and the errors of large ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.features.merchantmessages import MerchantAnswer, MerchantAsked, MerchantFacts, MerchantTold, merchant_key
from riskwatch.features.merchants import (
    HORIZON,
    LATE_DPD,
    LATE_DPD_FIRST,
    MAX_MERCHANT_BYTES,
    SAMPLE,
    MerchantFault,
    MerchantProfile,
    decode_merchant,
    encode_merchant,
    evolve_merchant,
    late_enough,
    merchant_facts,
    step_of,
)

DAY = 86_400_000
DAY_0 = 20_000


def told(customer: object, opened: int, late: int | None = None, **fields: object) -> MerchantTold:
    """`opened`, `late`: days after `DAY_0`."""
    given = {
        "tenant": "bank", "merchant_id": "m1", "customer_key": f"bank/{customer}".encode(), "event": 1,
        "opened_ms": (DAY_0 + opened) * DAY, "late_ms": None if late is None else (DAY_0 + late) * DAY,
    } | fields  # fmt: skip
    return MerchantTold(**given)  # type: ignore[arg-type]


def profile_of(messages: Iterable[MerchantTold]) -> MerchantProfile:
    profile = MerchantProfile()
    for message in messages:
        evolve_merchant(profile, message)
    return profile


def numbers(facts: MerchantFacts) -> tuple[int, ...]:
    return facts.customers, facts.opened_30d, facts.opened_90d, facts.late_30d, facts.late_90d


def counted(messages: Sequence[MerchantTold]) -> tuple[int, ...]:
    """The same numbers, counted from all that was ever said."""
    day = max(max(each.opened_ms, each.late_ms or 0) for each in messages) // DAY

    def who(read: str, window: int) -> int:
        return len({each.customer_key for each in messages if day - window <= (getattr(each, read) or 0) // DAY})

    known = [each for each in messages if max(each.opened_ms, each.late_ms or 0) // DAY >= day - HORIZON]
    customers = len({each.customer_key for each in known})
    return customers, who("opened_ms", 30), who("opened_ms", 90), who("late_ms", 30), who("late_ms", 90)


def test_a_customer_counts_once_however_many_loans_and_instalments() -> None:
    profile = profile_of([told("a", 0), told("a", 10), told("a", 0, 40), told("a", 10, 50), told("b", 20)])
    assert numbers(merchant_facts(profile)) == (2, 1, 2, 1, 1)


def test_a_window_reaches_back_its_days_and_one_more() -> None:
    facts = merchant_facts(profile_of([told("a", 0, 10), told("b", 40)]))
    assert (facts.opened_30d, facts.late_30d) == (1, 1)
    facts = merchant_facts(profile_of([told("a", 0, 10), told("b", 41)]))
    assert (facts.late_30d, facts.late_90d) == (0, 1)


def test_a_customer_is_forgotten_after_the_horizon_and_a_late_one_stays_for_an_old_loan() -> None:
    messages = [told("a", 0), told("b", 0), told("b", 0, HORIZON), told("c", HORIZON)]
    assert merchant_facts(profile_of(messages)).customers == 3
    assert merchant_facts(profile_of([*messages, told("d", HORIZON + 1)])).customers == 3  # b, c, d


def test_word_older_than_the_horizon_changes_nothing() -> None:
    profile = profile_of([told("a", HORIZON + 1)])
    assert evolve_merchant(profile, told("b", 0)) is None
    assert merchant_facts(profile).customers == 1


@pytest.mark.parametrize(
    ("late", "step"),
    [
        (0, 0),
        (4, 0),
        (5, 5),
        (6, 5),
        (7, 7),
        (9, 7),
        (10, 10),
        (13, 10),
        (14, 14),
        (19, 14),
        (20, 20),
        (640, 640),
        (900, 896),
    ],
)
def test_steps_begin_at_five_and_seven_and_double(late: int, step: int) -> None:
    assert step_of(late) == step


def test_each_step_is_told_once() -> None:
    profile = profile_of([told(n, 0) for n in range(50)])
    steps = [evolve_merchant(profile, told(n, 0, 40 + n // 10)) for n in range(22)]
    assert [(n + 1, facts.step) for n, facts in enumerate(steps) if facts] == [
        (5, 5),
        (7, 7),
        (10, 10),
        (14, 14),
        (20, 20),
    ]
    assert evolve_merchant(profile, told(3, 0, 43)) is None, "late again"


def test_a_merchant_that_recovered_is_told_again_when_it_grows_back() -> None:
    profile = profile_of([told(n, 0, 40) for n in range(10)])
    assert profile.told == 10
    found = [evolve_merchant(profile, told(f"x{n}", 100, 140)) for n in range(5)]
    assert [facts.step for facts in found if facts] == [5], "of the first ten nobody was late for 90 days"


def test_between_half_of_a_step_and_the_step_nothing_is_told() -> None:
    profile = profile_of([told(n, 0, 40 if n < 5 else 60) for n in range(10)])
    assert profile.told == 10
    found = [evolve_merchant(profile, told(f"x{n}", 100, 131)) for n in range(5)]  # five of the first ten still count
    assert [facts for facts in found if facts] == []


def test_the_profile_of_all_merchants_tells_of_no_step() -> None:
    profile = MerchantProfile()
    assert {evolve_merchant(profile, told(n, 0, 40, together=True)) for n in range(30)} == {None}
    assert merchant_facts(profile).late_90d == 30


def test_all_merchants_together_are_read_without_one_of_them() -> None:
    said = [("a", "m1", 40), ("a", "m2", None), ("b", "m1", 40), ("c", "m2", 50), ("d", "m3", None)]
    profile = profile_of(told(who, 0, late, merchant_id=shop, together=True) for who, shop, late in said)
    without = {name: merchant_facts(profile, without=name) for name in ("m1", "m2", "m3", "m4")}
    assert {name: (facts.customers, facts.late_90d) for name, facts in without.items()} == {
        "m1": (3, 1), "m2": (3, 2), "m3": (4, 3), "m4": (5, 3),
    }  # fmt: skip


def test_a_customer_is_late_at_a_week_and_with_a_first_instalment_sooner() -> None:
    steps = (1, 3, 7, 15, 30, 60, 90)
    assert [dpd for dpd in steps if late_enough(dpd, first_instalment=False)] == [LATE_DPD]
    assert [dpd for dpd in steps if late_enough(dpd, first_instalment=True)] == [LATE_DPD_FIRST]


def test_word_of_another_merchant_is_a_fault() -> None:
    profile = profile_of([told("a", 0)])
    with pytest.raises(MerchantFault, match="bank/m2"):
        evolve_merchant(profile, told("a", 0, merchant_id="m2"))


def test_two_merchants_and_all_together_have_three_keys() -> None:
    one, other = told("a", 0), told("a", 0, merchant_id="m2")
    together = [told("a", 0, merchant_id=name, together=True) for name in ("m1", "m2")]
    assert len({merchant_key(each) for each in (one, other, *together)}) == 3
    assert merchant_key(told("a", 0, tenant="other")) != merchant_key(one)
    asked = MerchantAsked(
        tenant="bank", merchant_id="m1", customer_key=b"bank/a", event=1, at_ms=0, facts=facts_of(1, 1)
    )
    assert merchant_key(asked) == merchant_key(together[0])


# ------------------------------------------------------------------------------------------------------------- answers


def facts_of(customers: int, late: int) -> MerchantFacts:
    return MerchantFacts(customers=customers, exact=True, opened_30d=0, opened_90d=0, late_30d=0, late_90d=late)


def answer_of(facts: MerchantFacts, others: MerchantFacts) -> MerchantAnswer:
    return MerchantAnswer(merchant_id="m1", event=1, facts=facts, others=others)


def test_shares_are_of_the_customers_of_180_days() -> None:
    answer = answer_of(facts_of(20, 12), facts_of(200, 10))
    assert (answer.late_share, answer.others_share) == (0.6, 0.05)


@pytest.mark.parametrize(
    ("own", "others", "z"),
    [
        ((100, 20), (1980, 99), (20 - 100 * 0.05) / (100 * 0.05 * 0.95) ** 0.5),  # (99 + 1) / (1980 + 20) is 5 %
        ((20, 1), (0, 0), 0.0),  # without others 5 % are expected
        ((20, 0), (0, 0), -1.0 / (20 * 0.05 * 0.95) ** 0.5),
    ],
)
def test_late_customers_are_compared_with_what_is_to_be_expected(
    own: tuple[int, int], others: tuple[int, int], z: float
) -> None:
    assert answer_of(facts_of(*own), facts_of(*others)).late_z == pytest.approx(z)


def test_of_no_customers_nothing_is_to_be_expected() -> None:
    assert isnan(answer_of(facts_of(0, 0), facts_of(9, 1)).late_z)


def test_where_there_are_no_others_their_share_is_unknown() -> None:
    assert isnan(answer_of(facts_of(20, 12), facts_of(0, 0)).others_share)


# ---------------------------------------------------------------------------------------------------------------- laws

MESSAGES = st.lists(
    st.builds(
        lambda who, opened, after: told(who, opened, None if after is None else opened + after),
        st.integers(0, 12),
        st.integers(0, HORIZON // 2),
        st.none() | st.integers(0, HORIZON // 2),
    ),
    min_size=1,
    max_size=40,
)


@given(messages=MESSAGES, random=st.randoms())
def test_what_is_counted_does_not_depend_on_order_or_repeats(messages: list[MerchantTold], random: Random) -> None:
    other = messages + random.sample(messages, len(messages) // 2)
    random.shuffle(other)
    profile = profile_of(messages)
    assert merchant_facts(profile_of(other)) == merchant_facts(profile)
    assert numbers(merchant_facts(profile)) == counted(messages)


@given(messages=MESSAGES)
def test_a_stored_profile_is_the_same_and_goes_on_the_same(messages: list[MerchantTold]) -> None:
    half = len(messages) // 2
    profile, stored = profile_of(messages[:half]), profile_of(messages[:half])
    for message in messages[half:]:
        stored = decode_merchant(encode_merchant(stored))
        assert evolve_merchant(stored, message) == evolve_merchant(profile, message)
    assert encode_merchant(stored) == encode_merchant(profile)


def large(customers: int, share: float, seed: int = 1) -> list[MerchantTold]:
    random = Random(seed)
    return [
        told(f"c{seed}-{n}", random.randrange(90), 95 if random.random() < share else None) for n in range(customers)
    ]


def test_up_to_the_sample_customers_are_counted_one_by_one() -> None:
    messages = large(SAMPLE, 0.1)
    facts = merchant_facts(profile_of(messages))
    assert facts.exact
    assert numbers(facts) == counted(messages)


@pytest.mark.parametrize("customers", [SAMPLE + 1, 20_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_a_large_merchant_the_numbers_are_right_within_four_standard_errors(customers: int, seed: int) -> None:
    messages = large(customers, 0.1, seed)
    profile = profile_of(messages)
    facts = merchant_facts(profile)
    assert not facts.exact
    assert SAMPLE // 4 < len(profile.borrowers) <= SAMPLE
    assert abs(facts.customers / customers - 1) < 4 * 0.045
    share = answer_of(facts, facts).late_share
    late = counted(messages)[4] / customers
    assert abs(share - late) < 4 * (0.1 * 0.9 / len(profile.borrowers)) ** 0.5


def test_the_sample_of_a_large_merchant_does_not_depend_on_the_order() -> None:
    messages = large(5_000, 0.1)
    assert encode_merchant(profile_of(messages)) == encode_merchant(profile_of(reversed(messages)))


def test_a_merchant_that_has_shrunk_is_counted_one_by_one_again_once_nobody_is_missing() -> None:
    profile = profile_of(large(5_000, 0.0))
    assert profile.admitted > 0
    for day in range(100, 100 + 2 * HORIZON + 10):
        evolve_merchant(profile, told(f"new-{day}", day))
    facts = merchant_facts(profile)
    assert (facts.exact, facts.customers) == (True, HORIZON + 1)
    assert profile.left_out == {}


def test_while_a_part_is_missing_a_shrunken_merchant_is_estimated_by_the_rest() -> None:
    profile = profile_of(large(5_000, 0.0))
    for day in range(100, 100 + HORIZON):
        for n in range(10):
            evolve_merchant(profile, told(f"new-{day}-{n}", day))
    facts = merchant_facts(profile)
    assert not facts.exact
    assert facts.customers == pytest.approx(10 * HORIZON, rel=0.3)


@pytest.mark.parametrize("together", [False, True])
def test_no_profile_is_longer_than_its_bound(together: bool) -> None:
    long = "m" * 128
    profile = profile_of(told(n, n % 90, 99, merchant_id=long, together=together) for n in range(3 * SAMPLE))
    assert len(encode_merchant(profile)) <= MAX_MERCHANT_BYTES
    assert len(profile.borrowers) > SAMPLE // 3


@pytest.mark.parametrize("data", [b"\x00", b"\x91\x63", b"rubbish", msgspec.msgpack.encode([99])])
def test_what_is_no_profile_is_a_fault(data: bytes) -> None:
    with pytest.raises(MerchantFault):
        decode_merchant(data)


def test_of_no_bytes_a_profile_is_empty() -> None:
    assert merchant_facts(decode_merchant(b"")).customers == 0

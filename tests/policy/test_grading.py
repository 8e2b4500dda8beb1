from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.policy.grading import BOUNDS, Grade, Offer, Pricing, check_pricing, grade_of, make_offer

NAN = float("nan")


def grade(**changes: Any) -> Grade:
    plain = Grade(
        name="B", max_pd=0.05, max_limit=20_000_00, annual_rate=0.18, income_multiple=1.5, terms=(3, 6, 12, 24)
    )
    return msgspec.structs.replace(plain, **changes)


A = grade(name="A", max_pd=0.02, max_limit=50_000_00, annual_rate=0.12, income_multiple=3.0)
C = grade(name="C", max_pd=0.12, max_limit=8_000_00, annual_rate=0.30, income_multiple=1.0, terms=(3, 6))


def pricing(*grades: Grade, **changes: Any) -> Pricing:
    plain = Pricing(
        grades=grades or (A, grade(), C), legal_cap=0.24, rate_step=0.001, limit_step=100_00, min_limit=500_00
    )
    return msgspec.structs.replace(plain, **changes)


def asked(of: Grade, at: Pricing | None = None, **changes: Any) -> Offer | None:
    """An offer to somebody who owes nothing, earns 100,000 a month and asks for 5,000 over 12 months."""
    wish: dict[str, Any] = {
        "requested": 5_000_00, "requested_term": 12, "income": 100_000_00, "debt_service": 0, "exposure": 0
    }  # fmt: skip
    return make_offer(at or pricing(of), of, **(wish | changes))


def offered(of: Grade, at: Pricing | None = None, **changes: Any) -> Offer:
    offer = asked(of, at, **changes)
    assert offer is not None
    return offer


# ------------------------------------------------------------------------------------------- grades


@pytest.mark.parametrize(
    ("pd", "name"), [(1e-9, "A"), (0.02, "A"), (0.020001, "B"), (0.05, "B"), (0.0501, "C"), (0.12, "C")]
)
def test_a_band_holds_its_highest_pd(pd: float, name: str) -> None:
    found = grade_of(pricing(), pd)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("pd", [0.1200001, 0.9, NAN])
def test_above_the_last_band_there_is_no_grade(pd: float) -> None:
    assert grade_of(pricing(), pd) is None


def test_a_last_band_up_to_1_takes_everybody() -> None:
    assert grade_of(pricing(grade(max_pd=1.0)), 0.999_999) == grade(max_pd=1.0)


# ------------------------------------------------------------------------------------------- limits


def test_an_offer_worked_by_hand() -> None:
    # Grade B: 20,000.00 less 4,030.00 owed is 15,970.00; 1.5 times (9,000.00 - 1,500.00) is 11,250.00, in steps of
    # 100.00 down to 11,200.00. 12,000.00 were requested: 11,200.00 is lent. 18 % is below the cap of 24 %.
    offer = offered(
        grade(),
        requested=12_000_00,
        requested_term=10,
        income=9_000_00,
        debt_service=1_500_00,
        exposure=4_030_00,
    )
    assert offer == Offer(
        grade="B", limit=11_200_00, amount=11_200_00, annual_rate=0.18, term_months=6, terms=(3, 6, 12, 24),
        bounds=("income",),
    )  # fmt: skip


def test_the_amount_is_the_requested_one_where_the_limit_allows_it() -> None:
    offer = offered(grade(), requested=3_333_33)
    assert (offer.amount, offer.limit, offer.bounds) == (3_333_33, 20_000_00, ("requested", "grade-cap"))


def test_a_request_of_just_the_limit_is_granted_whole() -> None:
    offer = offered(grade(), requested=20_000_00)
    assert (offer.amount, offer.bounds) == (20_000_00, ("requested", "grade-cap"))


def test_what_is_owed_is_taken_off_the_limit_of_the_grade() -> None:
    offer = offered(grade(), requested=50_000_00, exposure=4_050_00)
    assert (offer.limit, offer.bounds) == (15_900_00, ("exposure",))


def test_the_merchants_cap_bounds_the_limit() -> None:
    offer = offered(grade(), requested=50_000_00, merchant_cap=2_050_00)
    assert (offer.limit, offer.bounds) == (2_000_00, ("merchant",))


def test_bounds_that_give_the_same_limit_are_all_told_in_the_order_of_the_table() -> None:
    # 1.5 times 13,350.00 is 20,025.00; 20,099.99 are the merchant's: each is 20,000.00 in steps, as the grade's limit.
    offer = offered(grade(), requested=50_000_00, income=13_350_00, merchant_cap=20_099_99)
    assert offer.bounds == ("grade-cap", "income", "merchant")


def test_an_exposure_within_one_step_stands_beside_the_cap_of_the_grade() -> None:
    offer = offered(grade(max_limit=20_050_00), requested=50_000_00, exposure=20_00)
    assert (offer.limit, offer.bounds) == (20_000_00, ("grade-cap", "exposure"))


def test_a_bound_one_unit_above_the_limit_is_not_told() -> None:
    fine = pricing(grade(), limit_step=1, min_limit=1)
    assert offered(grade(), fine, requested=50_000_00, merchant_cap=20_000_01).bounds == ("grade-cap",)


def test_an_unknown_income_bounds_nothing() -> None:
    offer = offered(grade(), requested=50_000_00, income=None, debt_service=99_999_00)
    assert (offer.limit, offer.bounds) == (20_000_00, ("grade-cap",))


def test_an_unknown_debt_service_counts_as_0() -> None:
    assert asked(grade(), income=4_000_00, debt_service=None) == asked(grade(), income=4_000_00, debt_service=0)


@pytest.mark.parametrize("signed", ["debt_service", "exposure"])
def test_a_wrong_sign_does_not_raise_the_limit(signed: str) -> None:
    wrong = asked(grade(), income=4_000_00, requested=50_000_00, **{signed: -9_000_00})
    assert wrong == asked(grade(), income=4_000_00, requested=50_000_00)


@pytest.mark.parametrize(
    "changes",
    [
        {"exposure": 20_000_00},
        {"exposure": 90_000_00},
        {"income": 0},
        {"income": 1_000_00, "debt_service": 1_000_00},
        {"income": 1_000_00, "debt_service": 5_000_00},
        {"merchant_cap": 0},
        {"exposure": 19_500_01},
        {"requested": 0},
        {"requested": -1},
    ],
)
def test_there_is_no_offer_where_the_limit_is_below_the_smallest_or_nothing_is_requested(
    changes: dict[str, int],
) -> None:
    assert asked(grade(), **changes) is None


def test_a_limit_of_just_the_smallest_is_offered() -> None:
    assert offered(grade(), exposure=19_500_00).limit == 500_00


def test_a_request_below_the_smallest_limit_is_granted() -> None:
    assert offered(grade(), requested=1).amount == 1


def test_a_grade_whose_limit_is_0_gets_no_offer() -> None:
    assert asked(grade(max_limit=0)) is None


@pytest.mark.parametrize(("multiple", "income", "limit"), [(0.29, 100, 29), (1.15, 100, 115), (0.07, 100, 7)])
def test_a_multiple_of_the_income_is_that_of_the_decimal_number(multiple: float, income: int, limit: int) -> None:
    # In floats 0.29 * 100 is 28.999999999999996, 1.15 * 100 is 114.99999999999999 and 0.07 * 100 a little above 7.
    fine = pricing(grade(income_multiple=multiple), limit_step=1, min_limit=1)
    assert offered(grade(income_multiple=multiple), fine, income=income).limit == limit


def test_amounts_beyond_what_floats_count_keep_their_last_unit() -> None:
    large = grade(max_limit=2**60 + 1, income_multiple=1.0)
    offer = offered(large, pricing(large, limit_step=1, min_limit=1), requested=2**70, income=2**60 + 5)
    assert offer.limit == 2**60 + 1


# ------------------------------------------------------------------------------------------- rates


@pytest.mark.parametrize(
    ("annual", "step", "expected"),
    [(0.24, 0.001, 0.24), (0.2399, 0.001, 0.239), (0.1, 0.1, 0.1), (0.3, 0.1, 0.3), (0.0725, 0.005, 0.07), (0, 0.1, 0)],
)
def test_a_rate_is_rounded_down_to_its_step_as_a_decimal_number(annual: float, step: float, expected: float) -> None:
    dear = grade(annual_rate=annual)
    assert offered(dear, pricing(dear, rate_step=step, legal_cap=1.0)).annual_rate == expected


@pytest.mark.parametrize(("annual", "expected"), [(0.2401, 0.24), (0.36, 0.24), (10.0, 0.24)])
def test_the_legal_cap_always_wins(annual: float, expected: float) -> None:
    offer = offered(grade(annual_rate=annual), requested=50_000_00)
    assert offer.annual_rate == expected


def test_the_legal_cap_is_told_where_it_cut_the_rate() -> None:
    assert offered(C, requested=50_000_00).bounds == ("grade-cap", "legal-cap")


@pytest.mark.parametrize(("annual", "cap"), [(0.24, 0.24), (0.18, 0.24), (0.2409, 0.2403)])
def test_the_legal_cap_is_not_told_where_the_rate_is_that_of_the_grade(annual: float, cap: float) -> None:
    # 24.09 % and a cap of 24.03 % are both 24 % in steps of a tenth of a percent.
    offer = offered(grade(annual_rate=annual), pricing(grade(annual_rate=annual), legal_cap=cap))
    assert "legal-cap" not in offer.bounds


def test_a_cap_between_two_steps_is_rounded_down() -> None:
    assert offered(C, pricing(C, legal_cap=0.2399)).annual_rate == 0.239


# ------------------------------------------------------------------------------------------- terms


@pytest.mark.parametrize(
    ("wished", "term"), [(12, 12), (3, 3), (24, 24), (23, 12), (7, 6), (60, 24), (2, 3), (0, 3), (-5, 3)]
)
def test_a_term_is_the_requested_one_else_the_longest_shorter_one_else_the_shortest(wished: int, term: int) -> None:
    offer = offered(grade(), requested_term=wished)
    assert (offer.term_months, offer.terms) == (term, (3, 6, 12, 24))


# ------------------------------------------------------------------------------------------- the table of bounds


def test_every_bound_is_explained_in_one_sentence() -> None:
    assert {code for code, said in BOUNDS.items() if not (said[0].isupper() and said.count(".") == 1)} == set()


def test_the_table_holds_the_bounds_of_the_seam() -> None:
    assert set(BOUNDS) == {"requested", "grade-cap", "income", "exposure", "merchant", "legal-cap"}


# ------------------------------------------------------------------------------------------- faults


def test_a_sound_pricing_has_no_faults() -> None:
    assert check_pricing(pricing()) == []


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (pricing(grades=()), "there are no grades"),
        (pricing(legal_cap=0), "legal_cap is 0;"),
        (pricing(legal_cap=-0.24), "legal_cap is -0.24"),
        (pricing(legal_cap=NAN), "legal_cap is nan"),
        (pricing(legal_cap=math.inf), "legal_cap is inf"),
        (pricing(rate_step=0), "rate_step is 0;"),
        (pricing(rate_step=NAN), "rate_step is nan"),
        (pricing(legal_cap=0.0005), "legal_cap 0.0005 is below rate_step 0.001"),
        (pricing(limit_step=0), "limit_step is 0"),
        (pricing(limit_step=-100), "limit_step is -100"),
        (pricing(min_limit=99_99), "min_limit 9999 is below limit_step 10000"),
        (pricing(grade(name=" ")), "grade 1 has no name"),
        (pricing(A, grade(name="A")), "grade `A` is there more than once"),
        (pricing(grade(), A), "grade `A`: max_pd 0.02 is not above 0.05 of grade `B`"),
        (pricing(grade(name="X"), grade()), "grade `B`: max_pd 0.05 is not above 0.05 of grade `X`"),
        (pricing(grade(max_pd=0)), "max_pd is 0;"),
        (pricing(grade(max_pd=1.01)), "max_pd is 1.01"),
        (pricing(grade(max_pd=NAN)), "max_pd is nan"),
        (pricing(grade(max_limit=-1)), "max_limit is -1"),
        (pricing(grade(max_limit=499_99)), "max_limit 49999 in steps of 10000 is below min_limit 50000"),
        (pricing(grade(max_limit=590_00), min_limit=550_00), "max_limit 59000 in steps of 10000 is below min_limit"),
        (pricing(grade(annual_rate=-0.01)), "annual_rate is -0.01"),
        (pricing(grade(annual_rate=18)), "annual_rate is 18; it lies from 0 to 10, and 24 % is 0.24"),
        (pricing(grade(annual_rate=NAN)), "annual_rate is nan"),
        (pricing(grade(annual_rate=0.0009)), "annual_rate 0.0009 is below rate_step 0.001"),
        (pricing(grade(income_multiple=-1)), "income_multiple is -1"),
        (pricing(grade(income_multiple=NAN)), "income_multiple is nan"),
        (pricing(grade(income_multiple=math.inf)), "income_multiple is inf"),
        (pricing(grade(income_multiple=0)), "income_multiple is 0: nobody"),
        (pricing(grade(terms=())), "it has no terms"),
        (pricing(grade(terms=(0, 3))), "the term 0 is not from 1 to 600 months"),
        (pricing(grade(terms=(3, 601))), "the term 601 is not from 1 to 600 months"),
        (pricing(grade(terms=(6, 3))), "the term 3 stands after 6"),
        (pricing(grade(terms=(3, 3))), "the term 3 stands after 3"),
    ],
)
def test_each_fault_is_told_alone_and_in_words(faulty: Pricing, said: str) -> None:
    (fault,) = check_pricing(faulty)
    assert said in fault


def test_every_fault_is_told_with_its_grade() -> None:
    faults = check_pricing(pricing(grade(terms=(), max_limit=-1), grade(name="C", max_pd=2.0), min_limit=0))
    assert [fault.split(" ")[0:2] for fault in faults] == [
        ["min_limit", "0"],
        ["grade", "`B`:"],
        ["grade", "`B`:"],
        ["grade", "`C`:"],
    ]


@pytest.mark.parametrize("rate", [0.0, 0.001, 10.0])
def test_rates_from_0_to_10_are_sound(rate: float) -> None:
    assert check_pricing(pricing(grade(annual_rate=rate))) == []


def test_a_grade_that_is_meant_to_get_no_offer_is_sound() -> None:
    assert check_pricing(pricing(grade(max_limit=0, income_multiple=0))) == []


# ------------------------------------------------------------------------------------------- laws

MONEY = st.integers(0, 5_000)
UNKNOWN_OR_MONEY = st.none() | MONEY


@st.composite
def pricings(draw: st.DrawFn) -> Pricing:
    """One grade, with small amounts, so that steps and bounds meet often."""
    step = draw(st.integers(1, 50))
    one = Grade(
        name="G",
        max_pd=1.0,
        max_limit=draw(st.integers(2_000, 4_000)),
        annual_rate=draw(st.integers(100, 9_999)) / 10_000,
        income_multiple=draw(st.integers(1, 500)) / 100,
        terms=tuple(sorted(draw(st.sets(st.integers(1, 36), min_size=1, max_size=5)))),
    )
    return Pricing(
        grades=(one,),
        legal_cap=draw(st.integers(100, 9_999)) / 10_000,
        rate_step=draw(st.sampled_from([0.0001, 0.001, 0.0025, 0.005, 0.01])),
        limit_step=step,
        min_limit=draw(st.integers(step, 200)),
    )


WISHES = st.fixed_dictionaries(
    {
        "requested": st.integers(-5, 5_000),
        "requested_term": st.integers(-2, 40),
        "income": UNKNOWN_OR_MONEY,
        "debt_service": UNKNOWN_OR_MONEY,
        "exposure": MONEY,
        "merchant_cap": UNKNOWN_OR_MONEY,
    }
)


def decimal(number: float) -> Decimal:
    return Decimal(str(number))


def rooms(of: Grade, wish: dict[str, Any]) -> dict[str, Decimal]:
    found = {"grade-cap": Decimal(of.max_limit), "exposure": Decimal(of.max_limit - wish["exposure"])}
    if wish["income"] is not None:
        found["income"] = decimal(of.income_multiple) * (wish["income"] - (wish["debt_service"] or 0))
    if wish["merchant_cap"] is not None:
        found["merchant"] = Decimal(wish["merchant_cap"])
    return found


@given(pricings())
def test_the_drawn_pricings_are_sound(at: Pricing) -> None:
    assert check_pricing(at) == []


@given(pricings(), WISHES)
def test_a_limit_is_the_largest_multiple_of_the_step_within_every_bound(at: Pricing, wish: dict[str, Any]) -> None:
    allowed = min(rooms(at.grades[0], wish).values())
    largest = 0
    while largest + at.limit_step <= allowed:
        largest += at.limit_step
    offer = make_offer(at, at.grades[0], **wish)
    if largest < at.min_limit or wish["requested"] < 1:
        assert offer is None
    else:
        assert offer is not None
        assert (offer.limit, offer.amount) == (largest, min(largest, wish["requested"]))


@given(pricings(), WISHES)
def test_a_bound_is_told_where_one_more_step_would_break_it(at: Pricing, wish: dict[str, Any]) -> None:
    offer = make_offer(at, at.grades[0], **wish)
    if offer is not None:
        broken = {code for code, room in rooms(at.grades[0], wish).items() if offer.limit + at.limit_step > room}
        if wish["exposure"] == 0:
            broken.discard("exposure")
        assert set(offer.bounds) - {"requested", "legal-cap"} == broken
        assert ("requested" in offer.bounds) == (offer.amount == wish["requested"])


@given(pricings(), WISHES)
def test_a_rate_is_a_multiple_of_its_step_within_one_step_of_the_smaller_of_cap_and_grade(
    at: Pricing, wish: dict[str, Any]
) -> None:
    offer = make_offer(at, at.grades[0], **wish)
    if offer is not None:
        smaller, step = min(decimal(at.legal_cap), decimal(at.grades[0].annual_rate)), decimal(at.rate_step)
        rate = decimal(offer.annual_rate)
        assert rate % step == 0
        assert smaller - step < rate <= smaller
        assert offer.annual_rate <= min(at.legal_cap, at.grades[0].annual_rate)


@given(pricings(), WISHES, st.integers(0, 2_000))
def test_a_higher_income_never_lowers_the_limit(at: Pricing, wish: dict[str, Any], more: int) -> None:
    wish["income"] = wish["income"] or 0
    offer = make_offer(at, at.grades[0], **wish)
    richer = make_offer(at, at.grades[0], **(wish | {"income": wish["income"] + more}))
    if offer is not None:
        assert richer is not None
        assert richer.limit >= offer.limit


@given(pricings(), WISHES)
def test_a_term_is_always_on_offer_and_no_longer_than_requested_where_one_is(at: Pricing, wish: dict[str, Any]) -> None:
    offer = make_offer(at, at.grades[0], **wish)
    if offer is not None:
        shorter = [term for term in at.grades[0].terms if term <= wish["requested_term"]]
        assert offer.term_months == (shorter[-1] if shorter else at.grades[0].terms[0])


@given(st.lists(st.integers(1, 1_000), unique=True, min_size=1, max_size=6), st.floats(0, 1))
def test_a_pd_is_in_the_first_band_that_reaches_it(edges: list[int], pd: float) -> None:
    grades = [grade(name=str(edge), max_pd=edge / 1_000) for edge in sorted(edges)]
    reaching = [one.name for one in grades if not one.max_pd < pd]
    found = grade_of(pricing(*grades), pd)
    assert (None if found is None else found.name) == (reaching[0] if reaching else None)

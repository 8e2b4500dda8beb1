"""The packaged lending policies: sound, texts in both languages, applicants approved, referred and declined by each."""

from __future__ import annotations

from datetime import date

import pytest
from applicants import applicant

from riskwatch.policy.adverse import BUILT_IN, TEXTS
from riskwatch.policy.lending import Assessment, assess
from riskwatch.policy.lendingbook import LendingBook, packaged_book
from riskwatch.policy.lendingfile import packaged_lending, packaged_names
from riskwatch.scoring.scorecard import Value

OPENED = date(2026, 3, 2)
INSTITUTIONS = ("cash-instalments", "consumer-credit", "consumer-credit-us", "shopping-instalments")


def test_there_is_a_base_and_a_policy_for_each_product() -> None:
    assert packaged_names() == ("base", *INSTITUTIONS)
    book = packaged_book()
    assert tuple((policy.product, policy.currency) for policy in book.policies) == (
        ("cash-instalments", "CNY"), ("consumer-credit", "CNY"), ("consumer-credit", "USD"),
        ("shopping-instalments", "CNY"),
    )  # fmt: skip


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_every_reason_that_a_policy_can_give_has_its_texts(name: str) -> None:
    policy = packaged_lending(name)
    given = {rule.reason for rule in (*policy.admission, *policy.antifraud)}
    given |= {each.reason for each in policy.scorecard.characteristics} | set(BUILT_IN)
    for code in given:
        text = policy.texts.get(code) or TEXTS[code]
        assert text.en.endswith(".")
        assert text.zh.endswith("。")


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_no_rate_is_above_the_legal_cap(name: str) -> None:
    policy = packaged_lending(name)
    assert all(grade.annual_rate <= policy.pricing.legal_cap for grade in policy.pricing.grades)
    assert 8 <= len(policy.scorecard.characteristics) <= 12


@pytest.mark.parametrize(
    ("name", "changes", "outcome", "grade"),
    [
        ("shopping-instalments", {"application__amount": 300_000.0, "application__term_months": 6.0}, "approve", "A"),
        ("shopping-instalments", {"application__merchant_id_known": False}, "refer", "A"),
        ("shopping-instalments", {"bureau__max_dpd_12m": 90.0}, "decline", "A"),
        ("cash-instalments", {}, "approve", "A"),
        ("cash-instalments", {"bureau__inquiries_90d": 12.0}, "refer", "A"),
        ("cash-instalments", {"declared__employment": "student"}, "decline", "A"),
        ("consumer-credit", {"application__amount": 8_000_000.0, "application__term_months": 36.0}, "approve", "A"),
        ("consumer-credit", {"declared__employed_months": 5.0}, "refer", "A"),
        ("consumer-credit", {"bureau__outstanding": 50_000_000.0}, "decline", "A"),
        ("cash-instalments", {"identity__id_number_valid": False}, "refer", "A"),
        ("consumer-credit-us", {"identity__birth_date_agrees": False}, "refer", "A"),
    ],
)
def test_each_institution_approves_refers_and_declines(
    name: str, changes: dict[str, Value], outcome: str, grade: str
) -> None:
    found = assess(packaged_lending(name), applicant(**changes), OPENED)
    assert (found.outcome, found.grade) == (outcome, grade)


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_grades_go_from_a_to_f(name: str) -> None:
    assert "".join(grade.name for grade in packaged_lending(name).pricing.grades) == "ABCDEF"


def test_caps_and_currencies_are_those_of_the_country() -> None:
    terms = {name: (packaged_lending(name).currency, packaged_lending(name).pricing.legal_cap) for name in INSTITUTIONS}
    assert terms == {
        "cash-instalments": ("CNY", 0.36), "consumer-credit": ("CNY", 0.24), "consumer-credit-us": ("USD", 0.36),
        "shopping-instalments": ("CNY", 0.24),
    }  # fmt: skip


def test_age_is_read_by_nothing_but_the_legal_bar_where_equal_opportunity_forbids_it() -> None:
    policy = packaged_lending("consumer-credit-us")
    reading = [rule.name for rule in (*policy.admission, *policy.antifraud) if "age_years" in rule.when]
    assert reading == ["age-below-legal"]
    assert "declared.age_years" not in {each.reads for each in policy.scorecard.characteristics}


def test_credit_refers_and_declines_by_the_score_by_hand() -> None:
    asked: dict[str, Value] = {"application__amount": 8_000_000.0, "application__term_months": 36.0}
    poor: dict[str, Value] = {"bureau__score": 560.0, "bureau__max_dpd_12m": 40.0, "bureau__inquiries_90d": 9.0}
    found = weighed("consumer-credit", **asked, **poor)
    # The burden is (100,000 + 222,222) / 1,800,000 = 17.9 %: 751 - 10 - 60 - 52 - 48 = 581, odds 20 * 2 ** (-19 / 40)
    # = 14.4, a PD of 6.5 %: above 6 %, below the 8 % of D.
    assert (found.points, found.grade, found.outcome) == (581, "D", "refer")
    found = weighed("consumer-credit", **asked, **poor, own__settled_loans=0.0, declared__employment="unemployed")
    # 581 - 26 - 38 = 517: odds 20 * 2 ** (-83 / 40) = 4.7, a PD of 17.4 %: F, and referred.
    assert (found.points, found.grade, found.outcome) == (517, "F", "refer")
    found = weighed(
        "consumer-credit", **asked, **poor, own__settled_loans=0.0, declared__employment="unemployed",
        declared__employed_months=3.0,
    )  # fmt: skip
    # 517 - 30 = 487: odds 20 * 2 ** (-113 / 40) = 2.8, a PD of 26 %: above the last grade's 18 %.
    assert (found.points, found.grade, found.outcome) == (487, None, "decline")


VAGUE = ("score", "internal", "polic", "standard", "qualify")
"""Words of reasons that Regulation B calls insufficient."""


@pytest.mark.parametrize("code", TEXTS)
def test_every_text_is_there_in_both_languages_and_names_a_specific_reason(code: str) -> None:
    texts = TEXTS[code]
    assert (texts.en[-1], texts.zh[-1]) == (".", "。")
    assert [word for word in VAGUE if word in texts.en.lower()] == []
    assert any("一" <= sign <= "鿿" for sign in texts.zh)


SHOPPING: dict[str, Value] = {"application__amount": 300_000.0, "application__term_months": 6.0}
CREDIT: dict[str, Value] = {
    "application__amount": 2_000_000.0, "application__term_months": 36.0, "bureau__oldest_loan_months": 120.0,
    "links__phone_customers": 1.0,
}  # fmt: skip


def weighed(name: str, **changes: Value) -> Assessment:
    return assess(packaged_lending(name), applicant(**changes), OPENED)


def test_shopping_approves_by_hand() -> None:
    found = weighed("shopping-instalments", **SHOPPING)
    # 70 + 75 + 68 + 74 + 106 + 76 + 70 + 72 + 80 + 60; the burden is (100,000 + 50,000) / 1,800,000 = 8.3 %.
    assert found.points == 751
    # 3 times (18,000 - 1,000) is above the grade's 30,000.00; 6 equal parts of 3,000.00; a month at 8 % is 20.00.
    assert (found.outcome, found.limit, found.amount, found.annual_rate) == ("approve", 3_000_000, 300_000, 0.08)
    assert found.plan is not None
    assert [line.principal for line in found.plan.lines] == [50_000] * 6


def test_shopping_refers_by_hand() -> None:
    found = weighed(
        "shopping-instalments", **SHOPPING, bureau__score=470.0, bureau__max_dpd_12m=40.0, bureau__inquiries_90d=9.0,
        own__settled_loans=0.0, declared__employment="unemployed",
    )  # fmt: skip
    # 751 - 86 - 52 - 48 - 26 - 38 = 501: odds 20 * 2 ** (-99 / 40) = 3.6, a PD of 21.8 %, above 18 % and below 25 %.
    assert (found.points, found.grade) == (501, "D")
    assert found.pd == pytest.approx(1 / (1 + 20 * 2 ** (-99 / 40)))
    assert (found.outcome, found.reasons[0].code, found.amount) == ("refer", "risk-above-automatic", 0)


def test_shopping_declines_by_hand() -> None:
    found = weighed(
        "shopping-instalments", **SHOPPING, bureau__score=470.0, bureau__max_dpd_12m=60.0, bureau__inquiries_90d=9.0,
        own__settled_loans=0.0, declared__employment="unemployed", declared__employed_months=3.0,
    )  # fmt: skip
    # 751 - 86 - 76 - 48 - 26 - 38 - 30 = 447: odds 20 * 2 ** (-153 / 40) = 1.4, a PD of 41 %: above the last grade.
    assert (found.points, found.grade, found.outcome, found.decided_by) == (447, None, "decline", "grade")
    assert [reason.code for reason in found.reasons] == [
        "bureau-record", "delinquency-others", "inquiries-many", "employment-type",
    ]  # fmt: skip


def test_us_credit_approves_by_hand() -> None:
    found = weighed("consumer-credit-us", **CREDIT)
    # 75 + 68 + 74 + 80 + 76 + 70 + 76 + 70 + 72 + 80 + 60 + 60; the burden is (100,000 + 55,556) / 1,800,000 = 8.6 %.
    assert found.points == 861
    assert found.pd == pytest.approx(1 / (1 + 20 * 2 ** (181 / 40)))
    # 18 times 17,000 is above the grade's 100,000.00.
    assert (found.outcome, found.limit, found.amount, found.annual_rate) == ("approve", 10_000_000, 2_000_000, 0.08)
    assert found.plan is not None
    # A month's interest on 20,000.00 at 8 % is 133.33, and the first two months repay nothing.
    assert [(line.principal, line.interest) for line in found.plan.lines[1:2]] == [(0, 13_333)]


POOR: dict[str, Value] = {
    "bureau__score": 560.0, "bureau__max_dpd_12m": 40.0, "bureau__inquiries_90d": 9.0, "own__settled_loans": 0.0,
}  # fmt: skip


def test_us_credit_refers_by_hand() -> None:
    found = weighed("consumer-credit-us", **{**CREDIT, **POOR, "bureau__oldest_loan_months": 10.0})
    # 861 - 60 - 52 - 48 - 26 - 36 = 639: odds 20 * 2 ** (-41 / 40) = 9.8, a PD of 9.2 %: E, above 6 %.
    assert (found.points, found.grade) == (639, "E")
    assert (found.outcome, found.reasons[0].code) == ("refer", "risk-above-automatic")


def test_us_credit_declines_by_hand() -> None:
    weak: dict[str, Value] = {"declared__employment": "unemployed", "declared__employed_months": None}
    found = weighed("consumer-credit-us", **{**CREDIT, **POOR, **weak, "bureau__oldest_loan_months": 10.0})
    # 639 - 38 - 24 = 577: odds 20 * 2 ** (-103 / 40) = 3.4, a PD of 23 %: above the last grade's 18 %.
    assert (found.points, found.grade, found.decided_by) == (577, None, "grade")
    # Lost: bureau 106 - 20, arrears 76 - 24, inquiries 70 - 22, employment 68 - 30.
    assert [reason.code for reason in found.reasons] == [
        "bureau-record", "delinquency-others", "inquiries-many", "employment-type",
    ]  # fmt: skip


def test_plans_differ_by_product() -> None:
    shopping = assess(packaged_lending("shopping-instalments"), applicant(application__amount=300_000.0), OPENED)
    credit = assess(packaged_lending("consumer-credit"), applicant(application__amount=8_000_000.0), OPENED)
    assert shopping.plan is not None
    assert credit.plan is not None
    assert len({line.principal for line in shopping.plan.lines[:-1]}) == 1
    assert [line.principal for line in credit.plan.lines[:2]] == [0, 0]


def test_an_institution_s_own_policy_goes_before_the_one_for_all() -> None:
    from msgspec.structs import replace

    general = packaged_lending("cash-instalments")
    own = replace(general, tenant="harbour", name="harbour-cash")
    book = LendingBook([general, own])
    assert book.policy_for("harbour", "cash-instalments", "CNY") is own
    assert book.policy_for("other", "cash-instalments", "CNY") is general
    assert book.policy_for("harbour", "consumer-credit", "CNY") is None
    assert book.policy_for("harbour", "cash-instalments", "EUR") is None
    with pytest.raises(ValueError, match="two lending policies"):
        LendingBook([general, general])

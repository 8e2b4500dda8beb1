"""The packaged lending policies: sound, texts in both languages, applicants approved, referred and declined by each."""

from __future__ import annotations

from datetime import date

import pytest
from applicants import applicant

from riskwatch.policy.adverse import BUILT_IN, TEXTS
from riskwatch.policy.lending import assess
from riskwatch.policy.lendingbook import LendingBook, packaged_book
from riskwatch.policy.lendingfile import packaged_lending, packaged_names
from riskwatch.scoring.scorecard import Value

OPENED = date(2026, 3, 2)
INSTITUTIONS = ("cash-instalments", "consumer-credit", "shopping-instalments")


def test_there_is_a_base_and_a_policy_for_each_product() -> None:
    assert packaged_names() == ("base", *INSTITUTIONS)
    assert tuple(policy.product for policy in packaged_book().policies) == INSTITUTIONS


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
    ],
)
def test_each_institution_approves_refers_and_declines(
    name: str, changes: dict[str, Value], outcome: str, grade: str
) -> None:
    found = assess(packaged_lending(name), applicant(**changes), OPENED)
    assert (found.outcome, found.grade) == (outcome, grade)


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
    assert book.policy_for("harbour", "cash-instalments") is own
    assert book.policy_for("other", "cash-instalments") is general
    assert book.policy_for("harbour", "consumer-credit") is None
    with pytest.raises(ValueError, match="two lending policies"):
        LendingBook([general, general])

"""The assessment of applications: every step of the ladder by an applicant that differs in one thing."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from applicants import GOOD, applicant
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.policy.adverse import TEXTS
from riskwatch.policy.lending import AdmissionRule, Assessment, LendingPolicy, assess
from riskwatch.policy.lendingfile import packaged_lending
from riskwatch.policy.lendingladder import LADDER
from riskwatch.policy.lendingvocabulary import INPUTS
from riskwatch.scoring.scorecard import Value

OPENED = date(2026, 3, 2)
CASH = packaged_lending("cash-instalments")


def assessed(policy: LendingPolicy = CASH, **changes: Value) -> Assessment:
    return assess(policy, applicant(**changes), OPENED)


def codes(found: Assessment) -> list[str]:
    return [reason.code for reason in found.reasons]


def test_a_good_applicant_is_approved_with_grade_limit_rate_and_plan() -> None:
    found = assessed()
    # Points by hand: 70 + 75 + 68 + 74 + 106 + 76 + 70 + 72 + 80 + 60, the share of the burden being
    # (100,000 + 1,000,000 / 12) / 1,800,000 = 10 %.
    assert found.points == 751
    assert found.pd == pytest.approx(1 / (1 + 20 * 2 ** ((751 - 600) / 40)))
    assert (found.outcome, found.decided_by, found.grade) == ("approve", "approve", "A")
    # Grade A: 8 times (18,000 - 1,000) is above its cap of 100,000.00.
    assert (found.limit, found.amount, found.annual_rate, found.term_months) == (10_000_000, 1_000_000, 0.108, 12)
    assert found.plan is not None
    assert sum(line.principal for line in found.plan.lines) == 1_000_000
    assert found.bounds == ("requested", "grade-cap")


@pytest.mark.parametrize(
    ("changes", "outcome", "step", "reason"),
    [
        ({"declared__age_years": 17.0}, "decline", "legal-bars", "age-below-legal"),
        ({"declared__age_years": None}, "refer", "required", "application-incomplete"),
        ({"declared__age_years": None, "library__listed": "block"}, "decline", "antifraud-declines", "listed-block"),
        (
            {"declared__age_years": None, "library__listed": "allow-always"},
            "refer",
            "allow-always",
            "application-incomplete",
        ),
        ({"declared__employment": "student"}, "decline", "legal-bars", "student-lending-barred"),
        ({"library__listed": "allow-always", "own__max_dpd": 60.0}, "approve", "allow-always", "allow-always"),
        ({"library__listed": "block"}, "decline", "antifraud-declines", "listed-block"),
        ({"library__exact_matches": 1.0, "library__best_score": 1.0}, "decline", "antifraud-declines", "case-match"),
        ({"links__phone_fraud_30d": 1.0}, "decline", "antifraud-declines", "linked-to-fraud"),
        ({"own__max_dpd": 4.0}, "decline", "admission-declines", "delinquency-own"),
        ({"declared__monthly_debt_service": 900_001.0}, "decline", "admission-declines", "obligations-excessive"),
        ({"declared__monthly_income": None}, "refer", "required", "application-incomplete"),
        ({"library__listed": "watch"}, "refer", "antifraud-refers", "listed-watch"),
        ({"links__ring_size": 5.0}, "refer", "antifraud-refers", "linked-group"),
        ({"behaviour__seconds_since_sim_change": 3600.0}, "refer", "antifraud-refers", "account-recently-changed"),
        ({"own__applications_30d": 4.0}, "refer", "admission-refers", "applications-many"),
        ({"application__amount": None}, "refer", "required", "application-incomplete"),
        ({"application__term_months": 0.0}, "refer", "required", "application-incomplete"),
        ({"own__outstanding": None}, "refer", "required", "record-unavailable"),
        ({"own__outstanding": 9_970_000.0}, "decline", "offer", "limit-below-minimum"),
    ],
)
def test_each_step_decides_what_it_is_for(changes: dict[str, Value], outcome: str, step: str, reason: str) -> None:
    found = assessed(**changes)
    assert (found.outcome, found.decided_by, codes(found)[0]) == (outcome, step, reason)


@pytest.mark.parametrize(
    "near",
    [
        {"declared__age_years": 18.0}, {"own__max_dpd": 3.0}, {"declared__monthly_debt_service": 900_000.0},
        {"links__ring_size": 4.0}, {"behaviour__seconds_since_sim_change": 86_400.0}, {"own__applications_30d": 3.0},
        {"library__listed": "allow"}, {"own__outstanding": 9_900_000.0},
    ],
)  # fmt: skip
def test_the_nearest_miss_of_a_rule_is_approved(near: dict[str, Value]) -> None:
    assert assessed(**near).outcome == "approve"


@pytest.mark.parametrize(
    "concern",
    [
        {"library__best_score": 0.85}, {"links__ring_size": 5.0}, {"behaviour__emulator_count_30d": 1.0},
        {"behaviour__seconds_since_sim_change": 3600.0},
    ],
)  # fmt: skip
def test_the_allow_list_passes_over_anti_fraud_rules_that_refer(concern: dict[str, Value]) -> None:
    assert (assessed(**concern).outcome, assessed(**concern).decided_by) == ("refer", "antifraud-refers")
    assert assessed(**concern, library__listed="allow").outcome == "approve"


@pytest.mark.parametrize(
    ("concern", "outcome", "step"),
    [
        ({"declared__age_years": 17.0}, "decline", "legal-bars"),
        ({"declared__age_years": None}, "refer", "required"),
        ({"library__exact_matches": 1.0, "library__best_score": 1.0}, "decline", "antifraud-declines"),
        ({"own__max_dpd": 4.0}, "decline", "admission-declines"),
        ({"declared__monthly_income": None}, "refer", "required"),
        ({"own__applications_30d": 4.0}, "refer", "admission-refers"),
    ],
)
def test_the_allow_list_lifts_nothing_else(concern: dict[str, Value], outcome: str, step: str) -> None:
    found = assessed(**concern, library__listed="allow")
    assert (found.outcome, found.decided_by) == (outcome, step)


WEAK: dict[str, Value] = {
    "declared__employment": "unemployed", "declared__employed_months": None, "declared__monthly_income": 250_000.0,
    "declared__monthly_debt_service": 100_000.0, "bureau__score": 470.0, "bureau__max_dpd_12m": 40.0,
    "bureau__inquiries_90d": 9.0, "own__settled_loans": 0.0,
}  # fmt: skip


def test_a_score_below_the_last_grade_declines_with_what_lost_most() -> None:
    found = assessed(**WEAK)
    # 70 + 42 + 30 + 50 + 20 + 24 + 22 + 24 + 54 + 60 points; lost: bureau 86, arrears 52, inquiries 48, burden 48.
    assert found.points == 396
    assert (found.outcome, found.decided_by, found.grade) == ("decline", "grade", None)
    assert codes(found) == ["bureau-record", "delinquency-others", "inquiries-many", "obligations-excessive"]


def test_a_probability_above_the_threshold_refers() -> None:
    found = assessed(bureau__score=470.0, bureau__max_dpd_12m=40.0, bureau__inquiries_90d=9.0, own__settled_loans=0.0)
    # 751 - 86 - 52 - 48 - 26 = 539 points: odds 20 * 2 ** (-61 / 40) = 6.95.
    assert found.points == 539
    assert found.pd == pytest.approx(1 / (1 + 20 * 2 ** (-61 / 40)))
    assert (found.outcome, found.decided_by, found.grade) == ("refer", "refer-above-pd", "E")
    assert (found.limit, found.amount, found.plan) == (0, 0, None)


def test_legal_bars_come_before_the_list_that_lifts_all_else() -> None:
    assert assessed(library__listed="allow-always", declared__age_years=17.0).outcome == "decline"


def test_fraud_comes_before_admission_and_declines_before_refers() -> None:
    both = {"library__listed": "block", "own__max_dpd": 60.0, "links__ring_size": 9.0}
    assert codes(assessed(**both)) == ["listed-block"]
    assert assessed(own__max_dpd=60.0, links__ring_size=9.0).decided_by == "admission-declines"


def test_several_reasons_of_a_step_come_by_priority_and_are_at_most_four() -> None:
    found = assessed(
        own__max_dpd=60.0, bureau__max_dpd_12m=90.0, declared__monthly_income=150_000.0, bureau__open_loans=10.0
    )
    assert codes(found) == ["delinquency-own", "delinquency-others", "income-insufficient", "obligations-excessive"]


def test_an_allowed_applicant_of_whom_the_amount_is_not_known_is_no_approval() -> None:
    found = assessed(library__listed="allow-always", application__amount=None)
    assert (found.outcome, found.decided_by, found.amount) == ("refer", "allow-always", 0)


def test_the_best_grade_is_approved_without_reasons_and_a_worse_one_with_what_cost_it() -> None:
    assert assessed(own__settled_loans=0.0).reasons == ()
    # 751 - 60 (bureau 580 to 579: 46) - 52 (arrears of 29 to 59 days: 24) = 639: odds 20 * 2 ** (39 / 40) = 39.3.
    found = assessed(bureau__score=500.0, bureau__max_dpd_12m=40.0)
    assert (found.points, found.grade) == (639, "B")
    assert found.pd == pytest.approx(1 / (1 + 20 * 2 ** (39 / 40)))
    # The bureau score lost 106 - 46, arrears 76 - 24, age 76 - 70.
    assert codes(found) == ["bureau-record", "delinquency-others", "age-profile"]
    assert found.reasons[0].values == {"bureau.score": 500.0}


def test_a_rate_and_a_limit_are_those_of_the_grade() -> None:
    found = assessed(bureau__score=500.0, bureau__max_dpd_12m=40.0)
    # Grade B: 14.4 %, at most 60,000.00; 6 times (18,000 - 1,000) is more.
    assert (found.annual_rate, found.limit, found.bounds) == (0.144, 6_000_000, ("requested", "grade-cap"))


def test_a_rule_that_reads_an_unknown_does_not_fire_and_names_it() -> None:
    found = assessed(links__ring_size=None)
    ring = next(said for said in found.rules if said.rule == "ring")
    assert (found.outcome, ring.fired, ring.values) == ("approve", None, {"links.ring_size": None})


def test_a_declared_region_is_known_by_any_of_its_spellings() -> None:
    rule = AdmissionRule(
        name="far", when='declared.region in ("hainan",)', outcome="decline", reason="region-not-served",
        description="Too far.",
    )  # fmt: skip
    local = msgspec.structs.replace(CASH, admission=(rule,), regions={"hainan": ("海南", "海南省")})
    for region, outcome in (("海南省", "decline"), (" HAINAN ", "decline"), ("北京", "approve")):
        assert assessed(local, declared__region=region).outcome == outcome
    assert assessed(local, declared__region=None).rules[-1].fired is None


def test_every_rule_is_told_whatever_decided() -> None:
    found = assessed(declared__age_years=17.0, bureau__open_loans=None)
    fired = {said.rule: said.fired for said in found.rules}
    assert len(fired) == len(CASH.admission) + len(CASH.antifraud)
    assert (fired["age-below-legal"], fired["many-lenders"], fired["late-with-us"]) == (True, None, False)
    assert next(said.values for said in found.rules if said.rule == "many-lenders") == {"bureau.open_loans": None}


def test_links_that_did_not_answer_refer_where_they_are_required() -> None:
    strict = msgspec.structs.replace(CASH, required=(*CASH.required, "links.answered"))
    assert assessed(strict).outcome == "approve"
    for answer in (False, None):
        found = assessed(strict, links__answered=answer)
        assert (found.outcome, codes(found)) == ("refer", ["links-missing"])
    assert assessed(CASH, links__answered=None).outcome == "approve"


def test_less_than_was_asked_for_is_a_reason() -> None:
    found = assessed(application__amount=12_000_000.0)
    assert (found.outcome, found.amount, codes(found)[0]) == ("approve", 10_000_000, "amount-reduced")


def test_texts_are_in_both_languages_and_a_policy_may_have_its_own() -> None:
    found = assessed(own__max_dpd=60.0)
    assert (found.reasons[0].en, found.reasons[0].zh) == (TEXTS["delinquency-own"].en, TEXTS["delinquency-own"].zh)


def test_the_version_changes_with_what_is_said_and_not_with_a_description() -> None:
    assert msgspec.structs.replace(CASH, description="other").version == CASH.version
    assert msgspec.structs.replace(CASH, refer_above_pd=0.13).version != CASH.version
    assert len(CASH.version) == 12


def test_the_ladder_ends_with_a_step_that_always_decides() -> None:
    assert LADDER[-1].name == "approve"


VALUES = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(-(2**70), 2**70), st.text(max_size=5),
    st.sampled_from(["block", "allow-always", "employed", "student", "cash-instalments"]),
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(("cash-instalments", "consumer-credit", "consumer-credit-us", "shopping-instalments")),
    st.booleans(),
    st.dictionaries(st.sampled_from([each.name for each in INPUTS]) | st.text(max_size=9), VALUES, max_size=40),
)
def test_no_input_breaks_the_assessment_and_equal_inputs_give_equal_ones(
    name: str, over_a_good_one: bool, inputs: dict[str, Value]
) -> None:
    policy = packaged_lending(name)
    mixed = {**GOOD, **inputs} if over_a_good_one else inputs
    found = assess(policy, mixed, OPENED)
    assert found == assess(policy, dict(reversed(mixed.items())), OPENED)
    assert found.outcome in ("approve", "refer", "decline")
    assert (found.plan is not None) == (found.outcome == "approve")
    assert found.reasons or found.outcome == "approve"
    assert len(found.reasons) <= 4
    assert all(reason.en and reason.zh for reason in found.reasons)


# -------------------------------------------------------------------------------------------------------- identifiers


@pytest.mark.parametrize(
    ("check", "code"),
    [("id_number_valid", "id-number-invalid"), ("birth_date_agrees", "birth-date-differs")],
)
def test_an_id_number_that_cannot_be_or_is_somebody_elses_is_looked_at_by_a_person(check: str, code: str) -> None:
    found = assessed(**{f"identity__{check}": False})
    assert (found.outcome, found.decided_by, codes(found)) == ("refer", "antifraud-refers", [code])


@pytest.mark.parametrize("passed", [True, None])
@pytest.mark.parametrize("check", ["id_number_valid", "birth_date_agrees"])
def test_a_check_that_passed_or_that_nothing_can_tell_changes_nothing(check: str, passed: bool | None) -> None:
    assert assessed(**{f"identity__{check}": passed}).outcome == assessed().outcome == "approve"


@pytest.mark.parametrize("passed", [False, None])
def test_an_identifier_that_a_policy_requires_has_to_be_right(passed: bool | None) -> None:
    strict = msgspec.structs.replace(CASH, required=(*CASH.required, "identity.phone_valid"))
    found = assessed(strict, identity__phone_valid=passed)
    assert (found.outcome, found.decided_by, codes(found)) == ("refer", "required", ["identity-unverified"])


@pytest.mark.parametrize("name", [each.name for each in INPUTS])
def test_every_input_that_a_policy_may_require_has_a_reason_for_its_absence(name: str) -> None:
    strict = msgspec.structs.replace(CASH, required=(name,))
    found = assessed(strict, **{name.replace(".", "__"): None})
    assert all(reason.code in TEXTS for reason in found.reasons)

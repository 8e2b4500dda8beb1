"""The next best action, worked out by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tinycollections import POLICY, loan, policy

from riskwatch.policy.collectionpolicy import StrategyLine
from riskwatch.policy.collectionvocabulary import bucket_of, days_to_next_bucket, facts_of
from riskwatch.policy.nextaction import Block, Candidate, Rating, choose, consider, rate
from riskwatch.scoring.recovery import expected_recovery, recovery_chance

STAGE = ("push", "sms", "call")


def rated(**inputs: float) -> Rating:
    rating = rate(POLICY, facts_of(loan(**inputs)))
    assert rating is not None
    return rating


def considered(blocked: tuple[str, ...] = (), **inputs: float) -> dict[str, Candidate]:
    found = consider(
        POLICY,
        STAGE,
        rated(**inputs),
        facts_of(loan(**inputs)),
        lambda each: Block("open") if each.name in blocked else None,
    )
    return {each.treatment: each for each in found}


@pytest.mark.parametrize(
    ("dpd", "bucket", "days"),
    [(0, "M0", 1), (1, "M1", 30), (30, "M1", 1), (31, "M2", 30), (180, "M6", 1), (181, "M6+", None),
     (900, "M6+", None),],
)  # fmt: skip
def test_buckets_are_of_thirty_days(dpd: float, bucket: str, days: int | None) -> None:
    assert (bucket_of(dpd), days_to_next_bucket(dpd)) == (bucket, days)


def test_somebody_pays_because_of_a_contact_who_would_not_pay_anyway_and_is_reached() -> None:
    # 0.2 + 0.8 · 0.5 · 0.5
    assert recovery_chance(0.5, self_cure=0.2, lost=0.5) == pytest.approx(0.4)


def test_expected_recovery_is_amount_times_probability_discounted() -> None:
    assert expected_recovery(10_000, 0.4, 0.5) == pytest.approx(2_000)


def test_every_treatment_has_its_probability_value_and_cost() -> None:
    # Self-cure 0.2, lost 0.5, at stake 10,000, M1 counts in full. A push succeeds also with those who are lost.
    found = considered()
    assert {name: each.probability for name, each in found.items()} == pytest.approx(
        {"wait": 0.2, "push": 0.2 + 0.8 * 0.1, "sms": 0.2 + 0.8 * 0.5 * 0.2, "call": 0.2 + 0.8 * 0.5 * 0.5}
    )
    assert {name: each.net for name, each in found.items()} == pytest.approx(
        {"wait": 2_000, "push": 2_790, "sms": 2_750, "call": 3_500}
    )


def test_the_one_with_most_left_after_its_cost_is_chosen() -> None:
    assert choose(considered().values()).treatment == "call"


def test_what_is_not_open_is_considered_and_not_chosen() -> None:
    found = considered(blocked=("call",))
    assert choose(found.values()).treatment == "push"
    assert found["call"].net == pytest.approx(3_500)


def test_a_call_that_costs_more_than_it_brings_is_not_made() -> None:
    # At stake 1,000: waiting 200, push 270, sms 230, call -100.
    assert choose(considered(overdue=1_000).values()).treatment == "push"


def test_where_nothing_is_at_stake_waiting_is_best() -> None:
    assert choose(considered(overdue=0).values()).treatment == "wait"


def test_of_equals_the_first_is_chosen() -> None:
    equal = [Candidate(treatment=name, probability=0.5, value=100, cost=10) for name in ("a", "b")]
    assert choose(equal).treatment == "a"


def test_later_buckets_count_for_less() -> None:
    assert considered(dpd=31)["call"].value == pytest.approx(10_000 * 0.4 * 0.5)


def test_a_sale_ends_the_chance_that_the_customer_pays_by_themselves() -> None:
    # Sold with 0.6: 0.6, not 0.2 + 0.8 · 0.6; it brings half of the exposure of 40,000.
    unsure = replace(POLICY.treatments["sale"], probability=0.6)
    selling = policy(treatments={**POLICY.treatments, "sale": unsure})
    wait, sale = consider(selling, ("sale",), rated(dpd=100), facts_of(loan(dpd=100)), lambda each: None)
    assert sale.probability == pytest.approx(0.6)
    assert sale.value == pytest.approx(40_000 * 0.5 * 0.6)
    assert wait.value == pytest.approx(10_000 * 0.2)


@pytest.mark.parametrize("missing", ["loan.dpd", "loan.overdue", "loan.exposure"])
def test_without_a_required_input_nothing_is_rated(missing: str) -> None:
    inputs = loan()
    del inputs[missing]
    assert rate(POLICY, facts_of(inputs)) is None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1, "ten", True])
def test_a_required_input_that_cannot_be_is_unknown(wrong: float | str | bool) -> None:
    assert rate(POLICY, facts_of({**loan(), "loan.dpd": wrong})) is None


def test_before_the_due_date_the_next_instalment_is_at_stake() -> None:
    reminding = policy(lines=(*POLICY.lines, StrategyLine(name="due", buckets=("M0",), stage="soft")))
    soon = rate(reminding, facts_of(loan(0, 0, **{"loan.next_due": 3_000.0, "loan.days_to_due": 2.0})))
    far = rate(reminding, facts_of(loan(0, 0, **{"loan.next_due": 3_000.0, "loan.days_to_due": 4.0})))
    assert soon is not None
    assert far is not None
    assert (soon.overdue, soon.line is not None, far.line) == (3_000.0, True, None)

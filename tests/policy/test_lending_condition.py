"""Conditions of lending policies: dotted names in, dotted names in every fault, Kleene's logic over unknown facts."""

from __future__ import annotations

import pytest

from riskwatch.policy.faults import Fault
from riskwatch.policy.lendingcondition import LendingCondition, check_lending_condition
from riskwatch.policy.lendingvocabulary import INPUTS, record_of
from riskwatch.scoring.scorecard import Value


def sound(text: str, *regions: str) -> LendingCondition:
    condition = check_lending_condition(text, regions)
    assert isinstance(condition, LendingCondition), condition
    return condition


def faults(text: str, *regions: str) -> list[Fault]:
    found = check_lending_condition(text, regions)
    assert isinstance(found, list), f"{text} was taken"
    return found


def test_names_are_written_and_told_with_dots() -> None:
    assert sound("declared.age_years >= 22 and bureau.score < 550").names == ("declared.age_years", "bureau.score")


@pytest.mark.parametrize("each", [each for each in INPUTS if each.type == "number"], ids=lambda each: each.name)
def test_every_number_stands_in_a_condition(each: object) -> None:
    name = each.name  # type: ignore[attr-defined]
    assert sound(f"{name} > 1").names == (name,)


@pytest.mark.parametrize(
    ("text", "offending", "suggestion"),
    [
        ("declard.age_years > 1", "declard.age_years", "`declared.age_years`"),
        ("age_years > 1", "age_years", "`declared.age_years`"),
        ("bureau.skore > 1", "bureau.skore", "`bureau.score`"),
        ("declared__age_years > 1", "declared__age_years", "write `declared.age_years`"),
        ("bureau.score.of.all > 1", "bureau.score.of.all", ""),
        ('declared.employment == "employd"', '"employd"', "`employed`"),
        ('declared.region == "hanan"', '"hanan"', "declare it in `[regions]`"),
    ],
)
def test_a_slip_is_told_as_it_was_written(text: str, offending: str, suggestion: str) -> None:
    (fault,) = faults(text, "hainan")
    assert fault.text == offending
    assert "__" not in fault.message or "declared__" in text
    assert suggestion in (fault.suggestion or "")


def test_a_text_stands_in_no_condition() -> None:
    assert "stands in no condition" in faults("library.best_case > 1")[0].message


def test_dots_in_words_and_comments_stay() -> None:
    condition = sound('declared.region == "st-louis"  # a.b.c and d.e', "st-louis")
    assert condition.judge({"declared.region": "st-louis"}) is True


def test_a_fault_names_its_line_within_the_condition() -> None:
    assert [(fault.line, fault.text) for fault in faults("bureau.score > 1\nor bureau.skore > 2")] == [
        (2, "bureau.skore"),
    ]


@pytest.mark.parametrize(
    ("text", "facts", "verdict"),
    [
        # Kleene's tables, x = bureau.score (known, 500) and y = bureau.outstanding (unknown).
        ("bureau.outstanding > 1", {}, None),
        ("not bureau.outstanding > 1", {}, None),
        ("bureau.score > 1 and bureau.outstanding > 1", {"bureau.score": 500.0}, None),
        ("bureau.score < 1 and bureau.outstanding > 1", {"bureau.score": 500.0}, False),
        ("bureau.score > 1 or bureau.outstanding > 1", {"bureau.score": 500.0}, True),
        ("bureau.score < 1 or bureau.outstanding > 1", {"bureau.score": 500.0}, None),
        ("known(bureau.score)", {}, False),
        ("not known(bureau.score)", {}, True),
        ("coalesce(bureau.score, 0) < 1", {}, True),
        ("links.answered", {}, None),
        ("not links.answered", {}, None),
        ("not links.answered", {"links.answered": False}, True),
        ('library.listed != "block"', {}, None),
        ('library.listed != "block"', {"library.listed": "watch"}, True),
        ('not known(library.listed) or library.listed != "block"', {}, True),
        ("bureau.outstanding / own.outstanding > 1", {"bureau.outstanding": 1.0, "own.outstanding": 0.0}, None),
        ("behaviour.seconds_since_sim_change < 24h", {"behaviour.seconds_since_sim_change": 86_399.0}, True),
        ('declared.region == "elsewhere"', {"declared.region": "elsewhere"}, True),
    ],
)
def test_a_condition_is_true_false_or_unknown(text: str, facts: dict[str, Value], verdict: bool | None) -> None:
    assert sound(text, "hainan").judge(facts) is verdict


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("bureau.score", 700, 700.0),
        ("bureau.score", float("nan"), None),
        ("bureau.score", float("inf"), None),
        ("bureau.score", 10**400, None),
        ("bureau.score", True, None),
        ("bureau.score", "700", None),
        ("links.answered", 1, None),
        ("declared.employment", "employed", "employed"),
        ("declared.employment", "astronaut", None),
    ],
)
def test_a_value_of_another_type_is_unknown(name: str, given: Value, kept: Value) -> None:
    assert record_of({name: given})[name] == kept


def test_shares_of_income_are_derived_and_unknown_without_income() -> None:
    asked: dict[str, Value] = {
        "application.amount": 1_200_000.0, "application.term_months": 12.0, "declared.monthly_income": 1_000_000.0,
        "declared.monthly_debt_service": 150_000.0, "bureau.outstanding": 3_000_000.0,
    }  # fmt: skip
    record = record_of(asked)
    derived = {name.partition(".")[2]: value for name, value in record.items() if name.startswith("derived.")}
    # (150,000 + 1,200,000 / 12) / 1,000,000 is a quarter.
    assert derived == {
        "debt_service_share": 0.15, "instalment_share": 0.25, "amount_over_income": 1.2, "outstanding_over_income": 3.0,
    }  # fmt: skip
    for income in (None, 0.0, -5.0):
        record = record_of({**asked, "declared.monthly_income": income})
        assert {value for name, value in record.items() if name.startswith("derived.")} == {None}

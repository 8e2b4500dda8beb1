"""Decisions counted and judged, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from riskwatch.lab.decided import (
    ANY,
    by_outcome,
    by_reason,
    by_story_decided,
    is_about_links,
    link_rules,
    stopped_for_links,
)
from riskwatch.lab.plot import Truth
from riskwatch.policy.adverse import TEXTS
from riskwatch.streams.decisions import Decision, DecisionReason
from riskwatch.streams.outputs import Alert, Cause

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)


def decision(customer: str, outcome: str = "approve", *codes: str, application: str = "1", shadow: bool = False):
    return Decision(
        decision_id=f"{customer}-{application}-{outcome}",
        tenant="t",
        customer_id=customer,
        application_id=application,
        product="shopping-instalments",
        outcome=outcome,  # type: ignore[arg-type]
        requested=1,
        currency="CNY",
        requested_term_months=3,
        grade=None,
        pd=None,
        points=None,
        limit=0,
        amount=0,
        annual_rate=None,
        apr=None,
        term_months=0,
        plan=[],
        reasons=[DecisionReason(code=code, en="", zh="", values={}) for code in codes],
        cause=Cause(partition=0, offset=0, event_id="e", event_type="LoanApplied"),
        policy="p",
        policy_version="1",
        occurred_at=NOON,
        decided_at=NOON,
        shadow=shadow,
    )


def alert(customer: str, rule: str, event_type: str = "LoanApplied") -> Alert:
    return Alert(
        alert_id=f"{rule}-{customer}",
        tenant="t",
        customer_id=customer,
        rule=rule,
        kind="fraud",
        severity="high",
        subject=customer,
        reasons=[],
        features={},
        cause=Cause(partition=0, offset=0, event_id="e", event_type=event_type),
        policy="p",
        policy_version="1",
        occurred_at=NOON,
        detected_at=NOON,
    )


def test_a_decision_counts_by_its_outcome_and_first_reason() -> None:
    decisions = [
        decision("a", "refer", "device-shared", "age-profile"),
        decision("b", "refer", "age-profile"),
        decision("c", "decline", "device-shared"),
        decision("d", "refer", "device-shared"),
    ]
    assert [(each.outcome, each.reason, each.decisions) for each in by_reason(decisions, None)] == [
        ("refer", "device-shared", 2),
        ("refer", "age-profile", 1),
        ("decline", "device-shared", 1),
    ]


def test_what_cost_an_approved_applicant_points_is_no_reason_of_the_approval() -> None:
    (verdict,) = by_reason([decision("a", "approve", "age-profile"), decision("b")], {("t", "a")})
    assert (verdict.outcome, verdict.reason, verdict.decisions, verdict.precision) == ("approve", "", 2, None)


def test_precision_is_of_decisions_and_recall_of_fraudulent_customers() -> None:
    # a is fraudulent and stopped twice, b is honest, c and d are fraudulent and not stopped: 2 of 3, and 1 of 3.
    decisions = [
        decision("a", "refer", "linked-group"),
        decision("a", "refer", "linked-group", application="2"),
        decision("b", "refer", "linked-group"),
        decision("c"),
    ]
    verdicts = by_reason(decisions, {("t", "a"), ("t", "c"), ("t", "d")})
    stopped = verdicts[1]
    assert (stopped.right, stopped.precision, stopped.recall) == (2, pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_any_of_them_counts_a_customer_once_and_only_reasons_of_links() -> None:
    decisions = [
        decision("a", "refer", "linked-group"),
        decision("a", "decline", "linked-to-fraud", application="2"),
        decision("b", "decline", "case-match"),
        decision("c", "decline", "income-insufficient"),
    ]
    together = by_reason(decisions, {("t", "a"), ("t", "c")})[-1]
    # Three decisions, of which the two about a are right; of two fraudulent customers one is found.
    assert (together.reason, together.decisions, together.right, together.recall) == (ANY, 3, 2, pytest.approx(1 / 2))


def test_without_a_link_reason_there_is_no_row_for_any_of_them() -> None:
    assert [each.reason for each in by_reason([decision("c", "decline", "income-insufficient")], set())] == [
        "income-insufficient"
    ]


def test_decisions_in_shadow_do_not_count() -> None:
    assert by_reason([decision("a", "refer", "linked-group", shadow=True)], set()) == []
    assert by_outcome([decision("a", shadow=True), decision("b")]) == {"approve": 1}


def test_only_the_first_reason_stops_an_application_for_links() -> None:
    assert stopped_for_links(decision("a", "refer", "device-shared"))
    assert not stopped_for_links(decision("a", "refer", "age-profile", "device-shared"))
    assert not stopped_for_links(decision("a", "approve", "device-shared"))


@pytest.mark.parametrize(
    ("rule", "event_type", "about"),
    [
        ("ring-grown", "LoanApplied", True),
        ("late-match", "FraudConfirmed", True),
        ("phone-of-many", "LinkAnswered", True),
        ("ring-large", "RingAnswered", True),
        ("emulator", "LoanApplied", False),
    ],
)
def test_an_alert_is_about_links_by_its_rule_or_by_what_caused_it(rule: str, event_type: str, about: bool) -> None:
    assert is_about_links(alert("a", rule, event_type)) is about


def test_link_rules_are_judged_one_by_one_and_together() -> None:
    # ring-grown: a right, x wrong. late-match: a and b right. Together 3 of 4 alerts, and 2 of 4 customers.
    alerts = [
        alert("a", "ring-grown"),
        alert("x", "ring-grown"),
        alert("a", "late-match"),
        alert("b", "late-match"),
        alert("x", "emulator"),
    ]
    told = {each.rule: each for each in link_rules(alerts, {("t", customer) for customer in "abcd"})}
    assert list(told) == ["late-match", "ring-grown", ANY]
    assert (told["ring-grown"].precision, told["ring-grown"].recall) == (pytest.approx(1 / 2), pytest.approx(1 / 4))
    assert (told[ANY].alerts, told[ANY].precision, told[ANY].recall) == (4, pytest.approx(3 / 4), pytest.approx(1 / 2))


def test_one_link_rule_alone_has_no_row_beside_it() -> None:
    assert [each.rule for each in link_rules([alert("a", "late-match")], {("t", "a")})] == ["late-match"]


def test_every_link_reason_has_its_text_for_the_applicant() -> None:
    from riskwatch.lab.decided import LINK_REASONS

    assert set(TEXTS) >= LINK_REASONS


def told(kind: str, stops: bool | None, *customers: str) -> Truth:
    return Truth(
        kind=kind,
        expected="fraud",
        customers=tuple(("t", customer) for customer in customers),
        begins=NOON,
        ends=NOON,
        stops=stops,
    )


def test_a_customer_of_a_story_counts_once_by_the_strictest_decision() -> None:
    # a: approved, then stopped for links; b: stopped otherwise; c: approved; d never applied.
    decisions = [
        decision("a"),
        decision("a", "decline", "linked-to-fraud", application="2"),
        decision("b", "refer", "age-profile"),
        decision("c"),
        decision("x", "refer", "linked-group"),
    ]
    (verdict,) = by_story_decided(decisions, [told("ring", True, "a", "b", "c", "d"), told("takeover", None, "x")])
    assert (verdict.story, verdict.stops) == ("ring", True)
    assert (verdict.planted, verdict.decided) == (4, 3)
    assert (verdict.linked, verdict.otherwise, verdict.approved) == (1, 1, 1)


def test_a_decision_outside_of_the_storys_time_does_not_count() -> None:
    early = structs.replace(decision("a", "decline", "case-match"), occurred_at=NOON - timedelta(seconds=1))
    (verdict,) = by_story_decided([early], [told("ring", True, "a")])
    assert (verdict.decided, verdict.linked) == (0, 0)

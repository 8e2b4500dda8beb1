"""What a candidate would have changed, counted from pairs of decisions and of alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from riskwatch.lab.changes import ComparingAlerts, ComparingDecisions, Moved
from riskwatch.streams.decisions import Decision, DecisionReason
from riskwatch.streams.outputs import Alert, Cause

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def decision(customer: str = "c1", outcome: str = "approve", **fields: Any) -> Decision:
    code = fields.pop("reason", "within-policy")
    given = {
        "decision_id": f"d-{customer}", "tenant": "bank", "customer_id": customer, "application_id": "a",
        "product": "cash-instalments", "outcome": outcome, "requested": 100, "currency": "CNY",
        "requested_term_months": 12, "grade": "A", "pd": 0.01, "points": 600.0, "limit": 1_000, "amount": 100,
        "annual_rate": 0.108, "apr": 0.11, "term_months": 12, "plan": [],
        "reasons": [DecisionReason(code=code, en="", zh="", values={})],
        "cause": Cause(partition=0, offset=0, event_id="e", event_type="LoanApplied"), "policy": "p",
        "policy_version": "v", "occurred_at": NOW, "decided_at": NOW,
    } | fields  # fmt: skip
    return Decision(**given)


def declined(customer: str = "c1", **fields: Any) -> Decision:
    given = {"limit": 0, "amount": 0, "annual_rate": None, "reason": "income-low"} | fields
    return decision(customer, "decline", **given)


def test_decisions_that_say_the_same_touch_nobody() -> None:
    compared = ComparingDecisions()
    compared.add(decision(points=600.0), decision(points=610.0))
    found = compared.changes()
    assert (found.decisions, found.changed, found.customers, found.touched, found.share) == (1, 0, 1, 0, 0.0)
    assert (found.outcomes, found.reasons) == ((), ())


def test_a_customer_is_touched_by_outcome_grade_limit_or_rate() -> None:
    for changed in (declined(), decision(grade="B"), decision(limit=999), decision(annual_rate=0.107)):
        compared = ComparingDecisions()
        compared.add(decision(), changed)
        assert compared.changes().touched == 1


def test_the_share_counts_customers_not_decisions() -> None:
    compared = ComparingDecisions()
    for customer, after in (
        ("c1", declined("c1")),
        ("c1", declined("c1")),
        ("c2", decision("c2")),
        ("c3", decision("c3")),
    ):
        compared.add(decision(customer), after)
    compared.add(decision("c4"), decision("c4", limit=5))
    found = compared.changes()
    assert (found.decisions, found.changed, found.customers, found.touched, found.share) == (5, 3, 4, 2, 0.5)


def test_changes_of_outcome_and_reason_are_told_and_grades_as_a_matrix() -> None:
    compared = ComparingDecisions()
    compared.add(decision("c1"), declined("c1", grade="C"))
    compared.add(decision("c2"), declined("c2"))
    compared.add(declined("c3"), declined("c3", reason="age"))
    found = compared.changes()
    assert found.outcomes == (Moved(before="approve", after="decline", decisions=2, examples=("d-c1", "d-c2")),)
    assert found.grades == (
        Moved(before="A", after="A", decisions=2),
        Moved(before="A", after="C", decisions=1),
    )
    assert found.reasons == (
        Moved(before="within-policy", after="income-low", decisions=2),
        Moved(before="income-low", after="age", decisions=1),
    )


def test_changes_of_limit_and_rate_have_their_sum_and_median() -> None:
    compared = ComparingDecisions()
    for number, (limit, rate) in enumerate([(1_100, 0.108), (1_500, 0.099), (400, 0.098), (1_000, 0.1)]):
        compared.add(decision(f"c{number}"), decision(f"c{number}", limit=limit, annual_rate=rate))
    found = compared.changes()
    # Limits move by 100, 500, -600: the middle is 100. Rates move by -0.009, -0.010, -0.008: the middle is -0.009.
    assert (found.limit.differ, found.limit.sum, found.limit.median) == (3, 0.0, 100.0)
    assert (found.rate.differ, found.rate.sum, found.rate.median) == (3, -0.027, -0.009)


def test_a_limit_that_is_lost_counts_and_a_rate_that_is_lost_does_not() -> None:
    compared = ComparingDecisions()
    compared.add(decision(), declined())
    found = compared.changes()
    assert (found.limit.sum, found.rate.differ, found.rate.median) == (-1_000.0, 0, None)


def test_an_application_that_nothing_decided_is_touched_by_any_decision() -> None:
    compared = ComparingDecisions()
    compared.add(None, declined())
    found = compared.changes()
    assert found.outcomes == (Moved(before="none", after="decline", decisions=1, examples=("d-c1",)),)
    assert (found.touched, found.limit.differ) == (1, 0)


def alert(alert_id: str, rule: str = "burst", customer: str = "c1", shadow: bool = False) -> Alert:
    return Alert(
        alert_id=alert_id, tenant="bank", customer_id=customer, rule=rule, kind="fraud", severity="low",
        subject=customer, reasons=[], features={}, policy="p", policy_version="v", occurred_at=NOW, detected_at=NOW,
        cause=Cause(partition=0, offset=0, event_id="e", event_type="LoginFailed"), shadow=shadow,
    )  # fmt: skip


def test_alerts_are_gained_and_lost_by_rule() -> None:
    compared = ComparingAlerts()
    compared.saw([b"bank/c1", b"bank/c2", b"bank/c3", b"bank/c4"])
    compared.add(
        [alert("1"), alert("2"), alert("3", "large", "c2")], [alert("1"), alert("4"), alert("5", customer="c3")]
    )
    found = compared.changes()
    assert (found.alerts, found.same, found.customers, found.touched, found.share) == (3, 1, 4, 3, 0.75)
    burst, large = found.rules
    assert (burst.gained, burst.lost, burst.examples_gained, burst.examples_lost) == (2, 1, ("4", "5"), ("2",))
    assert (large.rule, large.gained, large.lost) == ("large", 0, 1)


def test_alerts_of_rules_in_shadow_are_neither_gained_nor_lost() -> None:
    compared = ComparingAlerts()
    compared.add([alert("1", shadow=True), alert("2")], [alert("1"), alert("3", shadow=True), alert("2")])
    assert [(each.rule, each.gained, each.lost) for each in compared.changes().rules] == [("burst", 1, 0)]


def test_a_withdrawal_is_no_alert_and_its_alert_was_raised() -> None:
    compared = ComparingAlerts()
    gone = structs.replace(alert("a1", "late"), withdrawn=True)
    compared.add([alert("a1", "late"), gone], [])
    compared.add([gone], [])
    found = compared.changes()
    assert (found.alerts, found.same, [each.lost for each in found.rules]) == (1, 0, [1])

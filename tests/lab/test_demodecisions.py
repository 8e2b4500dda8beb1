"""What the demo's summary says about applications."""

from __future__ import annotations

import io
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from rich.console import Console, Group

from riskwatch.lab.decided import StoryDecisions
from riskwatch.lab.demodecisions import application_table, decision_line, explained, links_line, waiting_line
from riskwatch.lab.demosummary import summary
from riskwatch.lab.scene import Scene
from riskwatch.streams.decisions import Decision, DecisionReason, DecisionTrail, JudgedRule, PlannedInstalment
from riskwatch.streams.outputs import Alert, Cause

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)


def trail(name: str, outcome: str = "approve", amount: int = 100_00, at: datetime = NOON, **inputs) -> DecisionTrail:
    plan = [
        PlannedInstalment(number=n, due_on=date(2025, 3 + n, 10), principal=n, interest=0, amount=n, balance=0)
        for n in range(1, 6 if amount else 1)
    ]
    decision = Decision(
        decision_id=f"id-{name}",
        tenant="t",
        customer_id="c",
        application_id=name,
        product="cash-instalments",
        outcome=outcome,  # type: ignore[arg-type]
        requested=100_00,
        currency="CNY",
        requested_term_months=5,
        grade="B",
        pd=0.02,
        points=640.0,
        limit=amount,
        amount=amount,
        annual_rate=0.144 if amount else None,
        apr=None,
        term_months=5 if amount else 0,
        plan=plan,
        reasons=[DecisionReason(code="bureau-record", en="Record.", zh="记录", values={})],
        cause=Cause(partition=0, offset=0, event_id="e", event_type="LoanApplied"),
        policy="p",
        policy_version="1",
        occurred_at=at,
        decided_at=at,
    )
    rules = [
        JudgedRule(rule="quiet", outcome="refer", fired=False, values={}),
        JudgedRule(rule="loud", outcome="refer", fired=True, values={}),
    ]
    return DecisionTrail(decision=decision, inputs=inputs, rules=rules, parts=[], bounds=[])


def alert(rule: str) -> Alert:
    return Alert(
        alert_id=rule,
        tenant="t",
        customer_id="c",
        rule=rule,
        kind="fraud",
        severity="high",
        subject="c",
        reasons=[],
        features={},
        cause=Cause(partition=0, offset=0, event_id="e", event_type="LoanApplied"),
        policy="p",
        policy_version="1",
        occurred_at=NOON,
        detected_at=NOON,
    )


def shown(*what: object) -> str:
    out = io.StringIO()
    Console(file=out, width=140).print(Group(*what))  # type: ignore[arg-type]
    return out.getvalue()


def test_decisions_are_told_by_outcome() -> None:
    metrics = {"decisions_total.approve": 7.0, "decisions_total.decline": 2.0}
    assert decision_line(metrics) == "9 applications: 7 approved, 0 referred to a person, 2 declined"


def test_nothing_is_said_of_decisions_where_there_are_none() -> None:
    assert decision_line({}) is None


def test_alerts_about_what_customers_share_are_told_by_rule() -> None:
    alerts = [alert("ring-grown"), alert("late-match"), alert("ring-grown"), alert("emulator")]
    assert links_line(alerts) == "2 ring-grown, 1 late-match"
    assert links_line([alert("emulator")]) is None


def test_where_no_link_was_asked_for_nothing_is_said_of_waiting() -> None:
    assert waiting_line([trail("a", **{"links.answered": None})], {}) is None


def test_decisions_with_and_without_answers_are_counted_and_how_long_they_took() -> None:
    # All decided at noon, of entries of one place: ingested 125 ms before.
    trails = [trail("a", **{"links.answered": answered}) for answered in (True, True, False)]
    told = waiting_line(trails, {(0, 0): round(NOON.timestamp() * 1_000) - 125})
    assert (
        told == "3 decisions waited for answers, 1 of them in vain; from entry to decision 125 ms, the slowest 125 ms"
    )


def test_where_an_entry_is_not_known_only_counts_are_told() -> None:
    assert waiting_line([trail("a", **{"links.answered": True})], {}) == (
        "1 decisions waited for answers, 0 of them in vain"
    )


def test_the_newest_decision_that_offers_all_that_was_asked_for_is_explained() -> None:
    trails = [
        trail("declined", "decline", 0, NOON + timedelta(days=3)),
        trail("reduced", "approve", 50_00, NOON + timedelta(days=2)),
        trail("newer", "approve", at=NOON + timedelta(days=1)),
        trail("older"),
    ]
    told = shown(*explained(trails))
    assert "application   newer of c at t" in told
    assert "older" not in told


@pytest.mark.parametrize("piece", ["14.40% a year", "B, 640 points", "bureau-record", "and 2 more instalments", "loud"])
def test_an_explained_decision_shows_grade_rate_reasons_plan_and_the_rules_that_fired(piece: str) -> None:
    assert piece in shown(*explained([trail("a")]))


def test_rules_that_did_not_fire_are_left_out_of_the_short_form() -> None:
    assert "quiet" not in shown(*explained([trail("a")]))


def test_where_nothing_was_approved_nothing_is_explained() -> None:
    assert explained([trail("a", "decline", 0)]) == []


def test_the_table_of_applications_names_who_should_be_stopped() -> None:
    ring = StoryDecisions(story="ring", stops=True, planted=6, decided=6, linked=2, otherwise=1, approved=3)
    office = StoryDecisions(story="office", stops=False, planted=12, decided=12, linked=0, otherwise=0, approved=12)
    lines = shown(application_table([ring, office])).splitlines()
    assert next(line.split() for line in lines if "ring" in line) == ["ring", "stopped", "6", "2", "1", "3"]
    assert next(line.split()[-1] for line in lines if "office" in line) == "12"


def test_the_summary_shows_decisions_by_first_reason_and_one_explained() -> None:
    scene = Scene(started=time.monotonic(), customers=400, trails=[trail("a"), trail("b", "decline", 0)])
    told = shown(summary(scene, time.monotonic()))
    assert "Decisions by first reason" in told
    assert "One decision explained" in told

"""Alerts against the truth, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from riskwatch.lab.modelreport import card_precision, judge_model
from riskwatch.lab.plot import Truth
from riskwatch.lab.verdicts import by_rule, by_story, false_alerts, match_customers, match_frauds, match_truths
from riskwatch.streams.outputs import Alert, Cause, TrainingExample

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
DAY = 20_157  # of 10 March 2025: 55 years of 365 days, 14 leap days, 31 + 28 + 9 days


def alert(customer: str = "a", *, rule: str = "r", kind: str = "fraud", at: datetime = NOON, event: str = "e") -> Alert:
    return Alert(
        alert_id=f"{rule}-{customer}-{at.isoformat()}-{event}",
        tenant="t",
        customer_id=customer,
        rule=rule,
        kind=kind,  # type: ignore[arg-type]
        severity="high",
        subject=customer,
        reasons=[],
        features={},
        cause=Cause(partition=0, offset=0, event_id=event, event_type="PurchaseMade"),
        policy="p",
        policy_version="1",
        occurred_at=at,
        detected_at=at,
    )


def truth(*customers: str, kind: str = "takeover", expected: str = "fraud", also: tuple[str, ...] = ()) -> Truth:
    return Truth(
        kind=kind,
        expected=expected,  # type: ignore[arg-type]
        customers=tuple(("t", customer) for customer in customers),
        begins=NOON - timedelta(hours=1),
        ends=NOON + timedelta(hours=1),
        also=also,  # type: ignore[arg-type]
    )


def test_an_alert_is_right_when_customer_time_and_kind_match() -> None:
    assert match_truths([truth("a")])(alert("a")) == {(0, ("t", "a"))}


@pytest.mark.parametrize(
    "wrong",
    [
        alert("b"),
        alert("a", kind="early-warning"),
        alert("a", at=NOON + timedelta(hours=1, seconds=1)),
        alert("a", at=NOON - timedelta(hours=1, seconds=1)),
    ],
    ids=["another customer", "another kind", "too late", "too early"],
)
def test_an_alert_is_false_when_one_of_them_does_not(wrong: Alert) -> None:
    assert not match_truths([truth("a")])(wrong)


def test_an_alert_at_the_very_end_of_a_window_is_right() -> None:
    assert match_truths([truth("a")])(alert("a", at=NOON + timedelta(hours=1)))


def test_a_kind_that_the_truth_allows_is_right_too() -> None:
    assert match_truths([truth("a", also=("early-warning",))])(alert("a", kind="early-warning"))


def test_a_fraud_is_matched_by_its_own_event() -> None:
    match = match_frauds({"e": ("a", DAY)})
    assert match(alert("a", at=NOON + timedelta(days=3))) == {"e"}


def test_a_fraud_is_matched_by_its_customer_on_its_day() -> None:
    match = match_frauds({"x": ("a", DAY), "y": ("a", DAY), "z": ("a", DAY + 1)})
    assert match(alert("a")) == {"x", "y"}


def test_a_customer_without_fraud_on_that_day_is_a_false_alert() -> None:
    assert not match_frauds({"x": ("a", DAY)})(alert("a", at=NOON + timedelta(days=1)))


def test_precision_and_recall_of_a_rule() -> None:
    # Two frauds of a on the day and one of b; three alerts: a is right about two frauds at once, c is false twice.
    match = match_frauds({"x": ("a", DAY), "y": ("a", DAY), "z": ("b", DAY)})
    (verdict,) = by_rule([alert("a"), alert("c"), alert("c", event="f")], match, {"fraud": 3})
    assert (verdict.alerts, verdict.right) == (3, 1)
    assert verdict.precision == pytest.approx(1 / 3)
    assert verdict.recall == pytest.approx(2 / 3)


def test_without_truth_alerts_are_only_counted() -> None:
    (verdict,) = by_rule([alert()], None, {})
    assert (verdict.alerts, verdict.right, verdict.precision, verdict.recall) == (1, None, None, None)


def test_rules_come_with_the_most_alerts_first() -> None:
    verdicts = by_rule([alert(rule="a"), alert(rule="b"), alert("c", rule="b")], None, {})
    assert [verdict.rule for verdict in verdicts] == ["b", "a"]


def test_a_story_counts_customers_and_the_false_alerts_of_the_rules_that_found_it() -> None:
    # Of four customers two are found, one of them twice; the rule that found them is wrong once about somebody healthy.
    alerts = [alert("a"), alert("a", event="f"), alert("b"), alert("healthy"), alert("other", rule="s")]
    (verdict,) = by_story(alerts, [truth("a", "b"), truth("c"), truth("d")])
    assert (verdict.planted, verdict.alerted, verdict.right, verdict.false) == (4, 2, 3, 1)
    assert verdict.precision == pytest.approx(3 / 4)
    assert verdict.recall == pytest.approx(1 / 2)


def merchant_alert(merchant: str, customer: str) -> Alert:
    return replace(alert(customer, rule="merchant-trouble", kind="early-warning"), subject=f"merchant {merchant}")


def merchants(*names: str, kind: str, expected: str) -> Truth:
    return replace(truth(kind=kind, expected=expected), subjects=tuple(("t", f"merchant {name}") for name in names))


def test_a_story_about_a_merchant_counts_merchants_whichever_customer_an_alert_names() -> None:
    alerts = [merchant_alert("m1", "a"), merchant_alert("m1", "b")]
    (verdict,) = by_story(alerts, [merchants("m1", "m2", kind="trouble", expected="early-warning")])
    assert (verdict.planted, verdict.alerted, verdict.right, verdict.false) == (2, 1, 2, 0)


def test_an_alert_about_a_merchant_is_not_about_the_customer_whom_it_names() -> None:
    late = truth("a", kind="late", expected="early-warning")
    others = merchants("m1", "m2", kind="as-usual", expected="none")
    wrong = merchant_alert("m1", "a")
    (about_late, about_others) = by_story([wrong], [late, others])
    assert about_late.alerted == 0
    assert (about_others.planted, about_others.alerted) == (2, 1)
    assert false_alerts([wrong], [late, others]) == [wrong]


def test_a_rule_that_is_right_about_another_story_is_not_false() -> None:
    stories = [truth("a"), truth("b", kind="farm")]
    assert [verdict.precision for verdict in by_story([alert("a"), alert("b")], stories)] == [1.0, 1.0]


def test_a_story_that_nobody_found_has_no_precision() -> None:
    (verdict,) = by_story([], [truth("a")])
    assert (verdict.recall, verdict.precision) == (0.0, None)


def test_any_alert_disturbs_a_hard_negative() -> None:
    alerts = [alert("a", kind="early-warning"), alert("b", at=NOON + timedelta(days=1))]
    (verdict,) = by_story(alerts, [truth("a", expected="none"), truth("b", expected="none")])
    assert (verdict.planted, verdict.alerted, verdict.false) == (2, 1, 1)


def test_false_alerts_are_those_that_match_no_truth() -> None:
    healthy = alert("healthy")
    assert false_alerts([alert("a"), healthy], [truth("a")]) == [healthy]


def example(customer: str, score: float | None, label: bool, day: int = 0) -> TrainingExample:
    return TrainingExample(
        example_id=f"{customer}-{score}-{label}-{day}",
        model="m",
        model_version=1,
        tenant="t",
        customer_id=customer,
        event_id="0",
        occurred_at=NOON + timedelta(days=day),
        labelled_at=NOON + timedelta(days=day + 7),
        score=score,
        label=label,
        names=[],
        vector=[],
    )


def test_progressive_figures_of_a_model() -> None:
    pytest.importorskip("sklearn")
    # Ranked fraud, good, fraud, good: three of four pairs are in order; precision 1/1 and 2/3 at the frauds.
    examples = [example("a", 0.9, True), example("b", 0.8, False), example("c", 0.7, True), example("d", 0.1, False)]
    (verdict,) = judge_model([*examples, example("e", None, True), examples[0]])
    assert verdict.auc == pytest.approx(3 / 4)
    assert verdict.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert (verdict.examples, verdict.positives, verdict.scored) == (5, 3, 4)


def test_a_model_that_never_scored_has_no_figures() -> None:
    (verdict,) = judge_model([example("a", None, True)])
    assert (verdict.auc, verdict.average_precision, verdict.card_precision) == (None, None, None)


def test_card_precision_is_the_mean_over_days_without_cards_that_were_found() -> None:
    # Day 0: the top two of three are a (fraud) and b: 1/2. Day 1: a is left out, c and d remain: c is a fraud: 1/2.
    # Day 2: only b, fewer than two: does not count.
    examples = [
        example("a", 0.9, True),
        example("b", 0.8, False),
        example("c", 0.1, False),
        example("a", 0.99, True, 1),
        example("c", 0.5, True, 1),
        example("d", 0.2, False, 1),
        example("b", 0.9, True, 2),
    ]
    assert card_precision(examples, 2) == pytest.approx(1 / 2)


def test_card_precision_takes_the_highest_score_of_a_customer_and_any_fraud_of_the_day() -> None:
    assert card_precision([example("a", 0.1, True), example("a", 0.9, False), example("b", 0.5, False)], 1) == 1.0


def test_of_who_deserves_anything_nothing_is_asked_and_nothing_is_false() -> None:
    truths = [truth("a", kind="suspect", expected="anything")]
    assert by_story([alert("a")], truths) == []
    assert false_alerts([alert("a"), alert("a", kind="early-warning")], truths) == []


def test_a_fraudulent_customer_is_matched_at_any_time() -> None:
    match = match_customers({("t", "a")})
    assert match(alert("a", at=NOON + timedelta(days=300))) == {("t", "a")}
    assert not match(alert("b"))

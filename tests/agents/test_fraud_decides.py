"""A confirmed fraud taints what it used: who applies with it later, who did before, and what clearing gives back."""

from __future__ import annotations

from shared_journal import World, applied, at, cleared, fraud, program, refold

from riskwatch.streams import events
from riskwatch.streams.decisions import DecisionTrail, encode_decision

DAY = 86_400.0
PHONE = "+8613800138000"


def with_phone(customer: str, seconds: float, text: str = PHONE) -> events.LoanApplied:
    return applied(customer, seconds, identifiers=events.Identifiers(phone=text))


def outcome(trail: DecisionTrail) -> tuple[str, str]:
    return trail.decision.outcome, trail.decision.reasons[0].code if trail.decision.reasons else ""


def test_an_applicant_with_the_phone_of_a_confirmed_fraud_is_declined_however_it_is_written() -> None:
    world = World().say(with_phone("bad", 0), fraud("bad", 20 * DAY), with_phone("c1", 21 * DAY, "+86 138 0013 8000"))
    (first, second) = world.decisions
    assert (outcome(first)[0], outcome(second)) == ("approve", ("decline", "case-match"))
    assert second.inputs["library.exact_matches"] == 1.0
    assert second.inputs["library.best_case"] == "case-bad-1"
    assert second.inputs["links.phone_fraud_30d"] == 1.0


def test_after_a_month_the_links_have_forgotten_and_the_library_has_not() -> None:
    world = World().say(with_phone("bad", 0), fraud("bad", DAY), with_phone("c1", 60 * DAY))
    assert world.decisions[1].inputs["links.phone_fraud_30d"] == 0.0
    assert outcome(world.decisions[1]) == ("decline", "case-match")


def test_a_case_that_is_cleared_taints_no_longer() -> None:
    world = World().say(with_phone("bad", 0), fraud("bad", DAY), cleared("bad", 2 * DAY), with_phone("c1", 3 * DAY))
    assert outcome(world.decisions[1])[0] == "approve"
    assert world.decisions[1].inputs["links.phone_fraud_30d"] == 0.0
    assert world.decisions[1].inputs["library.exact_matches"] == 0.0


def test_who_was_approved_before_with_the_same_phone_is_told_of_once_and_withdrawn_when_it_is_cleared() -> None:
    world = World().say(with_phone("c1", 0), with_phone("bad", DAY), fraud("bad", 90 * DAY))
    late = [alert for alert in world.alerts if alert.rule == "late-match"]
    assert [(alert.customer_id, alert.withdrawn) for alert in late] == [("c1", False)]
    world.say(fraud("bad", 91 * DAY, event_id="fraud-again"))
    assert len([alert for alert in world.alerts if alert.rule == "late-match"]) == 1
    world.say(cleared("bad", 92 * DAY))
    withdrawn = [alert for alert in world.alerts if alert.rule == "late-match"][1:]
    assert [(alert.alert_id, alert.withdrawn) for alert in withdrawn] == [(late[0].alert_id, True)]


def test_a_case_that_is_confirmed_while_an_application_waits_is_known_when_it_is_decided() -> None:
    world = World().say(with_phone("bad", 0))
    world.prompt = False
    world.say(with_phone("c1", DAY), fraud("bad", DAY + 0.1), at(DAY + 2))
    assert outcome(world.decisions[-1]) == ("decline", "case-match")


def test_the_same_journal_gives_the_same_decisions_and_alerts_however_it_is_cut() -> None:
    world = World().say(
        with_phone("c0", 0), with_phone("bad", 5), with_phone("c1", 10), fraud("bad", 3_600), with_phone("c2", 3_700),
        cleared("bad", 7_200), with_phone("c3", 7_300), fraud("bad", 8_000, event_id="f2"), at(9_000),
        with_phone("c4", 9_001),
    )  # fmt: skip
    assert [outcome(trail)[0] for trail in world.decisions][-1] == "decline"
    for cuts in ([], [7], list(range(1, len(world.log)))):
        batches, _ = refold(program(), world.log, *cuts)
        trails = [encode_decision(trail) for each in batches for trail in each.decisions]
        assert trails == [encode_decision(trail) for trail in world.decisions]
        told = sorted((each.alert_id, each.withdrawn) for batch in batches for each in batch.alerts)
        assert told == sorted((each.alert_id, each.withdrawn) for each in world.alerts)

"""Collections of one customer, worked out by hand: what is done, what is closed, when it is looked at again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace
from tinycollections import CUSTOMER, DAY, HOUR, MONDAY, POLICY, RULES, fixed_card, loan, policy

from riskwatch.features.collecting import evolve_collections, next_look
from riskwatch.features.collectionfacts import (
    ConsentSaid,
    Contacted,
    Fact,
    Flagged,
    LoanLeft,
    Paid,
    PaymentUndone,
    Promised,
    PromiseEnded,
)
from riskwatch.features.collectionledger import CollectionsState
from riskwatch.policy.collecting import decide
from riskwatch.policy.collectionpolicy import CollectionPolicy, Holdout, is_held_out
from riskwatch.policy.contactrules import Silence
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.collections import ActionClosed, CollectionAction, action_identity
from riskwatch.streams.packing import customer_key, to_ms

NINE = MONDAY + 9 * HOUR
Records = list[CollectionAction | ActionClosed]


class Desk:
    """A customer's state with a policy, and a count that names facts."""

    def __init__(self, used: CollectionPolicy = POLICY) -> None:
        self.policy, self.state, self.count = used, CollectionsState(), 0

    def tell(self, fact: Fact) -> bool:
        return evolve_collections(self.state, fact)

    def event(self) -> int:
        self.count += 1
        return self.count

    def at(self, now: int, inputs: Mapping[str, Mapping[str, Value]] | None = None) -> Records:
        return decide(self.policy, self.state, CUSTOMER, {"l-1": loan()} if inputs is None else inputs, now)


def done(records: Records) -> list[tuple[str, str]]:
    return [
        ("closed", each.ending) if isinstance(each, ActionClosed) else (each.treatment, each.stage) for each in records
    ]


def only(records: Records) -> CollectionAction:
    (action,) = [each for each in records if isinstance(each, CollectionAction)]
    return action


SECOND = {"l-1": loan(40)}
"""In M2: half the value. Waiting 1,000, sms 1,350, call 1,500."""


def test_a_loan_in_the_first_bucket_gets_the_message_that_brings_most() -> None:
    # Soft stage: waiting 2,000, push 2,790, sms 2,750.
    desk = Desk()
    action = only(desk.at(NINE))
    assert (action.treatment, action.channel, action.stage, action.script) == ("push", "push", "soft", "s.push")
    assert (to_ms(action.due_at), to_ms(action.expires_at)) == (NINE, MONDAY + 20 * HOUR)
    assert action.action_id == action_identity(customer_key("harbour", "c-1"), "l-1", "push", NINE, 1)
    assert (action.policy, action.policy_version, action.rules) == ("tiny", POLICY.version, "tiny")


def test_an_action_tells_every_candidate_with_its_value_and_why_it_was_not_open() -> None:
    desk = Desk(policy(lines=(replace(POLICY.lines[0], without=("sms",)), *POLICY.lines[1:])))
    action = only(desk.at(NINE))
    told = [(each.treatment, each.excluded) for each in action.considered]
    assert told == [("wait", None), ("push", None), ("sms", "strategy")]
    assert [each.net for each in action.considered] == pytest.approx([2_000, 2_790, 2_750])
    assert [reason.code for reason in action.reasons] == ["strategy", "best"]


def test_at_night_nothing_is_done_and_the_morning_is_looked_at() -> None:
    desk = Desk()
    assert desk.at(MONDAY + 3 * HOUR, SECOND) == []
    assert next_look(desk.state) == MONDAY + 8 * HOUR


def test_the_next_step_comes_after_the_days_that_the_stage_asks_for() -> None:
    desk = Desk(policy(stages=(replace(POLICY.stages[0], min_days=2), *POLICY.stages[1:])))
    desk.at(NINE)
    assert done(desk.at(NINE + DAY)) == [("closed", "expired")]
    assert next_look(desk.state) == MONDAY + 2 * DAY
    assert done(desk.at(MONDAY + 2 * DAY + 8 * HOUR)) == [("push", "soft")]


def test_an_open_action_keeps_its_channel_for_itself() -> None:
    desk = Desk()
    inputs = {"l-1": loan(overdue=20_000), "l-2": loan()}
    records = desk.at(NINE, inputs)
    assert [(each.loan_id, each.channel) for each in records if isinstance(each, CollectionAction)] == [
        ("l-1", "push"),  # most past due comes first
        ("l-2", "sms"),
    ]


def test_work_that_nobody_reports_expires_and_counts_in_the_budget_all_the_same() -> None:
    desk = Desk()
    assert done(desk.at(NINE, SECOND)) == [("call", "firm")]
    # Ordered for Monday 9:00 to 20:00: one call in any 48 hours leaves none before Wednesday night.
    assert done(desk.at(NINE + DAY, SECOND)) == [("closed", "expired"), ("sms", "firm")]
    assert done(desk.at(NINE + 2 * DAY, SECOND)) == [("closed", "expired"), ("sms", "firm")]
    assert done(desk.at(NINE + 3 * DAY, SECOND)) == [("closed", "expired"), ("call", "firm")]


def test_a_reported_outcome_closes_the_action_and_places_the_contact_where_it_was() -> None:
    desk = Desk()
    action = only(desk.at(NINE, SECOND))
    fact = Contacted(
        event=1, at_ms=NINE + HOUR, channel="phone", outcome="no-answer", loan_id="l-1", action_id=action.action_id
    )
    assert desk.tell(fact)
    (closed,) = desk.at(NINE + HOUR, SECOND)
    assert isinstance(closed, ActionClosed)
    assert (closed.action_id, closed.ending, closed.reported) == (action.action_id, "done", "no-answer")
    # Called at 10:00 on Monday: the next call is allowed at 10:00 on Wednesday.
    assert done(desk.at(NINE + 2 * DAY, SECOND)) == [("sms", "firm")]
    assert next_look(desk.state) == MONDAY + 2 * DAY + 20 * HOUR


def test_a_payment_stops_everything_and_the_loan_rests() -> None:
    desk = Desk()
    desk.at(NINE)
    desk.tell(Paid(event=1, at_ms=NINE + HOUR, loan_id="l-1", share=0.1))
    assert done(desk.at(NINE + HOUR)) == [("closed", "payment")]
    assert done(desk.at(NINE + DAY)) == []
    assert next_look(desk.state) == MONDAY + 2 * DAY
    assert done(desk.at(NINE + 2 * DAY)) == [("push", "soft")]


def test_a_promise_pauses_until_it_is_due_and_its_grace_is_over() -> None:
    desk = Desk()
    desk.at(NINE)
    due = MONDAY + 4 * DAY  # by the end of Thursday
    desk.tell(Promised(event=1, at_ms=NINE + HOUR, loan_id="l-1", pay_by_ms=due))
    assert done(desk.at(NINE + HOUR)) == [("closed", "promise")]
    assert next_look(desk.state) == due + DAY
    assert desk.at(due + DAY - 1) == []
    assert done(desk.at(due + DAY + 9 * HOUR)) == [("push", "soft")]


def test_a_promise_for_a_far_day_pauses_no_longer_than_the_policy_says() -> None:
    desk = Desk()
    desk.tell(Promised(event=1, at_ms=NINE, loan_id="l-1", pay_by_ms=NINE + 300 * DAY))
    desk.at(NINE)
    assert next_look(desk.state) == NINE + 14 * DAY + DAY


def test_a_broken_promise_resumes_one_stage_further_after_its_grace() -> None:
    desk = Desk()
    desk.tell(Promised(event=1, at_ms=NINE, loan_id="l-1", pay_by_ms=MONDAY + DAY))
    desk.tell(PromiseEnded(event=2, at_ms=MONDAY + DAY, loan_id="l-1", promise=1, kept=False))
    assert desk.at(MONDAY + DAY + 9 * HOUR) == []
    action = only(desk.at(MONDAY + 2 * DAY + 9 * HOUR))
    assert (action.treatment, action.stage) == ("call", "firm")
    assert "raised" in [reason.code for reason in action.reasons]


def test_broken_promises_raise_no_further_than_the_ceiling() -> None:
    desk = Desk()
    for promise in (11, 12, 13):
        desk.tell(PromiseEnded(event=desk.event(), at_ms=MONDAY, loan_id="l-1", promise=promise, kept=False))
    assert only(desk.at(NINE)).stage == "firm"


def test_after_as_many_broken_promises_as_the_policy_takes_another_one_pauses_nothing() -> None:
    desk = Desk()
    for promise in (11, 12):
        desk.tell(PromiseEnded(event=desk.event(), at_ms=MONDAY, loan_id="l-1", promise=promise, kept=False))
    desk.tell(Promised(event=13, at_ms=NINE, loan_id="l-1", pay_by_ms=NINE + 5 * DAY))
    assert done(desk.at(NINE)) == [("call", "firm")]


def test_the_end_of_a_promise_that_comes_before_the_promise_leaves_no_pause() -> None:
    desk = Desk()
    desk.tell(PromiseEnded(event=2, at_ms=NINE, loan_id="l-1", promise=1, kept=True))
    desk.tell(Promised(event=1, at_ms=MONDAY, loan_id="l-1", pay_by_ms=NINE + 5 * DAY))
    assert done(desk.at(NINE)) == [("push", "soft")]


def test_a_kept_promise_takes_one_stage_back() -> None:
    desk = Desk()
    desk.tell(PromiseEnded(event=1, at_ms=MONDAY, loan_id="l-1", promise=11, kept=False))
    desk.tell(PromiseEnded(event=2, at_ms=MONDAY, loan_id="l-1", promise=12, kept=True))
    assert only(desk.at(NINE)).stage == "soft"


def test_a_payment_of_half_of_what_is_past_due_takes_one_stage_back() -> None:
    desk = Desk()
    desk.tell(PromiseEnded(event=1, at_ms=MONDAY - 9 * DAY, loan_id="l-1", promise=11, kept=False))
    desk.tell(Paid(event=2, at_ms=MONDAY - 8 * DAY, loan_id="l-1", share=0.5))
    assert only(desk.at(NINE)).stage == "soft"


def test_actions_that_bring_nothing_lead_to_the_next_stage() -> None:
    # escalate_after = 3: three pushes, then firm.
    desk = Desk()
    stages = [only(desk.at(NINE + day * DAY)).stage for day in range(4)]
    assert stages == ["soft", "soft", "soft", "firm"]


def test_a_stage_that_the_table_reaches_by_itself_uses_up_what_was_raised() -> None:
    desk = Desk(policy(ceiling="legal"))
    desk.tell(PromiseEnded(event=1, at_ms=MONDAY, loan_id="l-1", promise=11, kept=False))
    assert only(desk.at(NINE)).stage == "firm"
    assert only(desk.at(NINE + 2 * DAY, SECOND)).stage == "firm"


def test_time_does_not_go_back() -> None:
    # At 21:00 the hours are over; a decision that is asked for with an earlier instant is not made in the past.
    desk = Desk()
    assert desk.at(MONDAY + 21 * HOUR) == []
    assert desk.at(NINE) == []


def test_an_order_was_not_carried_out_before_it_was_given_whatever_the_report_says() -> None:
    desk = Desk()
    action = only(desk.at(NINE, SECOND))
    early = NINE - 30 * HOUR
    desk.tell(Contacted(event=1, at_ms=early, channel="phone", outcome="no-answer", action_id=action.action_id))
    # One call in 48 hours, counted from Monday 9:00.
    assert done(desk.at(NINE + DAY, SECOND)) == [("closed", "done"), ("sms", "firm")]
    assert done(desk.at(NINE + 2 * DAY, SECOND)) == [("closed", "expired"), ("call", "firm")]


@pytest.mark.parametrize("flag", ["dispute", "hardship"])
def test_a_flag_stops_what_is_automatic_and_asks_a_person_once(flag: str) -> None:
    desk = Desk()
    desk.at(NINE)
    desk.tell(Flagged(event=1, at_ms=NINE + HOUR, loan_id="l-1", flag=flag))  # type: ignore[arg-type]
    records = desk.at(NINE + HOUR)
    assert done(records) == [("closed", flag), ("review", "soft")]
    assert (only(records).channel, only(records).priority) == ("person", 5)
    assert desk.at(NINE + DAY) == []


def test_a_review_that_nobody_did_is_asked_for_again() -> None:
    desk = Desk()
    desk.tell(Contacted(event=1, at_ms=NINE, channel="phone", outcome="disputed", loan_id="l-1"))
    assert done(desk.at(NINE)) == [("review", "")]
    assert next_look(desk.state) == NINE + 72 * HOUR
    assert done(desk.at(NINE + 72 * HOUR)) == [("closed", "expired"), ("review", "")]


def test_when_a_flag_is_taken_back_the_review_is_over_and_work_goes_on() -> None:
    desk = Desk()
    desk.tell(Flagged(event=1, at_ms=NINE, loan_id="l-1", flag="dispute"))
    desk.at(NINE)
    desk.tell(Flagged(event=2, at_ms=NINE + DAY, loan_id="l-1", flag="dispute", open=False))
    assert done(desk.at(NINE + DAY)) == [("closed", "withdrawn"), ("push", "soft")]


@pytest.mark.parametrize(
    "fact",
    [Paid(event=1, at_ms=NINE, loan_id="l-1", settled=True, share=1.0), LoanLeft(event=1, at_ms=NINE, loan_id="l-1")],
)
def test_nothing_is_done_about_a_settled_loan_whatever_the_inputs_still_say(fact: Fact) -> None:
    desk = Desk()
    desk.at(NINE)
    desk.tell(fact)
    assert [name for name, _ in done(desk.at(NINE))] == ["closed"]
    assert desk.at(NINE + 9 * DAY) == []
    assert next_look(desk.state) is None


def test_a_payment_that_bounces_brings_a_settled_loan_back() -> None:
    desk = Desk()
    desk.tell(Paid(event=1, at_ms=NINE, loan_id="l-1", settled=True, share=1.0))
    desk.at(NINE)
    desk.tell(PaymentUndone(event=2, at_ms=NINE + 5 * DAY, loan_id="l-1"))
    assert done(desk.at(NINE + 5 * DAY)) == [("push", "soft")]


def test_a_loan_that_is_current_again_starts_anew() -> None:
    desk = Desk()
    desk.tell(PromiseEnded(event=1, at_ms=MONDAY, loan_id="l-1", promise=11, kept=False))
    desk.at(NINE)
    assert done(desk.at(NINE + HOUR, {"l-1": loan(0, 0)})) == [("closed", "payment")]
    assert only(desk.at(NINE + 40 * DAY, {"l-1": loan(1)})).stage == "soft"


def test_a_conversation_elsewhere_withdraws_a_call_that_is_open() -> None:
    silent = replace(RULES, silences={"s": Silence(channels=("phone",), after=("phone",), days=3)})
    desk = Desk(policy(rules=silent))
    assert done(desk.at(NINE, SECOND)) == [("call", "firm")]
    desk.tell(Contacted(event=1, at_ms=NINE + HOUR, channel="phone", outcome="reached-customer", loan_id="l-1"))
    assert done(desk.at(NINE + HOUR, SECOND)) == [("closed", "withdrawn")]


def test_an_opt_out_withdraws_what_is_open_on_the_channel() -> None:
    desk = Desk()
    desk.at(NINE)
    desk.tell(ConsentSaid(event=1, at_ms=NINE + HOUR, channel="push", given=False))
    assert done(desk.at(NINE + HOUR)) == [("closed", "withdrawn")]
    assert done(desk.at(NINE + DAY)) == [("sms", "soft")]


def test_an_older_word_about_consent_does_not_undo_a_newer_one() -> None:
    desk = Desk()
    desk.tell(ConsentSaid(event=1, at_ms=NINE, channel="push", given=False))
    desk.tell(ConsentSaid(event=2, at_ms=NINE - DAY, channel="push", given=True))
    assert only(desk.at(NINE)).treatment == "sms"


def test_whoever_asks_not_to_be_contacted_gets_no_contact_of_any_kind() -> None:
    desk = Desk()
    desk.tell(ConsentSaid(event=1, at_ms=NINE, channel="all", given=False))
    assert desk.at(NINE) == []


def test_a_loan_for_sale_is_on_a_list_with_its_fields_and_nothing_else_is_done_meanwhile() -> None:
    desk = Desk()
    late = {"l-1": loan(200)}
    action = only(desk.at(NINE, late))
    assert (action.treatment, action.channel, action.file, action.fields) == (
        "sale", "batch", "sale", ["loan_id", "loan.exposure"],
    )  # fmt: skip
    assert action.values == {"loan.exposure": late["l-1"]["loan.exposure"]}
    assert desk.at(NINE + 9 * DAY, late) == []
    assert done(desk.at(NINE + 10 * DAY, late)) == [("closed", "expired"), ("sale", "legal")]


def test_a_held_out_loan_gets_a_record_and_no_treatment() -> None:
    stages = (replace(POLICY.stages[0], holdout=True), *POLICY.stages[1:])
    desk = Desk(policy(holdout=Holdout(share=0.5, key="a"), stages=stages))
    held = next(name for name in map(str, range(99)) if is_held_out(desk.policy.holdout, "harbour", name))
    free = next(name for name in map(str, range(99)) if not is_held_out(desk.policy.holdout, "harbour", name))
    inputs = {held: loan(), free: loan()}
    first = [each for each in desk.at(NINE, inputs) if isinstance(each, CollectionAction)]
    assert {each.loan_id: each.holdout for each in first} == {held: True, free: False}
    later = [each for day in range(1, 3) for each in desk.at(NINE + day * DAY, inputs)]
    assert {each.loan_id for each in later} == {free}


def test_the_share_that_is_held_out_is_the_declared_one_and_another_under_another_key() -> None:
    held = {
        key: {n for n in range(20_000) if is_held_out(Holdout(share=0.1, key=key), "t", f"l-{n}")} for key in ("a", "b")
    }
    # Binomial with 20,000 draws at 0.1: five standard deviations are 0.0106; both keys together hold out one in 100.
    assert len(held["a"]) / 20_000 == pytest.approx(0.1, abs=0.0106)
    assert len(held["a"] & held["b"]) / 20_000 == pytest.approx(0.01, abs=0.0036)


def test_a_fact_that_comes_again_changes_nothing() -> None:
    desk = Desk()
    fact = PromiseEnded(event=1, at_ms=MONDAY, loan_id="l-1", promise=11, kept=False)
    assert (desk.tell(fact), desk.tell(fact)) == (True, False)
    assert desk.state.loans["l-1"].broken == 1


def test_unknown_inputs_lead_to_nothing() -> None:
    assert Desk().at(NINE, {"l-1": {"loan.dpd": None}}) == []


def test_how_contacts_went_is_read_by_the_scorecards() -> None:
    # A card that reads the mornings: 0 points where the share is known, 20 doublings less where it is not.
    card = fixed_card("call", 1e-6)
    (flat,) = card.characteristics
    seen = replace(flat, reads="contacts.connected_share_morning", missing=-400)
    desk = Desk(policy(cards={**POLICY.cards, "call": replace(card, characteristics=(seen,))},
                       treatments={**POLICY.treatments, "call": replace(POLICY.treatments["call"], card="call",
                                                                        probability=None)}))  # fmt: skip
    desk.tell(Contacted(event=1, at_ms=NINE - 9 * DAY, channel="phone", outcome="reached-customer", loan_id="l-1"))
    considered = {each.treatment: each for each in only(desk.at(NINE, SECOND)).considered}
    # At 0 points its odds are 1e-6; below, the call would bring nothing that can be seen here.
    assert considered["call"].probability == pytest.approx(0.2 + 0.8 * 0.5 * 1e-6, abs=1e-9)


def test_what_needs_more_of_the_day_than_is_left_waits_for_the_next() -> None:
    # The hours end at 20:00; a call needs two of them.
    call = replace(POLICY.treatments["call"], least_hours=2)
    desk = Desk(policy(treatments={**POLICY.treatments, "call": call}))
    action = only(desk.at(MONDAY + 18 * HOUR + 1, SECOND))
    assert action.treatment == "sms"
    assert [each.excluded for each in action.considered] == [None, None, "too-late"]
    assert only(Desk(desk.policy).at(MONDAY + 18 * HOUR, SECOND)).treatment == "call"


def test_a_settled_loan_whose_payment_bounces_is_shown_to_a_person_again_while_it_is_disputed() -> None:
    desk = Desk()
    desk.tell(Flagged(event=1, at_ms=NINE, loan_id="l-1", flag="dispute"))
    desk.at(NINE)
    desk.tell(Paid(event=2, at_ms=NINE, loan_id="l-1", settled=True, share=1.0))
    assert done(desk.at(NINE)) == [("closed", "settled")]
    desk.tell(PaymentUndone(event=3, at_ms=NINE + DAY, loan_id="l-1"))
    assert done(desk.at(NINE + DAY)) == [("review", "")]

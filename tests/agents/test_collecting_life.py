"""The life of loans that are collected, through the fold: worked out by hand under a small policy."""

from __future__ import annotations

from datetime import date

import pytest
from collected import REMINDING, Life, actions, collecting, june, told
from msgspec import structs

from riskwatch.policy.collectionpolicy import Holdout
from riskwatch.policy.contactrules import Limit
from riskwatch.streams import events
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.packing import to_ms


def late(day: float = 22, hour: float = 9) -> Life:
    """A loan of which the first instalment was due on 20 June, at an instant."""
    life = Life()
    life.opened()
    life.until(june(day, hour))
    return life


def raised(day: float = 26, hour: float = 9) -> Life:
    """A loan in the stage of calls, because a promise was broken: a call is open from 26 June, 8 o'clock."""
    life = late()
    life.promised(10_000, date(2026, 6, 24))
    life.until(june(day, hour))
    return life


def test_a_loan_is_reminded_then_collected_paused_resumed_and_left_in_peace() -> None:
    life = Life()
    assert life.opened() == []
    # Reminded three days before, at 8 o'clock; not again within five days.
    assert told(life.until(june(20, 23))) == [("push", "06-17 08:00"), ("expired", "06-17 20:00")]
    # Unpaid: from the next day on a message a day.
    assert told(life.until(june(22, 9))) == [
        ("push", "06-21 08:00"), ("expired", "06-21 20:00"), ("push", "06-22 08:00"),
    ]  # fmt: skip
    assert [each.stage for each in actions(life.records)] == ["remind", "soft", "soft"]
    # A promise for the 24th pauses until a day after it.
    assert told(life.promised(10_000, date(2026, 6, 24))) == [("promise", "06-22 09:00")]
    assert told(life.until(june(26, 7))) == []
    # It is broken: the next stage, whose call brings most.
    assert told(life.until(june(26, 9))) == [("call", "06-26 08:00")]
    assert (actions(life.records)[-1].stage, actions(life.records)[-1].channel) == ("firm", "phone")
    # A payment stops it all, and the loan is current until the next due date comes near.
    assert told(life.paid(10_000)) == [("payment", "06-26 09:00")]
    assert told(life.until(june(47, 9))) == [("push", "07-17 08:00")]
    assert actions(life.records)[-1].stage == "remind"
    # All the rest is paid: nothing more, ever.
    assert told(life.paid(20_000)) == [("payment", "07-17 09:00")]
    assert life.until(june(200)) == []
    assert life.account().collections_look_ms == 0


def test_every_action_is_closed_at_most_once_and_a_closing_names_an_action() -> None:
    life = raised()
    life.paid(10_000)
    life.until(june(90))
    ordered = [each.action_id for each in life.records if isinstance(each, CollectionAction)]
    ended = [each.action_id for each in life.records if isinstance(each, ActionClosed)]
    assert len(set(ordered)) == len(ordered) > 5
    assert len(set(ended)) == len(ended)
    assert set(ended) <= set(ordered)
    assert len(ordered) - len(ended) <= 1


def test_a_promise_that_is_kept_takes_the_loan_a_stage_back() -> None:
    life = raised()
    life.promised(1_000, date(2026, 6, 27))
    life.paid(1_000)
    life.until(june(28, 1))
    loan = life.account().collections.loans["l-1"]  # type: ignore[union-attr]
    assert (loan.made, loan.kept, loan.broken, loan.raised) == (2, 1, 1, 0)
    life.until(june(29, 9))
    assert actions(life.records)[-1].stage == "soft"


@pytest.mark.parametrize(
    ("amount", "fields", "share"),
    [
        (8_000, {}, 0.4),
        (1, {}, 0.00005),
        (19_999, {}, 0.99995),
        (10_000, {"instalment_number": 3}, 0.0),  # paid ahead: it takes nothing off
        (10_001, {"instalment_number": 3}, 0.00005),
    ],
)
def test_a_payment_counts_by_what_it_takes_off_what_was_past_due(
    amount: int, fields: dict[str, int], share: float
) -> None:
    life = Life()
    life.opened(dues=[date(2026, 6, 20), date(2026, 6, 21), date(2026, 8, 20)])
    life.until(june(22, 9))
    life.paid(amount, **fields)
    assert life.account().collections.loans["l-1"].paid_part == pytest.approx(share)  # type: ignore[union-attr]


def test_a_payment_that_came_before_anything_was_kept_gives_its_rest_all_the_same() -> None:
    life = Life(collecting(structs.replace(REMINDING, remind_days=0, rest_days=4)))
    life.opened()
    life.until(june(19, 9))
    assert life.paid(3_000) == []
    # Paid on the 19th: nothing before the 23rd.
    assert told(life.until(june(23, 9))) == [("push", "06-23 08:00")]


def test_a_reversal_brings_the_loan_back() -> None:
    life = late()
    life.paid(30_000, payment_id="p")
    assert life.until(june(24, 9)) == []
    back = life.say(events.RepaymentReversed, loan_id="l-1", amount=30_000, currency="CNY", payment_id="p")
    assert told(back) == [("push", "06-24 09:00")]


def test_a_dispute_about_every_loan_goes_to_a_person_until_it_is_resolved() -> None:
    life = late()
    life.opened("l-2", [date(2026, 12, 1)])
    said = life.say(events.ConcernRaised, concern="dispute")
    assert told(said) == [("dispute", "06-22 09:00"), ("review", "06-22 09:00"), ("review", "06-22 09:00")]
    assert {each.loan_id for each in actions(said)} == {"l-1", "l-2"}
    assert {each.channel for each in actions(said)} == {"person"}
    assert told(life.until(june(24, 9))) == []
    resolved = life.say(events.ConcernResolved, concern="dispute")
    assert told(resolved) == [("withdrawn", "06-24 09:00"), ("withdrawn", "06-24 09:00"), ("push", "06-24 09:00")]


def test_a_hardship_that_a_caller_hears_of_goes_to_a_person_too() -> None:
    life = late()
    said = life.say(events.ContactMade, channel="phone", outcome="hardship")
    assert [name for name, _ in told(said)] == ["hardship", "review"]


def test_a_reported_outcome_closes_the_action_as_done() -> None:
    life = late()
    action = actions(life.records)[-1]
    (closed,) = life.say(
        events.ContactMade, channel="push", outcome="delivered", loan_id="l-1", action_id=action.action_id
    )
    assert isinstance(closed, ActionClosed)
    assert (closed.action_id, closed.ending, closed.reported) == (action.action_id, "done", "delivered")


def test_a_contact_that_somebody_else_made_counts_in_the_budget() -> None:
    """Reminders and warnings of others come as `ContactMade` without an action."""
    life = raised(day=26, hour=7)
    life.say(events.ContactMade, channel="phone", outcome="no-answer")
    # One call in 48 hours: instead of a call there is a message until the 28th.
    assert told(life.until(june(26, 9))) == [("sms", "06-26 08:00")]
    (considered,) = [each for each in actions(life.records)[-1].considered if each.treatment == "call"]
    assert considered.excluded == "limits.calls"
    assert to_ms(considered.next_allowed_at) == to_ms(june(28, 8))  # type: ignore[arg-type]
    assert sum(each.collecting.refused["limits.calls"] for each in life.folded) >= 1
    assert told(life.until(june(28, 9)))[-1] == ("call", "06-28 08:00")


def test_an_opt_out_withdraws_what_is_open_and_closes_the_channel() -> None:
    life = raised()
    assert told(life.say(events.ConsentChanged, channel="phone", given=False)) == [("withdrawn", "06-26 09:00")]
    assert {each.channel for each in actions(life.until(june(34)))} == {"sms"}


def test_a_customer_who_asks_not_to_be_contacted_is_contacted_no_more() -> None:
    life = late()
    assert [name for name, _ in told(life.say(events.ConsentChanged, channel="all", given=False))] == ["withdrawn"]
    assert life.until(june(45)) == []


def test_a_consent_is_remembered_for_a_customer_who_owes_nothing_yet() -> None:
    rules = structs.replace(REMINDING.rules, opt_in=("push",))
    running = collecting(structs.replace(REMINDING, rules=rules))
    without, given = Life(running), Life(running)
    given.say(events.ConsentChanged, channel="push", given=True)
    for life in (without, given):
        life.opened()
        life.until(june(18))
    assert [each.treatment for each in actions(given.records)] == ["push"]
    assert actions(without.records) == []


@pytest.mark.parametrize(("after", "goes_on"), [("collect", True), ("stop", False)])
def test_a_written_off_loan_is_collected_on_where_the_policy_says_so(after: str, goes_on: bool) -> None:
    life = Life(collecting(structs.replace(REMINDING, after_write_off=after)))
    life.opened()
    life.until(june(22, 9))
    said = life.say(events.LoanWrittenOff, loan_id="l-1")
    assert [name for name, _ in told(said)] == ([] if goes_on else ["settled"])
    assert bool(actions(life.until(june(30)))) == goes_on


def test_a_sold_loan_is_left_alone_whatever_is_said_of_it_later() -> None:
    life = late()
    assert [name for name, _ in told(life.say(events.LoanSold, loan_id="l-1"))] == ["settled"]
    life.paid(5)
    assert life.until(june(60)) == []


def test_a_new_schedule_closes_what_is_open_about_the_old_one() -> None:
    life = late()
    anew = life.opened(dues=[date(2026, 7, 20), date(2026, 8, 20), date(2026, 9, 20)])
    assert told(anew) == [("payment", "06-22 09:00")]
    assert actions(life.until(june(46))) == []


def test_a_held_out_loan_is_recorded_once_a_stage_and_nobody_acts() -> None:
    stages = tuple(structs.replace(stage, holdout=True) for stage in REMINDING.stages[:2])
    life = Life(
        collecting(
            structs.replace(REMINDING, holdout=Holdout(share=1.0, key="k"), stages=stages + REMINDING.stages[2:])
        )
    )
    life.opened()
    life.until(june(30))
    assert [(each.stage, each.holdout) for each in life.records if isinstance(each, CollectionAction)] == [
        ("remind", True), ("soft", True),
    ]  # fmt: skip


def test_two_policies_of_one_customer_share_the_strictest_budget() -> None:
    once = structs.replace(
        REMINDING.rules, name="strict", limits={"all": Limit(channels=("push", "sms", "phone"), most=1, days=3)}
    )
    other = structs.replace(REMINDING, name="other", product="shopping-instalments", rules=once)
    life = Life(collecting(REMINDING, other))
    life.opened()
    life.opened("l-2", product="shopping-instalments")
    life.until(june(21, 7))
    life.records.clear()
    found = actions(life.until(june(26, 9)))
    # One contact in 72 hours of the customer, whichever loan it is about.
    assert [(each.treatment, each.due_at.day) for each in found] == [("push", 21), ("push", 25)]
    assert {each.rules for each in found} == {"strict+tiny"}


def test_a_loan_without_a_policy_is_not_collected() -> None:
    life = Life()
    life.opened(currency="EUR")
    assert life.until(june(60)) == []
    assert life.account().collections is None


def test_nothing_is_kept_of_a_customer_who_pays_in_time() -> None:
    life = Life()
    life.opened()
    life.until(june(10))
    life.paid(10_000)
    account = life.account()
    assert (account.collections, account.collections_look_ms) == (None, to_ms(june(47)))


def test_with_collections_switched_off_what_is_open_ends_and_nobody_looks_again() -> None:
    life = late()
    life.program = collecting(structs.replace(REMINDING, tenant="another"))
    assert told(life.until(june(30))) == [("expired", "06-22 20:00")]
    assert life.account().collections_look_ms == 0

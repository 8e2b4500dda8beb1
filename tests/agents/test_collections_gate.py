"""What holds where a defect orders a contact that the budget forbids: it is stopped, counted, and never leaves."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from collected import REMINDING, Life, actions, june, shown, told
from msgspec import structs

from riskwatch.agents.gate import Gate
from riskwatch.agents.metrics import Metrics
from riskwatch.agents.monitor import Monitor
from riskwatch.agents.outgoing import outputs_of
from riskwatch.features.collectionledger import CollectionsState, ContactKept
from riskwatch.policy import collecting
from riskwatch.policy.collectiongate import NO_RULES, TOO_LONG, forbidden
from riskwatch.policy.collectionrecords import Customer
from riskwatch.policy.contactbudget import Allowed
from riskwatch.streams import events, topics
from riskwatch.streams.packing import from_ms, to_ms


def everything_is_allowed(*_: object, **__: object) -> Allowed:
    return Allowed(None)


def test_what_a_defect_orders_is_stopped_counted_and_never_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    life.say(events.ConsentChanged, channel="all", given=False)
    life.opened()
    monkeypatch.setattr(collecting, "may_contact", everything_is_allowed)
    assert life.until(june(24)) == []
    stopped = [each for folded in life.folded for each in folded.collecting.stopped]
    assert {rule for rule, _ in stopped} == {"ceased"}
    assert len(stopped) >= 2
    assert all(topics.COLLECTION_ACTIONS not in outputs_of(folded) for folded in life.folded)
    state = life.account().collections
    assert state is not None
    assert (state.contacts, [loan.open for loan in state.loans.values()]) == ([], [[]])


def action_of(life: Life):
    life.opened()
    return actions(life.until(june(17, 9)))[0]


def test_the_gate_looks_at_hours_limits_and_the_end_of_the_action() -> None:
    life = Life()
    action, state = action_of(life), CollectionsState()
    customer = Customer(tenant="bank", customer_id="c1", zone=life.program.zone("bank"))
    rules = REMINDING.rules
    assert forbidden(action, rules, state, customer) is None
    night = from_ms(to_ms(june(17, 3)))
    assert forbidden(structs.replace(action, due_at=night), rules, state, customer) == "hours.day"
    longer = structs.replace(action, expires_at=june(17, 20.5))
    assert forbidden(longer, rules, state, customer) == TOO_LONG
    assert forbidden(action, None, state, customer) == NO_RULES
    call = structs.replace(action, channel="phone")
    state.contacts.append(ContactKept(channel="phone", from_ms=to_ms(june(17)), to_ms=to_ms(june(17))))
    assert forbidden(call, rules, state, customer) == "limits.calls"
    own = structs.replace(call, action_id="own")
    state.contacts[0].action_id = "own"
    assert forbidden(own, rules, state, customer) is None
    # What is no contact is not the gate's: a record of a holdout, a list, a person.
    assert forbidden(structs.replace(call, holdout=True), rules, state, customer) is None
    assert forbidden(structs.replace(call, channel="batch"), None, state, customer) is None


def test_while_repayments_are_stale_nothing_is_done_and_what_ended_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    life, stale = Life(), set()
    monkeypatch.setattr(Gate, "holds", lambda self, tenant: tenant in stale)
    life.opened()
    life.until(june(22, 9))
    stale.add("bank")
    # The open message is paid for: it is closed. A look that has come is not asked for, nor does an event act.
    assert told(life.paid(4_000)) == [("payment", "06-22 09:00")]
    for day in (23, 25, 27):
        life.now = june(day, 9)
        assert life.tick() == []
        assert life.say(events.ContactMade, channel="sms", outcome="delivered") == []
    stale.clear()
    life.now = june(28, 9)
    assert told(life.say(events.ContactMade, channel="sms", outcome="delivered")) == [("push", "06-28 09:00")]


def held(monkeypatch: pytest.MonkeyPatch, at: datetime) -> tuple[Life, set[str]]:
    """A customer with a loan at an instant, and the institutions whose repayments are stale from then on."""
    life, stale = Life(), set[str]()
    monkeypatch.setattr(Gate, "holds", lambda self, tenant: tenant in stale)
    life.opened()
    life.until(at)
    stale.add("bank")
    return life, stale


def derived(life: Life) -> int:
    return sum(folded.counts.derived for folded in life.folded)


def test_what_expires_while_repayments_are_stale_is_closed_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    life, _ = held(monkeypatch, june(22, 9))
    before = derived(life)
    assert told(life.until(june(22, 20) - timedelta(milliseconds=1))) == []
    assert told(life.until(june(25))) == [("expired", "06-22 20:00")]
    assert derived(life) - before == 1  # and no more is made of looks that wait for repayments


def test_nothing_is_made_of_an_account_of_which_nothing_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    life, stale = held(monkeypatch, june(22, 21))
    before, ticks = derived(life), len(life.log)
    assert life.until(june(25)) == []
    assert derived(life) == before
    assert len(life.log) - ticks <= 48 * 4 + 16  # looked at every quarter of an hour from the next day on, no oftener
    stale.clear()
    (action,) = actions(life.until(june(25, 9)))
    assert shown(action.due_at) == "06-25 08:00"


def test_an_event_while_repayments_are_stale_puts_no_action_off_to_the_next_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    life, stale = held(monkeypatch, june(25, 21))
    life.until(june(26, 9))
    assert life.say(events.ContactMade, channel="sms", outcome="delivered") == []
    stale.clear()
    (action,) = actions(life.until(june(26, 10)))
    assert june(26, 9) < action.due_at <= june(26, 9.25)


@pytest.mark.parametrize("concern", ["dispute", "hardship"])
def test_a_person_is_asked_while_repayments_are_stale_and_again_where_nobody_looked(
    monkeypatch: pytest.MonkeyPatch, concern: str
) -> None:
    life, _ = held(monkeypatch, june(22, 9))
    raised = life.say(events.ConcernRaised, concern=concern, loan_id="l-1")
    assert told(raised) == [(concern, "06-22 09:00"), ("review", "06-22 09:00")]
    assert told(life.until(june(25, 10))) == [("expired", "06-25 09:00"), ("review", "06-25 09:00")]


def test_metrics_count_actions_closings_refusals_and_what_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    life, metrics = Life(), Metrics()
    life.opened()
    life.until(june(22))
    stopped = actions(life.records)[0]
    life.folded[-1].collecting.stopped.append(("hours.day", stopped))
    monitor = Monitor.__new__(Monitor)
    monitor._metrics = metrics
    for folded in life.folded:
        monitor._count_collections(folded)
    pushes = {"treatment": "push", "channel": "push", "holdout": "no"}
    assert metrics.value("riskwatch_collection_actions_total", **pushes) == 2
    assert metrics.value("riskwatch_collection_closings_total", ending="expired") == 2
    assert metrics.value("riskwatch_contacts_refused_total", rule="hours.day") >= 1
    assert metrics.value("riskwatch_collection_actions_stopped_total", rule="hours.day") == 1

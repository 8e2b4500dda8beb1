"""Laws of collections, whatever happens in whatever order: a second account of the same facts judges each record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contact_oracle import Made, broken_by
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tinycollections import CUSTOMER, DAY, HOUR, MONDAY, POLICY, RULES, ZONE, loan

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
from riskwatch.features.collectionledger import CONVERSATIONS, CollectionsState, decode_collections, encode_collections
from riskwatch.policy.collecting import decide
from riskwatch.policy.contactrules import Limit, Silence
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.packing import to_ms

LOANS = ("a", "b", "c")
LAWFUL = replace(
    POLICY,
    rules=replace(
        RULES,
        limits={
            "calls": Limit(channels=("phone",), most=2, days=3),
            "messages": Limit(channels=("push", "sms"), most=2, days=1, window="calendar-day"),
            "each": Limit(channels=("phone",), most=1, days=2, scope="loan"),
        },
        silences={"spoken": Silence(channels=("phone",), after=("phone",), days=2)},
        opt_in=("sms",),
    ),
    promises=replace(POLICY.promises, most=365),
)

loans = st.sampled_from(LOANS)
outcomes = st.sampled_from(["no-answer", "reached-customer", "refused", "delivered", "disputed", "reached-third-party"])
steps = st.one_of(
    st.tuples(st.just("tick"), st.sampled_from([0, HOUR, 5 * HOUR, DAY, 3 * DAY, 20 * DAY])),
    st.tuples(st.just("pay"), loans, st.booleans(), st.integers(0, 3)),
    st.tuples(st.just("undo"), loans),
    st.tuples(st.just("left"), loans),
    st.tuples(st.just("promise"), loans, st.integers(-1, 30), st.integers(0, 3)),
    st.tuples(st.just("ended"), loans, st.integers(0, 4), st.booleans()),
    st.tuples(st.just("flag"), loans, st.sampled_from(["dispute", "hardship"]), st.booleans()),
    st.tuples(st.just("outcome"), st.integers(0, 5), outcomes, st.sampled_from([0, HOUR, 40 * HOUR])),
    st.tuples(st.just("elsewhere"), st.sampled_from(["phone", "sms"]), outcomes, st.sampled_from(["", *LOANS])),
    st.tuples(st.just("consent"), st.sampled_from(["sms", "push", "phone", "all"]), st.booleans()),
    st.tuples(st.just("again"), st.integers(0, 50)),
    st.tuples(st.just("late"), st.sampled_from([HOUR, 9 * HOUR, 30 * HOUR])),
)


class Account:
    """The same facts, kept a second time as lists; every law is read off them."""

    def __init__(self) -> None:
        self.settled: dict[str, bool] = {}
        self.flags: dict[tuple[str, str], bool] = {}
        self.promises: dict[int, tuple[str, int, int]] = {}
        self.ended: dict[int, bool] = {}
        self.paid: dict[str, int] = {}
        self.consent: dict[str, tuple[int, bool]] = {}
        self.contacts: list[Made] = []
        self.actions: dict[str, CollectionAction] = {}
        self.open: dict[str, CollectionAction] = {}
        self.reported: set[str] = set()
        self.before: set[int] = set()

    def told(self, fact: Fact) -> None:
        match fact:
            case Paid():
                self.settled[fact.loan_id] = fact.settled
                self.paid[fact.loan_id] = max(fact.at_ms, self.paid.get(fact.loan_id, 0))
            case PaymentUndone():
                self.settled[fact.loan_id] = fact.settled
            case LoanLeft():
                self.settled[fact.loan_id] = True
            case Promised():
                self.promises[fact.event] = (fact.loan_id, fact.at_ms, fact.pay_by_ms)
            case PromiseEnded():
                self.ended.setdefault(fact.promise, fact.kept)
            case Flagged():
                self.flags[fact.loan_id, fact.flag] = fact.open
            case ConsentSaid():
                if fact.at_ms >= self.consent.get(fact.channel, (0, True))[0]:
                    self.consent[fact.channel] = (fact.at_ms, fact.given)
            case Contacted():
                self.contact(fact)

    def contact(self, fact: Contacted) -> None:
        action = self.actions.get(fact.action_id)
        loan_id, at = fact.loan_id, fact.at_ms
        spoke = fact.outcome in CONVERSATIONS
        if action is not None:
            loan_id = action.loan_id
            if fact.action_id not in self.reported:
                self.reported.add(fact.action_id)
                ordered = self.ordered(action)
                self.contacts.remove(ordered)
                at = max(at, to_ms(action.due_at))
        self.contacts.append(Made(fact.channel, at, loan_id, spoke))
        if fact.outcome == "disputed":
            for each in [loan_id] if loan_id else LOANS:
                self.flags[each, "dispute"] = True

    def ordered(self, action: CollectionAction) -> Made:
        return Made(action.channel, to_ms(action.expires_at), action.loan_id)

    def paused(self, loan_id: str) -> int:
        """Until when the loan is paused; a promise that was kept, or had ended before it was told, pauses nothing."""
        return max(
            (
                min(pay_by, made + 14 * DAY) + DAY
                for promise, (own, made, pay_by) in self.promises.items()
                if own == loan_id and not self.ended.get(promise, False) and promise not in self.before
            ),
            default=0,
        )


def flagged(account: Account, loan_id: str) -> bool:
    return any(raised for (own, _), raised in account.flags.items() if own == loan_id)


def judge(account: Account, record: CollectionAction | ActionClosed, now: int) -> None:
    if isinstance(record, ActionClosed):
        assert record.action_id in account.open  # known, and closed once
        del account.open[record.action_id]
        return
    assert record.action_id not in account.actions
    loan_id = record.loan_id
    assert not account.settled.get(loan_id, False)
    if record.channel == "person":
        assert flagged(account, loan_id)
    else:
        assert not flagged(account, loan_id)
        assert now >= account.paused(loan_id)
        # Two days of rest: the payment's own day and the next.
        paid = account.paid.get(loan_id)
        assert paid is None or now // DAY - paid // DAY >= 2
    same = [each for each in account.open.values() if each.channel == record.channel]
    assert not same if record.channel not in ("person", "batch") else all(each.loan_id != loan_id for each in same)
    account.actions[record.action_id] = account.open[record.action_id] = record
    if record.channel in ("push", "sms", "phone", "legal"):
        said = account.consent
        assert said.get("all", (0, True))[1] or record.channel in LAWFUL.rules.after_ceased
        assert said.get(record.channel, (0, record.channel != "sms"))[1]
        for at in (*range(now, to_ms(record.expires_at), HOUR), to_ms(record.expires_at) - 1):
            this = Made(record.channel, at, loan_id)
            known = [*(each for each in account.contacts if each.at_ms <= at), this]
            assert broken_by(LAWFUL.rules, known, len(known) - 1, ZONE) == []
        # An order that is not reported may be carried out until it expires: it counts as of then.
        later = [replace_time(each, now) for each in account.contacts if each.at_ms > now]
        this = Made(record.channel, now, loan_id)
        before = [each for each in account.contacts if each.at_ms <= now]
        assert broken_by(LAWFUL.rules, [*before, *later, this], len(account.contacts), ZONE) == []
        account.contacts.append(account.ordered(record))


def replace_time(made: Made, at: int) -> Made:
    return Made(made.channel, at, made.loan_id, made.conversation)


def after(account: Account, state: CollectionsState, now: int) -> None:
    """What must hold of everything that is open once it was decided."""
    kept = {action.action_id for each in state.loans.values() for action in each.open}
    assert kept == set(account.open)
    for each in account.open.values():
        assert not account.settled.get(each.loan_id, False)
        assert to_ms(each.expires_at) > now
        if each.channel != "person":
            assert not flagged(account, each.loan_id)
            assert now >= account.paused(each.loan_id)
    look = next_look(state)
    assert look is None or look > now


def fact_of(step: tuple[Any, ...], account: Account, event: int, now: int) -> Fact | None:
    kind, *said = step
    match kind:
        case "pay":
            at = now - said[2] * DAY
            return Paid(event=event, at_ms=at, loan_id=said[0], settled=said[1], share=0.3)
        case "undo":
            return PaymentUndone(event=event, at_ms=now, loan_id=said[0])
        case "left":
            return LoanLeft(event=event, at_ms=now, loan_id=said[0])
        case "promise":
            made = now - said[2] * DAY
            return Promised(event=event, at_ms=made, loan_id=said[0], pay_by_ms=made + said[1] * DAY)
        case "ended":
            own = [promise for promise, (name, *_) in account.promises.items() if name == said[0]]
            promise = own[said[1] % len(own)] if own else 10_000 + said[1]
            return PromiseEnded(event=event, at_ms=now, loan_id=said[0], promise=promise, kept=said[2])
        case "flag":
            return Flagged(event=event, at_ms=now, loan_id=said[0], flag=said[1], open=said[2])
        case "outcome":
            actions = [each for each in account.actions.values() if each.channel in ("push", "sms", "phone", "legal")]
            if not actions:
                return None
            action = actions[said[0] % len(actions)]
            return Contacted(
                event=event, at_ms=now - said[2], channel=action.channel, outcome=said[1], loan_id=action.loan_id,
                action_id=action.action_id,
            )  # fmt: skip
        case "elsewhere":
            return Contacted(event=event, at_ms=now, channel=said[0], outcome=said[1], loan_id=said[2])
        case "consent":
            return ConsentSaid(event=event, at_ms=now, channel=said[0], given=said[1])
    return None


def inputs(now: int) -> Mapping[str, Mapping[str, Value]]:
    days = (now - MONDAY) // DAY
    return {"a": loan(5 + days), "b": loan(35 + days, 20_000), "c": loan(1 + days, 3_000)}


@settings(max_examples=400, deadline=None)
@given(st.lists(steps, max_size=40))
def test_the_laws_hold_whatever_comes_in_whatever_order(drawn: list[tuple[Any, ...]]) -> None:
    state, account, facts, now = CollectionsState(), Account(), [], MONDAY + 9 * HOUR
    for loan_id in LOANS:
        assert decide(LAWFUL, state, CUSTOMER, {loan_id: {}}, now - HOUR) == []
    for event, step in enumerate(drawn, start=1):
        if step[0] == "tick":
            now += step[1]
        elif step[0] == "again":
            if facts:
                before = encode_collections(state)
                assert not evolve_collections(state, facts[step[1] % len(facts)])
                assert encode_collections(state) == before
        else:
            fact = fact_of(step, account, event, now)
            if fact is not None:
                facts.append(fact)
                assert evolve_collections(state, fact)
                if isinstance(fact, PromiseEnded) and fact.promise not in account.promises:
                    account.before.add(fact.promise)
                account.told(fact)
        state = decode_collections(encode_collections(state))
        for record in decide(LAWFUL, state, CUSTOMER, inputs(now), now):
            judge(account, record, now)
        after(account, state, now)
        settled = encode_collections(state)
        again = now - step[1] if step[0] == "late" else now  # an earlier instant changes nothing
        assert decide(LAWFUL, state, CUSTOMER, inputs(now), again) == []
        assert encode_collections(state) == settled


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, max_size=30))
def test_equal_facts_give_equal_records(drawn: list[tuple[Any, ...]]) -> None:
    runs = []
    for _ in range(2):
        state, account, now, records = CollectionsState(), Account(), MONDAY + 9 * HOUR, []
        for event, step in enumerate(drawn, start=1):
            now += step[1] if step[0] == "tick" else 0
            fact = fact_of(step, account, event, now)
            if fact is not None:
                evolve_collections(state, fact)
                if isinstance(fact, Promised):
                    account.told(fact)
            made = decide(LAWFUL, state, CUSTOMER, inputs(now), now)
            account.actions.update({each.action_id: each for each in made if isinstance(each, CollectionAction)})
            records.append(made)
        runs.append(records)
    assert runs[0] == runs[1]

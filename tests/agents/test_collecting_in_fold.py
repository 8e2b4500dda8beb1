"""Laws of collections in the fold, whatever comes in whatever order: the budget of contacts holds, and the journal
alone says what is done. Contacts are judged by rules that are read a second time (`contact_oracle`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, timedelta
from random import Random
from typing import Any

from collected import REMINDING, Life, Records, collecting
from contact_oracle import Made, broken_by
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from shared_journal import Log, entry, refold
from tinycollections import HOUR

from riskwatch.features.collectionledger import CONVERSATIONS
from riskwatch.features.freshness import Freshness
from riskwatch.lab.portfolio import simulate
from riskwatch.policy.collectionfile import packaged_collection_book
from riskwatch.policy.contactrules import CONTACT_CHANNELS, ContactRules, Hours, Limit, Silence
from riskwatch.streams import events
from riskwatch.streams.collections import ActionClosed, CollectionAction, encode_collection
from riskwatch.streams.packing import customer_key, pack_tick, partition_of, to_ms

STRICT: ContactRules = structs.replace(
    REMINDING.rules,
    limits={
        "calls": Limit(channels=("phone",), most=2, days=3),
        "messages": Limit(channels=("push", "sms"), most=2, days=1, window="calendar-day"),
        "each": Limit(channels=("phone",), most=1, days=2, scope="loan"),
    },
    silences={"spoken": Silence(channels=("phone",), after=("phone",), days=2)},
    opt_in=("sms",),
)
NARROW = structs.replace(
    REMINDING.rules,
    name="narrow",
    hours={"day": Hours(channels=("push", "sms", "phone"), start="10:00", end="21:00")},
    limits={"all": Limit(channels=("push", "sms", "phone"), most=3, days=2)},
)
PROGRAM = collecting(
    structs.replace(REMINDING, rules=STRICT),
    structs.replace(REMINDING, rules=NARROW, name="shopping", product="shopping-instalments"),
)
KEY = customer_key("bank", "c1")
LOANS = ("l-1", "l-2", "l-3")
PRODUCTS = {"l-3": "shopping-instalments"}

loans = st.sampled_from(LOANS)
outcomes = st.sampled_from(["no-answer", "reached-customer", "refused", "delivered", "disputed", "reached-third-party"])
steps = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 24, 72, 480])),
    st.tuples(st.just("wait"), st.sampled_from([11, 24])),
    st.tuples(st.just("paid"), loans, st.sampled_from([1_000, 10_000, 30_000])),
    st.tuples(st.just("promised"), loans, st.integers(0, 10)),
    st.tuples(st.just("elsewhere"), st.sampled_from(["phone", "sms"]), outcomes, st.sampled_from([None, *LOANS]),
              st.sampled_from([0, 5, 40])),
    st.tuples(st.just("outcome"), st.integers(0, 5), outcomes, st.sampled_from([0, 1, 30])),
    st.tuples(st.just("consent"), st.sampled_from(["sms", "push", "phone", "all"]), st.booleans()),
    st.tuples(st.just("concern"), st.booleans(), st.sampled_from(["dispute", "hardship"]),
              st.sampled_from([None, *LOANS])),
    st.tuples(st.just("gone"), loans),
)  # fmt: skip
histories = st.lists(steps, max_size=25)


class Budget:
    """Contacts, consents and flags as events tell them, kept a second time; judges every action when it leaves."""

    def __init__(self) -> None:
        self.contacts: list[Made] = []
        self.orders: dict[str, Made] = {}
        self.open: set[str] = set()
        self.due: dict[str, int] = {}
        self.loan_of: dict[str, str] = {}
        self.consents: dict[str, tuple[int, bool]] = {}
        self.flags: set[tuple[str, str]] = set()
        self.gone: set[str] = set()

    def told(self, event: Any) -> None:
        at = to_ms(event.occurred_at)
        if isinstance(event, events.ConsentChanged) and at >= self.consents.get(event.channel, (0, True))[0]:
            self.consents[event.channel] = (at, event.given)
        elif isinstance(event, events.ConcernRaised | events.ConcernResolved):
            about = {(loan, event.concern) for loan in (LOANS if event.loan_id is None else [event.loan_id])}
            self.flags = self.flags | about if isinstance(event, events.ConcernRaised) else self.flags - about
        elif isinstance(event, events.LoanSold):
            self.gone.add(event.loan_id)
        elif isinstance(event, events.ContactMade):
            ordered = self.orders.pop(event.action_id or "", None)
            loan = self.loan_of.get(event.action_id or "", event.loan_id or "")
            if ordered is not None:
                self.contacts.remove(ordered)
                at = max(at, self.due[event.action_id])
            self.contacts.append(Made(event.channel, at, loan, event.outcome in CONVERSATIONS))
            if event.outcome == "disputed":
                self.flags |= {(each, "dispute") for each in ([loan] if loan else LOANS)}

    def judge(self, record: CollectionAction | ActionClosed) -> None:
        if isinstance(record, ActionClosed):
            self.open.remove(record.action_id)  # known, and closed once
            return
        assert record.action_id not in self.loan_of
        now, until, loan = to_ms(record.due_at), to_ms(record.expires_at), record.loan_id
        assert loan not in self.gone
        assert (record.channel == "person") == any(own == loan for own, _ in self.flags)
        self.open.add(record.action_id)
        self.loan_of[record.action_id] = loan
        self.due[record.action_id] = now
        if record.channel not in CONTACT_CHANNELS:
            return
        assert self.consents.get("all", (0, True))[1]
        assert self.consents.get(record.channel, (0, record.channel != "sms"))[1]
        for rules in (STRICT, NARROW):
            for at in (*range(now, until, HOUR), until - 1):
                known = [*(each for each in self.contacts if each.at_ms <= at), Made(record.channel, at, loan)]
                assert broken_by(rules, known, len(known) - 1, UTC) == []
            # What is ordered and not reported may be done until it expires: at the latest it counts as of now.
            known = [structs.replace(each, at_ms=min(each.at_ms, now)) for each in self.contacts]
            assert broken_by(rules, [*known, Made(record.channel, now, loan)], len(known), UTC) == []
        self.orders[record.action_id] = Made(record.channel, until, loan)
        self.contacts.append(self.orders[record.action_id])


def event_of(life: Life, step: tuple[Any, ...]) -> Any:
    kind, *said = step
    match kind:
        case "paid":
            return life.event(events.RepaymentReceived, loan_id=said[0], amount=said[1], currency="CNY")
        case "promised":
            pay_by = life.now.date() + timedelta(days=said[1])
            return life.event(events.PromiseMade, loan_id=said[0], amount=5_000, currency="CNY", pay_by=pay_by)
        case "elsewhere":
            at = life.now - timedelta(hours=said[3])
            return life.event(events.ContactMade, at, channel=said[0], outcome=said[1], loan_id=said[2])
        case "outcome":
            given = [each for each in life.records if isinstance(each, CollectionAction)]
            given = [each for each in given if each.channel in CONTACT_CHANNELS]
            if not given:
                return None
            action = given[said[0] % len(given)]
            at = life.now - timedelta(hours=said[2])
            return life.event(
                events.ContactMade, at, channel=action.channel, outcome=said[1], loan_id=action.loan_id,
                action_id=action.action_id,
            )  # fmt: skip
        case "consent":
            return life.event(events.ConsentChanged, channel=said[0], given=said[1])
        case "concern":
            raised = events.ConcernRaised if said[0] else events.ConcernResolved
            return life.event(raised, concern=said[1], loan_id=said[2])
        case "gone":
            return life.event(events.LoanSold, loan_id=said[0])
    return None


def lived(drawn: Iterable[tuple[Any, ...]], budget: Budget | None = None) -> Life:
    """A customer with three loans under two policies, one past due in the second month, one since a few days."""
    life = Life(PROGRAM)
    dues = {"l-3": date(2026, 6, 17), "l-2": date(2026, 6, 15), "l-1": date(2026, 5, 1)}
    found: Records = []
    for loan_id, due in dues.items():
        found += life.opened(loan_id, [due, date(2026, 9, 1)], product=PRODUCTS.get(loan_id, "cash-instalments"))
    for step in (("wait", 0), *drawn):
        event = event_of(life, step)
        if budget is not None and event is not None:
            budget.told(event)
        if event is not None:
            found += life.tell(event)
        elif step[0] == "wait":
            found += life.until(life.now + timedelta(hours=step[1]))
        for record in found:
            if budget is not None:
                budget.judge(record)
        found = []
    return life


@settings(max_examples=150, deadline=None)
@given(histories)
def test_no_action_that_leaves_breaks_the_rules_of_any_jurisdiction_of_the_customer(drawn: list[Any]) -> None:
    budget = Budget()
    life = lived(drawn, budget)
    assert [each.collecting.stopped for each in life.folded if each.collecting.stopped] == []
    state = life.account().collections
    kept = set() if state is None else {each.action_id for loan in state.loans.values() for each in loan.open}
    assert kept == budget.open


@settings(max_examples=40, deadline=None)
@given(histories, st.lists(st.integers(0, 200), max_size=8), st.integers(1, 9))
def test_what_is_done_does_not_depend_on_how_the_journal_is_cut(drawn: list[Any], cuts: list[int], size: int) -> None:
    life = lived(drawn)
    whole = [encode_collection(each) for each in life.records]
    length = len(life.log)
    for places in ((), sorted({each % length for each in cuts} - {0}), range(size, length, size)):
        batches, rows = refold(PROGRAM, life.log, *places)
        assert [encode_collection(each) for batch in batches for each in batch.collections] == whole
        assert rows[KEY] == life.partition.store.get_many([KEY])[0]


def portfolio() -> Log:
    """Two months of some customers with loans, with a tick every six hours."""
    lives = list(simulate(Random(5), customers=60, days=60).events())
    borrowers = list(dict.fromkeys(each.customer_id for each in lives if isinstance(each, events.LoanOpened)))[:18]
    log: Log = []
    tick = 0
    for event in (each for each in lives if each.customer_id in borrowers):
        at = to_ms(event.occurred_at) // (6 * HOUR) * (6 * HOUR)
        if at > tick:
            tick = at
            log.append((None, pack_tick(at)))
        log.append(entry(event, len(log)))
    return log


def test_a_portfolio_is_collected_alike_in_batches_and_partitions_of_any_size() -> None:
    # Whether repayments are stale is judged by what one partition shows.
    running = replace(PROGRAM, collections=packaged_collection_book(), freshness=Freshness(0))
    log = portfolio()

    def records(*cuts: int, part: Log = log) -> list[bytes]:
        batches, _ = refold(running, part, *cuts)
        return [encode_collection(each) for batch in batches for each in batch.collections]

    whole = records()
    assert len(whole) > 20
    assert records(*range(1, len(log))) == whole
    assert records(*range(7, len(log), 7)) == whole
    for count in (4, 8):
        parts = [[each for each in log if each[0] is None or partition_of(each[0], count) == n] for n in range(count)]
        assert sorted(each for part in parts for each in records(100, part=part)) == sorted(whole)

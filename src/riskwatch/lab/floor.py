"""A simulated collections floor: it takes up collections actions and reports what came of them, or never does.

What it does about an action depends on its seed and the action's id alone, so that a run repeats itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import date, tzinfo
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from riskwatch.features.timers import day_of, start_of_day
from riskwatch.lab.life import Dated
from riskwatch.lab.people import HOUR, MINUTE
from riskwatch.policy.contactrules import CONTACT_CHANNELS
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.events import (
    AnyEvent,
    ContactMade,
    ContactOutcome,
    PromiseMade,
    RepaymentReceived,
)
from riskwatch.streams.packing import from_ms, to_ms

NEVER_DONE = 0.1
"""Of the actions, those that nobody gets round to."""
_MESSAGE: Mapping[ContactOutcome, int] = {"delivered": 94, "undelivered": 6}
_CONVERSATION: Mapping[ContactOutcome, int] = {
    "no-answer": 42,
    "promised": 24,
    "reached-customer": 18,
    "refused": 7,
    "reached-third-party": 5,
    "wrong-number": 4,
}
OUTCOMES: Mapping[str, Mapping[ContactOutcome, int]] = {
    "push": _MESSAGE,
    "sms": _MESSAGE,
    "email": _MESSAGE,
    "legal": {"delivered": 100},
    "phone": _CONVERSATION,
    "field-visit": {"no-answer": 40, "promised": 30, "reached-customer": 30},
}
"""What comes of contacts, by channel, in chances out of their sum."""

LoanKey = tuple[str, str]
"""Tenant and loan id."""


class Debt(Struct, frozen=True):
    """What is past due of a loan, minor units."""

    currency: str
    amount: int


class Floor:
    """Takes actions up as they are ordered and works them when it is told to.

    `zones`: of the institutions. `keep`: ids of the loans whose customers pay what they promise; the others never do.
    `tally` counts what became of the actions: outcomes, and `never done`, `too late`.
    """

    def __init__(self, seed: int, zones: Mapping[str, tzinfo], keep: Collection[str]) -> None:
        self._seed, self._zones, self._keep = seed, zones, keep
        self._ordered: dict[str, CollectionAction] = {}
        self._known: set[str] = set()
        self._debts: dict[LoanKey, Debt] = {}
        self.tally: Counter[str] = Counter()

    def hear(self, record: CollectionAction | ActionClosed) -> None:
        """Takes in a record; repeats change nothing. What is closed is not worked any more."""
        if isinstance(record, ActionClosed):
            self._known.add(record.action_id)
            self._ordered.pop(record.action_id, None)
        elif record.action_id not in self._known:
            self._known.add(record.action_id)
            if not record.holdout and record.channel in CONTACT_CHANNELS:
                self._ordered[record.action_id] = record

    def owes(self, key: LoanKey, debt: Debt) -> None:
        """What is past due of a loan now."""
        self._debts[key] = debt

    def work(self, now_ms: int) -> list[Dated]:
        """Works what was ordered up to now: what comes of it, each at its own instant from now on and within the time
        of its action. What has expired by now is too late."""
        done: list[Dated] = []
        for action in self._ordered.values():
            random = Random(f"{self._seed}/{action.action_id}")
            begins, expires = max(now_ms, to_ms(action.due_at)), to_ms(action.expires_at)
            if random.random() < NEVER_DONE:
                self.tally["never done"] += 1
            elif begins >= expires:
                self.tally["too late"] += 1
            else:
                done += self._answer(action, random, begins + int((expires - begins) * random.random()))
        self._ordered.clear()
        return done

    def _answer(self, action: CollectionAction, random: Random, at_ms: int) -> list[Dated]:
        chances = OUTCOMES[action.channel]
        (outcome,) = random.choices(list(chances), list(chances.values()))
        debt = self._debts.get((action.tenant, action.loan_id), Debt("", 0))
        if outcome == "promised" and not debt.amount:
            outcome = "reached-customer"
        self.tally[outcome] += 1
        told = [_about(action, ContactMade, at_ms, channel=action.channel, outcome=outcome, action_id=action.action_id)]
        if outcome == "promised":
            zone = self._zones[action.tenant]
            pay_by, at_ms = day_of(at_ms, zone) + random.randrange(2, 8), at_ms + 2 * MINUTE
            money: dict[str, Any] = {"amount": debt.amount, "currency": debt.currency}
            told.append(_about(action, PromiseMade, at_ms, pay_by=date.fromordinal(pay_by), **money))
            if action.loan_id in self._keep:
                paid = start_of_day(pay_by - random.randrange(2), zone) + random.randrange(9 * HOUR, 20 * HOUR)
                told.append(_about(action, RepaymentReceived, max(paid, at_ms + HOUR), channel="app", **money))
        return told


def _about(action: CollectionAction, kind: Callable[..., AnyEvent], at_ms: int, **fields: Any) -> Dated:
    """An event about the loan of an action; its id follows from the action's."""
    return at_ms, kind(
        event_id=f"{kind.__name__}-{action.action_id}",
        tenant=action.tenant,
        customer_id=action.customer_id,
        occurred_at=from_ms(at_ms),
        loan_id=action.loan_id,
        **fields,
    )


class Advances:
    """What was paid because the floor asked is not paid again: the loan's own later payments are less by it."""

    def __init__(self) -> None:
        self._paid: Counter[LoanKey] = Counter()

    def paid(self, event: AnyEvent) -> None:
        """Notes a payment that the floor brought; other events change nothing."""
        if isinstance(event, RepaymentReceived):
            self._paid[event.tenant, event.loan_id] += event.amount

    def less(self, event: AnyEvent) -> AnyEvent | None:
        """The event, a payment less what was paid in advance; None where nothing is left of it."""
        if not isinstance(event, RepaymentReceived):
            return event
        key = event.tenant, event.loan_id
        taken = min(self._paid[key], event.amount)
        if not taken:
            return event
        self._paid[key] -= taken
        return replace(event, amount=event.amount - taken) if event.amount > taken else None

"""The desk that collects: reminders before the due date, and what is done about loans that are past due.

Nothing is kept of customers who owe nothing soon: an instant says when a due date comes near. From then on there is a
state, which every fact changes, and after each of them something may be decided. A decision reads the occasion and that
state alone: the account itself may be ahead of the occasion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.behaviour import behaviour_pd
from riskwatch.agents.collectionsfacts import KINDS, concerns_every_loan, facts_of
from riskwatch.agents.folded import Folded, Program
from riskwatch.features.account import Account
from riskwatch.features.collecting import evolve_collections, forget_loans, loan_of, next_expiry, next_look
from riskwatch.features.collectionfacts import Fact
from riskwatch.features.collectionledger import CollectionsState
from riskwatch.features.creditlines import Credit
from riskwatch.features.timers import day_of, start_of_day
from riskwatch.policy.collecting import Case, decide_cases
from riskwatch.policy.collectiongate import forbidden, take_back
from riskwatch.policy.collectionloans import LoanOwed, inputs_of
from riskwatch.policy.collectionrecords import Customer
from riskwatch.policy.contactrules import together
from riskwatch.policy.shelf import Shelf
from riskwatch.streams.collections import CollectionAction
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import split_key

if TYPE_CHECKING:
    from riskwatch.agents.desks import Occasion

DAY_SECONDS = 86_400.0

Owed = Mapping[str, LoanOwed]


class CollectionsDesk:
    """Decides by the program's collections policies; without any it ends what is open when its time comes, and no more.

    Customers count as being in the zone of their institution. Where its repayments are stale no treatment is
    ordered, for what is known of them is out of date; what ends meanwhile is closed, and a person is asked to look at a
    dispute or a hardship, all the same. `shelf`: the lending policies as they
    are published.
    """

    def __init__(self, program: Program, out: Folded, shelf: Shelf) -> None:
        self._book = program.collections
        self._zone_of = program.zone
        column_of = program.layout.column_of
        self._login = column_of.get("seconds_since_last_login")
        self._activity = column_of.get("seconds_since_last_activity")
        self._out = out
        self._shelf = shelf

    @property
    def kinds(self) -> frozenset[int]:
        return KINDS if self._book else frozenset()

    def due(self, account: Account, now_ms: int, *, stale: bool) -> bool:
        if stale:  # then only what is open can be over
            over_ms = None if account.collections is None else next_expiry(account.collections)
            return over_ms is not None and over_ms <= now_ms
        return 0 < account.collections_look_ms <= now_ms

    def decide(
        self, occasion: Occasion, account: Account, features: NDArray[np.float64], alerts: Sequence[Alert]
    ) -> None:
        """Folds what the entry says into the state, acts, and says when to look again."""
        tenant, customer_id = split_key(occasion.key)
        customer = Customer(tenant=tenant, customer_id=customer_id, zone=self._zone_of(tenant))
        owed = self._owed(occasion, customer)
        state = account.collections
        kept = set(() if state is None else state.loans)
        if concerns_every_loan(occasion):
            kept |= owed.keys()
        stops = {loan_id for loan_id, each in owed.items() if each.stops}
        facts = facts_of(occasion, kept, lambda day: start_of_day(day + 1, customer.zone), stops.__contains__)
        near = {loan_id for loan_id, each in owed.items() if each.is_near}
        if state is None:
            if not facts and not near:
                account.collections_look_ms = _first_look(owed, (), customer.zone)
                return
            state = CollectionsState()
        _tell(state, facts, kept | near, owed)
        self._act(state, occasion, customer, owed, features, account.credit)
        forget_loans(state, occasion.standings, occasion.now_ms)
        looks = (_first_look(owed, state.loans, customer.zone), next_look(state) or 0)
        account.collections_look_ms = min((each for each in looks if each), default=0)
        account.collections = state if _holds_anything(state) else None

    def _owed(self, occasion: Occasion, customer: Customer) -> Owed:
        """Loans that a policy is for."""
        today = day_of(occasion.now_ms, customer.zone)
        found = {}
        for loan_id, stands in occasion.standings.items():
            policy = self._book.policy_for(customer.tenant, stands.product, stands.currency)
            if policy is not None and stands.status != "unknown":
                found[loan_id] = LoanOwed(stands, occasion.paying[loan_id], policy, today)
        return found

    def _act(
        self, state: CollectionsState, occasion: Occasion, customer: Customer, owed: Owed,
        features: NDArray[np.float64], credit: Credit | None,
    ) -> None:  # fmt: skip
        out, now_ms = self._out, occasion.now_ms
        login, heard = _days(features, self._login), _days(features, self._activity)
        inputs = inputs_of(
            owed, now_ms, days_since_login=login, days_since_heard=heard,
            pd_of=lambda each: behaviour_pd(self._shelf, credit, occasion, each.product, each.currency),
        )  # fmt: skip
        cases = [
            Case(loan_id=loan_id, policy=each.policy, inputs=inputs[loan_id])
            for loan_id, each in owed.items()
            if loan_id in state.loans
        ]
        for loan in state.loans.values():
            if loan.loan_id not in owed:
                loan.look_ms = 0  # nobody decides about it any more
        binding = {(each.policy.rules.name, each.policy.rules.version): each.policy.rules for each in owed.values()}
        rules = together([binding[name] for name in sorted(binding)]) if binding else None
        records = decide_cases(
            cases, rules, state, customer, now_ms, act=not occasion.stale, refusals=out.collecting.refused
        )  # fmt: skip
        for loan_id, each in owed.items():
            kept = state.loans.get(loan_id)
            if kept is not None and not kept.look_ms and not kept.open and each.waits:
                kept.look_ms = start_of_day(each.today + 1, customer.zone)
        for record in records:
            if isinstance(record, CollectionAction):
                why = forbidden(record, rules, state, customer)
                if why is not None:
                    take_back(record, state)
                    out.collecting.stopped.append((why, record))
                    continue
            out.collections.append(record)


def _tell(state: CollectionsState, facts: Sequence[Fact], kept: set[str], owed: Owed) -> None:
    """Folds the facts. A loan that comes to be kept brings the rest after its newest payment with it."""
    about = {getattr(fact, "loan_id", "") for fact in facts}
    for loan_id in sorted((kept | about) & owed.keys() - state.loans.keys()):
        loan_of(state, loan_id).rest_from_ms = owed[loan_id].paying.last_paid_ms
    for fact in facts:
        evolve_collections(state, fact)


def _first_look(owed: Owed, kept: Mapping[str, object] | tuple[()], zone: tzinfo) -> int:
    """When the first due date of a loan that is not kept yet comes near, 0 for never."""
    days = [
        each.paying.next_due - each.policy.remind_days
        for loan_id, each in owed.items()
        if loan_id not in kept and each.is_open and each.paying.next_due is not None
    ]
    return start_of_day(min(days), zone) if days else 0


def _holds_anything(state: CollectionsState) -> bool:
    return bool(state.loans or state.contacts or state.consents or state.ceased_ms)


def _days(features: NDArray[np.float64], column: int | None) -> float | None:
    if column is None or np.isnan(features[column]):
        return None
    return float(features[column]) / DAY_SECONDS

"""The desk that moves limits and rates: after each entry that a policy names, at once where it freezes, and when what
was announced comes into force.

A line is decided by the lending policy of its institution, product and currency that is published by the entry and in
force at the instant of its ingestion. A policy in shadow decides the same line over a state of its own, into records of
its own; it brings no look, and nothing reads what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.lineacting import Acting, Looking
from riskwatch.features.account import Account
from riskwatch.features.credit import acted, applies, granted, opened
from riskwatch.features.creditlines import (
    Credit,
    Suspicion,
    clear,
    confirm,
    line_of,
    look_at,
    put_line,
    score_change,
    suspect,
    unsuspect,
)
from riskwatch.policy.accountinputs import in_use
from riskwatch.policy.columns import KINDS
from riskwatch.policy.shelf import Shelf
from riskwatch.streams.accountactions import Compensation, Terms
from riskwatch.streams.decisions import Decision
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import FraudCleared, FraudConfirmed, LoanOpened
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import to_ms

if TYPE_CHECKING:
    from riskwatch.agents.desks import Occasion

SCORE_CHANGE = "score_change_90d"
"""The column that tells rules how the behaviour score went."""
_SEVERE = ("high", "critical")
_ALWAYS = frozenset({Kind.LOAN_OPENED, Kind.FRAUD_CONFIRMED, Kind.FRAUD_CLEARED})
"""Kinds that change what is known of lines, whatever policies name."""


class AccountsDesk:
    """The desk of one batch of one partition. `shelf`: the policies as published up to the entries that are decided;
    what it decides goes into `out`."""

    def __init__(self, program: Program, out: Folded, decided_at: datetime, partition: int, shelf: Shelf) -> None:
        self._program = program
        self._out = out
        self._decided_at = decided_at
        self._shelf = shelf
        self._acting = Acting(program, out, decided_at, partition, shelf)
        self.renew()

    def renew(self) -> None:
        """Policies were published."""
        kinds = {int(Kind.TERMS_RESTORED)}
        if self._program.lending:
            kinds |= _ALWAYS
            for policy in self._shelf.policies():
                if policy.account is not None:
                    kinds |= {int(KINDS[name]) for name in (*policy.account.on, *policy.account.clear_on)}
        self._kinds = frozenset(kinds)

    @property
    def kinds(self) -> frozenset[int]:
        """Kinds of entries that bear on lines of credit."""
        return self._kinds

    def due(self, account: Account, now_ms: int, *, stale: bool) -> bool:
        """Whether something announced comes into force, or a suspicion has come up, whatever repayments do."""
        return account.credit is not None and _due(account.credit, now_ms)

    def columns(self, occasion: Occasion, account: Account) -> Mapping[str, float]:
        """What rules are told at an entry, as known before it: of the lines whose own policy in force looks at them
        there."""
        credit = account.credit
        lines = [] if credit is None else [line for line in credit.lines if self._acting.looks_at(line, occasion)]
        return {SCORE_CHANGE: score_change(lines, occasion.now_ms, occasion.clock_ms)} if lines else {}

    def told(self, decision: Decision, account: Account) -> None:
        """An application was decided."""
        credit = _credit(account)
        line = line_of(credit, decision.product, decision.currency)
        at_ms = to_ms(decision.occurred_at)
        state = granted(None if line is None else line.live, decision, at_ms)
        if state is None:
            return
        line = put_line(credit, state)
        for version, held in line.shadows.items():
            line.shadows[version] = granted(held, decision, at_ms) or held

    def suspect(self, alert: Alert, account: Account, clock_ms: int) -> None:
        """An alert was raised or withdrawn. `clock_ms`: the newest tick; the next one that moves time brings a look."""
        if alert.kind != "fraud" or alert.shadow:
            return
        if alert.withdrawn:
            if account.credit is not None:
                unsuspect(account.credit, alert.alert_id)
            return
        at_ms = to_ms(alert.occurred_at)
        made = Suspicion(alert.alert_id, at_ms, alert.severity in _SEVERE)
        suspect(_credit(account), made, max(at_ms, clock_ms + 1))

    def decide(
        self, occasion: Occasion, account: Account, features: NDArray[np.float64], alerts: Sequence[Alert]
    ) -> None:
        """Decides about each line of the customer that the entry bears on."""
        self._verdict(occasion, account)
        if isinstance(occasion.event, LoanOpened):
            self._opened(occasion, occasion.event, _credit(account))
        credit = account.credit
        if credit is None or not credit.lines:
            return
        if occasion.restored is not None:
            self._restore(occasion, occasion.restored, credit)
            return
        if occasion.kind == Kind.ACCOUNT_LOOKED:
            if not _due(credit, occasion.now_ms):
                return  # another desk's look
            suspected = 0 < credit.suspected_ms <= occasion.now_ms
        else:
            suspected = occasion.kind == Kind.FRAUD_CONFIRMED
        look = Looking(self._acting, occasion, credit, features, suspected)
        for line in credit.lines:
            look.at(line)
        if suspected:
            credit.suspected_ms = 0

    def _verdict(self, occasion: Occasion, account: Account) -> None:
        event = occasion.event
        if isinstance(event, FraudConfirmed):
            confirm(_credit(account), event.case_id)
        elif isinstance(event, FraudCleared) and account.credit is not None:
            clear(account.credit, event.case_id, occasion.at_ms)

    def _opened(self, occasion: Occasion, event: LoanOpened, credit: Credit) -> None:
        line = line_of(credit, event.product, event.currency)
        used = in_use(occasion.standings.values(), event.product, event.currency)
        line = put_line(credit, opened(None if line is None else line.live, event, occasion.at_ms, used))
        for version, held in line.shadows.items():
            line.shadows[version] = opened(held, event, occasion.at_ms, used)

    def _restore(self, occasion: Occasion, asked: Compensation, credit: Credit) -> None:
        """A rollback's compensation: applied where nothing has acted on the line since, and told as it was applied."""
        line = line_of(credit, asked.product, asked.currency)
        if line is None:
            return
        used = in_use(occasion.standings.values(), asked.product, asked.currency)
        policy = self._acting.policies_for(line, occasion)[0]
        state = self._acting.reached(policy, line.live, used, occasion)
        if applies(state, asked):
            made = _as_applied(asked, state.terms)
            self._out.actions.append(structs.replace(made, decided_at=self._decided_at))
            state = self._acting.reached(policy, acted(state, asked), used, occasion)
        line.live = state


def _credit(account: Account) -> Credit:
    if account.credit is None:
        account.credit = Credit()
    return account.credit


def _due(credit: Credit, now_ms: int) -> bool:
    at = look_at(credit)
    return at is not None and at <= now_ms


def _as_applied(asked: Compensation, before: Terms) -> Compensation:
    """A compensation with the terms that it found. What it restores is as asked."""
    after = asked.after
    restored = Terms(
        grade=after.grade if "grade" in asked.moves else before.grade,
        limit=after.limit if "limit" in asked.moves else before.limit,
        rate_bp=after.rate_bp if "rate" in asked.moves else before.rate_bp,
        frozen=after.frozen if "frozen" in asked.moves else before.frozen,
    )
    return structs.replace(asked, before=before, after=restored)

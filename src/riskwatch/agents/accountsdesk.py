"""The desk that moves limits and rates: after each entry that a policy names, at once where it freezes, and when what
was announced comes into force.

A line is decided by the lending policy of its institution, product and currency that is published by the entry and in
force at the instant of its ingestion. A policy in shadow decides the same line over a state of its own, into records of
its own; it brings no look, and nothing reads what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from riskwatch.agents.folded import Folded, Program, RuleFailure
from riskwatch.features.account import Account
from riskwatch.features.credit import CreditState, acted, applies, granted, opened, reach
from riskwatch.features.creditlines import (
    Credit,
    CreditLine,
    Suspicion,
    clear,
    confirm,
    line_of,
    look_at,
    put_line,
    score,
    score_change,
    suspect,
)
from riskwatch.policy import accountdeciding
from riskwatch.policy.accountdeciding import Looked, adjust, look
from riskwatch.policy.accountinputs import features_read, fraud_of, history_of, in_use, own_of
from riskwatch.policy.accountvocabulary import account_inputs
from riskwatch.policy.columns import KIND_NAMES, KINDS
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.shelf import Shelf
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.accountactions import AccountAction, Compensation, Terms
from riskwatch.streams.decisions import Decision
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import FraudCleared, FraudConfirmed, LoanOpened
from riskwatch.streams.outputs import Alert, Cause
from riskwatch.streams.packing import split_key, to_ms

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
        self._partition = partition
        self._shelf = shelf
        self._reads: dict[str, tuple[tuple[str, int], ...]] = {}
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

    def wants(self, kind: int) -> bool:
        """Whether entries of a kind bear on lines of credit."""
        return kind in self._kinds

    def due(self, account: Account, now_ms: int) -> bool:
        """Whether something announced comes into force, or a suspicion has come up."""
        return account.credit is not None and _due(account.credit, now_ms)

    def columns(self, account: Account, now_ms: int, clock_ms: int) -> Mapping[str, float]:
        """What rules are told at an entry, as known before it."""
        if account.credit is None:
            return {}
        return {SCORE_CHANGE: score_change(account.credit.lines, now_ms, clock_ms)}

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
        """An alert was raised. `clock_ms`: the newest tick; the next one that moves time brings a look."""
        if alert.kind != "fraud" or alert.shadow:
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
        look = _Looking(self, occasion, credit, features, suspected)
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
        policy = self.policies_for(line, occasion)[0]
        state = self.reached(policy, line.live, used, occasion)
        if applies(state, asked):
            made = _as_applied(asked, state.terms)
            self._out.actions.append(structs.replace(made, decided_at=self._decided_at))
            state = self.reached(policy, acted(state, asked), used, occasion)
        line.live = state

    def policies_for(
        self, line: CreditLine, occasion: Occasion
    ) -> tuple[LendingPolicy | None, tuple[LendingPolicy, ...]]:
        """The policy that decides a line at an entry, and those in shadow beside it."""
        tenant, _ = split_key(occasion.key)
        asked = (tenant, line.live.product, line.live.currency, occasion.ingested_ms, occasion.offset)
        return self._shelf.policy_for(*asked), self._shelf.shadows_for(*asked)

    def reached(self, policy: LendingPolicy | None, state: CreditState, used: int, occasion: Occasion) -> CreditState:
        """The line with what was announced for up to now in force. `used`: owed on it."""
        if policy is not None:
            action = adjust(policy, state, used, occasion.now_ms, self._said_of(occasion))
            if action is not None:
                state = self.act(state, action)
        return reach(state, occasion.now_ms, used)

    def looked(
        self, policy: LendingPolicy, state: CreditState, inputs: Mapping[str, Value], occasion: Occasion
    ) -> tuple[CreditState, Looked]:
        """The line after a look at it."""
        found = look(policy, state, inputs, occasion.now_ms, self._said_of(occasion))
        return (state if found.action is None else self.act(state, found.action)), found

    def act(self, state: CreditState, action: AccountAction) -> CreditState:
        """An action goes out, and the line is as it says."""
        (self._out.shadow_actions if action.shadow else self._out.actions).append(action)
        return acted(state, action)

    def fail(self, policy: LendingPolicy, occasion: Occasion, error: Exception) -> None:
        """A policy in shadow has raised: a defect of its own, which stops nothing beside it."""
        self._out.failures.append(RuleFailure(f"shadow:{policy.name}", occasion.offset, repr(error)))

    def behaviour(self, policy: LendingPolicy, features: NDArray[np.float64]) -> dict[str, float]:
        """What the policy reads of the features."""
        reads = self._reads.get(policy.version)
        if reads is None:
            column_of = self._program.layout.column_of
            names = () if policy.account is None else features_read(policy.account)
            reads = self._reads[policy.version] = tuple((name, column_of[name]) for name in names if name in column_of)
        return {name: float(features[column]) for name, column in reads}

    def _said_of(self, occasion: Occasion) -> accountdeciding.Occasion:
        kind = KIND_NAMES[occasion.kind]
        event_id = "" if occasion.event is None else occasion.event.event_id
        return accountdeciding.Occasion(
            key=occasion.key,
            event_hash=occasion.event_hash,
            kind=kind,
            cause=Cause(partition=self._partition, offset=occasion.offset, event_id=event_id, event_type=kind),
            decided_at=self._decided_at,
        )


class _Looking:
    """The look at a customer's lines at one entry: what all of them read is worked out once."""

    def __init__(
        self, desk: AccountsDesk, occasion: Occasion, credit: Credit, features: NDArray[np.float64], suspected: bool
    ) -> None:
        self._desk = desk
        self._occasion = occasion
        self._credit = credit
        self._features = features
        self._suspected = suspected
        self._kind = KIND_NAMES[occasion.kind]
        self._standings = [*occasion.standings.values()]
        self._own = own_of(self._standings)
        self._more = {**history_of(self._standings), **fraud_of(credit, occasion.now_ms)}

    def at(self, line: CreditLine) -> None:
        """Live, and in shadow from the state in which live is found first."""
        occasion, desk = self._occasion, self._desk
        policy, shadows = desk.policies_for(line, occasion)
        used = in_use(self._standings, line.live.product, line.live.currency)
        before = line.live
        line.shadows = dict(self._in_shadow(shadows, line.shadows, before, used))
        if not self._bears_on(policy):
            return
        line.live = desk.reached(policy, line.live, used, occasion)
        if policy is not None and not self._only_reaches:
            line.live, found = desk.looked(policy, line.live, self._inputs(policy, used), occasion)
            if found.points is not None:
                score(line, found.points, occasion.now_ms, occasion.clock_ms)

    def _in_shadow(
        self, shadows: Sequence[LendingPolicy], held: Mapping[str, CreditState], live: CreditState, used: int
    ) -> Iterator[tuple[str, CreditState]]:
        """The states of the policies that are in shadow here; others are forgotten."""
        for policy in shadows:
            if policy.account is None:
                continue
            state = held.get(policy.version)
            if state is None:
                state = structs.replace(live, shadow=True, last_action="")
            if self._bears_on(policy):
                try:
                    state = self._desk.reached(policy, state, used, self._occasion)
                    if not self._only_reaches:
                        state, _ = self._desk.looked(policy, state, self._inputs(policy, used), self._occasion)
                except Exception as error:
                    self._desk.fail(policy, self._occasion, error)
            yield policy.version, state

    @property
    def _only_reaches(self) -> bool:
        return self._occasion.kind == Kind.ACCOUNT_LOOKED and not self._suspected

    def _bears_on(self, policy: LendingPolicy | None) -> bool:
        """Whether a policy looks at its lines at this entry."""
        if self._suspected or self._occasion.kind == Kind.ACCOUNT_LOOKED:
            return True
        account = None if policy is None else policy.account
        return account is not None and (self._kind in account.on or self._kind in account.clear_on)

    def _inputs(self, policy: LendingPolicy, used: int) -> dict[str, Value]:
        return account_inputs(self._own, used, self._desk.behaviour(policy, self._features), self._more)


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

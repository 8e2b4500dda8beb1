"""A look at a customer's lines of credit: by whose policies, on what inputs, what comes of it, live and in shadow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from riskwatch.agents.folded import Folded, Program, RuleFailure
from riskwatch.features.credit import CreditState, acted, reach
from riskwatch.features.creditlines import Credit, CreditLine, score
from riskwatch.policy import accountdeciding
from riskwatch.policy.accountdeciding import Looked, adjust, look
from riskwatch.policy.accountinputs import ARREARS, features_read, fraud_of, history_of, in_use, own_of
from riskwatch.policy.accountvocabulary import account_inputs
from riskwatch.policy.columns import KIND_NAMES
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.shelf import Shelf
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.accountactions import AccountAction
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import split_key

if TYPE_CHECKING:
    from riskwatch.agents.desks import Occasion


class Acting:
    """Acts on lines through one batch of one partition. `shelf`: the policies as published up to the entries that are
    decided; actions go into `out`."""

    def __init__(self, program: Program, out: Folded, decided_at: datetime, partition: int, shelf: Shelf) -> None:
        self._column_of = program.layout.column_of
        self._out = out
        self._decided_at = decided_at
        self._partition = partition
        self._shelf = shelf
        self._reads: dict[str, tuple[tuple[str, int], ...]] = {}

    def policies_for(
        self, line: CreditLine, occasion: Occasion
    ) -> tuple[LendingPolicy | None, tuple[LendingPolicy, ...]]:
        """The policy that decides a line at an entry, and those in shadow beside it."""
        tenant, _ = split_key(occasion.key)
        asked = (tenant, line.live.product, line.live.currency, occasion.ingested_ms, occasion.offset)
        return self._shelf.policy_for(*asked), self._shelf.shadows_for(*asked)

    def looks_at(self, line: CreditLine, occasion: Occasion) -> bool:
        """Whether the policy that decides a line at an entry looks at it there, whatever others look at."""
        tenant, _ = split_key(occasion.key)
        live = line.live
        policy = self._shelf.policy_for(tenant, live.product, live.currency, occasion.ingested_ms, occasion.offset)
        account = None if policy is None else policy.account
        if account is None or occasion.kind == Kind.ACCOUNT_LOOKED:
            return account is not None
        return account.looks_at(KIND_NAMES[occasion.kind])

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
            names = () if policy.account is None else features_read(policy.account)
            known = ((name, self._column_of.get(name)) for name in names)
            reads = self._reads[policy.version] = tuple((name, at) for name, at in known if at is not None)
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


class Looking:
    """The look at a customer's lines at one entry: what all of them read is worked out once."""

    def __init__(
        self, acting: Acting, occasion: Occasion, credit: Credit, features: NDArray[np.float64], suspected: bool
    ) -> None:
        self._acting = acting
        self._occasion = occasion
        self._credit = credit
        self._features = features
        self._suspected = suspected
        self._kind = KIND_NAMES[occasion.kind]
        self._standings = [*occasion.standings.values()]
        self._own = own_of(self._standings)
        self._more = {**history_of(self._standings), **fraud_of(credit, occasion.now_ms)}
        if occasion.stale:  # what looks overdue may be paid
            self._more |= dict.fromkeys(ARREARS)

    def at(self, line: CreditLine) -> None:
        """Live, and in shadow from the state in which live is found first."""
        occasion, acting = self._occasion, self._acting
        policy, shadows = acting.policies_for(line, occasion)
        used = in_use(self._standings, line.live.product, line.live.currency)
        before = line.live
        line.shadows = dict(self._in_shadow(shadows, line.shadows, before, used))
        if not self._bears_on(policy):
            return
        line.live = acting.reached(policy, line.live, used, occasion)
        if policy is not None and not self._only_reaches:
            line.live, found = acting.looked(policy, line.live, self._inputs(policy, used), occasion)
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
                    state = self._acting.reached(policy, state, used, self._occasion)
                    if not self._only_reaches:
                        state, _ = self._acting.looked(policy, state, self._inputs(policy, used), self._occasion)
                except Exception as error:
                    self._acting.fail(policy, self._occasion, error)
            yield policy.version, state

    @property
    def _only_reaches(self) -> bool:
        return self._occasion.kind == Kind.ACCOUNT_LOOKED and not self._suspected

    def _bears_on(self, policy: LendingPolicy | None) -> bool:
        """Whether a policy looks at its lines at this entry."""
        if self._suspected or self._occasion.kind == Kind.ACCOUNT_LOOKED:
            return True
        account = None if policy is None else policy.account
        return account is not None and account.looks_at(self._kind)

    def _inputs(self, policy: LendingPolicy, used: int) -> dict[str, Value]:
        return account_inputs(self._own, used, self._acting.behaviour(policy, self._features), self._more)

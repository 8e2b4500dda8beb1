"""Desks: what is decided about a customer's running loans, after entries that bear on them and when time has come.

An entry that changes the account is told to the desks as an `Occasion` while it is opened, with the loans as they stand
at its place; a tick as one about each customer whom a desk wants to look at then. Once their part of the batch is
judged, the desks decide about its occasions in journal order, with the features of the occasion's own place. Only then
do they change what the account keeps for them, so what a desk knows never runs ahead of the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.accountsdesk import AccountsDesk
from riskwatch.agents.collectionsdesk import CollectionsDesk
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.judging import Judged
from riskwatch.agents.part import Part
from riskwatch.agents.scratch import Scratch
from riskwatch.features.account import Account, Facts
from riskwatch.features.paying import Paying
from riskwatch.features.standing import Standing
from riskwatch.features.timers import Overdue
from riskwatch.policy.shelf import Shelf
from riskwatch.streams.accountactions import Compensation
from riskwatch.streams.decisions import Decision
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import customer_key


@dataclass(frozen=True)
class Occasion:
    """An entry at which desks decide. `place` of the part, `row` of the scratch, `key` of the customer; `kind`, `at_ms`
    (event time), `offset` and `event_hash` of the entry; `now_ms`: how far time had come, `at_ms` at least; `clock_ms`:
    the newest tick; `ingested_ms`: when the entry was ingested, which says what policy is in force; `stale`: the
    institution's repayments do not arrive, so that what looks overdue may be paid.

    `event` and `facts`: of an upstream event; `overdue`: of what a tick has made; `restored`: what a rollback asks for;
    none of them where the account is looked at because its time has come. `standings`: the customer's loans behind the
    entry, by loan id, and `paying` how they are being paid. `past_due_before`: of a repayment, what was past due of its
    loan before it, minor units.
    """

    place: int
    row: int
    key: bytes
    kind: int
    at_ms: int
    now_ms: int
    offset: int
    event_hash: int
    standings: Mapping[str, Standing]
    event: AnyEvent | None = None
    facts: Facts | None = None
    overdue: Overdue | None = None
    restored: Compensation | None = None
    clock_ms: int = 0
    ingested_ms: int = 0
    paying: Mapping[str, Paying] = field(default_factory=dict)
    past_due_before: int = 0
    stale: bool = False


class Desk(Protocol):
    """Somebody who decides about running loans. Outputs are kept until the batch is done."""

    @property
    def kinds(self) -> frozenset[int]:
        """Kinds of entries that bear on what it decides."""
        ...

    def due(self, account: Account, now_ms: int, *, stale: bool) -> bool:
        """Whether it wants to look at the account though nothing has come. Where repayments are `stale` it wants only
        what it can settle then, so that no look comes again and again."""
        ...

    def decide(
        self, occasion: Occasion, account: Account, features: NDArray[np.float64], alerts: Sequence[Alert]
    ) -> None:
        """Decides at an occasion, and changes what the account keeps for it. `features`: float64[features] at the
        entry; `alerts`: raised at it."""
        ...


@runtime_checkable
class Listener(Protocol):
    """A desk that is told of what is no occasion, and that tells rules what it knows."""

    def renew(self) -> None:
        """Policies were published: what it wants may have changed."""
        ...

    def told(self, decision: Decision, account: Account) -> None:
        """An application of the customer was decided."""
        ...

    def suspect(self, alert: Alert, account: Account, clock_ms: int) -> None:
        """An alert was raised or withdrawn about the customer, at whatever entry."""
        ...

    def columns(self, occasion: Occasion, account: Account) -> Mapping[str, float]:
        """Columns of the rule language at an occasion, by name: what was known before it. What other institutions have
        published, or what is not in force at it, makes no difference."""
        ...


class Desks:
    """The desks of one batch. Occasions are told in journal order, part by part."""

    def __init__(self, desks: Sequence[Desk], scratch: Scratch) -> None:
        self._desks = desks
        self._listeners = [desk for desk in desks if isinstance(desk, Listener)]
        self._scratch = scratch
        self._occasions: list[Occasion] = []
        self._known: list[tuple[int, Mapping[str, float]]] = []
        self._wanted = self._wants()

    @property
    def wanted(self) -> frozenset[int]:
        """Kinds of entries that a desk wants to know of."""
        return self._wanted

    def renew(self) -> None:
        """Policies were published."""
        for listener in self._listeners:
            listener.renew()
        self._wanted = self._wants()

    def _wants(self) -> frozenset[int]:
        return frozenset().union(*(desk.kinds for desk in self._desks))

    def due(self, account: Account, now_ms: int, *, stale: bool) -> bool:
        """Whether a desk wants to look at the account now. `stale`: the institution's repayments are."""
        return any(desk.due(account, now_ms, stale=stale) for desk in self._desks)

    def note(self, occasion: Occasion) -> None:
        """An entry of the part that is opened now."""
        self._occasions.append(occasion)
        if self._listeners:
            account = self._scratch.account(occasion.row)
            for listener in self._listeners:
                known = listener.columns(occasion, account)
                if known:
                    self._known.append((occasion.place, known))

    def columns(self, count: int) -> dict[str, NDArray[np.float64]]:
        """What the desks know before the entries of the part, float64[count] by column, NaN where nothing."""
        known, self._known = self._known, []
        columns: dict[str, NDArray[np.float64]] = {}
        for place, values in known:
            for name, value in values.items():
                columns.setdefault(name, np.full(count, np.nan))[place] = value
        return columns

    def decide(self, judged: Judged, part: Part, clock_ms: int) -> list[int]:
        """What the part brings, in journal order: at each place decisions on applications first, then alerts, then the
        occasion. `clock_ms`: the newest tick. Returns the rows whose next look may have changed."""
        occasions, self._occasions = self._occasions, []
        raised: dict[int, list[Alert]] = {}
        for place, alert in judged.alerts:
            if not alert.withdrawn:
                raised.setdefault(place, []).append(alert)
        told: list[tuple[int, int, Decision | Alert | Occasion]] = [(each.place, 2, each) for each in occasions]
        if self._listeners:
            told += [(place, 0, decision) for place, decision in judged.decisions]
            told += [(place, 1, alert) for place, alert in judged.alerts]
            told.sort(key=lambda each: each[:2])
        rows: set[int] = set()
        for place, _, what in told:
            if isinstance(what, Occasion):
                row = what.row
                self._decide(what, judged.matrix[place], raised.get(place, ()))
            elif isinstance(what, Alert):
                row = int(part.row_of[place])
                for listener in self._listeners:
                    listener.suspect(what, self._scratch.account(row), clock_ms)
            else:
                row = self._scratch.index[customer_key(what.tenant, what.customer_id)]
                for listener in self._listeners:
                    listener.told(what, self._scratch.account(row))
            rows.add(row)
        return sorted(rows)

    def _decide(self, occasion: Occasion, features: NDArray[np.float64], alerts: Sequence[Alert]) -> None:
        account = self._scratch.account(occasion.row)
        for desk in self._desks:
            if occasion.kind == Kind.ACCOUNT_LOOKED or occasion.kind in desk.kinds:
                desk.decide(occasion, account, features, alerts)


def desks_of(program: Program, out: Folded, decided_at: datetime, partition: int, shelf: Shelf) -> list[Desk]:
    """The desks of a worker for one batch of a partition: what they decide goes into `out`. `shelf`: the lending
    policies as they are published."""
    return [
        AccountsDesk(program, out, decided_at, partition, shelf),
        CollectionsDesk(program, out, shelf),
    ]

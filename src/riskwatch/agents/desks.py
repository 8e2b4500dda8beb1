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
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.collectionsdesk import CollectionsDesk
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.judging import Judged
from riskwatch.agents.scratch import Scratch
from riskwatch.features.account import Account, Facts
from riskwatch.features.paying import Paying
from riskwatch.features.standing import Standing
from riskwatch.features.timers import Overdue
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.outputs import Alert


@dataclass(frozen=True)
class Occasion:
    """An entry at which desks decide. `place` of the part, `row` of the scratch, `key` of the customer; `kind`, `at_ms`
    (event time), `offset` and `event_hash` of the entry; `now_ms`: how far time had come, `at_ms` at least.

    `event` and `facts`: of an upstream event; `overdue`: of what a tick has made; none of them where the account is
    looked at because its time has come. `standings`: the customer's loans behind the entry, by loan id, and `paying`
    how they are being paid. `past_due_before`: of a repayment, what was past due of its loan before it, minor units.
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
    paying: Mapping[str, Paying] = field(default_factory=dict)
    past_due_before: int = 0


class Desk(Protocol):
    """Somebody who decides about running loans. Outputs are kept until the batch is done."""

    def wants(self, kind: int) -> bool:
        """Whether entries of a kind bear on what it decides."""
        ...

    def due(self, account: Account, now_ms: int) -> bool:
        """Whether it wants to look at the account though nothing has come."""
        ...

    def decide(
        self, occasion: Occasion, account: Account, features: NDArray[np.float64], alerts: Sequence[Alert]
    ) -> None:
        """Decides at an occasion, and changes what the account keeps for it. `features`: float64[features] at the
        entry; `alerts`: raised at it."""
        ...


class Desks:
    """The desks of one batch. Occasions are told in journal order, part by part."""

    def __init__(self, desks: Sequence[Desk], scratch: Scratch) -> None:
        self._desks = desks
        self._scratch = scratch
        self._occasions: list[Occasion] = []
        self._wanted = frozenset(kind for kind in range(256) if any(desk.wants(kind) for desk in desks))

    @property
    def wanted(self) -> frozenset[int]:
        """Kinds of entries that a desk wants to know of."""
        return self._wanted

    def due(self, account: Account, now_ms: int) -> bool:
        """Whether a desk wants to look at the account now."""
        return any(desk.due(account, now_ms) for desk in self._desks)

    def note(self, occasion: Occasion) -> None:
        """An entry of the part that is opened now."""
        self._occasions.append(occasion)

    def decide(self, judged: Judged) -> list[int]:
        """What the occasions of the part bring. Returns the rows whose next look may have changed."""
        occasions, self._occasions = self._occasions, []
        raised: dict[int, list[Alert]] = {}
        for place, alert in judged.alerts:
            raised.setdefault(place, []).append(alert)
        for occasion in occasions:
            account = self._scratch.account(occasion.row)
            for desk in self._desks:
                if occasion.kind == Kind.ACCOUNT_LOOKED or desk.wants(occasion.kind):
                    desk.decide(occasion, account, judged.matrix[occasion.place], raised.get(occasion.place, ()))
        return sorted({occasion.row for occasion in occasions})


def desks_of(program: Program, out: Folded, decided_at: datetime) -> list[Desk]:
    """The desks of a worker for one batch: what they decide goes into `out`."""
    return [
        CollectionsDesk(program.collections, program.zone, program.layout.column_of, out),
    ]

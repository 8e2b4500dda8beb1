"""What a report on loans is made from: the records of topics that say how loans fared, as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct

from riskwatch.streams.accountactions import AnyAction
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.decisions import Decision
from riskwatch.streams.events import (
    AnyEvent,
    ChargeMade,
    ChargeWaived,
    ContactMade,
    LoanOpened,
    LoanRescheduled,
    RepaymentReceived,
    RepaymentReversed,
)
from riskwatch.streams.outputs import Alert, Cause

MoneyEvent = RepaymentReceived | RepaymentReversed | ChargeMade | ChargeWaived | LoanRescheduled
"""What changes the amount that is owed on a loan."""


LOAN_MOVES_NAME = "loan-moves"


class Timed(Protocol):
    """A record of something that occurred."""

    @property
    def occurred_at(self) -> datetime: ...


class Stand(Protocol):
    """Where a loan stands."""

    @property
    def status(self) -> str: ...

    @property
    def bucket(self) -> str: ...


class Move(Protocol):
    """A loan moved from one status or bucket to another. Money in minor units; `recovered`: of what was written off, so
    far. `corrects`: by what became known since, the loan was never where it was last said to be."""

    @property
    def tenant(self) -> str: ...

    @property
    def customer_id(self) -> str: ...

    @property
    def loan_id(self) -> str: ...

    @property
    def product(self) -> str: ...

    @property
    def currency(self) -> str: ...

    @property
    def opened_on(self) -> date | None: ...

    @property
    def principal(self) -> int: ...

    @property
    def before(self) -> Stand | None: ...

    @property
    def after(self) -> Stand: ...

    @property
    def past_due_days(self) -> int: ...

    @property
    def past_due(self) -> int: ...

    @property
    def exposure(self) -> int: ...

    @property
    def recovered(self) -> int: ...

    @property
    def occurred_at(self) -> datetime: ...

    @property
    def cause(self) -> Cause: ...

    @property
    def corrects(self) -> bool: ...


class BookRecords(Struct, kw_only=True):
    """What was read for a report, each kind in the order of its topic's partitions; repeats may be among them.
    `newest`: the newest event time of the journal, None where it held nothing."""

    opened: Sequence[LoanOpened] = ()
    money: Sequence[MoneyEvent] = ()
    moves: Sequence[Move] = ()
    contacts: Sequence[ContactMade] = ()
    actions: Sequence[CollectionAction] = ()
    closings: Sequence[ActionClosed] = ()
    newest: datetime | None = None
    absent: Sequence[str] = ()


class CustomerRecords(Struct, kw_only=True):
    """What was read about one customer: events and outputs, each kind in the order of its topic; repeats may be among
    them. `newest`: the newest event time of the journal's partition."""

    tenant: str
    customer_id: str
    events: Sequence[AnyEvent] = ()
    alerts: Sequence[Alert] = ()
    decisions: Sequence[Decision] = ()
    moves: Sequence[Move] = ()
    lines: Sequence[AnyAction] = ()
    actions: Sequence[CollectionAction] = ()
    closings: Sequence[ActionClosed] = ()
    newest: datetime | None = None
    absent: Sequence[str] = ()


def without_moves(absent: Sequence[str]) -> bool:
    """Whether the topic of moves is among the absent ones: then nobody knows where loans stand."""
    return any(f".{LOAN_MOVES_NAME}." in name for name in absent)

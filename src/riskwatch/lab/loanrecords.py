"""What a report on loans is made from: the records of topics that say how loans fared, as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
from riskwatch.streams.loanmoves import LoanMoved
from riskwatch.streams.outputs import Alert
from riskwatch.streams.topics import LOAN_MOVES

MoneyEvent = RepaymentReceived | RepaymentReversed | ChargeMade | ChargeWaived | LoanRescheduled
"""What changes the amount that is owed on a loan."""


class Timed(Protocol):
    """A record of something that occurred."""

    @property
    def occurred_at(self) -> datetime: ...


class BookRecords(Struct, kw_only=True):
    """What was read for a report, each kind in the order of its topic's partitions; repeats may be among them.
    `newest`: the newest time of the journal's upstream events and ticks, None where it held none."""

    opened: Sequence[LoanOpened] = ()
    money: Sequence[MoneyEvent] = ()
    moves: Sequence[LoanMoved] = ()
    contacts: Sequence[ContactMade] = ()
    actions: Sequence[CollectionAction] = ()
    closings: Sequence[ActionClosed] = ()
    newest: datetime | None = None
    absent: Sequence[str] = ()


class CustomerRecords(Struct, kw_only=True):
    """What was read about one customer: events and outputs, each kind in the order of its topic; repeats may be among
    them. `newest`: the newest time of the upstream events and ticks in the partition."""

    tenant: str
    customer_id: str
    events: Sequence[AnyEvent] = ()
    alerts: Sequence[Alert] = ()
    decisions: Sequence[Decision] = ()
    moves: Sequence[LoanMoved] = ()
    lines: Sequence[AnyAction] = ()
    actions: Sequence[CollectionAction] = ()
    closings: Sequence[ActionClosed] = ()
    newest: datetime | None = None
    absent: Sequence[str] = ()


def without_moves(absent: Sequence[str]) -> bool:
    """Whether the topic of moves is among the absent ones: then nobody knows where loans stand."""
    return any(f".{LOAN_MOVES.name}." in name for name in absent)

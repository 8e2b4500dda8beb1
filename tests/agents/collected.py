"""Customers who are collected, through the fold: a policy that can be worked out by hand, and a journal to write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import structs
from shared_journal import LAYOUT, NOW, Log, entry, program
from tinycollections import POLICY

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.partition import open_partition
from riskwatch.agents.statecodec import split_state
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.account import Account, decode_account
from riskwatch.policy.collectionfile import CollectionBook
from riskwatch.policy.collectionpolicy import CollectionPolicy, Stage, StrategyLine
from riskwatch.policy.lendingbook import NO_LENDING
from riskwatch.streams import events
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.packing import customer_key, from_ms, pack_tick, to_ms

Records = list[CollectionAction | ActionClosed]
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
"""A Monday."""

REMINDING: CollectionPolicy = structs.replace(
    POLICY,
    name="reminding",
    stages=(
        Stage(name="remind", order=0, treatments=("push",), min_days=5, priority=80),
        *(structs.replace(stage, order=stage.order + 1) for stage in POLICY.stages),
    ),
    lines=(StrategyLine(name="near", buckets=("M0",), stage="remind"), *POLICY.lines),
)
"""A push three days before the due date; messages in the first month, at most one call in two days; calls and messages
from 8 to 20 o'clock. A broken promise takes the first month to calls."""


def collecting(*policies: CollectionPolicy) -> Program:
    """A program without lending that collects by these policies, in UTC."""
    return replace(program(NO_LENDING, links=False), collections=CollectionBook(policies or (REMINDING,)))


def june(day: float, hour: float = 0) -> datetime:
    """A day counted from the first of June, which is day 1."""
    return JUNE + timedelta(days=day - 1, hours=hour)


class Life:
    """One journal partition, folded record by record, with a tick whenever somebody is due while time passes."""

    def __init__(self, running: Program | None = None, start: datetime | None = None) -> None:
        self.program = collecting() if running is None else running
        self.partition = open_partition(0, MemoryPartition())
        self.log: Log = []
        self.now = june(1, 9) if start is None else start
        self.records: Records = []
        self.folded: list[Folded] = []
        self.count = 0

    def event(self, kind: Any, at: datetime | None = None, customer: str = "c1", **fields: Any) -> Any:
        self.count += 1
        when = self.now if at is None else at
        return kind(event_id=f"e{self.count}", tenant="bank", customer_id=customer, occurred_at=when, **fields)

    def say(self, kind: Any, at: datetime | None = None, customer: str = "c1", **fields: Any) -> Records:
        """Writes an event, at `now` unless told, and returns what comes of it."""
        return self.tell(self.event(kind, at, customer, **fields))

    def tell(self, event: Any) -> Records:
        return self._fold(entry(event, len(self.log)))

    def until(self, then: datetime) -> Records:
        """Lets time pass, and returns what comes of it."""
        found: Records = []
        while self.now < then:
            due = self.partition.timers.earliest()
            assert due is None or due > self.partition.row.clock, "a look lies ahead of the tick that set it"
            self.now = then if due is None else min(then, max(from_ms(due), self.now + timedelta(milliseconds=1)))
            found += self.tick()
        return found

    def tick(self) -> Records:
        """Time has reached `now`."""
        return self._fold((None, pack_tick(to_ms(self.now))))

    def opened(self, loan_id: str = "l-1", dues: Iterable[date] = (), customer: str = "c1", **fields: Any) -> Records:
        """A loan of three instalments of 10,000, due on the 20th of June, July and August unless told."""
        days = list(dues) or [date(2026, 6, 20), date(2026, 7, 20), date(2026, 8, 20)]
        schedule = [events.Instalment(number=n, due_on=day, amount=10_000) for n, day in enumerate(days, start=1)]
        given = {"product": "cash-instalments", "principal": 30_000, "currency": "CNY"} | fields
        return self.say(events.LoanOpened, customer=customer, loan_id=loan_id, schedule=schedule, **given)

    def paid(self, amount: int, loan_id: str = "l-1", **fields: Any) -> Records:
        return self.say(events.RepaymentReceived, loan_id=loan_id, amount=amount, currency="CNY", **fields)

    def promised(self, amount: int, pay_by: date, loan_id: str = "l-1") -> Records:
        return self.say(events.PromiseMade, loan_id=loan_id, amount=amount, currency="CNY", pay_by=pay_by)

    def account(self, customer: str = "c1") -> Account:
        """As it is stored."""
        row = self.partition.store.get_many([customer_key("bank", customer)])[0]
        assert row is not None
        return decode_account(split_state(row, LAYOUT.version)[-1])

    def _fold(self, record: tuple[bytes | None, bytes]) -> Records:
        offset = len(self.log)
        self.log.append(record)
        folded = fold(self.program, self.partition, [record[0]], [record[1]], [offset], NOW)
        self.partition.store.write(folded.rows, None)
        folded.settle(self.partition)
        self.folded.append(folded)
        self.records += folded.collections
        return folded.collections


def told(records: Records) -> list[tuple[str, str]]:
    """Of an action the treatment, of a closing how it ended; with the time of June at which it was."""
    return [
        (each.ending, shown(each.closed_at)) if isinstance(each, ActionClosed) else (each.treatment, shown(each.due_at))
        for each in records
    ]


def shown(at: datetime) -> str:
    return at.strftime("%m-%d %H:%M")


def actions(records: Records) -> list[CollectionAction]:
    return [each for each in records if isinstance(each, CollectionAction)]

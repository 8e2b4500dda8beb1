"""How a loan fared: the states that it went through, with corrections in the place of what they correct."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from functools import cached_property

from msgspec import Struct

from riskwatch.lab.loanrecords import MoneyEvent
from riskwatch.policy.collectionvocabulary import BUCKETS
from riskwatch.streams.events import (
    ChargeMade,
    LoanOpened,
    LoanRescheduled,
    RepaymentReceived,
    RepaymentReversed,
)
from riskwatch.streams.loanmoves import LoanMoved, LoanPlace

ENDS: tuple[str, ...] = ("settled", "written-off", "sold")
"""States in which a loan is in no bucket any more."""
STATES: tuple[str, ...] = (*BUCKETS, *ENDS)
CURRENT = BUCKETS[0]
WORSE_THAN_30: frozenset[str] = frozenset({*BUCKETS[2:], "written-off"})
"""More than 30 days past due, or given up."""


Key = tuple[str, str]
"""Tenant and loan id."""


class Step(Struct, frozen=True):
    """From `at` on the loan is in `state`, one of `STATES`. Money in minor units, as it was at that instant."""

    at: datetime
    state: str
    exposure: int
    recovered: int = 0


class Flow(Struct, frozen=True):
    """What changed the amount owed at an instant: `amount` is added to it, or is all of it (`whole`). Minor units; paid
    amounts are below 0."""

    at: datetime
    amount: int
    whole: bool = False
    paid: bool = False


class LoanPath(Struct, frozen=True, kw_only=True, dict=True):
    """A loan from its opening on. `opened_on`: in the institution's zone; `steps` and `flows` in order of time, the
    first step where it was opened; `principal`, exposures: minor units."""

    tenant: str
    customer_id: str
    loan_id: str
    product: str
    currency: str
    opened_on: date
    principal: int
    steps: tuple[Step, ...]
    flows: tuple[Flow, ...] = ()

    @cached_property
    def _times(self) -> list[datetime]:
        return [step.at for step in self.steps]

    def before(self, at: datetime) -> Step | None:
        """The last step before an instant; None where the loan was not open yet."""
        place = bisect_left(self._times, at)
        return self.steps[place - 1] if place else None

    def at(self, at: datetime) -> Step | None:
        """The step that the loan is at at an instant; None where it was not open yet."""
        place = bisect_right(self._times, at)
        return self.steps[place - 1] if place else None

    def owed_before(self, at: datetime) -> int:
        """What was owed just before an instant: as the last step said, and with what was paid and charged since."""
        step = self.before(at)
        if step is None:
            return 0
        owed = step.exposure
        for flow in self.flows:
            if step.at < flow.at < at:
                owed = flow.amount if flow.whole else owed + flow.amount
        return max(0, owed)

    def recovered_until(self, at: datetime) -> int:
        """What was paid until an instant on a loan that was written off: as the last step says, and paid since."""
        step = self.at(at)
        if step is None:
            return 0
        return max(0, step.recovered - sum(each.amount for each in self.flows if each.paid and step.at < each.at <= at))


class Zones(Struct, frozen=True):
    """The zone of each institution; `other` where it has none of its own."""

    of: dict[str, tzinfo] = {}
    other: tzinfo = UTC

    def __getitem__(self, tenant: str) -> tzinfo:
        return self.of.get(tenant, self.other)


def start_of(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day in a zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def state_of(stand: LoanPlace) -> str:
    """The bucket of a loan that is owed; how it ended, of one that is over."""
    return stand.status if stand.status in ENDS else stand.bucket


def loan_paths(
    opened: Iterable[LoanOpened], moves: Iterable[LoanMoved], zones: Zones, money: Iterable[MoneyEvent] = ()
) -> list[LoanPath]:
    """Every loan's path, by tenant and loan id. Repeats change nothing; a loan whose opening is not among `opened`
    is known by its moves, and one that never moved is current. `money`: what was paid and charged, so that amounts
    are known between moves."""
    openings: dict[Key, LoanOpened] = {}
    for event in opened:
        openings.setdefault((event.tenant, event.loan_id), event)
    moved = moves_by_loan(moves)
    flows: dict[Key, list[MoneyEvent]] = {}
    for each in {(each.tenant, each.event_id): each for each in money}.values():
        flows.setdefault((each.tenant, each.loan_id), []).append(each)
    return [
        _path(openings.get(key), moved.get(key, []), flows.get(key, []), zones[key[0]])
        for key in sorted(openings.keys() | moved.keys())
    ]


def _path(
    opening: LoanOpened | None, moves: Sequence[LoanMoved], money: Sequence[MoneyEvent], zone: tzinfo
) -> LoanPath:
    first = moves[0] if moves else None
    subject = first if opening is None else opening
    assert subject is not None
    if opening is not None:
        opened_at, owed = opening.occurred_at.astimezone(UTC), sum(line.amount for line in opening.schedule)
    else:
        assert first is not None
        opened_at = first.occurred_at if first.opened_on is None else start_of(first.opened_on, zone)
        owed = subject.principal
    told_day = None if first is None else first.opened_on
    steps = [_step(each) for each in held_moves(moves)]
    if not steps or steps[0].at > opened_at:
        stood = CURRENT if first is None else state_of(first.before)
        steps.insert(0, Step(opened_at, stood if stood in STATES else CURRENT, owed))
    return LoanPath(
        tenant=subject.tenant,
        customer_id=subject.customer_id,
        loan_id=subject.loan_id,
        product=subject.product,
        currency=subject.currency,
        opened_on=opened_at.astimezone(zone).date() if told_day is None else told_day,
        principal=subject.principal,
        steps=tuple(steps),
        flows=tuple(sorted((_flow(each) for each in money if each.currency == subject.currency), key=lambda f: f.at)),
    )


def _flow(event: MoneyEvent) -> Flow:
    at = event.occurred_at.astimezone(UTC)
    if isinstance(event, LoanRescheduled):
        return Flow(at, sum(line.amount for line in event.schedule), whole=True)
    paid = isinstance(event, RepaymentReceived | RepaymentReversed)
    adds = isinstance(event, RepaymentReversed | ChargeMade)
    return Flow(at, event.amount if adds else -event.amount, paid=paid)


def moves_by_loan(moves: Iterable[LoanMoved]) -> dict[Key, list[LoanMoved]]:
    """Each loan's moves as published, without repeats."""
    moved: dict[Key, list[LoanMoved]] = {}
    seen: set[str] = set()
    for move in moves:
        if move.move_id not in seen:
            seen.add(move.move_id)
            moved.setdefault((move.tenant, move.loan_id), []).append(move)
    return moved


class Held(Struct, frozen=True):
    """A move that holds, from `at` on."""

    at: datetime
    move: LoanMoved


def held_moves(moves: Iterable[LoanMoved]) -> list[Held]:
    """The moves that hold, in order of time. `moves`: of one loan, as published.

    A correction says that the loan was never where it was last said to be: it takes the place of the move that said so,
    at that one's instant. Of two moves at one instant the later published holds.
    """
    held: list[Held] = []
    for move in moves:
        at = move.occurred_at.astimezone(UTC)
        if move.corrects and held and state_of(held[-1].move.after) == state_of(move.before):
            at = min(at, held.pop().at)
        place = bisect_right([each.at for each in held], at)
        if place and held[place - 1].at == at:
            place -= 1
            del held[place]
        held.insert(place, Held(at, move))
    return held


def _step(held: Held) -> Step:
    return Step(held.at, state_of(held.move.after), held.move.exposure, held.move.recovered)

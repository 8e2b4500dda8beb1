"""One customer's life: what happened, when, and where each loan stood then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

import msgspec
from msgspec import Struct, structs

from riskwatch.features.account import Account, evolve_account
from riskwatch.features.timers import day_of
from riskwatch.lab import lifetexts as texts
from riskwatch.lab.loanpath import ENDS, LoanPath, Zones, held_moves, loan_paths, moves_by_loan, start_of
from riskwatch.lab.loanrecords import CustomerRecords, MoneyEvent, without_moves
from riskwatch.policy.collectionvocabulary import BUCKETS
from riskwatch.streams.events import (
    AnyEvent,
    LoanOpened,
    LoanWrittenOff,
    PromiseMade,
    RepaymentReceived,
    RepaymentReversed,
)
from riskwatch.streams.packing import to_ms

UNKNOWN = "?"
"""The state of a loan where no moves of loans are to be had."""


class Happening(Struct, frozen=True, kw_only=True):
    """Something that happened. `kind`: what it is, in a word; `loan_id`: None where it is about no loan in
    particular."""

    at: datetime
    kind: str
    text: str
    loan_id: str | None = None


class Row(Struct, frozen=True, kw_only=True):
    """A line of the life. `day`: in the institution's zone; `states`: of each lane just after it, one of
    `loanpath.STATES` or `UNKNOWN`, None before the loan was opened."""

    day: date
    happening: Happening
    states: tuple[str | None, ...]


class Lane(Struct, frozen=True, kw_only=True):
    """A loan. `name`: of its lane, L1 for the oldest."""

    name: str
    loan_id: str
    product: str
    currency: str
    opened_on: date
    principal: int


class Summary(Struct, frozen=True, kw_only=True):
    """`paid`, `owed`: currency → minor units; `worst`: the worst bucket of any loan ever, None where none is known;
    `open_actions`, `standing_alerts`: what is not closed, what is not withdrawn."""

    loans: dict[str, int]
    paid: dict[str, int]
    owed: dict[str, int]
    worst: str | None
    open_actions: int
    standing_alerts: int


class Life(Struct, frozen=True, kw_only=True):
    """`until`: event time up to which it is told; `absent`: topics that the broker does not have."""

    tenant: str
    customer_id: str
    until: datetime
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    summary: Summary
    absent: tuple[str, ...] = ()


def customer_life(
    records: CustomerRecords, zones: Zones, *, loan: str | None = None, since: date | None = None
) -> Life:
    """The life that the records tell. `loan`: of this loan and what is about none; `since`: rows from that day on.

    Repeats change nothing; a corrected move stands in the place of what it corrects.
    """
    events = _once(records.events)
    until = _until(records, events)
    zone = zones[records.tenant]
    opened = [each for each in events if isinstance(each, LoanOpened)]
    money = [each for each in events if isinstance(each, MoneyEvent)]
    paths = sorted(loan_paths(opened, records.moves, zones, money), key=lambda path: (path.steps[0].at, path.loan_id))
    paths = [path for path in paths if loan is None or path.loan_id == loan]
    known = not without_moves(records.absent)
    happenings = sorted(
        (
            *_of_events(events, until, zones, records.tenant),
            *_of_outputs(records, frozenset(each.loan_id for each in opened)),
        ),
        key=attrgetter("at"),
    )
    rows = [
        Row(
            day=each.at.astimezone(zone).date(),
            happening=each,
            states=tuple(_state(path, each.at, known) for path in paths),
        )
        for each in happenings
        if loan is None or each.loan_id in (None, loan)
    ]
    return Life(
        tenant=records.tenant,
        customer_id=records.customer_id,
        until=until,
        lanes=tuple(_lane(number, path) for number, path in enumerate(paths, start=1)),
        rows=tuple(row for row in rows if since is None or row.day >= since),
        summary=_summary(records, paths, events, until, loan, known),
        absent=tuple(records.absent),
    )


def encode_life(life: Life) -> bytes:
    """JSON."""
    return msgspec.json.encode(life)


def _once(events: Sequence[AnyEvent]) -> list[AnyEvent]:
    """In order of event time, each event id once: publishers repeat events."""
    first: dict[str, AnyEvent] = {}
    for event in events:
        first.setdefault(event.event_id, event)
    return sorted(first.values(), key=attrgetter("occurred_at"))


def _until(records: CustomerRecords, events: Sequence[AnyEvent]) -> datetime:
    times = [each.occurred_at for each in events]
    times += [each.occurred_at for each in records.alerts] + [each.occurred_at for each in records.decisions]
    times += [each.occurred_at for each in records.moves] + [each.announced_at for each in records.lines]
    times += [each.decided_at for each in records.actions] + [each.closed_at for each in records.closings]
    times += [] if records.newest is None else [records.newest]
    return max(times, default=datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC)


def _of_events(events: Sequence[AnyEvent], until: datetime, zones: Zones, tenant: str) -> Iterator[Happening]:
    """Events, with instalments as they stood at the end of their due day, and promises with their ends."""
    zone = zones[tenant]
    account = Account(tenant=tenant)
    told: set[tuple[str, int, int]] = set()
    written_off: set[str] = set()
    for event in events:
        at_ms = to_ms(event.occurred_at)
        yield from _due(account, day_of(at_ms, zone), zones, told)
        facts = evolve_account(account, event, at_ms, zone)
        loan_id = getattr(event, "loan_id", None)
        if isinstance(event, RepaymentReceived):
            text: str | None = texts.payment_text(event, facts, written_off=loan_id in written_off)
        else:
            text = texts.event_text(event)
        if isinstance(event, LoanWrittenOff):
            written_off.add(event.loan_id)
        if text is not None:
            kind = type(event).__name__
            yield Happening(at=event.occurred_at.astimezone(UTC), kind=kind, text=text, loan_id=loan_id)
        if isinstance(event, PromiseMade):
            yield from _promise(event, events, until, zones)
    yield from _due(account, day_of(to_ms(until), zone) + 1, zones, told)


def _due(account: Account, before: int, zones: Zones, told: set[tuple[str, int, int]]) -> Iterator[Happening]:
    """Instalments due on days before `before` (`date.toordinal`) that were not told yet."""
    for loan_id, loan in account.loans.items():
        for line in loan.lines:
            mark = loan_id, line.number, line.due_day
            wanted = line.number > 0 and line.amount > 0  # no charge, and not given up for a new schedule
            if wanted and line.due_day < before and mark not in told:
                told.add(mark)
                at = start_of(date.fromordinal(line.due_day), zones[account.tenant])
                text = texts.due_text(line.number, line.amount - line.waived, line.paid, loan.currency)
                yield Happening(at=at, kind="InstalmentDue", text=text, loan_id=loan_id)


def _promise(promise: PromiseMade, events: Sequence[AnyEvent], until: datetime, zones: Zones) -> Iterator[Happening]:
    """How a promise ended: kept when enough was paid, broken when its day was over; nothing while it is open."""
    ends = start_of(promise.pay_by + timedelta(days=1), zones[promise.tenant])
    paid = 0
    for event in events:
        if not promise.occurred_at <= event.occurred_at < ends or not isinstance(
            event, RepaymentReceived | RepaymentReversed
        ):
            continue
        if (event.loan_id, event.currency) != (promise.loan_id, promise.currency):
            continue
        paid += event.amount if isinstance(event, RepaymentReceived) else -event.amount
        if paid >= promise.amount:
            at, text = event.occurred_at.astimezone(UTC), texts.promise_text(promise, kept=True)
            yield Happening(at=at, kind="PromiseKept", text=text, loan_id=promise.loan_id)
            return
    if ends <= until:
        text = texts.promise_text(promise, kept=False)
        yield Happening(at=ends, kind="PromiseBroken", text=text, loan_id=promise.loan_id)


def _of_outputs(records: CustomerRecords, opened: frozenset[str]) -> Iterator[Happening]:
    """Outputs; moves first, for at one instant they are the cause. `opened`: loans whose opening an event tells."""
    for (_, loan_id), moves in moves_by_loan(records.moves).items():
        for held in held_moves(moves):
            if loan_id in opened and held.move.before.status == "unknown":
                continue
            yield Happening(at=held.at, kind="LoanMoved", text=texts.move_text(held.move), loan_id=loan_id)
    for said in {each.decision_id: each for each in records.decisions if not each.shadow}.values():
        yield Happening(at=said.occurred_at.astimezone(UTC), kind="Decision", text=texts.decision_text(said))
    yield from _of_alerts(records)
    for line in {each.action_id: each for each in records.lines if not each.shadow}.values():
        at = line.announced_at.astimezone(UTC)
        yield Happening(at=at, kind=type(line).__name__, text=texts.line_text(line))
    actions = {each.action_id: each for each in records.actions}
    for action in actions.values():
        at, text = action.decided_at.astimezone(UTC), texts.action_text(action)
        yield Happening(at=at, kind="CollectionAction", text=text, loan_id=action.loan_id)
    for closing in {each.action_id: each for each in records.closings}.values():
        text = texts.closing_text(closing, actions.get(closing.action_id))
        at = closing.closed_at.astimezone(UTC)
        yield Happening(at=at, kind="ActionClosed", text=text, loan_id=closing.loan_id)


def _of_alerts(records: CustomerRecords) -> Iterator[Happening]:
    """Each alert once, and its withdrawal."""
    for alert in {each.alert_id: each for each in reversed(records.alerts) if not each.shadow}.values():
        at = alert.occurred_at.astimezone(UTC)
        yield Happening(at=at, kind="Alert", text=texts.alert_text(structs.replace(alert, withdrawn=False)))
    for alert in {each.alert_id: each for each in records.alerts if each.withdrawn}.values():
        at = (alert.withdrawn_at or alert.occurred_at).astimezone(UTC)
        yield Happening(at=at, kind="AlertWithdrawn", text=texts.alert_text(alert, withdrawn=True))


def _state(path: LoanPath, at: datetime, known: bool) -> str | None:
    step = path.at(at)
    if step is None:
        return None
    return step.state if known else UNKNOWN


def _lane(number: int, path: LoanPath) -> Lane:
    return Lane(
        name=f"L{number}", loan_id=path.loan_id, product=path.product, currency=path.currency,
        opened_on=path.opened_on, principal=path.principal,
    )  # fmt: skip


def _summary(
    records: CustomerRecords,
    paths: Sequence[LoanPath],
    events: Sequence[AnyEvent],
    until: datetime,
    loan: str | None,
    known: bool,
) -> Summary:
    now = until + timedelta(microseconds=1)
    loans: dict[str, int] = {}
    owed: dict[str, int] = {}
    for path in paths:
        state = _state(path, until, known)
        if state is not None:
            loans[state] = loans.get(state, 0) + 1
            owes = 0 if state in ENDS and state != "written-off" else path.owed_before(now)
            owed[path.currency] = owed.get(path.currency, 0) + owes
    paid: dict[str, int] = {}
    for event in events:
        if isinstance(event, RepaymentReceived | RepaymentReversed) and loan in (None, event.loan_id):
            sign = 1 if isinstance(event, RepaymentReceived) else -1
            paid[event.currency] = paid.get(event.currency, 0) + sign * event.amount
    been = [step.state for path in paths for step in path.steps if step.state in BUCKETS and step.at <= until]
    closed = {each.action_id for each in records.closings}
    withdrawn = {each.alert_id for each in records.alerts if each.withdrawn}
    return Summary(
        loans=loans,
        paid=paid,
        owed=owed,
        worst=max(been, key=BUCKETS.index, default=None) if known else None,
        open_actions=len(
            {
                each.action_id
                for each in records.actions
                if each.action_id not in closed and not each.holdout and loan in (None, each.loan_id)
            }
        ),
        standing_alerts=len({each.alert_id for each in records.alerts if not each.shadow} - withdrawn),
    )

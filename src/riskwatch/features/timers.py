"""What becomes overdue as time passes: instalments at steps of delinquent days, loans that roll into a worse bucket,
promises that were not kept. And the promises that were.

A day ends when it ends in the institution's zone. Each step is reported once for an instalment and its due day,
whatever the distance of the ticks: a tick that comes late reports every step that was passed, each with its own
instant.
"""

from __future__ import annotations

from datetime import date, datetime, time, tzinfo
from functools import lru_cache

from msgspec import Struct

from riskwatch.features.delinquency import (
    bucket_days,
    day_of_bucket,
    day_of_delinquency,
    last_day,
    next_place_day,
    oldest_open,
    past_due_days,
    settled_on,
)
from riskwatch.features.ledger import (
    MAX_REPORTS,
    FactKind,
    Line,
    Loan,
    Report,
    first_number,
    is_settled,
    open_amount,
    outstanding,
)
from riskwatch.features.servicing import BUCKETS, Servicing, bucket_of
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import hash64, to_ms

DPD_STEPS = (1, 3, 7, 15, 30, 60, 90)
"""Delinquent days at which an instalment that is not paid in full is reported: days past due, without grace and
payment holidays."""
ARREARS_DPD = 30
"""The step from which on a loan is in arrears."""


class Overdue(Struct, frozen=True, kw_only=True):
    """An instalment that reached a step of delinquent days; a loan that rolled into a worse bucket (`number` 0, `dpd`
    its days past due); or a promise that was broken (`number` 0, `dpd` 1) or kept (`dpd` 0).

    `due_amount`: the instalment's or the promise's amount, of a loan that rolled what is past due;
    `amount_outstanding`: what of it is open, minor units; `reached_ms`: beginning of the day that brought it.
    `subject`: hash of tenant and loan id; `event`: hash that names this report, the same however often it is worked
    out; `promise`: hash of the event that made the promise.
    """

    kind: Kind
    loan_id: str
    number: int
    dpd: int
    due_amount: int
    amount_outstanding: int
    paid_share: float
    first_instalment: bool
    reached_ms: int
    subject_hash: int
    event_hash: int
    promise: int = 0


FIRST_DAY, LAST_DAY = date(1970, 1, 1).toordinal(), date(9000, 1, 1).toordinal()


@lru_cache(maxsize=4096)
def start_of_day(day: int, zone: tzinfo) -> int:
    """The first instant (ms) of a day (`date.toordinal`) in a zone. Where clocks skip midnight, the instant of the
    skip. Days out of all reason (before 1970, after 9000) count as the nearest that is not."""
    reasonable = min(max(day, FIRST_DAY), LAST_DAY)
    return to_ms(datetime.combine(date.fromordinal(reasonable), time(), zone))


def day_of(at_ms: int, zone: tzinfo) -> int:
    """The day (`date.toordinal`) of an instant in a zone."""
    return datetime.fromtimestamp(at_ms // 1000, zone).toordinal()


_NEXT_STEP = dict(zip((0, *DPD_STEPS), (*DPD_STEPS, None), strict=True))
STEP_BEFORE = dict(zip(DPD_STEPS, (0, *DPD_STEPS), strict=False))


def next_step(told: int) -> int | None:
    """The DPD step after `told`, which is one of them or 0; None after the last."""
    return _NEXT_STEP[told]


def loan_overdue(loan: Loan, tenant: str, now_ms: int, zone: tzinfo, rules: Servicing) -> list[Overdue]:
    """What of a loan became overdue up to `now_ms` and was not reported. Marks it as reported; forgets promises whose
    day has passed."""
    found = [
        *_instalments(loan, tenant, now_ms, zone, rules),
        *_rolls(loan, tenant, now_ms, zone, rules),
        *_promises(loan, tenant, now_ms, zone),
    ]
    del loan.reports[:-MAX_REPORTS]
    return found


def loan_next_day(loan: Loan, rules: Servicing) -> int | None:
    """The next day on which something of a loan may become overdue or change, None for never."""
    days = []
    if not loan.sold_day:
        days += [promise.pay_by_day + 1 for promise in loan.promises]
    if loan.done < len(loan.facts):
        days.append(loan.facts[loan.done].day)
    ended = loan.written_day or loan.sold_day
    for line in loan.lines:
        if line.number and not line.closed_day:
            step = next_step(line.told)
            if step is not None:
                day = day_of_delinquency(loan, line, step, rules)
                if not ended or last_day(loan, day) == day:
                    days.append(day)
            if not line.told:
                break  # those after it reach their first step later
    rolled = _next_roll(loan, rules)
    if rolled is not None:
        days.append(rolled[1])
    changes = next_place_day(loan, loan.clock_day, rules)
    if changes is not None:
        days.append(changes)
    return min(days, default=None)


def received_between(loan: Loan, from_ms: int, before_ms: int, zone: tzinfo) -> int:
    """Net of reversals, what was paid in [from_ms, before_ms): a payment counts at its event time, one of another value
    day at the end of that day."""
    received = 0
    for fact in loan.facts:
        if fact.kind == FactKind.PAYMENT:
            counts = fact.at_ms
            if not start_of_day(fact.day, zone) <= counts < start_of_day(fact.day + 1, zone):
                counts = start_of_day(fact.day + 1, zone) - 1
            if from_ms <= counts < before_ms:
                received += fact.amount - fact.reversed
    return received


def reached_day(loan: Loan, line: Line, step: int, rules: Servicing) -> int | None:
    """The day on which a line reached a step, None where it has not."""
    day = day_of_delinquency(loan, line, step, rules)
    today = last_day(loan, loan.clock_day)
    if day > today or line.since > today or (line.closed_day and line.closed_day < day):
        return None
    return day


def _instalments(loan: Loan, tenant: str, now_ms: int, zone: tzinfo, rules: Servicing) -> list[Overdue]:
    found: list[Overdue] = []
    for line in loan.lines:
        if line.closed_day or not line.number:
            continue
        if line.pay_day >= loan.clock_day:
            break
        while (step := next_step(line.told)) is not None:
            day = reached_day(loan, line, step, rules)
            if day is None or start_of_day(day, zone) > now_ms:
                break
            line.told = step
            event = _report(tenant, "overdue", loan.loan_id, line.number, line.due_day, step)
            kind, reached_ms = Kind.INSTALMENT_OVERDUE, start_of_day(day, zone)
            loan.reports.append(
                Report(event=event, kind=kind, number=line.number, day=line.due_day, step=step, reached_ms=reached_ms)
            )
            found.append(
                Overdue(
                    kind=kind,
                    loan_id=loan.loan_id,
                    number=line.number,
                    dpd=step,
                    due_amount=line.amount,
                    amount_outstanding=open_amount(line),
                    paid_share=(line.amount - open_amount(line)) / line.amount,
                    first_instalment=line.number == first_number(loan),
                    reached_ms=reached_ms,
                    subject_hash=loan.subject,
                    event_hash=event,
                )
            )
    return found


def _next_roll(loan: Loan, rules: Servicing) -> tuple[int, int] | None:
    """The next bucket that is to be reported and the day on which the loan rolls into it; None for never."""
    oldest = oldest_open(loan)
    if oldest is None or loan.rolled >= len(BUCKETS) - 1:
        return None
    bucket = loan.rolled + 1
    day = day_of_bucket(loan, oldest, bucket, rules)
    if day <= oldest.since:  # of a new schedule that was past due when it came
        day = oldest.since + 1
        bucket = max(bucket, bucket_of(bucket_days(loan, oldest, day, rules)))
    return (bucket, day) if last_day(loan, day) == day else None


def _rolls(loan: Loan, tenant: str, now_ms: int, zone: tzinfo, rules: Servicing) -> list[Overdue]:
    found: list[Overdue] = []
    while (roll := _next_roll(loan, rules)) is not None:
        bucket, day = roll
        oldest = oldest_open(loan)
        if start_of_day(day, zone) > now_ms or oldest is None:
            break
        loan.rolled = bucket
        event = _report(tenant, "rolled", loan.loan_id, 0, day, bucket)
        if any(report.event == event for report in loan.reports):
            continue  # it was there, was paid, and that payment was reversed
        loan.reports.append(Report(event=event, kind=Kind.LOAN_ROLLED, number=0, day=day, step=bucket))
        late = [line for line in loan.lines if not line.closed_day and line.pay_day < day]
        due, past_due = sum(line.amount for line in late), sum(open_amount(line) for line in late)
        found.append(
            Overdue(
                kind=Kind.LOAN_ROLLED,
                loan_id=loan.loan_id,
                number=0,
                dpd=past_due_days(oldest, day),
                due_amount=past_due,
                amount_outstanding=past_due,
                paid_share=(due - past_due) / due,
                first_instalment=oldest.number == first_number(loan),
                reached_ms=start_of_day(day, zone),
                subject_hash=loan.subject,
                event_hash=event,
            )
        )
    return found


def _promises(loan: Loan, tenant: str, now_ms: int, zone: tzinfo) -> list[Overdue]:
    found: list[Overdue] = []
    for promise in list(loan.promises):
        reached_ms = start_of_day(promise.pay_by_day + 1, zone)
        if reached_ms > now_ms:
            continue
        loan.promises.remove(promise)
        if loan.sold_day:
            continue
        received = received_between(loan, promise.made_ms, reached_ms, zone)
        settled = is_settled(loan) or settled_on(loan, promise.pay_by_day)
        kept = settled or received >= promise.amount
        open_amount = 0 if kept else promise.amount - received
        if loan.lines:
            open_amount = min(open_amount, outstanding(loan))
        what, dpd = ("promise-kept", 0) if kept else ("promise-broken", 1)
        kind = Kind.PROMISE_KEPT if kept else Kind.PROMISE_BROKEN
        event = _report(tenant, what, loan.loan_id, promise.promise, promise.pay_by_day, dpd)
        loan.reports.append(
            Report(
                event=event,
                kind=kind,
                number=promise.promise,
                day=promise.pay_by_day,
                step=dpd,
                made_ms=promise.made_ms,
                amount=promise.amount,
            )
        )
        found.append(
            Overdue(
                kind=kind,
                loan_id=loan.loan_id,
                number=0,
                dpd=dpd,
                due_amount=promise.amount,
                amount_outstanding=open_amount,
                paid_share=1.0 if kept else received / promise.amount,
                first_instalment=False,
                reached_ms=reached_ms,
                subject_hash=loan.subject,
                event_hash=event,
                promise=promise.promise,
            )
        )
    return found


def _report(tenant: str, what: str, loan_id: str, number: int, day: int, step: int) -> int:
    # No publisher's event id holds a control character, so no event of theirs has this hash.
    return hash64(tenant, f"\x1f{what}\x1f{loan_id}\x1f{number}\x1f{day}\x1f{step}")


def milliseconds(days: int) -> int:
    """A span of days in milliseconds."""
    return days * 86_400_000

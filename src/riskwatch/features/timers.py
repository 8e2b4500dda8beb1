"""What becomes overdue as time passes: instalments at steps of days past due, promises that were not kept. And the
promises that were.

A day ends when it ends in the institution's zone. Each step is reported once for an instalment and its due day,
whatever the distance of the ticks: a tick that comes late reports every step that was passed, each with its own
instant.
"""

from __future__ import annotations

from datetime import date, datetime, time, tzinfo
from functools import lru_cache

from msgspec import Struct

from riskwatch.features.ledger import Loan, first_number, is_settled, outstanding, received_between
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import hash64, to_ms

DPD_STEPS = (1, 3, 7, 15, 30, 60, 90)
"""Days past due at which an instalment that is not paid in full is reported."""


class Overdue(Struct, frozen=True, kw_only=True):
    """An instalment that reached a step of DPD, or a promise that was broken (`number` 0, `dpd` 1) or kept (`dpd` 0).

    `due_amount`: the instalment's or the promise's amount; `amount_outstanding`: what of it is open, minor units;
    `reached_ms`: beginning of the day that brought it. `subject`: hash of tenant and loan id; `event`: hash that
    names this report, the same however often it is worked out; `promise`: hash of the event that made the promise.
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


def next_step(told: int) -> int | None:
    """The DPD step after `told`, which is one of them or 0; None after the last."""
    return _NEXT_STEP[told]


def loan_overdue(loan: Loan, tenant: str, now_ms: int, zone: tzinfo) -> list[Overdue]:
    """What of a loan became overdue up to `now_ms` and was not reported. Marks it as reported; forgets promises whose
    day has passed."""
    return [*_instalments(loan, tenant, now_ms, zone), *_promises(loan, tenant, now_ms, zone)]


def loan_next_day(loan: Loan) -> int | None:
    """The next day on which something of a loan may become overdue, None for never."""
    days = [promise.pay_by_day + 1 for promise in loan.promises]
    for line in loan.lines:
        if line.paid < line.amount:
            step = next_step(line.told)
            if step is not None:
                days.append(line.due_day + step)
    return min(days, default=None)


def _instalments(loan: Loan, tenant: str, now_ms: int, zone: tzinfo) -> list[Overdue]:
    found = []
    for line in loan.lines:
        if line.paid >= line.amount:
            continue
        while (step := next_step(line.told)) is not None:
            reached_ms = start_of_day(line.due_day + step, zone)
            if reached_ms > now_ms:
                break
            line.told = step
            found.append(
                Overdue(
                    kind=Kind.INSTALMENT_OVERDUE,
                    loan_id=loan.loan_id,
                    number=line.number,
                    dpd=step,
                    due_amount=line.amount,
                    amount_outstanding=line.amount - line.paid,
                    paid_share=line.paid / line.amount,
                    first_instalment=line.number == first_number(loan),
                    reached_ms=reached_ms,
                    subject_hash=loan.subject,
                    event_hash=_report(tenant, "overdue", loan.loan_id, line.number, line.due_day, step),
                )
            )
    return found


def _promises(loan: Loan, tenant: str, now_ms: int, zone: tzinfo) -> list[Overdue]:
    found = []
    for promise in list(loan.promises):
        reached_ms = start_of_day(promise.pay_by_day + 1, zone)
        if reached_ms > now_ms:
            continue
        loan.promises.remove(promise)
        received = received_between(loan, promise.made_ms, reached_ms)
        kept = received >= promise.amount or is_settled(loan)
        open_amount = 0 if kept else promise.amount - received
        if loan.lines:
            open_amount = min(open_amount, outstanding(loan))
        what, dpd = ("promise-kept", 0) if kept else ("promise-broken", 1)
        found.append(
            Overdue(
                kind=Kind.PROMISE_KEPT if kept else Kind.PROMISE_BROKEN,
                loan_id=loan.loan_id,
                number=0,
                dpd=dpd,
                due_amount=promise.amount,
                amount_outstanding=open_amount,
                paid_share=1.0 if kept else received / promise.amount,
                first_instalment=False,
                reached_ms=reached_ms,
                subject_hash=loan.subject,
                event_hash=_report(tenant, what, loan.loan_id, promise.promise, promise.pay_by_day, dpd),
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

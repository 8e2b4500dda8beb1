"""Histories of one loan for Hypothesis: what happened, the order in which it was told, and when time was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from riskwatch.features.servicing import Servicing
from riskwatch.streams.events import (
    AnyEvent,
    ChargeMade,
    ChargeWaived,
    Instalment,
    InstalmentDue,
    LoanOpened,
    LoanRescheduled,
    LoanSold,
    LoanWrittenOff,
    PaymentHolidayGranted,
    PromiseMade,
    RepaymentReceived,
    RepaymentReversed,
    SettlementAgreed,
)
from riskwatch.streams.packing import to_ms

FIRST = date(2026, 2, 20)
LAST = 130
"""Days of a history. Clocks change within it in Europe and America."""
ZONES = [UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Havana"), ZoneInfo("Europe/Berlin")]
HOUR = 3_600_000


class Weekdays:
    """Monday to Friday, but for the first days of March and May."""

    def is_working_day(self, key: date) -> bool:
        return key.weekday() < 5 and (key.month, key.day) not in {(3, 2), (3, 3), (5, 1), (5, 4)}


RULES = st.builds(
    Servicing,
    waterfall=st.permutations(("fee", "penalty", "interest", "principal")).map(tuple),
    across=st.sampled_from(["oldest-first", "component-first"]),
    grace_days=st.sampled_from([0, 0, 3]),
    calendar_code=st.just("weekdays"),
    calendar=st.sampled_from([None, Weekdays()]),
    tolerance=st.sampled_from([0, 0, 2]),
    bucket_by=st.sampled_from(["past-due", "delinquent"]),
)


@dataclass(frozen=True)
class History:
    """`told`: events with their times, in the order in which they came; a number is a tick on that day at noon UTC."""

    rules: Servicing
    zone: tzinfo
    told: list[tuple[AnyEvent, int] | int]

    @property
    def events(self) -> list[tuple[AnyEvent, int]]:
        return [each for each in self.told if not isinstance(each, int)]


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def instant(number: int, hour: int) -> int:
    """`hour`: of the UTC day; 20 may be the next day already, or 2 still the day before."""
    return to_ms(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)) + (number * 24 + hour) * HOUR


def said(kind: type, name: str, at_ms: int, **more: object) -> AnyEvent:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return kind(event_id=name, tenant="north", customer_id="c", occurred_at=at, loan_id="L", **more)  # type: ignore[no-any-return]


@st.composite
def schedules(draw: st.DrawFn, first: int = 1) -> list[Instalment]:
    count = draw(st.integers(1, 4))
    days = sorted(draw(st.lists(st.integers(5, 100), min_size=count, max_size=count, unique=True)))
    made = []
    for at, each in enumerate(days):
        amount = draw(st.integers(0, 20))
        interest = draw(st.none() | st.integers(0, amount))
        made.append(Instalment(number=first + at, due_on=day(each), amount=amount, interest=interest))
    return made


AMOUNT = st.integers(1, 25)
KINDS = [
    *["pay"] * 8, *["reverse"] * 2, *["charge"] * 2, "waive", "reschedule", "holiday", *["agree"] * 2, "off", "sell",
    *["promise"] * 2,
]  # fmt: skip


@st.composite
def events(draw: st.DrawFn, kinds: list[str] = KINDS) -> list[tuple[AnyEvent, int]]:
    """What happened to a loan, no two events at one instant."""
    made: list[tuple[AnyEvent, int]] = []
    if draw(st.integers(0, 3)):
        at = instant(0, 1)
        schedule = draw(schedules())
        made.append((said(LoanOpened, "opened", at, product="cash-instalments", principal=40, currency="EUR",
                          schedule=schedule), at))  # fmt: skip
        if draw(st.integers(0, 5)) == 0:
            at = instant(draw(st.integers(1, LAST)), 1)
            made.append((said(LoanOpened, "corrected", at, product="cash-instalments", principal=40, currency="EUR",
                              schedule=draw(schedules())), at))  # fmt: skip
    if len(made) == 0 or draw(st.integers(0, 4)) == 0:
        for each in draw(schedules()):
            at = instant(max(1, (each.due_on - FIRST).days - draw(st.integers(0, 9))), 3)
            made.append((said(InstalmentDue, f"due{each.number}", at, number=each.number, due_on=each.due_on,
                              amount=each.amount, currency="EUR"), at))  # fmt: skip
    payments = 0
    hours = draw(st.lists(st.tuples(st.integers(1, LAST), st.sampled_from([5, 12, 17, 22])), max_size=9, unique=True))
    for at, (number, hour) in enumerate(hours):
        at_ms = instant(number, hour)
        what = draw(st.sampled_from(kinds))
        name = f"{what}{at}"
        if what == "pay":
            value = draw(st.none() | st.none() | st.integers(-40, 9))
            named = draw(st.none() | st.none() | st.integers(1, 5))
            made.append((said(
                RepaymentReceived, name, at_ms, amount=draw(AMOUNT), currency="EUR", instalment_number=named,
                payment_id=f"p{draw(st.integers(max(0, payments - 1), payments))}",
                value_on=None if value is None else day(number + value),
            ), at_ms))  # fmt: skip
            payments += 1
        elif what == "reverse":
            of = f"p{draw(st.integers(0, 3))}"
            made.append(
                (said(RepaymentReversed, name, at_ms, payment_id=of, amount=draw(AMOUNT), currency="EUR"), at_ms)
            )
        elif what in ("charge", "waive"):
            kind = ChargeMade if what == "charge" else ChargeWaived
            charge = draw(st.sampled_from(["fee", "penalty"]))
            made.append((said(kind, name, at_ms, charge=charge, amount=draw(st.integers(0, 9)), currency="EUR"), at_ms))
        elif what == "promise":
            by = day(number + draw(st.integers(-1, 30)))
            made.append((said(PromiseMade, name, at_ms, amount=draw(AMOUNT), pay_by=by, currency="EUR"), at_ms))
        elif what == "reschedule":
            schedule = draw(schedules(draw(st.sampled_from([1, 5]))))
            made.append((said(LoanRescheduled, name, at_ms, schedule=schedule, currency="EUR"), at_ms))
        elif what == "holiday":
            first = draw(st.integers(0, 90))
            last = first + draw(st.integers(-1, 40))
            made.append((said(PaymentHolidayGranted, name, at_ms, starts_on=day(first), ends_on=day(last)), at_ms))
        elif what == "agree":
            by = day(number + draw(st.integers(-1, 60)))
            made.append((said(SettlementAgreed, name, at_ms, amount=draw(st.integers(0, 15)), pay_by=by,
                              currency="EUR"), at_ms))  # fmt: skip
        else:
            made.append((said(LoanWrittenOff if what == "off" else LoanSold, name, at_ms), at_ms))
    return made


@st.composite
def histories(draw: st.DrawFn, kinds: list[str] = KINDS) -> History:
    """Events in any order, some twice, with ticks among them; at the end a tick on the last day."""
    happened = draw(events(kinds))
    order = draw(st.sampled_from(["as it happened", "nearly", "any"]))
    if order == "as it happened":
        happened.sort(key=lambda each: each[1])
    elif order == "nearly":
        late = draw(st.lists(st.integers(0, 30), min_size=len(happened), max_size=len(happened)))
        happened = [each for _, each in sorted(zip(late, happened, strict=True),
                                               key=lambda each: each[1][1] + each[0] * 24 * HOUR)]  # fmt: skip
    else:
        happened = draw(st.permutations(happened))
    told: list[tuple[AnyEvent, int] | int] = []
    clock = 0
    for each in happened:
        told.append(each)
        if draw(st.integers(0, 5)) == 0:
            told.append(each)
        clock = max(clock, (each[1] - instant(0, 12)) // (24 * HOUR))
        if draw(st.booleans()):
            clock = max(clock, clock + draw(st.integers(0, 40)))
            told.append(min(clock, LAST + 10))
    told.append(LAST + 10)
    return History(draw(RULES), draw(st.sampled_from(ZONES)), told)

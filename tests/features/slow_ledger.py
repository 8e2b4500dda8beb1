"""A slow ledger: lives every day of a loan from the first to the last, over all facts at once, straight from what
docs/ledger.md says. It shares no code with `riskwatch.features` beyond the rules and the events.

Money lies in slots, one for each instalment (or charge) and component. A payment is poured into all open slots in one
sorted order. Days past due are counted morning by morning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from riskwatch.features.servicing import Servicing
from riskwatch.streams.events import (
    AnyEvent,
    ChargeMade,
    ChargeWaived,
    InstalmentDue,
    LoanOpened,
    LoanRescheduled,
    LoanSold,
    LoanWrittenOff,
    PaymentHolidayGranted,
    RepaymentReceived,
    RepaymentReversed,
    SettlementAgreed,
)

ORDER = (ChargeMade, ChargeWaived, SettlementAgreed, RepaymentReceived, LoanRescheduled, LoanWrittenOff, LoanSold)
COMPONENTS = ("fee", "penalty", "interest", "principal")


@dataclass(eq=False)
class Slots:
    """One instalment or charge (number 0)."""

    number: int
    due: date
    must: date
    charged: dict[str, int]
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))
    waived: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))
    schedule: int = 0
    late: int = 0
    counted: int = 0
    most_late: int = 0
    late_on: list[date] = field(default_factory=list)
    steps: dict[int, date] = field(default_factory=dict)

    def open(self, component: str) -> int:
        return self.charged[component] - self.paid[component] - self.waived[component]

    def all_open(self) -> int:
        return sum(map(self.open, COMPONENTS))

    def amount(self) -> int:
        return sum(self.charged.values())


@dataclass
class Morning:
    """What the morning and the evening of a day show."""

    bucket: int
    late: bool
    settled: bool
    evening_bucket: int = 0
    evening_late: bool = False
    evening_settled: bool = False


class SlowLedger:
    """`told`: events of one loan with their event times (ms), distinct, in any order, each once or more. Lives up to
    `today` (a day in `zone`)."""

    def __init__(self, told: Iterable[tuple[AnyEvent, int]], today: date, zone: tzinfo, rules: Servicing) -> None:
        self.zone, self.rules, self.today = zone, rules, today
        facts = {event.event_id: (event, at) for event, at in told}
        self.facts = sorted(facts.values(), key=lambda each: each[1])
        self.slots: list[Slots] = []
        self.credit = 0
        self.held: list[tuple[int, int]] = []
        self.gone = dict.fromkeys(COMPONENTS, 0)
        self.received = self.recovered = 0
        self.written: date | None = None
        self.sold: date | None = None
        self.agreement: tuple[int, date, int] | None = None
        self.mornings: dict[date, Morning] = {}
        self._live()

    # ------------------------------------------------------------------------------------------------- what is asked

    def owed(self) -> dict[str, int]:
        return {each: sum(slots.open(each) for slots in self.slots) for each in COMPONENTS}

    def exposure(self) -> int:
        return sum(self.owed().values())

    def status(self) -> str:
        if self.sold is not None:
            return "sold"
        if self.written is not None:
            return "written-off"
        if not self.slots:
            return "unknown"
        if self.exposure() == 0:
            return "settled"
        return "past-due" if any(slots.late for slots in self.slots) else "performing"

    def past_due_days(self) -> int:
        return max((slots.late for slots in self.slots), default=0)

    def delinquent_days(self) -> int:
        return max((self._delinquent(slots) for slots in self.slots), default=0)

    def bucket(self) -> int:
        return self._bucket(self.slots)

    def past_due(self) -> int:
        return sum(each.all_open() for each in self.slots if each.must < self.today and self._is_open(each))

    def paid_between(self, from_ms: int, last: date) -> int:
        """Net of reversals, what was paid from an instant to the end of a day; of another value day, at its end."""
        paid = 0
        for event, at in self.facts:
            if isinstance(event, RepaymentReceived):
                day = self._value_day(event, at)
                late_enough = at >= from_ms if day == self._day(at) else day >= self._day(from_ms)
                if late_enough and day <= last:
                    paid += self.net[event.event_id]
        return paid

    def was(self, day: date, status: str, bucket: int) -> bool:
        """Whether the loan was there at some time of a day that has passed."""
        if status == "unknown":
            return True
        if status == "sold":
            return self.sold is not None and self.sold <= day
        if status == "written-off":
            return self.written is not None and self.written <= day and (self.sold is None or self.sold >= day)
        if any(ended is not None and ended < day for ended in (self.written, self.sold)):
            return False
        seen = self.mornings.get(day)
        if seen is None:  # before anything was known
            return status != "settled" and bucket == 0
        if status == "settled":
            return seen.settled or seen.evening_settled
        if seen.settled and seen.evening_settled:
            return False
        buckets, late = (seen.bucket, seen.evening_bucket), (seen.late, seen.evening_late)
        return min(buckets) <= bucket <= max(buckets) and (any(late) if status == "past-due" else not all(late))

    # ------------------------------------------------------------------------------------------------------ the days

    def _live(self) -> None:
        self._pair_reversals()
        self.free = self._holidays()
        by_day: dict[date, list[tuple[AnyEvent, int]]] = {}
        for event, at in self.facts:
            if isinstance(event, ORDER):
                by_day.setdefault(self._value_day(event, at), []).append((event, at))
        self.reschedules = sorted((self._day(at), at) for event, at in self.facts if isinstance(event, LoanRescheduled))
        self.scheduled, self.schedules = False, 0
        self._begin()
        days = [*by_day, *(self._day(at) for _, at in self.facts), *(slots.must for slots in self.slots), self.today]
        day = min(days)
        while day <= self.today:
            self._wake(day)
            for kind in ORDER:
                for event, at in by_day.get(day, ()):
                    if type(event) is kind:
                        self._apply(event, at, day)
            self._sleep(day)
            day += timedelta(days=1)

    def _wake(self, day: date) -> None:
        ended = any(end is not None for end in (self.written, self.sold))
        for slots in self.slots:
            if ended:
                continue
            self._count(slots, day)
        self.mornings[day] = Morning(
            self._bucket(self.slots), any(each.late for each in self.slots), self._is_settled()
        )

    def _count(self, slots: Slots, day: date) -> None:
        """Days past due and delinquent of an instalment on the morning of a day."""
        open_ = self._is_open(slots)
        if not open_ or slots.must >= day:
            return
        slots.late = (day - slots.must).days
        slots.most_late = max(slots.most_late, slots.late)
        slots.late_on.append(day)
        slots.counted = sum(slots.must + timedelta(days=each) not in self.free for each in range(1, slots.late + 1))
        for step in (1, 3, 7, 15, 30, 60, 90):
            if self._delinquent(slots) >= step:
                slots.steps.setdefault(step, day)

    def _sleep(self, day: date) -> None:
        for slots in self.slots:
            if not self._is_open(slots) and self.written in (None, day) and self.sold in (None, day):
                slots.late = slots.counted = 0
        seen = self.mornings[day]
        seen.evening_bucket = self._bucket(self.slots)
        seen.evening_late = any(each.late for each in self.slots)
        seen.evening_settled = self._is_settled()

    def _is_open(self, slots: Slots) -> bool:
        return slots.all_open() > self.rules.tolerance

    def _is_settled(self) -> bool:
        return bool(self.slots) and self.exposure() == 0

    def _delinquent(self, slots: Slots) -> int:
        return max(0, slots.counted - self.rules.grace_days)

    def _bucket(self, slots: list[Slots]) -> int:
        by_past_due = self.rules.bucket_by == "past-due"
        days = max((each.late if by_past_due else self._delinquent(each) for each in slots), default=0)
        return 0 if days == 0 else min(7, -(-days // 30))

    # ----------------------------------------------------------------------------------------------------- the facts

    def _day(self, at: int) -> date:
        return datetime.fromtimestamp(at / 1000, self.zone).date()

    def _value_day(self, event: AnyEvent, at: int) -> date:
        value_on = event.value_on if isinstance(event, RepaymentReceived) else None
        return self._day(at) if value_on is None else value_on

    def _pair_reversals(self) -> None:
        """What is left of each payment: of one id, the newest loses first."""
        self.net: dict[str, int] = {}
        left: dict[str, int] = {}
        for event, _ in self.facts:
            if isinstance(event, RepaymentReversed):
                left[event.payment_id] = left.get(event.payment_id, 0) + event.amount
        payments = [(event, at) for event, at in self.facts if isinstance(event, RepaymentReceived)]
        for event, _ in sorted(payments, key=lambda each: (self._value_day(*each), each[1]), reverse=True):
            name = event.payment_id or event.event_id
            taken = min(event.amount, left.get(name, 0))
            left[name] = left.get(name, 0) - taken
            self.net[event.event_id] = event.amount - taken

    def _holidays(self) -> set[date]:
        free = set()
        for event, _ in self.facts:
            if isinstance(event, PaymentHolidayGranted):
                day = event.starts_on
                while day <= event.ends_on:
                    free.add(day)
                    day += timedelta(days=1)
        return free

    def _must(self, due: date) -> date:
        while self.rules.calendar is not None and not self.rules.calendar.is_working_day(due):
            due += timedelta(days=1)
        return due

    def _instalment(self, number: int, due: date, amount: int, interest: int) -> Slots:
        charged = {"fee": 0, "penalty": 0, "interest": interest, "principal": amount - interest}
        return Slots(number, due, self._must(due), charged, schedule=self.schedules)

    def _planned(self, event: LoanOpened | LoanRescheduled) -> list[Slots]:
        return [self._instalment(each.number, each.due_on, each.amount, each.interest or 0) for each in event.schedule]

    def _dues(self, after: tuple[date, int] | None, before: tuple[date, int] | None) -> None:
        """Instalments that fell due under one schedule, which has the last word on its own."""
        newest: dict[int, InstalmentDue] = {}
        for event, at in self.facts:
            place = (self._day(at), -1)
            if isinstance(event, InstalmentDue):
                if after is not None and place <= after:
                    continue
                if before is not None and place > before:
                    continue
                newest[event.number] = event
        known = {slots.number for slots in self.slots}
        for number, due in newest.items():
            if number not in known:
                self.slots.append(self._instalment(number, due.due_on, due.amount, 0))

    def _begin(self) -> None:
        openings = [event for event, _ in self.facts if isinstance(event, LoanOpened)]
        if openings:
            self.slots += self._planned(openings[-1])
            self.scheduled = True
        self._dues(None, self.reschedules[0] if self.reschedules else None)

    def _apply(self, event: AnyEvent, at: int, day: date) -> None:
        if isinstance(event, ChargeMade):
            if event.amount:
                charged = dict.fromkeys(COMPONENTS, 0)
                charged[event.charge] = event.amount
                self.slots.append(Slots(0, day, self._must(day), charged))
                self._use_credit(day)
        elif isinstance(event, ChargeWaived):
            left = event.amount
            for slots in sorted(self.slots, key=lambda each: each.due):
                taken = min(left, slots.open(event.charge))
                slots.waived[event.charge] += taken
                left -= taken
        elif isinstance(event, SettlementAgreed):
            self.agreement = (event.amount, event.pay_by, 0)
            self._fulfil(day)
        elif isinstance(event, RepaymentReceived):
            self._receive(self.net[event.event_id], event.instalment_number, day)
        elif isinstance(event, LoanRescheduled):
            for slots in self.slots:
                if slots.number and slots.all_open():
                    for component in COMPONENTS:
                        self.gone[component] += slots.open(component)
                        slots.charged[component] -= slots.open(component)
            self.schedules += 1
            self.slots += self._planned(event)
            self.scheduled = True
            place = (day, at)
            self._dues(place, next((each for each in self.reschedules if each > place), None))
            if self.written is None and self.sold is None:
                for slots in self.slots:
                    self._count(slots, day)
            self._use_credit(day)
        elif isinstance(event, LoanWrittenOff):
            self.written = self.written or day
        elif isinstance(event, LoanSold):
            self.sold = self.sold or day

    def _receive(self, amount: int, named: int | None, day: date) -> None:
        if not amount:
            return
        self.received += amount
        if self.written is not None:
            self.recovered += amount
        self._pour(amount, named, day)
        if self.agreement is not None:
            wanted, by, so_far = self.agreement
            self.agreement = (wanted, by, so_far + amount)
            self._fulfil(day)

    def _fulfil(self, day: date) -> None:
        assert self.agreement is not None
        wanted, by, so_far = self.agreement
        if day > by:
            self.agreement = None
        elif so_far >= wanted:
            self.agreement = None
            for slots in self.slots:
                for component in COMPONENTS:
                    slots.waived[component] += slots.open(component)

    def _use_credit(self, day: date) -> None:
        held, self.held = self.held, []
        for named, amount in held:
            self._pour(amount, named, day)
        credit, self.credit = self.credit, 0
        self._pour(credit, None, day)

    def _pour(self, amount: int, named: int | None, day: date) -> None:
        if named is not None and not self.scheduled and all(slots.number != named for slots in self.slots):
            self.held.append((named, amount))
            return

        def rank(place: tuple[Slots, str]) -> tuple[object, ...]:
            slots, component = place
            step = self.rules.waterfall.index(component)  # type: ignore[arg-type]
            oldest = (slots.due, slots.number, self.slots.index(slots))
            if named is not None and slots.number == named:
                return (0, oldest, step)
            if self.rules.across == "component-first" and slots.due <= day:
                return (1, step, oldest)
            return (2, oldest, step)

        places = [(slots, component) for slots in self.slots for component in COMPONENTS]
        for slots, component in sorted(places, key=rank):
            taken = min(amount, slots.open(component))
            slots.paid[component] += taken
            amount -= taken
        self.credit += amount

"""Instalments with due and payment days, in the form of Home Credit's tables, as loans and repayments on dates.

Days count from the day of each customer's current application (day 0; negative is the past), and `anchor` says which
date that is: one date for all, because who applied when is not in the data. A previous loan (`SK_ID_PREV`) opens with
the schedule of its known instalments, on its decision day or the day before its first due date or payment, whichever is
earliest. Each row is one repayment, named by its instalment number. An instalment whose payments in the file fall short
of it is of what they pay: whole files have all payments, extracts leave some out, and what is left out was not unpaid.
docs/replay.md says what the mapping loses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from riskwatch.lab.delinquency import Book, Ledgers
from riskwatch.lab.plot import Truth
from riskwatch.lab.tables import Form, batches, beside, find, minor_units, number, row_count, whole
from riskwatch.streams.events import AnyEvent, Declared, Instalment, LoanApplied, LoanOpened, Product, RepaymentReceived

PAYMENTS = Form(
    name="instalment payments",
    columns=(
        "SK_ID_PREV",
        "SK_ID_CURR",
        "NUM_INSTALMENT_NUMBER",
        "DAYS_INSTALMENT",
        "DAYS_ENTRY_PAYMENT",
        "AMT_INSTALMENT",
        "AMT_PAYMENT",
    ),
)
PREVIOUS = Form(
    name="previous applications",
    columns=(
        "SK_ID_PREV",
        "SK_ID_CURR",
        "NAME_CONTRACT_TYPE",
        "AMT_CREDIT",
        "CNT_PAYMENT",
        "DAYS_DECISION",
        "HOUR_APPR_PROCESS_START",
    ),
)
CURRENT = Form(name="applications", columns=("SK_ID_CURR", "DEFAULTED", "AMT_INCOME_TOTAL", "AMT_CREDIT"))
TOLD = (
    "The file tells the day of each due date and payment, so leads are exact to a day; an instalment is open until "
    "its last payment in the file."
)
ANCHOR = date(2024, 12, 1)
"""The date that day 0 stands for, unless stated otherwise."""
_PRODUCTS: Mapping[str, Product] = {
    "Consumer loans": "shopping-instalments",
    "Cash loans": "cash-instalments",
    "Revolving loans": "consumer-credit",
}


class _Previous(Struct, frozen=True):
    customer: int
    product: Product
    credit: int
    payments: int
    decided: int
    hour: int


class _Payment(Struct, frozen=True):
    loan: int
    customer: int
    number: int
    due: int
    paid: int | None
    amount_due: int
    amount: int


class Instalments:
    """Replayable instalments. `path`: the file of payments, or a folder that holds it.

    Memory: the rows (a loan's schedule must be known when it opens), about 200 bytes each; events are made one by one.
    """

    name = "instalments"
    lending: Path | None = None

    def __init__(
        self,
        path: Path,
        *,
        limit: int | None = None,
        tenant: str = "replay",
        currency: str = "XXX",
        anchor: date = ANCHOR,
    ) -> None:
        self.path = find(path, PAYMENTS)
        self.previous, self.current = beside(path, PREVIOUS), beside(path, CURRENT)
        self.limit, self.tenant, self.currency, self.anchor = limit, tenant, currency, anchor
        self.rows = 0
        self.bad: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        total = row_count(self.path)
        self.total = total if limit is None or (total is not None and total < limit) else limit
        self._defaulted: list[int] = []
        self._ledgers = Ledgers(told=TOLD)

    def book(self) -> Book:
        """The loans at risk: with an instalment to be paid, and less than 30 days past due. After `events`."""
        return self._ledgers.book()

    def truths(self) -> list[Truth]:
        """Customers who defaulted on their current loan: any early warning before day 0 is right. After `events`."""
        return [
            Truth(
                kind="later default",
                expected="early-warning",
                customers=((self.tenant, f"customer-{customer}"),),
                begins=self.at(-36_500, 0),
                ends=self.at(1, 0),
            )
            for customer in self._defaulted
        ]

    def at(self, day: int, hour: float) -> datetime:
        """The instant of a day counted from day 0, UTC."""
        return datetime.combine(self.anchor, datetime.min.time(), UTC) + timedelta(days=day, hours=hour)

    def events(self) -> Iterator[AnyEvent]:
        """Events in order of time; `limit` bounds the rows of the payments file. Once through."""
        return self._ledgers.through(self._events())

    def _events(self) -> Iterator[AnyEvent]:
        payments = self._read_payments()
        previous = self._read_previous()
        loans: dict[int, list[_Payment]] = {}
        for payment in payments:
            loans.setdefault(payment.loan, []).append(payment)
        # (day, hour, kind of step, loan or row): what will happen, small enough to sort as a whole.
        steps: list[tuple[int, int, int, int]] = [
            (each.decided, each.hour, 0, loan) for loan, each in previous.items() if loan in loans or self.limit is None
        ]
        for loan, rows in loans.items():
            first = min([row.due for row in rows] + [row.paid for row in rows if row.paid is not None])
            steps.append((min(first - 1, previous[loan].decided) if loan in previous else first - 1, 23, 1, loan))
        steps.extend((row.paid, 12, 2, at) for at, row in enumerate(payments) if row.paid is not None)
        steps.sort()
        for day, hour, kind, which in steps:
            if kind == 0:
                yield self._applied(which, previous[which], self.at(day, hour))
            elif kind == 1:
                yield self._opened(which, loans[which], previous.get(which), self.at(day, hour + 0.5))
            else:
                yield self._paid(which, payments[which], self.at(day, hour))
        yield from self._current_applications({row.customer for row in payments})

    def _applied(self, loan: int, previous: _Previous, at: datetime) -> LoanApplied:
        return LoanApplied(
            event_id=f"apply-{loan}",
            tenant=self.tenant,
            customer_id=f"customer-{previous.customer}",
            occurred_at=at,
            application_id=f"application-{loan}",
            product=previous.product,
            amount=previous.credit,
            currency=self.currency,
            term_months=previous.payments,
        )

    def _opened(self, loan: int, rows: list[_Payment], previous: _Previous | None, at: datetime) -> LoanOpened:
        known: dict[int, _Payment] = {}
        paid: Counter[int] = Counter()
        for row in rows:
            known.setdefault(row.number, row)
            paid[row.number] += row.amount
        schedule = []
        for row in sorted(known.values(), key=lambda row: row.number):
            short = 0 < paid[row.number] < row.amount_due
            self.notes["paid short of what was due"] += short
            amount = paid[row.number] if short else row.amount_due
            schedule.append(Instalment(number=row.number, due_on=self.at(row.due, 0).date(), amount=amount))
        return LoanOpened(
            event_id=f"open-{loan}",
            tenant=self.tenant,
            customer_id=f"customer-{rows[0].customer}",
            occurred_at=at,
            loan_id=f"loan-{loan}",
            product="consumer-credit" if previous is None else previous.product,
            principal=sum(line.amount for line in schedule) if previous is None else previous.credit,
            currency=self.currency,
            schedule=schedule,
            application_id=f"application-{loan}",
        )

    def _paid(self, at_row: int, row: _Payment, at: datetime) -> RepaymentReceived:
        return RepaymentReceived(
            event_id=f"pay-{row.loan}-{at_row}",
            tenant=self.tenant,
            customer_id=f"customer-{row.customer}",
            occurred_at=at,
            loan_id=f"loan-{row.loan}",
            amount=row.amount,
            currency=self.currency,
            payment_id=f"pay-{row.loan}-{at_row}",
            instalment_number=row.number,
        )

    def _read_payments(self) -> list[_Payment]:
        found = []
        for row in self._rows(self.path, PAYMENTS):
            if self.limit is not None and self.rows >= self.limit:
                break
            self.rows += 1
            try:
                found.append(_payment(*row))
            except (ValueError, TypeError, OverflowError) as error:
                self.bad[f"payment: {str(error).split(':')[0]}"] += 1
        return found

    def _read_previous(self) -> dict[int, _Previous]:
        found: dict[int, _Previous] = {}
        if self.previous is None:
            self.notes["no previous applications beside it: loans open the day before their first payment"] += 1
            return found
        for loan, customer, contract, credit, payments, decided, hour in self._rows(self.previous, PREVIOUS):
            try:
                # A revolving credit line has no number of payments: a year stands for it.
                term = 12 if payments is None else min(600, max(1, whole(payments)))
                found[whole(loan)] = _Previous(
                    whole(customer),
                    _PRODUCTS.get(str(contract), "consumer-credit"),
                    minor_units(credit),
                    term,
                    _day(decided),
                    whole(hour),
                )
            except (ValueError, TypeError, OverflowError) as error:
                self.bad[f"previous application: {str(error).split(':')[0]}"] += 1
        return found

    def _current_applications(self, wanted: set[int]) -> Iterator[LoanApplied]:
        if self.current is None:
            self.notes["no applications beside it: the truth about defaults is unknown"] += 1
            return
        for customer_id, defaulted, income, credit in self._rows(self.current, CURRENT):
            try:
                customer, bad = whole(customer_id), whole(defaulted)
                declared = Declared(monthly_income=minor_units(number(income) / 12))
                amount = minor_units(credit)
            except (ValueError, TypeError, OverflowError) as error:
                self.bad[f"application: {str(error).split(':')[0]}"] += 1
                continue
            if customer not in wanted:
                continue
            if bad:
                self._defaulted.append(customer)
            yield LoanApplied(
                event_id=f"apply-current-{customer}",
                tenant=self.tenant,
                customer_id=f"customer-{customer}",
                occurred_at=self.at(0, 9),
                application_id=f"application-current-{customer}",
                product="cash-instalments",
                amount=amount,
                currency=self.currency,
                term_months=12,
                declared=declared,
            )

    @staticmethod
    def _rows(path: Path, form: Form) -> Iterator[tuple[Any, ...]]:
        for batch in batches(path, form.columns):
            yield from zip(*(batch[name] for name in form.columns), strict=True)


def _payment(loan: Any, customer: Any, number_: Any, due: Any, paid: Any, amount_due: Any, amount: Any) -> _Payment:
    return _Payment(
        whole(loan),
        whole(customer),
        _between(whole(number_), 1, 600),
        _day(due),
        None if paid is None else _day(paid),
        minor_units(amount_due),
        0 if amount is None else minor_units(amount),
    )


def _day(value: Any) -> int:
    return _between(whole(value), -9000, 0)


def _between(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"out of range {low} to {high}: {value}")
    return value

"""What happens to a loan once it is disbursed, as its institution publishes it: see `riskwatch.streams.events`."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta

from riskwatch.streams.eventparts import (
    Channel,
    Charge,
    Currency,
    Event,
    Id,
    Instalment,
    Money,
    Number,
    Product,
    Text,
)


class LoanOpened(Event, frozen=True, kw_only=True, tag=True):
    """A loan was disbursed, with its repayment schedule."""

    loan_id: Id
    product: Product
    principal: Money
    currency: Currency
    schedule: Annotated[list[Instalment], Meta(min_length=1, max_length=600)]
    application_id: Id | None = None
    annual_rate: Annotated[float, Meta(ge=0, le=10)] | None = None
    merchant_id: Id | None = None


class InstalmentDue(Event, frozen=True, kw_only=True, tag=True):
    """An instalment fell due, for institutions that publish due dates instead of schedules."""

    loan_id: Id
    number: Number
    due_on: date
    amount: Money
    currency: Currency


class RepaymentReceived(Event, frozen=True, kw_only=True, tag=True):
    """A repayment arrived. Without `instalment_number` it is allocated to the oldest unpaid instalment. `value_on`: the
    day from which it counts, where that is not the day of `occurred_at`."""

    loan_id: Id
    amount: Money
    currency: Currency
    payment_id: Id | None = None
    instalment_number: Number | None = None
    channel: Channel | None = None
    value_on: date | None = None


class RepaymentReversed(Event, frozen=True, kw_only=True, tag=True):
    """An earlier repayment bounced or was charged back. `payment_id` is that repayment's, else its `event_id`."""

    loan_id: Id
    amount: Money
    currency: Currency
    payment_id: Id
    reason: Text | None = None


class PromiseMade(Event, frozen=True, kw_only=True, tag=True):
    """A customer promised to pay."""

    loan_id: Id
    amount: Money
    currency: Currency
    pay_by: date


class ChargeMade(Event, frozen=True, kw_only=True, tag=True):
    """A fee or a penalty was charged on a loan; it is owed from then on."""

    loan_id: Id
    charge: Charge
    amount: Money
    currency: Currency


class ChargeWaived(Event, frozen=True, kw_only=True, tag=True):
    """Fees or penalties of a loan were waived, up to what of them is still owed."""

    loan_id: Id
    charge: Charge
    amount: Money
    currency: Currency


class LoanRescheduled(Event, frozen=True, kw_only=True, tag=True):
    """A loan got a new schedule: it takes the place of all instalments that were not paid in full. `restructured`: the
    customer could not have paid the old one."""

    loan_id: Id
    currency: Currency
    schedule: Annotated[list[Instalment], Meta(min_length=1, max_length=600)]
    restructured: bool = False


class PaymentHolidayGranted(Event, frozen=True, kw_only=True, tag=True):
    """A customer need not pay from `starts_on` to `ends_on`, both included. Due dates stay unless a `LoanRescheduled`
    moves them; days of the holiday count as past due, and not as delinquent."""

    loan_id: Id
    starts_on: date
    ends_on: date


class SettlementAgreed(Event, frozen=True, kw_only=True, tag=True):
    """A loan is settled early once `amount` has been paid by the end of `pay_by`; the rest of it is then waived. Else
    the agreement lapses."""

    loan_id: Id
    amount: Money
    currency: Currency
    pay_by: date


class LoanWrittenOff(Event, frozen=True, kw_only=True, tag=True):
    """A loan was written off. It is owed all the same: what is paid later is a recovery."""

    loan_id: Id


class LoanSold(Event, frozen=True, kw_only=True, tag=True):
    """A loan was sold: the institution's no more."""

    loan_id: Id
    buyer: Text | None = None

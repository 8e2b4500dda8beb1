"""The events that upstream systems publish: one frozen struct for each, and the type is the wire contract.

On the wire an event is a JSON object whose `type` names the struct. Names are past tense: an event is a fact. Money is
an integer in minor units (cents, fen) beside an ISO 4217 currency; every time carries its zone; unknown fields are
ignored; a new field has a default. Personal identifiers arrive in clear and are replaced by keyed hashes at ingest,
before the journal.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Id = Annotated[str, Meta(min_length=1, max_length=128, description="an opaque identifier, at most 128 characters")]
Tenant = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z", description="the institution: lower-case letters, digits and hyphens"),
]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339 instant with a time zone")]
Money = Annotated[int, Meta(ge=0, le=2**53 - 1, description="integer minor units of `currency` (cents, fen)")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217 code")]
Share = Annotated[float, Meta(ge=0, le=1, description="a share between 0 and 1")]
Seconds = Annotated[float, Meta(ge=0, le=1e7, description="seconds")]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Text = Annotated[str, Meta(max_length=512)]
Sketch = Annotated[bytes, Meta(max_length=512)]

Product = Literal["shopping-instalments", "cash-instalments", "consumer-credit"]
Channel = Literal["app", "web", "wechat", "phone", "branch", "api"]
Employment = Literal["employed", "self-employed", "unemployed", "student", "retired", "other"]
ContactChannel = Literal["push", "sms", "phone", "field-visit", "legal", "email"]
ContactOutcome = Literal[
    "delivered",
    "undelivered",
    "no-answer",
    "wrong-number",
    "invalid-number",
    "reached-customer",
    "reached-third-party",
    "refused",
    "promised",
    "disputed",
    "hardship",
]


class Geo(Struct, frozen=True, kw_only=True):
    """Where something happened, WGS 84 degrees."""

    latitude: Latitude
    longitude: Longitude


class Session(Struct, frozen=True, kw_only=True):
    """How a session was operated, as the app's own instrumentation saw it."""

    seconds: Seconds | None = None
    paste_share: Share | None = None
    corrections: Count | None = None


class Identifiers(Struct, frozen=True, kw_only=True):
    """What names a person. Hashed with the institution's key at ingest and never stored or logged in clear."""

    id_number: Id | None = None
    phone: Id | None = None
    bank_card: Id | None = None
    email: Text | None = None
    name: Text | None = None
    address: Text | None = None


class Sketches(Struct, frozen=True, kw_only=True):
    """Made at ingest; what a publisher sends here is dropped.

    Keyed sketches of a name and an address, by which spellings can be compared without being known."""

    name: Sketch | None = None
    address: Sketch | None = None


class Checks(Struct, frozen=True, kw_only=True):
    """Made at ingest; what a publisher sends here is dropped.

    Whether identifiers can be right, by their numbering plans and check digits; null where nothing can tell.
    `birth_date_agrees`: the declared birth date is the id number's."""

    phone_valid: bool | None = None
    id_number_valid: bool | None = None
    bank_card_valid: bool | None = None
    email_valid: bool | None = None
    birth_date_agrees: bool | None = None


class Declared(Struct, frozen=True, kw_only=True):
    """What the applicant declares."""

    monthly_income: Money | None = None
    employment: Employment | None = None
    employed_months: Count | None = None
    monthly_debt_service: Money | None = None
    dependants: Annotated[int, Meta(ge=0, le=50)] | None = None
    region: Text | None = None
    birth_date: date | None = None


class Bureau(Struct, frozen=True, kw_only=True):
    """What a credit bureau reports."""

    score: Annotated[float, Meta(ge=0, le=1000)] | None = None
    open_loans: Count | None = None
    outstanding: Money | None = None
    max_dpd_12m: Count | None = None
    inquiries_90d: Count | None = None
    oldest_loan_months: Count | None = None


class Instalment(Struct, frozen=True, kw_only=True):
    """One line of a repayment schedule."""

    number: Annotated[int, Meta(ge=1, le=600)]
    due_on: date
    amount: Money


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every event carries. `event_id` is unique within the tenant: publishers repeat it when they retry."""

    event_id: Id
    tenant: Tenant
    customer_id: Id
    occurred_at: Instant


class LoanApplied(Event, frozen=True, kw_only=True, tag=True):
    """A customer applied for a loan."""

    application_id: Id
    product: Product
    amount: Money
    currency: Currency
    term_months: Annotated[int, Meta(ge=1, le=600)]
    merchant_id: Id | None = None
    device_id: Id | None = None
    ip: Text | None = None
    geo: Geo | None = None
    channel: Channel | None = None
    session: Session | None = None
    identifiers: Identifiers | None = None
    declared: Declared | None = None
    bureau: Bureau | None = None
    sketches: Sketches | None = None
    checks: Checks | None = None


class LoginSucceeded(Event, frozen=True, kw_only=True, tag=True):
    """A login succeeded."""

    channel: Channel | None = None
    device_id: Id | None = None
    ip: Text | None = None
    geo: Geo | None = None
    session: Session | None = None


class LoginFailed(Event, frozen=True, kw_only=True, tag=True):
    """A login failed."""

    channel: Channel | None = None
    device_id: Id | None = None
    ip: Text | None = None
    geo: Geo | None = None
    session: Session | None = None
    reason: Text | None = None


class DeviceSeen(Event, frozen=True, kw_only=True, tag=True):
    """The customer's app reported the device that it runs on."""

    device_id: Id
    emulator: bool = False
    rooted: bool = False
    proxy: bool = False
    ip: Text | None = None
    geo: Geo | None = None


class DeviceChanged(Event, frozen=True, kw_only=True, tag=True):
    """Something about the customer's device changed: another device, another SIM."""

    device_id: Id
    previous_device_id: Id | None = None
    sim_changed: bool = False
    emulator: bool = False
    rooted: bool = False
    proxy: bool = False
    ip: Text | None = None
    geo: Geo | None = None


class PurchaseMade(Event, frozen=True, kw_only=True, tag=True):
    """A customer paid at a merchant or terminal."""

    amount: Money
    currency: Currency
    merchant_id: Id | None = None
    terminal_id: Id | None = None
    merchant_category: Text | None = None
    channel: Channel | None = None
    device_id: Id | None = None
    ip: Text | None = None
    geo: Geo | None = None


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
    number: Annotated[int, Meta(ge=1, le=600)]
    due_on: date
    amount: Money
    currency: Currency


class RepaymentReceived(Event, frozen=True, kw_only=True, tag=True):
    """A repayment arrived. Without `instalment_number` it is allocated to the oldest unpaid instalment."""

    loan_id: Id
    amount: Money
    currency: Currency
    payment_id: Id | None = None
    instalment_number: Annotated[int, Meta(ge=1, le=600)] | None = None
    channel: Channel | None = None


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


class ContactMade(Event, frozen=True, kw_only=True, tag=True):
    """A collections contact and what came of it."""

    channel: ContactChannel
    outcome: ContactOutcome
    loan_id: Id | None = None
    action_id: Id | None = None


class FraudConfirmed(Event, frozen=True, kw_only=True, tag=True):
    """A fraud was confirmed. `subject_event_id` names the event (a purchase, an application) that was fraudulent.

    `identifiers`, `device_id`, `ip`, `merchant_id` and `terminal_id`: what the fraud used. An application that is known
    adds its own.
    """

    case_id: Id
    typology: Text
    subject_event_id: Id | None = None
    loss: Money | None = None
    currency: Currency | None = None
    device_id: Id | None = None
    ip: Text | None = None
    merchant_id: Id | None = None
    terminal_id: Id | None = None
    identifiers: Identifiers | None = None
    sketches: Sketches | None = None


class FraudCleared(Event, frozen=True, kw_only=True, tag=True):
    """A suspicion or an earlier confirmation was cleared."""

    case_id: Id
    subject_event_id: Id | None = None


AnyEvent = (
    LoanApplied
    | LoginSucceeded
    | LoginFailed
    | DeviceSeen
    | DeviceChanged
    | PurchaseMade
    | LoanOpened
    | InstalmentDue
    | RepaymentReceived
    | RepaymentReversed
    | PromiseMade
    | ContactMade
    | FraudConfirmed
    | FraudCleared
)

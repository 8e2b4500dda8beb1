"""What events are made of: identifiers, money, instants, words, and the structs within them."""

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
Number = Annotated[int, Meta(ge=1, le=600)]
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
ConsentChannel = Literal["push", "sms", "phone", "field-visit", "legal", "email", "all"]
Charge = Literal["fee", "penalty"]
Concern = Literal["dispute", "hardship"]
ContactDetail = Literal["phone", "email", "address", "employer", "bank-card", "emergency-contact"]


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
    """One line of a repayment schedule. `principal` and `interest` are parts of `amount`; what neither names is
    principal where `interest` is given, interest where `principal` is, and principal where both are absent."""

    number: Number
    due_on: date
    amount: Money
    principal: Money | None = None
    interest: Money | None = None


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every event carries. `event_id` is unique within the tenant: publishers repeat it when they retry."""

    event_id: Id
    tenant: Tenant
    customer_id: Id
    occurred_at: Instant

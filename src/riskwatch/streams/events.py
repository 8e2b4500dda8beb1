"""The events that upstream systems publish: one frozen struct for each, and the type is the wire contract.

On the wire an event is a JSON object whose `type` names the struct. Names are past tense: an event is a fact. Money is
an integer in minor units (cents, fen) beside an ISO 4217 currency; every time carries its zone; unknown fields are
ignored; a new field has a default. Personal identifiers arrive in clear and are replaced by keyed hashes at ingest,
before the journal.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from riskwatch.streams.eventparts import (
    Bureau,
    Channel,
    Charge,
    Checks,
    Concern,
    ConsentChannel,
    ContactChannel,
    ContactDetail,
    ContactOutcome,
    Count,
    Currency,
    Declared,
    Employment,
    Event,
    Geo,
    Id,
    Identifiers,
    Instalment,
    Instant,
    Latitude,
    Longitude,
    Money,
    Number,
    Product,
    Seconds,
    Session,
    Share,
    Sketch,
    Sketches,
    Tenant,
    Text,
)
from riskwatch.streams.loanevents import (
    ChargeMade,
    ChargeWaived,
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

__all__ = [
    "AnyEvent",
    "Bureau",
    "Channel",
    "Charge",
    "ChargeMade",
    "ChargeWaived",
    "Checks",
    "Concern",
    "ConcernRaised",
    "ConcernResolved",
    "ConsentChanged",
    "ConsentChannel",
    "ContactChannel",
    "ContactDetail",
    "ContactDetailsChanged",
    "ContactMade",
    "ContactOutcome",
    "Count",
    "Currency",
    "Declared",
    "DeviceChanged",
    "DeviceSeen",
    "Employment",
    "Event",
    "FraudCleared",
    "FraudConfirmed",
    "Geo",
    "Id",
    "Identifiers",
    "Instalment",
    "InstalmentDue",
    "Instant",
    "Latitude",
    "LoanApplied",
    "LoanOpened",
    "LoanRescheduled",
    "LoanSold",
    "LoanWrittenOff",
    "LoginFailed",
    "LoginSucceeded",
    "Longitude",
    "Money",
    "Number",
    "PaymentHolidayGranted",
    "Product",
    "PromiseMade",
    "PurchaseMade",
    "RepaymentReceived",
    "RepaymentReversed",
    "Seconds",
    "Session",
    "SettlementAgreed",
    "Share",
    "Sketch",
    "Sketches",
    "Tenant",
    "Text",
]


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


class ContactMade(Event, frozen=True, kw_only=True, tag=True):
    """A collections contact and what came of it."""

    channel: ContactChannel
    outcome: ContactOutcome
    loan_id: Id | None = None
    action_id: Id | None = None


class ConsentChanged(Event, frozen=True, kw_only=True, tag=True):
    """A customer consented to be contacted through a channel (`given`), or opted out. Of `channel` "all": asked not to
    be contacted at all, or has a lawyer (`given` false), or takes that back."""

    channel: ConsentChannel
    given: bool


class ConcernRaised(Event, frozen=True, kw_only=True, tag=True):
    """A customer disputes a debt or is in hardship. Without `loan_id` it concerns every loan."""

    concern: Concern
    loan_id: Id | None = None


class ConcernResolved(Event, frozen=True, kw_only=True, tag=True):
    """A dispute is settled, a hardship is over. Without `loan_id` it concerns every loan."""

    concern: Concern
    loan_id: Id | None = None


class ContactDetailsChanged(Event, frozen=True, kw_only=True, tag=True):
    """A customer changed how to be reached or paid. It says what, and never the detail itself."""

    details: Annotated[list[ContactDetail], Meta(min_length=1, max_length=6)]
    channel: Channel | None = None
    device_id: Id | None = None


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
    | ChargeMade
    | ChargeWaived
    | LoanRescheduled
    | PaymentHolidayGranted
    | SettlementAgreed
    | LoanWrittenOff
    | LoanSold
    | ContactMade
    | ConsentChanged
    | ConcernRaised
    | ConcernResolved
    | ContactDetailsChanged
    | FraudConfirmed
    | FraudCleared
)

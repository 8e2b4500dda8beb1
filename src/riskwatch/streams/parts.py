"""What each event type contributes to an entry's header: one function for each, positional tuples for speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from riskwatch.streams import events
from riskwatch.streams.entry import Flag, Kind
from riskwatch.streams.events import Event

NAN = float("nan")
_EMULATOR = Flag.EMULATOR.value
_ROOTED = Flag.ROOTED.value
_PROXY = Flag.PROXY.value
_SIM_CHANGED = Flag.SIM_CHANGED.value

KIND_OF: Mapping[type[Event], Kind] = {
    events.LoanApplied: Kind.LOAN_APPLIED,
    events.LoginSucceeded: Kind.LOGIN_SUCCEEDED,
    events.LoginFailed: Kind.LOGIN_FAILED,
    events.DeviceSeen: Kind.DEVICE_SEEN,
    events.DeviceChanged: Kind.DEVICE_CHANGED,
    events.PurchaseMade: Kind.PURCHASE_MADE,
    events.LoanOpened: Kind.LOAN_OPENED,
    events.InstalmentDue: Kind.INSTALMENT_DUE,
    events.RepaymentReceived: Kind.REPAYMENT_RECEIVED,
    events.RepaymentReversed: Kind.REPAYMENT_REVERSED,
    events.PromiseMade: Kind.PROMISE_MADE,
    events.ContactMade: Kind.CONTACT_MADE,
    events.FraudConfirmed: Kind.FRAUD_CONFIRMED,
    events.FraudCleared: Kind.FRAUD_CLEARED,
    events.ChargeMade: Kind.CHARGE_MADE,
    events.ChargeWaived: Kind.CHARGE_WAIVED,
    events.LoanRescheduled: Kind.LOAN_RESCHEDULED,
    events.PaymentHolidayGranted: Kind.PAYMENT_HOLIDAY_GRANTED,
    events.SettlementAgreed: Kind.SETTLEMENT_AGREED,
    events.LoanWrittenOff: Kind.LOAN_WRITTEN_OFF,
    events.LoanSold: Kind.LOAN_SOLD,
    events.ConsentChanged: Kind.CONSENT_CHANGED,
    events.ConcernRaised: Kind.CONCERN_RAISED,
    events.ConcernResolved: Kind.CONCERN_RESOLVED,
    events.ContactDetailsChanged: Kind.CONTACT_DETAILS_CHANGED,
}


def _positions(literal: object) -> dict[str | None, int]:
    """Each value of a Literal → its 1-based position; None → 0."""
    return {None: 0, **{value: position for position, value in enumerate(get_args(literal), 1)}}


CHANNELS = _positions(events.Channel)
PRODUCTS = _positions(events.Product)
CONTACT_CHANNELS = _positions(events.ContactChannel)
CONTACT_OUTCOMES = _positions(events.ContactOutcome)


# What an event type contributes: subject, device, ip, counterparty (texts or None), amount, income, position, session
# seconds, paste share, term, what the bureau reports, flags, channel, product, outcome. Positional, for speed.
Parts = tuple[
    str | None, str | None, str | None, str | None,
    float, float, "events.Geo | None", float, float, float, "events.Bureau | None", int, int, int, int,
]  # fmt: skip


def _number(value: float | None) -> float:
    return NAN if value is None else value


def _loan_applied(e: events.LoanApplied) -> Parts:
    session, declared = e.session, e.declared
    return (
        e.application_id, e.device_id, e.ip, e.merchant_id,
        e.amount, NAN if declared is None else _number(declared.monthly_income), e.geo,
        NAN if session is None else _number(session.seconds), NAN if session is None else _number(session.paste_share),
        e.term_months, e.bureau, 0, CHANNELS[e.channel], PRODUCTS[e.product], 0,
    )  # fmt: skip


def _login(e: events.LoginSucceeded | events.LoginFailed) -> Parts:
    session = e.session
    if session is None:
        return None, e.device_id, e.ip, None, NAN, NAN, e.geo, NAN, NAN, NAN, None, 0, CHANNELS[e.channel], 0, 0
    return (
        None, e.device_id, e.ip, None, NAN, NAN, e.geo, _number(session.seconds), _number(session.paste_share),
        NAN, None, 0, CHANNELS[e.channel], 0, 0,
    )  # fmt: skip


def _device_flags(e: events.DeviceSeen | events.DeviceChanged) -> int:
    return (_EMULATOR if e.emulator else 0) | (_ROOTED if e.rooted else 0) | (_PROXY if e.proxy else 0)


def _device_seen(e: events.DeviceSeen) -> Parts:
    return None, e.device_id, e.ip, None, NAN, NAN, e.geo, NAN, NAN, NAN, None, _device_flags(e), 0, 0, 0


def _device_changed(e: events.DeviceChanged) -> Parts:
    flags = _device_flags(e) | (_SIM_CHANGED if e.sim_changed else 0)
    return None, e.device_id, e.ip, None, NAN, NAN, e.geo, NAN, NAN, NAN, None, flags, 0, 0, 0


def _purchase(e: events.PurchaseMade) -> Parts:
    counterparty = e.merchant_id if e.terminal_id is None else e.terminal_id
    return (
        None, e.device_id, e.ip, counterparty, e.amount, NAN, e.geo, NAN, NAN, NAN, None, 0, CHANNELS[e.channel], 0, 0,
    )  # fmt: skip


def _loan_opened(e: events.LoanOpened) -> Parts:
    term, product = len(e.schedule), PRODUCTS[e.product]
    return e.loan_id, None, None, e.merchant_id, e.principal, NAN, None, NAN, NAN, term, None, 0, 0, product, 0


_Amounted = (
    events.InstalmentDue
    | events.RepaymentReversed
    | events.PromiseMade
    | events.ChargeMade
    | events.ChargeWaived
    | events.SettlementAgreed
)
_AboutLoan = (
    events.PaymentHolidayGranted
    | events.LoanWrittenOff
    | events.LoanSold
    | events.ConcernRaised
    | events.ConcernResolved
)


def _repayment(e: _Amounted) -> Parts:
    return e.loan_id, None, None, None, e.amount, NAN, None, NAN, NAN, NAN, None, 0, 0, 0, 0


def _repayment_received(e: events.RepaymentReceived) -> Parts:
    return e.loan_id, None, None, None, e.amount, NAN, None, NAN, NAN, NAN, None, 0, CHANNELS[e.channel], 0, 0


def _contact(e: events.ContactMade) -> Parts:
    channel, outcome = CONTACT_CHANNELS[e.channel], CONTACT_OUTCOMES[e.outcome]
    return e.loan_id, None, None, None, NAN, NAN, None, NAN, NAN, NAN, None, 0, channel, 0, outcome


def _rescheduled(e: events.LoanRescheduled) -> Parts:
    amount, term = sum(each.amount for each in e.schedule), len(e.schedule)
    return e.loan_id, None, None, None, amount, NAN, None, NAN, NAN, term, None, 0, 0, 0, 0


def _about_loan(e: _AboutLoan) -> Parts:
    return e.loan_id, None, None, None, NAN, NAN, None, NAN, NAN, NAN, None, 0, 0, 0, 0


def _consent(e: events.ConsentChanged) -> Parts:
    return None, None, None, None, NAN, NAN, None, NAN, NAN, NAN, None, 0, 0, 0, 0


def _details(e: events.ContactDetailsChanged) -> Parts:
    return None, e.device_id, None, None, NAN, NAN, None, NAN, NAN, NAN, None, 0, CHANNELS[e.channel], 0, 0


def _fraud_confirmed(e: events.FraudConfirmed) -> Parts:
    return e.subject_event_id, None, None, None, _number(e.loss), NAN, None, NAN, NAN, NAN, None, 0, 0, 0, 0


def _fraud_cleared(e: events.FraudCleared) -> Parts:
    return e.subject_event_id, None, None, None, NAN, NAN, None, NAN, NAN, NAN, None, 0, 0, 0, 0


_PARTS: dict[type[Event], Callable[[Any], Parts]] = {
    events.LoanApplied: _loan_applied,
    events.LoginSucceeded: _login,
    events.LoginFailed: _login,
    events.DeviceSeen: _device_seen,
    events.DeviceChanged: _device_changed,
    events.PurchaseMade: _purchase,
    events.LoanOpened: _loan_opened,
    events.InstalmentDue: _repayment,
    events.RepaymentReceived: _repayment_received,
    events.RepaymentReversed: _repayment,
    events.PromiseMade: _repayment,
    events.ContactMade: _contact,
    events.FraudConfirmed: _fraud_confirmed,
    events.FraudCleared: _fraud_cleared,
    events.ChargeMade: _repayment,
    events.ChargeWaived: _repayment,
    events.LoanRescheduled: _rescheduled,
    events.PaymentHolidayGranted: _about_loan,
    events.SettlementAgreed: _repayment,
    events.LoanWrittenOff: _about_loan,
    events.LoanSold: _about_loan,
    events.ConsentChanged: _consent,
    events.ConcernRaised: _about_loan,
    events.ConcernResolved: _about_loan,
    events.ContactDetailsChanged: _details,
}
KIND_AND_PARTS: Mapping[type[Event], tuple[int, Callable[[Any], Parts]]] = {
    event_type: (KIND_OF[event_type].value, parts) for event_type, parts in _PARTS.items()
}
"""Event type → its kind, and what reads its parts."""

"""One event of each type, as a publisher may send it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import msgspec

from riskwatch.streams.events import (
    AnyEvent,
    Bureau,
    ChargeMade,
    ChargeWaived,
    ConcernRaised,
    ConcernResolved,
    ConsentChanged,
    ContactDetailsChanged,
    ContactMade,
    Declared,
    DeviceChanged,
    DeviceSeen,
    Event,
    FraudCleared,
    FraudConfirmed,
    Geo,
    Identifiers,
    Instalment,
    InstalmentDue,
    LoanApplied,
    LoanOpened,
    LoanRescheduled,
    LoanSold,
    LoanWrittenOff,
    LoginFailed,
    LoginSucceeded,
    PaymentHolidayGranted,
    PromiseMade,
    PurchaseMade,
    RepaymentReceived,
    RepaymentReversed,
    Session,
    SettlementAgreed,
)

_AT = datetime(2026, 3, 14, 9, 26, 53, 589_000, tzinfo=timezone(timedelta(hours=8)))
_SHANGHAI = Geo(latitude=31.2304, longitude=121.4737)


def _example(event_type: type[Event], **fields: object) -> AnyEvent:
    common = {"tenant": "sunrise", "customer_id": "C-10442", "occurred_at": _AT}
    values = {"type": event_type.__name__, **common, **fields}
    event: AnyEvent = msgspec.convert(values, AnyEvent, from_attributes=True)
    return event


EXAMPLES: tuple[AnyEvent, ...] = (
    _example(
        LoanApplied,
        event_id="e-0001",
        application_id="A-7781",
        product="shopping-instalments",
        amount=459_900,
        currency="CNY",
        term_months=12,
        merchant_id="M-204",
        device_id="D-5c1f",
        ip="203.0.113.7",
        geo=_SHANGHAI,
        channel="app",
        session=Session(seconds=184.5, paste_share=0.1, corrections=3),
        identifiers=Identifiers(phone="+86 138 0013 8000", email="li.na@example.com", name="李娜"),
        declared=Declared(monthly_income=1_250_000, employment="employed", employed_months=31, region="Shanghai"),
        bureau=Bureau(score=688, open_loans=2, outstanding=1_830_000, inquiries_90d=1),
    ),
    _example(
        LoginSucceeded,
        event_id="e-0002",
        channel="app",
        device_id="D-5c1f",
        ip="203.0.113.7",
        geo=_SHANGHAI,
        session=Session(seconds=12.25),
    ),
    _example(LoginFailed, event_id="e-0003", channel="web", ip="198.51.100.23", reason="wrong password"),
    _example(DeviceSeen, event_id="e-0004", device_id="D-5c1f", rooted=True, ip="203.0.113.7"),
    _example(DeviceChanged, event_id="e-0005", device_id="D-9a02", previous_device_id="D-5c1f", sim_changed=True),
    _example(
        PurchaseMade,
        event_id="e-0006",
        amount=12_850,
        currency="CNY",
        merchant_id="M-204",
        terminal_id="T-31",
        merchant_category="5732",
        channel="wechat",
        device_id="D-5c1f",
    ),
    _example(
        LoanOpened,
        event_id="e-0007",
        loan_id="L-3310",
        product="shopping-instalments",
        principal=459_900,
        currency="CNY",
        schedule=[
            Instalment(number=1, due_on=date(2026, 4, 14), amount=155_400),
            Instalment(number=2, due_on=date(2026, 5, 14), amount=155_400),
            Instalment(number=3, due_on=date(2026, 6, 14), amount=155_400),
        ],
        application_id="A-7781",
        annual_rate=0.078,
    ),
    _example(
        InstalmentDue,
        event_id="e-0008",
        loan_id="L-3310",
        number=1,
        due_on=date(2026, 4, 14),
        amount=155_400,
        currency="CNY",
    ),
    _example(
        RepaymentReceived,
        event_id="e-0009",
        loan_id="L-3310",
        amount=155_400,
        currency="CNY",
        payment_id="P-88",
        instalment_number=1,
    ),
    _example(
        RepaymentReversed,
        event_id="e-0010",
        loan_id="L-3310",
        amount=155_400,
        currency="CNY",
        payment_id="P-88",
        reason="insufficient funds",
    ),
    _example(
        PromiseMade, event_id="e-0011", loan_id="L-3310", amount=155_400, currency="CNY", pay_by=date(2026, 4, 24)
    ),
    _example(ChargeMade, event_id="e-0015", loan_id="L-3310", charge="penalty", amount=1_500, currency="CNY"),
    _example(ChargeWaived, event_id="e-0016", loan_id="L-3310", charge="penalty", amount=1_500, currency="CNY"),
    _example(
        LoanRescheduled,
        event_id="e-0017",
        loan_id="L-3310",
        currency="CNY",
        schedule=[
            Instalment(number=4, due_on=date(2026, 6, 14), amount=160_000, principal=155_400, interest=4_600),
            Instalment(number=5, due_on=date(2026, 7, 14), amount=160_000, principal=155_400, interest=4_600),
        ],
        restructured=True,
    ),
    _example(
        PaymentHolidayGranted,
        event_id="e-0018",
        loan_id="L-3310",
        starts_on=date(2026, 4, 20),
        ends_on=date(2026, 5, 19),
    ),
    _example(
        SettlementAgreed, event_id="e-0019", loan_id="L-3310", amount=280_000, currency="CNY", pay_by=date(2026, 6, 30)
    ),
    _example(LoanWrittenOff, event_id="e-0020", loan_id="L-3310"),
    _example(LoanSold, event_id="e-0021", loan_id="L-3310", buyer="Meridian Recoveries"),
    _example(ContactMade, event_id="e-0012", channel="phone", outcome="promised", loan_id="L-3310"),
    _example(ConsentChanged, event_id="e-0022", channel="sms", given=True),
    _example(ConcernRaised, event_id="e-0023", concern="hardship", loan_id="L-3310"),
    _example(ConcernResolved, event_id="e-0024", concern="hardship", loan_id="L-3310"),
    _example(ContactDetailsChanged, event_id="e-0025", details=["phone", "address"], channel="app"),
    _example(
        FraudConfirmed,
        event_id="e-0013",
        case_id="F-17",
        typology="account takeover",
        subject_event_id="e-0006",
        loss=12_850,
        currency="CNY",
    ),
    _example(FraudCleared, event_id="e-0014", case_id="F-17", subject_event_id="e-0006"),
)
"""One event of each type."""

"""What the lives of loans have in common: how one begins and is paid, how a lender chases and gives up."""

from __future__ import annotations

from collections.abc import Sequence

from riskwatch.lab.passbook import Owing, Passbook
from riskwatch.lab.people import HOUR, MINUTE
from riskwatch.streams.events import (
    Bureau,
    ConsentChanged,
    ContactDetailsChanged,
    ContactMade,
    ContactOutcome,
    Declared,
    DeviceChanged,
    DeviceSeen,
    LoanApplied,
    LoanOpened,
    LoanSold,
    LoanWrittenOff,
    LoginFailed,
    LoginSucceeded,
    PromiseMade,
    PurchaseMade,
    Session,
    SettlementAgreed,
)

WRITE_OFF_DAYS = (181, 215)
"""Days past due at which a lender writes a loan off."""
RECOVERED_SHARE = 0.45
"""Of the loans written off, those of which something is paid later."""
CALLS: dict[ContactOutcome, int] = {
    "no-answer": 45,
    "reached-customer": 22,
    "promised": 10,
    "refused": 8,
    "reached-third-party": 7,
    "wrong-number": 4,
    "invalid-number": 4,
}
MOST_CALLS = 5
DETAILS = (("phone",), ("email", "phone"), ("address",), ("bank-card",), ("employer",))


def begin(book: Passbook) -> str | None:
    """Application, consents, disbursal and the purchase that it pays for. Returns the application's event id."""
    random, contract, person = book.random, book.contract, book.borrower
    day = book.opened_day
    applied = None
    application_id = f"app-{contract.loan_id}" if random.random() < 0.85 else None
    if application_id is not None:
        applied = book.write(
            LoanApplied,
            book.at(day - 1),
            application_id=application_id,
            product=contract.product,
            amount=contract.principal,
            currency=person.lender.currency,
            term_months=max(1, round((book.owing[-1].day - day) / 30)),
            merchant_id=contract.merchant_id,
            device_id=person.device_id,
            ip=person.ip,
            channel="app",
            session=Session(seconds=round(random.lognormvariate(5.6, 0.3), 1), paste_share=0.05),
            declared=Declared(
                monthly_income=person.income,
                employment=person.employment,
                employed_months=6 + person.born.day * 4,
                monthly_debt_service=person.income // 10,
                birth_date=person.born,
            ),
            bureau=Bureau(score=person.bureau_score, open_loans=1, inquiries_90d=1, max_dpd_12m=0),
        )
    opened = book.at(day)
    book.on_loan(
        LoanOpened,
        opened,
        late_ms=int(random.uniform(1, 48) * HOUR) if random.random() < 0.005 else 0,
        product=contract.product,
        principal=contract.principal,
        schedule=list(contract.schedule),
        application_id=application_id,
        annual_rate=contract.rate_bp / 10_000,
        merchant_id=contract.merchant_id,
    )
    if person.sms:
        book.write(ConsentChanged, opened + 2 * MINUTE, channel="sms", given=True)
    if random.random() < 0.25:
        book.write(ConsentChanged, opened + 3 * MINUTE, channel="email", given=True)
    if contract.merchant_id is not None and random.random() < 0.5:
        book.write(
            PurchaseMade,
            opened + 10 * MINUTE,
            amount=contract.principal,
            currency=person.lender.currency,
            merchant_id=contract.merchant_id,
            channel="app",
            device_id=person.device_id,
        )
    return None if applied is None else applied.event_id


def stir(book: Passbook, until_day: int) -> None:
    """Now and then the customer logs in, changes the phone, an address, a consent."""
    random, device = book.random, book.borrower.device_id
    day = book.opened_day + random.randrange(5, 60)
    while day < until_day:
        if random.random() < 0.06:
            book.write(LoginFailed, book.at(day, 8.9), channel="app", device_id=device, reason="wrong password")
        book.write(LoginSucceeded, book.at(day), channel="app", device_id=device, ip=book.borrower.ip)
        if random.random() < 0.15:
            book.write(DeviceSeen, book.at(day), device_id=device)
        if random.random() < 0.01:
            former, device = device, f"{device}-new"
            book.write(DeviceChanged, book.at(day, 8.0), device_id=device, previous_device_id=former)
        if random.random() < 0.02:
            book.write(ContactDetailsChanged, book.at(day), details=list(random.choice(DETAILS)), channel="app")
        if random.random() < 0.01:
            book.write(ConsentChanged, book.at(day), channel="sms", given=False)
        day += random.randrange(25, 110)


def pay_promptly(book: Passbook, lines: Sequence[Owing]) -> None:
    """Each instalment up to three days early or on its day, with what was charged before."""
    for each in lines:
        book.falls_due(each)
        if each.left:
            names = each.number if book.random.random() < 0.3 else None
            book.pay(each.day - book.random.choice((0, 0, 0, 1, 2, 3)), each.left + book.charged, names=names)


def miss(book: Passbook, first: int, until_day: int) -> int:
    """Instalments from the `first` (a place) on fall due until a day and are not paid; charges come of it. Returns the
    day on which the first fell due."""
    began = book.owing[first].day
    for each in book.owing[first:]:
        if each.day <= until_day:
            book.falls_due(each)
    for days in (4, 34, 64):
        if began + days < until_day and book.random.random() < 0.6:
            book.charge(began + days)
    return began


def catch_up(book: Passbook, day: int) -> int:
    """Pays all that is past due. Returns the place of the first instalment that is still to come."""
    book.pay(day, book.arrears(day))
    return next((place for place, each in enumerate(book.owing) if each.day > day), len(book.owing))


def chase(book: Passbook, began: int, until_day: int, *, keeps: bool = False) -> None:
    """The lender's own contacts while a loan is past due. Calls are at least nine days apart. `keeps`: the customer
    promises at last, and pays on `until_day`."""
    if not book.contacts:
        return
    random, loan_id = book.random, book.contract.loan_id
    if began + 2 < until_day:
        channel = "sms" if book.borrower.sms else "push"
        outcome = "delivered" if random.random() < 0.93 else "undelivered"
        book.write(ContactMade, book.at(began + 2), channel=channel, outcome=outcome, loan_id=loan_id)
    day, calls = began + random.randrange(5, 9), 0
    while day < until_day - (12 if keeps else 1) and calls < MOST_CALLS:
        (outcome,) = random.choices(list(CALLS), list(CALLS.values()))
        call(book, day, outcome, day + random.randrange(4, 11))
        day, calls = day + random.randrange(9, 24), calls + 1
    if keeps:
        call(book, max(began + 1, until_day - 3), "promised", until_day + 1)
    elif random.random() < 0.02:
        book.write(ConsentChanged, book.at(until_day, 21.5), channel="all", given=False)


def call(book: Passbook, day: int, outcome: ContactOutcome, pay_by: int) -> None:
    """A call, and the promise to pay what is past due where that came of it."""
    at = book.at(day)
    book.write(ContactMade, at, channel="phone", outcome=outcome, loan_id=book.contract.loan_id)
    if outcome == "promised" and (amount := book.arrears(day)):
        book.on_loan(PromiseMade, at + 2 * MINUTE, amount=amount, pay_by=book.calendar.day(pay_by))


def agree_settlement(book: Passbook, day: int, share: float, days: int) -> int:
    """An agreement to settle for a share of what is owed. Returns its amount."""
    amount = round(book.outstanding() * share)
    book.on_loan(SettlementAgreed, book.at(day), amount=amount, pay_by=book.calendar.day(day + days))
    return amount


def give_up(book: Passbook, began: int) -> None:
    """Writes the loan off; some of it may be recovered, or what is left of it sold."""
    random = book.random
    day = began + random.randrange(*WRITE_OFF_DAYS)
    book.write(LoanWrittenOff, book.at(day, 3.0), loan_id=book.contract.loan_id)
    if random.random() < RECOVERED_SHARE:
        for _ in range(random.randrange(1, 5)):
            day += random.randrange(8, 60)
            book.pay(day, min(book.outstanding(), round(book.owing[0].amount * random.uniform(0.2, 1.5))))
    elif random.random() < 0.2:
        sell(book, day + random.randrange(20, 120))


def sell(book: Passbook, day: int) -> None:
    """The loan is sold."""
    buyer = book.random.choice(("Bridge Receivables", None))
    book.write(LoanSold, book.at(day, 4.0), loan_id=book.contract.loan_id, buyer=buyer)

"""Stories of fraud: an account taken over, a device farm, a synthetic identity."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import structs

from riskwatch.lab.life import Dated, Scribe, situation
from riskwatch.lab.loans import application
from riskwatch.lab.people import DAY, HOUR, MINUTE, Calendar, Customer, Phase, address, device_name, near
from riskwatch.lab.plot import Life, Plot, in_order, some_day
from riskwatch.streams.events import (
    Bureau,
    DeviceChanged,
    DeviceSeen,
    FraudConfirmed,
    LoginFailed,
    LoginSucceeded,
    PurchaseMade,
    Session,
)


def account_takeover(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """Failed logins from far away at night, one succeeds on a new device, then a small test purchase and large ones."""
    (victim,) = cast
    scribe = Scribe(victim, calendar, "t")
    begins = calendar.at(some_day(random, calendar, 0.35, 0.85), random.uniform(1.5, 4.5))
    place = near(random, random.choice(victim.institution.abroad))
    ip, device = address(random), device_name(random)
    at, events = begins, []
    for _ in range(random.randint(6, 11)):
        events.append(
            scribe.write(LoginFailed, at, channel="web", device_id=device, ip=ip, geo=place, reason="wrong password")
        )
        at += random.randint(8_000, 45_000)
    session = Session(seconds=21.0, paste_share=0.9)
    events.append(scribe.write(LoginSucceeded, at, channel="web", device_id=device, ip=ip, geo=place, session=session))
    events.append(
        scribe.write(
            DeviceChanged,
            at + 20_000,
            device_id=device,
            previous_device_id=victim.device_id,
            sim_changed=random.random() < 0.4,
            proxy=True,
            ip=ip,
            geo=place,
        )
    )
    at += 3 * MINUTE
    for number in range(random.randint(5, 9)):
        amount = random.randint(100, 300) if number == 0 else int(victim.basket * random.uniform(4, 12))
        events.append(
            scribe.write(
                PurchaseMade,
                at,
                amount=amount,
                currency=victim.institution.currency,
                merchant_id=random.choice(town),
                merchant_category="electronics",
                channel="web",
                device_id=device,
                ip=ip,
                geo=place,
            )
        )
        at += random.randint(1, 6) * MINUTE
    for purchase in [dated[1] for dated in events if isinstance(dated[1], PurchaseMade)]:
        events.append(
            scribe.write(
                FraudConfirmed,
                at + random.randint(4, 6) * DAY,
                case_id=f"case-{purchase.event_id}",
                typology="account-takeover",
                subject_event_id=purchase.event_id,
                loss=purchase.amount,
                currency=purchase.currency,
            )
        )
    blocked = Phase(begins=at, ends=at + 2 * DAY, quiet=True)
    return Plot(lives=(Life(phases=(blocked,), events=in_order(events)),), begins=begins, ends=at + 2 * HOUR)


def device_farm(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """Fresh accounts on a few emulators or rooted phones, each applying for several loans within hours."""
    day = some_day(random, calendar, 0.06, 0.8)
    rigs = [(device_name(random), random.random() < 0.6) for _ in range(2)]
    ip, begins, lives, ends = address(random), calendar.at(day, 9), [], 0
    for member in cast:
        scribe = Scribe(member, calendar, "f")
        device, emulator = random.choice(rigs)
        rig = structs.replace(situation(member, (), 0), ip=ip, device_id=device, place=near(random, member.home, 0.01))
        at = begins + random.randint(0, 3 * HOUR)
        session = Session(seconds=35.0, paste_share=0.8)
        events = [
            scribe.write(LoginSucceeded, at, channel="app", device_id=device, ip=ip, geo=rig.place, session=session),
            scribe.write(
                DeviceSeen, at + 2_000, device_id=device, emulator=emulator, rooted=not emulator, proxy=True, ip=ip
            ),
        ]
        for _ in range(random.randint(3, 5)):
            at += random.randint(6, 25) * MINUTE
            asked = application(
                scribe,
                random,
                at,
                product="cash-instalments",
                amount=int(member.monthly_income * random.uniform(0.8, 1.4)),
                term_months=6,
                now=rig,
                income=member.monthly_income,
                paste_share=round(random.uniform(0.75, 1.0), 3),
                bureau=Bureau(score=None, open_loans=0, inquiries_90d=random.randint(4, 9), oldest_loan_months=0),
            )
            events.append(asked)
            events.append(_confirmed(scribe, asked, at + 7 * DAY, "device-farm"))
        ends = max(ends, at)
        lives.append(Life(loans=(), events=in_order(events), from_day=calendar.days))
    return Plot(lives=tuple(lives), begins=begins, ends=ends + 2 * HOUR)


def synthetic_identity(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """A person made of pasted data and a thin file asks for large loans in quick succession, with an income that
    jumps.
    """
    (person,) = cast
    scribe = Scribe(person, calendar, "y")
    begins = calendar.at(some_day(random, calendar, 0.04, 0.8), random.uniform(10, 20))
    now = situation(person, (), begins)
    events = [
        scribe.write(
            LoginSucceeded, begins - 5 * MINUTE, channel="web", device_id=now.device_id, ip=now.ip, geo=now.place
        )
    ]
    at, income = begins, person.monthly_income
    for _ in range(random.randint(3, 4)):
        asked = application(
            scribe,
            random,
            at,
            product="consumer-credit",
            amount=int(person.institution.income * random.uniform(3.5, 5)),
            term_months=24,
            now=now,
            income=income,
            paste_share=round(random.uniform(0.8, 1.0), 3),
            bureau=Bureau(score=random.randint(520, 600), open_loans=0, inquiries_90d=5, oldest_loan_months=1),
        )
        events.append(asked)
        events.append(_confirmed(scribe, asked, at + 10 * DAY, "synthetic-identity"))
        at += random.randint(2, 9) * HOUR
        income = int(income * random.uniform(1.6, 2.2))
    life = Life(loans=(), events=in_order(events), from_day=calendar.days)
    return Plot(lives=(life,), begins=begins, ends=at)


def _confirmed(scribe: Scribe, asked: Dated, at_ms: int, typology: str) -> Dated:
    event = asked[1]
    return scribe.write(
        FraudConfirmed, at_ms, case_id=f"case-{event.event_id}", typology=typology, subject_event_id=event.event_id
    )

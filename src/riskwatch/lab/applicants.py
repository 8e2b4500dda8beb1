"""Stories of applicants: a ring that shares in different pairs, a fraud that taints what it used, a case that is
cleared.

What one writes on an application is spelled another way each time (`papers`), so none of it is found by comparing
texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import structs

from riskwatch.lab.life import Dated, Scribe, situation
from riskwatch.lab.loans import application, draw_loan
from riskwatch.lab.people import DAY, MINUTE, Calendar, Customer
from riskwatch.lab.plot import Life, Plot, Role, in_order, some_day, within
from riskwatch.streams.events import FraudCleared, FraudConfirmed, LoanApplied, LoginSucceeded


def applicant_ring(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """New customers apply one after the other over a week. Each shares one thing with the next: a phone, a device, an
    address, a card, a phone again; no two pairs the same, and nothing is shared by all.
    """
    members = [_solid(member) for member in cast]
    for place in range(len(members) - 1):
        shared = ("phone", "device", "address", "bank_card")[place % 4]
        members[place + 1] = _sharing(members[place + 1], members[place], shared)
    day, lives, at = some_day(random, calendar, 0.38, 0.75), [], 0
    begins = calendar.at(day, 9)
    for place, member in enumerate(members):
        at = calendar.at(day + place * 1.4, random.uniform(9, 16))
        lives.append(Life(loans=(), events=_asks(member, calendar, random, at), from_day=calendar.days))
    return Plot(lives=tuple(lives), begins=begins, ends=at + 2 * DAY, members=tuple(members))


def tainted_phone(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """A fraudster takes a loan and is gone; three weeks later the fraud is confirmed. A customer who was approved
    before used the same device; somebody who applies a week after the confirmation has the same phone.
    """
    fraudster, earlier, later = map(_solid, cast)
    earlier = _sharing(earlier, fraudster, "device")
    later = _sharing(later, fraudster, "phone")
    day = some_day(random, calendar, 0.22, 0.4)
    asked = _asks(fraudster, calendar, random, calendar.at(day, random.uniform(10, 20)))
    confirmed = calendar.at(day + 21, 14)
    case = _confirmed(fraudster, calendar, asked, confirmed)
    applies = calendar.at(day + random.randint(26, 30), random.uniform(10, 20))
    known_loan = draw_loan(random, earlier, opened_on=max(2, day - 12), product="cash-instalments")
    lives = (
        Life(loans=(), events=in_order([*asked, case]), from_day=calendar.days),
        Life(loans=((known_loan, {}),)),
        Life(loans=(), events=_asks(later, calendar, random, applies), from_day=calendar.days),
    )
    roles = (
        Role(kind="confirmed-fraudster", member=0, expected="anything", begins=calendar.at(0), ends=calendar.end),
        Role(kind="approved-before-fraud", member=1, expected="fraud", begins=confirmed, ends=confirmed + 2 * DAY),
        Role(kind="phone-of-fraud", member=2, expected="fraud", begins=applies, ends=applies + 2 * DAY, stops=True),
    )
    return Plot(lives=lives, begins=confirmed, ends=applies + 2 * DAY, members=(fraudster, earlier, later), roles=roles)


def cleared_case(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """Two people of one phone have loans. A fraud is confirmed about one of them, and cleared a week later: it was a
    mistake. What was raised about the other meanwhile was right then, and is withdrawn.
    """
    suspect, other = cast
    other = _sharing(_solid(other), suspect, "phone")
    day = some_day(random, calendar, 0.38, 0.5)
    asked = _asks(suspect, calendar, random, calendar.at(day, random.uniform(10, 20)))
    confirmed, cleared = calendar.at(day + 14, 11), calendar.at(day + 21, 16)
    case = _confirmed(suspect, calendar, asked, confirmed)
    assert isinstance(case[1], FraudConfirmed)
    clearing = Scribe(suspect, calendar, "k").write(
        FraudCleared, cleared, case_id=case[1].case_id, subject_event_id=case[1].subject_event_id
    )
    loan = draw_loan(random, other, opened_on=max(2, day - 6), product="cash-instalments")
    lives = (
        Life(loans=(), events=within([*asked, case, clearing], calendar), from_day=calendar.days),
        Life(loans=((loan, {}),)),
    )
    roles = (
        Role(kind="suspect-cleared", member=0, expected="anything", begins=calendar.at(0), ends=calendar.end),
        Role(kind="cleared-case", member=1, expected="fraud", begins=confirmed, ends=cleared),
    )
    return Plot(lives=lives, begins=confirmed, ends=cleared, members=(suspect, other), roles=roles)


def _sharing(member: Customer, other: Customer, shared: str) -> Customer:
    """The member with one thing of the other's: the device, or an identifier in its spellings, in another order."""
    if shared == "device":
        return structs.replace(member, device_id=other.device_id)
    spellings = getattr(other.papers, shared)
    return structs.replace(member, papers=structs.replace(member.papers, **{shared: (*spellings[1:], spellings[0])}))


def _solid(member: Customer) -> Customer:
    """The member as somebody whom the packaged policies approve."""
    return structs.replace(member, bureau_score=760.0, employment="employed")


def _asks(member: Customer, calendar: Calendar, random: Random, at: int) -> tuple[Dated, ...]:
    """A login and an application for a small cash loan, with an ordinary record."""
    scribe = Scribe(member, calendar, "a")
    now = situation(member, (), at)
    return (
        scribe.write(LoginSucceeded, at - 5 * MINUTE, channel="app", device_id=now.device_id, ip=now.ip, geo=now.place),
        application(
            scribe,
            random,
            at,
            product="cash-instalments",
            amount=int(member.monthly_income * random.uniform(0.5, 0.8)),
            term_months=6,
            now=now,
            income=member.monthly_income,
        ),
    )


def _confirmed(member: Customer, calendar: Calendar, asked: Sequence[Dated], at: int) -> Dated:
    """The fraud case about an application: it names the application, the device and what identified the applicant."""
    applied = asked[-1][1]
    assert isinstance(applied, LoanApplied)
    return Scribe(member, calendar, "c").write(
        FraudConfirmed,
        at,
        case_id=f"case-{applied.event_id}",
        typology="application-fraud",
        subject_event_id=applied.event_id,
        device_id=applied.device_id,
        identifiers=applied.identifiers,
    )

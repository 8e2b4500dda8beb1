"""Honest people who share: a household, an office. Hard negatives of whatever looks for shared identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import structs

from riskwatch.lab.loans import draw_loan
from riskwatch.lab.people import Calendar, Customer
from riskwatch.lab.plot import Life, Plot


def household(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """Three people at one address and one network address, two of them with one device; each takes a loan at some time
    and repays it.
    """
    first, second, third = cast
    papers = first.papers
    second = structs.replace(
        second,
        home=first.home,
        ip=first.ip,
        device_id=first.device_id,
        papers=structs.replace(second.papers, address=papers.address),
    )
    third = structs.replace(
        third, home=first.home, ip=first.ip, papers=structs.replace(third.papers, address=papers.address)
    )
    return _borrowers((first, second, third), calendar, random)


def office(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """A dozen colleagues behind one network address, each with a phone of their own; each takes a loan at some time and
    repays it.
    """
    ip = cast[0].ip
    return _borrowers(tuple(structs.replace(member, ip=ip) for member in cast), calendar, random)


def _borrowers(members: tuple[Customer, ...], calendar: Calendar, random: Random) -> Plot:
    lives = tuple(
        Life(loans=((draw_loan(random, member, opened_on=random.randint(2, int(calendar.days * 0.8))), {}),))
        for member in members
    )
    return Plot(lives=lives, begins=calendar.at(0), ends=calendar.end, members=members)

"""What a planted story is made of: the lives of its customers, and the truth about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random
from typing import Literal

from msgspec import Struct

from riskwatch.lab.life import Dated
from riskwatch.lab.loans import Loan, Terms
from riskwatch.lab.people import Calendar, Customer, Phase
from riskwatch.streams.outputs import AlertKind

Expected = Literal["fraud", "early-warning", "none", "anything"]
"""What should be raised. `anything`: nothing is asked for, and nothing is false."""


class Truth(Struct, frozen=True, kw_only=True):
    """What is true of `customers` (tenant and customer id) in `[begins, ends]`, and the kind of alert it deserves.

    `subjects`: tenant and subject of the alerts, where it is true of a merchant: then it does not matter which customer
    an alert names.

    `also`: kinds of alert that nobody would call false there, though they are not what is expected. `stops`: whether
    applications of that time should be referred or declined for what they share with others; None: not a matter of it.
    """

    kind: str
    expected: Expected
    customers: tuple[tuple[str, str], ...]
    begins: datetime
    ends: datetime
    also: tuple[AlertKind, ...] = ()
    stops: bool | None = None
    subjects: tuple[tuple[str, str], ...] = ()


class Life(Struct, frozen=True, kw_only=True):
    """How one customer of a story lives: what differs from a healthy one. Daily life runs from `from_day` to
    `until_day`.
    """

    phases: tuple[Phase, ...] = ()
    loans: tuple[tuple[Loan, Terms], ...] | None = None
    events: tuple[Dated, ...] = ()
    from_day: int = 0
    until_day: int | None = None


class Role(Struct, frozen=True, kw_only=True):
    """What is true of one member of a cast (its place in it), where that is not the same for all. Times in ms; `stops`
    as in `Truth`; `subject`: what alerts are about, where that is no customer."""

    kind: str
    member: int
    expected: Expected
    begins: int
    ends: int
    stops: bool | None = None
    subject: str = ""


class Plot(Struct, frozen=True, kw_only=True):
    """A story as it was planted: one life for each of its customers, and when it should be noticed (ms).

    `members`: the cast as it turned out, where a story changes who they are (what they share); else empty. `roles`:
    what is true of each, where the members deserve different things; else empty.
    """

    lives: tuple[Life, ...]
    begins: int
    ends: int
    members: tuple[Customer, ...] = ()
    roles: tuple[Role, ...] = ()


Plant = Callable[[Sequence[Customer], Calendar, Random, Sequence[str]], Plot]


def some_day(random: Random, calendar: Calendar, low: float, high: float) -> int:
    """A day between two shares of the simulation."""
    return int(calendar.days * random.uniform(low, high))


def in_order(events: Sequence[Dated]) -> tuple[Dated, ...]:
    """The events in order of time."""
    return tuple(sorted(events, key=lambda dated: dated[0]))


def within(events: Sequence[Dated], calendar: Calendar) -> tuple[Dated, ...]:
    """The events in order of time, without those after the end of the simulation."""
    return in_order([dated for dated in events if dated[0] < calendar.end])

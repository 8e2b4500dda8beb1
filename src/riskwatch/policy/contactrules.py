"""The rules of a jurisdiction on contacting people who owe: data, declared in a file.

Reminders, warnings and collections share one budget. A channel that the rules do not list may not be used at all. Every
other table forbids: a channel is open where no table closes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import time
from functools import cached_property
from hashlib import sha256
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from riskwatch.policy.calendars import calendar_of
from riskwatch.policy.flaws import Flaw
from riskwatch.streams.events import ContactChannel

CONTACT_CHANNELS: tuple[ContactChannel, ...] = get_args(ContactChannel)
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
Scope = Literal["customer", "loan"]
Channels = tuple[ContactChannel, ...]

MOST_DAYS = 31
"""No window is longer: what is kept of a customer's contacts reaches further back."""
MOST_CONTACTS = 50
"""No limit allows more: of each loan and channel more contacts than these are kept."""


class Limit(Struct, frozen=True, kw_only=True):
    """At most `most` contacts on the channels in a window of `days`, counted for the customer or for each loan.

    `rolling`: any `days` times 24 hours. `calendar-day`: the last `days` days of the customer's calendar, today
    included. `calendar-week`: from Monday on; `days` is 7. Every contact that was begun counts, reached or not.
    """

    channels: Channels
    most: int
    days: int = 1
    window: Literal["rolling", "calendar-day", "calendar-week"] = "rolling"
    scope: Scope = "customer"


class Hours(Struct, frozen=True, kw_only=True, dict=True):
    """Contact only from `start` until before `end` on the customer's clock, `HH:MM`; `24:00` ends the day."""

    channels: Channels
    start: str
    end: str

    @cached_property
    def minutes(self) -> tuple[int, int]:
        """Minutes of the day, `[start, end)`. Raises `ValueError` for what is no time."""
        return minute_of(self.start), minute_of(self.end)


class Silence(Struct, frozen=True, kw_only=True):
    """No contact on the channels for `days` days of the customer's calendar after a conversation, its own day being
    the first."""

    channels: Channels
    days: int
    after: Channels
    scope: Scope = "loan"


class Closed(Struct, frozen=True, kw_only=True):
    """Days without contact: weekdays, and the public holidays of a `calendar` such as CN or US-CA with the weekends
    between them."""

    channels: Channels
    weekdays: tuple[Weekday, ...] = ()
    calendar: str = ""


class ContactRules(Struct, frozen=True, kw_only=True, dict=True):
    """Rules of one jurisdiction. `opt_in`: channels that need a consent; a channel that the customer opted out of is
    closed everywhere. `after_ceased`: channels that stay open when the customer has asked not to be contacted, or has
    a lawyer. Third parties are contacted nowhere, and no key says otherwise.
    """

    name: str
    channels: Channels
    limits: dict[str, Limit] = {}
    hours: dict[str, Hours] = {}
    silences: dict[str, Silence] = {}
    closed: dict[str, Closed] = {}
    opt_in: Channels = ()
    after_ceased: Channels = ()
    description: str = ""

    @cached_property
    def version(self) -> str:
        """12 hexadecimal digits of a hash over what the rules say."""
        said = msgspec.to_builtins(self)
        del said["description"]
        return sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:12]


def together(rules: Sequence[ContactRules]) -> ContactRules:
    """Rules that allow what each of these allows: for a customer whose loans are under several, who is one person."""
    if len({each.version for each in rules}) == 1:
        return rules[0]
    named = [(each, f"{each.name}.") for each in rules]
    return ContactRules(
        name="+".join(each.name for each in rules),
        channels=tuple(channel for channel in rules[0].channels if all(channel in each.channels for each in rules)),
        limits={front + name: limit for each, front in named for name, limit in each.limits.items()},
        hours={front + name: hours for each, front in named for name, hours in each.hours.items()},
        silences={front + name: silence for each, front in named for name, silence in each.silences.items()},
        closed={front + name: closed for each, front in named for name, closed in each.closed.items()},
        opt_in=tuple(channel for channel in CONTACT_CHANNELS if any(channel in each.opt_in for each in rules)),
        after_ceased=tuple(
            channel for channel in CONTACT_CHANNELS if all(channel in each.after_ceased for each in rules)
        ),
    )


def minute_of(text: str) -> int:
    """Minutes since midnight of `HH:MM`; `24:00` is 1440. Raises `ValueError`."""
    if text == "24:00":
        return 1440
    at = time.fromisoformat(text)
    if len(text) != 5:
        raise ValueError(f"{text!r} is no HH:MM")
    return at.hour * 60 + at.minute


def rule_flaws(rules: ContactRules) -> Iterator[Flaw]:
    """What is wrong with rules although each of their tables reads."""
    if not rules.channels:
        yield Flaw(("channels",), "`channels` is empty", "list the channels that may be used")
    for family in ("limits", "hours", "silences", "closed"):
        for name, each in getattr(rules, family).items():
            if not each.channels:
                yield Flaw((family, name, "channels"), "`channels` is empty", "it would forbid nothing")
    for name, limit in rules.limits.items():
        yield from _limit_flaws(("limits", name), limit)
    for name, hours in rules.hours.items():
        yield from _hours_flaws(("hours", name), hours)
    for name, silence in rules.silences.items():
        if not 1 <= silence.days <= MOST_DAYS:
            yield Flaw(("silences", name, "days"), f"`days` is {silence.days}", f"days from 1 to {MOST_DAYS}")
        if not silence.after:
            yield Flaw(("silences", name, "after"), "`after` is empty", 'list channels, such as ["phone"]')
    for name, closed in rules.closed.items():
        yield from _closed_flaws(("closed", name), closed)


def _limit_flaws(path: tuple[str, str], limit: Limit) -> Iterator[Flaw]:
    if not 0 <= limit.most <= MOST_CONTACTS:
        yield Flaw((*path, "most"), f"`most` is {limit.most}", f"contacts from 0 to {MOST_CONTACTS}")
    if not 1 <= limit.days <= MOST_DAYS:
        yield Flaw((*path, "days"), f"`days` is {limit.days}", f"days from 1 to {MOST_DAYS}")
    elif limit.window == "calendar-week" and limit.days != 7:
        yield Flaw((*path, "days"), f"`days` is {limit.days}", "a calendar week has 7")


def _hours_flaws(path: tuple[str, str], hours: Hours) -> Iterator[Flaw]:
    try:
        start, end = hours.minutes
    except ValueError:
        yield Flaw(path, f"hours are not from {hours.start} to {hours.end}", 'times are written "08:00"')
        return
    if start >= end:
        said = f"no time is from {hours.start} and before {hours.end}"
        yield Flaw(path, said, "hours lie within one day")


def _closed_flaws(path: tuple[str, str], closed: Closed) -> Iterator[Flaw]:
    if not closed.weekdays and not closed.calendar:
        yield Flaw(path, "it closes no day", "write `weekdays` or `calendar`")
    if len(set(closed.weekdays)) == 7:
        yield Flaw((*path, "weekdays"), "every day is closed", "leave the channel out of `channels`")
    if closed.calendar:
        try:
            calendar_of(closed.calendar)
        except ValueError as error:
            yield Flaw((*path, "calendar"), str(error))

"""Whether a customer may be contacted now: one budget for reminders, warnings and collections.

`may_contact` looks at what has been done and at the customer's clock, and knows nothing of why somebody wants to call.
A contact that was ordered and not reported yet lies somewhere between its order and its expiry: it counts in every
window that it may lie in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, tzinfo
from typing import Literal, Protocol

from msgspec import Struct

from riskwatch.features.timers import day_of, start_of_day
from riskwatch.policy.calendars import calendar_of, is_holiday
from riskwatch.policy.contactrules import WEEKDAYS, Closed, ContactRules, Limit, Silence
from riskwatch.policy.localtime import DAY_MS, end_of_within, next_within

MOST_LOOKS = 1_000
HORIZON_DAYS = 400
"""A channel that does not open within this is said never to."""


class Contact(Struct, frozen=True, kw_only=True):
    """A contact that was made or ordered. `from_ms`, `to_ms`: the instants between which it lies, equal where it is
    known. `loan_id`: empty where it was about none in particular. `conversation`: the customer spoke."""

    channel: str
    from_ms: int
    to_ms: int
    loan_id: str = ""
    conversation: bool = False


class Consent(Struct, frozen=True, kw_only=True):
    """What the customer has said about being contacted. `ceased`: asked not to be contacted at all, or has a lawyer."""

    opted_in: frozenset[str] = frozenset()
    opted_out: frozenset[str] = frozenset()
    ceased: bool = False


class Allowed(Struct, frozen=True):
    """Contact is allowed at any instant from now until before `until_ms`; None: as long as no other contact is made."""

    until_ms: int | None


class Refused(Struct, frozen=True):
    """Contact is not allowed. `reason`: `third-party`, `channel`, `opted-out`, `no-consent`, `ceased`, or family and
    name of the first table that forbids, such as `limits.calls`. `next_allowed_ms`: the first instant at which
    contact is allowed if nothing else happens, None for none that is known."""

    reason: str
    next_allowed_ms: int | None


Addressee = Literal["customer", "third-party"]


def may_contact(
    rules: ContactRules,
    history: Iterable[Contact],
    now_ms: int,
    channel: str,
    zone: tzinfo,
    consent: Consent,
    *,
    loan_id: str = "",
    addressee: Addressee = "customer",
) -> Allowed | Refused:
    """Whether the customer may be contacted on a channel now. `history`: contacts with the customer, in any order, back
    to `MOST_DAYS` before now at least; `zone`: the customer's; `loan_id`: what the contact is about, empty for none:
    then a limit of each loan counts all loans together.

    Instants are ms since 1970. Raises nothing for rules without faults.
    """
    barred = _barred(rules, channel, consent, addressee)
    if barred is not None:
        return Refused(barred, None)
    contacts = tuple(history)
    tables = tuple(_tables(rules, channel, contacts, loan_id, zone))
    first: str | None = None
    at = now_ms
    for _ in range(MOST_LOOKS):
        found = next(((name, then) for name, table in tables if (then := table.opens(at)) > at), None)
        if found is None:
            break
        first = found[0] if first is None else first
        at = found[1]
        if at > now_ms + HORIZON_DAYS * DAY_MS:
            return Refused(first, None)
    else:
        return Refused(first or "", None)
    if first is not None:
        return Refused(first, at)
    ends = [end for _, table in tables if (end := table.closes(now_ms)) is not None]
    return Allowed(min(ends, default=None))


def _barred(rules: ContactRules, channel: str, consent: Consent, addressee: Addressee) -> str | None:
    """What no passing of time changes."""
    if addressee != "customer":
        return "third-party"
    if channel not in rules.channels:
        return "channel"
    if channel in consent.opted_out:
        return "opted-out"
    if channel in rules.opt_in and channel not in consent.opted_in:
        return "no-consent"
    if consent.ceased and channel not in rules.after_ceased:
        return "ceased"
    return None


class _Table(Protocol):
    """One table of the rules on one channel. `opens`: the first instant from `at` on that it leaves open, `at` itself
    where it is open; `closes`: for an open instant, the end of what is open without another contact, None for never."""

    def opens(self, at: int) -> int: ...

    def closes(self, at: int) -> int | None: ...


class _Hours:
    def __init__(self, minutes: tuple[int, int], zone: tzinfo) -> None:
        self.minutes, self.zone = minutes, zone

    def opens(self, at: int) -> int:
        return next_within(at, self.minutes, self.zone)

    def closes(self, at: int) -> int:
        return end_of_within(at, self.minutes, self.zone)


class _Closed:
    def __init__(self, closed: Closed, zone: tzinfo) -> None:
        self.closed, self.zone = closed, zone

    def opens(self, at: int) -> int:
        day = first = day_of(at, self.zone)
        while self._is_closed(day) and day < first + HORIZON_DAYS:
            day += 1
        return at if day == first else start_of_day(day, self.zone)

    def closes(self, at: int) -> int:
        return start_of_day(day_of(at, self.zone) + 1, self.zone)

    def _is_closed(self, ordinal: int) -> bool:
        day = date.fromordinal(ordinal)
        if WEEKDAYS[day.weekday()] in self.closed.weekdays:
            return True
        return bool(self.closed.calendar) and is_holiday(day, calendar_of(self.closed.calendar))


class _Rolling:
    def __init__(self, limit: Limit, contacts: Iterable[Contact]) -> None:
        self.most, self.span = limit.most, limit.days * DAY_MS
        self.ends = sorted((each.to_ms for each in contacts), reverse=True)

    def opens(self, at: int) -> int:
        if self.most == 0:
            return at + (HORIZON_DAYS + 1) * DAY_MS
        # The window is (at - span, at]: it holds fewer than `most` once the most-th newest has left it.
        return at if len(self.ends) < self.most else max(at, self.ends[self.most - 1] + self.span)

    def closes(self, at: int) -> None:
        """A window that moves on only loses contacts."""


class _Calendar:
    def __init__(self, limit: Limit, contacts: Iterable[Contact], zone: tzinfo) -> None:
        self.limit, self.zone = limit, zone
        self.days = [(day_of(each.from_ms, zone), day_of(each.to_ms, zone)) for each in contacts]

    def opens(self, at: int) -> int:
        if self.limit.most == 0:
            return at + (HORIZON_DAYS + 1) * DAY_MS
        day = first = day_of(at, self.zone)
        while self._count(day) >= self.limit.most:
            day += 1
        return at if day == first else start_of_day(day, self.zone)

    def closes(self, at: int) -> int:
        return start_of_day(day_of(at, self.zone) + 1, self.zone)

    def _count(self, day: int) -> int:
        low = day - (date.fromordinal(day).weekday() if self.limit.window == "calendar-week" else self.limit.days - 1)
        high = low + 6 if self.limit.window == "calendar-week" else day
        return sum(begun <= high and ended >= low for begun, ended in self.days)


class _Silence:
    def __init__(self, silence: Silence, contacts: Iterable[Contact], zone: tzinfo) -> None:
        self.zone = zone
        spoken = [day_of(each.to_ms, zone) for each in contacts if each.conversation]
        self.ends = [(day, day + silence.days) for day in spoken]

    def opens(self, at: int) -> int:
        day = first = day_of(at, self.zone)
        while any(begun <= day < ended for begun, ended in self.ends):
            day += 1
        return at if day == first else start_of_day(day, self.zone)

    def closes(self, at: int) -> None:
        """Only another conversation closes it."""


def _tables(
    rules: ContactRules, channel: str, contacts: tuple[Contact, ...], loan_id: str, zone: tzinfo
) -> Iterator[tuple[str, _Table]]:
    for name, hours in rules.hours.items():
        if channel in hours.channels:
            yield f"hours.{name}", _Hours(hours.minutes, zone)
    for name, closed in rules.closed.items():
        if channel in closed.channels:
            yield f"closed.{name}", _Closed(closed, zone)
    for name, silence in rules.silences.items():
        if channel in silence.channels:
            about = _about(contacts, silence.after, silence.scope, loan_id)
            yield f"silences.{name}", _Silence(silence, about, zone)
    for name, limit in rules.limits.items():
        if channel in limit.channels:
            about = _about(contacts, limit.channels, limit.scope, loan_id)
            yield (
                f"limits.{name}",
                _Rolling(limit, about) if limit.window == "rolling" else _Calendar(limit, about, zone),
            )


def _about(contacts: tuple[Contact, ...], channels: tuple[str, ...], scope: str, loan_id: str) -> tuple[Contact, ...]:
    """Contacts on the channels that count together: all of the customer's, or those about the loan. A contact about no
    loan in particular counts for every loan."""
    every = scope == "customer" or not loan_id
    return tuple(each for each in contacts if each.channel in channels and (every or each.loan_id in ("", loan_id)))

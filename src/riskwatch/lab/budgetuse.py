"""How much of the contact budget is used: contacts against the limits of the jurisdiction, and what the budget refused.

The budget counts a contact that was ordered and that nobody reported, for it may have been made; so does this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta, tzinfo

from msgspec import Struct

from riskwatch.features.collectionledger import CONVERSATIONS
from riskwatch.features.timers import day_of, start_of_day
from riskwatch.lab.loanpath import Zones
from riskwatch.policy.contactbudget import Contact
from riskwatch.policy.contactrules import CONTACT_CHANNELS, ContactRules, Limit
from riskwatch.policy.localtime import DAY_MS
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.events import ContactMade
from riskwatch.streams.packing import to_ms

Customer = tuple[str, str]
"""Tenant and customer id."""
REFUSALS = frozenset({"channel", "opted-out", "no-consent", "ceased", "third-party"})
FAMILIES = ("limits.", "hours.", "silences.", "closed.")


class LimitUse(Struct, frozen=True, kw_only=True):
    """How a limit was used. `peaks`: the most contacts that one of the limit's windows held → customer-weeks (or
    weeks of a customer's loan) in which that was so; weeks without a contact that the limit counts are left out."""

    rules: str
    limit: str
    most: int
    peaks: dict[int, int]

    @property
    def weeks(self) -> int:
        return sum(self.peaks.values())

    @property
    def highest(self) -> int:
        return max(self.peaks, default=0)

    @property
    def over(self) -> int:
        """Weeks in which the limit was exceeded."""
        return sum(weeks for peak, weeks in self.peaks.items() if peak > self.most)

    @property
    def used(self) -> float | None:
        """The mean share of the limit that was used at the week's peak; None where no week counts, or none is
        allowed."""
        if not self.weeks or not self.most:
            return None
        return sum(peak * weeks for peak, weeks in self.peaks.items()) / (self.most * self.weeks)


class BudgetUse(Struct, frozen=True, kw_only=True):
    """`contacts`, `unreported`: contacts that were made, and ordered ones of which nothing was heard. `weekly`:
    contacts in a customer's week, all channels → such weeks. `refused`: rule of the budget → treatments that it
    excluded, of all that were looked into. `unknown`: rules that actions name and that are not at hand."""

    contacts: int
    unreported: int
    weekly: dict[int, int]
    limits: list[LimitUse]
    refused: dict[str, int]
    unknown: list[str]


def budget_use(
    contacts: Iterable[ContactMade],
    actions: Iterable[CollectionAction],
    closings: Iterable[ActionClosed],
    rules: Mapping[str, ContactRules],
    zones: Zones,
) -> BudgetUse:
    """How the budget was used. `rules`: by name, those that actions name; a tenant's contacts are held against the
    rules of its newest action. Weeks begin on Monday, on the institution's clock."""
    orders = {each.action_id: each for each in actions if not each.holdout}
    made = list({(each.tenant, each.event_id): each for each in contacts}.values())
    unreported = _unreported(orders, closings, made)
    history: dict[Customer, list[Contact]] = {}
    for event in made:
        at = to_ms(event.occurred_at)
        spoke = event.outcome in CONVERSATIONS
        contact = Contact(channel=event.channel, from_ms=at, to_ms=at, loan_id=event.loan_id or "", conversation=spoke)
        history.setdefault((event.tenant, event.customer_id), []).append(contact)
    for order in unreported:
        contact = Contact(
            channel=order.channel, from_ms=to_ms(order.due_at), to_ms=to_ms(order.expires_at), loan_id=order.loan_id
        )
        history.setdefault((order.tenant, order.customer_id), []).append(contact)
    named = {order.tenant: order.rules for order in sorted(orders.values(), key=lambda each: each.decided_at)}
    return BudgetUse(
        contacts=len(made),
        unreported=len(unreported),
        weekly=_weekly(history, zones),
        limits=_limits(history, named, rules, zones),
        refused=_refused(orders.values()),
        unknown=sorted(set(named.values()) - set(rules)),
    )


def peak_uses(limit: Limit, contacts: Sequence[Contact], zone: tzinfo) -> dict[date, int]:
    """Monday of a week → the most contacts of one subject that a window of the limit held, of the windows that end with
    one of the week's contacts. `contacts`: those that the limit counts."""
    peaks: dict[date, int] = {}
    for last in contacts:
        week = monday_of(last.to_ms, zone)
        held = sum(_is_with(limit, each, last.to_ms, zone) for each in contacts)
        peaks[week] = max(peaks.get(week, 0), held)
    return peaks


def monday_of(at_ms: int, zone: tzinfo) -> date:
    """The Monday of an instant's week in a zone."""
    day = date.fromordinal(day_of(at_ms, zone))
    return day - timedelta(days=day.weekday())


def _is_with(limit: Limit, contact: Contact, at_ms: int, zone: tzinfo) -> bool:
    """Whether a contact may lie in the limit's window that an instant is the end of, or in its calendar week."""
    if limit.window == "rolling":
        return contact.to_ms > at_ms - limit.days * DAY_MS and contact.from_ms <= at_ms
    today = day_of(at_ms, zone)
    if limit.window == "calendar-week":
        low = today - date.fromordinal(today).weekday()
        low_ms, high_ms = start_of_day(low, zone), start_of_day(low + 7, zone)
    else:
        low_ms, high_ms = start_of_day(today - limit.days + 1, zone), start_of_day(today + 1, zone)
    # In a week that has not ended, contacts after this one are counted too: the limit is the week's.
    return low_ms <= contact.to_ms and contact.from_ms < high_ms


def _unreported(
    orders: Mapping[str, CollectionAction], closings: Iterable[ActionClosed], made: Iterable[ContactMade]
) -> list[CollectionAction]:
    """Orders of contacts that ended without an outcome being heard."""
    reported = {each.action_id for each in made if each.action_id is not None}
    ended = {each.action_id for each in closings if each.ending in ("expired", "withdrawn") and each.reported is None}
    return [
        orders[action_id]
        for action_id in sorted(ended - reported)
        if action_id in orders and orders[action_id].channel in CONTACT_CHANNELS
    ]


def _weekly(history: Mapping[Customer, Sequence[Contact]], zones: Zones) -> dict[int, int]:
    weeks = Counter(
        (customer, monday_of(contact.to_ms, zones[customer[0]]))
        for customer, contacts in history.items()
        for contact in contacts
    )
    return dict(sorted(Counter(weeks.values()).items()))


def _limits(
    history: Mapping[Customer, Sequence[Contact]],
    named: Mapping[str, str],
    rules: Mapping[str, ContactRules],
    zones: Zones,
) -> list[LimitUse]:
    peaks: dict[tuple[str, str], Counter[int]] = {}
    for (tenant, _), contacts in history.items():
        own = rules.get(named.get(tenant, ""))
        for name, limit in () if own is None else own.limits.items():
            assert own is not None
            counted = [each for each in contacts if each.channel in limit.channels]
            for about in _subjects(limit, counted):
                uses = peak_uses(limit, about, zones[tenant])
                peaks.setdefault((own.name, name), Counter()).update(uses.values())
    return [
        LimitUse(rules=own, limit=name, most=rules[own].limits[name].most, peaks=dict(sorted(counts.items())))
        for (own, name), counts in sorted(peaks.items())
    ]


def _subjects(limit: Limit, contacts: Sequence[Contact]) -> list[list[Contact]]:
    """What the limit counts together: all of the customer's contacts, or those about each loan. A contact about no loan
    in particular counts for every loan."""
    loans = sorted({each.loan_id for each in contacts} - {""})
    if limit.scope == "customer" or not loans:
        return [list(contacts)] if contacts else []
    return [[each for each in contacts if each.loan_id in ("", loan)] for loan in loans]


def _refused(orders: Iterable[CollectionAction]) -> dict[str, int]:
    counts = Counter(
        each.excluded
        for order in orders
        for each in order.considered
        if each.excluded is not None and (each.excluded in REFUSALS or each.excluded.startswith(FAMILIES))
    )
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

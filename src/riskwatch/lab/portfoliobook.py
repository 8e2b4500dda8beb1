"""The book of a portfolio: roll rates, vintages, cures, recoveries and the use of the contact budget, from records.

Money of two currencies does not add up, and two institutions' loans are two books: loans are told by institution and
currency, collections by institution.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from riskwatch.lab.budgetuse import BudgetUse, budget_use
from riskwatch.lab.collectionbook import CollectionBook, collection_book
from riskwatch.lab.cures import CureRate, Recovery, cure_rates, recoveries
from riskwatch.lab.loanpath import LoanPath, Zones, loan_paths
from riskwatch.lab.loanrecords import BookRecords, Timed, without_moves
from riskwatch.lab.rollrates import RollRates, roll_rates
from riskwatch.lab.vintages import Vintage, vintages
from riskwatch.policy.contactrules import ContactRules


class LoanBook(Struct, frozen=True, kw_only=True):
    """The loans of an institution in a currency. `standing`: state at `as_of` → loans, and what is owed, minor
    units."""

    tenant: str
    currency: str
    loans: int
    standing: dict[str, tuple[int, int]]
    rolls: RollRates
    vintages: list[Vintage]
    cures: list[CureRate]
    recovery: Recovery


class Collections(Struct, frozen=True, kw_only=True):
    """The collections of an institution."""

    tenant: str
    budget: BudgetUse
    actions: CollectionBook


class Book(Struct, frozen=True, kw_only=True):
    """`as_of`: event time that it is told for, None where there are no records; `absent`: topics that the broker
    does not have."""

    as_of: datetime | None
    loans: list[LoanBook]
    collections: list[Collections]
    absent: list[str] = []


def make_book(
    records: BookRecords, rules: Mapping[str, ContactRules], zones: Zones, *, tenant: str | None = None
) -> Book:
    """The book of the records, of one tenant or of all. `rules`: contact rules by name; `zones`: the institutions'."""
    as_of = newest(records)
    if as_of is None:
        return Book(as_of=None, loans=[], collections=[], absent=list(records.absent))
    known = not without_moves(records.absent)
    every = loan_paths(records.opened, records.moves, zones, records.money) if known else []
    paths = [path for path in every if tenant is None or path.tenant == tenant]
    places: dict[tuple[str, str], list[LoanPath]] = {}
    for path in paths:
        places.setdefault((path.tenant, path.currency), []).append(path)
    told = {each.tenant for each in records.contacts} | {each.tenant for each in records.actions}
    return Book(
        as_of=as_of,
        loans=[_loan_book(*place, places[place], as_of, zones) for place in sorted(places)],
        collections=[
            _collections(each, records, paths, rules, zones, as_of)
            for each in sorted(told)
            if tenant is None or each == tenant
        ],
        absent=list(records.absent),
    )


def newest(records: BookRecords) -> datetime | None:
    """The newest event time of the records; None where there are none."""
    kinds: Iterable[Iterable[Timed]] = (records.opened, records.money, records.moves, records.contacts)
    times = [each.occurred_at for kind in kinds for each in kind]
    times += [] if records.newest is None else [records.newest]
    return max(times, default=None)


def encode_book(book: Book) -> bytes:
    """The book as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(book))


def _loan_book(tenant: str, currency: str, paths: Sequence[LoanPath], as_of: datetime, zones: Zones) -> LoanBook:
    standing: dict[str, tuple[int, int]] = {}
    for path in paths:
        step = path.at(as_of)
        if step is not None:
            loans, owed = standing.get(step.state, (0, 0))
            standing[step.state] = (loans + 1, owed + path.owed_before(as_of + timedelta(microseconds=1)))
    return LoanBook(
        tenant=tenant,
        currency=currency,
        loans=len(paths),
        standing=standing,
        rolls=roll_rates(paths, as_of, zones),
        vintages=vintages(paths, as_of, zones),
        cures=cure_rates(paths, as_of),
        recovery=recoveries(paths, as_of),
    )


def _collections(
    tenant: str,
    records: BookRecords,
    paths: Sequence[LoanPath],
    rules: Mapping[str, ContactRules],
    zones: Zones,
    as_of: datetime,
) -> Collections:
    contacts = [each for each in records.contacts if each.tenant == tenant]
    actions = [each for each in records.actions if each.tenant == tenant]
    closings = [each for each in records.closings if each.tenant == tenant]
    return Collections(
        tenant=tenant,
        budget=budget_use(contacts, actions, closings, rules, zones),
        actions=collection_book(actions, closings, paths, as_of),
    )

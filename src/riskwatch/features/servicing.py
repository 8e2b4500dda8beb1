"""Servicing rules: how an institution allocates payments and counts days. Data; `policy.servicingfile` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Literal, Protocol, get_args

from msgspec import Struct
from xxhash import xxh32_intdigest

Component = Literal["fee", "penalty", "interest", "principal"]
COMPONENTS: tuple[Component, ...] = get_args(Component)
Across = Literal["oldest-first", "component-first"]
BucketBy = Literal["past-due", "delinquent"]

BUCKETS = ("M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+")
BUCKET_DAYS = 30
"""Days of a bucket: M1 is 1 to 30, M2 31 to 60, … M6 151 to 180, M6+ more."""


class Calendar(Protocol):
    """Says which days are worked."""

    def is_working_day(self, key: date) -> bool: ...


class Servicing(Struct, frozen=True, kw_only=True, dict=True):
    """The rules of one institution and product.

    `waterfall`: the order in which a payment covers the components. `across`: `oldest-first` covers one instalment
    after the other, the oldest due first, each by the waterfall; `component-first` covers a component of all that is
    due, the oldest first, then the next component. `grace_days`: days past due that are not delinquent. `calendar`: by
    it a due date on a day that is not worked moves to the next that is; `calendar_code` names it. `tolerance`: minor
    units; an instalment of which no more is open is not past due. `bucket_by`: the days that buckets count.
    """

    name: str = "standard"
    waterfall: tuple[Component, ...] = COMPONENTS
    across: Across = "oldest-first"
    grace_days: int = 0
    calendar_code: str = ""
    calendar: Calendar | None = None
    tolerance: int = 0
    bucket_by: BucketBy = "past-due"

    @cached_property
    def version(self) -> int:
        """A number that changes with what the rules say, not with their name; never 0."""
        said = (self.waterfall, self.across, self.grace_days, self.calendar_code, self.tolerance, self.bucket_by)
        return xxh32_intdigest(repr(said).encode()) or 1

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Places of the waterfall's components in `COMPONENTS`."""
        return tuple(COMPONENTS.index(each) for each in self.waterfall)

    def due_day(self, day: int) -> int:
        """The day (`date.toordinal`) on which what falls due on `day` must be paid."""
        if self.calendar is None:
            return day
        moved = date.fromordinal(day)
        while not self.calendar.is_working_day(moved):
            if moved == date.max:
                return day
            moved = date.fromordinal(moved.toordinal() + 1)
        return moved.toordinal()


STANDARD = Servicing()


class ServicingBook(Struct, frozen=True, kw_only=True):
    """The rules of each institution and product: those of its product, else those of the institution (product ""),
    else `default`."""

    rules: Mapping[tuple[str, str], Servicing] = MappingProxyType({})
    default: Servicing = STANDARD

    def rules_for(self, tenant: str, product: str) -> Servicing:
        """`product` is empty where it is not known."""
        return self.rules.get((tenant, product)) or self.rules.get((tenant, "")) or self.default


STANDARD_BOOK = ServicingBook()


def bucket_of(days: int) -> int:
    """The bucket of a loan by its days past due (or delinquent): a place in `BUCKETS`."""
    if days <= 0:
        return 0
    return min((days - 1) // BUCKET_DAYS + 1, len(BUCKETS) - 1)

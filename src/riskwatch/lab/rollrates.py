"""The roll-rate matrix: where loans that were in a bucket at a month's end are at the next month's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from msgspec import Struct

from riskwatch.lab.loanpath import ENDS, LoanPath, Zones, start_of


class Cell(Struct, frozen=True):
    """Loans, and what was owed on them at the first of the two month ends, minor units."""

    loans: int = 0
    amount: int = 0


class RollRates(Struct, frozen=True, kw_only=True):
    """`months`: the first day of each month that loans roll through; `cells`: bucket at its beginning → state at its
    end → how many. A loan counts once for each month at whose beginning it was owed."""

    months: tuple[date, ...]
    cells: dict[str, dict[str, Cell]]

    def row(self, bucket: str) -> Cell:
        """All loans that were in the bucket."""
        return _total(list(self.cells.get(bucket, {}).values()))

    def share(self, bucket: str, state: str, *, by_amount: bool = False) -> float | None:
        """The share of a bucket's loans that went to a state; None where the bucket held none."""
        whole, part = self.row(bucket), self.cells.get(bucket, {}).get(state, Cell())
        if by_amount:
            return part.amount / whole.amount if whole.amount else None
        return part.loans / whole.loans if whole.loans else None


def roll_rates(paths: Sequence[LoanPath], as_of: datetime, zones: Zones) -> RollRates:
    """The matrix over every whole month up to `as_of`. Months end on the institution's clock."""
    counts: dict[str, dict[str, Cell]] = {}
    seen: set[date] = set()
    for path in paths:
        zone = zones[path.tenant]
        last = as_of.astimezone(zone).date().replace(day=1)
        for month in months_from(next_month(path.opened_on.replace(day=1)), last):
            begun, ended = path.before(start_of(month, zone)), path.before(start_of(next_month(month), zone))
            if begun is None or ended is None or begun.state in ENDS:
                continue
            seen.add(month)
            row = counts.setdefault(begun.state, {})
            cell = row.get(ended.state, Cell())
            row[ended.state] = Cell(cell.loans + 1, cell.amount + path.owed_before(start_of(month, zone)))
    return RollRates(months=tuple(sorted(seen)), cells=counts)


def next_month(first: date) -> date:
    """The first day of the month after the one whose first day is given."""
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def months_from(first: date, before: date) -> Iterator[date]:
    """First days of months, from `first` until before `before`."""
    while first < before:
        yield first
        first = next_month(first)


def _total(cells: Sequence[Cell]) -> Cell:
    return Cell(sum(each.loans for each in cells), sum(each.amount for each in cells))

"""The book of a portfolio as plots: files of a folder, and which are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from riskwatch.lab.bookview import states_of
from riskwatch.lab.budgetuse import BudgetUse
from riskwatch.lab.portfoliobook import Book, LoanBook, encode_book
from riskwatch.lab.rollrates import RollRates
from riskwatch.lab.svg import Bars, Curve, Square, bars, curves, heat_map
from riskwatch.policy.collectionvocabulary import BUCKETS

MOST_VINTAGES = 24
"""Newest vintages of a plot: more curves nobody tells apart."""


def write_book(book: Book, folder: Path) -> list[Path]:
    """Writes the plots and `book.json` into the folder, which is made where it is absent; returns the files. Raises
    `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in plots(book):
        path = folder / name
        path.write_text(content, encoding="utf-8")
        written.append(path)
    data = folder / "book.json"
    data.write_bytes(encode_book(book))
    return [*written, data]


def plots(book: Book) -> Iterator[tuple[str, str]]:
    """File name and SVG of each plot that there is something to show in."""
    for loans in book.loans:
        name = _file_name(f"{loans.tenant}-{loans.currency.lower()}")
        if loans.rolls.months:
            yield f"roll-rates-{name}.svg", roll_map(loans.rolls, f"Roll rates: {loans.tenant}, {loans.currency}")
        if any(vintage.points[-1].months for vintage in loans.vintages):
            yield f"vintages-{name}.svg", vintage_curves(loans)
    for each in book.collections:
        if each.budget.limits or each.budget.weekly:
            yield f"contact-budget-{_file_name(each.tenant)}.svg", budget_bars(each.budget, each.tenant)


def roll_map(rolls: RollRates, title: str) -> str:
    """The roll-rate matrix as a heat map: the darker, the larger the share of the row; green where it gets better."""
    rows = [bucket for bucket in BUCKETS if bucket in rolls.cells]
    columns = states_of(rolls)
    squares = []
    for bucket in rows:
        row: list[Square | None] = []
        for state in columns:
            cell = rolls.cells[bucket].get(state)
            share, amount = rolls.share(bucket, state), rolls.share(bucket, state, by_amount=True)
            if cell is None or share is None:
                row.append(None)
                continue
            owed = "" if amount is None else f"amount {amount:.1%}"
            counted = f"{cell.loans:,} loan{'s' * (cell.loans != 1)}"
            row.append(Square(share, (f"{share:.1%}", counted, owed), _better(bucket, state)))
        squares.append(row)
    names = [f"{bucket} ({rolls.row(bucket).loans:,})" for bucket in rows]
    span = f"{rolls.months[0]:%b %Y} to {rolls.months[-1]:%b %Y}"
    note = f"From a month's beginning (rows) to its end (columns), {span}; green: better or settled, or still current"
    return heat_map(title, names, columns, squares, note)


def vintage_curves(loans: LoanBook) -> str:
    """Share ever more than 30 days past due over months on book, a curve for each opening month."""
    shown = [vintage for vintage in loans.vintages if vintage.points[-1].months][-MOST_VINTAGES:]
    series = [
        Curve(
            f"{vintage.month:%b %Y}, {vintage.loans:,} loans",
            tuple((float(point.months), point.loans) for point in vintage.points),
        )
        for vintage in shown
    ]
    title = f"Vintages: {loans.tenant}, {loans.currency}"
    note = "Share of an opening month's loans that were ever more than 30 days past due or written off"
    return curves(title, "months on book", series, note)


def budget_bars(budget: BudgetUse, tenant: str) -> str:
    """How many customer-weeks had how many contacts, in all and against each limit."""
    rows = [Bars("all channels, contacts in the week", budget.weekly)]
    rows += [Bars(f"{each.rules} {each.limit}: at most {each.most}", each.peaks, each.most) for each in budget.limits]
    note = "Height: customers' weeks with a contact. Dashed: the limit; beyond it, in orange, it was exceeded"
    return bars(f"Contact budget: {tenant}", "most contacts in a window of the limit", rows, note)


def _better(bucket: str, state: str) -> bool:
    if state == "settled" or bucket == state == BUCKETS[0]:
        return True
    return state in BUCKETS and BUCKETS.index(state) < BUCKETS.index(bucket)


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", text)

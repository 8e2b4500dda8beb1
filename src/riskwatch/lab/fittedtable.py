"""A table whose columns go over several tables where the console is too narrow for all of them: no cell is cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_WIDE = 10_000
"""Columns in which any table is measured as it would like to be."""


class FittedTable:
    """`keys`: so many columns at the left name a row and are repeated; the others hold numbers, put to the right."""

    def __init__(self, title: str, headings: Sequence[str], *, keys: int = 1, caption: str = "") -> None:
        self._title = title
        self._headings = headings
        self._keys = keys
        self._caption = caption
        self._rows: list[Sequence[str]] = []

    def add_row(self, *cells: str) -> None:
        """As many cells as there are headings, in markup."""
        self._rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self._title, style="table.title", overflow="fold")
        begin = self._keys
        while begin < len(self._headings):
            end = self._fitting(console, options, begin)
            yield self._part(begin, end)
            begin = end
        if self._caption:
            yield Text(self._caption, style="table.caption", overflow="fold")

    def _fitting(self, console: Console, options: ConsoleOptions, begin: int) -> int:
        """The end of the columns from `begin` on that fit beside the keys; one at least."""
        end = begin + 1
        while end < len(self._headings):
            wanted = Measurement.get(console, options.update_width(_WIDE), self._part(begin, end + 1)).maximum
            if wanted > options.max_width:
                break
            end += 1
        return end

    def _part(self, begin: int, end: int) -> Table:
        table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
        places = [*range(self._keys), *range(begin, end)]
        for place in places:
            table.add_column(self._headings[place], justify="left" if place < self._keys else "right", overflow="fold")
        for row in self._rows:
            table.add_row(*(row[place] for place in places))
        return table

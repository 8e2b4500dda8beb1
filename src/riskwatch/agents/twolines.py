"""Entries of two lines each for a terminal: what is looked for in columns, and below it the rest as a sentence. Nothing
is cut: what is wider than the terminal goes on in the next line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

GAP = 2
UNBOUNDED = 10_000
"""Columns where the output is no terminal: there, what reads it wraps or searches it."""


def reader_console() -> Console:
    """Standard output, of unbounded width where it is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=UNBOUNDED)


def two_lines(headings: Sequence[str], entries: Sequence[tuple[Sequence[Text], Text]]) -> RenderableType:
    """The headings, then for each entry its cells (one a heading) in columns and its second line, set in a little."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    rows: list[Sequence[Text]] = [[Text(each, style="dim") for each in headings], *(cells for cells, _ in entries)]
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    lines = [_in_columns(row, widths) for row in rows]
    parts: list[RenderableType] = [lines[0]]
    for line, (_, rest) in zip(lines[1:], entries, strict=True):
        rest.overflow = "fold"
        parts += [line, Padding(rest, (0, 0, 0, GAP), expand=False)]
    return Group(*parts)


def _in_columns(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    from rich.text import Text

    line = Text(overflow="fold")
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        line.append_text(cell)
        if number < len(widths) - 1:
            line.append(" " * (width - cell.cell_len + GAP))
    return line

"""The end of the demo: the book of its loans, in tables and as plots."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from riskwatch.lab.bookplots import write_book
from riskwatch.lab.bookview import render_book
from riskwatch.lab.loanpath import Zones
from riskwatch.lab.loanreading import Source, read_book
from riskwatch.lab.people import INSTITUTIONS
from riskwatch.lab.portfoliobook import Book, make_book
from riskwatch.policy.contactfile import packaged_rules
from riskwatch.policy.policykinds import JURISDICTIONS
from riskwatch.streams.connecting import Security

if TYPE_CHECKING:
    from rich.console import RenderableType


async def demo_book(broker: str, prefix: str) -> Book:
    """The book of all that the demo's topics hold."""
    zones = Zones({each.tenant: ZoneInfo(each.zone) for each in INSTITUTIONS})
    rules = {name: packaged_rules(name) for name in JURISDICTIONS.names()}
    return make_book(await read_book(Source(broker, Security(), prefix)), rules, zones)


def write_plots(book: Book, out: Path | None) -> list[Path]:
    """Writes the plots into a folder, by default a new one for temporary files; returns the files. None of an empty
    book. Raises `OSError`."""
    if not book.loans and not book.collections:
        return []
    return write_book(book, Path(tempfile.mkdtemp(prefix="riskwatch-demo-")) if out is None else out)


def book_parts(book: Book, written: Sequence[Path]) -> list[RenderableType]:
    """The book for the demo's summary, with where the plots are."""
    from rich.text import Text

    parts: list[RenderableType] = [render_book(book)]
    if written:
        names = ", ".join(each.name for each in written)
        parts.append(Text(f"plots in {written[0].parent}: {names}", overflow="fold"))
    return parts

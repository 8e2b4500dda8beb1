"""A report on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.report import Report
from bench.tables import TABLES


def show(report: Report, console: Console) -> None:
    """Prints every table that has rows, then what failed."""
    for table_of in TABLES:
        table = table_of(report)
        if not table.rows:
            continue
        drawn = Table(
            title=table.title,
            title_justify="left",
            title_style="bold",
            box=SIMPLE_HEAD,
            caption=table.note,
            caption_justify="left",
        )
        for place, header in enumerate(table.headers):
            drawn.add_column(header, justify="left" if place == 0 else "right")
        for row in table.rows:
            drawn.add_row(*row, style="green" if row[0].startswith("riskwatch") else None)
        console.print(drawn)
    for failure in report.failures:
        console.print(f"[red]failed[/red] {failure}")

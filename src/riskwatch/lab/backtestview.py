"""A backtest's report for a reader."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from riskwatch.lab.backtest import Report
from riskwatch.lab.changes import AlertChanges, DecisionChanges, Moved

MOST_LINES = 12


def render(report: Report) -> RenderableType:
    """Tables, top to bottom: what was replayed, what was held against what was recorded, what changes, the share."""
    parts: list[RenderableType] = [_head(report)]
    if report.decisions is not None:
        parts += _of_decisions(report.decisions)
    if report.alerts is not None:
        parts += _of_alerts(report.alerts)
    return Group(*parts)


def verdict(report: Report, most: float) -> str:
    """The share of the book, whether it is too much, and whether it can be trusted."""
    changes = report.changes
    if report.share is None:
        what = "applications that it would decide" if report.alerts is None else "entries"
        return f"how much of the book {report.candidate} touches is not known: there are no {what} to compare"
    customers = f"{changes.touched:,} of {changes.customers:,} customers"
    said = f"{report.candidate} touches {report.share:.1%} of the book ({customers})"
    said += f": more than the {most:.1%} allowed" if report.share > most else f"; {most:.1%} is allowed"
    if report.recorded.differ:
        said += f". {report.recorded.differ:,} decisions come out otherwise than they were recorded: are --lending, "
        said += "--policy and the zones those of the workers, and is the journal whole?"
    return said


def _head(report: Report) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False)
    where = ""
    if report.place is not None:
        tenant, product, currency = report.place
        where = f", for {product} in {currency} of {'every institution without its own' if tenant == '*' else tenant}"
    table.add_row("[dim]candidate[/]", f"{escape(report.candidate)}, version {report.version}{where}")
    table.add_row(
        "[dim]journal[/]", f"{report.entries:,} entries" + f", {report.unread:,} not readable" * bool(report.unread)
    )
    if report.since is not None or report.until is not None:
        since = "the beginning" if report.since is None else report.since.isoformat()
        until = "the end" if report.until is None else report.until.isoformat()
        table.add_row("[dim]compared[/]", f"from {since} to {until}, by event time")
    recorded = report.recorded
    if recorded.compared:
        said = f"{recorded.compared:,} of {recorded.known:,} recorded decisions decided again: "
        if recorded.differ:
            said += f"[bold red]{recorded.differ:,} differ[/], such as {', '.join(recorded.examples)}"
        else:
            said += "[green]none differs[/]"
    else:
        said = "no recorded decision to compare with"
    table.add_row("[dim]recorded[/]", said)
    if report.cut:
        numbers = ", ".join(map(str, report.cut))
        table.add_row("[dim]cut[/]", f"[yellow]the journal of partition {numbers} has lost its beginning[/]")
    return table


def _of_decisions(changes: DecisionChanges) -> list[RenderableType]:
    head = Text(f"\n{changes.decisions:,} decisions compared, {changes.changed:,} of them change")
    parts: list[RenderableType] = [head]
    if changes.outcomes:
        parts.append(_moves("Outcome", changes.outcomes))
    if changes.grades:
        parts.append(_matrix(changes.grades))
    if changes.reasons:
        parts.append(_moves("First reason", changes.reasons))
    if changes.limit.median is not None:
        middle, total = f"{changes.limit.median / 100:+,.2f}", f"{changes.limit.sum / 100:+,.2f}"
        parts.append(Text(f"\nlimit: {changes.limit.differ:,} differ, by {middle} in the median, {total} in all"))
    if changes.rate.median is not None:
        middle = f"{changes.rate.median * 100:+.2f}"
        parts.append(Text(f"rate: {changes.rate.differ:,} differ, by {middle} points in the median"))
    return parts


def _of_alerts(changes: AlertChanges) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(f"\n{changes.alerts:,} alerts as it was, {changes.same:,} of them stay")]
    if changes.rules:
        table = Table(box=None, pad_edge=False)
        table.add_column("rule")
        for heading in ("gained", "lost"):
            table.add_column(heading, justify="right")
        table.add_column("such as")
        for each in changes.rules:
            examples = (*each.examples_gained, *each.examples_lost)[:2]
            table.add_row(each.rule, f"{each.gained:,}", f"{each.lost:,}", ", ".join(examples))
        parts.append(table)
    return parts


def _moves(title: str, moves: Sequence[Moved]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for heading in ("as it was", "candidate"):
        table.add_column(heading)
    table.add_column("decisions", justify="right")
    if any(each.examples for each in moves):
        table.add_column("such as")
    for each in moves[:MOST_LINES]:
        row = [each.before, each.after, f"{each.decisions:,}"]
        table.add_row(*row, *([each.examples[0]] if each.examples else []))
    if len(moves) > MOST_LINES:
        table.add_row("…", f"{len(moves) - MOST_LINES} more", f"{sum(each.decisions for each in moves[MOST_LINES:]):,}")
    return Group(Text(f"\n{title}", style="italic"), table)


def _matrix(moves: Sequence[Moved]) -> RenderableType:
    """Grades as they were down, the candidate's across."""
    rows, columns = (sorted({getattr(each, side) for each in moves}) for side in ("before", "after"))
    counts = {(each.before, each.after): each.decisions for each in moves}
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        cells = (counts.get((row, column), 0) for column in columns)
        table.add_row(row, *(f"{count:,}" if count else "·" for count in cells))
    return Group(Text("\nGrade: as it was down, the candidate's across", style="italic"), table)

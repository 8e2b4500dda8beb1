"""One customer's life drawn as a timeline: dates down the left, a lane for each loan, what happened at the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from riskwatch.agents.explaining import money
from riskwatch.lab.customerlife import UNKNOWN, Life, Row, Summary
from riskwatch.lab.lifelanes import Column, columns
from riskwatch.lab.loanpath import STATES

GAP_DAYS = 7
"""Days without anything that are drawn as a gap."""
LABELS = {"settled": "paid", "written-off": "loss"}
STYLES = {
    "M0": "black on green",
    "M1": "black on yellow",
    "M2": "black on dark_orange",
    "M3": "white on red",
    "settled": "green",
    "written-off": "white on grey23",
    "sold": "dim",
    UNKNOWN: "dim",
}
WORST_STYLE = "bold white on dark_red"
KIND_STYLES = {
    "Alert": "magenta",
    "AlertWithdrawn": "dim",
    "LoanMoved": "bold",
    "PromiseBroken": "red",
    "PromiseKept": "green",
    "CollectionAction": "cyan",
    "ActionClosed": "cyan",
    "LoanWrittenOff": "bold red",
    "Decision": "blue",
}
ASCII = str.maketrans({"→": "->", "·": ".", "⋮": ":", "–": "-", "│": "|", "…": "..."})


def draw(life: Life) -> Table:
    """The timeline for a terminal; long texts are broken within their column."""
    across = columns(life)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("", Text(" ".join(f"{column.name:<4}" for column in across), style="bold"), "")
    for left, row, states in _drawn(life, across):
        if row is None:
            grid.add_row(Text(left, style="dim"), _lanes(states), Text(""))
            continue
        style = KIND_STYLES.get(row.happening.kind, "")
        grid.add_row(Text(left, style="bold"), _lanes(states), Text(_told(life, row), style=style))
    return grid


def lines(life: Life) -> list[str]:
    """The timeline as lines, drawn in ASCII: for files, pipes and terminals without colours."""
    across = columns(life)
    head = " " * 15 + " ".join(f"{column.name:<4}" for column in across)
    told = [head.rstrip()] if across else []
    for left, row, states in _drawn(life, across):
        cells = " ".join(f"{_label(state):<4}" for state in states)
        text = "" if row is None else _told(life, row)
        told.append(f"{left:<14} {cells}{'  ' if across else ''}{text}".rstrip().translate(ASCII))
    return told


def heading(life: Life) -> list[str]:
    """Who it is, and which loan is in which lane."""
    told = [f"{life.customer_id} at {life.tenant}, until {life.until:%Y-%m-%d %H:%M} UTC"]
    told += [
        f"  {lane.name}  {lane.loan_id}: {lane.product}, {money(lane.principal)} {lane.currency}, "
        f"opened {lane.opened_on}"
        for lane in life.lanes
    ]
    return told


def summary_line(summary: Summary) -> str:
    """Loans, paid, owed, the worst bucket, what is open."""
    stands = ", ".join(f"{count} {state}" for state, count in sorted(summary.loans.items(), key=_in_order))
    parts = [f"loans: {sum(summary.loans.values())}" + (f" ({stands})" if stands else "")]
    parts.append(f"paid: {_amounts(summary.paid)}")
    parts.append(f"owed: {_amounts(summary.owed)}")
    parts.append(f"worst bucket: {summary.worst or 'unknown'}")
    parts.append(f"open actions: {summary.open_actions}")
    parts.append(f"alerts that stand: {summary.standing_alerts}")
    return "; ".join(parts)


def _drawn(life: Life, across: Sequence[Column]) -> Iterator[tuple[str, Row | None, Sequence[str | None]]]:
    """The left column, the row, and the state in each column; a gap has no row, and the states that go through it."""
    before: Row | None = None
    states: tuple[str | None, ...] = ()
    for number, row in enumerate(life.rows):
        if before is not None and (days := (row.day - before.day).days) > GAP_DAYS:
            yield f"  ⋮ {days} days", None, states
        states = tuple(column.states[number] for column in across)
        new = before is None or row.day != before.day
        yield f"{row.day:%Y-%m-%d %a}" if new else "", row, states
        before = row


def _lanes(states: Sequence[str | None]) -> Text:
    text = Text()
    for state in states:
        style = "" if state is None else STYLES.get(state, WORST_STYLE)
        text.append(f"{_label(state):^4}", style=style)
        text.append(" ")
    return text


def _label(state: str | None) -> str:
    return "·" if state is None else LABELS.get(state, state)


def _told(life: Life, row: Row) -> str:
    """The text, with the lane's name where there are several."""
    text = " ".join(row.happening.text.split())  # a publisher's text may hold line breaks
    loan_id = row.happening.loan_id
    if loan_id is None or len(life.lanes) == 1:
        return text
    lane = next((each.name for each in life.lanes if each.loan_id == loan_id), loan_id)
    return f"{lane} {text}"


def _amounts(amounts: dict[str, int]) -> str:
    return ", ".join(f"{money(amount)} {currency}" for currency, amount in sorted(amounts.items())) or "nothing"


def _in_order(pair: tuple[str, int]) -> int:
    return STATES.index(pair[0]) if pair[0] in STATES else len(STATES)

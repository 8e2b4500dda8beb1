"""Lists and their changes as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from riskwatch.streams.filing import printable
from riskwatch.streams.listing import ListChange
from riskwatch.streams.liststanding import expired
from riskwatch.streams.packing import from_ms


def standing_table(entries: Iterable[ListChange], now_ms: int) -> Table:
    """One line for each entry."""
    table = _table("institution", "list", "kind", "value", "since", "until", "by", "reason")
    for each in entries:
        over = expired(each, now_ms)
        table.add_row(
            each.tenant, each.purpose, each.kind, _value(each), _instant(each.at_ms),
            f"{_end(each)}{' (expired)' if over else ''}", _shown(each.actor), _shown(each.reason),
            style="dim" if over else None,
        )  # fmt: skip
    return table


def history_table(changes: Iterable[ListChange]) -> Table:
    """One line for each change, oldest first."""
    table = _table("at", "institution", "change", "kind", "value", "until", "by", "reason", "id")
    for each in changes:
        change = f"{'off' if each.remove else 'on'} {each.purpose}"
        table.add_row(
            _instant(each.at_ms), each.tenant, change, each.kind, _value(each), "" if each.remove else _end(each),
            _shown(each.actor), _shown(each.reason), _shown(each.change_id),
        )  # fmt: skip
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _value(change: ListChange) -> str:
    more = len(change.values) - 1
    return _shown(change.values[0]) + (f" (+{more})" if more > 0 else "")


def _end(change: ListChange) -> str:
    return "for good" if change.expires_ms is None else _instant(change.expires_ms)


def _instant(at_ms: int) -> str:
    at: datetime = from_ms(at_ms)
    return at.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def _shown(text: str) -> str:
    return escape(printable(text))

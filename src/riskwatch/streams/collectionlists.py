"""Lists of loans for sale or suit: the open actions of a list as the table that its taker needs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from riskwatch.streams.collections import CollectionAction


def list_of(actions: Iterable[CollectionAction], file: str) -> list[CollectionAction]:
    """The actions that the list `file` takes up, by institution, customer and loan."""
    taken = (each for each in actions if each.channel == "batch" and each.file == file and not each.holdout)
    return sorted(taken, key=lambda each: (each.tenant, each.customer_id, each.loan_id, each.action_id))


def columns_of(actions: Sequence[CollectionAction]) -> list[str]:
    """The list's columns: the action's id, then every field that an action of it must hold, in their order."""
    return ["action_id", *dict.fromkeys(field for each in actions for field in each.fields)]


def write_list(actions: Sequence[CollectionAction], out: TextIO) -> None:
    """Writes the actions as CSV with a heading. Instants are RFC 3339, money is in minor units, what is not known is
    empty."""
    columns = columns_of(actions)
    table = csv.writer(out, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_cell(each, column) for column in columns] for each in actions)


def _cell(action: CollectionAction, column: str) -> str:
    if column == "decided_at":
        return action.decided_at.isoformat()
    value = action.values[column] if column in action.values else getattr(action, column, None)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)

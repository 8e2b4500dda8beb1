"""Which loans share a column of the timeline: each has its own, unless there are many."""

from __future__ import annotations

from msgspec import Struct

from riskwatch.lab.customerlife import Life

MOST_COLUMNS = 8
"""More loans than these share columns: a loan takes up that of one that is over."""
OVER = frozenset({"settled", "sold"})


class Column(Struct, frozen=True):
    """`name`: of its first loan, with `+` where others follow; `states`: one for each row, None where it is empty."""

    name: str
    states: tuple[str | None, ...]


def columns(life: Life, most: int = MOST_COLUMNS) -> list[Column]:
    """The columns, left to right. With more than `most` loans a loan is drawn from the row that opens it to the row
    that ends it, in the first column that is free then; loans that no row shows have none."""
    lanes = [[row.states[number] for row in life.rows] for number in range(len(life.lanes))]
    if len(lanes) <= most:
        return [Column(lane.name, tuple(states)) for lane, states in zip(life.lanes, lanes, strict=True)]
    shared: list[tuple[str, list[str | None], int]] = []
    for lane, states in zip(life.lanes, lanes, strict=True):
        first = next((row for row, state in enumerate(states) if state is not None and state not in OVER), None)
        if first is None:
            continue
        last = next((row for row in range(first, len(states)) if states[row] in OVER), len(states) - 1)
        place = next((number for number, (_, _, ended) in enumerate(shared) if ended < first), None)
        if place is None:
            place = len(shared)
            shared.append((lane.name, [None] * len(states), -1))
        name, cells, ended = shared[place]
        cells[first : last + 1] = states[first : last + 1]
        shared[place] = (name if ended < 0 else f"{name.rstrip('+')}+", cells, last)
    return [Column(name, tuple(cells)) for name, cells, _ in shared]

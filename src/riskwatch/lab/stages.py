"""How many loans are in which stage, as their moves are heard: buckets, and how loans end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date

from msgspec import Struct, field
from rich.box import SIMPLE_HEAD
from rich.table import Table

from riskwatch.features.servicing import BUCKETS
from riskwatch.streams.loanmoves import LoanMoved, LoanPlace

CURRENT = BUCKETS[0]
ENDS = ("settled", "written-off", "sold")
STAGES: tuple[str, ...] = (*BUCKETS, *ENDS)
"""M0 is performing; M1 to M6+ are past due."""


class Stages(Struct):
    """Where each loan is, by tenant and loan id: as the last record about it says, in the order of its partition.

    `reached`: stage → loans that were ever said to be in it; `cured`: moves from past due to M0 or settled;
    `corrected`: moves that take back an earlier one. `by_month`: the counts at the end of each month, by its last day.
    """

    of: dict[tuple[str, str], str] = field(default_factory=dict)
    reached: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    cured: int = 0
    corrected: int = 0
    by_month: dict[date, Counter[str]] = field(default_factory=dict)

    def hear(self, move: LoanMoved) -> None:
        """Takes a move in. One that is heard again changes nothing."""
        key = move.tenant, move.loan_id
        stage = stage_of(move.after)
        before = self.of.get(key)
        if stage is None or stage == before:
            return
        self.of[key] = stage
        self.reached.setdefault(stage, set()).add(key)
        if move.corrects:
            self.corrected += 1
        elif before in BUCKETS[1:] and stage in (CURRENT, "settled"):
            self.cured += 1

    def counts(self) -> Counter[str]:
        """Loans by stage; together they are all loans that were opened."""
        return Counter(self.of.values())

    def end_month(self, last_day: date) -> None:
        """Keeps the counts as those at the end of a month, where there are any."""
        if self.of:
            self.by_month[last_day] = self.counts()


def stage_of(place: LoanPlace) -> str | None:
    """The stage of a loan; None where nothing is known of it yet."""
    if place.status == "unknown":
        return None
    return place.status if place.status in ENDS else place.bucket


def stage_line(counts: Mapping[str, int]) -> str:
    """The stages that hold loans, in one line."""
    told = [f"{stage} {counts[stage]:,}" for stage in STAGES if counts.get(stage)]
    return f"{sum(counts.values()):,} loans: " + " · ".join(told) if told else "no loans yet"


def month_table(stages: Stages) -> Table:
    """Loans by stage at the end of each month; the last row is now."""
    table = Table(
        title="Loans by stage at each month's end",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 0),
        pad_edge=False,
    )
    table.add_column("month", no_wrap=True)
    for stage in (*STAGES, "all"):
        table.add_column(stage, justify="right", no_wrap=True, min_width=3)
    rows = [(f"{day:%Y-%m}", counts) for day, counts in sorted(stages.by_month.items())]
    for name, counts in [*rows, ("now", stages.counts())]:
        cells = [f"{counts[stage]:,}" if counts[stage] else "[dim]-[/]" for stage in STAGES]
        table.add_row(name, *cells, f"{sum(counts.values()):,}")
    return table

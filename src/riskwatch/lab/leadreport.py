"""The lead time of a replay's early warnings, beside what needs no model: for whoever reads the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from riskwatch.lab.delinquency import Book
from riskwatch.lab.exposure import Exposure, Hits, Rank
from riskwatch.lab.leadtime import LeadTime, measure
from riskwatch.lab.verdicts import percent, ratio
from riskwatch.scoring.settings import ARREARS
from riskwatch.streams.outputs import SEVERITIES, Alert, TrainingExample
from riskwatch.streams.packing import hash64, to_ms

if TYPE_CHECKING:
    from rich.console import RenderableType

MODEL, RULES, BY_DPD, BY_CHANCE = "arrears model", "rules", "late, by DPD", "by chance"


Ticks = Mapping[tuple[int, int], int]
"""Partition and offset of a tick → the time that it brought, ms."""


class LeadReport(Struct, frozen=True, kw_only=True):
    """`rows`: the persons held out first. `begun_late`: loans that were 30 days past due when first seen. `rules`:
    precision of each rule's warnings on the development part, what they are ranked by."""

    told: str
    months: tuple[str, str]
    begun_late: int
    rows: list[LeadTime]
    rules: dict[str, float]


NO_TICKS: Ticks = {}


def lead_report(
    book: Book, alerts: Iterable[Alert], examples: Iterable[TrainingExample] = (), ticks: Ticks = NO_TICKS
) -> LeadReport | None:
    """None where no loan was at risk for long enough to judge anything. `alerts`: as they were raised.

    `examples`: of the models. The arrears model's scores are known for entries whose label was due before the end; so
    where there are any, all rankings are judged up to the newest of them.
    """
    scored = [each for each in examples if each.model == ARREARS and each.score is not None]
    exposure = Exposure(book, max((to_ms(each.occurred_at) + 1 for each in scored), default=None))
    if not len(exposure.months):
        return None
    warnings = [each for each in alerts if each.kind == "early-warning" and not each.shadow]
    hits, precision = by_rule(exposure, warnings, ticks)
    rankings = {RULES: hits, BY_DPD: exposure.by_dpd(), BY_CHANCE: exposure.by_chance()}
    if scored:
        rankings = {MODEL: by_model(exposure, scored), **rankings}
    rows = [row for name, ranked in rankings.items() for row in measure(name, exposure, ranked)]
    first, last = (f"{month // 12}-{month % 12 + 1:02}" for month in exposure.months[[0, -1]].tolist())
    return LeadReport(
        told=book.told,
        months=(first, last),
        begun_late=book.begun_late,
        rows=sorted(rows, key=lambda row: row.part != "held out"),
        rules=precision,
    )


def by_rule(exposure: Exposure, warnings: Sequence[Alert], ticks: Ticks = NO_TICKS) -> tuple[Hits, dict[str, float]]:
    """Warnings ranked by how often those of their rule were right, on the development part; and that, by rule."""
    hits = exposure.hits(
        Rank(each.tenant, each.customer_id, each.loan_id, known_ms(each, ticks), place)
        for place, each in enumerate(warnings)
    )
    which, _, known = exposure.right(hits.loan, hits.at)
    told: dict[str, list[bool]] = defaultdict(list)
    rules = [warnings[int(place)].rule for place in hits.value.tolist()]
    counts = (known & ~exposure.loan_held[hits.loan]).tolist()
    for rule, right, counted in zip(rules, (which >= 0).tolist(), counts, strict=True):
        if counted:
            told[rule].append(right)
    precision = {rule: sum(right) / len(right) for rule, right in sorted(told.items())}
    ranked = np.array([precision.get(rule, 0.0) for rule in rules], dtype=np.float64)
    return Hits(loan=hits.loan, at=hits.at, value=ranked, unit=hits.unit), precision


def known_ms(alert: Alert, ticks: Ticks) -> int:
    """When (ms, event time) a warning could be known: at its tick, where something fell due in the past."""
    return max(to_ms(alert.occurred_at), ticks.get((alert.cause.partition, alert.cause.offset), 0))


def lead_lines(book: Book, alerts: Iterable[Alert]) -> list[str]:
    """A line for each budget about a portfolio too small to develop anything on: warnings are ranked by their severity,
    and everybody counts."""
    exposure = Exposure(book, split=False)
    if not len(exposure.months):
        return []
    warnings = [each for each in alerts if each.kind == "early-warning"]
    hits = exposure.hits(
        Rank(each.tenant, each.customer_id, each.loan_id, to_ms(each.occurred_at), SEVERITIES.index(each.severity))
        for each in warnings
    )
    lines = []
    for row in measure(RULES, exposure, hits):
        if row.part != "held out" or not row.reached:
            continue
        lead = "" if row.lead_median is None else f", {row.lead_median:.0f} days before"
        lines.append(f"at {row.budget:.0%} a month: {row.found} of {row.reached} loans warned of{lead}")
    return lines


def by_model(exposure: Exposure, examples: Iterable[TrainingExample]) -> Hits:
    """The arrears model's scores as they were given, each before anything was learned from its entry or from what came
    later."""
    subjects = {f"{hash64(tenant, loan_id):016x}": loan_id for tenant, _, loan_id in exposure.loans}
    return exposure.hits(
        Rank(each.tenant, each.customer_id, subjects.get(each.subject_id, ""), to_ms(each.occurred_at), each.score)
        for each in {each.example_id: each for each in examples}.values()
        if each.score is not None
    )


def lead_table(report: LeadReport) -> RenderableType:
    """The tables for a terminal: what was found by each ranking at each budget, of the persons held out first."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table

    parts: list[RenderableType] = ["Early warnings by lead time at a fixed budget"]
    for part in dict.fromkeys(row.part for row in report.rows):
        table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.add_column(f"persons: {part}", no_wrap=True)
        for header in ("at", "spent", "warned", "of", "lead days", "right", "60+"):
            table.add_column(header, justify="right", no_wrap=True)
        for row in report.rows:
            if row.part == part:
                table.add_row(*_cells(row))
        parts.append(table)
    return Group(*parts, f"[dim]{explained(report)}[/]")


def _cells(row: LeadTime) -> tuple[str, ...]:
    lead = "" if row.lead_median is None else f"{row.lead_median:.0f} ({row.lead_low:.0f}-{row.lead_high:.0f})"
    return (
        row.ranking,
        f"{row.budget:.0%}",
        percent(ratio(row.warned, row.accounts)),
        f"[bold]{percent(row.share)}[/]",
        f"{row.reached:,}",
        lead,
        percent(row.precision),
        f"{row.further_found:,}/{row.further:,}",
    )


def explained(report: LeadReport) -> str:
    """What the columns mean."""
    return (
        f"Months {report.months[0]} to {report.months[1]}. Budget: the share of the accounts at risk (something to "
        "pay, less than 30 days past due) that may be warned of in a month. warned: of the times that a loan reached "
        "30 days past due, the share that was warned of in the 180 days before. lead days: median and quartiles, from "
        "the earliest such warning. right: warnings after which the loan reached it within 180 days. 60+: of those "
        "that went on to 60, how many were warned of before 30. "
        f"{report.begun_late:,} loans were 30 days past due when first seen, and are left out. {report.told}"
    )

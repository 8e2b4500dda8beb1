"""What the demo's summary says about applications: how they were decided, what waited for answers, one explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from riskwatch.agents.explaining import explain_briefly
from riskwatch.lab.decided import OUTCOMES, StoryDecisions, is_about_links
from riskwatch.policy.lending import ANSWERED
from riskwatch.streams.decisions import DecisionTrail
from riskwatch.streams.outputs import Alert

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_DECIDED = {"approve": "approved", "refer": "referred to a person", "decline": "declined"}


def decision_line(metrics: Mapping[str, float]) -> str | None:
    """Decisions by outcome, by the worker's own counters; None while there are none."""
    decided = {outcome: int(metrics.get(f"decisions_total.{outcome}", 0)) for outcome in OUTCOMES}
    if not sum(decided.values()):
        return None
    told = ", ".join(f"{count:,} {_DECIDED[outcome]}" for outcome, count in decided.items())
    none = int(metrics.get("undecided_applications_total", 0))
    rest = f"; {none:,} in a currency without lending policy" if none else ""
    return f"{sum(decided.values()):,} applications: {told}{rest}"


def waiting_line(trails: Sequence[DecisionTrail], applied: Mapping[tuple[int, int], int]) -> str | None:
    """How many decisions waited for answers about links, and how long from the application's entry to the decision, by
    the worker's clock. None where none was asked for. `applied`: partition and offset of the entry → ms."""
    asked = [trail for trail in trails if not trail.decision.shadow and trail.inputs.get(ANSWERED) is not None]
    if not asked:
        return None
    complete = sum(trail.inputs[ANSWERED] is True for trail in asked)
    told = f"{len(asked):,} decisions waited for answers, {len(asked) - complete:,} of them in vain"
    waits = sorted(
        round(said.decided_at.timestamp() * 1_000) - written
        for said in (trail.decision for trail in asked)
        if (written := applied.get((said.cause.partition, said.cause.offset))) is not None
    )
    if waits:
        told += f"; from entry to decision {median(waits):,.0f} ms, the slowest {waits[-1]:,} ms"
    return told


def links_line(alerts: Sequence[Alert]) -> str | None:
    """Alerts about what customers share, by rule, most first; None where there are none."""
    rules = Counter(alert.rule for alert in alerts if is_about_links(alert))
    return ", ".join(f"{count:,} {rule}" for rule, count in rules.most_common()) or None


def application_table(stories: Sequence[StoryDecisions]) -> Table:
    """What became of the applications of stories about what applicants share."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = "Applications: who was stopped for what they share"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1), pad_edge=False)
    table.add_column("story", no_wrap=True)
    table.add_column("should be", no_wrap=True)
    for header in ("planted", "stopped", "otherwise", "approved"):
        table.add_column(header, justify="right", no_wrap=True)
    for story in stories:
        right = story.linked == story.decided if story.stops else story.linked == 0
        linked = f"[{'green' if right else 'yellow'}]{story.linked:,}[/]"
        should = "stopped" if story.stops else "[dim]left alone[/]"
        counts = (f"{story.planted:,}", linked, f"{story.otherwise:,}", f"{story.approved:,}")
        table.add_row(story.story, should, *counts)
    return table


def explained(trails: Sequence[DecisionTrail]) -> list[RenderableType]:
    """One decision in short: the newest approval that offers what was asked for, as `riskwatch explain` would show it.
    Nothing where nothing was approved."""
    offered = [trail for trail in trails if trail.decision.amount > 0 and not trail.decision.shadow]
    if not offered:
        return []
    chosen = max(
        offered,
        key=lambda trail: (
            trail.decision.amount >= trail.decision.requested,
            trail.decision.occurred_at,
            trail.decision.decision_id,
        ),
    )
    return ["[bold]One decision explained[/]", *explain_briefly(chosen)]

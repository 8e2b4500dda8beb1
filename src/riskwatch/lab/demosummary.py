"""What the demo says at its end: what was found, whether everything is accounted for, and where to look next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table

from riskwatch.lab.decided import by_reason, by_story_decided
from riskwatch.lab.demobook import book_parts
from riskwatch.lab.demodecisions import application_table, decision_line, explained, links_line, waiting_line
from riskwatch.lab.leadreport import lead_lines
from riskwatch.lab.report import balance_line, reason_table, story_table
from riskwatch.lab.scene import Scene
from riskwatch.lab.stages import CURRENT, ENDS, month_table
from riskwatch.lab.telling import LAST_DAY
from riskwatch.lab.verdicts import by_story, false_alerts

if TYPE_CHECKING:
    from rich.console import RenderableType


def summary(scene: Scene, now: float) -> RenderableType:
    """What was found, whether everything is accounted for, and where to look next."""
    alerts = list(scene.alerts.values())
    facts = Table.grid(padding=(0, 2))
    told = (
        "none came" if scene.first_alert_after is None else f"[bold]{scene.first_alert_after:.1f} s[/] after the start"
    )
    facts.add_row("first alert", told)
    kinds = {kind: sum(alert.kind == kind for alert in alerts) for kind in ("fraud", "early-warning")}
    facts.add_row("alerts", f"{len(alerts):,}: {kinds['fraud']:,} fraud, {kinds['early-warning']:,} early warnings")
    if scene.withdrawn:
        facts.add_row("withdrawn", f"{len(scene.withdrawn):,}, because what they came of was undone")
    raised = [*alerts, *scene.withdrawn.values()]
    ended = scene.done_at or scene.fed_at or now
    if scene.feeding_since is not None and ended > scene.feeding_since:
        seconds = ended - scene.feeding_since
        facts.add_row("events", f"{scene.fed.published:,} in {seconds:.1f} s, paced for the eye at the end")
    if scene.cut and scene.fed.event_time is not None:
        facts.add_row(
            "[yellow]cut short[/]",
            f"this machine is busy: told until {scene.fed.event_time:%d %B %Y}, of {LAST_DAY:%d %B %Y}",
        )
    if scene.balance is not None:
        facts.add_row("accounted for", balance_line(scene.balance))
    for name, line in (
        ("decisions", decision_line(scene.metrics)),
        ("answers", waiting_line(scene.trails, scene.applied)),
        ("shared", links_line(alerts)),
    ):
        if line is not None:
            facts.add_row(name, line)
    if scene.served is not None:
        facts.add_row(
            "views", f"{scene.served:,} of {len(scene.alerts):,} alerts shown in Redis, by customer and by time"
        )
    facts.add_row("loans", loans_line(scene))
    if scene.lines:
        facts.add_row("credit lines", ", ".join(f"{count:,} {name}" for name, count in scene.lines.most_common()))
    if scene.floor:
        facts.add_row("floor", floor_line(scene.floor))
    raised = [each for each in raised if (each.tenant, each.customer_id) not in scene.borrowers]
    false = false_alerts(raised, scene.truths)
    planted = {customer for truth in scene.truths for customer in truth.customers}
    healthy = {(alert.tenant, alert.customer_id) for alert in false} - planted
    of_all = max(0, scene.customers - len(planted))
    facts.add_row("false alerts", f"{len(false):,}; {len(healthy):,} of {of_all:,} healthy customers were ever alerted")
    heading = "What was found" if scene.finished else "What was found until it was interrupted"
    parts: list[RenderableType] = [f"\n[bold]{heading}[/]", facts, "", story_table(by_story(raised, scene.truths))]
    parts.append(
        "[dim]found: customers of a story with an alert of the kind it should raise, in its time; where nothing should "
        "be raised, with any alert. precision: of all alerts by the rules that found such a story, the share that was "
        "right about some story. The portfolio is simulated: this tests the mechanism, it is no evidence of quality.[/]"
    )
    if scene.stages.of:
        parts += ["", month_table(scene.stages)]
    warned = lead_lines(scene.ledgers.book(), [*scene.alerts.values(), *scene.withdrawn.values()])
    if warned:
        parts += ["\n[bold]Warned of before 30 days past due, at a fixed budget of accounts[/] (days: median)", *warned]
    decisions = [trail.decision for trail in scene.trails]
    if decisions:
        parts += ["", reason_table(by_reason(decisions, None))]
        parts.append(application_table(by_story_decided(decisions, scene.truths)))
        parts += explained(scene.trails)
    if scene.book is not None:
        parts += book_parts(scene.book, scene.plots)
    parts.append(where_next())
    return Group(*parts)


def where_next() -> RenderableType:
    """Commands to try next."""
    grid = Table.grid(padding=(0, 2))
    for command, meaning in (
        ("riskwatch demo --seed 8 --customers 2000", "other customers, and more of them"),
        ("riskwatch loans show CUSTOMER", "one customer's life, on a broker of your own: docs/loans.md"),
        ("riskwatch policy check FILE", "a lending policy of your own for the decisions: docs/lending.md"),
        ("riskwatch policy show", "the rules behind these alerts; copy the file and change them"),
        ("riskwatch simulate events.jsonl", "the customers' events as a file, to publish to a broker of your own"),
        ("riskwatch simulate portfolio loans.jsonl", "the lives of thousands of loans as a file"),
        ("riskwatch replay transactions PATH", "real records: alerts and a model that learns, with their precision"),
        ("riskwatch worker --broker HOST:PORT", "a worker on your own Kafka"),
    ):
        grid.add_row(f"[cyan]{command}[/]", f"[dim]{meaning}[/]")
    return Group("\n[bold]Where to look next[/]", grid)


def loans_line(scene: Scene) -> str:
    """Loans that were opened, and where all of them are now; says where these are not the same."""
    counts, opened = scene.stages.counts(), len(scene.opened)
    if not counts:
        return f"{opened:,} opened"
    late = sum(count for stage, count in counts.items() if stage != CURRENT and stage not in ENDS)
    told = [f"{counts[CURRENT]:,} performing", f"{late:,} past due", *(f"{counts[end]:,} {end}" for end in ENDS)]
    line = f"{opened:,} opened = {' + '.join(told)}"
    if (lost := opened - sum(counts.values())) != 0:
        line += f" [red]({lost:+,} unaccounted for)[/]"
    return f"{line}; {scene.stages.cured:,} cures; {len(scene.recovered):,} loans written off brought something later"


def floor_line(tally: Mapping[str, int]) -> str:
    """What became of the actions that the simulated floor heard of."""
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(tally.items(), key=lambda pair: (-pair[1], pair[0])))
    return f"{sum(tally.values()):,} contacts ordered: {told}"

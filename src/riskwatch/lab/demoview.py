"""How the demo looks: a live page in a terminal, plain lines elsewhere, and the summary at the end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.layout import Layout
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from riskwatch.lab.decided import by_reason, by_story_decided
from riskwatch.lab.demo import DAYS, Scene
from riskwatch.lab.demobook import book_parts
from riskwatch.lab.demodecisions import application_table, decision_line, explained, links_line, waiting_line
from riskwatch.lab.report import balance_line, reason_table, story_table
from riskwatch.lab.verdicts import StoryVerdict, about, by_story, false_alerts
from riskwatch.streams.outputs import Alert

if TYPE_CHECKING:
    from rich.console import RenderableType

COLOURS = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold white on red"}
FEED = 60
"""Alerts that the live page keeps; it shows as many as fit."""
PLAIN_SECONDS = 5.0


class LivePage:
    """The live page; used as `with LivePage(console) as page`, and shown by `page.show(scene, new_alerts)`."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, screen=False, auto_refresh=False, transient=True, vertical_overflow="crop")
        self._recent: deque[Alert] = deque(maxlen=FEED)
        self._console = console

    def __enter__(self) -> LivePage:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, scene: Scene, fresh: list[Alert]) -> None:
        """Shows the scene as it is now."""
        self._recent.extend(fresh)
        height = max(16, self._console.height - 2)
        self._live.update(page(scene, list(self._recent), height, time.monotonic()), refresh=True)


class PlainLines:
    """Lines for a log or a pipe: each rule's first alert, every critical one, and a line of progress now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rules: set[str] = set()
        self._told_at = 0.0

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, scene: Scene, fresh: list[Alert]) -> None:
        """Prints what is worth a line."""
        for alert in fresh:
            if alert.rule not in self._rules or alert.severity == "critical":
                self._rules.add(alert.rule)
                self._console.print(alert_line(alert), soft_wrap=True)
        now = time.monotonic()
        if now - self._told_at >= PLAIN_SECONDS:
            self._told_at = now
            self._console.print(f"[dim]{escape(progress_line(scene, now))}[/]", soft_wrap=True)


def progress_line(scene: Scene, now: float) -> str:
    """The scene in one line of text."""
    behind = "" if scene.position is None else f", {scene.position.behind:,} behind"
    when = "" if scene.fed.event_time is None else f", event time {scene.fed.event_time:%d %B}"
    return (
        f"{now - scene.started:4.0f} s  {scene.phase}: {scene.fed.published:,} events published{when}{behind}, "
        f"{len(scene.alerts):,} alerts"
    )


def page(scene: Scene, recent: Sequence[Alert], height: int, now: float) -> RenderableType:
    """The live page, `height` lines high; `recent` alerts, the newest last."""
    layout = Layout(size=height)
    layout.split_column(Layout(name="head", size=5), Layout(name="body"))
    layout["body"].split_row(Layout(name="alerts", ratio=3), Layout(name="side", ratio=2, minimum_size=36))
    stories = by_story(list(scene.alerts.values()), scene.truths)
    layout["side"].split_column(
        Layout(_stories(stories), name="stories", size=len(stories) + 3),
        Layout(_rules(scene, height - len(stories) - 11)),
    )
    layout["head"].update(_head(scene, now))
    shown = [alert_line(alert) for alert in reversed(recent[-(height - 7) :])]
    feed: RenderableType = Group(*shown) if shown else Text("nothing yet", style="dim")
    layout["alerts"].update(
        Panel(feed, title=f"alerts ({len(scene.alerts):,})", title_align="left", border_style="dim")
    )
    return _Fixed(layout, height)


class _Fixed:
    """A layout of a given height: rich's own takes the whole screen."""

    def __init__(self, layout: Layout, height: int) -> None:
        self._layout, self._height = layout, height

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._layout.__rich_console__(console, options.update(height=self._height))


def _head(scene: Scene, now: float) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    for _ in range(6):
        grid.add_column(justify="left", ratio=1, no_wrap=True)
    metrics, position = scene.metrics, scene.position
    batches = metrics.get("batch_records_count.monitor", 0.0)
    batch = f"{metrics.get('batch_records_sum.monitor', 0.0) / batches:,.0f}" if batches else "-"
    feeding = 0.0 if scene.feeding_since is None else (scene.fed_at or now) - scene.feeding_since
    rate = f"{scene.fed.published / feeding:,.0f}" if feeding > 0.5 else "-"
    facts = (
        ("elapsed", f"{now - scene.started:.0f} s"),
        ("events", f"{scene.fed.published:,}"),
        ("events/s", rate),
        ("journal", "-" if position is None else f"{position.journaled:,}"),
        ("behind", "-" if position is None else f"{position.behind:,}"),
        ("mean batch", batch),
    )
    grid.add_row(*(f"[dim]{name}[/]" for name, _ in facts))
    grid.add_row(*(f"[bold]{value}[/]" for _, value in facts))
    when = "" if scene.fed.event_time is None else f" · {scene.fed.event_time:%A %d %B %Y}"
    first = "" if scene.first_alert_after is None else f" · first alert after {scene.first_alert_after:.1f} s"
    line = f"{scene.customers:,} customers{when} · {scene.phase}{first}"
    return Panel(Group(grid, Text(line, style="dim", no_wrap=True)), title="riskwatch", title_align="left")


def _stories(stories: Sequence[StoryVerdict]) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    for story in stories:
        if story.expected == "none":
            colour = "green" if story.alerted == 0 else "yellow"
            grid.add_row(f"[dim]{story.story}[/]", f"[{colour}]{story.alerted} of {story.planted} disturbed[/]")
        else:
            colour = "green" if story.alerted == story.planted else "default"
            grid.add_row(story.story, f"[{colour}]{story.alerted} of {story.planted} found[/]")
    return Panel(grid, title="planted stories", title_align="left", border_style="dim")


def _rules(scene: Scene, room: int) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(justify="right")
    for rule, count in scene.by_rule.most_common(max(1, room)):
        grid.add_row(rule, f"{count:,}")
    return Panel(grid, title="rules", title_align="left", border_style="dim")


def alert_line(alert: Alert) -> Text:
    """An alert in one line: when, how severe, who, which rule, why."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{alert.occurred_at:%d %b %H:%M} ", style="dim")
    line.append(f"{alert.severity:<8}", style=COLOURS[alert.severity])
    line.append(f" {alert.tenant}/{about(alert)} ", style="bold")
    line.append(f"{alert.rule} ", style="magenta")
    line.append("; ".join(reason.text for reason in alert.reasons))
    return line


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
        facts.add_row("events", f"{scene.fed.published:,} in {seconds:.1f} s, paced for the eye after the first weeks")
    if scene.cut and scene.fed.event_time is not None:
        facts.add_row(
            "[yellow]cut short[/]", f"this machine is busy: told until {scene.fed.event_time:%d %B}, of {DAYS} days"
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
        ("riskwatch simulate events.jsonl", "the same events as a file, to publish to a broker of your own"),
        ("riskwatch replay transactions PATH", "real records: alerts and a model that learns, with their precision"),
        ("riskwatch worker --broker HOST:PORT", "a worker on your own Kafka"),
    ):
        grid.add_row(f"[cyan]{command}[/]", f"[dim]{meaning}[/]")
    return Group("\n[bold]Where to look next[/]", grid)

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

from riskwatch.lab.scene import Scene
from riskwatch.lab.stages import stage_line
from riskwatch.lab.verdicts import StoryVerdict, about, by_story
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
        f"{len(scene.alerts):,} alerts" + (f"; {stage_line(scene.stages.counts())}" if scene.stages.of else "")
    )


def page(scene: Scene, recent: Sequence[Alert], height: int, now: float) -> RenderableType:
    """The live page, `height` lines high; `recent` alerts, the newest last."""
    layout = Layout(size=height)
    layout.split_column(Layout(name="head", size=6), Layout(name="body"))
    layout["body"].split_row(Layout(name="alerts", ratio=3), Layout(name="side", ratio=2, minimum_size=36))
    stories = by_story(list(scene.alerts.values()), scene.truths)
    layout["side"].split_column(
        Layout(_stories(stories), name="stories", size=len(stories) + 3),
        Layout(_rules(scene, height - len(stories) - 12)),
    )
    layout["head"].update(_head(scene, now))
    shown = [alert_line(alert) for alert in reversed(recent[-(height - 8) :])]
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
    line = f"{scene.customers + len(scene.borrowers):,} customers{when} · {scene.phase}{first}"
    loans = Text(stage_line(scene.stages.counts()), style="dim", no_wrap=True)
    return Panel(Group(grid, Text(line, style="dim", no_wrap=True), loans), title="riskwatch", title_align="left")


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

"""What a replay found, as a record (JSON) and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from riskwatch.lab.decided import DecisionVerdict
from riskwatch.lab.leadreport import LeadReport, lead_table
from riskwatch.lab.modelreport import ModelVerdict
from riskwatch.lab.verdicts import RuleVerdict, StoryVerdict, percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


class Balance(Struct, frozen=True, kw_only=True):
    """Whether every record is accounted for: what came in ended in the journal, in dead letters, or was a tombstone.

    Counted from the topics themselves, not from the worker's own counters. `journal`: entries that an upstream record
    stands behind; none stands behind `broadcast` (what concerns everybody: ticks, model versions) and `answers` (what
    other agents say about a customer).
    """

    events_in: int
    journal: int
    dead_letters: int
    tombstones: int
    broadcast: int
    answers: int = 0

    @property
    def difference(self) -> int:
        """Records unaccounted for; below 0: more came out than went in (repeats after a crash)."""
        return self.events_in - self.journal - self.dead_letters - self.tombstones

    @property
    def balanced(self) -> bool:
        """Whether the counts add up."""
        return self.difference == 0


class Report(Struct, frozen=True, kw_only=True):
    """The end of a replay. `seconds`: from the first record published to the last one done. `truth`: how right is
    defined.
    """

    dataset: str
    file: str
    rows: int
    bad_rows: dict[str, int]
    notes: dict[str, int]
    published: int
    seconds: float
    records_per_second: float
    balance: Balance
    lag_records: int
    alerts: int
    repeated_alerts: int
    truth: str
    rules: list[RuleVerdict]
    stories: list[StoryVerdict] = []
    models: list[ModelVerdict] = []
    links: list[RuleVerdict] = []
    decisions: list[DecisionVerdict] = []
    lead: LeadReport | None = None


def encode_report(report: Report) -> bytes:
    """The report as indented JSON, with whether it balances."""
    return msgspec.json.format(msgspec.json.encode(msgspec.to_builtins(report) | {"balanced": report.balance.balanced}))


def render(report: Report) -> RenderableType:
    """The report for a terminal."""
    from rich.console import Group
    from rich.table import Table

    facts = Table.grid(padding=(0, 2))
    facts.add_row("rows read", f"{report.rows:,}")
    for reason, count in report.bad_rows.items():
        facts.add_row("[yellow]rows left out[/]", f"[yellow]{count:,}  {reason}[/]")
    for note, count in report.notes.items():
        facts.add_row("mapping", f"{count:,}  {note}" if count > 1 or note.islower() else note)
    facts.add_row("published", f"{report.published:,} events in {report.seconds:,.1f} s")
    facts.add_row("throughput", f"[bold]{report.records_per_second:,.0f}[/] records/s, from publishing to done")
    facts.add_row("accounted for", balance_line(report.balance))
    facts.add_row("lag at the end", f"{report.lag_records:,} records")
    repeated = f", {report.repeated_alerts:,} repeats dropped by id" if report.repeated_alerts else ""
    facts.add_row("alerts", f"{report.alerts:,}{repeated}")
    parts: list[RenderableType] = [f"\n[bold]Replay of {report.dataset}[/] ({report.file})", facts, ""]
    if report.rules:
        parts += [rule_table(report.rules), f"[dim]{report.truth}[/]", ""]
    if report.links:
        parts += [rule_table(report.links, title="Of them, rules about what customers share"), ""]
    if report.decisions:
        parts += [reason_table(report.decisions), ""]
    if report.stories:
        parts += [story_table(report.stories), ""]
    if report.lead is not None:
        parts += [lead_table(report.lead), ""]
    for model in report.models:
        parts.append(_model_table(model))
    return Group(*parts)


def balance_line(balance: Balance) -> str:
    """The equation of the counts, in one line."""
    terms = f"{balance.events_in:,} in = {balance.journal:,} journal + {balance.dead_letters:,} dead letters"
    if balance.tombstones:
        terms += f" + {balance.tombstones:,} tombstones"
    if balance.balanced:
        return f"[green]{terms}[/]"
    return f"[bold red]{terms}, and {balance.difference:+,} unaccounted for[/]"


def rule_table(rules: Sequence[RuleVerdict], title: str = "Alerts by rule") -> Table:
    """Alerts by rule, with precision and recall where the truth is known."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1), pad_edge=False)
    table.add_column("rule", no_wrap=True)
    table.add_column("output", no_wrap=True)
    for header in ("alerts", "right", "precision", "recall"):
        table.add_column(header, justify="right", no_wrap=True)
    for rule in rules:
        name = f"{rule.rule} [dim](shadow)[/]" if rule.shadow else rule.rule
        right = "" if rule.right is None else f"{rule.right:,}"
        table.add_row(
            name,
            rule.kind.removeprefix("early-"),
            f"{rule.alerts:,}",
            right,
            percent(rule.precision),
            percent(rule.recall),
        )
    return table


def reason_table(decisions: Sequence[DecisionVerdict]) -> Table:
    """Decisions by outcome and first reason, with precision and recall where the truth is known."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    judged = any(verdict.right is not None for verdict in decisions)
    title = "Decisions by first reason"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1), pad_edge=False)
    table.add_column("outcome", no_wrap=True)
    table.add_column("first reason", no_wrap=True)
    for header in ("decisions", "right", "precision", "recall") if judged else ("decisions",):
        table.add_column(header, justify="right", no_wrap=True)
    for verdict in decisions:
        outcome = "" if verdict.outcome is None else verdict.outcome
        told = f"[magenta]{verdict.reason}[/]" if verdict.linked else verdict.reason
        right = "" if verdict.right is None else f"{verdict.right:,}"
        cells = (right, percent(verdict.precision), percent(verdict.recall)) if judged else ()
        table.add_row(outcome, told, f"{verdict.decisions:,}", *cells)
    if any(verdict.linked for verdict in decisions):
        table.caption = "[magenta]coloured[/]: from what customers share, the fraud-case library and lists"
        table.caption_justify = "left"
    return table


def story_table(stories: Sequence[StoryVerdict]) -> Table:
    """What was noticed of each kind of story. For hard negatives "found" are those disturbed: none is right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title="Stories", title_justify="left", padding=(0, 1), pad_edge=False)
    table.add_column("story", no_wrap=True)
    table.add_column("should raise", no_wrap=True)
    for header in ("planted", "found", "recall", "precision"):
        table.add_column(header, justify="right", no_wrap=True)
    for story in stories:
        if story.expected == "none":
            style = "green" if story.alerted == 0 else "yellow"
            told = f"[{style}]{story.alerted:,}[/]"
            table.add_row(story.story, "[dim]nothing[/]", f"{story.planted:,}", told, "", "")
            continue
        style = "green" if story.alerted == story.planted else "yellow" if story.alerted else "red"
        found = f"[{style}]{story.alerted:,}[/]"
        cells = (f"{story.planted:,}", found, percent(story.recall), percent(story.precision))
        table.add_row(story.story, story.expected, *cells)
    return table


def _model_table(model: ModelVerdict) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]Model[/]", f"{model.model}, {model.versions:,} versions scored")
    table.add_row("labelled", f"{model.examples:,} examples, {model.positives:,} positives")
    if model.first_scored is not None:
        table.add_row("scored", f"{model.scored:,} from {model.first_scored} to {model.last_scored}")
    table.add_row("progressive AUC", "not yet" if model.auc is None else f"[bold]{model.auc:.3f}[/]")
    precision = "not yet" if model.average_precision is None else f"[bold]{model.average_precision:.3f}[/]"
    table.add_row("average precision", precision)
    if model.card_precision is not None:
        table.add_row(f"card precision at {model.cards_a_day}", f"{model.card_precision:.3f}")
    return table

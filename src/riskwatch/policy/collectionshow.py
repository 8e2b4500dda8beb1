"""A collections policy, or the contact rules of a jurisdiction, for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskwatch.policy.collectionpolicy import CollectionPolicy
from riskwatch.policy.contactrules import ContactRules

if TYPE_CHECKING:
    from rich.console import Console


def print_collections(policy: CollectionPolicy, console: Console) -> None:
    """Prints tables: head, strategy table, stages, treatments; then the contact rules."""
    from rich.markup import escape

    whom = "every institution without its own" if policy.tenant == "*" else policy.tenant
    console.print(f"collections policy {policy.name}, version {policy.version}: {policy.product} of {whom}")
    if policy.description:
        console.print(escape(policy.description))
    held = policy.holdout.share if any(stage.holdout for stage in policy.stages) else 0.0
    console.print(
        f"{held:.1%} held out; promises pause {policy.promises.grace_days} days longer, at most {policy.promises.most};"
        f" raised up to {policy.ceiling}"
    )
    _print(
        console,
        "Strategy",
        ("line", "buckets", "score bands", "exposure bands", "stage", "without"),
        [
            (line.name, " ".join(line.buckets), " ".join(line.score_bands) or "any",
             " ".join(line.exposure_bands) or "any", line.stage, " ".join(line.without) or "–")
            for line in policy.lines
        ],
    )  # fmt: skip
    _print(
        console,
        "Stages",
        ("stage", "days between", "priority", "next after", "treatments"),
        [
            (stage.name, str(stage.min_days), str(stage.priority), str(stage.escalate_after or "–"),
             ", ".join(stage.treatments))
            for stage in policy.stages
        ],
    )  # fmt: skip
    _print(
        console,
        "Treatments",
        ("treatment", "channel", "kind", "cost", "success by", "brings"),
        [
            (each.name, each.channel, each.kind, f"{each.cost / 100:,.2f}", each.card or f"{each.probability:g}",
             f"{each.recovers:.0%} of {each.of}")
            for each in policy.treatments.values()
        ],
    )  # fmt: skip
    console.print()
    print_rules(policy.rules, console)


def print_rules(rules: ContactRules, console: Console) -> None:
    """Prints what the rules allow and forbid."""
    from rich.markup import escape

    console.print(f"contact rules {rules.name}, version {rules.version}: {', '.join(rules.channels)}")
    if rules.description:
        console.print(escape(rules.description))
    said = [f"{', '.join(rules.opt_in)} only with consent"] if rules.opt_in else []
    for name, hours in rules.hours.items():
        said.append(f"{name}: {', '.join(hours.channels)} from {hours.start} until before {hours.end}")
    for name, limit in rules.limits.items():
        window = f"{limit.days} {'calendar ' if limit.window != 'rolling' else ''}day{'s' * (limit.days != 1)}"
        said.append(f"{name}: at most {limit.most} in {window} by {', '.join(limit.channels)}, each {limit.scope}")
    for name, silence in rules.silences.items():
        said.append(f"{name}: no {', '.join(silence.channels)} for {silence.days} days, each {silence.scope}")
    for name, closed in rules.closed.items():
        days = " ".join((*closed.weekdays, *([f"holidays of {closed.calendar}"] if closed.calendar else [])))
        said.append(f"{name}: no {', '.join(closed.channels)} on {days}")
    for line in said:
        console.print(f"  {escape(line)}")


def _print(console: Console, title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table, soft_wrap=False)

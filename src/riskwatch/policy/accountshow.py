"""The section `[account]` of a lending policy for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskwatch.policy.accountpolicy import AccountPolicy

if TYPE_CHECKING:
    from rich.console import Console


def print_account(policy: AccountPolicy, console: Console) -> None:
    """Prints how a line is looked after once it is granted: bounds, freeze rules, behaviour scorecard, grades."""
    from rich.markup import escape
    from rich.table import Table

    console.print(f"\naccount: looked at after {', '.join(policy.on)}")
    console.print(
        f"freezes are lifted at {', '.join(policy.clear_on)}; required: {', '.join(policy.required) or 'nothing'}"
    )
    console.print(
        f"a grade moves {policy.hysteresis:g} points beyond its band, {policy.cool_off_days} days after the last "
        "change at the earliest"
    )
    console.print(
        f"limit: {_money(policy.lowest_limit)} to {_money(policy.highest_limit)} in steps of "
        f"{_money(policy.limit_step)}, at most {policy.largest_limit_percent} % and "
        f"{_money(policy.largest_limit_step)} at once; lowered {_after(policy.limit_notice_days)}"
    )
    console.print(
        f"rate: {_rate(policy.lowest_rate_bp)} to {_rate(policy.highest_rate_bp)}, at most "
        f"{_rate(policy.largest_rate_step_bp)} at once; raised {_after(policy.rate_notice_days)}"
    )
    rules = Table(title="Freezes", title_justify="left", box=None, pad_edge=False)
    for heading in ("rule", "when", "reason"):
        rules.add_column(heading)
    for rule in policy.freeze:
        rules.add_row(rule.name, escape(" ".join(rule.when.split())), rule.reason)
    card = Table(title="Behaviour scorecard", title_justify="left", box=None, pad_edge=False)
    for heading in ("characteristic", "reads", "points by bin", "unknown"):
        card.add_column(heading)
    for each in policy.scorecard.characteristics:
        bins = ", ".join(f"{one.label}: {one.points:g}" for one in each.bins)
        card.add_row(each.name, each.reads, escape(bins), f"{each.missing:g}")
    grades = Table(title="Grades of an account", title_justify="left", box=None, pad_edge=False)
    for heading in ("grade", "points from", "limit", "rate"):
        grades.add_column(heading, justify="left" if heading == "grade" else "right")
    for grade in policy.grades:
        edge = "below" if grade.at_least is None else f"{grade.at_least:g}"
        grades.add_row(grade.name, edge, f"{grade.limit_percent} %", _rate(grade.rate_bp))
    for table in (rules, card, grades):
        console.print()
        console.print(table, soft_wrap=False)


def _money(minor: int) -> str:
    return f"{minor / 100:,.2f}"


def _rate(basis_points: int) -> str:
    return f"{basis_points / 100:.2f} %"


def _after(days: int) -> str:
    return f"after {days} days of notice" if days else "at once"

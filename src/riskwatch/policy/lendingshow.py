"""A lending policy for a reader: what it comes to with all that it inherits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskwatch.policy.accountshow import print_account
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingladder import LADDER

if TYPE_CHECKING:
    from rich.console import Console


def print_lending(policy: LendingPolicy, console: Console) -> None:
    """Prints tables: head, rules in the order in which they are told, scorecard, grades, plan, what
    becomes of a line after it is granted, the ladder."""
    from rich.markup import escape
    from rich.table import Table

    whom = "every institution without its own" if policy.tenant == "*" else policy.tenant
    console.print(f"lending policy {policy.name}, version {policy.version}: {policy.product} of {whom}")
    if policy.description:
        console.print(escape(policy.description))
    above = "" if policy.refer_above_pd is None else f"; refers above a PD of {policy.refer_above_pd:.1%}"
    console.print(f"required: {', '.join(policy.required) or 'nothing'}{above}")
    rules = Table(title="Rules", title_justify="left", box=None, pad_edge=False)
    for heading in ("rule", "family", "outcome", "when", "reason"):
        rules.add_column(heading)
    families = (("antifraud", policy.antifraud), ("admission", policy.admission))
    told = sorted(((rule, family) for family, own in families for rule in own), key=lambda each: each[0].priority)
    for rule, family in told:
        name = f"{rule.name} (legal bar)" if rule.legal else rule.name
        rules.add_row(name, family, rule.outcome, escape(" ".join(rule.when.split())), rule.reason)
    card = Table(title="Scorecard", title_justify="left", box=None, pad_edge=False)
    for heading in ("characteristic", "reads", "points by bin", "unknown"):
        card.add_column(heading)
    for each in policy.scorecard.characteristics:
        bins = ", ".join(f"{one.label}: {one.points:g}" for one in each.bins)
        card.add_row(each.name, each.reads, escape(bins), f"{each.missing:g}")
    grades = Table(title="Grades", title_justify="left", box=None, pad_edge=False)
    for heading in ("grade", "PD up to", "limit up to", "rate", "monthly incomes", "terms"):
        grades.add_column(heading, justify="left" if heading in ("grade", "terms") else "right")
    for grade in policy.pricing.grades:
        terms = ", ".join(map(str, grade.terms))
        limit, rate = f"{grade.max_limit / 100:,.2f}", f"{grade.annual_rate:.2%}"
        grades.add_row(grade.name, f"{grade.max_pd:.1%}", limit, rate, f"{grade.income_multiple:g}", terms)
    for table in (rules, card, grades):
        console.print()
        console.print(table, soft_wrap=False)
    plan = policy.plan
    moved = "" if plan.shift == "none" else f", due dates moved to business days of {plan.calendar} ({plan.shift})"
    console.print(f"\nplan: {plan.method}{moved}, {plan.grace_days} days of grace, {plan.day_count}")
    if policy.account is not None:
        print_account(policy.account, console)
    console.print(f"\ndecided in this order: {' → '.join(step.name for step in LADDER)}")

"""`riskwatch policy`: check a policy file before it goes live, and read what is in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from riskwatch.policy.accountpolicy import FreezeRule
    from riskwatch.policy.lending import AdmissionRule, LendingPolicy
    from riskwatch.policy.policyfile import Policy
    from riskwatch.policy.policykinds import PolicyKind
    from riskwatch.policy.tomlfiles import Resolved

policy_app = typer.Typer(help="Check and read policies.", no_args_is_help=True)


@policy_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="the policy file (TOML)", exists=True, dir_okay=False, readable=True)],
) -> None:
    """Check a policy file, of rules, lending, collections, servicing or contact rules: every fault with its line; exit
    1 if there is one."""
    from rich.console import Console
    from rich.markup import escape

    from riskwatch.policy.lendingfile import has_product, load_lending
    from riskwatch.policy.lendingshow import print_lending
    from riskwatch.policy.policykinds import kind_of
    from riskwatch.policy.rules import PolicyError, load_policy

    console = Console(soft_wrap=True, highlight=False)
    kind = kind_of(file)
    try:
        if kind == "lending":
            print_lending(load_lending(file), console)
            return
        if kind == "servicing":
            _check_servicing(file, console)
            return
        if kind != "rules":
            _check_collections(file, kind, console)
            return
        policy = load_policy(file)
    except PolicyError as error:
        for fault in error.faults:
            console.print(f"[red]{escape(str(file))}[/red]: {escape(str(fault))}")
        console.print(f"[bold red]refused: {len(error.faults)} fault{'s' * (len(error.faults) != 1)}[/bold red]")
        if (kind == "lending" and not has_product(file)) or (kind == "collections" and not _has_product(file)):
            console.print("It has no `product`, so it is there to be extended: check a file that extends it.")
        raise typer.Exit(1) from None
    _print_summary(policy)


def _check_servicing(file: Path, console: Console) -> None:
    """Shows the rules of a sound file. Raises `PolicyError`."""
    from riskwatch.policy.servicingfile import load_servicing

    book = load_servicing(file)
    for rules in (book.default, *book.rules.values()):
        console.print(
            f"{rules.name}: {', '.join(rules.waterfall)}; {rules.across}; grace {rules.grace_days} days; "
            f"calendar {rules.calendar_code or 'none'}; tolerance {rules.tolerance}; buckets by {rules.bucket_by}"
        )


def _check_collections(file: Path, kind: PolicyKind, console: Console) -> None:
    """Shows a sound file of collections or of contact rules. Raises `PolicyError`."""
    from riskwatch.policy.collectionfile import load_collections
    from riskwatch.policy.collectionshow import print_collections, print_rules
    from riskwatch.policy.contactfile import load_rules

    if kind == "collections":
        print_collections(load_collections(file), console)
    else:
        print_rules(load_rules(file), console)


def _has_product(file: Path) -> bool:
    from riskwatch.policy.collectionfile import has_collection_product

    return has_collection_product(file)


@policy_app.command("show")
def show(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="the policy file, or a packaged policy's name; without one, the rules that come with riskwatch"
        ),
    ] = None,
    rule: Annotated[str | None, typer.Option(help="show one rule in full")] = None,
) -> None:
    """Show a policy's rules, or one rule in full; of a lending policy, all that it comes to and what is inherited."""
    from rich.console import Console
    from rich.markup import escape

    from riskwatch.policy.faults import did_you_mean
    from riskwatch.policy.rules import PolicyError, base_policy, load_policy

    console = Console(soft_wrap=True, highlight=False)
    try:
        if file is not None and (_show_collections(file) or _show_lending(file, rule)):
            return
        policy = base_policy() if file is None else load_policy(file)
    except PolicyError as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(1) from None
    if rule is None:
        _print_summary(policy)
        return
    found = next((own for own in policy.rules if own.name == rule), None)
    if found is None:
        near = did_you_mean(rule, [own.name for own in policy.rules])
        console.print(f"[red]no rule {escape(rule)}[/red]" + (f"; {near}" if near else ""))
        raise typer.Exit(1)
    console.print(f"[bold]{found.name}[/bold]  {found.output}, {found.severity}{', shadow' if found.shadow else ''}")
    for label, said in (
        ("", found.description),
        ("at", ", ".join(found.on)),
        ("when", " ".join(found.when.split())),
        ("reason", found.reason),
        ("raises", found.raises),
        ("typology", found.typology or "–"),
    ):
        console.print(f"  {label:9}{escape(said)}" if label else f"  {escape(said)}")


def _show_collections(file: Path) -> bool:
    """Shows a collections policy or contact rules, of a file or packaged; false for another kind of file. Raises
    `PolicyError`, `OSError`."""
    from rich.console import Console

    from riskwatch.policy.collectionfile import packaged_collections
    from riskwatch.policy.collectionshow import print_collections, print_rules
    from riskwatch.policy.contactfile import packaged_rules
    from riskwatch.policy.policykinds import COLLECTIONS, JURISDICTIONS, kind_of

    console = Console(soft_wrap=True, highlight=False)
    if file.exists():
        kind = kind_of(file)
        if kind in ("collections", "contact-rules"):
            _check_collections(file, kind, console)
            return True
    elif str(file) in COLLECTIONS.names():
        print_collections(packaged_collections(str(file)), console)
        return True
    elif str(file) in JURISDICTIONS.names():
        print_rules(packaged_rules(str(file)), console)
        return True
    return False


def _show_lending(file: Path, rule: str | None) -> bool:
    """Shows a lending policy; false for a file of rules. Raises `PolicyError`, `OSError`."""
    from rich.console import Console
    from rich.table import Table

    from riskwatch.policy import lendingfile
    from riskwatch.policy.lendingshow import print_lending

    packaged = not file.exists() and str(file) in lendingfile.packaged_names()
    if packaged:
        resolved, policy = lendingfile.resolve_packaged(str(file)), lendingfile.packaged_lending(str(file))
    elif lendingfile.is_lending(file.read_text(encoding="utf-8", errors="replace")):
        resolved, policy = lendingfile.resolve_file(file), lendingfile.load_lending(file)
    else:
        return False
    console = Console(soft_wrap=True, highlight=False)
    if rule is not None:
        _print_lending_rule(policy, resolved, rule)
        return True
    print_lending(policy, console)
    table = Table(title="Inherited", title_justify="left", box=None, pad_edge=False)
    table.add_column("part")
    table.add_column("said by")
    for path in _parts(resolved):
        files = resolved.said_by(path)
        if files and files != (resolved.name,):
            table.add_row(".".join(path), ", changed by ".join(files))
    if table.rows:
        console.print()
        console.print(table)
    return True


def _parts(resolved: Resolved) -> list[tuple[str, ...]]:
    """The parts of a lending policy as a reader thinks of them: each rule, grade and characteristic; else the table."""
    families: list[tuple[str, ...]] = [
        *((name,) for name in ("lending", "admission", "antifraud", "regions")),
        ("scorecard", "characteristics"),
        *((name,) for name in ("pricing", "grades", "plan", "texts", "account")),
        *(("account", name) for name in ("freeze", "grades")),
        ("account", "scorecard", "characteristics"),
    ]
    parts: list[tuple[str, ...]] = []
    for family in families:
        held: Any = resolved.content
        for key in family:
            held = held.get(key, {})
        inner = (
            [] if family == ("account",) else [(*family, key) for key, each in held.items() if isinstance(each, dict)]
        )
        parts += inner or [family]
    return parts


def _print_lending_rule(policy: LendingPolicy, resolved: Resolved, wanted: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    from riskwatch.policy.accountpolicy import FreezeRule
    from riskwatch.policy.accounttexts import account_text_of
    from riskwatch.policy.adverse import text_of
    from riskwatch.policy.faults import did_you_mean

    console = Console(soft_wrap=True, highlight=False)
    rules: dict[str, tuple[tuple[str, ...], AdmissionRule | FreezeRule]] = {}
    for rule in () if policy.account is None else policy.account.freeze:
        rules[rule.name] = (("account", "freeze"), rule)
    for family, own in (("admission", policy.admission), ("antifraud", policy.antifraud)):
        rules |= {rule.name: ((family,), rule) for rule in own}
    if wanted not in rules:
        near = did_you_mean(wanted, rules)
        console.print(f"[red]no rule {escape(wanted)}[/red]" + (f"; {near}" if near else ""))
        raise typer.Exit(1)
    path, found = rules[wanted]
    rows = [("when", " ".join(found.when.split()))]
    if isinstance(found, FreezeRule):
        console.print(f"[bold]{found.name}[/bold]  account, freezes the line")
        texts = account_text_of(found.reason, policy.texts)
    else:
        console.print(f"[bold]{found.name}[/bold]  {path[0]}, {found.outcome}{', legal bar' if found.legal else ''}")
        texts = text_of(found.reason, policy.texts)
        rows.append(("priority", str(found.priority)))
    console.print(f"  {escape(found.description)}")
    said_by = ", changed by ".join(resolved.said_by((*path, found.name)))
    for label, said in (*rows, ("reason", found.reason), ("en", texts.en), ("zh", texts.zh), ("said by", said_by)):
        console.print(f"  {label:9}{escape(said)}")


def _print_summary(policy: Policy) -> None:
    from rich.console import Console
    from rich.table import Table

    shadow = sum(rule.shadow for rule in policy.rules)
    console = Console(soft_wrap=True, highlight=False)
    live = f"{len(policy.rules) - shadow} live rule{'s' * (len(policy.rules) - shadow != 1)}"
    console.print(f"policy {policy.name}, version {policy.version}: {live}, {shadow} in shadow")
    table = Table(box=None, pad_edge=False)
    for heading in ("rule", "output", "severity", "judged at"):
        table.add_column(heading, no_wrap=True)
    for rule in policy.rules:
        output = f"{rule.output}*" if rule.shadow else rule.output
        table.add_row(rule.name, output, rule.severity, "\n".join(rule.on))
    console.print(table, soft_wrap=False)
    if shadow:
        console.print("* in shadow: measured, never acts")

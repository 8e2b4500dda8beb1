"""`riskwatch loans`: a report on the book of loans, and one customer's life."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskwatch.streams.asking import DEFAULT_BROKER, Broker, Prefix

if TYPE_CHECKING:
    from riskwatch.lab.loanpath import Zones
    from riskwatch.lab.loanreading import Source
    from riskwatch.policy.contactrules import ContactRules

loans_app = typer.Typer(no_args_is_help=True, help="How loans fare: a report on the book, one customer's life.")

Tenant = Annotated[str | None, typer.Option("--tenant", help="The institution.")]
ZONES = "RISKWATCH_ZONES"
Zone = Annotated[
    list[str] | None,
    typer.Option(
        "--zone", help=f"Zone of an institution's days, TENANT=IANA-NAME; {ZONES} says it else, or UTC it is."
    ),
]


@loans_app.command("report")
def report(
    out: Annotated[Path | None, typer.Option("--out", help="Folder for plots (SVG) and book.json.")] = None,
    tenant: Tenant = None,
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", help="Contact rules (TOML) beside those that are packaged.")
    ] = None,
    zone: Zone = None,
    as_json: Annotated[bool, typer.Option("--json", help="The book as one JSON object.")] = False,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Roll rates, vintages, cures, recoveries and the use of the contact budget, from the topics of an installation.

    docs/loans.md says how to read it. It only reads, and joins no group of workers.
    """
    import asyncio

    from rich.console import Console

    from riskwatch.agents.twolines import reader_console
    from riskwatch.lab.bookplots import write_book
    from riskwatch.lab.bookview import render_book
    from riskwatch.lab.loanreading import read_book
    from riskwatch.lab.portfoliobook import encode_book, make_book

    at_hand, zones = _rules(rules or []), _zones(zone or [])
    records = asyncio.run(read_book(_source(broker, prefix)))
    book = make_book(records, at_hand, zones, tenant=tenant)
    if as_json:
        typer.echo(encode_book(book))
    else:
        reader_console().print(render_book(book))
    if out is not None:
        for file in write_book(book, out):
            Console(stderr=True, highlight=False).print(str(file), soft_wrap=True)


@loans_app.command("show")
def show(
    customer: Annotated[str, typer.Argument(help="Id of the customer.")],
    tenant: Tenant = None,
    loan: Annotated[str | None, typer.Option("--loan", help="Only this loan, and what is about none.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only from this day on, YYYY-MM-DD.")] = None,
    zone: Zone = None,
    as_json: Annotated[bool, typer.Option("--json", help="The life as one JSON object.")] = False,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """One customer's life as a timeline: a lane for each loan with its bucket, and everything that happened.

    Without --tenant it reads every partition to find the customer. A pipe, or NO_COLOR, gets lines of ASCII.
    """
    import asyncio
    import os
    from datetime import date

    from rich.console import Console

    from riskwatch.lab.customerlife import customer_life, encode_life
    from riskwatch.lab.lifeview import draw, heading, lines, summary_line
    from riskwatch.lab.loanreading import NoCustomer, read_customer

    try:
        first = None if since is None else date.fromisoformat(since)
    except ValueError:
        raise typer.BadParameter(f"{since} is no day: write it as 2026-03-01", param_hint="--since") from None
    zones = _zones(zone or [])
    records = asyncio.run(read_customer(_source(broker, prefix), tenant, customer))
    life = customer_life(records, zones, loan=loan, since=first)
    if loan is not None and not life.lanes:
        raise NoCustomer(f"{customer} at {life.tenant} has no loan {loan}")
    if as_json:
        typer.echo(encode_life(life))
        return
    console = Console(highlight=False)
    told = [*heading(life), ""]
    if console.is_terminal and console.encoding.startswith("utf") and not os.environ.get("NO_COLOR"):
        console.print("\n".join(told), markup=False)
        console.print(draw(life))
    else:
        typer.echo("\n".join([*told, *lines(life)]))
    typer.echo(f"\n{summary_line(life.summary)}")
    if life.absent:
        typer.echo(f"topics that the broker does not have: {', '.join(life.absent)}", err=True)


def _source(broker: str, prefix: str) -> Source:
    from riskwatch.lab.loanreading import Source
    from riskwatch.streams.asking import security

    return Source(broker, security(), prefix)


def _zones(pairs: list[str]) -> Zones:
    """The institutions' zones: as the workers have them, and as the options say."""
    import json
    import os

    from riskwatch.lab.loanpath import Zones
    from riskwatch.streams.asking import zone_of

    try:
        named = dict(json.loads(os.environ.get(ZONES) or "{}"))
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(f"{ZONES} is not JSON of the form {{tenant: IANA name}}: {error}") from error
    for pair in pairs:
        tenant, equals, name = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair} is not TENANT=IANA-NAME", param_hint="--zone")
        named[tenant] = name
    return Zones({tenant: found for tenant, name in named.items() if (found := zone_of(name)) is not None})


def _rules(files: list[Path]) -> dict[str, ContactRules]:
    """Contact rules by name: the packaged ones, and those of files, which win."""
    from riskwatch.policy.contactfile import load_rules, packaged_rules
    from riskwatch.policy.policykinds import JURISDICTIONS

    known = {name: packaged_rules(name) for name in JURISDICTIONS.names()}
    return known | {rules.name: rules for rules in map(load_rules, files)}

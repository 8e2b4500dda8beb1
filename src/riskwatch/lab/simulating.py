"""The command `riskwatch simulate`: made-up records for a file. It imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer


def simulate(
    first: Annotated[
        Path, typer.Argument(help="customers (which may be left out), portfolio or signups.", metavar="[WHAT]")
    ],
    second: Annotated[
        Path | None, typer.Argument(help="File to write; - writes events to standard output.", metavar="FILE")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 7,
    customers: Annotated[int, typer.Option(min=60, help="customers: how many to simulate.")] = 400,
    days: Annotated[int, typer.Option(min=60, help="customers: days to simulate.")] = 100,
    loans: Annotated[int, typer.Option(min=1, max=999_999, help="portfolio: loans to simulate.")] = 2_000,
    months: Annotated[int, typer.Option(min=1, max=120, help="portfolio: months to simulate.")] = 24,
    rows: Annotated[int, typer.Option(min=1_000, help="signups: rows to write.")] = 20_000,
    truth: Annotated[Path | None, typer.Option(help="Also write what was planted, one a line.")] = None,
) -> None:
    """Write made-up records to a file.

    `simulate FILE`: the events of the demo's customers as JSON lines, in order of event time. `simulate portfolio
    FILE`: the lives of many loans as JSON lines, in the order of arrival. Both for `riskwatch replay events`, which
    feeds history in step with the worker. `simulate signups FILE`: sign-ups of a shop as a CSV for `riskwatch replay
    signups`, with rings, offices, households and lone frauds.
    """
    if second is None:
        _simulate_customers(first, seed=seed, customers=customers, days=days, truth=truth)
    elif str(first) == "customers":
        _simulate_customers(second, seed=seed, customers=customers, days=days, truth=truth)
    elif str(first) == "portfolio":
        _simulate_portfolio(second, seed=seed, loans=loans, months=months, truth=truth)
    elif str(first) == "signups":
        _simulate_signups(second, seed=seed, rows=rows, truth=truth)
    else:
        raise typer.BadParameter("expected customers, portfolio or signups", param_hint="WHAT")


def _simulate_signups(path: Path, *, seed: int, rows: int, truth: Path | None) -> None:
    from random import Random

    from riskwatch.lab.signupfile import write_signups

    groups = write_signups(path, Random(seed), rows)
    if truth is not None:
        _write_lines(truth, groups)
    planted = {kind: sum(group.kind == kind for group in groups) for kind in ("ring", "office", "household")}
    frauds = sum(len(group.users) for group in groups if group.kind in ("ring", "lone-fraud"))
    told = ", ".join(f"{count:,} {kind}s" for kind, count in planted.items())
    _say(f"{rows:,} sign-ups in {path}: {told}; {frauds:,} frauds")


def _simulate_customers(path: Path, *, seed: int, customers: int, days: int, truth: Path | None) -> None:
    from random import Random

    from riskwatch.lab.portfolio import simulate as make

    portfolio = make(Random(seed), customers=customers, days=days)
    if truth is not None:
        _write_lines(truth, portfolio.truths)
    count = _write_lines(path, portfolio.events())
    _say(f"{count:,} events of {customers:,} customers in {path}")


def _simulate_portfolio(path: Path, *, seed: int, loans: int, months: int, truth: Path | None) -> None:
    from random import Random

    from riskwatch.lab.lives import draw_lives

    drawn = draw_lives(Random(seed), loans=loans, months=months)
    if truth is not None:
        _write_lines(truth, (plan.truth() for plan in drawn.plans))
    count = _write_lines(path, drawn.events())
    _say(f"{count:,} events of {loans:,} loans in {path}")


def _write_lines(path: Path, records: Iterable[Any]) -> int:
    """Writes a JSON line for each record, to standard output where the path is `-`. Returns how many there were."""
    import sys

    import msgspec

    encoder = msgspec.json.Encoder()
    if str(path) == "-":
        return _write(sys.stdout.buffer, records, encoder)
    with path.open("wb") as out:
        return _write(out, records, encoder)


def _write(out: Any, records: Iterable[Any], encoder: Any) -> int:
    count = 0
    for record in records:
        out.write(encoder.encode(record) + b"\n")
        count += 1
    return count


def _say(text: str) -> None:
    from rich.console import Console

    Console(stderr=True, highlight=False).print(text)

"""`riskwatch cases`: confirmed frauds from a file, and a case that is taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskwatch.streams.asking import (
    DEFAULT_BROKER,
    Broker,
    Institution,
    Prefix,
    Zone,
    opened,
    screen,
    security,
    zone_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskwatch.streams.events import FraudConfirmed
    from riskwatch.streams.importing import Report

cases_app = typer.Typer(no_args_is_help=True, help="Fraud cases: import confirmed ones, clear one.")


@cases_app.command("import")
def import_cases(
    file: Annotated[Path, typer.Argument(help="CSV with the columns case_id, typology, confirmed_at, and others.")],
    tenant: Institution,
    zone: Zone = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check every row, publish nothing.")] = False,
    refused: Annotated[
        Path | None, typer.Option("--refused", help="Write refused rows, as they are, with their reasons to this file.")
    ] = None,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Import confirmed frauds from a file of comma-separated values.

    Rows with faults are told and left out; a file that cannot be read for certain is refused as a whole. An import that
    is repeated counts once: events are named after their cases. Exit code 1 where rows were refused.

    Optional columns: customer_id, subject_event_id, loss (minor units), currency, phone, id_number, bank_card, email,
    name, address, device_id, ip, merchant_id, terminal_id.
    """
    from riskwatch.streams.caseimport import CASE_COLUMNS, CaseReader
    from riskwatch.streams.importing import Report, chosen, tenant_fault

    words = tenant_fault(tenant)
    if words is not None:
        raise typer.BadParameter(words, param_hint="--tenant")
    reader = CaseReader(tenant, zone_of(zone))
    with opened(file) as lines, Report(file, refused, screen(stderr=True)) as report:
        events = chosen(lines, CASE_COLUMNS, reader.read, report)
        if dry_run:
            for _ in events:
                pass
        else:
            asyncio.run(_publish(broker, prefix, events, report))
    screen().print(report.summary("cases", dry_run=dry_run), highlight=False, soft_wrap=True)
    if report.refused:
        raise typer.Exit(1)


@cases_app.command("clear")
def clear(
    case_id: Annotated[str, typer.Argument(metavar="CASE_ID", help="The case, exactly.")],
    tenant: Institution,
    customer: Annotated[
        str | None, typer.Option("--customer", help="The case's customer; leave it out where the case had none.")
    ] = None,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Take a confirmed case back: what it tainted is no longer suspect on its account.

    A case that was cleared stays so; a fraud that is confirmed again needs a case id of its own.
    """
    from datetime import UTC, datetime

    from riskwatch.streams.caseimport import cleared
    from riskwatch.streams.publisher import InvalidEvent, Publisher

    try:
        event = cleared(tenant, case_id, customer, datetime.now(UTC))
    except InvalidEvent as error:
        raise typer.BadParameter(str(error)) from error

    async def publish() -> None:
        async with Publisher(broker, prefix=prefix, source="/riskwatch/cases", security=security()) as publisher:
            await publisher.publish(event)

    asyncio.run(publish())
    screen().print(f"case {case_id} of {tenant} is cleared", markup=False, highlight=False, soft_wrap=True)


async def _publish(broker: str, prefix: str, events: Iterator[FraudConfirmed], report: Report) -> None:
    """In chunks, so that what is told as published has been acknowledged."""
    from riskwatch.streams.importing import chunks
    from riskwatch.streams.publisher import Publisher

    async with Publisher(broker, prefix=prefix, source="/riskwatch/cases", security=security()) as publisher:
        for chunk in chunks(events):
            report.published += await publisher.publish_many(chunk)

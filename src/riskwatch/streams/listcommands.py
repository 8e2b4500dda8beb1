"""`riskwatch lists`: what an institution blocks, watches and allows, and who changed that."""

from __future__ import annotations

import asyncio
import sys
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
    from collections.abc import Iterable
    from datetime import datetime

    from riskwatch.streams.listing import ListChange, ListRequest

Purpose = Annotated[str, typer.Argument(metavar="PURPOSE", help="block, watch, allow or allow-always.")]
Kind = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="What is listed: customer, device, phone, id_number, bank_card, email, address, name, ip, ip-net, "
        "merchant or terminal.",
    ),
]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="The thing itself; - reads it from the standard input.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit, so name nobody in it.")]
By = Annotated[str | None, typer.Option("--by", help="Who asks for it; the login name if absent.")]
Every = Annotated[str | None, typer.Option("--tenant", help="Only this institution's.")]

lists_app = typer.Typer(no_args_is_help=True, help="Block, watch and allow lists: change, show, import.")


@lists_app.command("add")
def add(
    purpose: Purpose,
    kind: Kind,
    text: Text,
    tenant: Institution,
    reason: Reason,
    by: By = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Last day that it stands, or an instant; for good if absent.")
    ] = None,
    term: Annotated[str | None, typer.Option("--for", help="How long it stands: 12h, 90d, 4w.")] = None,
    zone: Zone = None,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Put a customer or an identifier on a list.

    A day is that of --zone, else of UTC. What is on the list already gets the new term and reason.
    """
    _ask(broker, prefix, purpose, kind, text, tenant, reason, by, until=until, term=term, zone=zone)


@lists_app.command("remove")
def remove(
    purpose: Purpose,
    kind: Kind,
    text: Text,
    tenant: Institution,
    reason: Reason,
    by: By = None,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Take a customer or an identifier off a list."""
    _ask(broker, prefix, purpose, kind, text, tenant, reason, by, removal=True)


@lists_app.command("show")
def show(
    tenant: Every = None,
    purpose: Annotated[str | None, typer.Option("--purpose", help="Only this list: block, watch …")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what has expired.")] = False,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Show what stands on the lists now. Identifiers of persons are shown as their keyed hashes."""
    from riskwatch.streams.listing import PURPOSES
    from riskwatch.streams.listshow import standing_table
    from riskwatch.streams.liststanding import expired, standing

    if purpose is not None and purpose not in PURPOSES:
        raise typer.BadParameter(f"one of {', '.join(PURPOSES)}", param_hint="--purpose")
    now_ms = _now_ms()
    entries = [
        each
        for each in standing(_changes(broker, prefix, tenant))
        if (purpose is None or each.purpose == purpose) and (every or not expired(each, now_ms))
    ]
    screen().print(standing_table(entries, now_ms) if entries else "nothing stands on these lists")


@lists_app.command("history")
def history(tenant: Every = None, broker: Broker = DEFAULT_BROKER, prefix: Prefix = "riskwatch") -> None:
    """Show every change of the lists in order: when, by whom, why."""
    from riskwatch.streams.listshow import history_table
    from riskwatch.streams.liststanding import once

    changes = once(_changes(broker, prefix, tenant))
    screen().print(history_table(changes) if changes else "no list was ever changed")


@lists_app.command("import")
def import_lists(
    file: Annotated[Path, typer.Argument(help="CSV with the columns purpose, kind, text; reason and until.")],
    tenant: Institution,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for rows that give no reason.")] = None,
    by: By = None,
    zone: Zone = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check every row, publish nothing.")] = False,
    refused: Annotated[
        Path | None, typer.Option("--refused", help="Write refused rows, as they are, with their reasons to this file.")
    ] = None,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Put many things on lists, from a file of comma-separated values. Rows with faults are told and left out.

    A file that cannot be read for certain is refused as a whole. Exit code 1 where rows were refused.
    """
    from datetime import UTC
    from functools import partial

    from riskwatch.streams.importing import Report, chosen, chunks
    from riskwatch.streams.listasking import LIST_COLUMNS, request_of

    make = partial(
        request_of, tenant=tenant, actor=_actor(by), reason=reason, now=_now(), zone=zone_of(zone) or UTC,
        make_id=_new_id,
    )  # fmt: skip
    _check_tenant(tenant)
    with opened(file) as lines, Report(file, refused, screen(stderr=True)) as report:
        requests = chosen(lines, LIST_COLUMNS, make, report)
        for chunk in chunks(requests):
            if not dry_run:
                report.published += _publish(broker, prefix, chunk)
    screen().print(report.summary("requests", dry_run=dry_run), highlight=False)
    if report.refused:
        raise typer.Exit(1)


def _ask(
    broker: str, prefix: str, purpose: str, kind: str, text: str, tenant: str, reason: str, by: str | None, *,
    until: str | None = None, term: str | None = None, zone: str | None = None, removal: bool = False,
) -> None:  # fmt: skip
    """Checks one request as the worker will, and publishes it."""
    from datetime import UTC

    from riskwatch.streams.codec import Faults
    from riskwatch.streams.listasking import checked_request, doubt, end_of_term

    now = _now()
    try:
        expires = end_of_term(until, term, now, zone_of(zone) or UTC)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    request = checked_request(
        change_id=_new_id(), tenant=tenant, kind=kind, text=_read_line() if text == "-" else text,
        purpose=purpose, actor=_actor(by), reason=reason, at=now, expires_at=expires, remove=removal,
    )  # fmt: skip
    if isinstance(request, Faults):
        raise typer.BadParameter(str(request))
    _publish(broker, prefix, [request])
    said = doubt(request)
    if said is not None:
        screen(stderr=True).print(f"note: the {kind} looks wrong ({said}); it is listed as it is", highlight=False)
    end = "for good" if request.expires_at is None else f"until {request.expires_at.isoformat(timespec='seconds')}"
    words = f"taken off {purpose}" if removal else f"put on {purpose} {end}"
    screen().print(
        f"asked for: a {kind} of {tenant} is {words} (change {request.change_id})", highlight=False, soft_wrap=True
    )


def _publish(broker: str, prefix: str, requests: Iterable[ListRequest]) -> int:
    from riskwatch.streams.listreading import encode_request
    from riskwatch.streams.topics import LISTS, full_name
    from riskwatch.streams.writing import check_topic, write_records

    topic, secured = full_name(LISTS, prefix), security()

    async def publish() -> int:
        await check_topic(broker, topic, security=secured)
        records = [(topic, (each.tenant.encode(), encode_request(each), (), None)) for each in requests]
        return await write_records(broker, records, security=secured)

    return asyncio.run(publish())


def _changes(broker: str, prefix: str, tenant: str | None) -> list[ListChange]:
    """Every change up to now, in order; what is no change is passed over and told."""
    import msgspec

    from riskwatch.streams.listreading import decode_audit
    from riskwatch.streams.reading import read_topic
    from riskwatch.streams.topics import LIST_CHANGES, full_name

    found, unread = [], 0

    async def read() -> None:
        nonlocal unread
        async for record in read_topic(broker, full_name(LIST_CHANGES, prefix), security=security()):
            try:
                change = decode_audit(record.value or b"")
            except (msgspec.MsgspecError, UnicodeDecodeError):
                unread += 1
                continue
            if tenant is None or change.tenant == tenant:
                found.append(change)

    asyncio.run(read())
    if unread:
        screen(stderr=True).print(f"{unread:,} records of list-changes are no changes of a list: passed over")
    return found


def _check_tenant(tenant: str) -> None:
    from riskwatch.streams.importing import tenant_fault

    words = tenant_fault(tenant)
    if words is not None:
        raise typer.BadParameter(words, param_hint="--tenant")


def _actor(by: str | None) -> str:
    import getpass

    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise typer.BadParameter("the login name is unknown here: say who asks", param_hint="--by") from error


def _read_line() -> str:
    """Arguments are seen by other users of the machine, and kept in the shell's history."""
    return sys.stdin.readline().rstrip("\r\n")


def _new_id() -> str:
    from uuid import uuid4

    return uuid4().hex


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000

"""`riskwatch collections`: what there is to do for those who collect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from riskwatch.streams.collections import ActionClosed, CollectionAction
    from riskwatch.streams.connecting import Security

collections_app = typer.Typer(no_args_is_help=True, help="What there is to do for those who collect.")


@collections_app.callback()
def _collections() -> None:
    """Keeps `queue` a command of its own: typer makes an app of one command that command."""


@collections_app.command("queue")
def queue(
    broker: Annotated[
        str, typer.Option(envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, comma-separated host:port.")
    ] = "127.0.0.1:9092",
    prefix: Annotated[
        str, typer.Option(envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")
    ] = "riskwatch",
    tenant: Annotated[str | None, typer.Option(help="Of this institution only.")] = None,
    channel: Annotated[str | None, typer.Option(help="Of this channel only, such as phone or person.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most actions shown; --json gives all.")] = 50,
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="As of this instant; now without it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole actions, one JSON object a line.")] = False,
) -> None:
    """The actions that are open now, the most urgent first.

    Reads the topic once and ends. Left out: what is closed, expired or not due yet, and records of holdouts.
    """
    import asyncio
    import os
    from datetime import UTC

    from rich.console import Console

    from riskwatch.streams.collections import CollectionAction, encode_collection, known_at, work_queue
    from riskwatch.streams.connecting import security_from

    now = datetime.now(UTC) if at is None else at
    records = [
        each
        for each in asyncio.run(_read(broker, security_from(os.environ), prefix))
        if (tenant is None or each.tenant == tenant)
        and (channel is None or not isinstance(each, CollectionAction) or each.channel == channel)
    ]
    actions = work_queue(records if at is None else known_at(records, at), now)
    if not actions and not as_json:
        typer.echo(nothing_open(records, now))
        return
    if as_json:
        for each in actions:
            typer.echo(encode_collection(each))
        return
    Console(highlight=False).print(queue_table(actions, limit))


def nothing_open(records: Sequence[CollectionAction | ActionClosed], now: datetime) -> str:
    """That nothing is to be done, as of when, and where all actions are of the past how to look there."""
    from datetime import UTC, timedelta

    from riskwatch.streams.collections import CollectionAction

    said = f"Nothing is to be done as of {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    actions = [each for each in records if isinstance(each, CollectionAction) and not each.holdout]
    newest = max(actions, key=lambda each: each.expires_at, default=None)
    if newest is None or newest.expires_at > now:
        return f"{said}."
    due = (newest.due_at + timedelta(microseconds=999_999)).astimezone(UTC)  # whole seconds, not before it is due
    return (
        f"{said}; the newest action expired {newest.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: "
        f"--at INSTANT, such as --at {due:%Y-%m-%dT%H:%M:%SZ}"
    )


async def _read(broker: str, security: Security, prefix: str) -> list[CollectionAction | ActionClosed]:
    from riskwatch.agents.topicreading import read_topic
    from riskwatch.streams import topics
    from riskwatch.streams.collections import decode_collection
    from riskwatch.streams.reading import check_installed

    await check_installed(broker, prefix, security=security)
    name = topics.full_name(topics.COLLECTION_ACTIONS, prefix)
    return [
        decode_collection(record.value) async for _, records in read_topic(broker, security, name) for record in records
    ]


def queue_table(actions: Sequence[CollectionAction], limit: int) -> RenderableType:
    """The first of the actions for a reader."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    if not actions:
        return "Nothing is to be done now."
    shown = actions[:limit]
    table = Table(title=f"{len(actions):,} actions to do", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("prio", justify="right")
    for heading in ("until", "channel", "treatment", "script", "customer", "loan", "stage", "why", "action"):
        table.add_column(heading, overflow="fold")
    for each in shown:
        why = "; ".join(reason.text for reason in each.reasons[:1])
        until = each.expires_at.isoformat(sep=" ", timespec="minutes")
        cells = (each.channel, each.treatment, each.script, f"{each.tenant}/{each.customer_id}", each.loan_id)
        table.add_row(
            str(each.priority), until, *map(escape, cells), escape(each.stage or "–"), escape(why), each.action_id
        )
    if len(actions) > limit:
        table.caption = f"and {len(actions) - limit:,} more: --limit"
        table.caption_justify = "left"
    return table

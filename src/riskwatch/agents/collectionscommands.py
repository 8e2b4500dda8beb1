"""`riskwatch collections`: what there is to do for those who collect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

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

    from riskwatch.agents.twolines import reader_console
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
    reader_console().print(queue_table(actions, limit))


@collections_app.command("file")
def file(
    name: Annotated[str, typer.Argument(help="The list, as the policy names it under [files].")],
    out: Annotated[Path, typer.Argument(help="Where to write it, CSV.")],
    broker: Annotated[
        str, typer.Option(envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, comma-separated host:port.")
    ] = "127.0.0.1:9092",
    prefix: Annotated[
        str, typer.Option(envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")
    ] = "riskwatch",
    tenant: Annotated[str | None, typer.Option(help="Of this institution only.")] = None,
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="As of this instant; now without it.")
    ] = None,
) -> None:
    """Write the list for sale or suit: every loan with an open action of it, and what the list must hold.

    Report each loan taken up as `ContactMade` with its `action_id`.
    """
    import asyncio
    import os
    from datetime import UTC

    from riskwatch.streams.collectionlists import list_of, write_list
    from riskwatch.streams.collections import CollectionAction, known_at, work_queue
    from riskwatch.streams.connecting import security_from

    now = datetime.now(UTC) if at is None else at
    read = asyncio.run(_read(broker, security_from(os.environ), prefix))
    records = [each for each in read if tenant is None or each.tenant == tenant]
    actions = list_of(work_queue(records if at is None else known_at(records, at), now), name)
    if not actions:
        lists = sorted({each.file for each in records if isinstance(each, CollectionAction) and each.file})
        typer.echo(f"{nothing_open(records, now)} Lists that were ever filled: {', '.join(lists) or 'none'}.", err=True)
        raise typer.Exit(1)
    with out.open("w", encoding="utf-8", newline="") as text:
        write_list(actions, text)
    typer.echo(f"{len(actions):,} loans of the list {name} in {out}")


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
    """The first of the actions for a reader, two lines each. Instants are UTC."""
    from rich.console import Group
    from rich.text import Text

    from riskwatch.agents.twolines import two_lines

    if not actions:
        return "Nothing is to be done now."
    entries = [(_columns(each), _rest(each)) for each in actions[:limit]]
    title = Text(f"{len(actions):,} action{'s' * (len(actions) != 1)} to do", style="italic")
    parts: list[RenderableType] = [
        title, "", two_lines(("prio", "until (UTC)", "channel", "customer", "loan"), entries)
    ]  # fmt: skip
    if len(actions) > limit:
        parts.append(f"and {len(actions) - limit:,} more: --limit")
    return Group(*parts)


def _columns(action: CollectionAction) -> list[Text]:
    from datetime import UTC

    from rich.text import Text

    until = f"{action.expires_at.astimezone(UTC):%Y-%m-%d %H:%M}"
    who = f"{action.tenant}/{action.customer_id}"
    return [Text(str(action.priority)), Text(until), Text(action.channel), Text(who), Text(action.loan_id)]


def _rest(action: CollectionAction) -> Text:
    """Why, the treatment where the channel does not say it, stage, script, id."""
    from rich.text import Text

    said = [reason.text for reason in action.reasons[:1]]
    if action.treatment != action.channel:
        said.append(f"treatment {action.treatment}")
    if action.stage:
        said.append(f"stage {action.stage}")
    if action.script:
        said.append(f"script {action.script}")
    return Text("; ".join([*said, f"action {action.action_id}"]))

"""`riskwatch journal`: the journal as a file, for backtests away from the broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from riskwatch.streams.connecting import Security
    from riskwatch.streams.journalfile import JournalWriter

journal_app = typer.Typer(no_args_is_help=True, help="The journal as a file.")


@journal_app.callback()
def _journal() -> None:
    """Keeps `export` a command of its own: typer makes an app of one command that command."""


@journal_app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="File to write.", dir_okay=False)],
    broker: Annotated[
        str, typer.Option(envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, comma-separated host:port.")
    ] = "127.0.0.1:9092",
    prefix: Annotated[
        str, typer.Option(envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")
    ] = "riskwatch",
) -> None:
    """Write the journal as it is now to a file, with the decisions that were made by it.

    `riskwatch policy backtest` replays it. What is in it is about people: keep it as you keep the journal.
    """
    import asyncio
    import os

    from rich.console import Console

    from riskwatch.streams.connecting import security_from
    from riskwatch.streams.journalfile import JournalWriter

    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as out:
            writer = JournalWriter(out)
            counts = asyncio.run(_export(writer, broker, security_from(os.environ), prefix))
            writer.finish()
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    journal, decisions = counts
    size = file.stat().st_size / 1e6
    Console(stderr=True, highlight=False).print(
        f"{journal:,} journal records and {decisions:,} decisions in {file}, {size:,.1f} MB"
    )


async def _export(writer: JournalWriter, broker: str, security: Security, prefix: str) -> tuple[int, int]:
    """Decisions first, so that a reader knows them when it comes to their applications."""
    from riskwatch.agents.topicreading import read_topic
    from riskwatch.streams import topics
    from riskwatch.streams.journalfile import JournalRecord

    counts = []
    for topic in (topics.DECISIONS, topics.JOURNAL):
        count = 0
        async for number, records in read_topic(broker, security, topics.full_name(topic, prefix)):
            for each in records:
                key, value = (None if part is None else bytes(part) for part in (each.key, each.value))
                writer.write(JournalRecord(topic.name, number, each.offset, each.timestamp, key, value))
            count += len(records)
        counts.append(count)
    return counts[1], counts[0]

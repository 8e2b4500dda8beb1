"""Commands of the worker's room. Each imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from riskwatch.agents.actioncommands import actions_app
from riskwatch.agents.collectionscommands import collections_app
from riskwatch.agents.journalcommands import journal_app

if TYPE_CHECKING:
    from rich.console import RenderableType

    from riskwatch.agents.lag import PartitionLag


__all__ = [
    "actions_app", "collections_app", "explain", "journal_app", "lag", "lag_json", "lag_table", "progress", "worker",
]  # fmt: skip


def worker(
    broker: Annotated[str | None, typer.Option(help="Kafka bootstrap servers, comma-separated host:port.")] = None,
    group: Annotated[str | None, typer.Option(help="Consumer group; its workers share the partitions.")] = None,
    prefix: Annotated[str | None, typer.Option(help="First part of every topic's name.")] = None,
    partitions: Annotated[int | None, typer.Option(help="Partitions of customer-keyed topics, for life.")] = None,
    roles: Annotated[str | None, typer.Option(help="Agents to run, comma-separated: ingest, monitor, learner.")] = None,
    redis: Annotated[str | None, typer.Option(help="Redis URL for views of the alerts; none without it.")] = None,
    store: Annotated[str | None, typer.Option(help="Local copy of the state: rocksdb or memory.")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of the local state, one for each worker.")] = None,
    policy: Annotated[str | None, typer.Option(help="Policy file; the packaged base policy if absent.")] = None,
    lending: Annotated[str | None, typer.Option(help="Lending policies: packaged, off, or a folder of files.")] = None,
    collections: Annotated[str | None, typer.Option(help="Collections policies: packaged, off, or a folder.")] = None,
    member: Annotated[str | None, typer.Option(help="Static member id, for a quick return after a restart.")] = None,
    clock: Annotated[str | None, typer.Option(help="Where ticks come from: wall, or events for replays.")] = None,
    batch_records: Annotated[int | None, typer.Option(help="Most records of a partition in a batch.")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port of /metrics, /live, /ready; 0 for none.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
) -> None:
    """Run a worker: ingest, monitor and learn until SIGTERM or ctrl-C.

    Every option can be given as RISKWATCH_<OPTION>; docs/settings.md lists the rest.
    """
    import os

    from riskwatch.agents.settings import Settings
    from riskwatch.agents.worker import main_worker
    from riskwatch.streams.connecting import security_from

    given = {
        "broker": broker, "group": group, "prefix": prefix, "partitions": partitions, "store": store, "redis": redis,
        "data_dir": data_dir, "policy": policy, "lending": lending, "collections": collections, "member": member,
        "clock": clock, "batch_records": batch_records, "metrics_port": metrics_port, "log_level": log_level,
        "roles": None if roles is None else frozenset(role.strip() for role in roles.split(",")),
    }  # fmt: skip
    settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    main_worker(settings, security_from(os.environ))


def lag(
    broker: Annotated[
        str, typer.Option(envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, comma-separated host:port.")
    ] = "127.0.0.1:9092",
    group: Annotated[str, typer.Option(envvar="RISKWATCH_GROUP", help="Consumer group of the workers.")] = "riskwatch",
    prefix: Annotated[
        str, typer.Option(envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")
    ] = "riskwatch",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a look, for scripts.")] = False,
) -> None:
    """How far the workers are behind, in records and seconds, from committed offsets.

    Looks once and ends. Records: between the commit and the end of each partition. Seconds: the age of the oldest
    record that is not committed yet.
    """
    import asyncio
    import contextlib

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_show_lag(broker, group, prefix, every if watch else None, as_json))


def explain(
    decision: Annotated[str, typer.Argument(help="Id of the decision, or of the application.")],
    broker: Annotated[
        str, typer.Option(envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, comma-separated host:port.")
    ] = "127.0.0.1:9092",
    prefix: Annotated[
        str, typer.Option(envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")
    ] = "riskwatch",
    language: Annotated[str, typer.Option(help="Language of the texts for the applicant: en or zh.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="The whole trail as one JSON object.")] = False,
) -> None:
    """Explain a decision on an application: outcome, reasons, plan, score, rules, every input, the policy's version."""
    import asyncio
    import os

    from rich.console import Console

    from riskwatch.agents.explaining import explain as shown
    from riskwatch.agents.explaining import find_trail
    from riskwatch.streams.connecting import security_from
    from riskwatch.streams.decisions import encode_decision

    if language not in ("en", "zh"):
        raise typer.BadParameter("en or zh", param_hint="--language")
    trail = asyncio.run(find_trail(broker, security_from(os.environ), prefix, decision))
    if as_json:
        typer.echo(encode_decision(trail))
        return
    console = Console(highlight=False)
    for number, part in enumerate(shown(trail, language)):
        if number:
            console.print()
        console.print(part)


async def _show_lag(broker: str, group: str, prefix: str, every: float | None, as_json: bool) -> None:
    import asyncio
    import os
    import time

    from rich.console import Console
    from rich.live import Live

    from riskwatch.agents.lag import LagReader
    from riskwatch.streams.connecting import BrokerAway, security_from

    console = Console()
    async with LagReader(broker, group, prefix, security=security_from(os.environ)) as reader:
        lags, looked_at = await reader.read(), time.monotonic()
        if as_json:
            typer.echo(lag_json(group, lags))
            while every is not None:
                await asyncio.sleep(every)
                try:
                    typer.echo(lag_json(group, await reader.read()))
                except BrokerAway as away:
                    typer.echo(f"{away}; looking again", err=True)
        elif every is None:
            console.print(lag_table(group, lags))
        else:
            with Live(lag_table(group, lags), console=console, auto_refresh=False) as live:
                while True:
                    await asyncio.sleep(every)
                    before, then = lags, looked_at
                    try:
                        lags, looked_at = await reader.read(), time.monotonic()
                    except BrokerAway as away:
                        live.update(f"{away}; looking again", refresh=True)
                        continue
                    live.update(lag_table(group, lags, progress(before, lags, looked_at - then)), refresh=True)


def progress(before: list[PartitionLag], after: list[PartitionLag], seconds: float) -> dict[tuple[str, int], float]:
    """Records a second that were committed between two looks, by topic and partition."""
    committed = {(each.topic, each.partition): each.committed or 0 for each in before}
    return {
        (each.topic, each.partition): ((each.committed or 0) - committed.get((each.topic, each.partition), 0)) / seconds
        for each in after
    }


def lag_json(group: str, lags: list[PartitionLag]) -> str:
    """One line of JSON: the group, its totals and its partitions."""
    from msgspec import json

    return json.encode(
        {
            "group": group,
            "records": sum(each.records for each in lags),
            "seconds": max((each.seconds for each in lags if each.seconds is not None), default=0.0),
            "partitions": lags,
        }
    ).decode()


def lag_table(
    group: str, lags: list[PartitionLag], rates: Mapping[tuple[str, int], float] | None = None
) -> RenderableType:
    """Partitions with their lag, a topic's name on its first line only, the totals last; with `rates`, progress."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if not lags:
        return f"No topic of riskwatch exists at this broker for group {group}: has a worker ever started there?"
    table = Table(title=f"Lag of group {group}", title_justify="left", box=SIMPLE_HEAD, show_footer=True)
    columns = [
        ("part.", str(len(lags))),
        ("committed", ""),
        ("end", f"{sum(each.end for each in lags):,}"),
        ("behind", f"{sum(each.records for each in lags):,}"),
        ("seconds", _seconds(max((each.seconds or 0.0 for each in lags), default=0.0))),
    ]
    if rates is not None:
        columns.append(("done/s", f"{sum(rates.values()):,.0f}"))
    table.add_column("topic", footer="total", no_wrap=True)
    for header, footer in columns:
        table.add_column(header, footer=footer, justify="right", no_wrap=True)
    previous = None
    for each in lags:
        cells = [
            each.topic if each.topic != previous else "",
            str(each.partition),
            "none" if each.committed is None else f"{each.committed:,}",
            f"{each.end:,}",
            f"{each.records:,}",
            "?" if each.records and each.seconds is None else _seconds(each.seconds or 0.0),
        ]
        if rates is not None:
            cells.append(f"{rates.get((each.topic, each.partition), 0.0):,.0f}")
        table.add_row(*cells, style="yellow" if each.records else None)
        previous = each.topic
    return table


def _seconds(seconds: float) -> str:
    return f"{seconds:,.1f}" if seconds < 1_000 else f"{seconds:,.0f}"

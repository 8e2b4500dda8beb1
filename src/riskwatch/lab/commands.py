"""Commands of the laboratory: demo and replay. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskwatch.lab.loancommands import loans_app
from riskwatch.lab.policycommands import policy_app
from riskwatch.lab.simulating import simulate

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from riskwatch.lab.replay import Progress


PIPE_WIDTH = 120
"""Columns where the output is no terminal."""

__all__ = ["demo", "loans_app", "policy_app", "replay", "simulate"]


def demo(
    seed: Annotated[int, typer.Option(help="Another seed, another portfolio.")] = 7,
    customers: Annotated[int, typer.Option(min=60, max=100_000, help="Customers to simulate.")] = 400,
    seconds: Annotated[
        float, typer.Option(min=0, max=600, help="How long the paced part takes; 0 runs it at full speed.")
    ] = 20.0,
    live: Annotated[bool, typer.Option("--live/--no-live", help="A live page, or plain lines.")] = True,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the plots; a new one for temporary files without.")
    ] = None,
) -> None:
    """A simulated portfolio, live: broker, worker and alerts in one command, with nothing to set up.

    Planted among healthy customers are frauds, hardships and hard negatives; the summary says what was found of them.
    """
    import asyncio
    import time

    from rich.console import Console

    started = time.monotonic()
    from riskwatch.lab.demo import demo as run
    from riskwatch.lab.demobook import write_plots
    from riskwatch.lab.demosummary import summary
    from riskwatch.lab.demoview import LivePage, PlainLines
    from riskwatch.lab.scene import Scene

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, PIPE_WIDTH))
    scene = Scene(started=started, customers=customers)
    interrupted = False
    with LivePage(console) if live and console.is_terminal else PlainLines(console) as page:
        try:
            asyncio.run(run(scene, seed=seed, show=page.show, live_seconds=seconds))
        except KeyboardInterrupt:
            interrupted = True
    if scene.book is not None:
        scene.plots = tuple(write_plots(scene.book, out))
    console.print(summary(scene, time.monotonic()))
    if interrupted:
        raise typer.Exit(130)


def replay(
    dataset: Annotated[
        str, typer.Argument(help="transactions, panel, instalments, signups or events.", metavar="DATASET")
    ],
    path: Annotated[Path, typer.Argument(help="A file of that form, or the folder that holds it.")],
    speed: Annotated[str, typer.Option(help="max, or a factor such as 3600x: an hour of events a second.")] = "max",
    limit: Annotated[int | None, typer.Option(min=1, help="Read no more rows than this.")] = None,
    broker: Annotated[
        str | None, typer.Option(help="Kafka at host:port; by default an embedded broker for this run.")
    ] = None,
    worker: Annotated[
        str, typer.Option(help="embedded: a worker for this run; none: workers of yours are running.")
    ] = "embedded",
    prefix: Annotated[str, typer.Option(help="First part of every topic's name.")] = "riskwatch",
    group: Annotated[str, typer.Option(help="Consumer group of the workers.")] = "riskwatch",
    partitions: Annotated[int, typer.Option(min=1, help="Partitions, where this run creates the topics.")] = 4,
    tenant: Annotated[
        str, typer.Option(help="Institution that the events are published for; events of a file keep theirs.")
    ] = "replay",
    policy: Annotated[Path | None, typer.Option(help="Policy file of the embedded worker.")] = None,
    lending: Annotated[
        Path | None, typer.Option(help="Folder of lending policies of the embedded worker, else the data set's own.")
    ] = None,
    ahead: Annotated[int, typer.Option(min=1_000, help="Most records published ahead of what is ingested.")] = 20_000,
    json: Annotated[Path | None, typer.Option(help="Also write the report to this file, as JSON.")] = None,
) -> None:
    """Send a file of records through Kafka in event order, wait until the worker has done all of it, and report.

    The forms are described in docs/replay.md; `events` are JSON lines in the order of arrival, as `riskwatch simulate
    portfolio` writes them. Without --broker it starts its own broker and worker, and ends them.
    """
    import asyncio

    from rich.console import Console

    from riskwatch.lab.datasets import open_dataset
    from riskwatch.lab.feeding import parse_speed
    from riskwatch.lab.replay import replay as run
    from riskwatch.lab.report import encode_report, render
    from riskwatch.lab.rig import rig

    if worker not in ("embedded", "none"):
        raise typer.BadParameter("expected embedded or none", param_hint="--worker")
    if worker == "none" and broker is None:
        raise typer.BadParameter("an embedded broker has no workers of yours: give --broker", param_hint="--worker")
    try:
        factor = parse_speed(speed)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--speed") from error
    records = open_dataset(dataset, path, limit=limit, tenant=tenant)
    console = Console(highlight=False)

    async def all_of_it() -> None:
        async with rig(
            broker,
            worker=worker == "embedded",
            prefix=prefix,
            group=group,
            partitions=partitions,
            policy=policy,
            lending=records.lending if lending is None else lending,
        ) as running:
            with _bar(console) as bar:
                task = bar.add_task("starting", total=records.total, when="", behind="")

                def show(progress: Progress) -> None:
                    position = progress.position
                    when = "" if progress.fed.event_time is None else f"{progress.fed.event_time:%Y-%m-%d %H:%M}"
                    behind = "" if position is None else f"{position.behind:,} behind"
                    bar.update(task, completed=records.rows, description=progress.phase, when=when, behind=behind)

                report = await run(records, running, speed=factor, ahead=ahead, show=show)
        console.print(render(report))
        if json is not None:
            json.write_bytes(encode_report(report))
        if not report.balance.balanced:
            raise typer.Exit(1)

    try:
        asyncio.run(all_of_it())
    except KeyboardInterrupt:
        console.print("[yellow]interrupted: broker and worker of this run are ended[/]")
        raise typer.Exit(130) from None


def _bar(console: object) -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import Task as Row
    from rich.text import Text

    class Rate(TextColumn):
        """Rows a second since the beginning."""

        def render(self, task: Row) -> Text:
            elapsed = task.finished_time if task.finished else task.elapsed
            return Text(f"{task.completed / elapsed:,.0f}/s" if elapsed else "", style="bold")

    assert isinstance(console, Console)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(""),
        TextColumn("[cyan]{task.fields[when]}"),
        TextColumn("[dim]{task.fields[behind]}"),
        TimeElapsedColumn(),
        console=console,
    )

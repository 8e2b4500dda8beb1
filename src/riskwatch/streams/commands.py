"""Commands of operators and upstream teams: publish a file of events, look at dead letters, put them back."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskwatch.streams.asking import DEFAULT_BROKER, Broker, Prefix, opened, screen, security
from riskwatch.streams.casecommands import cases_app
from riskwatch.streams.listcommands import lists_app

if TYPE_CHECKING:
    from riskwatch.streams.letters import Letter

__all__ = ["cases_app", "dead_letters_app", "lists_app", "publish"]

Code = Annotated[str | None, typer.Option("--code", help="Only letters of this error code, such as wrong-type.")]
Source = Annotated[str | None, typer.Option("--topic", help="Only letters from this input topic, such as logins.")]

dead_letters_app = typer.Typer(no_args_is_help=True, help="Records that could not be read: list, show, replay.")


def publish(
    file: Annotated[Path, typer.Argument(help="Events as JSON, one a line.")],
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Publish the good lines though others have faults.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check every line, publish nothing.")] = False,
) -> None:
    """Publish events from a file of JSON lines.

    Every line is checked first. Where lines have faults, all of them are told with their line numbers, nothing is
    published, and the exit code is 1; with --skip-bad the good lines are published all the same.

    This is for what happened just now. Input topics are ingested apart, so a history that is sent at once makes
    instalments look overdue: `riskwatch replay events` feeds one in step.
    """
    from riskwatch.streams.filing import LONGEST_SPAN, check_lines, publish_checked

    with opened(file) as lines:
        checked = check_lines(lines)
    errors = screen(stderr=True)
    for number, faults in checked.refused.items():
        errors.print(f"line {number}: [bold]{faults.code}[/bold]", highlight=False)
        for each in faults.faults:
            errors.print(f"  {each}", markup=False, highlight=False)
    if checked.refused and not skip_bad:
        errors.print(
            f"{len(checked.refused):,} of {checked.total:,} lines have faults; nothing was published. "
            "--skip-bad publishes the others."
        )
        raise typer.Exit(1)
    if checked.span > LONGEST_SPAN:
        errors.print(
            f"warning: these events span {checked.span / timedelta(days=1):,.1f} days. Sent at once, a payment can be "
            "read long after the due date that it meets; "
            f"riskwatch replay events {file} --broker {broker} --worker none feeds them in step",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if dry_run:
        screen().print(f"{checked.good:,} of {checked.total:,} lines are events; none was published (dry run)")
        return
    with opened(file) as lines:
        seconds, published = publish_checked(lines, checked, broker=broker, prefix=prefix, security=security())
    rate = published / seconds if seconds > 0 else 0.0
    skipped = f", {len(checked.refused):,} skipped" if checked.refused else ""
    screen().print(f"{published:,} events published in {seconds:.1f} s ({rate:,.0f}/s){skipped}")


@dead_letters_app.command("list")
def list_letters(
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
    code: Code = None,
    topic: Source = None,
    last: Annotated[int, typer.Option("--last", min=0, help="How many of the newest letters to list one by one.")] = 20,
) -> None:
    """Count dead letters by error code and source topic, and list the newest ones."""
    from rich.table import Table

    from riskwatch.streams.letters import read_letters
    from riskwatch.streams.reading import check_installed

    async def read() -> tuple[Counter[tuple[str, str]], list[Letter]]:
        counts: Counter[tuple[str, str]] = Counter()
        newest: list[Letter] = []
        await check_installed(broker, prefix, security=security())
        async for letter in read_letters(broker, prefix=prefix, code=code, topic=topic, security=security()):
            found = letter.diagnosis
            counts[("unreadable", "?") if found is None else (found.code, found.source_topic)] += 1
            newest.append(letter)
            if len(newest) > last + 1_000:
                newest = _newest(newest, last)
        return counts, _newest(newest, last)

    counts, newest = asyncio.run(read())
    console = screen()
    if not counts:
        console.print("no dead letters")
        return
    summary = Table(title=f"{counts.total():,} dead letters", title_justify="left")
    for heading in ("code", "source topic"):
        summary.add_column(heading, overflow="fold")
    summary.add_column("letters", justify="right")
    for (error, source), count in counts.most_common():
        summary.add_row(error, source, f"{count:,}")
    console.print(summary)
    if not newest:
        return
    each = Table(title=f"the newest {len(newest):,}", title_justify="left")
    for heading in ("id", "failed at", "source", "first fault"):
        each.add_column(heading, overflow="fold")
    for letter in newest:
        each.add_row(letter.id, *_summary(letter))
    console.print(each)


@dead_letters_app.command("show")
def show_letter(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="partition:offset, as listed.")],
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
    raw: Annotated[bool, typer.Option("--raw", help="Write the value alone, byte for byte.")] = False,
) -> None:
    """Show one dead letter in full: every fault, where it came from, its key, headers and value."""
    from riskwatch.streams.filing import described
    from riskwatch.streams.letters import read_letters

    async def find() -> Letter | None:
        async for letter in read_letters(broker, prefix=prefix, security=security()):
            if letter.id == letter_id:
                return letter
        return None

    letter = asyncio.run(find())
    if letter is None:
        screen(stderr=True).print(f"there is no dead letter {letter_id}", highlight=False)
        raise typer.Exit(1)
    if raw:
        sys.stdout.buffer.write(letter.record.value or b"")
        sys.stdout.buffer.flush()
        return
    for line in described(letter):
        screen().print(line, markup=False, highlight=False, soft_wrap=True)


@dead_letters_app.command("replay")
def replay_letters(
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
    code: Code = None,
    topic: Source = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many letters, oldest first.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be replayed, write nothing.")] = False,
) -> None:
    """Put dead letters back into their source topics, byte for byte.

    What still has faults comes back as a new dead letter. Letters stay where they are, so replaying twice publishes
    twice: workers recognise the events by their ids. Letters that were cut cannot be put back; they are counted.
    """
    from riskwatch.streams.filing import replayable
    from riskwatch.streams.letters import put_back, read_letters

    async def read() -> list[Letter]:
        return [each async for each in read_letters(broker, prefix=prefix, code=code, topic=topic, security=security())]

    letters = sorted(asyncio.run(read()), key=_age)
    originals, left = replayable(letters, prefix)
    originals = originals[:limit]
    console = screen()
    counts = Counter(each.topic for each in originals)
    if not dry_run and originals:
        asyncio.run(put_back(originals, broker, prefix=prefix, security=security()))
    verb = "would be replayed" if dry_run else "replayed"
    for name, count in sorted(counts.items()):
        console.print(f"{count:,} {verb} to {name}", highlight=False)
    if not originals:
        console.print("no dead letters to replay")
    for reason, count in sorted(left.items()):
        console.print(f"{count:,} left: {reason}", markup=False, highlight=False)


def _newest(letters: list[Letter], last: int) -> list[Letter]:
    ordered = sorted(letters, key=_age)
    return ordered[len(ordered) - last :] if last else []


def _age(letter: Letter) -> tuple[int, int, int]:
    """Oldest first: by the time of the original record."""
    return letter.record.timestamp, letter.record.partition, letter.record.offset


def _summary(letter: Letter) -> tuple[str, str, str]:
    from rich.markup import escape

    from riskwatch.streams.filing import printable

    found = letter.diagnosis
    if found is None:
        return "?", "?", "not written by riskwatch"
    first = printable(str(found.faults[0])) if found.faults else ""
    more = len(found.faults) + found.omitted - 1
    source = f"{found.source_topic} {found.source_partition}:{found.source_offset}"
    return found.failed_at.isoformat(timespec="seconds"), source, f"{escape(first)}{f' (+{more})' if more > 0 else ''}"

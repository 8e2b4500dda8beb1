"""What the commands do with files of events and with dead letters, apart from asking and printing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from riskwatch.streams.codec import Faults, Outcome, decode_event
from riskwatch.streams.connecting import Security
from riskwatch.streams.deadletters import CutDeadLetter, NotADeadLetter, Restored, restore
from riskwatch.streams.letters import ForeignTopic, Letter, return_topic

LONGEST_SPAN = timedelta(days=1)
"""Event time of a file that may be sent at once: input topics are ingested apart, and none waits for another."""
_SHOWN = 4_096


class CheckedLines(Struct, frozen=True, kw_only=True):
    """What checking found. `good`: count of lines that are events. `refused`: line number from 1 → all faults. `span`:
    event time from the first to the last of the events."""

    good: int
    refused: dict[int, Faults]
    span: timedelta = timedelta(0)

    @property
    def total(self) -> int:
        return self.good + len(self.refused)


def check_lines(lines: Iterable[bytes]) -> CheckedLines:
    """Every line that is not blank, read as a worker would read it."""
    good = 0
    refused: dict[int, Faults] = {}
    first, last = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped:
            continue
        found = decode_event(stripped)
        if isinstance(found, Faults):
            refused[number] = found
        else:
            good += 1
        if not isinstance(found, Faults | Outcome):
            first, last = min(first, found.occurred_at), max(last, found.occurred_at)
    return CheckedLines(good=good, refused=refused, span=max(last - first, timedelta(0)))


def publish_checked(
    lines: Iterable[bytes], checked: CheckedLines, *, broker: str, prefix: str, security: Security
) -> tuple[float, int]:
    """Publishes the good ones of `lines` with a progress bar; returns seconds and count. Raises as `Publisher` does."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from riskwatch.streams.publisher import Publisher

    columns = (TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    good = (line for number, line in enumerate(lines, 1) if number not in checked.refused)

    async def publish() -> int:
        with Progress(*columns, transient=True) as progress:
            task = progress.add_task("publishing", total=checked.good)
            async with Publisher(broker, prefix=prefix, source="/riskwatch/publish", security=security) as publisher:
                return await publisher.publish_lines(good, told=lambda count: progress.advance(task, count))

    began = time.perf_counter()
    published = asyncio.run(publish())
    return time.perf_counter() - began, published


def replayable(letters: Iterable[Letter], prefix: str) -> tuple[list[Restored], Counter[str]]:
    """The originals that can be put back, and how many letters stay for which reason."""
    originals: list[Restored] = []
    left: Counter[str] = Counter()
    for letter in letters:
        try:
            original = restore(letter.record)
            return_topic(original, prefix)
        except CutDeadLetter:
            left["cut, too large to be kept whole"] += 1
        except NotADeadLetter:
            left["not written by riskwatch"] += 1
        except ForeignTopic:
            left[f"from a topic that is no input of {prefix}"] += 1
        else:
            originals.append(original)
    return originals, left


def described(letter: Letter) -> Iterator[str]:
    """A dead letter in full, line by line. Control characters are escaped: a terminal would obey them."""
    found, record = letter.diagnosis, letter.record
    yield f"dead letter {letter.id}"
    if found is not None:
        yield f"code        {found.code}"
        yield f"source      {found.source_topic}, partition {found.source_partition}, offset {found.source_offset}"
        yield f"failed at   {found.failed_at.isoformat()}"
        for position, each in enumerate(found.faults):
            yield f"{'faults' if position == 0 else '':<12}{printable(str(each))}"
        if found.omitted:
            yield f"{'':<12}and {found.omitted:,} more"
    yield f"timestamp   {record.timestamp}"
    yield f"key         {'none' if record.key is None else shown(record.key)}"
    for name, value in record.headers:
        if not name.startswith("riskwatch-") or found is None:
            yield f"header      {printable(name)}: {'none' if value is None else shown(value)}"
    if record.value is None:
        yield "value       none"
        return
    cut = "" if found is None or found.full_size is None else f", cut from {found.full_size:,}"
    yield f"value       {len(record.value):,} bytes{cut}"
    yield shown(record.value)


def shown(data: bytes) -> str:
    """Bytes as text where they are UTF-8, else in hexadecimal; at most `_SHOWN` bytes of them."""
    head = data[:_SHOWN]
    more = f"… ({len(data) - _SHOWN:,} bytes more; --raw writes all)" if len(data) > _SHOWN else ""
    try:
        # A cut within a character is no fault of the record.
        return printable(head.decode("utf-8", "strict" if len(data) <= _SHOWN else "ignore")) + more
    except UnicodeDecodeError:
        return f"hex {head.hex(' ', 4)}{more}"


def printable(text: str) -> str:
    """The text with everything escaped that does not print, except line breaks."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )

"""Where a backtest's journal comes from: a broker, or a file that was exported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

import msgspec

from riskwatch.agents.folded import Program
from riskwatch.lab.backtest import Backtest, Entry, Report
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lending import LendingPolicy
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security
from riskwatch.streams.decisions import decode_decision
from riskwatch.streams.journalfile import JournalRecord, read_journal_file

BATCH = 2_000
KAFKA = "kafka"
"""The source that means: the topics at the broker."""


async def run_backtest(
    program: Program, candidate: LendingPolicy | RuleSet, source: str, *, broker: str, security: Security, prefix: str,
    since: datetime | None = None, until: datetime | None = None,
) -> Report:  # fmt: skip
    """Replays `source`: `kafka`, or a file's path. Raises `OSError`, `JournalFileError`, `UnorderedJournal`, and what
    a broker's absence raises."""
    backtest = Backtest(program, candidate, since=since, until=until)
    if source == KAFKA:
        await _from_broker(backtest, broker, security, prefix)
    else:
        from_file(backtest, Path(source))
    return backtest.report()


def from_file(backtest: Backtest, path: Path) -> None:
    """Takes a journal file, record after record."""
    with path.open("rb") as source:
        for (topic, number), records in groupby(
            read_journal_file(source, str(path)), key=lambda each: (each.topic, each.partition)
        ):
            if topic == topics.DECISIONS.name:
                for each in records:
                    _record(backtest, each.value)
            else:
                for batch in _batches(records):
                    backtest.take(number, batch)


async def _from_broker(backtest: Backtest, broker: str, security: Security, prefix: str) -> None:
    from riskwatch.agents.topicreading import read_topic

    async for _, records in read_topic(broker, security, topics.full_name(topics.DECISIONS, prefix)):
        for each in records:
            _record(backtest, each.value)
    async for number, records in read_topic(broker, security, topics.full_name(topics.JOURNAL, prefix)):
        backtest.take(number, [(each.offset, each.key, each.value) for each in records])


def _record(backtest: Backtest, value: bytes | None) -> None:
    try:
        backtest.record(decode_decision(value or b""))
    except msgspec.MsgspecError:
        return  # of another release: there is nothing to compare with


def _batches(records: Iterable[JournalRecord]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for each in records:
        batch.append((each.offset, each.key, each.value))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

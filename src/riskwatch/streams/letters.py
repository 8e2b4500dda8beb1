"""Reading the dead-letter topic from its start to where it ended when the reading began, and putting letters back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from msgspec import Struct

from riskwatch.streams.connecting import Security
from riskwatch.streams.deadletters import Diagnosis, NotADeadLetter, ReceivedRecord, Restored, diagnosis
from riskwatch.streams.reading import read_topic
from riskwatch.streams.topics import DEAD_LETTERS, DEFAULT_PREFIX, TOPICS, full_name
from riskwatch.streams.writing import write_records


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter as it was read. `diagnosis`: None where its headers are not riskwatch's."""

    record: ReceivedRecord
    diagnosis: Diagnosis | None

    @property
    def id(self) -> str:
        """Where the letter lies in its topic: `partition:offset`."""
        return f"{self.record.partition}:{self.record.offset}"


class ForeignTopic(ValueError):
    """A dead letter names a source that is no input topic, so putting it back could do harm."""


async def read_letters(
    broker: str,
    *,
    prefix: str = DEFAULT_PREFIX,
    code: str | None = None,
    topic: str | None = None,
    security: Security | None = None,
    patience: float = 10.0,
) -> AsyncIterator[Letter]:
    """Every dead letter up to now; of one error code, of one source topic (short or full name), where they are given.

    Ends by itself. Raises `BrokerAway` where nothing comes within `patience` seconds, `BrokerRefused`.
    """
    async for record in read_topic(broker, full_name(DEAD_LETTERS, prefix), security=security, patience=patience):
        letter = _letter(record)
        if _wanted(letter, code, topic, prefix):
            yield letter


def _letter(record: ReceivedRecord) -> Letter:
    try:
        return Letter(record=record, diagnosis=diagnosis(record))
    except NotADeadLetter:
        return Letter(record=record, diagnosis=None)


def _wanted(letter: Letter, code: str | None, topic: str | None, prefix: str) -> bool:
    if code is None and topic is None:
        return True
    found = letter.diagnosis
    if found is None or (code is not None and found.code != code):
        return False
    return topic is None or found.source_topic in (topic, f"{prefix}.{topic}.v1")


def return_topic(original: Restored, prefix: str = DEFAULT_PREFIX) -> str:
    """The input or control topic that a letter goes back to. Raises `ForeignTopic`: headers are data, and can name any
    topic."""
    if original.topic not in {full_name(topic, prefix) for topic in TOPICS if topic.role in ("input", "control")}:
        raise ForeignTopic(f"the source topic {original.topic!r} is not an input topic of {prefix!r}")
    return original.topic


async def put_back(
    originals: Iterable[Restored],
    broker: str,
    *,
    prefix: str = DEFAULT_PREFIX,
    security: Security | None = None,
    patience: float = 10.0,
) -> int:
    """Writes the originals to their topics as they were, and returns how many when the broker has them all.

    Raises `ForeignTopic` before anything is written, `BrokerAway`, `BrokerRefused`.
    """
    targets = [(return_topic(each, prefix), (each.key, each.value, each.headers, each.timestamp)) for each in originals]
    return await write_records(broker, targets, security=security, patience=patience)

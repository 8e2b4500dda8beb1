"""Dead letters: a record that could not be read, kept byte for byte, with every fault in words beside it.

The original key, value, headers and timestamp are the dead letter's own; what riskwatch adds is one block of headers
at the end. A record too large to be written whole is cut, and says so: it can be read, but not restored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

from riskwatch.streams.codec import Fault, Faults

ERROR_CODE = "riskwatch-error-code"
ERROR = "riskwatch-error"
SOURCE_TOPIC = "riskwatch-source-topic"
SOURCE_PARTITION = "riskwatch-source-partition"
SOURCE_OFFSET = "riskwatch-source-offset"
FAILED_AT = "riskwatch-failed-at"
CUT = "riskwatch-cut"
SHA256 = "riskwatch-sha256"
CUT_HEADERS = "riskwatch-cut-headers"
CUT_KEY = "riskwatch-cut-key"

VALUE_LIMIT = 900_000
"""Bytes of a value that a dead letter carries at most; Kafka's default record limit is 1,048,588 with key and
headers."""
KEY_LIMIT = 16_384
HEADERS_LIMIT = 65_536
ERROR_LIMIT = 32_768

Headers = Sequence[tuple[str, bytes | None]]


class ReceivedRecord(Protocol):
    """What is read of a consumed record: aiokafka's `ConsumerRecord` has it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class DeadLetter(NamedTuple):
    """A record for the dead-letter topic. `timestamp`: milliseconds, the original's."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter's original record, and where it was read."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What riskwatch wrote beside the record. `full_size`: of the value before it was cut; None where it is whole."""

    code: str
    faults: list[Fault]
    omitted: int
    source_topic: str
    source_partition: int
    source_offset: int
    failed_at: datetime
    full_size: int | None


class NotADeadLetter(ValueError):
    """The record carries no readable block of riskwatch's headers."""


class CutDeadLetter(ValueError):
    """The original was too large to be kept whole, so it cannot be restored."""


class _Error(msgspec.Struct, frozen=True, kw_only=True):
    faults: list[Fault]
    omitted: int = 0


def dead_letter(record: ReceivedRecord, faults: Faults, now: datetime) -> DeadLetter:
    """The dead letter of `record`. `now` (with a zone) becomes `riskwatch-failed-at`.

    Values over `VALUE_LIMIT`, keys over `KEY_LIMIT` and headers over `HEADERS_LIMIT` bytes are cut to a prefix, with
    the full size and, for a value, its SHA-256 in the added headers.
    """
    key, value = record.key, record.value
    kept = _fitting(record.headers)
    added: list[tuple[str, bytes | None]] = [
        (ERROR_CODE, faults.code.encode()),
        (ERROR, _error(faults.faults)),
        (SOURCE_TOPIC, record.topic.encode()),
        (SOURCE_PARTITION, b"%d" % record.partition),
        (SOURCE_OFFSET, b"%d" % record.offset),
        (FAILED_AT, now.isoformat(timespec="milliseconds").encode()),
    ]
    if value is not None and len(value) > VALUE_LIMIT:
        added += [(CUT, b"%d" % len(value)), (SHA256, sha256(value).hexdigest().encode())]
        value = value[:VALUE_LIMIT]
    if key is not None and len(key) > KEY_LIMIT:
        added.append((CUT_KEY, b"%d" % len(key)))
        key = key[:KEY_LIMIT]
    if len(kept) < len(record.headers):
        added.append((CUT_HEADERS, b"%d" % len(record.headers)))
    return DeadLetter(key, value, [*kept, *added], record.timestamp)


def diagnosis(record: ReceivedRecord) -> Diagnosis:
    """What riskwatch wrote beside a dead letter. Raises `NotADeadLetter` where that is missing or unreadable."""
    _, block = _split(record.headers)
    try:
        error = msgspec.json.decode(block[ERROR], type=_Error)
        return Diagnosis(
            code=block[ERROR_CODE].decode(),
            faults=error.faults,
            omitted=error.omitted,
            source_topic=block[SOURCE_TOPIC].decode(),
            source_partition=int(block[SOURCE_PARTITION]),
            source_offset=int(block[SOURCE_OFFSET]),
            failed_at=datetime.fromisoformat(block[FAILED_AT].decode()),
            full_size=int(block[CUT]) if CUT in block else None,
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise NotADeadLetter(f"the headers of the dead letter cannot be read: {error!r}") from error


def restore(record: ReceivedRecord) -> Restored:
    """The original record of a dead letter, byte for byte. Raises `NotADeadLetter`, or `CutDeadLetter` where it was
    cut."""
    headers, block = _split(record.headers)
    for name, part in ((CUT, "value"), (CUT_KEY, "key"), (CUT_HEADERS, "headers")):
        if name in block:
            raise CutDeadLetter(
                f"the {part} of the original was too large to be kept whole (size {block[name].decode()})"
            )
    found = diagnosis(record)
    return Restored(
        topic=found.source_topic,
        partition=found.source_partition,
        offset=found.source_offset,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=headers,
    )


def _split(headers: Headers) -> tuple[list[tuple[str, bytes | None]], dict[str, bytes]]:
    """The original headers and the added block. The last error code starts the block: a replayed dead letter that
    failed again may hold an older block among its own headers."""
    starts = [at for at, (name, _) in enumerate(headers) if name == ERROR_CODE]
    if not starts:
        raise NotADeadLetter(f"the record has no header {ERROR_CODE}")
    block = {name: value for name, value in headers[starts[-1] :] if value is not None}
    return list(headers[: starts[-1]]), block


def _fitting(headers: Headers) -> list[tuple[str, bytes | None]]:
    """The leading headers that fit into `HEADERS_LIMIT` bytes."""
    kept: list[tuple[str, bytes | None]] = []
    room = HEADERS_LIMIT
    for name, value in headers:
        room -= len(name.encode(errors="surrogateescape")) + (0 if value is None else len(value)) + 8
        if room < 0:
            break
        kept.append((name, value))
    return kept


def _error(faults: Sequence[Fault]) -> bytes:
    """Every fault as JSON; beyond `ERROR_LIMIT` bytes the rest is counted, so that the record stays writable."""
    encoded = msgspec.json.encode(_Error(faults=list(faults)))
    keep = len(faults)
    while len(encoded) > ERROR_LIMIT and keep > 1:
        keep = min(keep - 1, keep * ERROR_LIMIT // len(encoded))
        encoded = msgspec.json.encode(_Error(faults=list(faults[:keep]), omitted=len(faults) - keep))
    return encoded

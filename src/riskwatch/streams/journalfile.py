"""The journal, and what was decided by it, as one file: blocks of records, compressed, each with its checksum.

`riskwatch-journal 1\\n`, then blocks of `[compressed size u32][size u32][crc32 of all the rest u32][zstd]`. A record
in a block: `[topic u8][partition i32][offset i64][timestamp i64, ms][key length i32][value length i32][key]
[value]`, a length of -1 for none; all little-endian. A block of size 0 that holds the number of records (u64) ends the
file, so that one that was cut is known by its end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO
from zlib import crc32

import cramjam
from msgspec import Struct

from riskwatch.streams.topics import DECISIONS, JOURNAL

MAGIC = b"riskwatch-journal 1\n"
TOPICS = (JOURNAL.name, DECISIONS.name)
"""What a file may hold. The order is part of the format: append only."""

BLOCK_BYTES = 1 << 20
"""Bytes of records that are compressed together; a larger record is a block of its own."""
MOST_BYTES = 1 << 28

_BLOCK = struct.Struct("<III")
_COUNT = struct.Struct("<Q")
_RECORD = struct.Struct("<Biqqii")


class JournalFileError(ValueError):
    """A file is no journal, or not a whole one."""


class JournalRecord(Struct, frozen=True):
    """One record of a topic (`TOPICS`), as the broker held it. `timestamp`: ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class JournalWriter:
    """Writes records in the order given. Only `finish` makes the file whole."""

    def __init__(self, out: BinaryIO, block_bytes: int = BLOCK_BYTES) -> None:
        self._out = out
        self._block_bytes = block_bytes
        self._block = bytearray()
        self.records = 0
        out.write(MAGIC)

    def write(self, record: JournalRecord) -> None:
        key, value = record.key, record.value
        lengths = (-1 if key is None else len(key), -1 if value is None else len(value))
        topic = TOPICS.index(record.topic)
        self._block += _RECORD.pack(topic, record.partition, record.offset, record.timestamp, *lengths)
        self._block += (key or b"") + (value or b"")
        self.records += 1
        if len(self._block) >= self._block_bytes:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._put(_COUNT.pack(self.records), 0)

    def _flush(self) -> None:
        if self._block:
            self._put(bytes(cramjam.zstd.compress(bytes(self._block))), len(self._block))
            self._block.clear()

    def _put(self, packed: bytes, size: int) -> None:
        self._out.write(_BLOCK.pack(len(packed), size, _checksum(packed, size)) + packed)


def read_journal_file(source: BinaryIO, name: str = "the file") -> Iterator[JournalRecord]:
    """The records of a file, read block by block. Raises `JournalFileError` where it is no journal, where a block is
    damaged, and where the file ends before its end, which is found out only there."""
    if source.read(len(MAGIC)) != MAGIC:
        raise JournalFileError(f"{name} is no journal file: `riskwatch journal export` writes one")
    count = 0
    while True:
        packed_size, size, checksum = _BLOCK.unpack(_exactly(source, _BLOCK.size, name, count))
        if packed_size > MOST_BYTES or size > MOST_BYTES:
            raise JournalFileError(f"{name} is damaged after {count:,} records: a block of {size:,} bytes")
        packed = _exactly(source, packed_size, name, count)
        if _checksum(packed, size) != checksum:
            raise JournalFileError(f"{name} is damaged after {count:,} records: a checksum is wrong")
        if size == 0:
            if packed != _COUNT.pack(count):
                raise JournalFileError(f"{name} holds {count:,} records, and another number when it was written")
            return
        for record in _records(bytes(cramjam.zstd.decompress(packed, output_len=size))):
            count += 1
            yield record


def _checksum(packed: bytes, size: int) -> int:
    return crc32(packed, size)  # begun from the size, so that a wrong one is known too


def _exactly(source: BinaryIO, size: int, name: str, count: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise JournalFileError(f"{name} was cut: it ends after {count:,} records and before its end; export it anew")
    return data


def _records(block: bytes) -> Iterator[JournalRecord]:
    at = 0
    while at < len(block):
        topic, partition, offset, timestamp, key_size, value_size = _RECORD.unpack_from(block, at)
        at += _RECORD.size
        key = None if key_size < 0 else block[at : at + key_size]
        at += max(key_size, 0)
        value = None if value_size < 0 else block[at : at + value_size]
        at += max(value_size, 0)
        yield JournalRecord(TOPICS[topic], partition, offset, timestamp, key, value)

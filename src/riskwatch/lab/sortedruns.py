"""Sorting more records than memory should hold: runs of bounded size are sorted, laid out on disk, and merged.

A record is bytes that begin with its sort key: whole numbers, written by `key` so that comparing bytes compares them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from tempfile import TemporaryFile
from typing import IO

RUN = 200_000
"""Records that are in memory at once: at some 150 bytes each, 30 MB."""
_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">Q")


def key(*numbers: int) -> bytes:
    """8 bytes for each number, in the order of the numbers. They are at least -2^62 and below 2^62."""
    return b"".join(_NUMBER.pack(number + 2**62) for number in numbers)


def in_order(records: Iterable[bytes], run: int = RUN) -> Iterator[bytes]:
    """The records, sorted. Memory holds `run` of them; more go to temporary files without a name, one for each run."""
    with ExitStack() as files:
        runs: list[IO[bytes]] = []
        held: list[bytes] = []
        for record in records:
            held.append(record)
            if len(held) >= run:
                held.sort()
                runs.append(_written(files.enter_context(TemporaryFile()), held))
                held = []
        held.sort()
        yield from merge(*map(_read, runs), held)


def _written(file: IO[bytes], records: list[bytes]) -> IO[bytes]:
    file.writelines(part for record in records for part in (_LENGTH.pack(len(record)), record))
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while length := file.read(_LENGTH.size):
        yield file.read(_LENGTH.unpack(length)[0])

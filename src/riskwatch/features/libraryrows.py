"""The library as rows: one for each case and each place on a list.

A row holds the states that its case or place went through, each with the journal offset from which it holds. A worker
that dies may leave rows of a batch whose end it never wrote; the entries of that batch come again, and must find the
library as it was at their own places: so reading leaves out what had not been said by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from riskwatch.features.library import HeldCase, Library
from riskwatch.features.lists import Listed

LIBRARY_VERSION = 1
CASE_PREFIX = b"\x00case/"
LIST_PREFIX = b"\x00list/"

MAX_STATES = 16
"""States of a row that are kept, the newest; few cases see more than two."""

S = TypeVar("S", HeldCase, Listed)


class LibraryFault(ValueError):
    """Stored bytes that are no row of this version of the library."""


class _Row(Struct, frozen=True, array_like=True):
    version: int
    states: tuple[msgspec.Raw, ...]


_encode = msgspec.msgpack.Encoder().encode
_rows = msgspec.msgpack.Decoder(_Row)
_cases = msgspec.msgpack.Decoder(HeldCase)
_lists = msgspec.msgpack.Decoder(Listed)


def encode_states(states: Sequence[S]) -> bytes:
    """The row of one case or place: its states, oldest first."""
    return _encode(_Row(LIBRARY_VERSION, tuple(msgspec.Raw(_encode(state)) for state in states[-MAX_STATES:])))


def case_states(row: bytes | None, before: int) -> list[HeldCase]:
    """The states of a case's row that had been said before journal offset `before`. Raises `LibraryFault`."""
    return [] if row is None else _states(row, _cases, before)


def list_states(row: bytes | None, before: int) -> list[Listed]:
    """The same of a place on a list."""
    return [] if row is None else _states(row, _lists, before)


def read_library(cases: Iterable[tuple[bytes, bytes]], lists: Iterable[tuple[bytes, bytes]], before: int) -> Library:
    """The library of its rows (key with prefix, `encode_states`), as known to the journal entry at offset `before`.

    Raises `LibraryFault` for a row of another version, and for what is no row.
    """
    library = Library()
    for key, value in cases:
        for held in case_states(value, before)[-1:]:
            library.put_case(key[len(CASE_PREFIX) :], held)
    for key, value in lists:
        for entry in list_states(value, before)[-1:]:
            library.put_listed(key[len(LIST_PREFIX) :], entry)
    return library


def _states(value: bytes, decoder: msgspec.msgpack.Decoder[S], before: int) -> list[S]:
    try:
        row = _rows.decode(value)
        if row.version != LIBRARY_VERSION:
            raise LibraryFault(f"a row of the library of version {row.version}; this release reads {LIBRARY_VERSION}")
        states = [decoder.decode(state) for state in row.states]
    except msgspec.MsgspecError as error:
        raise LibraryFault(f"not a row of the library: {error}") from None
    return [state for state in states if state.since < before]

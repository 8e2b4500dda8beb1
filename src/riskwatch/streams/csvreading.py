"""Files of comma-separated values as people have them, read strictly and in bounded memory.

UTF-8, with or without a byte order mark; commas, semicolons or tabs; any line ends; quoted line breaks. What cannot be
read for certain is refused with the line and the reason, and no words here show what is in a cell: cells name people.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from difflib import get_close_matches
from typing import BinaryIO

from msgspec import Struct

from riskwatch.streams.faults import Fault, fault

SEPARATORS = (",", ";", "\t")
CHUNK_BYTES = 1 << 20
CELL_CHARACTERS = 131_072
"""Characters of a cell at most: more is a quotation mark that never ends."""

REFUSED_LINE, REFUSED_BECAUSE = "refused_line", "refused_because"
"""Columns that riskwatch adds to a file of refused rows; such a file can be mended and read again."""


class UnreadableFile(ValueError):
    """The file cannot be read as a whole; nothing of it is used."""


class Columns(Struct, frozen=True, kw_only=True):
    """What a file may have. Other columns are passed over, and named."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


class Heading(Struct, frozen=True, kw_only=True):
    """The first line. `names`: of all columns, in order; `unknown`: those that are passed over; `cells`: as written."""

    separator: str
    names: tuple[str, ...]
    unknown: tuple[str, ...]
    cells: tuple[str, ...]


class Row(Struct, frozen=True, kw_only=True):
    """A row. `line`: where it begins, from 1. `values`: column → text without white space around it, blank ones left
    out. `faults`: why nothing can be said of it at all."""

    line: int
    cells: tuple[str, ...]
    values: dict[str, str]
    faults: tuple[Fault, ...] = ()


def check_file(file: BinaryIO, columns: Columns) -> Heading:
    """Reads the whole file once and sets it back to its start. Raises `UnreadableFile`."""
    check_encoding(file)
    heading = read_heading(file, columns)
    for _ in read_rows(file, heading):
        pass
    file.seek(0)
    return heading


def check_encoding(file: BinaryIO) -> None:
    """Raises `UnreadableFile` where the file is empty or not UTF-8 text; sets it back to its start."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, size = 1, 0
    while chunk := file.read(CHUNK_BYTES):
        if not size and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise UnreadableFile("the file is UTF-16 text: save it as UTF-8")
        size += len(chunk)
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise _not_utf8(line + error.object[: error.start].count(b"\n")) from error
        if "\0" in text:
            at = line + text[: text.index("\0")].count("\n")
            raise UnreadableFile(f"line {at} has NUL characters, so the file is no UTF-8 text: save it as UTF-8")
        line += text.count("\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(line) from error
    if not size:
        raise UnreadableFile("the file is empty: its first line must name the columns")
    file.seek(0)


def _not_utf8(line: int) -> UnreadableFile:
    return UnreadableFile(f"line {line} is not UTF-8 text: save the file as UTF-8 (in a spreadsheet: CSV UTF-8)")


def read_heading(file: BinaryIO, columns: Columns) -> Heading:
    """The names of the columns, and what separates them. Raises `UnreadableFile`.

    A name that is unknown is shown only where all required ones are there: a file without a heading would show people.
    """
    readings = [_heading(file, each, columns) for each in SEPARATORS]
    headings = [each for each in readings if isinstance(each, Heading)]
    if not headings:
        raise next(each for each in readings if isinstance(each, UnreadableFile))
    found = max(headings, key=lambda each: len(set(each.names) & set(columns.known)))
    names = found.names
    missing = [name for name in columns.required if name not in names]
    if missing:
        near = [f"`{each}`?" for name in missing for each in get_close_matches(name, found.unknown, n=1, cutoff=0.8)]
        hint = f"; is it {' or '.join(near)}" if near else ""
        raise UnreadableFile(
            f"the first line names no column {', '.join(missing)}{hint}; it must name the columns: "
            f"{', '.join(columns.required)} and any of {', '.join(columns.optional)}"
        )
    twice = sorted({name for name in names if name in columns.known and names.count(name) > 1})
    if twice:
        raise UnreadableFile(f"the first line names {', '.join(twice)} twice")
    return found


def _heading(file: BinaryIO, separator: str, columns: Columns) -> Heading | UnreadableFile:
    with closing(_records(file, separator)) as records:
        try:
            cells = next((cells for _, cells in records if cells), ())
        except UnreadableFile as error:
            return error
    names = tuple(cell.strip().lower() for cell in cells)
    ours = (*columns.known, REFUSED_LINE, REFUSED_BECAUSE, "")
    unknown = tuple(dict.fromkeys(name for name in names if name not in ours))
    return Heading(separator=separator, names=names, unknown=unknown, cells=tuple(cells))


def read_rows(file: BinaryIO, heading: Heading) -> Iterator[Row]:
    """The rows after the heading, from the file's start; blank lines are passed over. Raises `UnreadableFile`."""
    records = (each for each in _records(file, heading.separator) if each[1])
    next(records, None)
    for line, cells in records:
        if len(cells) != len(heading.names):
            words = f"found {len(cells):,} cells, the first line has {len(heading.names):,}"
            yield Row(line=line, cells=tuple(cells), values={}, faults=fault("wrong-type", "", words).faults)
            continue
        values = {name: text for name, cell in zip(heading.names, cells, strict=True) if (text := cell.strip())}
        yield Row(line=line, cells=tuple(cells), values=values)


def _records(file: BinaryIO, separator: str) -> Generator[tuple[int, Sequence[str]], None, None]:
    """Line where it begins, and cells, of every record."""
    file.seek(0)
    csv.field_size_limit(CELL_CHARACTERS)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=separator, strict=True)
    try:
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            yield line, cells
    except csv.Error as error:
        raise UnreadableFile(f"from line {line} on the file cannot be read: {_in_words(error)}") from error
    finally:
        text.detach()  # closing it would close the file


def _in_words(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end of data" in said or "larger than field limit" in said:
        return "a quotation mark is opened and never closed"
    if "expected after" in said:
        return "something stands between a closing quotation mark and the next separator"
    return said

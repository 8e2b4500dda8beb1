"""Bulk imports: rows of a file → what is published, with a report of what was refused and why."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TextIO, TypeVar

import msgspec

from riskwatch.streams.csvreading import (
    REFUSED_BECAUSE,
    REFUSED_LINE,
    Columns,
    Heading,
    Row,
    check_file,
    read_rows,
)
from riskwatch.streams.events import Tenant
from riskwatch.streams.faults import Faults

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

CHUNK = 5_000
"""Rows that are published and acknowledged together."""


class Report:
    """Counts rows, tells refused ones as they come, and writes them to a file if one is wanted.

    `source`: the file that is read; `refused_file` must be another. Used as a context: leaving it closes the file.
    """

    def __init__(self, source: Path, refused_file: Path | None, console: Console) -> None:
        if refused_file is not None and refused_file.exists() and refused_file.samefile(source):
            raise OSError(f"{refused_file} is the file that is imported: give another name for refused rows")
        self.read = self.refused = self.published = 0
        self._path = refused_file
        self._console = console
        self._file: TextIO | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if kind is not None and self.published:
            self._print(f"{self.published:,} of the rows read were published before the failure")

    def begin(self, heading: Heading) -> None:
        """Names the columns that are passed over."""
        self._heading = heading
        if heading.unknown:
            self._print(f"columns that are unknown and passed over: {', '.join(heading.unknown)}")

    def refuse(self, row: Row, faults: Faults) -> None:
        """Tells a row's line, and for each fault its column and the reason."""
        self.refused += 1
        for each in faults.faults:
            where = f"line {row.line}" + (f", column {each.path}" if each.path else "")
            self._print(f"{where}: {each.message}")
        if self._path is not None:
            if self._writer is None:
                self._open(self._path)
            whole = (*row.cells, *[""] * (len(self._heading.names) - len(row.cells)))
            self._writer.writerow([*self._own(whole), row.line, str(faults)])

    def summary(self, what: str, *, dry_run: bool) -> str:
        """The last line of an import."""
        good = self.read - self.refused
        done = f"{good:,} are {what} (dry run: none published)" if dry_run else f"{self.published:,} {what} published"
        kept = f", written to {self._path}" if self._writer is not None else ""
        return f"{self.read:,} rows read, {done}, {self.refused:,} refused{kept}"

    def _open(self, path: Path) -> None:
        """For the owner's eyes only: refused rows name people in clear."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, delimiter=self._heading.separator)
        self._writer.writerow([*self._own(self._heading.cells), REFUSED_LINE, REFUSED_BECAUSE])

    def _own(self, cells: Sequence[str]) -> list[str]:
        """The cells without those that an earlier import added."""
        added = {at for at, name in enumerate(self._heading.names) if name in (REFUSED_LINE, REFUSED_BECAUSE)}
        return [cell for at, cell in enumerate(cells) if at not in added]

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def chosen(file: BinaryIO, columns: Columns, make: Callable[[Row], T | Faults], report: Report) -> Iterator[T]:
    """What the rows of a file become, those refused left out. The whole file is read once before: `UnreadableFile`
    comes before the first result."""
    heading = check_file(file, columns)
    report.begin(heading)
    return _made(file, heading, make, report)


def _made(file: BinaryIO, heading: Heading, make: Callable[[Row], T | Faults], report: Report) -> Iterator[T]:
    for row in read_rows(file, heading):
        report.read += 1
        made = make(row)
        if isinstance(made, Faults):
            report.refuse(row, made)
        else:
            yield made


def chunks(made: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """In lists of `size`, the last one shorter."""
    left = iter(made)
    while chunk := list(islice(left, size)):
        yield chunk


def tenant_fault(tenant: str) -> str | None:
    """Why a text is no institution's name; None where it is one."""
    try:
        msgspec.convert(tenant, Tenant)
    except msgspec.ValidationError:
        return "an institution is 1 to 63 lower-case letters, digits and hyphens"
    return None

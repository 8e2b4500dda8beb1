"""Reading tables of a known form: Parquet or CSV (also gzipped), found by their columns, streamed in batches.

A form is a name and the columns that an adapter needs; more columns do no harm. A file that lacks one is refused with
a sentence that names it. Values are read leniently and judged row by row by the adapter, so that one bad row costs one
row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

SUFFIXES = (".parquet", ".csv", ".csv.gz")
BATCH_ROWS = 32_768


class DatasetFault(ValueError):
    """A file or folder cannot be replayed as what it was said to be; the message says why and what would do."""


class Form(Struct, frozen=True, kw_only=True):
    """A table's form: the columns that must be there."""

    name: str
    columns: tuple[str, ...]

    def missing(self, present: Sequence[str]) -> list[str]:
        """The columns that are not there, in the form's order."""
        return [column for column in self.columns if column not in present]


Batch = Mapping[str, Sequence[Any]]
"""Some rows of a table: for each wanted column its values. Absent values are None."""


def columns_of(path: Path) -> list[str]:
    """Names of a table's columns; reads no more than its head. Raises `DatasetFault` where it is not a readable
    table."""
    import pyarrow
    from pyarrow import csv, parquet

    try:
        if path.name.endswith(".parquet"):
            return [str(name) for name in parquet.ParquetFile(path).schema_arrow.names]
        with pyarrow.input_stream(str(path), compression="detect") as stream:
            return [str(name) for name in csv.open_csv(stream).schema.names]
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetFault(f"{path.name} cannot be read as a table: {str(error).splitlines()[0]}") from error


def find(path: Path, form: Form) -> Path:
    """The file at `path`, or the one file in the folder `path`, that has the form.

    Raises `DatasetFault`: nothing there, no file of the form (naming what the nearest one lacks), or more than one.
    """
    if not path.exists():
        raise DatasetFault(f"{path} does not exist")
    if path.is_file():
        lacking = form.missing(columns_of(path))
        if lacking:
            raise DatasetFault(f"{path.name} is not a table of {form.name}: it has no column {', '.join(lacking)}")
        return path
    found, nearest = [], None
    for candidate in tables_in(path):
        lacking = form.missing(columns_of(candidate))
        if not lacking:
            found.append(candidate)
        elif nearest is None or len(lacking) < len(nearest[1]):
            nearest = candidate, lacking
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise DatasetFault(f"{path} holds more than one table of {form.name}: {names}; name the file")
    if not found:
        told = "" if nearest is None else f"; {nearest[0].name} comes nearest and lacks {', '.join(nearest[1])}"
        raise DatasetFault(f"{path} holds no table of {form.name}{told}")
    return found[0]


def beside(path: Path, form: Form) -> Path | None:
    """A table of the form in the folder `path`, or in the folder of the file `path`; None where there is none."""
    folder = path if path.is_dir() else path.parent
    for candidate in tables_in(folder):
        try:
            if not form.missing(columns_of(candidate)):
                return candidate
        except DatasetFault:
            continue
    return None


def tables_in(folder: Path) -> list[Path]:
    """The files of a folder that can hold a table, by name."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name.endswith(SUFFIXES))


def row_count(path: Path) -> int | None:
    """How many rows a table has where its file says so (Parquet), else None."""
    from pyarrow import parquet

    return int(parquet.ParquetFile(path).metadata.num_rows) if path.name.endswith(".parquet") else None


def batches(path: Path, columns: Sequence[str]) -> Iterator[Batch]:
    """The wanted columns in batches of rows. CSV values come as text, Parquet values as they are, instants as ms since
    1970.

    Memory holds one batch.
    """
    import pyarrow
    from pyarrow import csv, parquet

    if path.name.endswith(".parquet"):
        for batch in parquet.ParquetFile(path).iter_batches(BATCH_ROWS, columns=list(columns)):
            yield {name: _values(batch.column(name)) for name in columns}
        return
    options = csv.ConvertOptions(
        include_columns=list(columns),
        column_types=dict.fromkeys(columns, pyarrow.string()),
        null_values=["", "NA", "NaN", "nan", "null"],
        strings_can_be_null=True,
    )
    with pyarrow.input_stream(str(path), compression="detect") as stream:
        reader = csv.open_csv(stream, convert_options=options)
        for batch in reader:
            yield {name: batch.column(name).to_pylist() for name in columns}


def _values(column: Any) -> Sequence[Any]:
    import pyarrow

    if pyarrow.types.is_timestamp(column.type):
        # A thousand times faster than datetimes, and an instant of the simulator's kind.
        zoneless = column.cast(pyarrow.timestamp("ms"), safe=False)
        return zoneless.cast(pyarrow.int64()).to_pylist()  # type: ignore[no-any-return]
    return column.to_pylist()  # type: ignore[no-any-return]


def instant_ms(value: Any) -> int:
    """Milliseconds since 1970 of an instant: ms as they are, text as ISO 8601; without a zone it is read as UTC."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    moment = datetime.fromisoformat(value)
    return round((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def number(value: Any) -> float:
    """A finite number. Raises `ValueError` or `TypeError` for everything else."""
    found = float(value)
    if not -1e300 < found < 1e300:
        raise ValueError(f"not a number: {value!r}")
    return found


def whole(value: Any) -> int:
    """A whole number, also where a table keeps it as text or float. Raises `ValueError` or `TypeError` for everything
    else."""
    found = number(value)
    if not found.is_integer():
        raise ValueError(f"not a whole number: {value!r}")
    return int(found)


def minor_units(value: Any) -> int:
    """An amount in minor units, rounded to the nearest. Raises `ValueError` where it is negative."""
    found = number(value)
    if found < 0:
        raise ValueError(f"negative amount: {value!r}")
    return round(found * 100)


def reason_of(error: Exception) -> str:
    """Why a row was left out, without its values: what the error says before the first colon."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.split(":")[0]

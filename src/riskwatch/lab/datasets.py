"""The data sets that can be replayed: one table of forms, found by name or by the columns of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from riskwatch.lab.eventfile import EventFile
from riskwatch.lab.instalments import PAYMENTS, Instalments
from riskwatch.lab.panel import Panel
from riskwatch.lab.panelrows import MONTHS
from riskwatch.lab.signuprows import SIGNUPS
from riskwatch.lab.signups import Signups
from riskwatch.lab.tables import DatasetFault, Form, columns_of, tables_in
from riskwatch.lab.transactions import FORM as TRANSACTIONS
from riskwatch.lab.transactions import Transactions
from riskwatch.streams.events import AnyEvent


class Dataset(Protocol):
    """A file of records as events in order of time (of arrival, where it is one of events). Counts fill while `events`
    is read. `rows` read so far, of `total` (None where the file does not say); `bad`: rows left out by reason; `notes`:
    what the mapping had to decide, by kind. `lending`: folder of the lending policies that its applications are to be
    decided by; None: the packaged ones.
    """

    name: str
    path: Path
    tenant: str
    rows: int
    total: int | None
    bad: Counter[str]
    notes: Counter[str]
    lending: Path | None

    def events(self) -> Iterator[AnyEvent]:
        """The events in their order; once through."""
        ...


FORMS: Mapping[str, tuple[Form, Callable[..., Dataset]]] = MappingProxyType(
    {
        "transactions": (TRANSACTIONS, Transactions),
        "panel": (MONTHS, Panel),
        "instalments": (PAYMENTS, Instalments),
        "signups": (SIGNUPS, Signups),
    }
)
"""Name of a data set → the form of its main table, and what opens it."""
NAMES = (*FORMS, EventFile.name)


def open_dataset(name: str, path: Path, *, limit: int | None = None, tenant: str = "replay") -> Dataset:
    """The data set `name` at `path` (a file, or a folder that holds it); `limit` bounds the rows of its main table.
     Raises `DatasetFault` where the path holds no such table, saying which columns are missing or what the file is
    instead.
    """
    if name == EventFile.name:
        return EventFile(path, limit=limit, tenant=tenant)
    if name not in FORMS:
        raise DatasetFault(f"there is no data set {name!r}; there are {', '.join(NAMES)}")
    try:
        return FORMS[name][1](path, limit=limit, tenant=tenant)
    except DatasetFault as fault:
        other = detect(path) if path.exists() else []
        if not other or name in other:
            raise
        raise DatasetFault(f"{fault}; it looks like {' and '.join(other)}") from fault


def detect(path: Path) -> list[str]:
    """The names of the data sets whose main table is at `path` (a file, or a folder that holds them)."""
    found: list[str] = []
    for candidate in tables_in(path) if path.is_dir() else [path]:
        try:
            present = columns_of(candidate)
        except DatasetFault:
            continue
        found.extend(name for name, (form, _) in FORMS.items() if not form.missing(present))
    return sorted(set(found))

"""A file of events as they stand, JSON lines of any types in the order of their arrival, to be fed in step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from riskwatch.lab.tables import DatasetFault
from riskwatch.streams.codec import Faults, Outcome, decode_event
from riskwatch.streams.events import AnyEvent


class EventFile:
    """Lines are events in the order in which they arrived: a late one stands where it came. They keep their tenants. A
    line that is no event is left out and counted by the code of its first fault. Memory does not grow with the file.

    Raises `DatasetFault` where `path` is no file that can be read.
    """

    name = "events"
    lending: Path | None = None

    def __init__(self, path: Path, *, limit: int | None = None, tenant: str = "replay") -> None:
        self.path, self.limit, self.tenant = path, limit, tenant
        self.rows = 0
        self.bad: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        try:
            with path.open("rb") as lines:
                total = sum(1 for line in lines if line.strip())
        except OSError as error:
            raise DatasetFault(f"{path} cannot be read: {error.strerror}; events are a file of JSON lines") from error
        self.total: int | None = total if limit is None else min(total, limit)

    def events(self) -> Iterator[AnyEvent]:
        """The events as the file has them; once through."""
        with self.path.open("rb") as lines:
            for line in lines:
                if not (stripped := line.strip()):
                    continue
                if self.limit is not None and self.rows >= self.limit:
                    return
                self.rows += 1
                found = decode_event(stripped)
                if isinstance(found, Faults):
                    self.bad[found.code] += 1
                elif isinstance(found, Outcome):
                    self.bad[found.value] += 1
                else:
                    yield found

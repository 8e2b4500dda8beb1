"""The state table: a Faust table that restores whole batches and whose writes the monitor makes itself.

Faust assigns, recovers and revokes it like any table; its mapping interface is not used. The monitor writes the
changelog (acknowledged by the broker), then the local store: see `monitor`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from faust.stores.base import Store
from faust.tables.table import Table
from faust.types import TP

from riskwatch.agents.store import Partitions, PartitionStore


class StateStore(Store):  # type: ignore[misc]
    """What Faust asks of a store, over `Partitions`."""

    def __init__(self, *args: Any, partitions: Partitions, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partitions = partitions
        self.changelog: str = ""

    def __getitem__(self, key: Any) -> Any:
        raise NotImplementedError("rows are read through StateTable.partition")

    __setitem__ = __delitem__ = __getitem__

    def __len__(self) -> int:
        return sum(1 for p in self.partitions.opened for _ in self.partitions[p].scan())

    def __iter__(self) -> Any:
        raise NotImplementedError("rows are read through StateTable.partition")

    def _clear(self) -> None:
        self.partitions.close_all()

    def reset_state(self) -> None:
        """Faust resets a table that it recovers anew; the stores keep their own offsets, so nothing is to be done."""

    def persisted_offset(self, tp: TP) -> int | None:
        return self.partitions[tp.partition].offset

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """The offset is written together with the rows."""

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        for tp in revoked:
            if tp.topic == self.changelog:
                self.partitions.close(tp.partition)

    def apply_changelog_batch(self, batch: Any, to_key: Any, to_value: Any) -> None:
        raise NotImplementedError("batches are restored by StateTable")

    async def backup_partition(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("the changelog is the backup")

    def restore_backup(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("the changelog is the backup")

    async def on_stop(self) -> None:
        self.partitions.close_all()


class StateTable(Table):  # type: ignore[misc]
    """One row for each customer, and a few reserved rows for each partition."""

    def __init__(
        self,
        app: Any,
        *,
        kind: str,
        folder: Path,
        buffer_bytes: int,
        on_restored: Callable[[int, float], None],
        on_failed: Callable[[BaseException], None],
        **kwargs: Any,
    ) -> None:
        self._partitions = Partitions(kind, folder, buffer_bytes)
        self._on_restored = on_restored
        self._on_failed = on_failed
        # With a buffer of 1 Faust would read the table's own changelog for good, not only in a recovery.
        super().__init__(app, recovery_buffer_size=2, **kwargs)

    def _new_store(self) -> StateStore:
        store = StateStore(
            f"{self.name}://", self.app, self, table_name=self.name, loop=self.loop, partitions=self._partitions
        )
        store.changelog = self.changelog_topic.get_topic_name()
        return store

    def partition(self, number: int) -> PartitionStore:
        """The local copy of one partition's rows."""
        return self._partitions[number]

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Restores rows. Faust swallows what is raised here and goes on with holes, so a failure stops the worker."""
        try:
            for event in batch:
                began = time.perf_counter()
                number, records = event.message.partition, event.message.value
                if number not in self._partitions:
                    # Read before the partition was revoked. Taken now it would open the partition anew with these rows
                    # alone, under an offset that says all rows before them are there.
                    continue
                rows = [(record.key, record.value) for record in records if record.key is not None]
                self._partitions[number].restore(rows, event.message.offset)
                self._on_restored(len(rows), time.perf_counter() - began)
        except Exception as error:
            self._on_failed(error)
            raise

    def on_key_get(self, key: Any) -> None:  # pragma: no cover - the mapping interface is not used
        raise NotImplementedError

"""Local copies of the state, one database for each partition. The changelog is the truth; these are its cache.

A partition's store knows up to which changelog offset it has applied (`offset`), written together with the rows, so
that recovery reads only what is newer.
"""

from __future__ import annotations

import shutil
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from riskwatch.agents.statecodec import newer

Row = tuple[bytes, bytes | None]
OFFSET_KEY = b"\x00\x00changelog-offset"
BUFFER_BYTES = 16 * 1024 * 1024
"""Some 25,000 rows of a partition."""


class PartitionStore(Protocol):
    """Rows of one partition. Values are whole state rows; None in a write deletes."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys`, None where there is none."""

    def write(self, rows: Iterable[Row], offset: int | None) -> None:
        """Applies rows and the changelog offset that they reach, all or nothing."""

    def restore(self, rows: Iterable[Row], offset: int) -> None:
        """Applies rows of the changelog; of two rows of one key the one with the higher watermark stays."""

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Every row whose key begins with `prefix`, in key order."""

    @property
    def offset(self) -> int | None:
        """The last changelog offset applied, None for an empty store."""

    def close(self) -> None:
        """Releases files."""


class MemoryPartition:
    """Rows in a dict. Reserved keys are kept apart, so that scans of them do not pass over every customer."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}
        self._reserved: dict[bytes, bytes] = {}
        self._order: list[bytes] = []
        self._fresh: list[bytes] = []
        self._offset: int | None = None

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        if keys and any(key[:1] == b"\x00" for key in keys):
            return [self._of(key).get(key) for key in keys]
        return list(map(self._rows.get, keys))

    def _of(self, key: bytes) -> dict[bytes, bytes]:
        return self._reserved if key[:1] == b"\x00" else self._rows

    def write(self, rows: Iterable[Row], offset: int | None) -> None:
        for key, value in rows:
            if value is None:
                self._of(key).pop(key, None)
            else:
                self._put(key, value)
        if offset is not None:
            self._offset = offset

    def restore(self, rows: Iterable[Row], offset: int) -> None:
        for key, value in rows:
            held = self._of(key)
            if value is None:
                held.pop(key, None)
            elif newer(value, held.get(key)):
                self._put(key, value)
        self._offset = offset

    def _put(self, key: bytes, value: bytes) -> None:
        held = self._of(key)
        if held is self._reserved and key not in held:
            self._fresh.append(key)
        held[key] = value

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        if not prefix:
            yield from sorted(self._reserved.items())
        if prefix[:1] != b"\x00":
            yield from sorted((key, value) for key, value in self._rows.items() if key.startswith(prefix))
            return
        order = self._sorted()
        for at in range(bisect_left(order, prefix), len(order)):
            if not order[at].startswith(prefix):
                return
            if at == 0 or order[at] != order[at - 1]:  # a key that went and came again is there twice
                value = self._reserved.get(order[at])
                if value is not None:
                    yield order[at], value

    def _sorted(self) -> list[bytes]:
        """Reserved keys in order, with some that are gone. Two sorted runs are merged in linear time."""
        if self._fresh:
            self._order += sorted(self._fresh)
            self._order.sort()
            self._fresh = []
        if len(self._order) > 2 * len(self._reserved) + 1_000:
            self._order = sorted(self._reserved)
        return self._order

    @property
    def offset(self) -> int | None:
        return self._offset

    def close(self) -> None:
        self._rows.clear()
        self._reserved.clear()
        self._order, self._fresh = [], []
        self._offset = None


class RocksPartition:
    """Rows in a RocksDB database of their own (rocksdict, raw bytes).

    Without RocksDB's own log: the changelog is one. After a crash the database is as it was at some earlier batch,
    offset included (a flush keeps whole batches), and what came after is restored from the changelog.
    """

    def __init__(self, path: Path, buffer_bytes: int = BUFFER_BYTES) -> None:
        import rocksdict

        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._rocks = rocksdict
        self._db = rocksdict.Rdict(str(path), options=_options(buffer_bytes))
        self._unlogged = rocksdict.WriteOptions()
        self._unlogged.disable_wal = True
        held = self._db.get(OFFSET_KEY)
        self._offset = None if held is None else int.from_bytes(held, "big")

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        if not keys:
            return []
        found: list[bytes | None] = self._db.get(list(keys))
        return found

    def write(self, rows: Iterable[Row], offset: int | None) -> None:
        batch = self._rocks.WriteBatch(raw_mode=True)
        for key, value in rows:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if offset is not None:
            batch.put(OFFSET_KEY, offset.to_bytes(8, "big"))
        self._db.write(batch, self._unlogged)
        if offset is not None:
            self._offset = offset

    def restore(self, rows: Iterable[Row], offset: int) -> None:
        latest: dict[bytes, bytes | None] = {}
        for key, value in rows:
            if value is None or newer(value, latest.get(key)):
                latest[key] = value
        if self._offset is not None:
            get = self._db.get
            latest = {key: value for key, value in latest.items() if value is None or newer(value, get(key))}
        self.write(latest.items(), offset)

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._db.items(from_key=prefix or None):
            if not key.startswith(prefix):
                return
            if key != OFFSET_KEY:
                yield key, value

    @property
    def offset(self) -> int | None:
        return self._offset

    def close(self) -> None:
        self._db.flush()
        self._db.close()


def _options(buffer_bytes: int) -> object:
    import rocksdict

    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(buffer_bytes)
    options.set_max_write_buffer_number(3)
    options.set_max_background_jobs(2)
    options.set_level_zero_file_num_compaction_trigger(8)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    options.set_keep_log_file_num(2)
    table = rocksdict.BlockBasedOptions()
    table.set_bloom_filter(10, False)
    table.set_block_cache(rocksdict.Cache(128 * 1024 * 1024))
    options.set_block_based_table_factory(table)
    return options


class Partitions:
    """Opens and closes partition stores as partitions come and go."""

    def __init__(self, kind: str, folder: Path, buffer_bytes: int = BUFFER_BYTES) -> None:
        self._kind = kind
        self._buffer_bytes = buffer_bytes
        self._folder = folder
        self._open: dict[int, PartitionStore] = {}

    def __getitem__(self, partition: int) -> PartitionStore:
        store = self._open.get(partition)
        if store is None:
            store = self._open[partition] = self._make(partition)
        return store

    def __contains__(self, partition: int) -> bool:
        return partition in self._open

    def _make(self, partition: int) -> PartitionStore:
        if self._kind == "memory":
            return MemoryPartition()
        return RocksPartition(self._folder / f"partition-{partition}", self._buffer_bytes)

    def close(self, partition: int) -> None:
        """Closes a partition that has gone to another worker. Memory is given up; files stay for its return."""
        store = self._open.pop(partition, None)
        if store is not None:
            store.close()

    def forget(self, partition: int) -> None:
        """Deletes a partition's local copy, so that it is rebuilt from the changelog."""
        self.close(partition)
        if self._kind == "rocksdb":
            shutil.rmtree(self._folder / f"partition-{partition}", ignore_errors=True)

    def close_all(self) -> None:
        for partition in list(self._open):
            self.close(partition)

    @property
    def opened(self) -> list[int]:
        return sorted(self._open)

"""What a worker keeps in memory for each journal partition that it owns, and the partition's own row in the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from riskwatch.agents.statecodec import PARTITION_KEY, RESERVED, next_look_of
from riskwatch.agents.store import PartitionStore
from riskwatch.agents.timers import Timers
from riskwatch.features.freshness import Feed
from riskwatch.features.library import Library
from riskwatch.features.libraryrows import CASE_PREFIX, LIST_PREFIX, read_library
from riskwatch.policy.shelf import POLICY_PREFIX, Shelf, unpack_shelved
from riskwatch.scoring.labels import PENDING
from riskwatch.scoring.linear import LinearModel, decode_model
from riskwatch.scoring.remembered import FALLEN, FRAUD, read_confirmed, read_fallen

MODEL_PREFIX = b"\x00model/"


class PartitionRow(Struct, kw_only=True, frozen=True):
    """`watermark`: journal offset + 1 up to which every row of the partition is applied; written after all the others.

    `clock`: the newest tick, ms. `feeds`: how fresh each institution's feeds are, by tenant; in this row, so that they
    are as of the watermark whatever was written before a crash.
    """

    watermark: int = 0
    clock: int = 0
    feeds: dict[str, Feed] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PartitionRow).decode


def pack_reserved(watermark: int, payload: bytes) -> bytes:
    """The value of a reserved row: the watermark in front, as in every row."""
    return watermark.to_bytes(8, "big") + payload


def unpack_reserved(value: bytes) -> bytes:
    """The payload of a reserved row."""
    return value[8:]


def pack_partition(row: PartitionRow) -> bytes:
    """The value of the partition's own row."""
    return pack_reserved(row.watermark, _encode(row))


class Waiting:
    """Predictions that wait for their label, by the hour of their maturity, and what labels are made of: the frauds
    that were confirmed, and when loans came to be 30 days past due."""

    def __init__(
        self, keys: Iterable[bytes] = (), confirmed: dict[int, int] | None = None,
        fallen: dict[int, tuple[int, ...]] | None = None,
    ) -> None:  # fmt: skip
        self._keys: dict[int, list[bytes]] = {}
        self.fallen: dict[int, tuple[int, ...]] = {} if fallen is None else fallen
        self.confirmed: dict[int, int] = {} if confirmed is None else confirmed
        for key in keys:
            self.add(key)

    def add(self, key: bytes) -> None:
        held = self._keys.setdefault(_hour(key), [])
        if key not in held:
            held.append(key)

    def remove(self, key: bytes) -> None:
        hour = _hour(key)
        held = self._keys.get(hour, [])
        if key in held:
            held.remove(key)
            if not held:
                del self._keys[hour]

    def due(self, now_ms: int) -> list[bytes]:
        """Keys whose predictions all have their label by `now_ms`, in key order."""
        hours = sorted(hour for hour in self._keys if hour * 3_600_000 <= now_ms)
        return [key for hour in hours for key in sorted(self._keys[hour])]

    def __contains__(self, key: bytes) -> bool:
        return key in self._keys.get(_hour(key), ())

    def __len__(self) -> int:
        return sum(map(len, self._keys.values()))


def _hour(key: bytes) -> int:
    return int.from_bytes(key[len(PENDING) : len(PENDING) + 8], "big")


@dataclass
class Partition:
    """One journal partition in memory. `undecided`: customers whose applications wait for answers, of those that this
    worker has folded itself; `changelog_next`: the changelog offset that the next write should get."""

    number: int
    store: PartitionStore
    row: PartitionRow = field(default_factory=PartitionRow)
    timers: Timers = field(default_factory=Timers)
    models: dict[str, LinearModel] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)
    shelf: Shelf = field(default_factory=Shelf)
    undecided: set[bytes] = field(default_factory=set)
    library: Library = field(default_factory=Library)
    changelog_next: int | None = None


def open_partition(number: int, store: PartitionStore) -> Partition:
    """Reads what a partition keeps in memory out of its restored rows."""
    partition = Partition(number, store)
    held = store.get_many([PARTITION_KEY])[0]
    if held is not None:
        partition.row = _decode(unpack_reserved(held))
    for _, value in store.scan(MODEL_PREFIX):
        model = decode_model(unpack_reserved(value))
        partition.models[model.name] = model
    partition.shelf = Shelf(unpack_shelved(unpack_reserved(value)) for _, value in store.scan(POLICY_PREFIX))
    confirmed = read_confirmed({key: unpack_reserved(value) for key, value in store.scan(FRAUD)})
    fallen = read_fallen({key: unpack_reserved(value) for key, value in store.scan(FALLEN)})
    partition.waiting = Waiting((key for key, _ in store.scan(PENDING)), confirmed, fallen)
    cases, lists = (
        ((key, unpack_reserved(value)) for key, value in store.scan(prefix)) for prefix in (CASE_PREFIX, LIST_PREFIX)
    )
    partition.library = read_library(cases, lists, partition.row.watermark)
    partition.timers = Timers((key, next_look_of(value)) for key, value in store.scan() if key[:1] != RESERVED)
    return partition

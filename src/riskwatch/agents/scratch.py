"""The customers that one batch touches: gathered from the store, changed in place, packed again. Nothing else is
changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.statecodec import pack_state, split_state
from riskwatch.agents.store import PartitionStore, Row
from riskwatch.features.account import Account, decode_account, encode_account
from riskwatch.features.layout import Layout
from riskwatch.features.rowcodec import pack_rows, unpack_rows


class RowBuffer:
    """Room for the rows of a batch, kept from batch to batch: fresh pages cost more than the fold itself (measured on a
    loaded machine: 16 to 21 µs a row of 6 kB at first touch). A fold is over before the next one begins."""

    def __init__(self) -> None:
        self._room = np.zeros((0, 0))

    def take(self, count: int, n_slots: int) -> NDArray[np.float64]:
        """float64[count, n_slots], not cleared."""
        if self._room.shape[1] != n_slots or len(self._room) < count:
            self._room = np.empty((max(count, 2 * len(self._room)), n_slots))
        return self._room[:count]


class Scratch:
    """`rows`: float64[customers, n_slots]; `applied[i]`: watermark that row i was stored with. Accounts are opened on
    demand.
    """

    def __init__(self, layout: Layout, store: PartitionStore, keys: Iterable[bytes], buffer: RowBuffer) -> None:
        self.keys: list[bytes] = list(dict.fromkeys(keys))
        self.index: dict[bytes, int] = {key: at for at, key in enumerate(self.keys)}
        self._layout = layout
        count = len(self.keys)
        self.rows = buffer.take(count, layout.n_slots)
        self.applied: list[int] = [0] * count
        self.watermarks: list[int] = [0] * count
        self.next_looks: list[int] = [0] * count
        self._packed_accounts: list[bytes] = [b""] * count
        self._accounts: dict[int, Account] = {}
        self.touched: set[int] = set()
        profiles: list[bytes] = []
        which: list[int] = []
        for at, value in enumerate(store.get_many(self.keys)):
            if value is None:
                self.rows[at] = 0.0
                continue
            watermark, self.next_looks[at], profile, self._packed_accounts[at] = split_state(value, layout.version)
            self.applied[at] = self.watermarks[at] = watermark
            profiles.append(profile)
            which.append(at)
        if which:
            unpack_rows(profiles, self.rows, np.array(which, dtype=np.int64))

    def account(self, at: int) -> Account:
        """The account of row `at`, to be changed in place."""
        account = self._accounts.get(at)
        if account is None:
            account = self._accounts[at] = decode_account(self._packed_accounts[at])
        return account

    @property
    def layout_version(self) -> int:
        """The layout that stored rows must have been made under."""
        return self._layout.version

    @property
    def opened(self) -> list[int]:
        """Rows whose account has been opened."""
        return list(self._accounts)

    def see(self, rows: NDArray[np.int64], offsets: NDArray[np.int64]) -> None:
        """Entries at these journal offsets were seen by these rows: they are to be written."""
        applied = np.array(self.watermarks, dtype=np.int64)
        np.maximum.at(applied, rows, offsets + 1)
        self.watermarks = applied.tolist()
        self.touched.update(rows.tolist())

    def pack(self, touched: Sequence[int]) -> list[Row]:
        """The rows to be written, in row order."""
        if not touched:
            return []
        layout = self._layout.version
        profiles = pack_rows(self.rows, np.array(touched, dtype=np.int64))
        return [
            (
                self.keys[at],
                pack_state(self.watermarks[at], self.next_looks[at], layout, profile, self._account_bytes(at)),
            )
            for at, profile in zip(touched, profiles, strict=True)
        ]

    def _account_bytes(self, at: int) -> bytes:
        account = self._accounts.get(at)
        return self._packed_accounts[at] if account is None else encode_account(account)

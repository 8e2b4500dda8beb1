"""What labels are made of, as rows of the partition: frauds that were confirmed, and when loans fell behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from riskwatch.scoring.settings import ARREARS, HORIZON_DAYS

DAY_MS = 86_400_000
CONFIRMED_KEPT_MS = 90 * DAY_MS
ARREARS_KEPT_MS = 2 * HORIZON_DAYS[ARREARS] * DAY_MS

FRAUD = b"\x00fraud/"
FALLEN = b"\x00arrears/"


def confirmed_key(event: int) -> bytes:
    """Where a confirmed fraud is remembered, by the hash of the event that it names."""
    return FRAUD + event.to_bytes(8, "big")


def pack_confirmed(when_ms: int) -> bytes:
    """What is remembered of a confirmed fraud: when it was confirmed."""
    return when_ms.to_bytes(8, "big", signed=True)


def read_confirmed(rows: Mapping[bytes, bytes]) -> dict[int, int]:
    """Event hash → ms of confirmation, of those `rows` whose keys are of confirmed frauds."""
    return {
        int.from_bytes(key[len(FRAUD) :], "big"): int.from_bytes(value[:8], "big", signed=True)
        for key, value in rows.items()
        if key.startswith(FRAUD)
    }


def fallen_key(subject: int) -> bytes:
    """Where it is remembered when a loan (`ENTRY.subject`) came to be 30 days past due."""
    return FALLEN + subject.to_bytes(8, "big")


def pack_fallen(times_ms: Sequence[int]) -> bytes:
    """Those instants."""
    return np.array(times_ms, dtype=">i8").tobytes()


def read_fallen(rows: Mapping[bytes, bytes]) -> dict[int, tuple[int, ...]]:
    """Subject of a loan → when (ms, rising) it came to be 30 days past due, of those `rows` whose keys say so."""
    return {
        int.from_bytes(key[len(FALLEN) :], "big"): tuple(np.frombuffer(value, dtype=">i8").tolist())
        for key, value in rows.items()
        if key.startswith(FALLEN)
    }


def confirmed_expired(when_ms: int, now_ms: int) -> bool:
    """Whether a confirmation is too old to be asked for: 90 days, against predictions that wait seven and a half."""
    return now_ms - when_ms > CONFIRMED_KEPT_MS

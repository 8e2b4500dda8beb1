"""A learner's whole state as a record, and as sealed JSON."""

from __future__ import annotations

from math import isfinite

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from riskwatch.scoring.faults import ModelFault, seal, unseal
from riskwatch.scoring.inputs import Input
from riskwatch.scoring.progress import EXAMPLE
from riskwatch.scoring.settings import LearnerSettings

SNAPSHOT_FORMAT = "riskwatch-learner/1"


class LearnerState(Struct, frozen=True, kw_only=True):
    """All that a learner needs to go on. Lists run beside `inputs`. `watch_…` is the drift watch (Page-Hinkley); bytes
    travel as base64: `window` is `progress.EXAMPLE` records, `seen` little-endian uint64, both oldest first."""

    name: str
    inputs: tuple[Input, ...]
    settings: LearnerSettings
    watermark: int = -1
    examples: int = 0
    positives: int = 0
    refused: int = 0
    version: int = 0
    promoted_at: int = 0
    learned_until_ms: int = 0
    loss: float = 0.0
    stored_loss: float = 0.0
    stored: int = 0
    drifts: int = 0
    drifted_at: int = 0
    counts: list[int]
    means: list[float]
    variances: list[float]
    weights: list[float]
    intercept: float
    steps: int = 0
    watch_n: float = 0.0
    watch_mean: float = 0.0
    watch_up: float = 0.0
    watch_down: float = 0.0
    watch_least: float | None = None
    watch_most: float = -1.0
    watch_drift: bool = False
    window: bytes = b""
    seen: bytes = b""

    def window_values(self) -> NDArray[np.void]:
        """`progress.EXAMPLE`[n]."""
        return np.frombuffer(self.window, EXAMPLE)

    def seen_ids(self) -> list[int]:
        """Hashes of the ids of the newest examples."""
        ids: list[int] = np.frombuffer(self.seen, "<u8").tolist()
        return ids


_states = msgspec.json.Decoder(LearnerState)


def encode_state(state: LearnerState) -> bytes:
    """Sealed JSON; every float comes back bit for bit."""
    return seal(SNAPSHOT_FORMAT, msgspec.json.encode(state))


def decode_state(data: bytes) -> LearnerState:
    """Read what `encode_state` wrote. Raises `ModelFault` for anything but a whole, finite, consistent state."""
    try:
        state = _states.decode(unseal(SNAPSHOT_FORMAT, data))
    except msgspec.DecodeError as error:
        raise ModelFault(f"not a {SNAPSHOT_FORMAT}: {error}") from None
    n = len(state.inputs)
    for field in ("counts", "means", "variances", "weights"):
        numbers = getattr(state, field)
        if len(numbers) != n:
            raise ModelFault(f"snapshot of {state.name}: {field} has {len(numbers)} numbers for {n} inputs")
        if not all(isfinite(each) for each in numbers):
            raise ModelFault(f"snapshot of {state.name}: {field} holds a number that is not finite")
    if len(state.window) % EXAMPLE.itemsize or len(state.seen) % 8:
        raise ModelFault(f"snapshot of {state.name}: the window or the remembered ids are cut")
    return state

"""The labels of one batch: predictions kept, verdicts remembered, and examples made when time has come.

A prediction is labelled by the first tick that comes after it and after its maturity, with the verdicts that stand
before that tick. So it gets the same label whether its tick comes in the same batch or months of batches later.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.partition import Partition, unpack_reserved
from riskwatch.features.watch import Columns
from riskwatch.scoring.inputs import TRANSACTION_FRAUD_INPUTS, gather
from riskwatch.scoring.labels import (
    confirmed_expired,
    confirmed_key,
    is_due,
    keep_predictions,
    matured,
    maturity_ms,
    pack_confirmed,
)
from riskwatch.scoring.linear import LinearModel
from riskwatch.scoring.settings import TRANSACTION_FRAUD
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import TrainingExample

DAY_MS = 86_400_000
Reserved = tuple[bytes, bytes | None]


class Labelling:
    """`place`: how many of the batch's entries come before. Ticks are told in order."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._waiting = partition.waiting
        self._verdicts: list[tuple[int, int | None]] = []
        self._ticks: list[tuple[int, int, int]] = []
        self.examples: list[TrainingExample] = []
        self.kept: list[bytes] = []
        self.labelled: list[bytes] = []
        self.rows: list[Reserved] = []

    def verdict(self, kind: int, event: int, at_ms: int) -> None:
        """A fraud case names an event (hash; 0: none), or clears it."""
        if event:
            self._settle(event, at_ms if kind == Kind.FRAUD_CONFIRMED else None)

    def _settle(self, event: int, at_ms: int | None) -> None:
        self._verdicts.append((event, at_ms))
        self.rows.append((confirmed_key(event), None if at_ms is None else pack_confirmed(at_ms)))

    @property
    def verdicts(self) -> dict[int, int | None]:
        """The batch's last word on each event: ms of the confirmation, None for cleared or forgotten."""
        return dict(self._verdicts)

    def tick(self, place: int, now_ms: int, before_ms: int) -> None:
        """Time moves from `before_ms` to `now_ms`: what waits in the store and is due gets its label."""
        self._ticks.append((place, now_ms, len(self._verdicts)))
        gone = set(self.labelled)
        keys = [key for key in self._waiting.due(now_ms) if key not in gone]
        if keys:
            values = self._partition.store.get_many(keys)
            blobs = [unpack_reserved(value) for value in values if value is not None]
            self.examples += matured(blobs, self._confirmed(len(self._verdicts)), now_ms)
            self.labelled += keys
            self.rows += [(key, None) for key in keys]
        if now_ms // DAY_MS > before_ms // DAY_MS:
            for event, at in self._waiting.confirmed.items():
                if confirmed_expired(at, now_ms):
                    self._settle(event, None)

    def _confirmed(self, verdicts: int) -> dict[int, int]:
        known = dict(self._waiting.confirmed)
        for event, at_ms in self._verdicts[:verdicts]:
            if at_ms is None:
                known.pop(event, None)
            else:
                known[event] = at_ms
        return known

    def shift(self, before: NDArray[np.int64]) -> None:
        """Entries have been inserted before these places."""
        self._ticks = [
            (place + int(np.searchsorted(before, place, side="right")), now_ms, verdicts)
            for place, now_ms, verdicts in self._ticks
        ]

    def bounds(self, oldest_ms: int) -> list[int]:
        """Places at which the batch must be cut, so that predictions of one part have the same ticks after them."""
        if self._ticks and self._ticks[-1][1] >= maturity_ms(oldest_ms):
            return [place for place, _, _ in self._ticks]
        return []

    def keep(
        self, model: LinearModel | None, chosen: NDArray[np.intp], entries: NDArray[np.void], raw: NDArray[np.float64],
        scores: NDArray[np.float64] | None, keys: Sequence[bytes], offset: int,
    ) -> None:  # fmt: skip
        """Keeps predictions of some entries (`chosen`, rising) until their label is known, or labels them at once."""
        inputs = TRANSACTION_FRAUD_INPUTS if model is None else model.inputs
        with np.errstate(over="ignore", invalid="ignore"):
            vectors = raw.astype(np.float32)
        blobs = keep_predictions(
            model=TRANSACTION_FRAUD,
            model_version=0 if model is None else model.version,
            features=[each.feature for each in inputs],
            keys=[keys[at] for at in chosen.tolist()],
            events=entries["event"][chosen],
            occurred_at=entries["occurred_at"][chosen],
            scores=scores,
            vectors=vectors,
            offset=offset,
        )
        after = [tick for tick in self._ticks if tick[0] > int(chosen[-1])]
        for first_choice, blob in blobs.items():
            key = first_choice
            due = next((tick for tick in after if is_due(key, tick[1])), None)
            if due is None:
                # A batch that comes again after a crash may lack customers whose rows were stored: their predictions
                # are in the blob that the first attempt left under this key, so it stays beside the new one.
                while key in self._waiting or key in self.kept:
                    key = key[:-8] + (int.from_bytes(key[-8:], "big") + 1).to_bytes(8, "big")
                self.kept.append(key)
                self.rows.append((key, blob))
            else:
                self.examples += matured([blob], self._confirmed(due[2]), due[1])


def raw_inputs(
    model: LinearModel | None, matrix: NDArray[np.float64], columns: dict[str, int], entries: NDArray[np.void],
    watched: Columns,
) -> NDArray[np.float64]:  # fmt: skip
    """What the model in force reads of these entries; before the first model, what the first one will learn from."""
    return gather(TRANSACTION_FRAUD_INPUTS if model is None else model.inputs, matrix, columns, entries, watched)

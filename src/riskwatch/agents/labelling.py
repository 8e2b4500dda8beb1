"""The labels of one batch: predictions kept, verdicts and arrears remembered, and examples made when time has come.

A prediction is labelled by the first tick that comes after it and after its maturity, with the verdicts that stand
before that tick and what that tick makes overdue. So it gets the same label whether its tick comes in the same batch or
months of batches later.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.partition import Partition, unpack_reserved
from riskwatch.scoring.inputs import MODEL_INPUTS
from riskwatch.scoring.labels import (
    is_due,
    keep_predictions,
    matured,
)
from riskwatch.scoring.linear import LinearModel
from riskwatch.scoring.remembered import (
    ARREARS_KEPT_MS,
    confirmed_expired,
    confirmed_key,
    fallen_key,
    pack_confirmed,
    pack_fallen,
)
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import TrainingExample

DAY_MS = 86_400_000
Reserved = tuple[bytes, bytes | None]


class Labelling:
    """Told in journal order. `kept`: keys of the predictions that the batch leaves waiting; `rows`: what is to be
    written."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._waiting = partition.waiting
        self._fresh: dict[bytes, bytes] = {}
        self._rows: list[Reserved] = []
        self.verdicts: dict[int, int | None] = {}
        self.fallen: dict[int, tuple[int, ...]] = {}
        self.examples: list[TrainingExample] = []
        self.labelled: list[bytes] = []

    @property
    def kept(self) -> list[bytes]:
        return list(self._fresh)

    @property
    def rows(self) -> list[Reserved]:
        return [*self._rows, *self._fresh.items()]

    def verdict(self, kind: int, event: int, at_ms: int) -> None:
        """A fraud case names an event (hash; 0: none), or clears it."""
        if event:
            self._settle(event, at_ms if kind == Kind.FRAUD_CONFIRMED else None)

    def fell_behind(self, subject: int, at_ms: int) -> None:
        """A loan has come to be 30 days past due."""
        known = self._fallen(subject)
        if at_ms not in known:
            self._remember(subject, tuple(sorted((*known, at_ms))))

    def recovered(self, subject: int, times_ms: Collection[int]) -> None:
        """A loan was not 30 days past due at these instants after all."""
        known = self._fallen(subject)
        kept = tuple(at_ms for at_ms in known if at_ms not in times_ms)
        if kept != known:
            self._remember(subject, kept)

    def _fallen(self, subject: int) -> tuple[int, ...]:
        return self.fallen.get(subject, self._waiting.fallen.get(subject, ()))

    def _remember(self, subject: int, times: tuple[int, ...]) -> None:
        """`times`: empty for none any more."""
        self.fallen[subject] = times
        self._rows.append((fallen_key(subject), pack_fallen(times) if times else None))

    def _settle(self, event: int, at_ms: int | None) -> None:
        self.verdicts[event] = at_ms
        self._rows.append((confirmed_key(event), None if at_ms is None else pack_confirmed(at_ms)))

    def _confirmed(self) -> dict[int, int]:
        """Event hash → ms of its confirmation, as it stands now."""
        known = {**self._waiting.confirmed, **self.verdicts}
        return {event: at_ms for event, at_ms in known.items() if at_ms is not None}

    def tick(self, now_ms: int, before_ms: int) -> None:
        """Time moves from `before_ms` to `now_ms`: what waits, stored or of this batch, and is due gets its label."""
        gone = set(self.labelled)
        keys = [key for key in self._waiting.due(now_ms) if key not in gone]
        blobs = [unpack_reserved(value) for value in self._partition.store.get_many(keys) if value is not None]
        blobs += [self._fresh.pop(key) for key in sorted(self._fresh) if is_due(key, now_ms)]
        if blobs:
            fallen: Mapping[int, tuple[int, ...]] = ChainMap(self.fallen, self._waiting.fallen)
            self.examples += matured(blobs, self._confirmed(), now_ms, fallen=fallen)
        self.labelled += keys
        self._rows += [(key, None) for key in keys]
        if now_ms // DAY_MS > before_ms // DAY_MS:
            for event, at in self._confirmed().items():
                if confirmed_expired(at, now_ms):
                    self._settle(event, None)
            for subject, times in {**self._waiting.fallen, **self.fallen}.items():
                kept = tuple(at_ms for at_ms in times if now_ms - at_ms <= ARREARS_KEPT_MS)
                if kept != times:
                    self._remember(subject, kept)

    def keep(
        self, name: str, model: LinearModel | None, chosen: NDArray[np.intp], entries: NDArray[np.void],
        raw: NDArray[np.float64], scores: NDArray[np.float64] | None, keys: Sequence[bytes], offset: int,
    ) -> None:  # fmt: skip
        """Keeps predictions by the model `name` of some entries (`chosen`, rising) until their label is known."""
        inputs = MODEL_INPUTS[name] if model is None else model.inputs
        with np.errstate(over="ignore", invalid="ignore"):
            vectors = raw.astype(np.float32)
        blobs = keep_predictions(
            model=name,
            model_version=0 if model is None else model.version,
            features=[each.feature for each in inputs],
            keys=[keys[at] for at in chosen.tolist()],
            events=entries["event"][chosen],
            subjects=entries["subject"][chosen],
            occurred_at=entries["occurred_at"][chosen],
            scores=scores,
            vectors=vectors,
            offset=offset,
        )
        for first_choice, blob in blobs.items():
            key = first_choice
            # A batch that comes again after a crash may lack customers whose rows were stored: their predictions are
            # in the blob that the first attempt left under this key, so it stays beside the new one.
            while key in self._waiting or key in self._fresh:
                key = key[:-8] + (int.from_bytes(key[-8:], "big") + 1).to_bytes(8, "big")
            self._fresh[key] = blob

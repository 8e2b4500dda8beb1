"""What is asked of the link profiles without an application, and what rules read of every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from riskwatch.features.layout import Layout
from riskwatch.features.linkmessages import LinkFacts, Probe
from riskwatch.features.pending import probe
from riskwatch.policy.columns import LINK_COLUMNS
from riskwatch.streams.entry import Kind
from riskwatch.streams.identity import Identity
from riskwatch.streams.packing import split_key, unpack_event

_SIGHTINGS = np.zeros(256, dtype=np.bool_)
_SIGHTINGS[[Kind.LOGIN_SUCCEEDED, Kind.DEVICE_SEEN, Kind.DEVICE_CHANGED, Kind.PURCHASE_MADE]] = True
"""Kinds at which a new device is asked about. A login that failed may be anybody's, and an application asks itself."""


def new_devices(
    layout: Layout, matrix: NDArray[np.float64], entries: NDArray[np.void], keys: Sequence[bytes],
    new: NDArray[np.intp], value_of: Callable[[int], bytes],
) -> list[Probe]:  # fmt: skip
    """Questions about devices that their customer had not been seen with before. `new`: the places that count;
    `value_of`: the journal record of a place."""
    age = matrix[new, layout.column_of["device_age_hours"]]
    probes = []
    for place in new[(age == 0.0) & _SIGHTINGS[entries["kind"][new]]].tolist():
        device = getattr(unpack_event(value_of(place)), "device_id", None)
        if device is not None:
            entry, key = entries[place], keys[place]
            tenant, _ = split_key(key)
            identity = Identity("device", device)
            probes.append(probe(tenant, identity, int(entry["event"]), key, int(entry["occurred_at"])))
    return probes


_Answer = TypeVar("_Answer")


def answer_columns(
    answers: Sequence[tuple[int, _Answer]], readers: Mapping[str, Callable[[_Answer], float]], count: int
) -> dict[str, NDArray[np.float64]]:
    """Columns of the rule language that answers fill, float64[count], NaN at all other entries; none without answers.
    `answers`: place and what was answered; `readers`: what each column is of it."""
    if not answers:
        return {}
    columns = {name: np.full(count, np.nan) for name in readers}
    for place, answer in answers:
        for name, read in readers.items():
            columns[name][place] = read(answer)
    return columns


_LINK_READERS: Mapping[str, Callable[[LinkFacts], float]] = {
    name: attrgetter(field) for name, (field, _) in LINK_COLUMNS.items()
}


def link_columns(answers: Sequence[tuple[int, LinkFacts]], count: int) -> dict[str, NDArray[np.float64]]:
    """`answer_columns` of what the link profiles answered."""
    return answer_columns(answers, _LINK_READERS, count)

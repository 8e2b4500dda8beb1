"""Journals for the feature tests: entries made by hand, or drawn by Hypothesis."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from riskwatch.features import kernel
from riskwatch.features.layout import Layout, compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.streams.entry import ENTRY, Kind

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_700_000_000_000 - 1_700_000_000_000 % (15 * DAY)
"""A beginning of a tile in every window."""
LAYOUT: Layout = compile_layout(FEATURES)
ABSENT = (
    "amount",
    "due_amount",
    "income",
    "days_late",
    "paid_share",
    "latitude",
    "longitude",
    "session_seconds",
    "paste_share",
    "term_months",
    "bureau_score",
    "bureau_open_loans",
    "bureau_inquiries",
    "bureau_outstanding",
)


def entry(kind: Kind, at: int, **fields: Any) -> np.ndarray:
    """One entry: `at` ms after START; what is not named is absent."""
    made = np.zeros(1, dtype=ENTRY)
    for name in ABSENT:
        made[name] = np.nan
    made["kind"], made["occurred_at"], made["local_hour"] = kind, START + at, 255
    for name, value in fields.items():
        made[name] = value
    return made


def journal(*entries: np.ndarray) -> np.ndarray:
    """Entries one after the other; those without an event id get one."""
    joined = np.concatenate(entries)
    for place, one in enumerate(joined):
        if one["event"] == 0:
            one["event"] = 1000 + place
    return joined


def fold(
    entries: np.ndarray,
    *,
    row_of: np.ndarray | None = None,
    rows: np.ndarray | None = None,
    cuts: tuple[int, ...] = (),
    offsets: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, features, outcomes and late windows of a journal, in batches cut at `cuts`."""
    row_of = np.zeros(len(entries), dtype=np.int64) if row_of is None else row_of
    offsets = np.arange(len(entries)) if offsets is None else offsets
    rows = np.zeros((int(row_of.max(initial=0)) + 1, LAYOUT.n_slots)) if rows is None else rows
    parts = []
    edges = [0, *sorted(min(cut, len(entries)) for cut in cuts), len(entries)]
    for begin, end in itertools.pairwise(edges):
        batch, where = entries[begin:end], row_of[begin:end]
        outcomes = kernel.recognise(LAYOUT, rows, where, batch, offsets[begin:end])
        matrix, late = kernel.evolve(LAYOUT, rows, where, batch, outcomes)
        parts.append((matrix, outcomes, late))
    matrix, outcomes, late = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows, matrix, outcomes, late


def last(entries: np.ndarray) -> dict[str, float]:
    """The features at the last entry of one customer's journal."""
    _, matrix, _, _ = fold(entries)
    return dict(zip(LAYOUT.names, matrix[-1].tolist(), strict=True))


GAPS = st.one_of(
    st.integers(0, 3 * MINUTE),
    st.integers(-HOUR, 2 * HOUR),
    st.integers(-2 * DAY, 2 * DAY),
    st.integers(-100 * DAY, 100 * DAY),
)
NUMBERS: dict[str, st.SearchStrategy[float]] = {
    "amount": st.one_of(
        st.integers(0, 5), st.integers(0, 10**7), st.sampled_from([np.nan, np.inf, 1e300, 2.0**53 - 1])
    ),
    "income": st.sampled_from([np.nan, 0.0, 300_000.0, 450_001.0]),
    "days_late": st.sampled_from([np.nan, -3.0, 0.0, 1.0, 2.0, 45.0]),
    "paid_share": st.sampled_from([np.nan, 0.0, 0.25, 1 / 3, 1.0]),
    "session_seconds": st.floats(0, 1e7, width=32) | st.just(np.nan),
    "paste_share": st.sampled_from([np.nan, 0.0, 0.5, 0.9]),
    "bureau_score": st.sampled_from([np.nan, 0.0, 512.5, 700.0]),
    "bureau_open_loans": st.sampled_from([np.nan, 0.0, 1.0, 6.0]),
    "bureau_inquiries": st.sampled_from([np.nan, 0.0, 9.0]),
    "bureau_outstanding": st.sampled_from([np.nan, 0.0, 5.0, 2.0**53 - 1]),
    "latitude": st.floats(-90, 90, width=32) | st.sampled_from([np.nan, 95.0]),
    "longitude": st.floats(-180, 180, width=32),
}
SMALL: dict[str, st.SearchStrategy[int]] = {
    "device": st.integers(0, 3),
    "ip": st.integers(0, 20),
    "counterparty": st.integers(0, 40),
    "subject": st.integers(0, 3),
    "flags": st.integers(0, 63),
    "local_hour": st.integers(0, 24),
    "outcome": st.integers(0, 11),
}
KINDS = st.sampled_from([*Kind, Kind.PURCHASE_MADE, Kind.PURCHASE_MADE, Kind.LOGIN_SUCCEEDED, Kind.LOGIN_FAILED])
FIELDS = st.fixed_dictionaries({**SMALL, **NUMBERS})


@st.composite
def journals(draw: st.DrawFn, customers: int = 2, most: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """(entries, row_of): entries of a few customers, some late, some sent again, some delivered again by ingest."""
    made: list[np.ndarray] = []
    row_of: list[int] = []
    now = 200 * DAY
    for place in range(draw(st.integers(1, most))):
        again = draw(st.integers(0, 5)) if made else 1
        if again == 0:
            old = draw(st.integers(0, len(made) - 1))
            repeat = made[old].copy()
            if draw(st.booleans()):  # published again; else the same upstream record came twice
                repeat["source_offset"], repeat["source_at"] = place, START + place
            made.append(repeat)
            row_of.append(row_of[old])
            continue
        now = max(1, now + draw(GAPS))
        source = {"source_topic": draw(st.integers(0, 2)), "source_offset": place, "source_at": START + place}
        made.append(entry(draw(KINDS), now, event=place + 1, **draw(FIELDS), **source))
        row_of.append(draw(st.integers(0, customers - 1)) if made[-1]["kind"] < 128 else -1)
    return np.concatenate(made), np.array(row_of, dtype=np.int64)

"""What each slot of a customer's row and each column of the feature matrix is: derived from the feature table."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from msgspec import Struct

from riskwatch.features import row
from riskwatch.features.compiling import Compiling
from riskwatch.features.feature import Feature
from riskwatch.features.row import Plan
from riskwatch.streams.entry import ENTRY_VERSION


class Layout(Struct, frozen=True, kw_only=True):
    """What a row and a feature matrix mean. Rows written under another `version` must not be read."""

    version: int
    n_slots: int
    names: tuple[str, ...]
    column_of: Mapping[str, int]
    features: tuple[Feature, ...]
    plan: Plan

    @property
    def n_features(self) -> int:
        """Columns of the feature matrix."""
        return len(self.names)


def compile_layout(features: tuple[Feature, ...]) -> Layout:
    """The layout of a feature table. Raises `ValueError` for a table that contradicts itself, naming the feature."""
    compiling = Compiling(features)
    constants = (ENTRY_VERSION, row.WINDOWS, row.RECENT_EVENTS, row.SOURCES, row.HALVE_AT, row.CAP, row.MEANING)
    meaning = repr((constants, compiling.meaning()))
    return Layout(
        version=crc32(meaning.encode()),
        n_slots=-(-compiling.next_slot // 8) * 8,
        names=tuple(compiling.column_of),
        column_of=compiling.column_of,
        features=features,
        plan=compiling.plan(),
    )

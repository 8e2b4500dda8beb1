"""How much of what is measured: counts, rates and durations of a default run and of a quick one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from bench.systems import Name


class Plan(Struct, frozen=True, kw_only=True):
    """One run. Backlogs are sized to at least 15 s of steady work (5 s in a quick run) on two cores of 2024."""

    backlog: Mapping[Name, int]
    customers: int = 10_000
    live_rates: tuple[int, ...] = (1_000, 5_000)
    live_seconds: float
    recovered: Mapping[Name, int]
    scale_customers: tuple[int, ...]
    scale_records: int
    applications: int
    application_rate: int = 200
    other_rate: int = 3_000
    turns: tuple[tuple[int, tuple[int, ...]], ...]
    """Accounts, and how many of them become overdue by each turn of a day."""


DEFAULT = Plan(
    backlog={"riskwatch": 600_000, "faust": 20_000, "quix": 150_000, "bytewax": 300_000},
    live_seconds=15,
    recovered={"riskwatch": 500_000, "faust": 10_000, "quix": 50_000, "bytewax": 100_000},
    scale_customers=(10_000, 100_000, 1_000_000),
    scale_records=300_000,
    applications=15_000,
    turns=((10_000, (5_000,)), (100_000, (5_000,)), (1_000_000, (1_000, 5_000, 25_000))),
)

QUICK = Plan(
    backlog={"riskwatch": 200_000, "faust": 12_000, "quix": 50_000, "bytewax": 80_000},
    live_rates=(1_000,),
    live_seconds=8,
    recovered={"riskwatch": 100_000, "faust": 10_000, "quix": 20_000, "bytewax": 20_000},
    scale_customers=(10_000, 100_000),
    scale_records=100_000,
    applications=5_000,
    turns=((10_000, (1_000,)), (100_000, (1_000, 5_000))),
)

RECOVERY_OF = 500_000
"""Customers that the recovery times are stated for; from smaller numbers they are scaled, and marked."""

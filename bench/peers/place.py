"""Where a peer works: broker, topics, folder. Read once from the environment, which `bench.systems` sets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLES = {
    "broker": "BENCH_BROKER", "group": "BENCH_GROUP", "input": "BENCH_INPUT", "alerts": "BENCH_ALERTS",
    "dead_letters": "BENCH_DEAD_LETTERS", "folder": "BENCH_FOLDER",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Place:
    """Broker address, consumer group, topics, and the folder of the local state."""

    broker: str
    group: str
    input: str
    alerts: str
    dead_letters: str
    folder: Path

    def environment(self) -> dict[str, str]:
        """The environment variables that `place_from_environment` reads."""
        return {variable: str(getattr(self, name)) for name, variable in VARIABLES.items()}


def place_from_environment() -> Place:
    """Raises `KeyError` for a variable that is not set."""
    given = {name: os.environ[variable] for name, variable in VARIABLES.items()}
    return Place(**{**given, "folder": Path(given["folder"])})  # type: ignore[arg-type]

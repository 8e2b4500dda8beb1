"""Figures that tests measure, printed together at the end of the session."""

from __future__ import annotations

from typing import Any

import pytest

_NAME = "riskwatch-figures"


class _Figures:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("figures")
        for line in self.lines:
            terminalreporter.write_line(line)


def figure(config: pytest.Config, what: str, **numbers: float | str) -> None:
    """Keeps a line for the end of the session: `what`, then each number with its name."""
    figures = config.pluginmanager.get_plugin(_NAME)
    if figures is None:
        figures = _Figures()
        config.pluginmanager.register(figures, _NAME)
    told = ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in numbers.items())
    figures.lines.append(f"{what}: {told}")


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return format(value, ",.1f" if value % 1 else ",.0f")

"""Fault injection for tests: dies, or raises, at a named point of the way of a batch. Does nothing unless it is asked
for.

`RISKWATCH_FAULT="after-outputs:3"` kills the process with SIGKILL the third time that it passes `after-outputs`;
`"kill|raise|stall"` may be given as a third part: `after-outputs:3:raise`. Points: `fetched`, `after-journal`,
`after-outputs`, `after-changelog`, `after-store`, `before-commit`, `after-commit`; those of the links and the rings
begin with `links-` and `rings-`.
"""

from __future__ import annotations

import os
import signal
import sys
import time

POINTS = (
    "fetched", "after-journal", "after-outputs", "after-changelog", "after-store", "before-commit", "after-commit",
)  # fmt: skip
LINK_POINTS = ("links-after-answers", "links-after-changelog", "rings-after-answers", "rings-after-changelog")
"""Of the agents that answer about identifiers."""
VARIABLE = "RISKWATCH_FAULT"
STALL_SECONDS = 5.0


class InjectedFault(Exception):
    """Raised by the `raise` form of an injected fault."""


class _Plan:
    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.action = "kill"

    def arm(self, text: str) -> None:
        point, _, rest = text.partition(":")
        count, _, action = rest.partition(":")
        if point not in (*POINTS, *LINK_POINTS):
            raise ValueError(f"unknown fault point {point!r}: one of {', '.join((*POINTS, *LINK_POINTS))}")
        self.left = {point: int(count or 1)}
        self.action = action or "kill"


_plan = _Plan()


def arm(text: str | None) -> None:
    """Sets the fault to inject, as the environment variable would; None disarms."""
    if text:
        _plan.arm(text)
    else:
        _plan.left = {}


def arm_from_environment() -> None:
    """Reads `RISKWATCH_FAULT` once, at the worker's start."""
    arm(os.environ.get(VARIABLE))


def fault(point: str) -> None:
    """Marks a point of the way at which a test may strike."""
    if not _plan.left or point not in _plan.left:
        return
    _plan.left[point] -= 1
    if _plan.left[point] > 0:
        return
    _plan.left = {}
    print(f"injected fault: {_plan.action} at {point}", file=sys.stderr, flush=True)
    if _plan.action == "raise":
        raise InjectedFault(point)
    if _plan.action == "stall":
        time.sleep(STALL_SECONDS)
        return
    os.kill(os.getpid(), signal.SIGKILL)

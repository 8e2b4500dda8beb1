"""What a customer's account remembers of the alerts about it: episodes under way, and warnings that a later fact may
undo."""

from __future__ import annotations

from msgspec import Struct

MAX_EPISODES = 64
"""Episodes of a customer; beyond it the one that was silent longest is forgotten."""
MAX_WARNINGS = 24
"""Warnings of a customer that can be withdrawn; beyond it the oldest stand for good."""
MAX_WITHDRAWN = 2 * MAX_WARNINGS
"""Ids of withdrawn warnings that are kept one by one, so that the same warning raised anew has an id of its own."""


class OpenEpisode(Struct, kw_only=True, array_like=True, gc=False):
    """One trouble that a rule has raised. `rule`: its key in the memory (see `Rule.cooldown_key`); `subject`: hash of
    tenant and loan id, 0 where the customer is meant; `episode`: the id that its alerts bear; `first_ms`, `last_ms`:
    event times of its earliest and latest firing; `base`: what multiplied steps are counted from, 0 where that is
    unknown; `began`, `level`: steps of worsening reached at first and so far."""

    rule: str
    subject: int
    episode: str
    first_ms: int
    last_ms: int
    base: float
    began: int
    level: int


class OpenWarning(Struct, kw_only=True, array_like=True, gc=False):
    """A warning that was published and may be undone. `event`: hash of the entry that caused it; `payment`: hash of the
    payment that the entry was, 0 for none; `rule`: its key in the memory; `alert`: as it was raised, JSON."""

    event: int
    payment: int
    rule: str
    subject: int
    alert: bytes

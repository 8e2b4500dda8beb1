"""Episodes: the firings that make one trouble raise one alert, and another each time that the trouble gets worse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from riskwatch.features.warned import MAX_EPISODES, OpenEpisode
from riskwatch.policy.episodes import Episode
from riskwatch.policy.policyfile import Rule
from riskwatch.streams.outputs import episode_identity


class Step(NamedTuple):
    """What an alert of an episode bears. `level`: steps of worsening, `boost`: those since its first alert."""

    episode: str
    level: int
    boost: int


def enter(
    held: list[OpenEpisode], rule: Rule, episode: Episode, gaps: Mapping[str, int], *, customer: bytes, subject: int,
    event: int, at: int, value: float,
) -> Step | None:  # fmt: skip
    """A firing at `at` (ms, event time) becomes part of its episode, which begins with it where none is under way.

    A firing that comes late, of a trouble that was over before the one under way began, is an episode beside it.
    Returns what its alert bears, None where none is due. `held`: the customer's episodes, changed in place; `gaps`: by
    rule key, ms; `subject`: hash of the loan; `event`: of the entry; `value`: the measure of worsening, NaN unknown.
    """
    key = rule.cooldown_key
    subject = subject if episode.of == "loan" else 0
    under_way = _under_way(held, key, subject, at, episode.gap_ms)
    base = value if math.isfinite(value) and value > 0.0 else 0.0
    if under_way is not None:
        under_way.first_ms = min(under_way.first_ms, at)
        under_way.last_ms = max(under_way.last_ms, at)
        under_way.base = under_way.base or base
        level = episode.level(value, under_way.base)
        if level <= under_way.level:
            return None
        under_way.level = level
        return Step(under_way.episode, level, level - under_way.began)
    held[:] = [each for each in held if at - each.last_ms < gaps.get(each.rule, 0)]
    level = episode.level(value, base)
    identity = episode_identity(key, customer, subject, event)
    held.append(
        OpenEpisode(
            rule=key, subject=subject, episode=identity, first_ms=at, last_ms=at, base=base, began=level, level=level
        )
    )
    if len(held) > MAX_EPISODES:
        held.remove(min(held, key=lambda each: each.last_ms))
    return Step(identity, level, 0)


def _under_way(held: list[OpenEpisode], rule: str, subject: int, at: int, gap_ms: int) -> OpenEpisode | None:
    """The episode that is less than `gap_ms` from `at`; the newest where there are several."""
    near = (
        each
        for each in held
        if each.rule == rule and each.subject == subject and each.first_ms - gap_ms < at < each.last_ms + gap_ms
    )
    return max(near, key=lambda each: each.last_ms, default=None)

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

    Returns what its alert bears, None where none is due. `held`: the customer's episodes, changed in place; `gaps`: by
    rule key, ms; `subject`: hash of the loan; `event`: of the entry; `value`: the measure of worsening, NaN unknown.
    """
    key = rule.cooldown_key
    subject = subject if episode.of == "loan" else 0
    under_way = next((each for each in held if each.rule == key and each.subject == subject), None)
    base = value if math.isfinite(value) and value > 0.0 else 0.0
    if under_way is not None and under_way.first_ms - episode.gap_ms < at < under_way.last_ms + episode.gap_ms:
        under_way.first_ms = min(under_way.first_ms, at)
        under_way.last_ms = max(under_way.last_ms, at)
        under_way.base = under_way.base or base
        level = episode.level(value, under_way.base)
        if level <= under_way.level:
            return None
        under_way.level = level
        return Step(under_way.episode, level, level - under_way.began)
    _forget(held, gaps, at, under_way)
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


def _forget(held: list[OpenEpisode], gaps: Mapping[str, int], at: int, replaced: OpenEpisode | None) -> None:
    """Lets go of what is over at `at`, of rules that no longer are, and of the episode that another takes the place
    of."""
    held[:] = [each for each in held if each is not replaced and at - each.last_ms < gaps.get(each.rule, 0)]

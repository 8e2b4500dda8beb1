"""What became of collections actions, and what they bring: by stage and channel, and against loans that were held
out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import sqrt

from msgspec import Struct

from riskwatch.lab.cures import CURED
from riskwatch.lab.loanpath import LoanPath
from riskwatch.policy.nextaction import WAIT
from riskwatch.streams.collections import ActionClosed, CollectionAction

UPLIFT_DAYS = 30
_Z = 1.959963984540054
"""The standard normal's 97.5 % quantile."""


class StageUse(Struct, frozen=True, kw_only=True):
    """Actions of a stage on a channel. `others`: closed by what happened meanwhile (a payment, a promise …)."""

    stage: str
    channel: str
    ordered: int
    done: int
    expired: int
    others: int

    @property
    def open(self) -> int:
        return self.ordered - self.done - self.expired - self.others


class Uplift(Struct, frozen=True, kw_only=True):
    """Loans of a stage that were current or settled 30 days after they came up for treatment: treated ones against
    those held out. `difference`: of the two shares, with its 95 % interval `low` to `high` (Newcombe's, from Wilson
    scores); None where one side has no loan."""

    stage: str
    treated: int
    treated_cured: int
    held: int
    held_cured: int
    difference: float | None
    low: float | None
    high: float | None


class CollectionBook(Struct, frozen=True, kw_only=True):
    """`held`: loans that were held out, stage by stage."""

    stages: list[StageUse]
    endings: dict[str, int]
    held: int
    uplifts: list[Uplift]


def collection_book(
    actions: Iterable[CollectionAction], closings: Iterable[ActionClosed], paths: Sequence[LoanPath], as_of: datetime
) -> CollectionBook:
    """The book of everything that was ordered up to `as_of`. Records may come in any order and more than once."""
    known = {each.action_id: each for each in actions}
    endings = {each.action_id: each.ending for each in closings if each.action_id in known}
    ordered = [each for each in known.values() if not each.holdout]
    groups: dict[tuple[str, str], Counter[str]] = {}
    for each in ordered:
        groups.setdefault((each.stage, each.channel), Counter())[endings.get(each.action_id, "open")] += 1
    held = [each for each in known.values() if each.holdout]
    return CollectionBook(
        stages=[_stage_use(*group, counts) for group, counts in sorted(groups.items())],
        endings=dict(sorted(Counter(endings.values()).items())),
        held=len({(each.tenant, each.loan_id, each.stage) for each in held}),
        uplifts=_uplifts(ordered, held, {(each.tenant, each.loan_id): each for each in paths}, as_of),
    )


def newcombe(a: int, m: int, b: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a/m - b/n, both m and n above 0. Newcombe 1998, Statistics in Medicine 17, 873-890, method
    10."""
    low_a, high_a = _wilson(a, m)
    low_b, high_b = _wilson(b, n)
    p, q = a / m, b / n
    difference = p - q
    below = sqrt((p - low_a) ** 2 + (high_b - q) ** 2)
    above = sqrt((high_a - p) ** 2 + (q - low_b) ** 2)
    return difference - below, difference + above


def _wilson(successes: int, trials: int) -> tuple[float, float]:
    p, z2 = successes / trials, _Z * _Z
    middle = p + z2 / (2 * trials)
    reach = _Z * sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    return (middle - reach) / (1 + z2 / trials), (middle + reach) / (1 + z2 / trials)


def _stage_use(stage: str, channel: str, counts: Counter[str]) -> StageUse:
    done, expired, still = counts["done"], counts["expired"], counts["open"]
    ordered = counts.total()
    return StageUse(
        stage=stage, channel=channel, ordered=ordered, done=done, expired=expired,
        others=ordered - done - expired - still,
    )  # fmt: skip


def _uplifts(
    ordered: Iterable[CollectionAction],
    held: Sequence[CollectionAction],
    paths: Mapping[tuple[str, str], LoanPath],
    as_of: datetime,
) -> list[Uplift]:
    """Of loans held out, those that would have been treated: where waiting was best, the others have no record."""
    stages = sorted({each.stage for each in held})
    told = []
    for stage in stages:
        treated = _cured_of((each for each in ordered if each.stage == stage), paths, as_of)
        control = _cured_of((each for each in held if each.stage == stage and each.treatment != WAIT), paths, as_of)
        difference = low = high = None
        if treated and control:
            difference = sum(treated) / len(treated) - sum(control) / len(control)
            low, high = newcombe(sum(treated), len(treated), sum(control), len(control))
        told.append(
            Uplift(
                stage=stage, treated=len(treated), treated_cured=sum(treated), held=len(control),
                held_cured=sum(control), difference=difference, low=low, high=high,
            )
        )  # fmt: skip
    return told


def _cured_of(
    records: Iterable[CollectionAction], paths: Mapping[tuple[str, str], LoanPath], as_of: datetime
) -> list[bool]:
    """For each loan, whether it was cured `UPLIFT_DAYS` after its first record; younger ones, and loans of which
    nothing else is known, are left out."""
    firsts: dict[tuple[str, str], datetime] = {}
    for each in records:
        key = each.tenant, each.loan_id
        firsts[key] = min(firsts.get(key, each.decided_at), each.decided_at)
    span = timedelta(days=UPLIFT_DAYS)
    cured = []
    for key, at in firsts.items():
        path = paths.get(key)
        step = None if path is None or at + span > as_of else path.at(at + span)
        if step is not None:
            cured.append(step.state in CURED)
    return cured

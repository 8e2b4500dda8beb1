"""What a lending policy says about a line of credit after it was granted: the section `[account]` of its file.

A behaviour score gives points, points a grade, and the grade says which share of the limit that was granted, and which
rate, a line is to have. Everything else here keeps a line from being moved too often, too far, or beyond the law.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from riskwatch.scoring.scorecard import Scorecard


class AccountGrade(Struct, frozen=True, kw_only=True):
    """One band of points, from `at_least` up to the band above it; the lowest has none and goes down without end.

    `limit_percent`, `rate_bp`: only their relation to those of the grade that a line was granted in counts. Granted
    20,000 in a grade of 100 % and 1,440 basis points, a line moves towards 15,000 in one of 75 %, and its rate up by
    240 in one of 1,680.
    """

    name: str
    limit_percent: int
    rate_bp: int
    at_least: float | None = None


class FreezeRule(Struct, frozen=True, kw_only=True):
    """A condition over the inputs of an account; while it holds nothing more is lent."""

    name: str
    when: str
    reason: str
    description: str


class AccountPolicy(Struct, frozen=True, kw_only=True):
    """The section `[account]`. Money in minor units, rates in basis points a year.

    `on`: kinds of entries after which a line is looked at; `clear_on`: those at which a freeze may be lifted.
    `required`: inputs without which nothing moves. `hysteresis`: points beyond a band's edge before a grade moves.
    `largest_limit_percent`: of the limit in force, `largest_limit_step`: in money; the smaller holds. `lowest_*` and
    `highest_*`: as far as an action goes; a line that was granted beyond them stays where it is. `grades`: best first.
    `gains`: characteristic → code of what is said where it speaks for the customer.
    """

    on: tuple[str, ...]
    clear_on: tuple[str, ...]
    hysteresis: float
    cool_off_days: int
    limit_step: int
    largest_limit_step: int
    largest_limit_percent: int
    lowest_limit: int
    highest_limit: int
    largest_rate_step_bp: int
    lowest_rate_bp: int
    highest_rate_bp: int
    grades: tuple[AccountGrade, ...]
    scorecard: Scorecard
    gains: Mapping[str, str]
    freeze: tuple[FreezeRule, ...]
    required: tuple[str, ...] = ()
    limit_notice_days: int = 0
    rate_notice_days: int = 0

    def looks_at(self, kind: str) -> bool:
        """Whether a line is looked at after entries of a kind."""
        return kind in self.on or kind in self.clear_on


def grade_named(policy: AccountPolicy, name: str | None) -> AccountGrade | None:
    """The grade of that name, None where the policy has none."""
    return next((grade for grade in policy.grades if grade.name == name), None)


def band_of(policy: AccountPolicy, points: float) -> AccountGrade:
    """The grade in whose band the points lie."""
    return next(grade for grade in policy.grades if grade.at_least is None or grade.at_least <= points)


def graded(policy: AccountPolicy, points: float, current: AccountGrade | None) -> AccountGrade:
    """The grade of a line that is in `current` now: another only where the points lie `hysteresis` beyond the edge of
    its band, and then the farthest whose own edge is passed by as much. Without a grade, the band's."""
    if current is None:
        return band_of(policy, points)
    place = policy.grades.index(current)
    better, worse = band_of(policy, points - policy.hysteresis), band_of(policy, points + policy.hysteresis)
    if policy.grades.index(better) < place:
        return better
    return worse if policy.grades.index(worse) > place else current

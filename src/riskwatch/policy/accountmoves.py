"""How far a limit and a rate move towards what their grade asks for. Integers throughout: minor units, basis points.

What bounds a move never makes one: a line that was granted above the highest limit is not lowered for that, and one
granted without interest not made dearer. Only the legal cap on the rate forces a change.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from riskwatch.policy.accountpolicy import AccountGrade, AccountPolicy

BOUNDS: Mapping[str, str] = {
    "largest-step": "The largest step of one change made it smaller; more may follow after the cool-off.",
    "in-use": "The limit does not go below what is in use.",
    "in-use-unknown": "What is in use is not known, so the limit is not lowered.",
    "lowest": "The lowest limit or rate of the product bounds it.",
    "highest": "The highest limit or rate of the product bounds it.",
    "legal-cap": "The legal cap bounds the rate.",
}
"""What can bound a change: codes of `AccountAction.bounds`."""


class Move(Struct, frozen=True):
    """A limit or a rate after a change, `value` being the present one where nothing moves; codes of what bound it."""

    value: int
    bounds: frozenset[str] = frozenset()


def limit_target(policy: AccountPolicy, granted: int, base: AccountGrade, grade: AccountGrade) -> int:
    """The limit that a grade asks for: `granted`, which was granted in `base`, times the relation of their percents,
    rounded down to the step. In a grade of the same percent it is what was granted, to the cent."""
    if grade.limit_percent == base.limit_percent:
        return granted
    return _down(granted * grade.limit_percent // base.limit_percent, policy.limit_step)


def rate_target(granted: int, base: AccountGrade, grade: AccountGrade) -> int:
    """The rate that a grade asks for: as far from the granted one as the grade's is from that of `base`, 0 at least."""
    return max(0, granted + grade.rate_bp - base.rate_bp)


def move_limit(policy: AccountPolicy, limit: int, target: int, in_use: int | None) -> Move:
    """The limit after one change towards `target`, in whole steps. `in_use`: minor units, None where unknown."""
    step, allowed = policy.limit_step, min(limit * policy.largest_limit_percent // 100, policy.largest_limit_step)
    if target > limit:
        bounds = {"largest-step": limit + allowed, "highest": max(policy.highest_limit, limit)}
        bounded = min(target, *bounds.values())
        return Move(
            max(limit, bounded if bounded == target else _down(bounded, step)), _binding(bounds, bounded, target)
        )
    if target < limit and in_use is None:
        return Move(limit, frozenset({"in-use-unknown"}))
    bounds = {
        "largest-step": limit - allowed,
        "lowest": min(policy.lowest_limit, limit),
        "in-use": in_use or 0,
    }
    bounded = max(target, *bounds.values())
    return Move(min(limit, bounded if bounded == target else _up(bounded, step)), _binding(bounds, bounded, target))


def move_rate(policy: AccountPolicy, rate: int, target: int, cap: int) -> Move:
    """The rate after one change towards `target`. `cap`: the legal cap, which goes before the largest step."""
    if rate > cap:
        return Move(cap, frozenset({"legal-cap"}))
    if target > rate:
        bounds = {
            "largest-step": rate + policy.largest_rate_step_bp,
            "highest": max(policy.highest_rate_bp, rate),
            "legal-cap": cap,
        }
        bounded = min(target, *bounds.values())
    else:
        bounds = {"largest-step": rate - policy.largest_rate_step_bp, "lowest": min(policy.lowest_rate_bp, rate)}
        bounded = max(target, *bounds.values())
    return Move(bounded, _binding(bounds, bounded, target))


def _binding(bounds: Mapping[str, int], bounded: int, target: int) -> frozenset[str]:
    return frozenset() if bounded == target else frozenset(code for code, bound in bounds.items() if bound == bounded)


def _down(amount: int, step: int) -> int:
    return amount // step * step


def _up(amount: int, step: int) -> int:
    return -(-amount // step) * step

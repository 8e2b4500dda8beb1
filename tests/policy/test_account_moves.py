"""How far limits and rates move, by hand: steps of 10,000, at most 20 % and 1,000,000; 720 to 3600, 300 at once."""

from __future__ import annotations

import pytest
from accounts import CASH

from riskwatch.policy.accountmoves import BOUNDS, limit_target, move_limit, move_rate, rate_target
from riskwatch.policy.accountpolicy import AccountPolicy, grade_named


def account() -> AccountPolicy:
    assert CASH.account is not None
    return CASH.account


@pytest.mark.parametrize(
    ("limit", "target", "in_use", "value", "bounds"),
    [
        (2_000_000, 2_000_000, 0, 2_000_000, set()),
        (2_000_000, 2_100_000, 0, 2_100_000, set()),
        (2_000_000, 3_000_000, 0, 2_400_000, {"largest-step"}),
        (2_345_678, 3_000_000, 0, 2_810_000, {"largest-step"}),  # 20 % is 469,135: 2,814,813, in whole steps
        (8_000_000, 12_000_000, 0, 9_000_000, {"largest-step"}),
        (9_500_000, 12_000_000, 0, 10_000_000, {"highest"}),
        (11_000_000, 12_000_000, 0, 11_000_000, {"highest"}),
        (2_000_000, 1_900_000, 0, 1_900_000, set()),
        (2_000_000, 1_000_000, 0, 1_600_000, {"largest-step"}),
        (2_345_678, 1_000_000, 0, 1_880_000, {"largest-step"}),  # 1,876,543, in whole steps
        (2_000_000, 1_000_000, 1_704_321, 1_710_000, {"in-use"}),
        (2_000_000, 1_900_000, 1_900_000, 1_900_000, set()),
        (2_000_000, 1_000_000, 2_000_001, 2_000_000, {"in-use"}),  # more in use than the limit: it stays
        (1_234_567, 1_000_000, 1_234_561, 1_234_567, {"in-use"}),
        (60_000, 30_000, 0, 50_000, {"lowest"}),
        (40_000, 20_000, 0, 40_000, {"lowest"}),  # granted below the lowest: it stays
        (40_000, 60_000, 0, 40_000, {"largest-step"}),  # 8,000 are less than a step
        (2_000_000, 1_000_000, None, 2_000_000, {"in-use-unknown"}),
        (2_000_000, 2_100_000, None, 2_100_000, set()),
        (0, 0, 0, 0, set()),
        (0, 500_000, 0, 0, {"largest-step"}),
    ],
)
def test_a_limit_moves_in_whole_steps_within_its_bounds(
    limit: int, target: int, in_use: int | None, value: int, bounds: set[str]
) -> None:
    move = move_limit(account(), limit, target, in_use)
    assert (move.value, set(move.bounds)) == (value, bounds)


@pytest.mark.parametrize(
    ("rate", "target", "cap", "value", "bounds"),
    [
        (1_800, 1_800, 3_600, 1_800, set()),
        (1_800, 1_900, 3_600, 1_900, set()),
        (1_800, 2_400, 3_600, 2_100, {"largest-step"}),
        (1_800, 1_000, 3_600, 1_500, {"largest-step"}),
        (3_500, 4_000, 3_600, 3_600, {"highest", "legal-cap"}),
        (3_400, 4_000, 3_550, 3_550, {"legal-cap"}),  # a cap that was lowered below the product's highest rate
        (900, 100, 3_600, 720, {"lowest"}),
        (500, 100, 3_600, 500, {"lowest"}),  # granted below the lowest: it stays
        (500, 700, 3_600, 700, set()),
        (4_200, 1_000, 3_600, 3_600, {"legal-cap"}),
    ],
)
def test_a_rate_moves_within_its_bounds(rate: int, target: int, cap: int, value: int, bounds: set[str]) -> None:
    move = move_rate(account(), rate, target, cap)
    assert (move.value, set(move.bounds)) == (value, bounds)


@pytest.mark.parametrize(
    ("granted", "base", "grade", "limit"),
    [
        (1_234_567, "C", "C", 1_234_567),  # to the cent what was granted
        (1_234_567, "C", "A", 1_850_000),  # 1,851,850 in whole steps
        (1_234_567, "C", "F", 490_000),
        (1_000_000, "F", "C", 2_500_000),
    ],
)
def test_a_limit_stands_to_the_granted_one_as_the_grades_stand(granted: int, base: str, grade: str, limit: int) -> None:
    of, to = grade_named(account(), base), grade_named(account(), grade)
    assert of is not None
    assert to is not None
    assert limit_target(account(), granted, of, to) == limit


@pytest.mark.parametrize(
    ("granted", "base", "grade", "rate"), [(1_800, "C", "C", 1_800), (1_700, "C", "D", 2_060), (300, "C", "A", 0)]
)
def test_a_rate_is_as_far_from_the_granted_one_as_the_grades_are(
    granted: int, base: str, grade: str, rate: int
) -> None:
    of, to = grade_named(account(), base), grade_named(account(), grade)
    assert of is not None
    assert to is not None
    assert rate_target(granted, of, to) == rate


def test_every_bound_is_explained() -> None:
    assert all(said.endswith(".") for said in BOUNDS.values())
    assert set(BOUNDS) == {"largest-step", "in-use", "in-use-unknown", "lowest", "highest", "legal-cap"}

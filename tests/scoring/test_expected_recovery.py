"""Points to chances and to money, worked out by hand."""

from __future__ import annotations

import pytest

from riskwatch.scoring.recovery import chance_of, expected_recovery, recovery_chance
from riskwatch.scoring.scorecard import Bin, Characteristic, Scorecard

CARD = Scorecard(
    name="call",
    base_points=100,
    base_odds=0.25,
    pdo=20,
    characteristics=(
        Characteristic(
            name="connected",
            reads="contacts.connected_share_30d",
            bins=(Bin(points=80, label="seldom", below=0.5), Bin(points=120, label="often", at_least=0.5)),
            missing=100,
            reason="calls-connected",
        ),
    ),
)


@pytest.mark.parametrize(("share", "odds"), [(None, 0.25), (0.5, 0.5), (0.49, 0.125)])
def test_a_chance_is_that_of_the_odds_of_success_and_an_unknown_value_has_its_own(
    share: float | None, odds: float
) -> None:
    chance = chance_of(CARD, {"contacts.connected_share_30d": share})
    assert chance.probability == pytest.approx(odds / (1 + odds))


def test_a_chance_tells_the_points_behind_it() -> None:
    chance = chance_of(CARD, {"contacts.connected_share_30d": 0.1})
    (part,) = chance.parts
    assert (chance.card, chance.points, part.label, part.lost, part.reason) == (
        "call", 80, "seldom", 40, "calls-connected",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("success", "self_cure", "lost", "together"),
    [(0.0, 0.3, 0.0, 0.3), (1.0, 0.3, 0.0, 1.0), (1.0, 0.3, 1.0, 0.3), (0.5, 0.2, 0.5, 0.4)],
)
def test_who_pays_anyway_is_not_counted_for_the_contact(
    success: float, self_cure: float, lost: float, together: float
) -> None:
    assert recovery_chance(success, self_cure=self_cure, lost=lost) == pytest.approx(together)


def test_what_is_recovered_late_is_worth_less() -> None:
    assert expected_recovery(10_000, 0.4, 0.75) == pytest.approx(3_000)

"""What a treatment of a loan that is past due may be expected to bring: points scorecards to probabilities to money.

A card's good is success here: of a contact, that the customer pays because of it; of self-cure, that they pay without
any; of lost contact, that they cannot be reached. So a chance is one less the card's probability of the bad.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from riskwatch.scoring.scorecard import Part, Scorecard, Value, score_with


class Chance(Struct, frozen=True, kw_only=True):
    """A probability, strictly between 0 and 1, and the points behind it."""

    card: str
    probability: float
    points: float
    parts: tuple[Part, ...]


def chance_of(card: Scorecard, values: Mapping[str, Value]) -> Chance:
    """The probability of a card's good. Raises nothing for a card without faults, whatever the values."""
    scored = score_with(card, values)
    return Chance(card=card.name, probability=1.0 - scored.pd, points=scored.points, parts=scored.parts)


def recovery_chance(success: float, *, self_cure: float, lost: float) -> float:
    """That something is recovered where a contact is made: the customer pays anyway, or does not and is reached and
    pays because of it. Each of the three is a probability."""
    return self_cure + (1.0 - self_cure) * (1.0 - lost) * success


def expected_recovery(amount: float, probability: float, discount: float) -> float:
    """Minor units: what is at stake, times the probability, times what a unit recovered in this bucket is worth."""
    return amount * probability * discount

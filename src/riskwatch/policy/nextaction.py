"""The next best action: of the treatments that a stage permits, the one that recovers most after its cost.

Waiting is always among them: it recovers what customers pay by themselves, and costs nothing. Every treatment is looked
into, chosen or not, so that a reader sees what it would have brought and why it was not open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from riskwatch.policy.collectionpolicy import CollectionPolicy, StrategyLine, Treatment, band_of
from riskwatch.policy.collectionvocabulary import Facts, number_of
from riskwatch.scoring.recovery import Chance, chance_of, expected_recovery, recovery_chance

WAIT = "wait"
"""The name of doing nothing: no treatment may have it."""


class Block(Struct, frozen=True):
    """Why a treatment is not open now, and when it will be as far as is known."""

    reason: str
    next_ms: int | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """A treatment, or waiting, with what it may bring. Money in minor units; `block` is None where it is open;
    `chance`: by its own scorecard, None where it has none."""

    treatment: str
    probability: float
    value: float
    cost: float
    block: Block | None = None
    chance: Chance | None = None

    @property
    def net(self) -> float:
        return self.value - self.cost


class Rating(Struct, frozen=True, kw_only=True):
    """How a loan stands: the chances of self-cure and of lost contact, and where it is in the strategy table. `line` is
    None where the table says nothing."""

    bucket: str
    self_cure: Chance
    lost: Chance
    score_band: str
    exposure_band: str
    overdue: float
    exposure: float
    line: StrategyLine | None


def rate(policy: CollectionPolicy, facts: Facts) -> Rating | None:
    """How a loan stands by its facts (`facts_of`); None where a required one is unknown. In M0 the next instalment is
    what is at stake, and a loan whose due date is not near has no line."""
    dpd, bucket = number_of(facts, "loan.dpd"), facts.get("loan.bucket")
    overdue, exposure = number_of(facts, "loan.overdue"), number_of(facts, "loan.exposure")
    if dpd is None or overdue is None or exposure is None or not isinstance(bucket, str):
        return None
    self_cure = chance_of(policy.cards[policy.self_cure], facts)
    score_band = band_of(policy.score_bands, self_cure.probability)
    exposure_band = band_of(policy.exposure_bands, exposure)
    line = policy.line_for(bucket, score_band, exposure_band)
    if bucket == "M0":
        days = number_of(facts, "loan.days_to_due")
        overdue = number_of(facts, "loan.next_due") or 0.0
        if days is None or not 0 <= days <= policy.remind_days:
            line = None
    return Rating(
        bucket=bucket,
        self_cure=self_cure,
        lost=chance_of(policy.cards[policy.lost_contact], facts),
        score_band=score_band,
        exposure_band=exposure_band,
        overdue=overdue,
        exposure=exposure,
        line=line,
    )


def consider(
    policy: CollectionPolicy,
    names: Iterable[str],
    rating: Rating,
    facts: Facts,
    block_of: Callable[[Treatment], Block | None],
) -> list[Candidate]:
    """Waiting, and each treatment in the order of `names`. `block_of`: why a treatment is not open now, or None."""
    discount = policy.discount_of(rating.bucket)
    alone = rating.self_cure.probability
    candidates = [
        Candidate(
            treatment=WAIT,
            probability=alone,
            value=expected_recovery(rating.overdue, alone, discount),
            cost=0.0,
            chance=rating.self_cure,
        )
    ]
    for name in names:
        treatment = policy.treatments[name]
        chance = chance_of(policy.cards[treatment.card], facts) if treatment.card else None
        probability = _probability(treatment, chance, rating)
        amount = (rating.overdue if treatment.of == "overdue" else rating.exposure) * treatment.recovers
        candidates.append(
            Candidate(
                treatment=name,
                probability=probability,
                value=expected_recovery(amount, probability, discount),
                cost=float(treatment.cost),
                block=block_of(treatment),
                chance=chance,
            )
        )
    return candidates


def choose(candidates: Iterable[Candidate]) -> Candidate:
    """The open one with most left after its cost; of equals, the first."""
    return max((each for each in candidates if each.block is None), key=lambda each: each.net)


def _probability(treatment: Treatment, chance: Chance | None, rating: Rating) -> float:
    success = (treatment.probability or 0.0) if chance is None else chance.probability
    lost = rating.lost.probability if treatment.reach else 0.0
    if treatment.kind == "disposal":  # the loan leaves: nobody pays to the institution by themselves any more
        return (1.0 - lost) * success
    return recovery_chance(success, self_cure=rating.self_cure.probability, lost=lost)

"""The behaviour score of a line of credit, for those who decide about its loans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskwatch.features.creditlines import Credit, line_of, newest_points
from riskwatch.policy.shelf import Shelf
from riskwatch.scoring.scorecard import odds_at
from riskwatch.streams.packing import split_key

if TYPE_CHECKING:
    from riskwatch.agents.desks import Occasion


def behaviour_pd(shelf: Shelf, credit: Credit | None, occasion: Occasion, product: str, currency: str) -> float | None:
    """The probability of default that the newest behaviour score says, by the account scorecard of the policy in force
    at an entry; None where there is no line, score or scorecard."""
    line = None if credit is None else line_of(credit, product, currency)
    points = None if line is None else newest_points(line)
    if points is None:
        return None
    tenant, _ = split_key(occasion.key)
    policy = shelf.policy_for(tenant, product, currency, occasion.ingested_ms, occasion.offset)
    if policy is None or policy.account is None:
        return None
    return 1.0 / (1.0 + odds_at(policy.account.scorecard, points))

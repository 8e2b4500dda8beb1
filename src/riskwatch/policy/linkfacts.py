"""What an assessment reads of the identifiers that an application shares with others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskwatch.features.linkmessages import LinkFacts
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingvocabulary import LINK_KINDS
from riskwatch.scoring.scorecard import Value

NO_LINKS: Mapping[str, Value] = {"links.answered": None}
"""Nothing was asked."""


def link_inputs(facts: Sequence[LinkFacts], ring_size: int, *, complete: bool) -> dict[str, Value]:
    """The inputs `links.*`. `complete`: every answer came before the deadline.

    Of a kind that has several profiles (during a rotation of keys) the one first seen earliest counts customers and
    applications, and the one that knows most counts frauds.
    """
    ring = float(ring_size) if complete or ring_size > 1 else None
    inputs: dict[str, Value] = {"links.answered": complete, "links.ring_size": ring}
    for kind in LINK_KINDS:
        known = [each for each in facts if each.kind == kind]
        if not known:
            continue
        eldest = min(known, key=lambda each: (each.first_ms, each.probe_id))
        inputs |= {
            f"links.{kind}_customers": float(eldest.customers),
            f"links.{kind}_new_1d": float(eldest.new_1d),
            f"links.{kind}_applications_7d": float(eldest.applications_7d),
            f"links.{kind}_fraud_30d": float(max(each.frauds_30d for each in known)),
        }
    return inputs


def reads_links(policy: LendingPolicy) -> bool:
    """Whether link facts can change what the policy says: if not, it need not wait for them."""
    return any(name.startswith("links.") for name in policy.reads)

"""Alerts about rings: customers joined by identifiers that they share, one alert for each step of growth."""

from __future__ import annotations

from datetime import datetime

from riskwatch.features.ringstate import RingGrown
from riskwatch.streams.outputs import Alert, Cause, Reason, Severity, alert_identity
from riskwatch.streams.packing import from_ms, split_key

RULE = "ring-grown"
VERSION = "1"
"""Raise it when an alert comes to mean another thing."""
_FROM: tuple[tuple[int, Severity], ...] = ((10, "critical"), (5, "high"), (3, "medium"), (0, "low"))
"""Customers from which on an alert has a severity. Two who share a phone may be a couple."""


def ring_alert(grown: RingGrown, cause: Cause, detected_at: datetime) -> Alert:
    """The alert about a ring that reached a step, told of the customer who made it grow. The same step of the same ring
    has one id, whatever made it."""
    tenant, customer = split_key(grown.customer)
    members = ", ".join(split_key(member)[1] for member in grown.members)
    more = f" and {grown.size - len(grown.members)} more" if grown.size > len(grown.members) else ""
    shared = ", ".join(f"{each.kind} {_short(each.identifier)} of {each.customers}" for each in grown.shared)
    further = grown.shared_count - len(grown.shared)
    text = f"{grown.size} customers are joined by what they share ({shared}{f', {further} more' if further else ''}): "
    if grown.too_large:
        text = f"more than {grown.step} customers are joined, too many to be a ring; it is not followed further: "
    return Alert(
        alert_id=alert_identity(RULE, f"{tenant}/{grown.ring_id}".encode(), grown.step),
        tenant=tenant,
        customer_id=customer,
        rule=RULE,
        kind="fraud",
        severity=next(severity for least, severity in _FROM if grown.step >= least),
        subject=f"ring {grown.ring_id}",
        reasons=[
            Reason(
                code=RULE,
                text=f"{text}{members}{more}",
                values={
                    "ring": grown.ring_id,
                    "customers": float(grown.size),
                    "step": float(grown.step),
                    "members": members,
                    "shared": shared,
                    "joined_by": grown.kind,
                },
            )
        ],
        features={"ring_size": float(grown.size)},
        cause=cause,
        policy="rings",
        policy_version=VERSION,
        occurred_at=from_ms(grown.at_ms),
        detected_at=detected_at,
    )


def _short(identifier: str) -> str:
    """A device id as it is; of a keyed hash the beginning, enough to tell two apart."""
    return identifier if len(identifier) != 32 else f"{identifier[:8]}…"

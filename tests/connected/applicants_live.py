"""Applications that share identifiers, for workers of the wall clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from riskwatch.streams import events
from riskwatch.streams.decisions import DecisionTrail


def application(number: int, **fields: Any) -> events.LoanApplied:
    """The application of a customer whom the packaged policy approves; `fields` are put in its place."""
    given = {
        "event_id": f"apply-{number}", "tenant": "bank", "customer_id": f"c-{number}",
        "occurred_at": datetime.now(UTC), "application_id": f"a-{number}", "product": "cash-instalments",
        "amount": 1_000_000, "currency": "CNY", "term_months": 12,
        "declared": events.Declared(
            monthly_income=1_800_000, employment="employed", employed_months=72, monthly_debt_service=100_000,
            birth_date=date(1988, 1, 1),
        ),
        "bureau": events.Bureau(score=735, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1),
        "device_id": f"device-{number}",
    } | fields  # fmt: skip
    return events.LoanApplied(**given)


def office(count: int) -> list[events.LoanApplied]:
    """Customers who have nothing in common but one address on the internet."""
    return [application(number, ip="203.0.113.7") for number in range(count)]


def latencies(trails: Iterable[DecisionTrail]) -> list[float]:
    """Seconds from application to decision, rising, of each decision that was published first."""
    first: dict[str, float] = {}
    for trail in trails:
        decision = trail.decision
        took = (decision.decided_at - decision.occurred_at).total_seconds()
        first.setdefault(decision.decision_id, took)
    return sorted(first.values())

"""Fraud cases for tests: one with everything, of which a test changes what it is about."""

from __future__ import annotations

from typing import Any

from riskwatch.streams.cases import Case
from riskwatch.streams.identity import Identity

DAY = 86_400_000


def case(number: int = 1, *identities: Identity, **fields: Any) -> Case:
    """Case `number` of customer `f<number>`, confirmed on day `number`, about an application of theirs."""
    given: dict[str, Any] = {
        "case_id": f"case-{number}", "tenant": "bank", "customer_id": f"f{number}", "home": 0, "origin": number,
        "event_id": f"fraud-{number}", "confirmed_ms": number * DAY, "typology": "synthetic-identity",
        "identities": identities, "subject": f"a{number}", "application_id": f"a{number}",
    } | fields  # fmt: skip
    return Case(**given)


def phone(text: str) -> Identity:
    return Identity("phone", text)


def device(text: str) -> Identity:
    return Identity("device", text)


def terminal(text: str) -> Identity:
    return Identity("terminal", text)

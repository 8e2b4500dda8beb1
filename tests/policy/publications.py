"""Publications for the tests: policies that differ in what a test can see, published at instants of one day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingfile import packaged_lending
from riskwatch.policy.publication import Publication
from riskwatch.streams.packing import to_ms

DAY = datetime(2026, 3, 2, tzinfo=UTC)
_SAID = msgspec.to_builtins(packaged_lending("cash-instalments"))


def hour(number: float) -> datetime:
    return DAY + timedelta(hours=number)


def ms(number: float) -> int:
    return to_ms(hour(number))


def policy(name: str = "ours", tenant: str = "bank", above: float | None = None, **fields: Any) -> LendingPolicy:
    """The packaged policy for cash instalments under another name; `above`: refers above this probability."""
    changed = _SAID | {"name": name, "tenant": tenant, "refer_above_pd": above} | fields
    changed["scorecard"] = changed["scorecard"] | {"name": name}
    return msgspec.convert(changed, LendingPolicy)


def published(at: float, name: str = "ours", start: float | None = None, **fields: Any) -> Publication:
    """Published at an hour of the day; `start`: in force from that hour, else at once."""
    own = {key: fields.pop(key) for key in ("tenant", "above", "product", "currency") if key in fields}
    made = policy(name, **own)
    given = {
        "version": made.version, "policy": made, "published_at": hour(at), "published_by": "ann",
        "in_force_from": hour(at if start is None else start), "reason": "a test",
    } | fields  # fmt: skip
    return Publication(**given)

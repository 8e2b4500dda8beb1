"""Policies that a test can tell apart, published through the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingfile import packaged_lending
from riskwatch.policy.publication import Publication, encode_publication, translate_publication
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import pack_broadcast

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SAID = msgspec.to_builtins(packaged_lending("cash-instalments"))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def policy(name: str, tenant: str = "bank", **fields: Any) -> LendingPolicy:
    """Says "refer" to everybody, under a name of its own; the packaged one approves these applicants."""
    card = SAID["scorecard"] | {"name": name}
    given = SAID | {"name": name, "tenant": tenant, "scorecard": card, "refer_above_pd": 1e-9} | fields
    return msgspec.convert(given, LendingPolicy)


def publication(minutes: float, name: str, start: float | None = None, **fields: Any) -> Publication:
    made = policy(
        name, **{key: fields.pop(key) for key in ("tenant", "refer_above_pd", "deadline_ms") if key in fields}
    )
    given = {
        "version": made.version, "policy": made, "published_at": at(minutes), "published_by": "ann", "reason": "test",
        "in_force_from": at(minutes if start is None else start),
    } | fields  # fmt: skip
    return Publication(**given)


def published(minutes: float, name: str, start: float | None = None, **fields: Any) -> tuple[None, bytes]:
    translated = translate_publication(encode_publication(publication(minutes, name, start, **fields)))
    assert isinstance(translated, tuple)
    return None, pack_broadcast(Kind.POLICY_PUBLISHED, *translated)

"""Actions on lines of credit, written out for tests: one line, told part by part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from riskwatch.streams.accountactions import AccountAction, AccountReason, Part, Terms, action_identity
from riskwatch.streams.outputs import Cause

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def terms(limit: int = 1_000_000, rate_bp: int | None = 1_800, grade: str | None = "C", frozen: bool = False) -> Terms:
    return Terms(grade=grade, limit=limit, rate_bp=rate_bp, frozen=frozen)


def action(
    before: Terms,
    after: Terms,
    *,
    day: int = 0,
    batch: str = "bad/1",
    customer: str = "c1",
    moves: list[Part] | None = None,
    limit_days: int = 0,
    rate_days: int = 0,
    shadow: bool = False,
) -> AccountAction:
    """An action on day `day`; `moves`: the parts in which the terms differ, where they are not given."""
    at = START + day * DAY
    differing: list[tuple[Part, bool]] = [
        ("grade", before.grade != after.grade),
        ("limit", before.limit != after.limit),
        ("rate", before.rate_bp != after.rate_bp),
        ("frozen", before.frozen != after.frozen),
    ]
    return AccountAction(
        action_id=action_identity(f"bank/{customer}".encode(), "cash-instalments", "CNY", day, "moved", shadow=shadow),
        tenant="bank",
        customer_id=customer,
        product="cash-instalments",
        currency="CNY",
        change="moved",
        before=before,
        after=after,
        moves=[part for part, differs in differing if differs] if moves is None else moves,
        announced_at=at,
        limit_from=at + limit_days * DAY,
        rate_from=at + rate_days * DAY,
        effective_from=at + max(limit_days, rate_days) * DAY,
        reasons=[AccountReason(code="paid-late", en="Late.", zh="晚。", values={"own.max_dpd": None})],
        points=560.0,
        pd=0.05,
        bounds=["largest-step"],
        cause=Cause(partition=0, offset=day, event_id=f"e{day}", event_type="RepaymentReceived"),
        policy="bad",
        policy_version="1",
        batch=batch,
        decided_at=at,
        shadow=shadow,
    )

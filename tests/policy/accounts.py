"""Lines of credit for the tests of limits and rates: a good customer's, of whom a test changes what it is about."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from riskwatch.features.credit import CreditState
from riskwatch.policy.accountdeciding import Occasion, decide_account
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingfile import packaged_lending
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.accountactions import AccountAction
from riskwatch.streams.outputs import Cause

CASH = packaged_lending("cash-instalments")
DAY = 86_400_000
OPENED = 1_767_225_600_000  # 2026-01-01
NOW = OPENED + 90 * DAY

# In the packaged card: 90 + 80 + 70 + 60 + 60 + 50 + 66 (25 % used) + 58 + 56 + 36 (3 months) + 50 = 676 points.
GOOD: dict[str, Value] = {
    "account.in_use": 500_000.0,
    "own.max_dpd": 0.0,
    "history.max_dpd_6m": 0.0,
    "behaviour.days_late_mean": -1.0,
    "behaviour.repayment_partial_count_90d": 0.0,
    "behaviour.repayment_reversed_count_90d": 0.0,
    "behaviour.promise_broken_count_90d": 0.0,
    "behaviour.loan_opened_count_90d": 0.0,
    "behaviour.application_count_30d": 0.0,
    "behaviour.contact_unreached_count_30d": 0.0,
    "fraud.open_alerts": 0.0,
    "fraud.open_severe_alerts": 0.0,
    "fraud.open_cases": 0.0,
}

# 30 + 36 + 26 + 20 + 34 + 26 + 18 (99.5 % used) + 58 + 56 + 36 + 50 = 390 points.
POOR: dict[str, Value] = {
    **GOOD,
    "account.in_use": 1_990_000.0,
    "own.max_dpd": 10.0,
    "history.max_dpd_6m": 10.0,
    "behaviour.days_late_mean": 5.0,
    "behaviour.repayment_partial_count_90d": 2.0,
    "behaviour.repayment_reversed_count_90d": 1.0,
    "behaviour.promise_broken_count_90d": 1.0,
}


def changed(inputs: dict[str, Value], **changes: Value) -> dict[str, Value]:
    """`inputs` with changes; `own__max_dpd=5.0` changes `own.max_dpd`."""
    return {**inputs, **{name.replace("__", "."): value for name, value in changes.items()}}


def line(**changes: object) -> CreditState:
    """Granted in grade C with 20,000.00 at 18 %, 90 days ago."""
    made = CreditState(
        product="cash-instalments",
        currency="CNY",
        grade="C",
        limit=2_000_000,
        rate_bp=1_800,
        granted_grade="C",
        granted_limit=2_000_000,
        granted_rate_bp=1_800,
        opened_ms=OPENED,
        changed_ms=OPENED,
        approved=True,
    )
    return replace(made, **changes)


def occasion(kind: str = "RepaymentReceived", event: int = 7) -> Occasion:
    return Occasion(
        key=b"harbour/c1",
        event_hash=event,
        kind=kind,
        cause=Cause(partition=0, offset=3, event_id="e1", event_type=kind),
        decided_at=datetime(2026, 4, 1, 12, tzinfo=UTC),
    )


def decided(
    inputs: dict[str, Value],
    state: CreditState | None = None,
    *,
    policy: LendingPolicy = CASH,
    kind: str = "RepaymentReceived",
    now_ms: int = NOW,
) -> AccountAction | None:
    return decide_account(policy, line() if state is None else state, inputs, now_ms, occasion(kind))


def acts(
    inputs: dict[str, Value],
    state: CreditState | None = None,
    *,
    policy: LendingPolicy = CASH,
    kind: str = "RepaymentReceived",
    now_ms: int = NOW,
) -> AccountAction:
    """`decided`, where something has to be decided."""
    action = decided(inputs, state, policy=policy, kind=kind, now_ms=now_ms)
    assert action is not None
    return action


def codes(action: AccountAction) -> list[str]:
    return [reason.code for reason in action.reasons]


def account_of(policy: LendingPolicy = CASH, **changes: object) -> LendingPolicy:
    """The policy with another `[account]`."""
    assert policy.account is not None
    return replace(policy, account=replace(policy.account, **changes))

"""Loans, moves, contacts and actions by hand, for tests of the book and of a customer's life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from riskwatch.streams.collections import ActionClosed, CollectionAction, Considered
from riskwatch.streams.events import ContactMade, Instalment, LoanOpened, RepaymentReceived
from riskwatch.streams.loanmoves import LoanMoved, LoanPlace, OwedByComponent
from riskwatch.streams.outputs import Cause

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
TENANT, CUSTOMER, LOAN = "t", "c", "l"


def day(number: float) -> datetime:
    """That many days after the beginning of 2025, UTC."""
    return JANUARY + timedelta(days=number)


def stood(state: str) -> LoanPlace:
    """Of a bucket, an end such as `settled`, or `unknown`."""
    if not state.startswith("M"):
        bucket = "M0" if state in ("settled", "unknown") else "M4"
        return LoanPlace(status=state, bucket=bucket)  # type: ignore[arg-type]
    return LoanPlace(status="performing" if state == "M0" else "past-due", bucket=state)  # type: ignore[arg-type]


def opened(
    at: datetime, loan: str = LOAN, principal: int = 1_000, *, instalments: int = 2, tenant: str = TENANT, **more: Any
) -> LoanOpened:
    schedule = [
        Instalment(number=n, due_on=(at + timedelta(days=30 * n)).date(), amount=principal // instalments)
        for n in range(1, instalments + 1)
    ]
    return LoanOpened(
        event_id=f"open-{loan}", tenant=tenant, customer_id=more.pop("customer_id", CUSTOMER), occurred_at=at,
        loan_id=loan, product="cash-instalments", principal=principal, currency=more.pop("currency", "CNY"),
        schedule=more.pop("schedule", schedule), **more,
    )  # fmt: skip


def moved(
    at: datetime, before: str, after: str, loan: str = LOAN, *, exposure: int = 1_000, offset: int | None = None,
    tenant: str = TENANT, **more: Any,
) -> LoanMoved:  # fmt: skip
    place = int((at - JANUARY).total_seconds()) if offset is None else offset
    return LoanMoved(
        move_id=f"{tenant}-{loan}-{place}-{before}-{after}",
        tenant=tenant, customer_id=more.pop("customer_id", CUSTOMER), loan_id=loan, product="cash-instalments",
        currency=more.pop("currency", "CNY"), merchant_id="", opened_on=more.pop("opened_on", None),
        principal=more.pop("principal", 1_000), before=stood(before), after=stood(after),
        past_due_days=more.pop("past_due_days", 0), delinquent_days=0, past_due=more.pop("past_due", 0),
        exposure=exposure, decided_at=at,
        owed=OwedByComponent(fee=0, penalty=0, interest=0, principal=exposure),
        recovered=more.pop("recovered", 0), occurred_at=at,
        cause=Cause(partition=0, offset=place, event_id="", event_type="Tick"),
        corrects=more.pop("corrects", False),
    )  # fmt: skip


def paid(at: datetime, amount: int, loan: str = LOAN, *, name: str = "", **more: Any) -> RepaymentReceived:
    return RepaymentReceived(
        event_id=name or f"pay-{loan}-{at.isoformat()}", tenant=more.pop("tenant", TENANT), customer_id=CUSTOMER,
        occurred_at=at, loan_id=loan, amount=amount, currency=more.pop("currency", "CNY"), **more,
    )  # fmt: skip


def contact(at: datetime, channel: str = "phone", outcome: str = "no-answer", **more: Any) -> ContactMade:
    return ContactMade(
        event_id=more.pop("name", f"contact-{channel}-{at.isoformat()}"), tenant=more.pop("tenant", TENANT),
        customer_id=more.pop("customer_id", CUSTOMER), occurred_at=at, channel=channel,  # type: ignore[arg-type]
        outcome=outcome, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def action(at: datetime, name: str = "a", **more: Any) -> CollectionAction:
    said: dict[str, Any] = {
        "action_id": name, "tenant": TENANT, "customer_id": CUSTOMER, "loan_id": LOAN, "stage": "early",
        "treatment": "call", "channel": "phone", "priority": 50, "due_at": at, "expires_at": at + timedelta(hours=8),
        "script": "s", "reasons": [], "policy": "p", "policy_version": "1", "rules": "cn", "rules_version": "1",
        "decided_at": at,
    }  # fmt: skip
    return CollectionAction(**(said | more))


def closed(action: CollectionAction, ending: str, at: datetime, **more: Any) -> ActionClosed:
    return ActionClosed(
        action_id=action.action_id, tenant=action.tenant, customer_id=action.customer_id, loan_id=action.loan_id,
        ending=ending, closed_at=at, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def looked_at(excluded: str | None, treatment: str = "call") -> Considered:
    return Considered(treatment=treatment, probability=0.5, value=1.0, cost=0.0, net=1.0, excluded=excluded)

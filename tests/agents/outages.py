"""Journals of institutions whose repayments stop for some days, and come late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared_journal import LAYOUT, RULES, Log, entry

from riskwatch.agents.folded import Folded, Program
from riskwatch.features.freshness import Freshness
from riskwatch.streams import events
from riskwatch.streams.packing import pack_tick, to_ms

GATED = Program(LAYOUT, RULES, {})
OPEN = Program(LAYOUT, RULES, {}, freshness=Freshness(0))
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DUE = date(2026, 3, 10)
HELD_FROM, BACK = BEGIN + timedelta(days=8, hours=18), BEGIN + timedelta(days=13, hours=1)
"""The outage: from the evening before the due date until the fourth day after it."""
SIZE = 10_000
PAYERS, DEFAULTERS = 12, 3


def opened(customer: str, tenant: str = "bank", due: date = DUE) -> Any:
    return events.LoanOpened(
        event_id=f"open-{customer}", tenant=tenant, customer_id=customer, occurred_at=BEGIN, loan_id=f"l-{customer}",
        product="cash-instalments", principal=SIZE, currency="CNY",
        schedule=[events.Instalment(number=1, due_on=due, amount=SIZE)],
    )  # fmt: skip


def paid(customer: str, at: datetime, tenant: str = "bank", amount: int = SIZE) -> Any:
    return events.RepaymentReceived(
        event_id=f"paid-{customer}-{at:%d%H}", tenant=tenant, customer_id=customer, occurred_at=at,
        loan_id=f"l-{customer}", amount=amount, currency="CNY",
    )  # fmt: skip


def login(number: int, at: datetime, tenant: str) -> Any:
    return events.LoginSucceeded(
        event_id=f"login-{tenant}-{number}", tenant=tenant, customer_id=f"busy-{number % 5}", occurred_at=at,
        device_id=f"d-{number % 5}",
    )  # fmt: skip


Said = tuple[datetime, Any]
"""When it comes to the journal, and what."""


def life(tenant: str = "bank", days: float = 16, logins: int = 4) -> list[Said]:
    """Logins, and others' repayments each hour; those who owe on the due date, some of whom pay at noon of it."""
    said: list[Said] = []
    for hour in range(int(24 * days)):
        at = BEGIN + timedelta(hours=hour)
        said += [(at, login(hour * logins + n, at, tenant)) for n in range(logins)]
        said.append((at, paid(f"other-{hour % 40}", at, tenant, amount=1)))
    said += [(BEGIN, opened(f"other-{n}", tenant, date(2027, 1, 1))) for n in range(40)]
    customers = [f"{tenant}-{n}" for n in range(PAYERS + DEFAULTERS)]
    said += [(BEGIN, opened(customer, tenant)) for customer in customers]
    noon = BEGIN + timedelta(days=9, hours=12)
    said += [(noon, paid(customer, noon, tenant)) for customer in customers[:PAYERS]]
    return said


def late(said: Iterable[Said], tenant: str = "bank", bursts: Sequence[datetime] = (BACK,)) -> list[Said]:
    """The same with repayments that occurred in the outage delivered in bursts at its end, each an equal share."""
    told = sorted(said, key=lambda each: each[0])
    kept = [
        each
        for each in told
        if not (
            isinstance(each[1], events.RepaymentReceived) and each[1].tenant == tenant and HELD_FROM < each[0] < BACK
        )
    ]
    keep = set(map(id, kept))
    gone = [each for each in told if id(each) not in keep]
    share = -(-len(gone) // len(bursts))
    kept += [(bursts[at // share], event) for at, (_, event) in enumerate(gone)]
    return kept


def log_of(said: Iterable[Said], minutes: int = 60) -> Log:
    """In order of arrival, with ticks up to each."""
    log: Log = []
    clock = BEGIN
    for arrives, event in sorted(said, key=lambda each: each[0]):
        while clock + timedelta(minutes=minutes) <= arrives:
            clock += timedelta(minutes=minutes)
            log.append((None, pack_tick(to_ms(clock))))
        log.append(entry(event, len(log)))
    return log


def operational(batches: Iterable[Folded]) -> list[Any]:
    return [record for each in batches for record in each.operational]

"""The list of what was done to lines of credit, as a reader sees it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from rich.console import Console

from riskwatch.agents.actionshow import listed
from riskwatch.streams.accountactions import AccountAction, AccountReason, AnyAction, Compensation, Terms
from riskwatch.streams.outputs import Cause

AT = datetime(2026, 5, 1, 9, tzinfo=UTC)
BAD, GOOD = "consumer-credit-of-the-east/0123456789ab", "good/ba9876543210"


def action(customer: str, batch: str = BAD, tenant: str = "harbour-finance") -> AccountAction:
    policy, _, version = batch.partition("/")
    return AccountAction(
        action_id="a" * 32, tenant=tenant, customer_id=customer, product="cash-instalments", currency="CNY",
        change="moved", before=Terms(grade="B", limit=123_456_789, rate_bp=1_440, frozen=False),
        after=Terms(grade="B", limit=223_456_789, rate_bp=1_240, frozen=False), moves=["limit", "rate"],
        announced_at=AT, limit_from=AT, rate_from=AT + timedelta(days=30), effective_from=AT, batch=batch,
        decided_at=AT, points=None, pd=None, bounds=[],
        reasons=[AccountReason(code="gain-clean-record", en="Paid.", zh="均已还清。", values={})],
        cause=Cause(partition=0, offset=1, event_id="p", event_type="RepaymentReceived"), policy=policy,
        policy_version=version,
    )  # fmt: skip


def lines(actions: list[AnyAction], width: int) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(listed(actions))
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize("width", [40, 80, 120, 10_000])
def test_every_part_of_an_action_is_there_at_any_width(width: int) -> None:
    text = "".join("".join(lines([action("customer-20417")], width)).split())
    assert "…" not in text
    for part in (BAD, "customer-20417", "cash-instalments", "moved", "2026-05-0109:00:00Z", "1,234,567.89",
                 "2,234,567.89", "ratefrom2026-05-3109:00:00Z", "gain-clean-record"):  # fmt: skip
        assert part in text


def test_each_batch_has_a_block_under_its_name_and_policy() -> None:
    told = lines([action("c1"), action("c2", GOOD), action("c3")], 200)
    heads = [line for line in told if line.startswith("batch ")]
    assert heads == [
        f"batch {BAD}  policy consumer-credit-of-the-east, version 0123456789ab",
        f"batch {GOOD}  policy good, version ba9876543210",
    ]
    assert told[0] == "at harbour-finance"
    places = {each: next(at for at, line in enumerate(told) if each in line.split()) for each in ("c1", "c2", "c3")}
    assert places["c1"] < places["c3"] < told.index(heads[1]) < places["c2"]


def test_a_customer_bears_the_tenant_where_there_are_several() -> None:
    told = "\n".join(lines([action("c1"), action("c1", tenant="[north]")], 200))
    assert "harbour-finance/c1" in told
    assert "[north]/c1" in told
    assert "at harbour" not in told


def test_a_rollback_s_block_says_who_asked_for_it() -> None:
    done = action("c1")
    same = {name: getattr(done, name) for name in structs.asdict(done) if name in Compensation.__struct_fields__}
    undone = Compensation(**{**same, "batch": f"rollback/{BAD}", "undoes": ["x"], "requested_by": "ann"})
    assert f"batch rollback/{BAD}  asked for by ann" in lines([undone], 200)

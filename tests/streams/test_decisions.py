"""The records of a decision: identities, and the form on the wire."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from riskwatch.streams.decisions import (
    Decision,
    DecisionReason,
    DecisionTrail,
    JudgedRule,
    PlannedInstalment,
    ScorePart,
    decision_identity,
    decode_decision,
    decode_trail,
    encode_decision,
)
from riskwatch.streams.outputs import Cause

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def decision(**changes: object) -> Decision:
    made = Decision(
        decision_id=decision_identity(b"bank/c1", 7),
        tenant="bank",
        customer_id="c1",
        application_id="a1",
        product="cash-instalments",
        outcome="approve",
        requested=500_000,
        currency="CNY",
        requested_term_months=12,
        grade="B",
        pd=0.031,
        points=612.0,
        limit=800_000,
        amount=500_000,
        annual_rate=0.18,
        apr=0.1956,
        term_months=12,
        plan=[
            PlannedInstalment(
                number=1, due_on=date(2026, 4, 1), principal=38_340, interest=7_500, amount=45_840, balance=461_660
            )
        ],
        reasons=[DecisionReason(code="grade", en="Grade B", zh="等级 B", values={"pd": 0.031})],
        cause=Cause(partition=0, offset=3, event_id="e1", event_type="LoanApplied"),
        policy="base",
        policy_version="0123456789ab",
        occurred_at=AT,
        decided_at=AT,
    )
    return msgspec.structs.replace(made, **changes)  # type: ignore[arg-type]


def trail() -> DecisionTrail:
    return DecisionTrail(
        decision=decision(),
        inputs={"bureau.score": 650.0, "links.answered": None, "application.merchant_id_known": True},
        rules=[JudgedRule(rule="too-young", outcome="decline", fired=False, values={"declared.age_years": 31.0})],
        parts=[ScorePart(characteristic="age", reads="declared.age_years", value=31.0, bin="30-39", points=41, lost=9)],
        bounds=["requested"],
    )


def test_a_decision_and_its_trail_survive_the_wire() -> None:
    assert decode_decision(encode_decision(decision())) == decision()
    assert decode_trail(encode_decision(trail())) == trail()


def test_dates_are_written_as_dates_and_times_with_their_zone() -> None:
    written = msgspec.json.decode(encode_decision(decision()))
    assert written["plan"][0]["due_on"] == "2026-04-01"
    assert written["occurred_at"] == "2026-03-01T09:30:00Z"


def test_a_number_that_is_not_one_becomes_null() -> None:
    assert msgspec.json.decode(encode_decision(decision(pd=float("nan"))))["pd"] is None


@pytest.mark.parametrize("value", [b"{}", b"[1]", b"\xff"])
def test_other_bytes_are_refused(value: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decode_decision(value)
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decode_trail(value)


def test_one_application_has_one_id_and_its_shadow_another() -> None:
    live = decision_identity(b"bank/c1", 7)
    assert live == decision_identity(b"bank/c1", 7)
    assert len(live) == 32
    others = {decision_identity(b"bank/c1", 8), decision_identity(b"bank/c2", 7)}
    assert live not in others | {decision_identity(b"bank/c1", 7, shadow=True)}
    assert len(others) == 2

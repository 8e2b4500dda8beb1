"""A collections policy that can be worked out by hand: every probability is stated, not scored."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from riskwatch.policy.collectionpolicy import (
    Band,
    BatchFile,
    CollectionPolicy,
    Promises,
    Stage,
    StrategyLine,
    Treatment,
)
from riskwatch.policy.collectionrecords import Customer
from riskwatch.policy.contactrules import ContactRules, Hours, Limit
from riskwatch.scoring.scorecard import Bin, Characteristic, Scorecard, Value

DAY, HOUR = 86_400_000, 3_600_000
ZONE = ZoneInfo("UTC")
CUSTOMER = Customer(tenant="harbour", customer_id="c-1", zone=ZONE)
MONDAY = 1_780_272_000_000
"""Monday 1 June 2026, 00:00 UTC."""


def fixed_card(name: str, odds: float) -> Scorecard:
    """A card by which everybody has the same chance: odds / (1 + odds)."""
    flat = Characteristic(name="any", reads="loan.dpd", bins=(Bin(points=0, label="any"),), missing=0, reason="flat")
    return Scorecard(name=name, base_points=0, base_odds=odds, pdo=20, characteristics=(flat,))


RULES = ContactRules(
    name="tiny",
    channels=("push", "sms", "phone", "legal"),
    hours={"day": Hours(channels=("push", "sms", "phone"), start="08:00", end="20:00")},
    limits={"calls": Limit(channels=("phone",), most=1, days=2, window="rolling")},
)

POLICY = CollectionPolicy(
    tenant="*",
    product="cash-instalments",
    name="tiny",
    currency="CNY",
    rules=RULES,
    stages=(
        Stage(name="soft", order=0, treatments=("push", "sms"), min_days=1, priority=50, escalate_after=3),
        Stage(name="firm", order=1, treatments=("sms", "call"), min_days=1, priority=40),
        Stage(name="legal", order=2, treatments=("letter", "sale"), min_days=7, priority=20),
    ),
    treatments={
        "push": Treatment(name="push", channel="push", script="s.push", cost=10, probability=0.1),
        "sms": Treatment(name="sms", channel="sms", script="s.sms", cost=50, probability=0.2, reach=True),
        "call": Treatment(name="call", channel="phone", script="s.call", cost=500, probability=0.5, reach=True),
        "letter": Treatment(
            name="letter", channel="legal", script="s.letter", cost=1000, probability=0.1, kind="legal"
        ),
        "sale": Treatment(
            name="sale", channel="batch", script="s.sale", cost=0, probability=1.0, recovers=0.5, of="exposure",
            kind="disposal", file="sale", expires_hours=240,
        ),
    },
    lines=(
        StrategyLine(name="one", buckets=("M1",), stage="soft"),
        StrategyLine(name="two", buckets=("M2",), stage="firm"),
        StrategyLine(name="later", buckets=("M3", "M4", "M5", "M6", "M6+"), stage="legal"),
    ),
    score_bands={"all": Band()},
    exposure_bands={"all": Band()},
    cards={"self": fixed_card("self", 0.25), "lost": fixed_card("lost", 1.0)},  # 0.2 and 0.5
    self_cure="self",
    lost_contact="lost",
    discount={"M1": 1.0, "M2": 0.5},
    ceiling="firm",
    files={"sale": BatchFile(purpose="sale", fields=("loan_id", "loan.exposure"))},
    promises=Promises(grace_days=1, longest_days=14, most=2),
    rest_days=2,
)  # fmt: skip


def policy(**changes: Any) -> CollectionPolicy:
    return replace(POLICY, **changes)


def loan(dpd: float = 10, overdue: float = 10_000, exposure: float = 40_000, **more: Value) -> dict[str, Value]:
    return {"loan.dpd": dpd, "loan.overdue": overdue, "loan.exposure": exposure, **more}

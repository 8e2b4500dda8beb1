"""The records that riskwatch publishes about applications: the decision, and the trail by which it can be explained."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

from riskwatch.streams.outputs import Cause

DecisionOutcome = Literal["approve", "refer", "decline"]
DecisionValue = float | str | bool | None


class DecisionReason(Struct, frozen=True, kw_only=True):
    """Why: a stable code, the text for the applicant in English and Chinese, and the values behind it."""

    code: str
    en: str
    zh: str
    values: dict[str, DecisionValue]


class PlannedInstalment(Struct, frozen=True, kw_only=True):
    """One line of the repayment plan. Amounts in minor units; `balance`: principal that is open after it."""

    number: int
    due_on: date
    principal: int
    interest: int
    amount: int
    balance: int


class Decision(Struct, frozen=True, kw_only=True):
    """What became of an application. `decision_id` repeats when the same decision is published again: drop repeats by
    it.

    `limit` and `amount`: minor units, 0 where nothing is offered. `annual_rate`: nominal; `apr`: effective, by the
    plan's cash flows. `pd`: probability of default by the scorecard's points. `occurred_at` is the application's time,
    `decided_at` the worker's clock.
    """

    decision_id: str
    tenant: str
    customer_id: str
    application_id: str
    product: str
    outcome: DecisionOutcome
    requested: int
    currency: str
    requested_term_months: int
    grade: str | None
    pd: float | None
    points: float | None
    limit: int
    amount: int
    annual_rate: float | None
    apr: float | None
    term_months: int
    plan: list[PlannedInstalment]
    reasons: list[DecisionReason]
    cause: Cause
    policy: str
    policy_version: str
    occurred_at: datetime
    decided_at: datetime
    shadow: bool = False


class JudgedRule(Struct, frozen=True, kw_only=True):
    """A rule of the policy at this application. `fired` is null where something that it names is unknown."""

    rule: str
    outcome: DecisionOutcome
    fired: bool | None
    values: dict[str, DecisionValue]


class ScorePart(Struct, frozen=True, kw_only=True):
    """A characteristic of the scorecard: the bin that the value fell into, its points, and those lost against the
    best bin."""

    characteristic: str
    reads: str
    value: DecisionValue
    bin: str
    points: float
    lost: float


class SharedIdentifier(Struct, frozen=True, kw_only=True):
    """What was known of one of the application's identifiers, this application included. `exact`: customers were
    counted, else estimated with a standard error of 3.25 %; windows end with the application."""

    kind: str
    customers: int
    exact: bool
    new_1d: int
    new_7d: int
    new_30d: int
    applications_1d: int
    applications_7d: int
    applications_30d: int
    frauds_30d: int
    frauds: int
    first_seen: datetime


class DecisionTrail(Struct, frozen=True, kw_only=True):
    """Everything that a decision was made of: inputs by name (null: unknown), rules, points, what bound the limit, and
    the answers about identifiers that had come."""

    decision: Decision
    inputs: dict[str, DecisionValue]
    rules: list[JudgedRule]
    parts: list[ScorePart]
    bounds: list[str]
    links: list[SharedIdentifier] = []


_json = msgspec.json.Encoder()
_decisions = msgspec.json.Decoder(Decision)
_trails = msgspec.json.Decoder(DecisionTrail)


def encode_decision(decision: Decision | DecisionTrail) -> bytes:
    """JSON. Floats that are not numbers become null."""
    return _json.encode(decision)


def decode_decision(value: bytes) -> Decision:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are not a decision."""
    return _decisions.decode(value)


def decode_trail(value: bytes) -> DecisionTrail:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are not a trail."""
    return _trails.decode(value)


def decision_identity(subject: bytes, event: int, *, shadow: bool = False, version: str = "") -> str:
    """The id of the decision on an application: 32 hexadecimal characters.

    `subject` is the customer key, `event` the entry's event hash (uint64). A repeat after a crash and a replay with
    another partition count give the same id; the shadow's decision on the same application has another, and each
    `version` in shadow its own.
    """
    parts = b"shadow" if shadow else b"live"
    data = len(subject).to_bytes(4, "little") + subject + int(event).to_bytes(8, "little")
    data += version.encode() if shadow else b""  # the live decision is one, whatever decides it
    return blake2b(data, digest_size=16, person=b"decision", salt=parts).hexdigest()

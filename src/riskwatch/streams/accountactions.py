"""The records that riskwatch publishes about a running line of credit: what moved its grade, limit or rate, what froze
it, and what undoes the effects of a bad policy.

A line of credit is a customer's with one product in one currency. Money is in minor units, rates in basis points a year
(1 is 0.01 %). An action says the terms before and after it; `limit_from` and `rate_from` are when they are in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from riskwatch.streams.decisions import DecisionValue
from riskwatch.streams.outputs import Cause

Change = Literal["placed", "moved", "capped", "frozen", "unfrozen", "adjusted", "rolled-back"]
"""`placed`: a line without a grade got its first. `moved`: by the behaviour score. `capped`: the rate was above the
legal cap. `adjusted`: a limit would have come into force below what is in use by then. `rolled-back`: a
compensation."""

Part = Literal["grade", "limit", "rate", "frozen"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a line's terms."""


class Terms(Struct, frozen=True, kw_only=True):
    """Where a line stands. `grade`: None before its first; `limit`: minor units; `rate_bp`: basis points a year, None
    where never known. While `frozen` nothing can be drawn, whatever the limit."""

    grade: str | None
    limit: int
    rate_bp: int | None
    frozen: bool


class AccountReason(Struct, frozen=True, kw_only=True):
    """Why: a stable code, the text for the customer in English and Chinese, and the values behind it."""

    code: str
    en: str
    zh: str
    values: dict[str, DecisionValue]


class AccountOutput(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every record about a line carries. `action_id` repeats when the same action is published again: drop repeats
    by it.

    `before`: the terms in force at `announced_at` (event time); `after`: those that the action makes of them. `moves`:
    the parts that it sets, and only these; what was announced of such a part before is replaced. `limit_from` and
    `rate_from`: when limit and rate are in force, which is at once unless notice is given; `effective_from`: the later
    of the two. `batch` is what `riskwatch actions rollback --batch` names. `decided_at` is the worker's clock.
    """

    action_id: str
    tenant: str
    customer_id: str
    product: str
    currency: str
    change: Change
    before: Terms
    after: Terms
    moves: list[Part]
    announced_at: datetime
    limit_from: datetime
    rate_from: datetime
    reasons: list[AccountReason]
    batch: str
    decided_at: datetime
    effective_from: datetime
    shadow: bool = False


class AccountAction(AccountOutput, frozen=True, kw_only=True, tag=True):
    """A policy's action. `points`, `pd`: the behaviour score, None where it played no part; `bounds`: codes of what
    kept a change smaller than the grade asked for."""

    points: float | None
    pd: float | None
    bounds: list[str]
    cause: Cause
    policy: str
    policy_version: str


class Compensation(AccountOutput, frozen=True, kw_only=True, tag=True):
    """Restores the terms that stood before the first of the actions that it undoes. `undoes`: their ids, in order;
    `requested_by`, `requested_because`: who asked for the rollback, and why."""

    undoes: list[str]
    requested_by: str = ""
    requested_because: str = ""


AnyAction = AccountAction | Compensation

_json = msgspec.json.Encoder()
_actions: msgspec.json.Decoder[AnyAction] = msgspec.json.Decoder(AnyAction)


def encode_action(action: AnyAction) -> bytes:
    """JSON. Floats that are not numbers become null."""
    return _json.encode(action)


def decode_action(value: bytes) -> AnyAction:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are no action and no compensation."""
    return _actions.decode(value)


def batch_of(policy: str, version: str) -> str:
    """The batch of all that one version of a policy does: `consumer-credit/0123456789ab`."""
    return f"{policy}/{version}"


def action_identity(
    subject: bytes, product: str, currency: str, event: int, change: Change, *, shadow: bool = False, version: str = ""
) -> str:
    """The id of an action on a line: 32 hexadecimal characters.

    `subject` is the customer key, `event` the event hash (uint64) of the entry that brought it. A repeat after a crash
    and a replay with another partition count give the same id; the shadow's action at the same entry has another, and
    each `version` in shadow its own.
    """
    kind = f"{f'shadow {version}' if shadow else 'live'}:{change}"  # the live action is one, whatever decides it
    return _identity(subject, product, currency, kind, [int(event).to_bytes(8, "little")])


def compensation_identity(subject: bytes, product: str, currency: str, undoes: Sequence[str]) -> str:
    """The id of the compensation that undoes these actions, whenever and however often it is worked out."""
    return _identity(subject, product, currency, "rolled-back", [each.encode() for each in undoes])


def _identity(subject: bytes, product: str, currency: str, kind: str, parts: Sequence[bytes]) -> str:
    told = (subject, product.encode(), currency.encode(), kind.encode(), *parts)
    # Length-prefixed, so that no two different lists of parts share a digest's input.
    data = b"".join(len(part).to_bytes(4, "little") + part for part in told)
    return blake2b(data, digest_size=16, person=b"account-action").hexdigest()

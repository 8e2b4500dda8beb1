"""The records that riskwatch publishes for those who collect: actions, and how each of them ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

from riskwatch.streams.events import ContactOutcome
from riskwatch.streams.outputs import Reason

ActionChannel = Literal["push", "sms", "phone", "field-visit", "legal", "email", "batch", "person", "none"]
"""A contact channel; `batch`: a list for sale or suit takes the loan up; `person`: somebody of the institution looks at
the case, and contacts the customer only as they see fit; `none`: waiting, in the record of a holdout."""

Ending = Literal["done", "expired", "payment", "promise", "dispute", "hardship", "settled", "withdrawn"]
"""`done`: an outcome was reported; `expired`: none was in time; `withdrawn`: the budget, a consent or the strategy does
not allow it any more; the others: what happened meanwhile."""


class Considered(Struct, frozen=True, kw_only=True):
    """A treatment that could have been chosen. `probability`: that something is recovered; `value`: expected recovery,
    `cost`, `net`: minor units; `excluded`: why it was not open to be chosen, null where it was; `next_allowed_at`: when
    the contact budget allows it, null where that does not exclude it, or never does."""

    treatment: str
    probability: float
    value: float
    cost: float
    net: float
    excluded: str | None = None
    next_allowed_at: datetime | None = None


class CollectionAction(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Somebody or something should do this about a loan, from `due_at` on and before `expires_at`, or not at all.

    `action_id` repeats when the same action is published again: drop repeats by it. Report what came of it as
    `ContactMade` with the `action_id`. Smaller `priority` first. `script`: key of what is said or sent; `file` and
    `fields`: for `batch`, the list that takes the loan up and what it must hold of it; `values`: of the fields those
    that are no fields of this record, null where unknown, money in minor units. `considered`: every treatment of the
    stage, and waiting. `holdout`: a record that nothing is done, to measure by; nobody acts on it.
    """

    action_id: str
    tenant: str
    customer_id: str
    loan_id: str
    stage: str
    treatment: str
    channel: ActionChannel
    priority: int
    due_at: datetime
    expires_at: datetime
    script: str
    reasons: list[Reason]
    policy: str
    policy_version: str
    rules: str
    rules_version: str
    decided_at: datetime
    considered: list[Considered] = []
    file: str | None = None
    fields: list[str] = []
    values: dict[str, float | str | bool | None] = {}
    product: str = ""
    currency: str = ""
    holdout: bool = False


class ActionClosed(Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """An action that nobody needs to do any more. There is one for each action at most, and `action_id` names it.
    `reported`: the outcome of the contact, null where none was reported."""

    action_id: str
    tenant: str
    customer_id: str
    loan_id: str
    ending: Ending
    closed_at: datetime
    reported: ContactOutcome | None = None


_json = msgspec.json.Encoder()
_actions = msgspec.json.Decoder(CollectionAction)
_closings = msgspec.json.Decoder(ActionClosed)
_records = msgspec.json.Decoder(CollectionAction | ActionClosed)


def encode_collection(record: CollectionAction | ActionClosed) -> bytes:
    """JSON. Floats that are not numbers become null."""
    return _json.encode(record)


def decode_action(value: bytes) -> CollectionAction:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are not an action."""
    return _actions.decode(value)


def decode_closing(value: bytes) -> ActionClosed:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are not a closing."""
    return _closings.decode(value)


def decode_collection(value: bytes) -> CollectionAction | ActionClosed:
    """A record of the topic. Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are none."""
    record: CollectionAction | ActionClosed = _records.decode(value)
    return record


def action_identity(subject: bytes, loan_id: str, treatment: str, at_ms: int, number: int) -> str:
    """The id of the action that a treatment of a loan is at an instant (ms): 32 hexadecimal characters.

    `subject` is the customer key; `number` counts the loan's actions, from 1. Partitions, offsets and batches play no
    part, so a repeat after a crash and a replay give the same id. The parts are length-prefixed: no two different ones
    share a digest's input.
    """
    parts = (subject, loan_id.encode(), treatment.encode())
    data = b"".join(len(part).to_bytes(4, "little") + part for part in parts)
    data += at_ms.to_bytes(8, "little", signed=True) + number.to_bytes(8, "little")
    return blake2b(data, digest_size=16, person=b"collection").hexdigest()


def work_queue(records: Iterable[CollectionAction | ActionClosed], now: datetime) -> list[CollectionAction]:
    """What there is to do now, the most urgent first: by priority, then by what expires first, then by id.

    Records may come in any order and more than once. Left out: what is closed, not due yet or expired, and holdouts.
    """
    actions: dict[str, CollectionAction] = {}
    closed: set[str] = set()
    for record in records:
        if isinstance(record, ActionClosed):
            closed.add(record.action_id)
        else:
            actions[record.action_id] = record
    open_now = (
        each
        for each in actions.values()
        if each.action_id not in closed and not each.holdout and each.due_at <= now < each.expires_at
    )
    return sorted(open_now, key=lambda each: (each.priority, each.expires_at, each.action_id))


def known_at(
    records: Iterable[CollectionAction | ActionClosed], instant: datetime
) -> list[CollectionAction | ActionClosed]:
    """The records as they were known at an instant: what was decided or closed by then."""
    return [
        each for each in records if (each.closed_at if isinstance(each, ActionClosed) else each.decided_at) <= instant
    ]

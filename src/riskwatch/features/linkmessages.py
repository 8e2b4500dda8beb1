"""What is asked of the link profiles and the rings, and what they answer.

The monitor asks (`Probe`) and tells (`Tainted`). The links agent answers into the customer's journal (`LinkAnswer`)
and, where an identifier joins customers, asks the rings (`RingAsked`), which answer into the journal too
(`RingAnswer`). An answer belongs to its question by `probe_id`.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from riskwatch.features.merchantmessages import (
    MerchantAnswer,
    MerchantAsked,
    MerchantMessage,
    MerchantTold,
    merchant_key,
)
from riskwatch.streams.identity import Identity, IdentityKind, identity_key


class Probe(Struct, frozen=True, kw_only=True, tag="probe"):
    """A customer was seen with an identifier. `identifier`: value of the identity; `event`: hash64 of the event id;
    `at_ms`: event time; `application`: whether the event was an application."""

    probe_id: str
    tenant: str
    kind: IdentityKind
    identifier: str
    customer_key: bytes
    event: int
    at_ms: int
    application: bool = False


class Tainted(Struct, frozen=True, kw_only=True, tag="tainted"):
    """A confirmed fraud names an identifier, or does so no longer (`cleared`). `at_ms`: when it was confirmed."""

    tenant: str
    kind: IdentityKind
    identifier: str
    case_id: str
    customer_key: bytes
    at_ms: int
    cleared: bool = False


LinkMessage = Probe | Tainted | MerchantMessage
"""What travels on the topic `link-probes`."""


class LinkFacts(Struct, frozen=True, kw_only=True):
    """What is known of an identifier with a probe counted.

    `customers`: how many, ever; `exact`: counted one by one, else estimated with a standard error of 3.25 %. `new_…`:
    customers first seen in the window (beyond `EXACT` with a standard error of about √(1.4 · customers · new / 1024)).
    `applications_…`: beyond 256 in the horizon with a standard error of 6.5 %. `frauds_…`: confirmed cases dated in
    the window that were not cleared; `frauds`: of all times, at least (`MAX_CASES`); `fraud_customers`: how many
    customers they name. `late`: the probe is older than the horizon and counts in no window.
    """

    probe_id: str
    kind: IdentityKind
    customers: int
    exact: bool
    new_1d: int
    new_7d: int
    new_30d: int
    applications_1d: int
    applications_7d: int
    applications_30d: int
    frauds_1d: int
    frauds_7d: int
    frauds_30d: int
    frauds: int
    fraud_customers: int
    first_ms: int
    last_ms: int
    late: bool


class LinkAnswer(Struct, frozen=True, kw_only=True):
    """Payload of a `LINK_ANSWERED` entry. `event`: as in the probe; `ring_asked`: an answer of the rings follows."""

    facts: LinkFacts
    event: int
    ring_asked: bool = False


class RingAsked(Struct, frozen=True, kw_only=True):
    """Customers who share an identifier: the one who was seen, and the earliest other where they are the first two.

    `joined`: customer key and event time (ms) of each; the one who asks is the last.
    """

    probe_id: str
    tenant: str
    kind: IdentityKind
    identifier: str
    event: int
    joined: tuple[tuple[bytes, int], ...]


class RingAnswer(Struct, frozen=True, kw_only=True):
    """Payload of a `RING_ANSWERED` entry. `size`: customers joined to this one, this one included."""

    probe_id: str
    event: int
    size: int
    ring_id: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_messages = msgspec.msgpack.Decoder(LinkMessage)
_ring_questions = msgspec.msgpack.Decoder(RingAsked)
_link_answers = msgspec.msgpack.Decoder(LinkAnswer)
_ring_answers = msgspec.msgpack.Decoder(RingAnswer)


def encode_message(message: LinkMessage | LinkAnswer | RingAsked | RingAnswer | MerchantAnswer) -> bytes:
    """msgpack."""
    return _encode(message)


def decode_link_message(data: bytes) -> LinkMessage:
    """Raises `msgspec.MsgspecError` for anything else."""
    message: LinkMessage = _messages.decode(data)
    return message


def decode_ring_asked(data: bytes) -> RingAsked:
    """Raises `msgspec.MsgspecError` for anything else."""
    return _ring_questions.decode(data)


def decode_link_answer(data: bytes) -> LinkAnswer:
    """Raises `msgspec.MsgspecError` for anything else."""
    return _link_answers.decode(data)


def decode_ring_answer(data: bytes) -> RingAnswer:
    """Raises `msgspec.MsgspecError` for anything else."""
    return _ring_answers.decode(data)


def key_of(message: LinkMessage) -> bytes:
    """The key under which a message travels and its profile is kept: 16 bytes."""
    if isinstance(message, MerchantTold | MerchantAsked):
        return merchant_key(message)
    return identity_key(message.tenant, Identity(message.kind, message.identifier))

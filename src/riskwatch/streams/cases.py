"""A confirmed fraud case as the journal broadcasts it, one copy in every partition: what was used, and whose it was.

Personal identifiers are keyed hashes, as in every journaled event. A case is one customer's: where an institution gives
one case id to the frauds of several customers, each customer's part is a case of its own.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct

from riskwatch.streams.events import Sketches
from riskwatch.streams.identity import Identity
from riskwatch.streams.packing import BadEntry, customer_key


class Case(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of a `CASE_CONFIRMED` entry (msgpack).

    `home`: journal partition of the customer; `origin`: offset there of the event that said so, which puts what is said
    of one case in order. `event_id`: that event's. `confirmed_ms`: event time of the confirmation. `subject`: the event
    that was fraudulent, as the institution named it; `application_id`: the customer's application that it is. `loss`:
    minor units of `currency`.
    """

    case_id: str
    tenant: str
    customer_id: str
    home: int
    origin: int
    event_id: str
    confirmed_ms: int
    typology: str
    identities: tuple[Identity, ...] = ()
    sketches: Sketches | None = None
    subject: str | None = None
    application_id: str | None = None
    loss: int | None = None
    currency: str | None = None

    @property
    def key(self) -> bytes:
        """What the case is kept under: see `case_key`."""
        return case_key(self.tenant, self.customer_id, self.case_id)

    @property
    def customer(self) -> bytes:
        """The customer key."""
        return customer_key(self.tenant, self.customer_id)

    @property
    def own(self) -> bool:
        """Whether the customer counts as the fraudster: it is about an application of theirs, or about no event at all.
        Of a fraudulent purchase or login the customer is taken for the victim."""
        return self.application_id is not None or self.subject is None


class CaseCleared(Struct, frozen=True, kw_only=True):
    """The payload of a `CASE_CLEARED` entry (msgpack). `home`, `origin`, `event_id`: as of a `Case`."""

    case_id: str
    tenant: str
    customer_id: str
    home: int
    origin: int
    event_id: str
    cleared_ms: int

    @property
    def key(self) -> bytes:
        """What the case is kept under."""
        return case_key(self.tenant, self.customer_id, self.case_id)


def case_key(tenant: str, customer_id: str, case_id: str) -> bytes:
    """16 bytes that stand for a case of a customer: BLAKE2b-128."""
    text = customer_key(tenant, customer_id) + b"\x1f" + case_id.encode()
    return blake2b(text, digest_size=16, person=b"case").digest()


_encode = msgspec.msgpack.Encoder().encode
_cases = msgspec.msgpack.Decoder(Case)
_cleared = msgspec.msgpack.Decoder(CaseCleared)


def encode_case(case: Case | CaseCleared) -> bytes:
    """msgpack."""
    return _encode(case)


def decode_case(payload: bytes) -> Case:
    """Raises `BadEntry` where the payload is no case."""
    try:
        return _cases.decode(payload)
    except msgspec.MsgspecError as error:
        raise BadEntry(f"the journal record holds no case: {error}") from error


def decode_cleared(payload: bytes) -> CaseCleared:
    """Raises `BadEntry` where the payload clears no case."""
    try:
        return _cleared.decode(payload)
    except msgspec.MsgspecError as error:
        raise BadEntry(f"the journal record clears no case: {error}") from error

"""What links customers: the identifiers that an event names, each as one value by which it is kept and compared.

A personal identifier is a keyed hash by the time it is an identity; during a rotation of keys it is one identity for
each key. Devices, merchants and terminals are opaque texts of the publisher's; an ip's network is an identity too.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Literal, get_args

from msgspec import Struct, structs

from riskwatch.streams.events import FraudConfirmed, Identifiers, LoanApplied
from riskwatch.streams.identifiers import normalise
from riskwatch.streams.pseudonyms import pseudonyms_in

IdentityKind = Literal[
    "device", "phone", "id_number", "bank_card", "email", "address", "name", "ip", "ip-net", "merchant", "terminal"
]
IDENTITY_KINDS: tuple[IdentityKind, ...] = get_args(IdentityKind)
_NETWORK: tuple[IdentityKind, ...] = ("ip", "ip-net")


class Identity(Struct, frozen=True, array_like=True, order=True):
    """One identifier of one kind. `value`: the digest of a pseudonym, or the text of what names no person."""

    kind: IdentityKind
    value: str


def identity_key(tenant: str, identity: Identity) -> bytes:
    """16 bytes that stand for an identity of an institution: BLAKE2b-128."""
    text = f"{tenant}\x1f{identity.kind}\x1f{identity.value}"
    return blake2b(text.encode(), digest_size=16, person=b"identity").digest()


def identities_of(event: LoanApplied | FraudConfirmed) -> tuple[Identity, ...]:
    """What a journaled event names, without repeats, in the order of `IDENTITY_KINDS`."""
    found: list[Identity] = []
    if event.device_id is not None:
        found.append(Identity("device", event.device_id))
    if event.identifiers is not None:
        found += _personal(event.identifiers)
    if event.ip is not None:
        for kind in _NETWORK:
            found.append(Identity(kind, normalise(kind, event.ip).text))
    if event.merchant_id is not None:
        found.append(Identity("merchant", event.merchant_id))
    if isinstance(event, FraudConfirmed) and event.terminal_id is not None:
        found.append(Identity("terminal", event.terminal_id))
    return tuple(sorted(dict.fromkeys(found), key=lambda each: IDENTITY_KINDS.index(each.kind)))


def _personal(identifiers: Identifiers) -> Iterable[Identity]:
    for kind, text in structs.asdict(identifiers).items():
        for digest in () if text is None else pseudonyms_in(text):
            yield Identity(kind, digest)  # type: ignore[arg-type]  # the fields of Identifiers are kinds

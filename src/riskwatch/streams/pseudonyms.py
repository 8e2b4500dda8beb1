"""Personal identifiers become keyed hashes before anything is stored: same person, same hash, and no way back without
the key.

An institution may have several keys for a while. That is a rotation: `pseudonyms_of` says how it goes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from riskwatch.streams.events import Event, Identifiers
from riskwatch.streams.identifiers import NORMALISERS, normalise

__all__ = ["NORMALISERS", "Keys", "Secret", "digest_of", "key_id", "keyed_hash", "pseudonymise", "pseudonyms_of"]

E = TypeVar("E", bound=Event)

_TAGGED = re.compile("k[0-9a-f]{4}:[0-9a-f]{32}")


class Keys(Struct, frozen=True, kw_only=True):
    """The keys of an institution: the one that it writes under, and earlier ones that lookups still try, newest first.

    Raises `ValueError` for a key under 16 bytes, and for two keys of one id. Shown by its key ids, never by its keys.
    """

    current: bytes
    previous: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        ids = [key_id(key) for key in (self.current, *self.previous)]
        if len(set(ids)) < len(ids):
            raise ValueError(
                f"two keys for identifiers have one id ({', '.join(ids)}): leave the repeat out, or make another"
            )

    def __repr__(self) -> str:
        return f"Keys({', '.join(key_id(key) for key in (self.current, *self.previous))})"


Secret: TypeAlias = bytes | Keys
"""What identifiers are hashed with: one key, or the keys of a rotation."""


@lru_cache(maxsize=64)
def _key(secret: bytes) -> bytes:
    """BLAKE2b takes keys of up to 64 bytes; a longer secret is hashed to one."""
    if len(secret) < 16:
        raise ValueError("the secret for identifiers must have at least 16 bytes")
    return secret if len(secret) <= 64 else blake2b(secret).digest()


@lru_cache(maxsize=64)
def key_id(secret: bytes) -> str:
    """`k` and the first 4 hex digits of a hash of the key, which is not the hash that identifiers get. Raises
    `ValueError` for a key under 16 bytes."""
    return f"k{blake2b(_key(secret), digest_size=2, person=b'riskwatch key id').hexdigest()}"


def keyed_hash(secret: Secret, tenant: str, kind: str, text: str, region: str | None = None) -> str:
    """The pseudonym of an identifier: 32 hexadecimal characters, BLAKE2b-128 keyed with the institution's secret.

    `kind` is a field of `Identifiers`, or `device`, `ip`, `ip-net`; it is part of what is hashed, so a phone number
    and an equal id number differ. `region`: where the institution is (`identifiers.normalise`). A text of which
    normalising leaves nothing is hashed as it stands. During a rotation it is the current key's, with that key's id
    in front (`k1a2b:…`). Raises `ValueError` for a secret under 16 bytes and for an unknown region.
    """
    plain = normalise(kind, text, region).text or text
    if isinstance(secret, Keys):
        return _written(secret.current, bool(secret.previous), _message(tenant, kind, plain))
    return _written(secret, False, _message(tenant, kind, plain))


def pseudonyms_of(keys: Keys, tenant: str, kind: str, text: str, region: str | None = None) -> tuple[str, ...]:
    """The pseudonyms of an identifier under every key, the current one first: a lookup of a person tries them all.

    A pseudonym carries its key's id while there is more than one key, and none while there is one. What is stored is
    keyed by `digest_of` the pseudonym, which both forms share; so no form that changes splits what is known.

    How a rotation goes, for a new key B in the place of A:

    1. `Keys(current=B, previous=(A,))` on every worker. Journal entries carry B's pseudonyms from then on.
    2. Link probes and ring edges are written under each of these pseudonyms. The profiles under A stay whole and are
       the ones to read (of several, the one first seen earliest); those under B fill up. Case libraries and lists are
       found by either.
    3. When what is only known under A may be forgotten (the longest window of links is 30 days; cases and lists as
       long as the institution keeps them, or once they were imported again from clear text), `Keys(current=B)`.

    A key that leaked is dropped at once: nothing is found under it, and nothing that it gave away grows.
    """
    message = _message(tenant, kind, normalise(kind, text, region).text or text)
    several = bool(keys.previous)
    return tuple(_written(key, several, message) for key in (keys.current, *keys.previous))


def digest_of(pseudonym: str) -> str:
    """The 32 hex digits of a pseudonym, without a key id. Two keys never give one, so state is keyed by these. A text
    that is no pseudonym (a device id in clear) comes back as it is."""
    return pseudonym[6:] if len(pseudonym) == 38 and _TAGGED.fullmatch(pseudonym) else pseudonym


def pseudonyms_in(text: str) -> tuple[str, ...]:
    """The digests in an identifier as the journal holds it: one, or during a rotation one for each key, with spaces
    between."""
    return tuple(digest_of(each) for each in text.split(" "))


def _message(tenant: str, kind: str, plain: str) -> bytes:
    return f"{tenant}\x1f{kind}\x1f{plain}".encode()


def _written(key: bytes, tagged: bool, message: bytes) -> str:
    digest = blake2b(message, key=_key(key), digest_size=16).hexdigest()
    return f"{key_id(key)}:{digest}" if tagged else digest


def pseudonymise(event: E, secret: Secret, region: str | None = None) -> E:
    """The event with every field of its `identifiers` replaced by its keyed hash; an event without any comes back as
    it is. `region`: where the institution is."""
    identifiers: Identifiers | None = getattr(event, "identifiers", None)
    if identifiers is None:
        return event
    hashed = {
        kind: None if text is None else keyed_hash(secret, event.tenant, kind, text, region)
        for kind, text in msgspec.structs.asdict(identifiers).items()
    }
    return msgspec.structs.replace(event, identifiers=Identifiers(**hashed))

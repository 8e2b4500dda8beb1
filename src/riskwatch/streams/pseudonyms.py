"""Personal identifiers become keyed hashes before anything is stored: same person, same hash, and no way back without
the key.

An institution may have several keys for a while. That is a rotation: docs/identifiers.md says how it goes.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from riskwatch.streams.identifiers import NORMALISERS, normalise
from riskwatch.streams.keys import Keys, Secret, hash_key, key_id

__all__ = [
    "NORMALISERS",
    "Keys",
    "Secret",
    "digest_of",
    "key_id",
    "keyed_hash",
    "pseudonyms_in",
    "pseudonyms_of",
    "stored_pseudonym",
]

_TAGGED = re.compile("k[0-9a-f]{4}:[0-9a-f]{32}")


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

    The journal holds all of them, so link probes and ring edges are written under each. The profiles under an earlier
    key stay whole and are the ones to read (of several, the one first seen earliest); those under the current one fill
    up. Case libraries and lists are found by either. docs/identifiers.md says how a rotation goes, step by step.
    """
    return _under_each(keys, _message(tenant, kind, normalise(kind, text, region).text or text))


def stored_pseudonym(secret: Secret, tenant: str, kind: str, plain: str) -> str:
    """What the journal holds in the place of an identifier whose text is normalised already: its pseudonym; during a
    rotation those under every key, with spaces between. `pseudonyms_in` is the way back."""
    message = _message(tenant, kind, plain)
    return " ".join(_under_each(secret, message)) if isinstance(secret, Keys) else _written(secret, False, message)


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


def _under_each(keys: Keys, message: bytes) -> tuple[str, ...]:
    several = bool(keys.previous)
    return tuple(_written(key, several, message) for key in (keys.current, *keys.previous))


def _written(key: bytes, tagged: bool, message: bytes) -> str:
    digest = blake2b(message, key=hash_key(key), digest_size=16).hexdigest()
    return f"{key_id(key)}:{digest}" if tagged else digest

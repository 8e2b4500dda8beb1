"""Personal identifiers become keyed hashes before anything is stored: same person, same hash, and no way back without
the key."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import TypeVar
from unicodedata import normalize

import msgspec

from riskwatch.streams.events import Event, Identifiers

E = TypeVar("E", bound=Event)


def _collapsed(text: str) -> str:
    """NFKC, case-folded, runs of white space as one space: how names and addresses are compared."""
    return " ".join(normalize("NFKC", text).casefold().split())


def _alphanumeric(text: str) -> str:
    """Letters and digits only, case-folded: `4111-1111 1111 1111` and `4111111111111111` are one card.

    Letters stay, because identity numbers have check letters (the X of Chinese ones).
    """
    return "".join(char for char in normalize("NFKC", text).casefold() if char.isalnum())


def _phone(text: str) -> str:
    """Digits, with a leading `00` read as the `+` of an international number, so that both spellings are one."""
    plain = normalize("NFKC", text).strip()
    digits = "".join(char for char in plain if char.isdecimal())
    return digits[2:] if digits.startswith("00") and not plain.startswith("+") else digits


NORMALISERS: dict[str, Callable[[str], str]] = {
    "id_number": _alphanumeric,
    "phone": _phone,
    "bank_card": _alphanumeric,
    "email": _collapsed,
    "name": _collapsed,
    "address": _collapsed,
}
"""Kind of identifier → how spellings of one identifier are made one before hashing."""


@lru_cache(maxsize=16)
def _key(secret: bytes) -> bytes:
    """BLAKE2b takes keys of up to 64 bytes; a longer secret is hashed to one."""
    if len(secret) < 16:
        raise ValueError("the secret for identifiers must have at least 16 bytes")
    return secret if len(secret) <= 64 else blake2b(secret).digest()


def keyed_hash(secret: bytes, tenant: str, kind: str, text: str) -> str:
    """The pseudonym of an identifier: 32 hexadecimal characters, BLAKE2b-128 keyed with the institution's secret.

    `kind` is a field of `Identifiers`; it is part of what is hashed, so a phone number and an equal id number differ. A
    text of which normalising leaves nothing is hashed as it stands. Raises `ValueError` for a secret under 16 bytes.
    """
    normaliser = NORMALISERS.get(kind)
    plain = text if normaliser is None else (normaliser(text) or text)
    return blake2b(f"{tenant}\x1f{kind}\x1f{plain}".encode(), key=_key(secret), digest_size=16).hexdigest()


def pseudonymise(event: E, secret: bytes) -> E:
    """The event with every field of its `identifiers` replaced by its keyed hash; an event without any comes back as
    it is."""
    identifiers: Identifiers | None = getattr(event, "identifiers", None)
    if identifiers is None:
        return event
    hashed = {
        kind: None if text is None else keyed_hash(secret, event.tenant, kind, text)
        for kind, text in msgspec.structs.asdict(identifiers).items()
    }
    return msgspec.structs.replace(event, identifiers=Identifiers(**hashed))

"""The keys of an institution, under which whatever names a person is hashed before anything is stored.

An institution may have several for a while. That is a rotation: docs/identifiers.md says how it goes.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias

from msgspec import Struct

MOST_PREVIOUS = 2
"""Earlier keys beside the current one: the pseudonyms of three have room in an identifier of 128 characters."""


class Keys(Struct, frozen=True, kw_only=True):
    """The keys of an institution: the one that it writes under, and earlier ones that lookups still try, newest first.

    Raises `ValueError` for a key under 16 bytes, for two keys of one id, and for more than `MOST_PREVIOUS` earlier
    ones. Shown by its key ids, never by its keys.
    """

    current: bytes
    previous: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.previous) > MOST_PREVIOUS:
            raise ValueError(f"there may be {MOST_PREVIOUS} earlier keys, not {len(self.previous)}: end a rotation")
        ids = [key_id(key) for key in (self.current, *self.previous)]
        if len(set(ids)) < len(ids):
            raise ValueError(
                f"two keys for identifiers have one id ({', '.join(ids)}): leave the repeat out, or make another"
            )

    def __repr__(self) -> str:
        return f"Keys({', '.join(key_id(key) for key in (self.current, *self.previous))})"


Secret: TypeAlias = bytes | Keys
"""What identifiers are hashed with: one key, or the keys of a rotation."""


def current_key(secret: Secret) -> bytes:
    """The key that is written under."""
    return secret.current if isinstance(secret, Keys) else secret


@lru_cache(maxsize=64)
def hash_key(key: bytes) -> bytes:
    """The key as BLAKE2b takes it, up to 64 bytes; a longer one is hashed to one. Raises `ValueError` for a key under
    16 bytes."""
    if len(key) < 16:
        raise ValueError("the secret for identifiers must have at least 16 bytes")
    return key if len(key) <= 64 else blake2b(key).digest()


@lru_cache(maxsize=64)
def key_id(key: bytes) -> str:
    """`k` and the first 4 hex digits of a hash of the key, which is not the hash that identifiers get. Raises
    `ValueError` for a key under 16 bytes."""
    return f"k{blake2b(hash_key(key), digest_size=2, person=b'riskwatch key id').hexdigest()}"

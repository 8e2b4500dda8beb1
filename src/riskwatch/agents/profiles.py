"""One batch of messages to profiles that are kept by key: each message changes its profile once, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from riskwatch.agents.partition import pack_reserved, unpack_reserved
from riskwatch.agents.store import Row

GetMany = Callable[[Sequence[bytes]], Sequence[bytes | None]]
_Message = TypeVar("_Message")
_Profile = TypeVar("_Profile")


def tell_profiles(
    get_many: GetMany,
    messages: Sequence[tuple[bytes, _Message, int]],
    decode: Callable[[bytes], _Profile],
    encode: Callable[[_Profile], bytes],
    tell: Callable[[_Profile, _Message], None],
) -> tuple[list[Row], int]:
    """The rows to be written, and how many messages were passed over: a message that a stored row has counted is not
    told again, for what came of it was out before the row was.

    `get_many`: stored rows by key; `messages`: key, message and offset, which rises; `decode` makes an empty profile of
    no bytes; `tell` changes a profile in place.
    """
    keys = list(dict.fromkeys(key for key, _, _ in messages))
    profiles: dict[bytes, _Profile] = {}
    applied: dict[bytes, int] = {}
    touched: dict[bytes, int] = {}
    repeated = 0
    for key, row in zip(keys, get_many(keys), strict=True):
        applied[key] = 0 if row is None else int.from_bytes(row[:8], "big")
        profiles[key] = decode(b"" if row is None else unpack_reserved(row))
    for key, message, offset in messages:
        if offset < applied[key]:
            repeated += 1
            continue
        touched[key] = offset + 1
        tell(profiles[key], message)
    return [(key, pack_reserved(end, encode(profiles[key]))) for key, end in touched.items()], repeated

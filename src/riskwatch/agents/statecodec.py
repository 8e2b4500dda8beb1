"""The value of a state row: watermark and next look in front, so that recovery and the timer index read no further.

`[watermark u64 BE][next look i64 BE, ms, 0 = none][layout u32 LE][length of profile u32 LE][profile][account msgpack]`.
Keys that begin with a NUL byte belong to the partition, not to a customer; their values begin with a watermark too.
"""

from __future__ import annotations

from struct import Struct

HEAD = Struct(">Qq")
BODY = Struct("<II")
SIZE = HEAD.size + BODY.size
PARTITION_KEY = b"\x00partition"
RESERVED = b"\x00"

_pack_head, _pack_body = HEAD.pack, BODY.pack


class LayoutMismatch(RuntimeError):
    """Stored rows were made under another feature table."""


def pack_state(watermark: int, next_look: int, layout: int, profile: bytes, account: bytes) -> bytes:
    """One customer's state. `watermark`: journal offset + 1 of the last entry applied; `next_look`: ms since 1970, 0 =
    none.
    """
    return _pack_head(watermark, next_look) + _pack_body(layout, len(profile)) + profile + account


def split_state(value: bytes, layout: int) -> tuple[int, int, bytes, bytes]:
    """→ (watermark, next look, profile, account). Raises `LayoutMismatch`: the way out is in docs/operations.md."""
    watermark, next_look = HEAD.unpack_from(value)
    stored, length = BODY.unpack_from(value, HEAD.size)
    if stored != layout:
        raise LayoutMismatch(
            f"a stored row was made under feature layout {stored:08x}, this worker runs {layout:08x}: run the earlier "
            "release, or start a new group with its own prefix and replay the inputs (docs/operations.md)"
        )
    end = SIZE + length
    return watermark, next_look, value[SIZE:end], value[end:]


def next_look_of(value: bytes) -> int:
    """Milliseconds since 1970 at which the row wants a look, 0 for never."""
    next_look: int = HEAD.unpack_from(value)[1]
    return next_look


def newer(candidate: bytes, stored: bytes | None) -> bool:
    """Whether `candidate` wins over `stored`: the higher watermark, and the later write when they are equal."""
    return stored is None or candidate[:8] >= stored[:8]

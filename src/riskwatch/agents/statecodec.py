"""The value of a state row: watermark and next look in front, so that recovery and the timer index read no further.

`[watermark u64 BE][next look i64 BE, ms, 0 = none][layout u32][length of profile u32][profile][account msgpack]`.
Keys that begin with a NUL byte belong to the partition, not to a customer; their values begin with a watermark too.
"""

from __future__ import annotations

from struct import Struct

HEAD = Struct(">QqII")
SIZE = HEAD.size
NEXT_LOOK = Struct(">q")
PARTITION_KEY = b"\x00partition"
RESERVED = b"\x00"

_pack, _unpack = HEAD.pack, HEAD.unpack_from


class LayoutMismatch(RuntimeError):
    """Stored rows were made under another feature table."""


def pack_state(watermark: int, next_look: int, layout: int, profile: bytes, account: bytes) -> bytes:
    """One customer's state. `watermark`: journal offset + 1 of the last entry applied; `next_look`: ms since 1970, 0 =
    none.
    """
    return b"".join((_pack(watermark, next_look, layout, len(profile)), profile, account))


def split_state(value: bytes, layout: int) -> tuple[int, int, bytes, bytes]:
    """→ (watermark, next look, profile, account). Raises `LayoutMismatch`: the way out is in docs/operations.md."""
    watermark, next_look, stored, length = _unpack(value)
    if stored != layout:
        raise LayoutMismatch(
            f"a stored row was made under feature layout {stored:08x}, this worker runs {layout:08x}: run the earlier "
            "release, or start a new group with its own prefix and replay the inputs (docs/operations.md)"
        )
    end = SIZE + length
    return watermark, next_look, value[SIZE:end], value[end:]


def next_look_of(value: bytes) -> int:
    """Milliseconds since 1970 at which the row wants a look, 0 for never."""
    next_look: int = NEXT_LOOK.unpack_from(value, 8)[0]
    return next_look


def newer(candidate: bytes, stored: bytes | None) -> bool:
    """Whether `candidate` wins over `stored`: the higher watermark, and the later write when they are equal."""
    return stored is None or candidate[:8] >= stored[:8]

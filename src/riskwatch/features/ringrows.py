"""Rings as rows of a table: one for each identifier that joins customers, one for each ring.

Rows that changed together belong together: a reader that has some of them only has no state. Whoever writes them sees
to it that all of `take_changes` become durable at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from riskwatch.features.ringstate import MAX_MEMBERS, Link, Ring, Rings

RINGS_VERSION = 1
LINK, RING = b"link/", b"ring/"

Row = tuple[bytes, bytes | None]


class RingsFault(ValueError):
    """Stored bytes that are no rings of this version."""


class _Stored(Struct, array_like=True, frozen=True, kw_only=True):
    version: int
    link: Link | None = None
    ring: _StoredRing | None = None


class _StoredRing(Struct, array_like=True, frozen=True, kw_only=True):
    made_ms: int
    members: list[bytes]
    frozen: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


def rows_of(rings: Rings) -> dict[bytes, bytes]:
    """Every row; equal states give equal rows."""
    links = {LINK + key.encode(): _pack_link(rings.links[key]) for key in sorted(rings.links)}
    return links | {RING + key.encode(): _pack_ring(rings.rings[key]) for key in sorted(rings.rings)}


def take_changes(rings: Rings) -> list[Row]:
    """The rows that differ from those last taken, None where one is gone."""
    rows: list[Row] = []
    for key in sorted(rings.changed_links):
        link = rings.links.get(key)
        rows.append((LINK + key.encode(), None if link is None else _pack_link(link)))
    for ring_id in sorted(rings.changed_rings):
        ring = rings.rings.get(ring_id)
        rows.append((RING + ring_id.encode(), None if ring is None else _pack_ring(ring)))
    rings.changed_links.clear()
    rings.changed_rings.clear()
    return rows


def read_rings(
    rows: Iterable[tuple[bytes, bytes]], public_above: dict[str, int] | None = None, max_members: int = MAX_MEMBERS
) -> Rings:
    """The state that all of its rows hold. Limits are no state. Raises `RingsFault` for rows of another kind or
    version."""
    rings = Rings(public_above, max_members)
    for key, value in rows:
        stored = _read(value)
        if stored.link is not None and key.startswith(LINK):
            name = key[len(LINK) :].decode()
            rings.links[name] = stored.link
            for customer in stored.link.customers:
                rings.identifiers.setdefault(customer, set()).add(name)
        elif stored.ring is not None and key.startswith(RING):
            held = stored.ring
            ring_id = key[len(RING) :].decode()
            rings.keep(Ring(ring_id=ring_id, made_ms=held.made_ms, members=set(held.members), frozen=held.frozen))
        else:
            raise RingsFault(f"row {key[:40]!r} is none of the rings")
    rings.changed_rings.clear()
    return rings


def _read(value: bytes) -> _Stored:
    try:
        stored = _decode(value)
    except msgspec.DecodeError as error:
        raise RingsFault(f"no rings of version {RINGS_VERSION}: {error}") from None
    if stored.version != RINGS_VERSION:
        raise RingsFault(f"rings of version {stored.version}; this release reads {RINGS_VERSION}")
    return stored


def _pack_link(link: Link) -> bytes:
    ordered = Link(customers=dict(sorted(link.customers.items())), at_ms=link.at_ms, public=link.public)
    return _encode(_Stored(version=RINGS_VERSION, link=ordered))


def _pack_ring(ring: Ring) -> bytes:
    held = _StoredRing(made_ms=ring.made_ms, members=sorted(ring.members), frozen=ring.frozen)
    return _encode(_Stored(version=RINGS_VERSION, ring=held))

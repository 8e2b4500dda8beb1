"""The state of the rings, and the records that they report: what `rings` works on and `ringrows` stores."""

from __future__ import annotations

from msgspec import Struct

STEPS = (2, 3, 5, 10, 20)
"""Customers at which a ring is reported, once each."""
MAX_MEMBERS = 50
MAX_IDENTIFIERS = 64
"""Joining identifiers held of a customer; with a further one the edge that rested longest goes."""
MEMBERS_NAMED, SHARED_NAMED = 20, 10
PUBLIC_ABOVE = {
    "ip": 4,
    "ip-net": 0,
    "device": 10,
    "phone": 10,
    "id_number": 10,
    "bank_card": 10,
    "email": 10,
    "address": 15,
    "name": 0,
}
"""Kind of identifier → most customers that it joins; 0: it never joins. Networks and names are shared by strangers; an
address may be a block of flats, and an id number on many customers is a placeholder. An ip joins a household and no
office: alone it makes no ring of five."""


class Link(Struct, array_like=True, kw_only=True):
    """An identifier: its customers, each with the newest time of the edge (ms); none are held once it is public.
    `at_ms`: newest time of all."""

    customers: dict[bytes, int] = {}
    at_ms: int = 0
    public: bool = False


class Ring(Struct, kw_only=True):
    """Customers that are joined. `made_ms`: time of the edge that made it; `frozen`: too large to be a ring. Every
    step that it fills has been reported."""

    ring_id: str
    made_ms: int
    members: set[bytes]
    frozen: bool = False


class Shared(Struct, frozen=True, kw_only=True):
    """An identifier that joins members of a ring. `identifier`: digest of its pseudonym."""

    kind: str
    identifier: str
    customers: int


class RingGrown(Struct, frozen=True, kw_only=True):
    """A ring reached a step, or became too large (`too_large`; `step` is then the most members there may be).

    `kind`, `identifier`, `customer`, `at_ms`: the edge that did it. `members`: the first 20 by key, of `size`;
    `shared`: the 10 identifiers of most customers, of `shared_count`. `merged`: ids of rings that went into it.
    """

    ring_id: str
    step: int
    size: int
    too_large: bool
    kind: str
    identifier: str
    customer: bytes
    at_ms: int
    members: tuple[bytes, ...]
    shared: tuple[Shared, ...]
    shared_count: int
    merged: tuple[str, ...]


class Rings:
    """The state: identifiers (`kind:digest`), and rings by id. `identifiers` and `ring_of` are worked out from them.

    `changed_links` and `changed_rings`: what differs from what was last stored (`ringrows.take_changes`).
    """

    def __init__(self, public_above: dict[str, int] | None = None, max_members: int = MAX_MEMBERS) -> None:
        self.public_above = dict(PUBLIC_ABOVE if public_above is None else public_above)
        self.max_members = max_members
        self.links: dict[str, Link] = {}
        self.rings: dict[str, Ring] = {}
        self.identifiers: dict[bytes, set[str]] = {}
        self.ring_of: dict[bytes, str] = {}
        self.changed_links: set[str] = set()
        self.changed_rings: set[str] = set()

    def keep(self, ring: Ring) -> None:
        """Takes a ring in, or in its new form."""
        self.rings[ring.ring_id] = ring
        self.changed_rings.add(ring.ring_id)
        for member in ring.members:
            self.ring_of[member] = ring.ring_id

    def drop(self, ring_id: str) -> None:
        """Takes a ring out; its members keep pointing at it until they are kept in another, or let go."""
        del self.rings[ring_id]
        self.changed_rings.add(ring_id)

"""Rings: customers joined by identifiers that they share, found edge by edge, and reported as they grow.

Two customers are joined where they share an identifier that is no public place: one with at most `public_above`
customers of its kind. A ring is a connected component of at least two customers. Above `max_members` it is reported
as too large to be one and is frozen: it takes nobody in, and its members join nobody.

An identifier that grows past `public_above` is public for good and joins nobody any more, those it had joined among
them: their rings are worked out again from the other identifiers. Members stay together only where these join them.
The largest part keeps the ring's id; the steps that a part fills count as reported, those beyond are reported when it
grows again. A part of a frozen ring that is small enough is a ring again, and is joined with what
it meanwhile shares with others.

The same edges in the same order give the same reports; an edge said again changes nothing but its time. Only shared
identifiers need be fed: the first customer of one may be added when the second comes (`links` knows both). Keep one
state for a tenant.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from msgspec import Struct

from riskwatch.features.ringstate import (
    MAX_IDENTIFIERS,
    MEMBERS_NAMED,
    SHARED_NAMED,
    STEPS,
    Link,
    Ring,
    RingGrown,
    Rings,
    Shared,
)
from riskwatch.streams.pseudonyms import digest_of


class _Edge(Struct, frozen=True):
    """What is being joined, for the reports."""

    key: str
    customer: bytes
    at_ms: int


def join(rings: Rings, kind: str, identifier: str, customer: bytes, at_ms: int) -> list[RingGrown]:
    """Add an edge, in place: a customer was seen with an identifier. Returns what grew by it, smaller steps first.

    `identifier`: a pseudonym, with or without a key id; `customer`: the customer's key. Raises `ValueError` for a kind
    that `public_above` does not name.
    """
    most = rings.public_above.get(kind)
    if most is None:
        raise ValueError(
            f"kind {kind!r} of identifier has no limit: name it in public_above ({', '.join(rings.public_above)})"
        )
    if most == 0:
        return []
    key = f"{kind}:{digest_of(identifier)}"
    rings.changed_links.add(key)
    edge = _Edge(key, customer, at_ms)
    link = rings.links.setdefault(key, Link(at_ms=at_ms))
    link.at_ms = max(link.at_ms, at_ms)
    if link.public:
        return []
    known = link.customers.get(customer)
    if known is not None:
        link.customers[customer] = max(known, at_ms)
        return []
    if len(link.customers) >= most:
        link.public = True
        return _cut(rings, [(each, key) for each in link.customers], at_ms)
    grown: list[RingGrown] = []
    held = rings.identifiers.setdefault(customer, set())
    if len(held) == MAX_IDENTIFIERS:
        oldest = min(held, key=lambda each: (rings.links[each].customers[customer], each))
        grown += _cut(rings, [(customer, oldest)], at_ms)
        held = rings.identifiers.setdefault(customer, set())
    link.customers[customer] = at_ms
    held.add(key)
    return grown + _unite(rings, link.customers, edge)


def ring_with(rings: Rings, customer: bytes) -> Ring | None:
    """The ring that a customer is in, None where nobody is joined to them."""
    ring_id = rings.ring_of.get(customer)
    return None if ring_id is None else rings.rings[ring_id]


def ring_size(rings: Rings, customer: bytes) -> int:
    """Customers joined to this one, this one included: 1 where there is nobody else. A frozen ring counts as large as
    it was."""
    ring = ring_with(rings, customer)
    return 1 if ring is None else len(ring.members)


def forget(rings: Rings, before_ms: int) -> list[RingGrown]:
    """Drop edges and public places last seen before an instant; rings that lose by it are worked out again.

    Returns what grew: parts of a frozen ring may join others.
    """
    old = [
        (customer, key)
        for key, link in sorted(rings.links.items())
        for customer, seen_ms in sorted(link.customers.items())
        if seen_ms < before_ms
    ]
    for key in [key for key, link in rings.links.items() if link.public and link.at_ms < before_ms]:
        del rings.links[key]
        rings.changed_links.add(key)
    return _cut(rings, old, before_ms)


def _cut(rings: Rings, edges: Iterable[tuple[bytes, str]], at_ms: int) -> list[RingGrown]:
    """Take edges out, and work out their rings again. Members who are no longer frozen are joined to others."""
    touched = set()
    for customer, key in edges:
        link = rings.links[key]
        rings.changed_links.add(key)
        if len(link.customers) > 1 and customer in rings.ring_of:
            touched.add(rings.ring_of[customer])
        del link.customers[customer]
        if not link.customers and not link.public:
            del rings.links[key]
        rings.identifiers[customer].discard(key)
        if not rings.identifiers[customer]:
            del rings.identifiers[customer]
    thawed = [customer for ring_id in sorted(touched) for customer in _part(rings, rings.rings[ring_id])]
    grown = []
    for customer in sorted(thawed):
        for key in sorted(rings.identifiers.get(customer, ())):
            grown += _unite(rings, rings.links[key].customers, _Edge(key, customer, at_ms))
    return grown


def _part(rings: Rings, ring: Ring) -> list[bytes]:
    """Part a ring where nothing joins it any more. Returns the members that are no longer frozen."""
    parts = sorted(_components(rings, ring.members), key=lambda part: (-len(part), min(part)))
    if len(parts) == 1 and len(parts[0]) > 1:
        return []
    rings.drop(ring.ring_id)
    thawed: list[bytes] = []
    for number, part in enumerate(parts):
        frozen = ring.frozen and len(part) > rings.max_members
        if ring.frozen and not frozen:
            thawed += part
        if len(part) == 1:
            del rings.ring_of[min(part)]
            continue
        ring_id = _fresh_id(rings, ring.ring_id, min(part)) if number else ring.ring_id
        rings.keep(Ring(ring_id=ring_id, made_ms=ring.made_ms, members=part, frozen=frozen))
    return thawed


def _components(rings: Rings, members: set[bytes]) -> list[set[bytes]]:
    """The connected components among some customers."""
    rest, found = set(members), []
    while rest:
        start = rest.pop()
        part, ahead = {start}, [start]
        while ahead:
            for key in rings.identifiers.get(ahead.pop(), ()):
                near = rest.intersection(rings.links[key].customers)
                rest -= near
                part |= near
                ahead += near
        found.append(part)
    return found


def _unite(rings: Rings, customers: Iterable[bytes], edge: _Edge) -> list[RingGrown]:
    """Join the customers of an identifier, except those of frozen rings."""
    members: set[bytes] = set()
    merged: dict[str, Ring] = {}
    for customer in customers:
        ring = ring_with(rings, customer)
        if ring is None:
            members.add(customer)
        elif not ring.frozen:
            merged[ring.ring_id] = ring
    if len(members) + len(merged) < 2:
        return []
    if merged:
        eldest = min(merged.values(), key=lambda each: (each.made_ms, each.ring_id))
        ring_id, made_ms = eldest.ring_id, eldest.made_ms
    else:
        ring_id, made_ms = _fresh_id(rings, edge.key, edge.customer, edge.at_ms), edge.at_ms
    largest = max((len(each.members) for each in merged.values()), default=1)
    for each in merged.values():
        members |= each.members
        rings.drop(each.ring_id)
    ring = Ring(ring_id=ring_id, made_ms=made_ms, members=members, frozen=len(members) > rings.max_members)
    rings.keep(ring)
    others = tuple(sorted(set(merged) - {ring_id}))
    reached = [step for step in STEPS if largest < step <= len(members)]
    if ring.frozen:
        reached = [rings.max_members]
    shared = _shared(rings, ring) if reached else []
    return [_grown(ring, step, edge, shared, others) for step in reached]


def _fresh_id(rings: Rings, *made_of: object) -> str:
    """16 hex digits from what made the ring; from itself again where a ring still has them."""
    text = "\x1f".join(each.hex() if isinstance(each, bytes) else str(each) for each in made_of)
    while (found := blake2b(text.encode(), digest_size=8).hexdigest()) in rings.rings:
        text = found
    return found


def _shared(rings: Rings, ring: Ring) -> list[Shared]:
    """The identifiers that two or more members share, those of most first."""
    found = []
    for key in {key for member in ring.members for key in rings.identifiers.get(member, ())}:
        count = len(ring.members.intersection(rings.links[key].customers))
        if count > 1:
            kind, _, identifier = key.partition(":")
            found.append(Shared(kind=kind, identifier=identifier, customers=count))
    return sorted(found, key=lambda each: (-each.customers, each.kind, each.identifier))


def _grown(ring: Ring, step: int, edge: _Edge, shared: list[Shared], merged: tuple[str, ...]) -> RingGrown:
    kind, _, identifier = edge.key.partition(":")
    return RingGrown(
        ring_id=ring.ring_id,
        step=step,
        size=len(ring.members),
        too_large=ring.frozen,
        kind=kind,
        identifier=identifier,
        customer=edge.customer,
        at_ms=edge.at_ms,
        members=tuple(sorted(ring.members)[:MEMBERS_NAMED]),
        shared=tuple(shared[:SHARED_NAMED]),
        shared_count=len(shared),
        merged=merged[:MEMBERS_NAMED],
    )

"""What is known of one identifier (a device, a phone, an address): who uses it, since when, and what came of it.

A profile is a pure state of bounded size, one for an identifier: `evolve_link` counts a probe and says what is known
with it, `taint` and `clear` follow fraud cases. Time is an argument, days are UTC.

What holds whatever the order: a profile depends on the set of its probes, not on their order, number or batches, as
long as they lie within `HORIZON` days of each other. A probe that is older than that when it arrives is `late`: its
customer counts, with its first and last time, but its application is in no window; so there the order matters. A
probe's windows end on its own day: what is known already of later days is not in them. Windows of a probe that is
behind the newest reach back to the horizon of the newest, where customers are estimated or applications counted.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from xxhash import xxh3_64_intdigest

from riskwatch.features.linkmessages import LinkFacts, Probe
from riskwatch.features.linkwindows import DAY_MS, HORIZON, Daily, Growth, GrowthData, pack_growth, unpack_growth
from riskwatch.streams.pseudonyms import digest_of

LINK_VERSION = 1
EXACT = 64
"""Customers that are known by name. Of more, those of least hash: a fair sample, the same whatever the order."""
MAX_CASES = 128
"""Confirmed cases that are held; beyond it the oldest go."""
LINK_WINDOWS = (1, 7, HORIZON)
"""Days."""
MAX_LINK_BYTES = 90_000
"""No profile is longer, encoded, whatever comes: 64 customer keys of at most 576 bytes are 38 kB of it, registers of
31 days 41 kB. An office's address with 10,000 customers and keys of 12 bytes takes about 13 kB."""


class LinkFault(ValueError):
    """Stored bytes that are no link profile of this version, or a probe of another identifier."""


class Seen(Struct, array_like=True, kw_only=True, gc=False):
    """A customer of an identifier: first and last event time."""

    first_ms: int
    last_ms: int


class Case(Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """A confirmed fraud that names the identifier. `customer`: hash of the customer's key."""

    at_ms: int
    customer: int


class LinkProfile:
    """What is kept of one identifier. `kind` is empty before the first probe; `newest_ms` and `first_ms` are None."""

    __slots__ = (
        "applications",
        "cases",
        "customers",
        "first_ms",
        "growth",
        "identifier",
        "kind",
        "newest_ms",
        "tenant",
    )

    def __init__(self) -> None:
        self.tenant = ""
        self.kind = ""
        self.identifier = ""
        self.first_ms: int | None = None
        self.newest_ms: int | None = None
        self.customers: dict[bytes, Seen] = {}
        self.growth: Growth | None = None
        self.applications = Daily()
        self.cases: dict[int, Case] = {}


def evolve_link(profile: LinkProfile, probe: Probe) -> LinkFacts:
    """Count a probe, in place, and say what is known of the identifier with it.

    A repeat, the same customer, event and instant, changes nothing. Raises `LinkFault` for a probe of another
    identifier.
    """
    _name(profile, probe)
    at_ms, day = probe.at_ms, probe.at_ms // DAY_MS
    profile.first_ms = at_ms if profile.first_ms is None else min(profile.first_ms, at_ms)
    profile.newest_ms = at_ms if profile.newest_ms is None else max(profile.newest_ms, at_ms)
    newest = profile.newest_ms // DAY_MS
    if day == newest:
        profile.applications.advance(newest)
        if profile.growth is not None:
            profile.growth.advance(newest)
    _see(profile, probe.customer_key, at_ms, newest)
    late = day < newest - HORIZON
    if probe.application and not late:
        profile.applications.add(_hash(probe.event.to_bytes(8, "little") + probe.customer_key), day)
    return _facts(profile, probe, late)


def taint(profile: LinkProfile, case_id: str, customer_key: bytes, at_ms: int) -> None:
    """A fraud was confirmed that names this identifier. `at_ms`: when it happened. Said twice it counts once; of two
    times the earlier stands."""
    name, case = _hash(case_id.encode()), Case(at_ms=at_ms, customer=_hash(customer_key))
    known = profile.cases.get(name)
    if known is None or (case.at_ms, case.customer) < (known.at_ms, known.customer):
        profile.cases[name] = case
    if len(profile.cases) > MAX_CASES:
        del profile.cases[min(profile.cases, key=lambda each: (profile.cases[each].at_ms, each))]


def clear(profile: LinkProfile, case_id: str) -> None:
    """The case was withdrawn. Nothing happens where it is not held."""
    profile.cases.pop(_hash(case_id.encode()), None)


def _name(profile: LinkProfile, probe: Probe) -> None:
    named = (probe.tenant, probe.kind, digest_of(probe.identifier))
    if not profile.kind:
        profile.tenant, profile.kind, profile.identifier = named
    elif named != (profile.tenant, profile.kind, profile.identifier):
        raise LinkFault(
            f"probe {probe.probe_id} is of {'/'.join(named)}, the profile of "
            f"{profile.tenant}/{profile.kind}/{profile.identifier}: keep one profile for each identifier"
        )


def _hash(data: bytes) -> int:
    return xxh3_64_intdigest(data)


def _see(profile: LinkProfile, key: bytes, at_ms: int, newest: int) -> None:
    if profile.growth is not None:
        profile.growth.add(_hash(key), at_ms // DAY_MS, newest)
    seen = profile.customers.get(key)
    if seen is not None:
        seen.first_ms, seen.last_ms = min(seen.first_ms, at_ms), max(seen.last_ms, at_ms)
        return
    profile.customers[key] = Seen(first_ms=at_ms, last_ms=at_ms)
    if len(profile.customers) <= EXACT:
        return
    if profile.growth is None:
        profile.growth = Growth()
        for each, its in profile.customers.items():
            profile.growth.add(_hash(each), its.first_ms // DAY_MS, newest)
    # Whoever is left out has a hash above all 64 that stay and never comes back: their times miss nothing.
    del profile.customers[max(profile.customers, key=lambda each: (_hash(each), each))]


def _facts(profile: LinkProfile, probe: Probe, late: bool) -> LinkFacts:
    day = probe.at_ms // DAY_MS
    assert profile.first_ms is not None and profile.newest_ms is not None, "a probe was counted"  # noqa: PT018
    customers, new = _customers(profile, day, profile.newest_ms // DAY_MS)
    applications = [profile.applications.within(day - window, day) for window in LINK_WINDOWS]
    dated = [case.at_ms // DAY_MS for case in profile.cases.values()]
    frauds = [sum(day - window <= each <= day for each in dated) for window in LINK_WINDOWS]
    return LinkFacts(
        probe_id=probe.probe_id,
        kind=probe.kind,
        customers=customers,
        exact=profile.growth is None,
        new_1d=new[0],
        new_7d=new[1],
        new_30d=new[2],
        applications_1d=applications[0],
        applications_7d=applications[1],
        applications_30d=applications[2],
        frauds_1d=frauds[0],
        frauds_7d=frauds[1],
        frauds_30d=frauds[2],
        frauds=len(profile.cases),
        fraud_customers=len({case.customer for case in profile.cases.values()}),
        first_ms=profile.first_ms,
        last_ms=profile.newest_ms,
        late=late,
    )


def _customers(profile: LinkProfile, day: int, newest: int) -> tuple[int, list[int]]:
    """Customers ever, and those first seen in each window that ends on a day."""
    growth = profile.growth
    if growth is None:
        first = [seen.first_ms // DAY_MS for seen in profile.customers.values()]
        return len(first), [sum(day - window <= each <= day for each in first) for window in LINK_WINDOWS]
    before = [day - window - 1 for window in reversed(LINK_WINDOWS)]
    *known_before, to_day, known = growth.up_to(*before, day, newest)
    return max(EXACT + 1, round(known)), [round(to_day - each) for each in reversed(known_before)]


# ------------------------------------------------------------------------------------------------------------- storing


class _Stored(Struct, array_like=True, frozen=True, kw_only=True):
    version: int
    tenant: str
    kind: str
    identifier: str
    first_ms: int | None
    newest_ms: int | None
    customers: dict[bytes, Seen]
    growth: GrowthData | None
    applications: Daily
    cases: dict[int, Case]


class _Version(Struct, array_like=True, frozen=True):
    version: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
_version = msgspec.msgpack.Decoder(_Version).decode


def encode_link(profile: LinkProfile) -> bytes:
    """msgpack, at most `MAX_LINK_BYTES`; equal profiles give equal bytes."""
    return _encode(
        _Stored(
            version=LINK_VERSION,
            tenant=profile.tenant,
            kind=profile.kind,
            identifier=profile.identifier,
            first_ms=profile.first_ms,
            newest_ms=profile.newest_ms,
            customers=dict(sorted(profile.customers.items())),
            growth=None if profile.growth is None else pack_growth(profile.growth),
            applications=Daily(
                hashes=dict(sorted(profile.applications.hashes.items())),
                registers=dict(sorted(profile.applications.registers.items())),
            ),
            cases=dict(sorted(profile.cases.items())),
        )
    )


def decode_link(data: bytes) -> LinkProfile:
    """The profile that `encode_link` wrote; an empty one of no bytes. Raises `LinkFault` for anything else."""
    profile = LinkProfile()
    if not data:
        return profile
    try:
        version = _version(data).version
        if version != LINK_VERSION:
            raise LinkFault(f"a link profile of version {version}; this release reads {LINK_VERSION}")
        stored = _decode(data)
        profile.growth = None if stored.growth is None else unpack_growth(stored.growth)
    except (msgspec.DecodeError, ValueError) as error:
        if isinstance(error, LinkFault):
            raise
        raise LinkFault(f"not a link profile: {error}") from None
    profile.tenant, profile.kind, profile.identifier = stored.tenant, stored.kind, stored.identifier
    profile.first_ms, profile.newest_ms = stored.first_ms, stored.newest_ms
    profile.customers, profile.applications, profile.cases = stored.customers, stored.applications, stored.cases
    return profile

"""The library of confirmed fraud cases and lists, as known at one place of the journal; every partition holds all of
it, so matching asks nobody.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec import Struct

from riskwatch.features.casematch import JOINING, Alike, Match, alike_of, best_first, in_order, score_of
from riskwatch.features.lists import Listed, listed
from riskwatch.streams.cases import Case
from riskwatch.streams.events import Sketches
from riskwatch.streams.identity import Identity, identity_key
from riskwatch.streams.packing import customer_key, hash64

WINDOWS_DAYS = (1, 7, 30)
DAY_MS = 86_400_000
NO_SKETCHES = Sketches()
MAX_MATCHES = 200
"""Cases of one identifier that a lookup looks at."""
FUZZY_MATCHES = 10
"""Cases of a fuzzy lookup that are told; the others are less alike."""
NOBODY: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})

V = TypeVar("V")
Index = dict[V, tuple[bytes, ...]]


class HeldCase(Struct, frozen=True, array_like=True):
    """A case from journal offset `since` on. `origin`: see `Case.origin`. `case` None: cleared; that it was there is
    remembered, so that a repeat of its confirmation is recognised."""

    since: int
    origin: int
    case: Case | None = None


class Library:
    """Cases by what they name, and lists. Indexes hold tuples, so a `fork` copies no more than dictionaries."""

    __slots__ = (
        "_by_customer",
        "_by_identity",
        "_sketched",
        "_standing",
        "cases",
        "counterparties",
        "devices",
        "lists",
    )

    def __init__(self) -> None:
        self.cases: dict[bytes, HeldCase] = {}
        self.lists: dict[bytes, Listed] = {}
        self.devices: dict[int, tuple[int, ...]] = {}
        self.counterparties: dict[int, tuple[int, ...]] = {}
        """Times (ms, rising) at which cases that name it were confirmed, by header hash (`hash64`)."""
        self._by_identity: Index[bytes] = {}
        self._by_customer: Index[bytes] = {}
        self._sketched: dict[str, tuple[dict[bytes, bytes], dict[bytes, bytes]]] = {}
        """Names (empty where unknown) and addresses of a tenant's cases that have an address, in one order."""
        self._standing = 0

    def __len__(self) -> int:
        """Cases that stand."""
        return self._standing

    def fork(self) -> Library:
        """A copy that changes by itself."""
        copy = Library()
        copy.cases, copy.lists = dict(self.cases), dict(self.lists)
        copy.devices, copy.counterparties = dict(self.devices), dict(self.counterparties)
        copy._by_identity, copy._by_customer = dict(self._by_identity), dict(self._by_customer)
        copy._sketched = {
            tenant: (dict(names), dict(addresses)) for tenant, (names, addresses) in self._sketched.items()
        }
        copy._standing = self._standing
        return copy

    def case(self, key: bytes) -> Case | None:
        """The case that stands under a key (`Case.key`)."""
        held = self.cases.get(key)
        return None if held is None else held.case

    def put_case(self, key: bytes, held: HeldCase) -> None:
        """What is held of a case from now on: a new case, another version of it, or that it was cleared."""
        before = self.case(key)
        if before is not None:
            self._unindex(key, before)
        self.cases[key] = held
        if held.case is not None:
            self._index(key, held.case)

    def put_listed(self, key: bytes, entry: Listed) -> None:
        """What is held of a place on a list (`lists.list_key`) from now on."""
        self.lists[key] = entry

    def listed(self, tenant: str, customer_id: str, identities: Iterable[Identity], at_ms: int) -> Listed | None:
        """The list entry that counts for an applicant at event time `at_ms`: see `lists.listed`."""
        return listed(self.lists, tenant, customer_id, identities, at_ms)

    def frauds(self, tenant: str, identity: Identity, at_ms: int) -> tuple[int, ...]:
        """How many cases that name an identity were confirmed in the 1, 7 and 30 days `(at - window, at]`."""
        keys = self._by_identity.get(identity_key(tenant, identity), ())
        times = sorted(held.confirmed_ms for key in keys if (held := self.case(key)) is not None)
        return counts(times, at_ms)

    def matches(
        self, tenant: str, customer_id: str, identities: Iterable[Identity], sketches: Sketches | None = None
    ) -> list[Match]:
        """Cases that an applicant shares something with, best first: those that share an identifier of `JOINING` (of
        each the `MAX_MATCHES` known last) or are the applicant's own, and the most alike of the others by name and
        address, from `FLOOR` on."""
        mine = tuple(identities)
        kinds: dict[bytes, set[str]] = {}
        for key in self._by_customer.get(customer_key(tenant, customer_id), ()):
            held = self.case(key)
            if held is not None and held.own:
                kinds.setdefault(key, set()).add("customer")
        for each in mine:
            if each.kind in JOINING:
                for key in self._by_identity.get(identity_key(tenant, each), ())[-MAX_MATCHES:]:
                    kinds.setdefault(key, set()).add(each.kind)
        alike = self._alike(tenant, NO_SKETCHES if sketches is None else sketches)
        told = dict.fromkeys((*kinds, *alike.most(FUZZY_MATCHES, kinds)))
        return best_first(self._match(key, kinds.get(key, set()), mine, alike.of(key)) for key in told)

    def _match(
        self, key: bytes, kinds: set[str], mine: Sequence[Identity], alike: tuple[float | None, float | None]
    ) -> Match:
        case = self.case(key)
        assert case is not None, "only standing cases are indexed"
        shared = in_order(kinds | {each.kind for each in set(mine).intersection(case.identities)})
        return Match(case=case, score=score_of(shared, *alike), shared=shared, name=alike[0], address=alike[1])

    def _alike(self, tenant: str, sketches: Sketches) -> Alike:
        names, addresses = self._sketched.get(tenant, NOBODY)
        return alike_of(sketches, names, addresses)

    def _index(self, key: bytes, case: Case) -> None:
        self._standing += 1
        for index, name in self._names(case):
            index[name] = (*index.get(name, ()), key)
        for times, place in self._places(case):
            with_it = list(times.get(place, ()))
            insort(with_it, case.confirmed_ms)
            times[place] = tuple(with_it)
        if case.sketches is not None and case.sketches.address is not None:
            names, addresses = self._sketched.setdefault(case.tenant, ({}, {}))
            names[key], addresses[key] = case.sketches.name or b"", case.sketches.address

    def _unindex(self, key: bytes, case: Case) -> None:
        self._standing -= 1
        for index, name in self._names(case):
            rest = tuple(each for each in index[name] if each != key)
            if rest:
                index[name] = rest
            else:
                del index[name]
        for times, place in self._places(case):
            left = list(times[place])
            left.remove(case.confirmed_ms)
            if left:
                times[place] = tuple(left)
            else:
                del times[place]
        if case.sketches is not None and case.sketches.address is not None:
            for sketches in self._sketched[case.tenant]:
                del sketches[key]

    def _names(self, case: Case) -> Iterable[tuple[Index[bytes], bytes]]:
        yield self._by_customer, case.customer
        for each in dict.fromkeys(case.identities):
            yield self._by_identity, identity_key(case.tenant, each)

    def _places(self, case: Case) -> Iterable[tuple[dict[int, tuple[int, ...]], int]]:
        devices, counterparties = watched_of(case)
        for place in devices:
            yield self.devices, place
        for place in counterparties:
            yield self.counterparties, place


def watched_of(case: Case) -> tuple[frozenset[int], frozenset[int]]:
    """Header hashes of the devices, and of the merchants and terminals, that a case names."""
    hashed = {each: hash64(case.tenant, each.value) for each in case.identities}
    devices = frozenset(at for each, at in hashed.items() if each.kind == "device")
    return devices, frozenset(at for each, at in hashed.items() if each.kind in ("merchant", "terminal"))


def counts(times: Sequence[int], at_ms: int) -> tuple[int, ...]:
    """How many of the times (ms, rising) lie in each of the windows `(at - window, at]`."""
    upto = bisect_right(times, at_ms)
    return tuple(upto - bisect_right(times, at_ms - days * DAY_MS) for days in WINDOWS_DAYS)

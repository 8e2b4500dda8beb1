"""What it weighs to share an identifier with a fraud case, and how alike two people are who share none.

The score of a match is its heaviest part, not a sum: two weak signs do not make a strong one, and a reader sees at once
where a score comes from.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from riskwatch.streams.cases import Case
from riskwatch.streams.events import Sketches
from riskwatch.streams.identity import IdentityKind


class Weight(Struct, frozen=True, kw_only=True):
    """What sharing an identifier of a kind says, 0 to 1, and why. `joins`: it is enough to bring a case up at all."""

    kind: IdentityKind
    weight: float
    joins: bool
    why: str


def _weight(kind: IdentityKind, weight: float, why: str, *, joins: bool) -> Weight:
    return Weight(kind=kind, weight=weight, joins=joins, why=why)


WEIGHTS: tuple[Weight, ...] = (
    _weight("id_number", 1.0, "An id number is issued to one person.", joins=True),
    _weight("bank_card", 0.95, "A bank card is issued to one person, though a family may share it.", joins=True),
    _weight("phone", 0.95, "A number has one owner, until the operator gives it to somebody else.", joins=True),
    _weight("email", 0.9, "A mailbox has one owner; a typing error can name a stranger's.", joins=True),
    _weight("device", 0.9, "A device is one household's, until it is sold.", joins=True),
    _weight("address", 0.6, "Neighbours and later tenants share it: a reason to look.", joins=True),
    _weight("name", 0.3, "Namesakes are many: it supports other signs and never suffices.", joins=False),
    _weight("ip", 0.0, "Offices, campuses and mobile operators stand behind one address.", joins=False),
    _weight("ip-net", 0.0, "A network joins strangers.", joins=False),
    _weight("merchant", 0.0, "A merchant's customers are strangers to one another.", joins=False),
    _weight("terminal", 0.0, "A terminal's customers are strangers to one another.", joins=False),
)
"""Heaviest first."""
WEIGHT_OF: Mapping[str, float] = {"customer": 1.0} | {each.kind: each.weight for each in WEIGHTS}
"""By kind; `customer`: the case is the applicant's own."""
JOINING = frozenset(each.kind for each in WEIGHTS if each.joins)
STRONG = frozenset(kind for kind, weight in WEIGHT_OF.items() if weight >= 0.9)
"""Kinds that name one person, or one household's device: a case that shares one is an exact match."""

NAME_AND_ADDRESS = 0.85
"""The weight of a name and an address that are both the same, below that of every identifier of `STRONG`. Where they
are only alike it counts as often as the less alike of the two."""
FLOOR = 0.5
"""A case that scores less is nobody's match: unrelated names and addresses are alike by 0.2 to 0.4."""


class Match(Struct, frozen=True, kw_only=True):
    """A case and what an applicant has in common with it. `shared`: kinds that are the same, heaviest first; `name`,
    `address`: likeness of the sketches, None where one is missing."""

    case: Case
    score: float
    shared: tuple[str, ...]
    name: float | None = None
    address: float | None = None

    @property
    def exact(self) -> bool:
        """Whether an identifier of `STRONG` is shared."""
        return not STRONG.isdisjoint(self.shared)


def in_order(kinds: Iterable[str]) -> tuple[str, ...]:
    """Kinds without repeats, heaviest first, as `WEIGHT_OF` lists them."""
    found = set(kinds)
    return tuple(kind for kind in WEIGHT_OF if kind in found)


def score_of(shared: Iterable[str], name: float | None = None, address: float | None = None) -> float:
    """The score of what is shared: the heaviest part. A name or address that is the same needs no sketch."""
    kinds = set(shared)
    name = 1.0 if "name" in kinds else name or 0.0
    address = 1.0 if "address" in kinds else address or 0.0
    alike = max(
        NAME_AND_ADDRESS * min(name, address), WEIGHT_OF["name"] * name, WEIGHT_OF["address"] * address
    )  # fmt: skip
    return max([alike, *(WEIGHT_OF[kind] for kind in kinds)])


def likenesses(sketch: bytes, others: Sequence[bytes]) -> NDArray[np.float64]:
    """`streams.sketches.similarity` of one sketch to many: float64[others]. One call for all: 40 times faster."""
    alike: NDArray[np.float64] = cdist([sketch], others, scorer=Indel.normalized_similarity, dtype=np.float64)[0]
    return alike


class Alike:
    """How alike an applicant's name and address are to those of many cases. `keys`: of the cases whose score may reach
    `FLOOR`; `name` is NaN where one of the two is unknown."""

    def __init__(self, keys: list[bytes], name: NDArray[np.float64], address: NDArray[np.float64]) -> None:
        self._keys, self._name, self._address = keys, name, address
        self._place = {key: at for at, key in enumerate(keys)}

    def of(self, key: bytes) -> tuple[float | None, float | None]:
        """Likeness of name and address, None where unknown or too little to matter."""
        at = self._place.get(key)
        if at is None:
            return None, None
        name = float(self._name[at])
        return None if name != name else name, float(self._address[at])

    def most(self, count: int, without: Container[bytes]) -> list[bytes]:
        """The keys of the `count` most alike that score `FLOOR` or more, ties by key."""
        name = np.nan_to_num(self._name)
        scores = np.maximum(NAME_AND_ADDRESS * np.minimum(name, self._address), WEIGHT_OF["address"] * self._address)
        found = [(-scores[at], self._keys[at]) for at in (scores >= FLOOR).nonzero()[0].tolist()]
        return [key for _, key in heapq.nsmallest(count, (each for each in found if each[1] not in without))]


def alike_of(sketches: Sketches, names: Mapping[bytes, bytes], addresses: Mapping[bytes, bytes]) -> Alike:
    """`names` (empty: unknown) and `addresses`: sketches of cases by key, in one order. Below an address that is alike
    by `FLOOR` no part of a score reaches it: a name alone never suffices."""
    if sketches.address is None or not addresses:
        return Alike([], np.empty(0), np.empty(0))
    by_address = likenesses(sketches.address, list(addresses.values()))
    some = (by_address >= FLOOR).nonzero()[0]
    by_name = np.full(len(some), np.nan)
    if sketches.name is not None and len(some):
        theirs = list(names.values())
        theirs = [theirs[at] for at in some.tolist()]
        by_name = np.where([bool(each) for each in theirs], likenesses(sketches.name, theirs), np.nan)
    keys = list(addresses)
    return Alike([keys[at] for at in some.tolist()], by_name, by_address[some])


def best_first(matches: Iterable[Match]) -> list[Match]:
    """The highest score first, of equal ones the case that was confirmed last; ties by case."""
    return sorted(matches, key=lambda each: (-each.score, -each.case.confirmed_ms, each.case.key))

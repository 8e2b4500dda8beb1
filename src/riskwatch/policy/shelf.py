"""Which policy decides an application: the worker's own book, and over it what was published through the journal.

A publication counts for the entries after it in the journal, from the instant at which it is in force. So the journal
alone says what decides, and one application is decided by one policy, however the log is cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain

from msgspec import Struct

from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingbook import ANY_TENANT, NO_LENDING, LendingBook
from riskwatch.policy.publication import Place, Publication, encode_publication, ends_of, journaled_publication
from riskwatch.streams.packing import to_ms

POLICY_PREFIX = b"\x00policy/"
KEPT = 8
"""Publications of a place that are over and are kept all the same, for applications that a slower clock has stamped."""
MOST_WAITING = 32
MOST_SHADOWS = 8
"""Versions in shadow at one place: each is assessed at every application."""

Row = tuple[bytes, bytes | None]


class Shelved(Struct, frozen=True):
    """A publication and the journal offset of its entry."""

    publication: Publication
    offset: int

    @property
    def from_ms(self) -> int:
        return to_ms(self.publication.in_force_from)

    @property
    def row_key(self) -> bytes:
        return POLICY_PREFIX + self.publication.key.encode()


class Shelf:
    """What was published, in the order of publication at each place. `book` decides where nothing published is in
    force; `shadows`: assessed beside."""

    def __init__(
        self, held: Iterable[Shelved] = (), book: LendingBook = NO_LENDING, shadows: LendingBook = NO_LENDING
    ) -> None:
        self._book = book
        self._shadow_book = shadows
        self._live: dict[Place, tuple[Shelved, ...]] = {}
        self._shadow: dict[Place, tuple[Shelved, ...]] = {}
        for each in held:
            shelves = self._of(each.publication)
            shelves[each.publication.place] = _ordered((*shelves.get(each.publication.place, ()), each))

    def over(self, book: LendingBook, shadows: LendingBook = NO_LENDING) -> Shelf:
        """A copy that stands over a book: what is put there is not here."""
        copy = Shelf((), book, shadows)
        copy._live, copy._shadow = dict(self._live), dict(self._shadow)
        return copy

    @property
    def held(self) -> tuple[Shelved, ...]:
        """Everything that is kept, place by place."""
        shelves = (self._live, self._shadow)
        return tuple(each for own in shelves for place in sorted(own) for each in own[place])

    def put(self, publication: Publication, offset: int) -> list[Row]:
        """Takes up a publication → rows to be written: its own, and None for what is over and not kept any more. A
        repeat changes nothing."""
        own, place, made = self._of(publication), publication.place, Shelved(publication, offset)
        before = own.get(place, ())
        if any(each.row_key == made.row_key for each in before):
            return []
        keep = _kept if own is self._live else _kept_shadows
        after = keep(_ordered((*before, made)), publication.published_at)
        own[place] = after
        stay = {each.row_key for each in after}
        gone: list[Row] = [(each.row_key, None) for each in before if each.row_key not in stay]
        return [*([(made.row_key, pack_shelved(made))] if made.row_key in stay else []), *gone]

    def policy_for(
        self, tenant: str, product: str, currency: str, at_ms: int, before: int | None = None
    ) -> LendingPolicy | None:
        """The policy that decides an application ingested at `at_ms`, None where there is none. `before`: the
        application's journal offset; what was published by later entries does not count."""
        for whose in (tenant, ANY_TENANT):
            shelved = _in_force(self._live.get((whose, product, currency), ()), at_ms, before)
            if shelved is not None:
                return shelved.publication.policy
            own = self._book.policy_for(whose, product, currency)
            if own is not None and own.tenant == whose:
                return own
        return None

    def shadows_for(
        self, tenant: str, product: str, currency: str, at_ms: int, before: int | None = None
    ) -> tuple[LendingPolicy, ...]:
        """The policies in shadow that would decide the application if they were live, each version once, in order of
        version."""
        if not self._shadow and not self._shadow_book:
            return ()
        live = self.policy_for(tenant, product, currency, at_ms, before)
        found: list[LendingPolicy] = []
        for whose in (tenant,) if live is not None and live.tenant == tenant else (tenant, ANY_TENANT):
            own = self._shadow_book.policy_for(whose, product, currency)
            if own is not None and own.tenant == whose:
                found.append(own)
            for versions in _by_version(self._shadow.get((whose, product, currency), ())):
                shelved = _in_force(versions, at_ms, before)
                if shelved is not None and shelved.publication.mode == "shadow":
                    found.append(shelved.publication.policy)
        by_version = {each.version: each for each in found}
        if live is not None:
            by_version.pop(live.version, None)  # it would say the same
        return tuple(by_version[version] for version in sorted(by_version))

    def policies(self) -> Iterator[LendingPolicy]:
        """Every policy that may be asked for, live and in shadow, now or later; some more than once."""
        yield from chain(self._book.policies, self._shadow_book.policies)
        for held in chain(self._live.values(), self._shadow.values()):
            yield from (each.publication.policy for each in held)

    def _of(self, publication: Publication) -> dict[Place, tuple[Shelved, ...]]:
        return self._live if publication.mode == "live" else self._shadow


def pack_shelved(shelved: Shelved) -> bytes:
    """The payload of its reserved row: offset (8 bytes, big-endian), then the publication's JSON."""
    return shelved.offset.to_bytes(8, "big") + encode_publication(shelved.publication)


def unpack_shelved(payload: bytes) -> Shelved:
    """What `pack_shelved` has packed."""
    return Shelved(journaled_publication(payload[8:]), int.from_bytes(payload[:8], "big"))


def _ordered(held: Sequence[Shelved]) -> tuple[Shelved, ...]:
    return tuple(sorted(held, key=lambda each: (each.publication.published_at, each.publication.version)))


def _in_force(held: Sequence[Shelved], at_ms: int, before: int | None) -> Shelved | None:
    """The latest published of those in force."""
    for each in reversed(held):
        if each.from_ms <= at_ms and (before is None or each.offset < before):
            return each
    return None


def _by_version(held: Sequence[Shelved]) -> list[list[Shelved]]:
    versions: dict[str, list[Shelved]] = {}
    for each in held:
        versions.setdefault(each.publication.version, []).append(each)
    return list(versions.values())


def _over(held: Sequence[Shelved], now: datetime) -> list[Shelved]:
    """Those that a later published one has taken the place of by `now`, or will before they come into force."""
    ordered = [each.publication for each in held]
    return [
        each
        for each, end in zip(held, ends_of(ordered), strict=True)
        if end is not None and (end <= now or end <= each.publication.in_force_from)
    ]


def _kept(held: tuple[Shelved, ...], now: datetime) -> tuple[Shelved, ...]:
    """What is in force, the newest of what waits, and the last few that are over."""
    over = _over(held, now)
    rest = [each for each in held if each not in over]
    current = [each for each in rest if each.publication.in_force_from <= now]
    waiting = [each for each in rest if each not in current][-MOST_WAITING:]
    return _ordered((*over[-KEPT:], *current, *waiting))


def _kept_shadows(held: tuple[Shelved, ...], now: datetime) -> tuple[Shelved, ...]:
    """The same for each version. A version that is withdrawn and does not wait to come again is over altogether."""
    over: list[Shelved] = []
    versions: list[list[Shelved]] = []
    for own in _by_version(held):
        ended = _over(own, now)
        rest = [each for each in own if each not in ended]
        if all(each.publication.mode == "withdrawn" and each.publication.in_force_from <= now for each in rest):
            over += own
        else:
            over += ended
            versions.append(rest)
    newest = sorted(versions, key=lambda own: _order(own[-1]))[-MOST_SHADOWS:]
    return _ordered((*_ordered(over)[-KEPT:], *(each for own in newest for each in own[-MOST_WAITING:])))


def _order(shelved: Shelved) -> tuple[datetime, str]:
    return shelved.publication.published_at, shelved.publication.version

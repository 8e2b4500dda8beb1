"""Lists that people keep, as known at a place of the journal: who stands on which, until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import msgspec
from msgspec import Struct

from riskwatch.streams.identity import Identity
from riskwatch.streams.listing import ListChange, Purpose
from riskwatch.streams.listreading import decode_change
from riskwatch.streams.packing import BadEntry, nfc

PRIORITY: tuple[Purpose, ...] = ("block", "allow-always", "watch", "allow")
"""Of several entries the first of these counts: a block stands whatever else is said, and a standing permission is not
undone by a watch that somebody forgot."""


class Listed(Struct, frozen=True, array_like=True, gc=False):
    """What is held of a place on a list from journal offset `since` on. `expires_ms`: from this instant on it says
    nothing; None: never. `change_id`: what said so. `removed`: that it was taken off is remembered."""

    since: int
    purpose: Purpose
    change_id: str
    expires_ms: int | None = None
    removed: bool = False

    def stands(self, at_ms: int) -> bool:
        """Whether it says something at an instant (ms)."""
        return not self.removed and (self.expires_ms is None or at_ms < self.expires_ms)


def read_change(payload: bytes) -> ListChange:
    """The change that a `LIST_CHANGED` entry broadcasts. Raises `BadEntry` where the payload is none."""
    try:
        return decode_change(payload)
    except msgspec.MsgspecError as error:
        raise BadEntry(f"the journal record changes no list: {error}") from error


def list_key(tenant: str, kind: str, value: str, purpose: str) -> bytes:
    """16 bytes that stand for a place on a list: BLAKE2b-128."""
    value = nfc(value) if kind == "customer" else value
    text = f"{tenant}\x1f{kind}\x1f{purpose}\x1f{value}"
    return blake2b(text.encode(), digest_size=16, person=b"list").digest()


def keys_of(change: ListChange) -> tuple[bytes, ...]:
    """The places that a change is about: one for each value of the identity."""
    return tuple(list_key(change.tenant, change.kind, value, change.purpose) for value in dict.fromkeys(change.values))


def listed_by(change: ListChange, since: int) -> Listed:
    """What is held of those places after the change, which the journal has at offset `since`."""
    return Listed(since, change.purpose, change.change_id, change.expires_ms, change.remove)


def listed(
    lists: Mapping[bytes, Listed], tenant: str, customer_id: str, identities: Iterable[Identity], at_ms: int
) -> Listed | None:
    """The entry that counts for an applicant at event time `at_ms`, by `PRIORITY`; None where none stands."""
    if not lists:
        return None
    named = [("customer", customer_id), *((each.kind, each.value) for each in identities)]
    for purpose in PRIORITY:
        for kind, value in named:
            found = lists.get(list_key(tenant, kind, value, purpose))
            if found is not None and found.stands(at_ms):
                return found
    return None

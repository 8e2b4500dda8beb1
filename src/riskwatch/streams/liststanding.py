"""What stands on the lists after a sequence of changes, read from their audit."""

from __future__ import annotations

from collections.abc import Iterable

from riskwatch.streams.listing import PURPOSES, ListChange

_Place = tuple[str, str, str, str]
"""Institution, purpose, kind, one value."""


def once(changes: Iterable[ListChange]) -> list[ListChange]:
    """The changes in order, each once: a worker that repeats a batch after a crash writes them again."""
    first: dict[tuple[str, str], ListChange] = {}
    for change in changes:
        first.setdefault((change.tenant, change.change_id), change)
    return list(first.values())


def standing(changes: Iterable[ListChange]) -> list[ListChange]:
    """What has been put on a list and not taken off, expired or not, sorted by institution, purpose and kind.

    A change meets an entry of its purpose where they share a value: it takes the entry's place, or takes it off.
    During a rotation of keys an entry has several values, and one of them is enough.
    """
    entries: dict[_Place, ListChange] = {}
    for change in once(changes):
        for place in _places(change):
            met = entries.get(place)
            if met is not None:
                for each in _places(met):
                    entries.pop(each, None)
        if not change.remove:
            entries |= dict.fromkeys(_places(change), change)
    left = {(each.tenant, each.change_id): each for each in entries.values()}
    return sorted(left.values(), key=lambda each: (each.tenant, PURPOSES.index(each.purpose), each.kind, each.at_ms))


def expired(change: ListChange, now_ms: int) -> bool:
    """Whether an entry's term is over: it stands in `[at_ms, expires_ms)`."""
    return change.expires_ms is not None and change.expires_ms <= now_ms


def _places(change: ListChange) -> list[_Place]:
    return [(change.tenant, change.purpose, change.kind, value) for value in change.values]

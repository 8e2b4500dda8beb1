"""A tick that cannot be folded for somebody: found out for whom, and folded without them.

Time concerns every customer whose look has come. Were such a tick left out whole, as another entry that cannot be
folded is, one customer's defect would stop time for all others, at every tick anew. So those for whom the fold raises
are set aside: their state stays as it is and is looked at again a day later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.partition import Partition
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import BadEntry, headers_of


def fold_apart(
    program: Program, partition: Partition, value: bytes, offset: int, detected_at: datetime
) -> tuple[Folded, list[bytes]] | None:
    """The fold of a tick without those for whom it raises, and their keys, sorted. None where the entry is no tick, or
    the fold raises without any customer."""
    try:
        header = headers_of([value])[0]
    except BadEntry:
        return None
    if header["kind"] != Kind.TICK:
        return None
    due = sorted(partition.timers.due(int(header["occurred_at"])))

    def folded(aside: frozenset[bytes]) -> Folded:
        return fold(program, partition, [None], [value], [offset], detected_at, aside=aside)

    def raises(some: Sequence[bytes]) -> bool:
        try:
            folded(frozenset(due).difference(some))
        except Exception:
            return True
        return False

    if raises(()):
        return None
    culprits = raising(due, raises)
    return folded(frozenset(culprits)), culprits


def raising(keys: Sequence[bytes], raises: Callable[[Sequence[bytes]], bool]) -> list[bytes]:
    """Those of the keys that raise, by halves: about 2 · log2(keys) tries for each of them."""
    if not keys or not raises(keys):
        return []
    if len(keys) == 1:
        return list(keys)
    half = len(keys) // 2
    return raising(keys[:half], raises) + raising(keys[half:], raises)

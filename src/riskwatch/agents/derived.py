"""Entries that the passing of time makes for a customer, in the form of those that publishers made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.desks import Occasion
from riskwatch.agents.part import Part
from riskwatch.features.kernel import NEW
from riskwatch.features.paying import Paying
from riskwatch.features.standing import Standing
from riskwatch.features.timers import Overdue
from riskwatch.streams.entry import ENTRY, Flag, Kind
from riskwatch.streams.packing import hash64, pack_broadcast, split_key

_BLANK = np.frombuffer(pack_broadcast(Kind.INSTALMENT_OVERDUE, 0), dtype=ENTRY)[0]


@dataclass(frozen=True)
class Derived:
    """An entry that a tick at `at_ms` makes for the customer of a row of the scratch: of what is overdue, else of a
    look at the account."""

    row: int
    at_ms: int
    key: bytes
    overdue: Overdue | None = None

    @property
    def kind(self) -> Kind:
        return Kind.ACCOUNT_LOOKED if self.overdue is None else self.overdue.kind

    def occasion(
        self, place: int, offset: int, standings: Mapping[str, Standing], paying: Mapping[str, Paying]
    ) -> Occasion:
        """What the desks are told of it. `standings`, `paying`: the customer's loans as they stand now."""
        found = self.overdue
        at_ms = self.at_ms if found is None else found.reached_ms
        event = look_hash(self.key, self.at_ms) if found is None else found.event_hash
        return Occasion(
            place, self.row, self.key, self.kind, at_ms, self.at_ms, offset, event, standings, overdue=found,
            clock_ms=self.at_ms, ingested_ms=self.at_ms, paying=paying,
        )  # fmt: skip


def derived_entries(derived: Sequence[Derived]) -> NDArray[np.void]:
    """`ENTRY`[n]. `amount`: what is open; `due_amount`: the instalment's; `days_late`: DPD reached."""
    made = np.zeros(len(derived), dtype=ENTRY)
    made[:] = _BLANK
    for at, each in enumerate(derived):
        entry, facts = made[at], each.overdue
        if facts is None:
            entry["kind"], entry["event"] = Kind.ACCOUNT_LOOKED, look_hash(each.key, each.at_ms)
            entry["occurred_at"] = entry["ingested_at"] = each.at_ms
            continue
        entry["kind"] = facts.kind
        entry["occurred_at"], entry["ingested_at"] = facts.reached_ms, each.at_ms
        entry["event"], entry["subject"] = facts.event_hash, facts.subject_hash
        entry["amount"], entry["due_amount"] = facts.amount_outstanding, facts.due_amount
        entry["days_late"], entry["paid_share"] = facts.dpd, facts.paid_share
        entry["flags"] = Flag.FIRST_INSTALMENT if facts.first_instalment else 0
    return made


def derived_part(derived: Sequence[Derived], offset: int) -> Part:
    """The part of a batch that they are. `offset`: of the tick."""
    return Part(
        entries=derived_entries(derived),
        row_of=np.array([each.row for each in derived], dtype=np.int64),
        outcomes=np.full(len(derived), NEW, dtype=np.uint8),
        offsets=np.full(len(derived), offset, dtype=np.int64),
        keys=[each.key for each in derived],
        mine=np.full(len(derived), -1, dtype=np.int64),
        loans=["" if each.overdue is None else each.overdue.loan_id for each in derived],
    )


def look_hash(key: bytes, now_ms: int) -> int:
    """What names a look at a customer's account at an instant. No publisher's event id holds a control character."""
    tenant, customer = split_key(key)
    return hash64(tenant, f"\x1flook\x1f{customer}\x1f{now_ms}")

"""What time brings to the customers whose look has come: deadlines, moves of loans, overdue steps, looks of desks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from riskwatch.agents.deciding import Deciding
from riskwatch.agents.derived import Derived
from riskwatch.agents.desks import Desks
from riskwatch.agents.folded import Program
from riskwatch.agents.gate import Gate
from riskwatch.agents.labelling import Labelling
from riskwatch.agents.merchants import Merchants
from riskwatch.agents.moving import Moving
from riskwatch.agents.scratch import Scratch
from riskwatch.features.account import moved, overdue
from riskwatch.features.timers import ARREARS_DPD
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import split_key


@dataclass(frozen=True)
class Turning:
    """The rooms of one fold that a tick concerns."""

    program: Program
    scratch: Scratch
    deciding: Deciding
    gate: Gate
    moving: Moving
    merchants: Merchants
    desks: Desks
    labels: Labelling

    def bring(self, due: Iterable[int], now_ms: int, offset: int) -> list[Derived]:
        """The entries that time makes for these rows of the scratch, in their order. `offset`: of the tick. Where an
        institution's repayments are stale nothing falls overdue; applications are decided all the same."""
        derived: list[Derived] = []
        for row in due:
            self.deciding.overdue(now_ms, len(derived), self.scratch.keys[row], self.scratch.account(row))
            derived += self._of(row, now_ms, offset, len(derived))
        return derived

    def _of(self, row: int, now_ms: int, offset: int, first: int) -> list[Derived]:
        """What time brings to one customer. `first`: the place that its first entry will have."""
        key, account = self.scratch.keys[row], self.scratch.account(row)
        tenant, _ = split_key(key)
        stale, zone, servicing = self.gate.holds(tenant), self.program.zone(tenant), self.program.servicing
        moves = [] if stale else moved(account, now_ms, zone, servicing)
        self.moving.by_time(key, moves, offset, zone)
        found = [] if stale else overdue(account, now_ms, zone, servicing)
        self.merchants.late(account, found, key)
        made = [Derived(row, now_ms, key, each) for each in found]
        if self.desks.due(account, now_ms, stale=stale):
            made.append(Derived(row, now_ms, key))
        if any(each.kind in self.desks.wanted or each.overdue is None for each in made):
            standings = self.program.standings(account, tenant, now_ms)
            paying = self.program.paying(account, tenant, now_ms)
            for place, each in enumerate(made, start=first):
                self.desks.note(replace(each.occasion(place, offset, standings, paying), stale=stale))
        for late in found:
            if late.kind == Kind.INSTALMENT_OVERDUE and late.dpd == ARREARS_DPD:
                self.labels.fell_behind(late.subject_hash, late.reached_ms)
        return made

"""The applications of one batch: noted when their entry is opened, decided when its features are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.folded import Program
from riskwatch.features.account import Account
from riskwatch.policy.applicant import OwnRecord, inputs_of, own_record
from riskwatch.policy.deciding import Asked, trail_of
from riskwatch.policy.lending import assess
from riskwatch.streams.decisions import DecisionTrail
from riskwatch.streams.events import LoanApplied
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import from_ms


class Deciding:
    """`place`: how many of the batch's entries come before. An application for which the institution has no lending
    policy, or none in its currency, gets no decision, and is counted in `without_policy`."""

    def __init__(self, program: Program, partition: int) -> None:
        self._program = program
        self._partition = partition
        self._asked: list[tuple[int, LoanApplied, OwnRecord]] = []
        self.without_policy = 0

    def note(self, place: int, event: LoanApplied, account: Account, at_ms: int) -> None:
        """An application, with the account as it stands at its place in the journal."""
        if self._program.lending.policy_for(event.tenant, event.product, event.currency) is None:
            self.without_policy += 1
            return
        self._asked.append((place, event, own_record(account, at_ms, self._program.zone(event.tenant))))

    def shift(self, before: NDArray[np.int64]) -> None:
        """Entries have been inserted before these places."""
        self._asked = [
            (place + int(np.searchsorted(before, place, side="right")), event, own) for place, event, own in self._asked
        ]

    def decide(
        self, matrix: NDArray[np.float64], entries: NDArray[np.void], offsets: NDArray[np.int64], keys: Sequence[bytes],
        decided_at: datetime,
    ) -> list[DecisionTrail]:  # fmt: skip
        """A decision for each application, in journal order. `matrix`: float64[n, features] beside `entries`."""
        trails = []
        names = self._program.layout.names
        for place, event, own in self._asked:
            policy = self._program.lending.policy_for(event.tenant, event.product, event.currency)
            if policy is None:  # pragma: no cover - `note` has looked
                continue
            zone = self._program.zone(event.tenant)
            entry = entries[place]
            occurred_at = from_ms(int(entry["occurred_at"]))
            features = dict(zip(names, matrix[place].tolist(), strict=True))
            inputs = inputs_of(event, own, features, zone)
            cause = Cause(
                partition=self._partition,
                offset=int(offsets[place]),
                event_id=event.event_id,
                event_type=type(event).__name__,
            )
            asked = Asked(
                event=event, key=keys[place], event_hash=int(entry["event"]), cause=cause, occurred_at=occurred_at
            )
            assessment = assess(policy, inputs, occurred_at.astimezone(zone).date())
            trails.append(trail_of(assessment, asked, decided_at))
        return trails

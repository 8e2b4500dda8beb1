"""One part of a batch counts in the customers' rows and is judged: features, decisions that are due, scores, alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from riskwatch.agents.asking import link_columns, new_devices
from riskwatch.agents.casework import Casework
from riskwatch.agents.deciding import Deciding
from riskwatch.agents.folded import Folded, Program, RuleFailure
from riskwatch.agents.inforce import InForce
from riskwatch.agents.merchants import Merchants, merchant_columns, merchant_subjects
from riskwatch.agents.part import Part, View
from riskwatch.agents.scratch import Scratch
from riskwatch.agents.undoing import Undoings, payment_of
from riskwatch.alerts.raising import Told, raise_alerts
from riskwatch.features.kernel import NEW, evolve
from riskwatch.streams.decisions import Decision
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import RepaymentReceived
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import unpack_event

ANSWERS = (Kind.LINK_ANSWERED, Kind.RING_ANSWERED, Kind.MERCHANT_ANSWERED)
"""Entries by which other agents answer."""
_OWN = (*ANSWERS, Kind.TERMS_RESTORED)
"""Entries that have no publisher's event behind them."""


@dataclass(frozen=True)
class Judged:
    """A part once judged: its features, float64[n, features]; the alerts raised and withdrawn, and the applications
    decided, each with its place."""

    matrix: NDArray[np.float64]
    alerts: list[tuple[int, Alert]] = field(default_factory=list)
    decisions: list[tuple[int, Decision]] = field(default_factory=list)


class Judging:
    """`values`: the journal records of the batch. What comes of it goes into `out`."""

    def __init__(
        self, program: Program, number: int, scratch: Scratch, values: Sequence[bytes], detected_at: datetime,
        deciding: Deciding, casework: Casework, merchants: Merchants, models: InForce, undoings: Undoings, out: Folded,
    ) -> None:  # fmt: skip
        self._program = program
        self._number = number
        self._scratch = scratch
        self._values = values
        self._detected_at = detected_at
        self._deciding = deciding
        self._casework = casework
        self._merchants = merchants
        self._models = models
        self._undoings = undoings
        self._out = out

    def take(self, part: Part, known: Mapping[str, NDArray[np.float64]]) -> Judged:
        """Evolves and judges a part, behind those that came before. `known`: what desks tell rules, float64[n] each."""
        program, out, entries = self._program, self._out, part.entries
        matrix, late = evolve(program.layout, self._scratch.rows, part.row_of, entries, part.outcomes)
        new = np.flatnonzero(part.outcomes == NEW)
        out.counts.new += len(new)
        out.counts.late += int((late[new] > 0).sum())
        decisions = self._deciding.decide(matrix, self._detected_at)
        answers, merchants = self._deciding.take_answers(), self._merchants.take_answers()
        if not len(new):
            return Judged(matrix, decisions=decisions)
        if program.links:
            out.probes += new_devices(
                program.layout, matrix, entries, part.keys, new, lambda at: self._values[int(part.mine[at])]
            )
        watched = self._casework.watch(entries)
        scores = self._models.score(part, matrix, new, watched)
        extra = {**scores, **watched, **link_columns(answers, len(entries)), **known}
        extra |= merchant_columns(merchants, len(entries))
        chosen, features = entries, matrix
        if len(new) < len(entries):
            chosen, features = entries[new], matrix[new]
            extra = {name: column[new] for name, column in extra.items()}
        judgement = program.rules.judge(chosen, features, extra)
        offsets = part.offsets[new]
        out.failures += [RuleFailure(f.rule, int(offsets[f.row]), f.error) for f in judgement.failures]
        undoings = self._undoings.take()
        if not judgement.firings and not undoings:
            return Judged(matrix, decisions=decisions)
        rows = part.row_of[new]
        raised = raise_alerts(
            program.rules,
            judgement,
            chosen,
            features,
            keys=View(part.keys, new),
            offsets=offsets,
            partition=self._number,
            accounts=lambda at: self._scratch.account(int(rows[at])),
            told=lambda at: self._told(part, int(new[at])),
            detected_at=self._detected_at,
            extra=extra,
            subjects={int(np.searchsorted(new, at)): said for at, said in merchant_subjects(merchants).items()},
            undoings=[(int(np.searchsorted(new, place)), undoing) for place, undoing in undoings],
        )
        out.alerts += raised.published
        for rule, count in raised.by_rule.items():
            out.suppressed[rule] = out.suppressed.get(rule, 0) + count
        alerts = [(int(new[at]), alert) for at, alert in zip(raised.places, raised.published, strict=True)]
        return Judged(matrix, alerts, decisions)

    def _told(self, part: Part, place: int) -> Told:
        if part.mine[place] < 0:
            return Told("", part.loans[place] if part.loans else "")
        if part.entries["kind"][place] in _OWN:
            return Told("")
        event = unpack_event(self._values[int(part.mine[place])])
        payment = payment_of(event) if isinstance(event, RepaymentReceived) else 0
        return Told(event.event_id, getattr(event, "loan_id", None) or "", payment)

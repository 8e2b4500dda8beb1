"""The fold: one batch of one journal partition → rows, alerts and examples. No transport, no clock: a function of the
log.

`fold` changes nothing but what it returns. The monitor makes its effects durable and only then calls `Folded.settle`,
so a batch that fails, or is split, or is given up in a rebalance leaves no trace.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from itertools import chain

import numpy as np
from msgspec import structs

from riskwatch.agents.asking import link_columns, new_devices
from riskwatch.agents.casework import CASEWORK_KINDS, Casework
from riskwatch.agents.deciding import Deciding, loan_applied
from riskwatch.agents.derived import View, derived_entries
from riskwatch.agents.folded import Derived, Folded, Program, RuleFailure
from riskwatch.agents.inforce import InForce
from riskwatch.agents.labelling import Labelling
from riskwatch.agents.partition import MODEL_PREFIX, Partition, pack_partition, pack_reserved
from riskwatch.agents.scratch import Scratch
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.alerts.raising import raise_alerts
from riskwatch.features.account import ACCOUNT_KINDS, Account, evolve_account, next_look, overdue
from riskwatch.features.kernel import APPLIED, DUPLICATE, NEW, REDELIVERED, evolve, recognise
from riskwatch.scoring.linear import decode_model, encode_model
from riskwatch.streams.entry import Flag, Kind
from riskwatch.streams.events import FraudCleared, FraudConfirmed
from riskwatch.streams.packing import BadEntry, headers_of, payload_of, split_key, unpack_event

BROADCAST = 128
_ANSWERS = (Kind.LINK_ANSWERED, Kind.RING_ANSWERED)
_OPENED = np.zeros(256, dtype=np.bool_)
_OPENED[[*ACCOUNT_KINDS, Kind.FRAUD_CONFIRMED, Kind.FRAUD_CLEARED, Kind.TICK, Kind.MODEL_PROMOTED]] = True
_OPENED[[*_ANSWERS, Kind.POLICY_PUBLISHED, *CASEWORK_KINDS]] = True
"""Kinds that the fold opens one by one; all others move as columns only."""
_OPENED_AND_DECIDED = _OPENED.copy()
_OPENED_AND_DECIDED[Kind.LOAN_APPLIED] = True
"""Applications too, where somebody decides them or asks about them."""


class Folding:
    """One fold under way: gather, open entries in order, evolve, judge, scatter."""

    def __init__(
        self, program: Program, partition: Partition, keys: Sequence[bytes | None], values: Sequence[bytes],
        offsets: Sequence[int], detected_at: datetime,
    ) -> None:  # fmt: skip
        start = bisect_left(offsets, partition.row.watermark)
        self._program = program
        self._partition = partition
        self._keys = keys[start:]
        self._values = values[start:]
        self._offsets = np.array(offsets[start:], dtype=np.int64)
        self._detected_at = detected_at
        self._clock = partition.row.clock
        self._derived: list[Derived] = []
        self._labels = Labelling(partition)
        self._models = InForce(partition, self._labels, program.layout.column_of)
        self._casework = Casework(partition, detected_at)
        self._deciding = Deciding(program, partition, self._casework)
        self._opened = _OPENED_AND_DECIDED if program.lending or program.links else _OPENED
        self.out = Folded(partition.row)
        self.out.counts.applied_before = start

    def run(self) -> Folded:
        if len(self._offsets):
            self._gather()
            self._open_entries()
            self._insert_derived()
            self._evolve_and_judge()
            self._scatter()
        return self.out

    def _gather(self) -> None:
        """Headers as one array; customers' rows; what is new and what is a repeat."""
        headers = headers_of(self._values)
        self._kinds = headers["kind"]
        self._at = headers["occurred_at"]
        mine = np.flatnonzero(self._kinds < BROADCAST)
        keys = [self._keys[at] for at in mine.tolist()]
        if None in keys:
            raise BadEntry(f"journal entry {int(self._offsets[mine[keys.index(None)]])} has no customer key")
        self._entry_keys: list[bytes] = keys  # type: ignore[assignment]
        ticks = self._at[self._kinds == Kind.TICK]
        newest = int(ticks.max()) if len(ticks) else 0
        due = self._partition.timers.due(newest) if newest > self._clock else []
        self._scratch = scratch = Scratch(
            self._program.layout, self._partition.store, chain(self._entry_keys, due), self._program.buffer
        )
        self._mine = mine
        self._entries = headers[mine]
        self._entry_offsets = self._offsets[mine]
        self._row_of = np.fromiter(map(scratch.index.__getitem__, self._entry_keys), dtype=np.int64, count=len(mine))
        self._outcomes = recognise(self._program.layout, scratch.rows, self._row_of, self._entries, self._entry_offsets)
        counts, outcomes = self.out.counts, self._outcomes
        counts.entries = len(mine)
        counts.ticks = len(ticks)
        counts.duplicates = int((outcomes == DUPLICATE).sum())
        counts.redelivered = int((outcomes == REDELIVERED).sum())
        counts.applied_before += int((outcomes == APPLIED).sum())

    def _open_entries(self) -> None:
        """Entries that change accounts, time, models or labels, one by one in journal order."""
        positions = np.flatnonzero(self._opened[self._kinds])
        places = np.searchsorted(self._mine, positions)
        for position, place in zip(positions.tolist(), places.tolist(), strict=True):
            kind = int(self._kinds[position])
            if kind == Kind.TICK:
                self._tick(int(self._at[position]), place, int(self._offsets[position]))
            elif kind == Kind.MODEL_PROMOTED:
                self._models.promote(decode_model(payload_of(self._values[position])), place)
            elif kind == Kind.POLICY_PUBLISHED:
                self._deciding.publish(payload_of(self._values[position]), int(self._offsets[position]))
            elif kind in CASEWORK_KINDS:
                payload, offset = payload_of(self._values[position]), int(self._offsets[position])
                self._casework.take(kind, payload, place, offset, self._scratch)
            elif self._outcomes[place] == NEW:
                self._open(kind, place, self._values[position])

    def _open(self, kind: int, place: int, value: bytes) -> None:
        entry = self._entries[place]
        at_ms = int(entry["occurred_at"])
        row = int(self._row_of[place])
        scratch = self._scratch
        account = scratch.account(row)
        key = scratch.keys[row]
        if kind == Kind.LOAN_APPLIED:
            applied = loan_applied(unpack_event(value))
            if self._program.lending:
                offset, payload = int(self._entry_offsets[place]), payload_of(value)
                self._deciding.note(place, offset, entry, applied, payload, key, account)
                self._look(row, account)
            self._casework.applied(applied, account, key, int(entry["event"]), at_ms)
            return
        if kind in _ANSWERS:
            self._deciding.answer(kind, place, value, key, account)
            self._look(row, account)
            return
        event = unpack_event(value)
        if isinstance(event, FraudConfirmed | FraudCleared):
            self._labels.verdict(kind, int(entry["subject"]), at_ms)
            self._casework.said(event, account, at_ms, int(self._entry_offsets[place]))
            return
        zone = self._program.zone(event.tenant)
        facts = evolve_account(account, event, at_ms, zone)
        self._entries["due_amount"][place] = facts.due_amount
        self._entries["days_late"][place] = facts.days_late
        self._entries["paid_share"][place] = facts.paid_share
        if facts.first_instalment:
            self._entries["flags"][place] |= Flag.FIRST_INSTALMENT
        self._look(row, account)

    def _look(self, row: int, account: Account) -> None:
        """Time is to look at the account again when it next wants it."""
        tenant, _ = split_key(self._scratch.keys[row])
        self._scratch.next_looks[row] = next_look(account, self._program.zone(tenant)) or 0

    def _tick(self, now_ms: int, place: int, offset: int) -> None:
        """Time has reached `now_ms`: what is overdue since, and which predictions have their label."""
        if now_ms <= self._clock:
            return
        self._labels.tick(place, now_ms, self._clock)
        self._clock = now_ms
        scratch = self._scratch
        # Whoever was stored before a crash, tick and all, is passed over. By key: no batch has a say in the order.
        due = [row for row, at in enumerate(scratch.next_looks) if 0 < at <= now_ms and scratch.applied[row] <= offset]
        for row in sorted(due, key=scratch.keys.__getitem__):
            tenant, _ = split_key(scratch.keys[row])
            zone = self._program.zone(tenant)
            account = scratch.account(row)
            self._deciding.overdue(now_ms, scratch.keys[row], account)
            for each in overdue(account, now_ms, zone):
                self._derived.append(Derived(place, row, offset, now_ms, each))
            self._look(row, account)
            scratch.touched.add(row)
            scratch.watermarks[row] = max(scratch.watermarks[row], offset + 1)

    def _insert_derived(self) -> None:
        """Puts the entries that ticks made among the batch's own, in journal order."""
        if not self._derived:
            return
        self.out.counts.derived = len(self._derived)
        made = derived_entries(self._derived)
        before = np.array([each.before for each in self._derived])
        rows = [each.row for each in self._derived]
        self._entries = np.insert(self._entries, before, made)
        self._row_of = np.insert(self._row_of, before, rows)
        self._outcomes = np.insert(self._outcomes, before, NEW)
        self._entry_offsets = np.insert(self._entry_offsets, before, [each.offset for each in self._derived])
        keys = self._scratch.keys
        self._entry_keys = [keys[row] for row in self._row_of.tolist()]
        for each in (self._models, self._labels, self._deciding, self._casework):
            each.shift(before)
        self._mine = np.insert(self._mine, before, -1)

    def _evolve_and_judge(self) -> None:
        program, scratch, out = self._program, self._scratch, self.out
        matrix, late = evolve(program.layout, scratch.rows, self._row_of, self._entries, self._outcomes)
        new = np.flatnonzero(self._outcomes == NEW)
        out.counts.new = len(new)
        out.counts.late = int((late[new] > 0).sum())
        deciding = self._deciding
        out.decisions, out.shadow_decisions = deciding.decide(matrix, self._detected_at)
        out.undecided, out.failures = deciding.waiting, deciding.failures
        out.counts.without_policy, out.counts.unanswered = deciding.without_policy, deciding.unanswered
        if not len(new):
            return
        if program.links:
            out.probes = deciding.probes + new_devices(
                program.layout, matrix, self._entries, self._entry_keys, new, self._value_at
            )
        watched = self._casework.watch(self._entries)
        score = self._models.score(matrix, new, self._entries, self._entry_keys, self._entry_offsets, watched)
        extra = {"score": score, **watched}
        extra |= link_columns(deciding.answers, len(self._entries))
        entries, features = self._entries, matrix
        if len(new) < len(entries):
            entries, features = entries[new], matrix[new]
            extra = {name: column[new] for name, column in extra.items()}
        judgement = program.rules.judge(entries, features, extra)
        offsets = self._entry_offsets[new]
        out.failures += [RuleFailure(f.rule, int(offsets[f.row]), f.error) for f in judgement.failures]
        if not judgement.firings:
            return
        rows = self._row_of[new]
        raised = raise_alerts(
            program.rules,
            judgement,
            entries,
            features,
            keys=View(self._entry_keys, new),
            offsets=offsets,
            partition=self._partition.number,
            cooldowns=lambda at: scratch.account(int(rows[at])).cooldowns,
            event_ids=lambda at: self._event_id(int(new[at])),
            detected_at=self._detected_at,
            extra=extra,
        )
        out.alerts = raised.alerts
        out.suppressed = raised.by_rule

    def _value_at(self, place: int) -> bytes:
        """The journal record of an entry that is not derived."""
        return self._values[int(self._mine[place])]

    def _event_id(self, place: int) -> str:
        if self._mine[place] < 0 or self._entries["kind"][place] in _ANSWERS:
            return ""
        return unpack_event(self._value_at(place)).event_id

    def _scatter(self) -> None:
        """The rows to be written: what the partition remembers, the customers, and last the partition's own row."""
        scratch, out = self._scratch, self.out
        end = int(self._offsets[-1]) + 1
        seen = self._outcomes != APPLIED  # a repeat counts nowhere, but that it was seen is state too
        applied = np.array(scratch.watermarks, dtype=np.int64)
        np.maximum.at(applied, self._row_of[seen], self._entry_offsets[seen] + 1)
        scratch.watermarks = applied.tolist()
        touched = sorted(scratch.touched.union(self._row_of[seen].tolist()))
        out.looks = {scratch.keys[row]: scratch.next_looks[row] for row in touched}
        labels = self._labels
        out.examples, out.kept, out.labelled, out.verdicts = (
            labels.examples,
            labels.kept,
            labels.labelled,
            labels.verdicts,
        )
        casework = self._casework
        out.alerts = [*out.alerts, *casework.alerts]
        out.broadcasts, out.taints, out.counts.left_out = casework.broadcasts, casework.taints, casework.left_out
        out.library = casework.library if casework.changed else None
        out.partition_row = structs.replace(self._partition.row, watermark=end, clock=self._clock)
        out.shelf = self._deciding.shelf
        reserved = chain(labels.rows, self._deciding.rows)
        out.rows = [(key, None if value is None else pack_reserved(end, value)) for key, value in reserved]
        out.models = self._models.promoted
        for name, model in out.models.items():
            out.rows.append((MODEL_PREFIX + name.encode(), pack_reserved(end, encode_model(model))))
        out.rows += casework.rows(end)
        out.rows += scratch.pack(touched)
        out.rows.append((PARTITION_KEY, pack_partition(out.partition_row)))


def fold(
    program: Program, partition: Partition, keys: Sequence[bytes | None], values: Sequence[bytes],
    offsets: Sequence[int], detected_at: datetime,
) -> Folded:  # fmt: skip
    """Folds one batch of journal records (rising offsets) over a partition. Changes nothing; see `Folded`.

    Raises `BadEntry` for a record that is no entry, and what an account or a model raises: the caller splits the batch
    down to the record at fault.
    """
    return Folding(program, partition, keys, values, offsets, detected_at).run()

"""The fold: one batch of one journal partition → rows, alerts and examples. No transport, no clock: a function of the
log.

`fold` changes nothing but what it returns. The monitor makes its effects durable and only then calls `Folded.settle`,
so a batch that fails, or is split, or is given up in a rebalance leaves no trace.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain

import numpy as np
from msgspec import structs

from riskwatch.agents.arrears import note_loan
from riskwatch.agents.casework import CASEWORK_KINDS, Casework
from riskwatch.agents.deciding import Deciding, loan_applied
from riskwatch.agents.derived import derived_part
from riskwatch.agents.desks import Desks, Occasion, desks_of
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.gate import Gate
from riskwatch.agents.inforce import InForce
from riskwatch.agents.judging import ANSWERS, Judging
from riskwatch.agents.kinds import BROADCAST, CUTS, OPENED, OPENED_AND_DECIDED
from riskwatch.agents.labelling import DAY_MS, Labelling
from riskwatch.agents.merchants import Merchants
from riskwatch.agents.moving import Moving
from riskwatch.agents.part import Part
from riskwatch.agents.partition import Partition, pack_partition
from riskwatch.agents.scratch import Scratch
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.telling import rows_of, tell_cases, tell_decisions, tell_models
from riskwatch.agents.turning import Turning
from riskwatch.agents.undoing import Undoings
from riskwatch.features.account import Account, Facts, next_look
from riskwatch.features.kernel import APPLIED, DUPLICATE, NEW, REDELIVERED, recognise
from riskwatch.scoring.linear import decode_model
from riskwatch.streams.accountactions import Compensation
from riskwatch.streams.entry import Flag, Kind
from riskwatch.streams.events import AnyEvent, FraudCleared, FraudConfirmed, LoanOpened
from riskwatch.streams.packing import BadEntry, headers_of, payload_of, split_key, unpack_event
from riskwatch.streams.rollbacks import journaled_compensation


class Folding:
    """One fold under way. A batch is cut at its ticks, and where a policy is published: entries up to a tick, what it
    makes, the entries behind it. Each part is opened in order, evolved and judged before the next, so what is set in
    one part is due in the next."""

    def __init__(
        self, program: Program, partition: Partition, keys: Sequence[bytes | None], values: Sequence[bytes],
        offsets: Sequence[int], detected_at: datetime, aside: Collection[bytes] = (),
    ) -> None:  # fmt: skip
        start = bisect_left(offsets, partition.row.watermark)
        self._program = program
        self._partition = partition
        self._keys = keys[start:]
        self._values = values[start:]
        self._offsets = np.array(offsets[start:], dtype=np.int64)
        self._detected_at = detected_at
        self._aside = aside
        self._clock = partition.row.clock
        self._labels = Labelling(partition)
        self._models = InForce(partition, self._labels, program.layout.column_of)
        self._casework = Casework(partition, detected_at)
        self._deciding = Deciding(program, partition, self._casework)
        self._merchants = Merchants(wanted=program.links)
        self._opened = (OPENED_AND_DECIDED if program.lending or program.links else OPENED).copy()
        self._undoings = Undoings()
        self._gate = Gate(program.freshness, partition.row.feeds, partition.number, detected_at)
        self._moving = Moving(partition.number, detected_at)
        self.out = Folded(partition.row)
        self.out.counts.applied_before = start

    def run(self) -> Folded:
        if len(self._offsets):
            self._gather()
            begin = 0
            for cut in np.flatnonzero(CUTS[self._kinds]).tolist():
                if self._kinds[cut] == Kind.POLICY_PUBLISHED:
                    self._entries_between(begin, cut)
                    self._publish(cut)
                    begin = cut + 1
                elif int(self._at[cut]) > self._clock:
                    self._entries_between(begin, cut)
                    self._tick(int(self._at[cut]), int(self._offsets[cut]))
                    begin = cut + 1
            self._entries_between(begin, len(self._offsets))
            self._scatter()
        return self.out

    def _gather(self) -> None:
        """Headers as one array, and the rows of all customers that the batch names or that time may bring up."""
        self._headers = headers_of(self._values)
        self._kinds = self._headers["kind"]
        self._at = self._headers["occurred_at"]
        mine = np.flatnonzero(self._kinds < BROADCAST)
        keys = [self._keys[at] for at in mine.tolist()]
        if None in keys:
            raise BadEntry(f"journal entry {int(self._offsets[mine[keys.index(None)]])} has no customer key")
        named: list[bytes] = keys  # type: ignore[assignment]
        ticks = self._at[self._kinds == Kind.TICK]
        newest = int(ticks.max()) if len(ticks) else 0
        due = self._partition.timers.due(newest) if newest > self._clock else []
        program = self._program
        self._scratch = Scratch(program.layout, self._partition.store, chain(named, due), program.buffer)
        self._gate.know(self._scratch.keys)
        self._judging = Judging(
            self._program, self._partition.number, self._scratch, self._values, self._detected_at,
            self._deciding, self._casework, self._merchants, self._models, self._undoings, self.out,
        )  # fmt: skip
        number, shelf = self._partition.number, self._deciding.shelved
        desks = desks_of(self._program, self.out, self._detected_at, number, shelf)
        self._desks = Desks(desks, self._scratch)
        self._opened[list(self._desks.wanted)] = True
        self._turning = Turning(
            self._program, self._scratch, self._deciding, self._gate, self._moving, self._merchants, self._desks,
            self._labels,
        )  # fmt: skip
        self.out.counts.entries, self.out.counts.ticks = len(mine), len(ticks)

    def _entries_between(self, begin: int, end: int) -> None:
        """The batch's records from `begin` to before `end`, none of them a tick that moves time."""
        if begin == end:
            return
        scratch, counts = self._scratch, self.out.counts
        mine = begin + np.flatnonzero(self._kinds[begin:end] < BROADCAST)
        keys: list[bytes] = [self._keys[at] for at in mine.tolist()]  # type: ignore[misc]
        row_of = np.fromiter(map(scratch.index.__getitem__, keys), dtype=np.int64, count=len(mine))
        entries, offsets = self._headers[mine], self._offsets[mine]
        outcomes = recognise(self._program.layout, scratch.rows, row_of, entries, offsets)
        counts.duplicates += int((outcomes == DUPLICATE).sum())
        counts.redelivered += int((outcomes == REDELIVERED).sum())
        counts.applied_before += int((outcomes == APPLIED).sum())
        self._gate.observe(entries, row_of)
        part = Part(entries, row_of, outcomes, offsets, keys, mine)
        self._open_entries(part, begin, end)
        self._judge(part)
        seen = outcomes != APPLIED  # a repeat counts nowhere, but that it was seen is state too
        scratch.see(row_of[seen], offsets[seen])

    def _open_entries(self, part: Part, begin: int, end: int) -> None:
        """Entries that change accounts, models or the library, one by one in journal order."""
        self._casework.begin()
        self._models.begin()
        positions = begin + np.flatnonzero(self._opened[self._kinds[begin:end]])
        places = np.searchsorted(part.mine, positions)
        for position, place in zip(positions.tolist(), places.tolist(), strict=True):
            kind = int(self._kinds[position])
            value, offset = self._values[position], int(self._offsets[position])
            if kind == Kind.MODEL_PROMOTED:
                self._models.promote(decode_model(payload_of(value)), place)
            elif kind in CASEWORK_KINDS:
                self._casework.take(kind, payload_of(value), place, offset, self._scratch)
            elif part.outcomes[place] == NEW:
                self._open(part, kind, place, value)

    def _publish(self, position: int) -> None:
        self._deciding.publish(payload_of(self._values[position]), int(self._offsets[position]))
        self._desks.renew()
        self._opened[list(self._desks.wanted)] = True

    def _open(self, part: Part, kind: int, place: int, value: bytes) -> None:
        entry = part.entries[place]
        at_ms, offset = int(entry["occurred_at"]), int(part.offsets[place])
        row = int(part.row_of[place])
        account, key = self._scratch.account(row), self._scratch.keys[row]
        if kind == Kind.LOAN_APPLIED:
            applied = loan_applied(unpack_event(value))
            if self._program.lending:
                self._deciding.note(place, offset, entry, applied, payload_of(value), key, account)
                self._look(row, account)
            self._casework.applied(applied, account, key, int(entry["event"]), at_ms)
            self._note(part, place, kind, account, applied)
            return
        if kind == Kind.MERCHANT_ANSWERED:
            self._merchants.answered(place, payload_of(value))
            return
        if kind in ANSWERS:
            self._deciding.answer(kind, place, value, key, account)
            self._look(row, account)
            self._note(part, place, kind, account)
            return
        if kind == Kind.TERMS_RESTORED:
            self._note(part, place, kind, account, restored=journaled_compensation(payload_of(value)))
            return
        event = unpack_event(value)
        if isinstance(event, FraudConfirmed | FraudCleared):
            self._labels.verdict(kind, int(entry["subject"]), at_ms)
            self._casework.said(event, account, at_ms, offset)
            self._note(part, place, kind, account, event)
            return
        wanted, zone, servicing = kind in self._desks.wanted, self._program.zone(event.tenant), self._program.servicing
        before = self._program.past_due(account, event, max(at_ms, self._clock)) if wanted else 0
        facts = self._undoings.evolve(place, account, event, at_ms, zone, servicing)
        self._labels.recovered(int(entry["subject"]), facts.recovered)
        self._moving.by_event(key, facts.moves, event, int(entry["event"]), offset, zone)
        if isinstance(event, LoanOpened):
            self._merchants.opened(account, event, int(entry["event"]), key, at_ms)
        for name in ("due_amount", "days_late", "paid_share"):
            entry[name] = getattr(facts, name)
        if facts.first_instalment:
            entry["flags"] |= Flag.FIRST_INSTALMENT
        note_loan(part, place, account, at_ms, zone)
        if not self._note(part, place, kind, account, event, facts, before=before):
            self._look(row, account)

    def _note(
        self, part: Part, place: int, kind: int, account: Account, event: AnyEvent | None = None,
        facts: Facts | None = None, restored: Compensation | None = None, *, before: int = 0,
    ) -> bool:  # fmt: skip
        """The desks are told of an entry that they want to know of, with the loans as they stand behind it. → whether
        they are: then its row is looked at once they have decided."""
        if kind not in self._desks.wanted:
            return False
        now_ms = max(int(part.entries["occurred_at"][place]), self._clock)
        tenant, _ = split_key(part.keys[place])
        entry = part.entries[place]
        occasion = Occasion(
            place, int(part.row_of[place]), part.keys[place], kind, int(entry["occurred_at"]), now_ms,
            int(part.offsets[place]), int(entry["event"]), self._program.standings(account, tenant, now_ms), event,
            facts, restored=restored, clock_ms=self._clock, ingested_ms=int(entry["ingested_at"]),
            paying=self._program.paying(account, tenant, now_ms), past_due_before=before,
            stale=self._gate.holds(tenant),
        )  # fmt: skip
        self._desks.note(occasion)
        return True

    def _judge(self, part: Part) -> None:
        """The part counts, alerts are raised, and the desks decide."""
        known = self._desks.columns(len(part.entries))
        for row in self._desks.decide(self._judging.take(part, known), part, self._clock):
            self._look(row, self._scratch.account(row))

    def _look(self, row: int, account: Account, *, count: bool = False) -> None:
        """Time is to look at the account again when it next wants it; later, and counted, while its tenant is held."""
        tenant, _ = split_key(key := self._scratch.keys[row])
        wanted = next_look(account, self._program.zone(tenant), self._program.servicing) or 0
        self._scratch.next_looks[row] = self._gate.look(tenant, key, account, wanted, self._clock, count=count)

    def _tick(self, now_ms: int, offset: int) -> None:
        """Time has reached `now_ms`: what is overdue since, who must be decided, which predictions have their label."""
        before_ms, self._clock = self._clock, now_ms
        self._gate.tick(now_ms)
        scratch = self._scratch
        # Whoever was stored before a crash, tick and all, is passed over. By key: no batch has a say in the order.
        due = [row for row, at in enumerate(scratch.next_looks) if 0 < at <= now_ms and scratch.applied[row] <= offset]
        rows = np.array(due, dtype=np.int64)
        for row in [row for row in due if scratch.keys[row] in self._aside]:
            scratch.next_looks[row] = now_ms + DAY_MS
            due.remove(row)
        derived = self._turning.bring(sorted(due, key=scratch.keys.__getitem__), now_ms, offset)
        self._labels.tick(now_ms, before_ms)
        if not len(rows):
            return
        self.out.counts.derived += len(derived)
        part = derived_part(derived, offset)
        for place, each in enumerate(derived):
            note_loan(part, place, scratch.account(each.row), now_ms, self._program.zone(split_key(each.key)[0]))
        self._casework.begin()
        self._models.begin()
        self._judge(part)
        for row in due:
            self._look(row, scratch.account(row), count=True)
        scratch.see(rows, np.full(len(rows), offset, dtype=np.int64))

    def _scatter(self) -> None:
        """What every room has to say of the batch, and the rows to be written; last the partition's own."""
        out, scratch, end = self.out, self._scratch, int(self._offsets[-1]) + 1
        feeds = dict(sorted(self._gate.feeds.items()))
        out.partition_row = structs.replace(self._partition.row, watermark=end, clock=self._clock, feeds=feeds)
        out.operational, out.counts.held = self._gate.alerts, self._gate.held
        out.told, out.moves = self._merchants.messages, self._moving.records
        tell_decisions(out, self._deciding)
        tell_cases(out, self._casework)
        tell_models(out, self._models, self._labels)
        touched = sorted(scratch.touched)
        out.looks = {scratch.keys[row]: scratch.next_looks[row] for row in touched}
        reserved = chain(self._labels.rows, self._deciding.rows)
        out.rows = rows_of(out.models, reserved, end)
        out.rows += self._casework.rows(end)
        out.rows += scratch.pack(touched)
        out.rows.append((PARTITION_KEY, pack_partition(out.partition_row)))


def fold(
    program: Program, partition: Partition, keys: Sequence[bytes | None], values: Sequence[bytes],
    offsets: Sequence[int], detected_at: datetime, *, aside: Collection[bytes] = (),
) -> Folded:  # fmt: skip
    """Folds one batch of journal records (rising offsets) over a partition. Changes nothing; see `Folded`.

    `aside`: customers to whom time brings nothing for a day (`agents/settingaside.py`).

    Raises `BadEntry` for a record that is no entry, and what an account or a model raises: the caller splits the batch
    down to the record at fault.
    """
    return Folding(program, partition, keys, values, offsets, detected_at, aside).run()

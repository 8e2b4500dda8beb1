"""Replays a journal as it was, and as it would have been under a candidate: a lending policy, or a policy of rules.

The fold of the workers runs over the journal, in memory, partition after partition. A lending candidate is assessed as
a policy in shadow beside what decides: on the same inputs, at the applications that it would decide if it were live. A
policy of rules runs in a second fold over a state of its own, for its cooldowns are part of the state. What was decided
at the time is compared with what the fold decides again: a difference says that the backtest is not to be trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b

import numpy as np
from msgspec import Struct, structs

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.kinds import BROADCAST
from riskwatch.agents.partition import Partition, open_partition
from riskwatch.agents.store import MemoryPartition
from riskwatch.lab.changes import EXAMPLES, AlertChanges, ComparingAlerts, ComparingDecisions, DecisionChanges
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingbook import LendingBook
from riskwatch.streams.decisions import Decision, encode_decision
from riskwatch.streams.packing import BadEntry, headers_of, to_ms

NOW = datetime(1970, 1, 1, tzinfo=UTC)
"""The clock of a backtest: what was decided when does not matter to it."""

Entry = tuple[int, bytes | None, bytes | None]
"""Offset, key and value of a journal record."""


class UnorderedJournal(ValueError):
    """The journal did not come partition after partition, or its offsets do not rise."""


class Recorded(Struct, frozen=True, kw_only=True):
    """Decisions of the time and the fold's own. `known`: read; `compared`: those that the fold decided again;
    `differ`: of these, with ids of a few."""

    known: int
    compared: int
    differ: int
    examples: tuple[str, ...]


class Report(Struct, frozen=True, kw_only=True):
    """What a backtest found. `decisions` is there for a lending candidate, `alerts` for one of rules.

    `unread`: journal entries that the fold cannot take, as the workers could not. `cut`: partitions whose journal does
    not begin at its beginning any more, so that the state at its first entries is not known.
    """

    candidate: str
    version: str
    place: tuple[str, str, str] | None
    since: datetime | None
    until: datetime | None
    entries: int
    unread: int
    cut: tuple[int, ...]
    recorded: Recorded
    decisions: DecisionChanges | None = None
    alerts: AlertChanges | None = None

    @property
    def changes(self) -> DecisionChanges | AlertChanges:
        changes = self.decisions if self.alerts is None else self.alerts
        assert changes is not None, "a report is of one of the two"
        return changes

    @property
    def share(self) -> float | None:
        """The part of the book that the candidate touches; None where the journal holds nothing to compare."""
        return self.changes.share if self.changes.customers else None

    def allowed(self, most: float) -> bool:
        """Whether the share is known, and not above `most`."""
        return self.share is not None and self.share <= most


class Backtest:
    """One replay under way. Decisions of the time first (`record`), then the journal (`take`), then `report`."""

    def __init__(
        self, program: Program, candidate: LendingPolicy | RuleSet, *, since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:  # fmt: skip
        """`program`: what the workers run. Compared is what happened in [since, until), in event time; the journal
        before it makes the state."""
        self._candidate = candidate
        self._since, self._until = since, until
        self._span = tuple(None if each is None else to_ms(each) for each in (since, until))
        shadows = LendingBook([candidate] if isinstance(candidate, LendingPolicy) else [])
        self._programs = [replace(program, shadows=shadows)]
        if isinstance(candidate, RuleSet):
            self._programs.append(replace(program, rules=candidate))
        self._decisions = ComparingDecisions()
        self._alerts = ComparingAlerts()
        self._recorded: dict[str, bytes] = {}
        self._compared = self._differ = self._entries = self._unread = 0
        self._differing: list[str] = []
        self._cut: list[int] = []
        self._done: set[int] = set()
        self._partitions: list[Partition] = []
        self._next = 0

    def record(self, decision: Decision) -> None:
        """A decision that was published at the time."""
        self._recorded[decision.decision_id] = _digest(decision)

    def take(self, number: int, entries: Sequence[Entry]) -> None:
        """Some of a partition's journal. Partitions come one after the other, offsets rise: else `UnorderedJournal`."""
        if not entries:
            return
        if not self._partitions or self._partitions[0].number != number:
            if number in self._done:
                raise UnorderedJournal(f"partition {number} of the journal comes again after another")
            self._done.add(number)
            self._partitions = [open_partition(number, MemoryPartition()) for _ in self._programs]
            self._cut += [number] if entries[0][0] > 0 else []
            self._next = 0
        if entries[0][0] < self._next:
            raise UnorderedJournal(f"offset {entries[0][0]} of partition {number} comes after {self._next - 1}")
        self._next = entries[-1][0] + 1
        self._entries += len(entries)
        self._fold(entries)

    def report(self) -> Report:
        candidate, rules = self._candidate, isinstance(self._candidate, RuleSet)
        return Report(
            candidate=candidate.name,
            version=candidate.version,
            place=(candidate.tenant, candidate.product, candidate.currency)
            if isinstance(candidate, LendingPolicy)
            else None,
            since=self._since,
            until=self._until,
            entries=self._entries,
            unread=self._unread,
            cut=tuple(self._cut),
            recorded=Recorded(
                known=len(self._recorded),
                compared=self._compared,
                differ=self._differ,
                examples=tuple(self._differing),
            ),
            decisions=None if rules else self._decisions.changes(),
            alerts=self._alerts.changes() if rules else None,
        )

    def _fold(self, entries: Sequence[Entry]) -> None:
        """Folds under every program, splitting down to an entry that cannot be folded, as the workers do."""
        try:
            made = [self._folded(at, entries) for at in range(len(self._programs))]
        except Exception:
            if len(entries) == 1:
                self._unread += 1
                return
            half = len(entries) // 2
            self._fold(entries[:half])
            self._fold(entries[half:])
            return
        for partition, folded in zip(self._partitions, made, strict=True):
            partition.store.write(folded.rows, None)
            folded.settle(partition)
        self._compare(made, entries)

    def _folded(self, at: int, entries: Sequence[Entry]) -> Folded:
        values = [value for _, _, value in entries if value is not None]
        if len(values) < len(entries):
            raise BadEntry("a journal record without a value")
        offsets, keys = [offset for offset, _, _ in entries], [key for _, key, _ in entries]
        return fold(self._programs[at], self._partitions[at], keys, values, offsets, NOW)

    def _compare(self, made: Sequence[Folded], entries: Sequence[Entry]) -> None:
        folded = made[0]
        for trail in folded.decisions:
            self._hold_against_recorded(trail.decision)
        if isinstance(self._candidate, RuleSet):
            self._alerts.saw(self._customers(entries))
            was, would = ([each for each in one.alerts if self._within(each.occurred_at)] for one in made)
            self._alerts.add(was, would)
            return
        version = self._candidate.version
        before = {trail.decision.cause.offset: trail.decision for trail in folded.decisions}
        after = {
            trail.decision.cause.offset: trail.decision
            for trail in folded.shadow_decisions
            if trail.decision.policy_version == version
        }
        # Where the candidate is what decides already, it is not in shadow beside itself.
        after |= {offset: decision for offset, decision in before.items() if decision.policy_version == version}
        for offset, decision in sorted(after.items()):
            if self._within(decision.occurred_at):
                self._decisions.add(before.get(offset), decision)

    def _hold_against_recorded(self, decision: Decision) -> None:
        known = self._recorded.get(decision.decision_id)
        if known is None:
            return
        self._compared += 1
        if known != _digest(decision):
            self._differ += 1
            if len(self._differing) < EXAMPLES:
                self._differing.append(decision.decision_id)

    def _within(self, at: datetime) -> bool:
        since, until = self._since, self._until
        return (since is None or since <= at) and (until is None or at < until)

    def _customers(self, entries: Sequence[Entry]) -> Iterable[bytes]:
        headers = headers_of([value or b"" for _, _, value in entries])
        since, until = self._span
        wanted = headers["kind"] < BROADCAST
        wanted &= True if since is None else headers["occurred_at"] >= since
        wanted &= True if until is None else headers["occurred_at"] < until
        return (key for at in np.flatnonzero(wanted).tolist() if (key := entries[at][1]) is not None)


def _digest(decision: Decision) -> bytes:
    """16 bytes that stand for all that a decision says but for when it was made."""
    return blake2b(encode_decision(structs.replace(decision, decided_at=NOW)), digest_size=16).digest()

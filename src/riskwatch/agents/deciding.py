"""The applications of one batch: asked about when their entry is opened, decided when answers or time have come.

An application's own place in the journal gives what is known of the customer (features, own record). It is decided at
once where no policy asks who else uses its identifiers; else at the place of the last answer, or of the first tick from
its deadline on. The policy is that of its own place: published by then, and in force at the instant at which it was
ingested, else the worker's own. Policies in shadow are assessed beside it on the same inputs; what they say goes into
trails of their own and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from riskwatch.agents.casework import Casework
from riskwatch.agents.folded import Program, RuleFailure
from riskwatch.agents.partition import Partition
from riskwatch.features.account import Account
from riskwatch.features.linkmessages import LinkFacts, Probe, decode_link_answer, decode_ring_answer
from riskwatch.features.pending import MAX_PENDING, Pending, answered, probes_of, ring_answered
from riskwatch.policy.applicant import inputs_of, own_record
from riskwatch.policy.deciding import Asked, trail_of
from riskwatch.policy.faults import PolicyError
from riskwatch.policy.lending import LendingPolicy, assess
from riskwatch.policy.libraryfacts import library_facts
from riskwatch.policy.linkfacts import NO_LINKS, link_inputs
from riskwatch.policy.publication import journaled_publication
from riskwatch.policy.shelf import Row, Shelf
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.decisions import Decision, DecisionTrail
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent, LoanApplied
from riskwatch.streams.identity import identities_of
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import BadEntry, event_of, from_ms, payload_of


class Closing(Struct, frozen=True, kw_only=True):
    """An application that is to be decided, with what is read at that place of the journal. `place`: of the part;
    `policy`: None where only policies in shadow have something to say."""

    place: int
    pending: Pending
    event: LoanApplied
    key: bytes
    policy: LendingPolicy | None
    shadows: tuple[LendingPolicy, ...]
    shared: Mapping[str, Value]


class Deciding:
    """`place`: how many of the part's entries come before; everything is told in journal order.

    `probes`: what is to be asked. `trails`, `shadow_trails`: what was decided, in the order in which that became clear.
    `waiting`: of each customer who was looked at, whether an application waits. `without_policy` counts applications
    for which the institution has no lending policy, or none in their currency: they get no decision. `unanswered`
    counts those whose deadline came first. `failures`: policies in shadow that raised.
    """

    def __init__(self, program: Program, partition: Partition, casework: Casework) -> None:
        self._program = program
        self._partition = partition.number
        self._casework = casework
        self._shelf = partition.shelf.over(program.lending, program.shadows)
        self._published: dict[bytes, bytes | None] = {}
        self._fresh: list[tuple[int, Pending]] = []
        self._closings: list[Closing] = []
        self.probes: list[Probe] = []
        self._answers: list[tuple[int, LinkFacts]] = []
        self.trails: list[DecisionTrail] = []
        self.shadow_trails: list[DecisionTrail] = []
        self.waiting: dict[bytes, bool] = {}
        self.without_policy = 0
        self.unanswered = 0
        self.failures: list[RuleFailure] = []

    @property
    def shelved(self) -> Shelf:
        """What is published so far, over the worker's own policies. It goes on to change."""
        return self._shelf

    @property
    def shelf(self) -> Shelf | None:
        """What is published after the batch; None where nothing has changed."""
        return self._shelf if self._published else None

    @property
    def rows(self) -> list[Row]:
        """Reserved rows of what was published, to be written."""
        return list(self._published.items())

    def publish(self, payload: bytes, offset: int) -> None:
        """A policy was published: it counts for the applications after its entry, from the instant that it names.
        Raises `BadEntry` where it cannot decide."""
        try:
            publication = journaled_publication(payload)
        except PolicyError as error:
            raise BadEntry(f"journal entry {offset} publishes no policy that can decide: {error}") from error
        self._published.update(self._shelf.put(publication, offset))

    def note(
        self, place: int, offset: int, entry: np.void, event: LoanApplied, payload: bytes, key: bytes, account: Account
    ) -> None:  # fmt: skip
        """An application, with the account as it stands at its place. `payload`: the event as the entry holds it."""
        at_ms, event_hash = int(entry["occurred_at"]), int(entry["event"])
        probes = probes_of(event, event_hash, key, at_ms) if self._program.links else []
        self.probes += probes
        ingested_ms = int(entry["ingested_at"])
        policy, shadows = self._policies(event, ingested_ms, offset)
        if policy is None:
            self.without_policy += 1
            if not shadows:
                return
        waits = policy is not None and self._program.waits_for_links(policy)  # for what a shadow reads nobody waits
        pending = Pending(
            event=payload,
            event_hash=event_hash,
            offset=offset,
            occurred_ms=at_ms,
            ingested_ms=ingested_ms,
            deadline_ms=ingested_ms + (0 if policy is None else policy.deadline_ms),
            own=own_record(account, at_ms, self._program.zone(event.tenant)),
            waits=[each.probe_id for each in probes] if waits else [],
        )
        self._fresh.append((place, pending))
        if not pending.waits:
            self._close(place, pending, event, key, NO_LINKS)
        elif len(account.pending) >= MAX_PENDING:
            self._close(place, pending, event, key, link_inputs((), 1, complete=False))
        else:
            account.pending.append(pending)
            self.waiting[key] = True

    def answer(self, kind: int, place: int, value: bytes, key: bytes, account: Account) -> None:
        """What the links or the rings answered, perhaps about an application that waits for it."""
        if kind == Kind.LINK_ANSWERED:
            links = decode_link_answer(payload_of(value))
            self._answers.append((place, links.facts))
            for pending in account.pending:
                if pending.event_hash == links.event:
                    answered(pending, links)
        else:
            rings = decode_ring_answer(payload_of(value))
            for pending in account.pending:
                if pending.event_hash == rings.event:
                    ring_answered(pending, rings)
        for pending in [each for each in account.pending if not each.waits]:
            self._decide(place, pending, key, account, complete=True)

    def overdue(self, now_ms: int, place: int, key: bytes, account: Account) -> None:
        """Time has reached `now_ms`: applications whose deadline has come are decided with what there is."""
        for pending in [each for each in account.pending if each.deadline_ms <= now_ms]:
            self.unanswered += 1
            self._decide(place, pending, key, account, complete=False)

    def _decide(self, place: int, pending: Pending, key: bytes, account: Account, *, complete: bool) -> None:
        account.pending.remove(pending)
        self.waiting[key] = bool(account.pending)
        event = loan_applied(event_of(pending.event))
        self._close(place, pending, event, key, link_inputs(pending.facts, pending.ring_size, complete=complete))

    def _close(self, place: int, pending: Pending, event: LoanApplied, key: bytes, shared: Mapping[str, Value]) -> None:
        policy, shadows = self._policies(event, pending.ingested_ms, pending.offset)
        if policy is None and not shadows:  # there was one when it was asked about: the book has changed in between
            self.without_policy += 1
            return
        known = library_facts(  # of cases and lists as they stand here, which may be behind the application's own place
            self._casework.library,
            event.tenant,
            event.customer_id,
            identities_of(event),
            event.sketches,
            pending.occurred_ms,
        )
        shared = {**shared, **known}
        self._closings.append(
            Closing(place=place, pending=pending, event=event, key=key, policy=policy, shadows=shadows, shared=shared)
        )

    def _policies(
        self, event: LoanApplied, ingested_ms: int, offset: int
    ) -> tuple[LendingPolicy | None, tuple[LendingPolicy, ...]]:
        asked = (event.tenant, event.product, event.currency, ingested_ms, offset)
        return self._shelf.policy_for(*asked), self._shelf.shadows_for(*asked)

    def take_answers(self) -> list[tuple[int, LinkFacts]]:
        """Place and facts of each answer about an identifier in this part of the batch, for the rules."""
        answers, self._answers = self._answers, []
        return answers

    def decide(self, matrix: NDArray[np.float64], decided_at: datetime) -> list[tuple[int, Decision]]:
        """A decision for each application that is to be decided, and those of the policies in shadow. `matrix`:
        float64[n, features], a line for each of the part's entries. → the decisions, each with its place of the part.
        """
        decisions = []
        for place, pending in self._fresh:
            pending.features = matrix[place].tobytes()
        for closing in self._closings:
            asked, inputs, opened_on = self._asked(closing)
            if closing.policy is not None:
                trail = trail_of(assess(closing.policy, inputs, opened_on), asked, decided_at)
                self.trails.append(trail)
                decisions.append((closing.place, trail.decision))
            self.shadow_trails += self._shadow_trails(closing.shadows, asked, inputs, opened_on, decided_at)
        self._fresh, self._closings = [], []
        return decisions

    def _asked(self, closing: Closing) -> tuple[Asked, dict[str, Value], date]:
        """The application, its inputs, and the day from which a plan runs."""
        event, pending = closing.event, closing.pending
        zone = self._program.zone(event.tenant)
        occurred_at = from_ms(pending.occurred_ms)
        line = np.frombuffer(pending.features, dtype="<f8").tolist()
        features = dict(zip(self._program.layout.names, line, strict=True))
        inputs = inputs_of(event, pending.own, features, zone)
        inputs.update(closing.shared)
        cause = Cause(
            partition=self._partition,
            offset=pending.offset,
            event_id=event.event_id,
            event_type=type(event).__name__,
        )
        asked = Asked(
            event=event,
            key=closing.key,
            event_hash=pending.event_hash,
            cause=cause,
            occurred_at=occurred_at,
            links=pending.facts,
        )
        return asked, inputs, occurred_at.astimezone(zone).date()

    def _shadow_trails(
        self, shadows: Sequence[LendingPolicy], asked: Asked, inputs: Mapping[str, Value], opened_on: date,
        decided_at: datetime,
    ) -> list[DecisionTrail]:  # fmt: skip
        trails = []
        for policy in shadows:
            try:
                assessment = assess(policy, inputs, opened_on)
            except Exception as error:  # a shadow's defect must not stop the decision beside it
                self.failures.append(RuleFailure(f"shadow:{policy.name}", asked.cause.offset, repr(error)))
                continue
            trails.append(trail_of(assessment, asked, decided_at, shadow=True))
        return trails


def loan_applied(event: AnyEvent) -> LoanApplied:
    """The event, which is an application. Raises `BadEntry` for another under an application's header."""
    if not isinstance(event, LoanApplied):
        raise BadEntry(f"an entry of kind LOAN_APPLIED holds a {type(event).__name__}")
    return event

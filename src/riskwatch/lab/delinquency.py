"""When loans were at risk of reaching 30 days past due, and when they reached it: what early warnings are measured by.

A loan is at risk from when something of it is to be paid until it is 30 days past due, all paid, or out of sight; after
30 days past due it is at risk again once nothing of it is past due. `Ledgers` follows the events of any portfolio with
the fold's own account, so days past due are counted as the worker counts them; a form that only knows months writes its
`Book` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, tzinfo

from msgspec import Struct, field

from riskwatch.features.account import Account, evolve_account
from riskwatch.features.delinquency import oldest_open
from riskwatch.features.loanfacts import TELL
from riskwatch.features.timers import day_of, start_of_day
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.packing import hash64, to_ms

REACHED_DPD, FURTHER_DPD = 30, 60
"""Days past due that a warning is to come before, and those that say how bad it became."""

DAY_MS = 86_400_000

LoanKey = tuple[str, str, str]
"""Tenant, customer and loan id."""


class Spell(Struct):
    """A loan at risk in `[begins, ends)`, ms. `reached`: it ended with 30 days past due, and `further` says when it was
    60 (None: not, as far as known). `known`: nothing was left open where it ended otherwise. `late`: when something of
    it was past due: the beginning of the due day, and until when that was so."""

    begins: int
    ends: int = 0
    reached: bool = False
    known: bool = True
    further: int | None = None
    late: list[tuple[int, int]] = field(default_factory=list)


class Book(Struct):
    """Spells of each loan, in order of time, and how many loans were 30 days past due when they were first seen.

    `told`: what the records can tell of the days, for whoever reads the figures.
    """

    spells: dict[LoanKey, list[Spell]] = field(default_factory=dict)
    begun_late: int = 0
    told: str = ""

    def begin(self, loan: LoanKey, at_ms: int) -> None:
        """The loan is at risk from now on."""
        self.spells.setdefault(loan, []).append(Spell(at_ms))

    def end(self, loan: LoanKey, at_ms: int, *, reached: bool = False, known: bool = True) -> None:
        """It is no more. A spell that never lasted is none: a loan that is 30 days past due at once could not be warned
        of."""
        spell = self.spells[loan][-1]
        if at_ms <= spell.begins:
            self.spells[loan].pop()
            if not self.spells[loan]:
                del self.spells[loan]
            self.begun_late += reached
            return
        spell.ends, spell.reached, spell.known = at_ms, reached, known

    def is_late(self, loan: LoanKey, due_ms: int, until_ms: int) -> None:
        """Something that fell due at `due_ms` was open until then; of a loan that is at risk."""
        late = self.spells[loan][-1].late
        if late and late[-1][0] == due_ms:
            late.pop()
        late.append((due_ms, until_ms))

    def reach_further(self, loan: LoanKey, at_ms: int) -> None:
        """The loan that reached 30 days past due has reached 60."""
        held = self.spells.get(loan)
        if held and held[-1].reached and held[-1].further is None:
            held[-1].further = at_ms


class _Watched(Struct):
    loan: LoanKey
    seen_ms: int
    at_risk: bool = False
    late: bool = False
    first_due: int | None = None


class Ledgers:
    """Follows events as they arrive. `zone`: that of a tenant, in which its days end."""

    def __init__(self, zone: Callable[[str], tzinfo] = lambda _: UTC, told: str = "") -> None:
        self._zone = zone
        self._book = Book(told=told)
        self._accounts: dict[tuple[str, str], Account] = {}
        self._loans: dict[LoanKey, _Watched] = {}
        self._newest_ms = 0
        self._taken: set[int] = set()

    def through(self, events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
        """The same events, each followed as it passes."""
        for event in events:
            self.take(event)
            yield event

    def take(self, event: AnyEvent) -> None:
        """An event as it arrives: one that comes late counts from now on, one that comes again not at all."""
        at_ms = to_ms(event.occurred_at)
        now_ms = self._newest_ms = max(self._newest_ms, at_ms)
        if type(event) not in TELL:
            return
        name = hash64(event.tenant, event.event_id)
        if name in self._taken:
            return
        self._taken.add(name)
        zone = self._zone(event.tenant)
        account = self._accounts.setdefault((event.tenant, event.customer_id), Account())
        loan_id: str = event.loan_id  # type: ignore[union-attr, assignment]
        key = event.tenant, event.customer_id, loan_id
        watched = self._loans.get(key)
        if watched is None:
            watched = self._loans[key] = _Watched(key, now_ms)
        self._pass(watched, now_ms, zone)
        evolve_account(account, event, at_ms, zone)
        held = account.loans.get(loan_id)
        oldest = None if held is None or held.written_day or held.sold_day else oldest_open(held)
        watched.first_due = None if oldest is None else oldest.pay_day
        watched.seen_ms = now_ms
        self._stand(watched, now_ms, zone)

    def book(self) -> Book:
        """What was found up to the newest event; the ledgers are closed by it."""
        for watched in self._loans.values():
            self._pass(watched, self._newest_ms, self._zone(watched.loan[0]))
            if watched.at_risk:
                self._book.end(watched.loan, self._newest_ms, known=False)
                watched.at_risk = False
        return self._book

    def _pass(self, watched: _Watched, now_ms: int, zone: tzinfo) -> None:
        """What the time since the loan's last event has brought."""
        if watched.first_due is None:
            return
        due_ms = start_of_day(watched.first_due, zone)
        if watched.at_risk and max(due_ms + DAY_MS, watched.seen_ms) < now_ms:
            self._book.is_late(watched.loan, due_ms, now_ms)
        for dpd in (REACHED_DPD, FURTHER_DPD):
            at_ms = max(start_of_day(watched.first_due + dpd, zone), watched.seen_ms)
            if at_ms > now_ms:
                return
            if dpd == FURTHER_DPD:
                self._book.reach_further(watched.loan, at_ms)
            elif watched.at_risk:
                self._book.end(watched.loan, at_ms, reached=True)
                watched.at_risk, watched.late = False, True

    def _stand(self, watched: _Watched, at_ms: int, zone: tzinfo) -> None:
        """How the loan stands after an event."""
        due = watched.first_due
        if watched.late and (due is None or due >= day_of(at_ms, zone)):
            watched.late = False
        if due is None and watched.at_risk:
            self._book.end(watched.loan, at_ms)
            watched.at_risk = False
        elif due is not None and not watched.at_risk and not watched.late:
            self._book.begin(watched.loan, at_ms)
            watched.at_risk = True
            self._pass(watched, at_ms, zone)

"""A customer's line of credit with one product in one currency: the terms in force, and those that are announced.

A line begins with an approval or with a loan, and then follows what `policy.accountdeciding` decides and what a
rollback restores. State in, state out; time is an argument. Money in minor units, rates in basis points a year,
instants in ms.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from riskwatch.streams.accountactions import AnyAction, Compensation, Terms
from riskwatch.streams.decisions import Decision
from riskwatch.streams.events import LoanOpened
from riskwatch.streams.packing import to_ms


class Announced(Struct, frozen=True, array_like=True):
    """A limit or a rate that is announced: in force from `from_ms` on. `action`: id of the action that says so."""

    value: int
    from_ms: int
    action: str


class CreditState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of credit.

    `granted_*`: what the line was granted with, against which a grade's limit and rate are reckoned; `approved`: by a
    decision on an application. `opened_ms`: its first loan, None before. `changed_ms`: when grade, limit or rate last
    changed or came into force: the cool-off counts from it; `frozen_ms`: since when it is frozen. `last_action`: id of
    the newest action applied. `shadow`: the line as a policy in shadow would have it; live actions pass it by, as
    shadow's pass a live one by.
    """

    product: str
    currency: str
    grade: str | None = None
    limit: int = 0
    rate_bp: int | None = None
    frozen: bool = False
    granted_grade: str | None = None
    granted_limit: int = 0
    granted_rate_bp: int | None = None
    opened_ms: int | None = None
    changed_ms: int = 0
    frozen_ms: int | None = None
    next_limit: Announced | None = None
    next_rate: Announced | None = None
    last_action: str = ""
    approved: bool = False
    shadow: bool = False

    @property
    def terms(self) -> Terms:
        """The terms in force."""
        return Terms(grade=self.grade, limit=self.limit, rate_bp=self.rate_bp, frozen=self.frozen)

    @property
    def announced(self) -> bool:
        """Whether a limit or a rate is announced and not in force yet."""
        return self.next_limit is not None or self.next_rate is not None


@lru_cache(maxsize=1_024)
def basis_points(annual_rate: float) -> int:
    """An annual rate as it is written in decimals, 0.24 being 24 %, in whole basis points, rounded down."""
    return int(Fraction(str(annual_rate)) * 10_000)


def granted(state: CreditState | None, decision: Decision, at_ms: int) -> CreditState | None:
    """The line after a decision on an application. An approval begins a line, or grants a line anew: what was announced
    before is void, and a freeze stays. Anything but an approval, and shadow's, changes nothing."""
    if decision.outcome != "approve" or decision.shadow:
        return state
    rate = None if decision.annual_rate is None else basis_points(decision.annual_rate)
    held = CreditState(product=decision.product, currency=decision.currency) if state is None else state
    return replace(
        held,
        grade=decision.grade,
        limit=decision.limit,
        rate_bp=rate,
        granted_grade=decision.grade,
        granted_limit=decision.limit,
        granted_rate_bp=rate,
        changed_ms=at_ms,
        next_limit=None,
        next_rate=None,
        last_action="",
        approved=True,
    )


def opened(state: CreditState | None, event: LoanOpened, at_ms: int, in_use: int) -> CreditState:
    """The line after a loan. Where no approval came before it, what is lent says what was granted. `in_use`: what the
    customer owes on the line with this loan.

    A line that an approval granted is not granted more by its loans. Of any other the limit in force is not below what
    is lent, but a loan undoes nothing that a policy has done: a frozen line's terms stay, what is announced stands (and
    comes into force at what is in use by then, see `limit_due`), and once the limit was moved, or is announced to,
    `granted_limit` stays, by which a grade's limit is reckoned."""
    if state is None:
        rate = None if event.annual_rate is None else basis_points(event.annual_rate)
        limit = max(event.principal, in_use)
        return CreditState(
            product=event.product,
            currency=event.currency,
            limit=limit,
            rate_bp=rate,
            granted_limit=limit,
            granted_rate_bp=rate,
            opened_ms=at_ms,
            changed_ms=at_ms,
        )
    if state.opened_ms is None:
        state = replace(state, opened_ms=at_ms)
    if state.approved or state.frozen or in_use <= state.limit:
        return state
    as_granted = state.limit == state.granted_limit and state.next_limit is None
    return replace(state, limit=in_use, granted_limit=in_use if as_granted else state.granted_limit)


def applies(state: CreditState, action: AnyAction) -> bool:
    """Whether an action changes the line: not one that was applied last, not shadow's on a live line, and no
    compensation after anything else has acted on the line than what it undoes."""
    if action.action_id == state.last_action or action.shadow != state.shadow:
        return False
    return not isinstance(action, Compensation) or action.undoes[-1] == state.last_action


def acted(state: CreditState, action: AnyAction) -> CreditState:
    """The line after an action; as it was where the action does not apply. A limit that a compensation lowers stands as
    announced, even for at once: `reach` looks at what is in use before it is in force."""
    if not applies(state, action):
        return state
    at_ms, after, moves = to_ms(action.announced_at), action.after, action.moves
    if "grade" in moves:
        state = replace(state, grade=after.grade)
        if after.grade is None:
            state = replace(state, granted_grade=None)
        elif action.change == "placed" or state.granted_grade is None:
            state = replace(state, granted_grade=after.grade, granted_limit=state.limit, granted_rate_bp=state.rate_bp)
    if "limit" in moves:
        from_ms = to_ms(action.limit_from)
        waits = from_ms > at_ms or (isinstance(action, Compensation) and after.limit < state.limit)
        if waits:
            state = replace(state, next_limit=Announced(after.limit, from_ms, action.action_id))
        else:
            state = replace(state, limit=after.limit, next_limit=None)
    if "rate" in moves:
        from_ms = to_ms(action.rate_from)
        if from_ms > at_ms and after.rate_bp is not None:
            state = replace(state, next_rate=Announced(after.rate_bp, from_ms, action.action_id))
        else:
            state = replace(state, rate_bp=after.rate_bp, next_rate=None)
    if "frozen" in moves:
        state = replace(state, frozen=after.frozen, frozen_ms=at_ms if after.frozen else None)
    changed_ms = state.changed_ms if moves == ["frozen"] else max(state.changed_ms, at_ms)
    return replace(state, last_action=action.action_id, changed_ms=changed_ms)


def limit_due(state: CreditState, now_ms: int, in_use: int) -> int | None:
    """The limit that comes into force now, None where none does: as announced, but where more is in use, what is in use
    (the limit in force at most)."""
    due = state.next_limit
    if due is None or due.from_ms > now_ms:
        return None
    return max(due.value, min(state.limit, in_use))


def reach(state: CreditState, now_ms: int, in_use: int) -> CreditState:
    """The line at `now_ms`: what was announced for up to now is in force. `in_use`: what the customer owes."""
    limit, rate = limit_due(state, now_ms, in_use), state.next_rate
    if limit is not None and state.next_limit is not None:
        changed_ms = max(state.changed_ms, state.next_limit.from_ms)
        state = replace(state, limit=limit, next_limit=None, changed_ms=changed_ms)
    if rate is not None and rate.from_ms <= now_ms:
        changed_ms = max(state.changed_ms, rate.from_ms)
        state = replace(state, rate_bp=rate.value, next_rate=None, changed_ms=changed_ms)
    return state


def next_look(state: CreditState) -> int | None:
    """The next instant (ms) at which something announced comes into force; None for never."""
    return min((each.from_ms for each in (state.next_limit, state.next_rate) if each is not None), default=None)

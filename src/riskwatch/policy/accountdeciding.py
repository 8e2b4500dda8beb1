"""What is done about a line of credit after an entry: grade, limit and rate moved, frozen, or nothing.

Pure: equal inputs give equal actions with equal ids. Live and shadow run the same function; the state says which it is.
The caller applies an action with `features.credit.acted`, and asks for the next with the state that it gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from riskwatch.features.credit import CreditState, basis_points, limit_due
from riskwatch.policy.accountmoves import BOUNDS, limit_target, move_limit, move_rate, rate_target
from riskwatch.policy.accountpolicy import AccountPolicy, grade_named, graded
from riskwatch.policy.accounttexts import FRAUD_CLEARED, IN_USE, LEGAL_CAP, LINE_GRADED, account_text_of
from riskwatch.policy.accountvocabulary import ACCOUNT, DAY_MS, facts_at
from riskwatch.policy.accountvocabulary import IN_USE as IN_USE_INPUT
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingcondition import LendingCondition, check_lending_condition
from riskwatch.policy.lendingladder import MOST_REASONS
from riskwatch.scoring.scorecard import Part as Points
from riskwatch.scoring.scorecard import Scored, Value, most_lost, points_with, score_with
from riskwatch.streams.accountactions import (
    AccountAction,
    AccountReason,
    Change,
    Part,
    Terms,
    action_identity,
    batch_of,
)
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import from_ms, split_key

Why = tuple[str, dict[str, Value]]
"""A reason's code and the values behind it."""


class Occasion(Struct, frozen=True, kw_only=True):
    """The entry after which a line is looked at. `key`: customer key; `event_hash`: the entry's; `kind`: its name as
    policies write it, such as RepaymentReceived; `decided_at`: the worker's clock."""

    key: bytes
    event_hash: int
    kind: str
    cause: Cause
    decided_at: datetime


class Looked(Struct, frozen=True):
    """What a look at a line brings. `points`: the behaviour score, None where the entry asks for none, or an input that
    is required is unknown."""

    action: AccountAction | None = None
    points: float | None = None


def decide_account(
    policy: LendingPolicy, state: CreditState, inputs: Mapping[str, Value], now_ms: int, occasion: Occasion
) -> AccountAction | None:
    """What the entry brings for the line, None for nothing: see `look`."""
    return look(policy, state, inputs, now_ms, occasion).action


def look(
    policy: LendingPolicy, state: CreditState, inputs: Mapping[str, Value], now_ms: int, occasion: Occasion
) -> Looked:
    """One look at a line after an entry. `inputs`: of `accountvocabulary.INPUTS`, what is known; `now_ms`: event time,
    up to which `features.credit.reach` has brought the state.

    The first of these that has something to say decides: the lifting of a freeze (a frozen line rests otherwise), a
    freeze, a rate above the legal cap, the score. Freeze rules and the cap are looked at whatever the entry, the score
    after the kinds of `on`. Nothing moves by the score within the cool-off, while something is announced and not in
    force, or where a required input is unknown. Raises nothing, whatever the inputs, for a policy without faults.
    """
    account = policy.account
    if account is None:
        return Looked()
    facts = facts_at(inputs, state, now_ms)
    by_score = occasion.kind in account.on and all(facts.get(name) is not None for name in account.required)
    points = points_with(account.scorecard, facts) if by_score else None
    return Looked(_decided(_Look(policy, account, state, facts, now_ms, occasion), by_score), points)


def _decided(look: _Look, by_score: bool) -> AccountAction | None:
    policy, account, state, facts, now_ms = look.policy, look.account, look.state, look.facts, look.now_ms
    firing = _firing(policy, account, facts)
    if state.frozen:
        lifted = look.occasion.kind in account.clear_on and all(fired is False for fired, _ in firing)
        return (
            look.action("unfrozen", ["frozen"], _terms(state, frozen=False), [(FRAUD_CLEARED, {})]) if lifted else None
        )
    held = [why for fired, why in firing if fired]
    if held:
        return look.action("frozen", ["frozen"], _terms(state, frozen=True), held)
    cap = basis_points(policy.pricing.legal_cap)
    if state.rate_bp is not None and state.rate_bp > cap:
        why: Why = (LEGAL_CAP, {"account.rate_bp": float(state.rate_bp)})
        return look.action("capped", ["rate"], _terms(state, rate_bp=cap), [why], bounds=["legal-cap"])
    resting = now_ms - state.changed_ms < account.cool_off_days * DAY_MS
    return look.by_score(cap) if by_score and not state.announced and not resting else None


def adjust(
    policy: LendingPolicy, state: CreditState, in_use: int, now_ms: int, occasion: Occasion
) -> AccountAction | None:
    """To be asked before `features.credit.reach` at a tick: where a lower limit is due and more is in use, the action
    that says which limit comes into force instead. `in_use`: owed on the line, minor units."""
    limit, announced = limit_due(state, now_ms, in_use), state.next_limit
    if policy.account is None or limit is None or announced is None or limit == announced.value:
        return None
    one = _Look(policy, policy.account, state, {}, now_ms, occasion)
    return one.action("adjusted", ["limit"], _terms(state, limit=limit), [(IN_USE, {IN_USE_INPUT: float(in_use)})],
                      bounds=["in-use"])  # fmt: skip


class _Look(Struct, frozen=True):
    """One look at a line, with all that an action of it says."""

    policy: LendingPolicy
    account: AccountPolicy
    state: CreditState
    facts: Mapping[str, Value]
    now_ms: int
    occasion: Occasion

    def by_score(self, cap: int) -> AccountAction | None:
        """What the behaviour score asks for. `cap`: the legal cap on the rate, basis points."""
        account, state = self.account, self.state
        scored = score_with(account.scorecard, self.facts)
        current, base = grade_named(account, state.grade), grade_named(account, state.granted_grade)
        grade = graded(account, scored.points, current)
        if current is None or base is None:  # what another grade would mean for the line is known from here on
            terms = _terms(state, grade=grade.name)
            return self.action("placed", ["grade"], terms, [(LINE_GRADED, {})], scored=scored)
        in_use = self.facts.get(IN_USE_INPUT)
        limit = move_limit(
            account,
            state.limit,
            limit_target(account, state.granted_limit, base, grade),
            int(in_use) if isinstance(in_use, float) else None,
        )
        bounds = limit.bounds
        rate_bp = state.rate_bp
        if rate_bp is not None and state.granted_rate_bp is not None:
            rate = move_rate(account, rate_bp, rate_target(state.granted_rate_bp, base, grade), cap)
            rate_bp, bounds = rate.value, bounds | rate.bounds
        after = Terms(grade=grade.name, limit=limit.value, rate_bp=rate_bp, frozen=state.frozen)
        moves = _differing(state.terms, after)
        if not moves:
            return None
        # Worse in any part is told by what speaks against the customer, as an adverse action has to be.
        worse = _place(account, grade.name) > _place(account, state.grade) or _worse(state.terms, after)
        whys = _lost(scored) if worse else _gained(account, scored)
        return self.action(
            "moved", moves, after, whys, bounds=[code for code in BOUNDS if code in bounds], scored=scored
        )

    def action(
        self,
        change: Change,
        moves: list[Part],
        after: Terms,
        whys: Iterable[Why],
        *,
        bounds: Iterable[str] = (),
        scored: Scored | None = None,
    ) -> AccountAction:
        """The record. What is worse for the customer and not a freeze is in force after its notice."""
        policy, state, occasion, at = self.policy, self.state, self.occasion, from_ms(self.now_ms)
        tenant, customer_id = split_key(occasion.key)
        limit_from = rate_from = at
        if change == "moved":
            if after.limit < state.limit:
                limit_from = at + timedelta(days=self.account.limit_notice_days)
            if state.rate_bp is not None and after.rate_bp is not None and after.rate_bp > state.rate_bp:
                rate_from = at + timedelta(days=self.account.rate_notice_days)
        return AccountAction(
            action_id=action_identity(
                occasion.key,
                state.product,
                state.currency,
                occasion.event_hash,
                change,
                shadow=state.shadow,
                version=policy.version if state.shadow else "",
            ),
            tenant=tenant,
            customer_id=customer_id,
            product=state.product,
            currency=state.currency,
            change=change,
            before=state.terms,
            after=after,
            moves=moves,
            announced_at=at,
            limit_from=limit_from,
            rate_from=rate_from,
            effective_from=max(limit_from, rate_from),
            reasons=_reasons(policy, whys),
            points=None if scored is None else scored.points,
            pd=None if scored is None else scored.pd,
            bounds=list(bounds),
            cause=occasion.cause,
            policy=policy.name,
            policy_version=policy.version,
            batch=batch_of(policy.name, policy.version),
            decided_at=occasion.decided_at,
            shadow=state.shadow,
        )


def _firing(policy: LendingPolicy, account: AccountPolicy, facts: Mapping[str, Value]) -> list[tuple[bool | None, Why]]:
    """Each freeze rule: whether it holds (None where unknown), and why."""
    judged: list[tuple[bool | None, Why]] = []
    for rule in account.freeze:
        condition = check_lending_condition(rule.when, (), ACCOUNT)
        if not isinstance(condition, LendingCondition):
            raise ValueError(f"rule {rule.name} of {policy.name} was not checked: {condition[0]}")
        judged.append((condition.judge(facts), (rule.reason, condition.values(facts))))
    return judged


def _terms(
    state: CreditState, *, grade: str | None = None, limit: int | None = None, rate_bp: int | None = None,
    frozen: bool | None = None,
) -> Terms:  # fmt: skip
    """The terms in force with changes."""
    return Terms(
        grade=state.grade if grade is None else grade,
        limit=state.limit if limit is None else limit,
        rate_bp=state.rate_bp if rate_bp is None else rate_bp,
        frozen=state.frozen if frozen is None else frozen,
    )


def _differing(before: Terms, after: Terms) -> list[Part]:
    pairs: tuple[tuple[Part, bool], ...] = (
        ("grade", before.grade != after.grade),
        ("limit", before.limit != after.limit),
        ("rate", before.rate_bp != after.rate_bp),
    )
    return [part for part, differs in pairs if differs]


def _place(account: AccountPolicy, name: str | None) -> int:
    return next(place for place, grade in enumerate(account.grades) if grade.name == name)


def _worse(before: Terms, after: Terms) -> bool:
    dearer = before.rate_bp is not None and after.rate_bp is not None and after.rate_bp > before.rate_bp
    return after.limit < before.limit or dearer


def _lost(scored: Scored) -> list[Why]:
    return [(part.reason, {part.reads: part.value}) for part in most_lost(scored, MOST_REASONS)]


def _gained(account: AccountPolicy, scored: Scored) -> list[Why]:
    """What lies farthest above the least points of its characteristic, the most first, ties in the card's order."""
    least = {
        each.name: min([each.missing, *(one.points for one in each.bins)]) for each in account.scorecard.characteristics
    }

    def gain(part: Points) -> Decimal:  # in decimal, as the card writes its points, so that equal gains are equal
        return Decimal(str(part.points)) - Decimal(str(least[part.characteristic]))

    gained = sorted((part for part in scored.parts if gain(part) > 0), key=lambda part: -gain(part))
    return [(account.gains[part.characteristic], {part.reads: part.value}) for part in gained[:MOST_REASONS]]


def _reasons(policy: LendingPolicy, whys: Iterable[Why]) -> list[AccountReason]:
    kept: dict[str, AccountReason] = {}
    for code, values in whys:
        texts = account_text_of(code, policy.texts)
        kept.setdefault(code, AccountReason(code=code, en=texts.en, zh=texts.zh, values=dict(values)))
    return list(kept.values())[:MOST_REASONS]

"""Undoing what a bad policy did to lines of credit: from what was published on them to the compensating actions.

What a batch did to a line is undone as a whole: the compensation restores the terms before the batch's first action on
it. A line on which anything else has acted since is left alone and reported, for its terms are no longer the batch's.
A compensation's id is made of the ids that it undoes, and a line that has been compensated is seen to be: working the
same rollback out again undoes nothing twice. A compensation belongs to a batch of its own, so that it can be undone
too. An approval that granted a line anew is no action: `features.credit.applies` passes such a line by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from riskwatch.streams.accountactions import (
    PARTS,
    AccountReason,
    AnyAction,
    Compensation,
    Part,
    Terms,
    compensation_identity,
)
from riskwatch.streams.packing import customer_key

ROLLBACK = "rollback/"
"""Begins the batch of compensations: what undid `b` is the batch `rollback/b`."""

_REASON = AccountReason(
    code="terms-restored",
    en="We have taken back a change of your terms that was made in error.",
    zh="此前对您账户条件的调整有误，现予以恢复。",
    values={},
)


class Batch(Struct, frozen=True, kw_only=True):
    """Which actions to undo: those of `name` (a policy and version as `AccountOutput.batch` says it, or a rollback),
    and announced in [`since`, `until`). None leaves open; at least one of the three is given, else `ValueError`."""

    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.name is None and self.since is None and self.until is None:
            raise ValueError("a batch names a policy's version or a range of time; this one would be everything")

    def holds(self, action: AnyAction) -> bool:
        """Whether the action is one of the batch. Shadow never acted, so there is nothing of it to undo; compensations
        are undone by name alone, or a range that is still open would undo its own."""
        if action.shadow or (self.name is None and isinstance(action, Compensation)):
            return False
        return (
            (self.name is None or action.batch == self.name)
            and (self.since is None or self.since <= action.announced_at)
            and (self.until is None or action.announced_at < self.until)
        )

    @property
    def label(self) -> str:
        """The batch in a word: its name, else its range of time."""
        if self.name is not None:
            return self.name
        since, until = ("" if each is None else each.isoformat() for each in (self.since, self.until))
        return f"{since}..{until}"


class Notice(Struct, frozen=True, kw_only=True):
    """Days between the announcement of a worsening and its force: for a lower limit, for a higher rate."""

    limit_days: int = 0
    rate_days: int = 0


class Skipped(Struct, frozen=True, kw_only=True):
    """A line that was not restored: `changed_by` is the first action on it that is not of the batch."""

    tenant: str
    customer_id: str
    product: str
    currency: str
    changed_by: str


class Rollback(Struct, frozen=True, kw_only=True):
    """`compensations` to publish, in the order of their lines' first actions; `skipped`: lines that have changed since;
    `done`: ids of compensations that were published before."""

    compensations: tuple[Compensation, ...]
    skipped: tuple[Skipped, ...]
    done: tuple[str, ...]


NO_NOTICE = Notice()


def compensate(
    published: Iterable[AnyAction], batch: Batch, at: datetime, decided_at: datetime, notice: Notice = NO_NOTICE
) -> Rollback:
    """What undoes a batch. `published`: all that was published on the lines, in journal order for each line, repeats
    included; `at`: the event time of the rollback. A restored term that is worse for the customer is in force after the
    notice."""
    lines: dict[tuple[str, str, str, str], dict[str, AnyAction]] = {}
    for action in published:
        if not action.shadow:
            line = (action.tenant, action.customer_id, action.product, action.currency)
            lines.setdefault(line, {}).setdefault(action.action_id, action)
    compensations: list[Compensation] = []
    skipped: list[Skipped] = []
    done: list[str] = []
    for (tenant, customer, product, currency), told in lines.items():
        actions = [*told.values()]
        undone_by = _undone(actions)
        ours = [action for action in actions if batch.holds(action)]
        done += dict.fromkeys(undone_by[each.action_id] for each in ours if each.action_id in undone_by)
        mine = [action for action in ours if action.action_id not in undone_by]
        if not mine:
            continue
        other = next((each for each in actions[actions.index(mine[0]) :] if not batch.holds(each)), None)
        if other is None:
            compensations.append(_compensation(actions, mine, batch, at, decided_at, notice))
        else:
            skipped.append(
                Skipped(
                    tenant=tenant,
                    customer_id=customer,
                    product=product,
                    currency=currency,
                    changed_by=other.action_id,
                )
            )
    return Rollback(compensations=tuple(compensations), skipped=tuple(skipped), done=tuple(done))


def _undone(actions: Sequence[AnyAction]) -> dict[str, str]:
    """Ids of a line's actions that are undone → the compensation that undid each. What undid a compensation brings back
    what that had undone, so that the newest is asked first."""
    undone: dict[str, str] = {}
    for action in reversed(actions):
        if isinstance(action, Compensation) and action.action_id not in undone:
            undone |= dict.fromkeys(action.undoes, action.action_id)
    return undone


def _compensation(
    actions: Sequence[AnyAction],
    mine: Sequence[AnyAction],
    batch: Batch,
    at: datetime,
    decided_at: datetime,
    notice: Notice,
) -> Compensation:
    first = mine[0]
    undoes = [action.action_id for action in mine]
    before = terms_at(actions, at)
    moves = [part for part in PARTS if any(part in action.moves for action in mine)]

    def restored(part: Part) -> Terms:
        """The terms that hold a part as it was before the batch."""
        return next((action.before for action in mine if part in action.moves), before)

    after = Terms(
        grade=restored("grade").grade,
        limit=restored("limit").limit,
        rate_bp=restored("rate").rate_bp,
        frozen=restored("frozen").frozen,
    )
    limit_from, rate_from = in_force_from(before, after, at, notice)
    return Compensation(
        action_id=compensation_identity(
            customer_key(first.tenant, first.customer_id), first.product, first.currency, undoes
        ),
        tenant=first.tenant,
        customer_id=first.customer_id,
        product=first.product,
        currency=first.currency,
        change="rolled-back",
        before=before,
        after=after,
        moves=moves,
        announced_at=at,
        limit_from=limit_from,
        rate_from=rate_from,
        effective_from=max(limit_from, rate_from),
        reasons=[_REASON],
        batch=ROLLBACK + batch.label,
        decided_at=decided_at,
        undoes=undoes,
    )


def in_force_from(before: Terms, after: Terms, at: datetime, notice: Notice) -> tuple[datetime, datetime]:
    """When limit and rate of `after` are in force: at once, but for what is worse than `before`, after its notice."""
    lower = after.limit < before.limit
    higher = before.rate_bp is not None and after.rate_bp is not None and after.rate_bp > before.rate_bp
    return (
        at + timedelta(days=notice.limit_days if lower else 0),
        at + timedelta(days=notice.rate_days if higher else 0),
    )


def terms_at(actions: Sequence[AnyAction], at: datetime) -> Terms:
    """The terms in force on a line at an instant, from all that was published on it (one action at least). A part that
    is announced and not in force yet is not among them."""
    terms = actions[0].before
    grade, frozen, limit, rate = terms.grade, terms.frozen, terms.limit, terms.rate_bp
    for action in actions:  # a later action replaces what was announced of a part before it
        after = action.after
        grade = after.grade if "grade" in action.moves else grade
        frozen = after.frozen if "frozen" in action.moves else frozen
        limit = after.limit if "limit" in action.moves and action.limit_from <= at else limit
        rate = after.rate_bp if "rate" in action.moves and action.rate_from <= at else rate
    return Terms(grade=grade, limit=limit, rate_bp=rate, frozen=frozen)

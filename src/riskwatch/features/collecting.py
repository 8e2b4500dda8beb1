"""What is kept of the collection of a customer's loans: contacts, open actions, promises that pause, flags.

`evolve_collections` folds one fact into it; what to do next is policy and decided elsewhere (`policy/collecting.py`).
State in, state out: it is changed in place, time is an argument. A fact that is seen again changes nothing; one that
comes late is folded as what it is: its own time says what it pauses or counts for.
"""

from __future__ import annotations

from functools import singledispatch

import msgspec
from msgspec import Struct

from riskwatch.features.collectionfacts import (
    ConsentSaid,
    Contacted,
    Fact,
    Flagged,
    LoanLeft,
    Paid,
    PaymentUndone,
    Promised,
    PromiseEnded,
)

COLLECTIONS_VERSION = 1
CONTACTS_KEPT = 64
"""Newest contacts of each loan and channel that are kept beyond doubt: more than any limit may allow."""
CONTACTS_KEPT_DAYS = 62
MAX_SEEN = 128
MAX_PROMISES = 16
MAX_ENDED = 32
DAY_MS = 86_400_000

REVIEW = "review"
"""The treatment that a person's look at a dispute or a hardship is; no treatment of a policy may have its name."""
CONVERSATIONS = frozenset({"reached-customer", "refused", "promised", "disputed", "hardship"})
"""Outcomes of a contact in which the customer spoke."""
BAD_NUMBERS = frozenset({"wrong-number", "invalid-number"})


class CollectionsFault(ValueError):
    """Stored bytes that are no collections state of this version."""


class OpenAction(Struct, kw_only=True, array_like=True, gc=False):
    """An action that is not known to be done. `ending`: why it is about to be closed, `reported`: the outcome; empty
    while it stays open."""

    action_id: str
    treatment: str
    channel: str
    due_ms: int
    expires_ms: int
    ending: str = ""
    reported: str = ""


class ContactKept(Struct, kw_only=True, array_like=True, gc=False):
    """A contact that was made, or ordered by an action and lies between `from_ms` and `to_ms`. `outcome` is empty where
    none was reported; an action that expired or was withdrawn counts as made all the same."""

    channel: str
    from_ms: int
    to_ms: int
    loan_id: str = ""
    action_id: str = ""
    outcome: str = ""


class Pausing(Struct, kw_only=True, array_like=True, gc=False):
    """A promise that pauses a loan until `pay_by_ms`, the end of its day. `promise`: hash of the event that made it."""

    promise: int
    made_ms: int
    pay_by_ms: int


class LoanCollection(Struct, kw_only=True, omit_defaults=True):
    """One loan. `stage` is empty while nothing is done about it. `raised`: stages above the strategy table's;
    `steps`: actions in this stage since something came of one; `last_ms`: of the newest action, by treatment in `last`.
    `paid_part`: shares of what was past due that were paid since the last step down; `rest_from_ms`: of the newest
    payment. `episode_broken`: promises broken since the loan was last current. `routed`: a person has been asked.
    `held_stage`: stage whose holdout was recorded. `look_ms`: when it must be decided about again, 0 for never."""

    loan_id: str
    stage: str = ""
    bucket: str = ""
    base: int = 0
    raised: int = 0
    steps: int = 0
    last_ms: int = 0
    last: dict[str, int] = {}
    open: list[OpenAction] = []
    promises: list[Pausing] = []
    ended: list[int] = []
    made: int = 0
    kept: int = 0
    broken: int = 0
    episode_broken: int = 0
    rest_from_ms: int = 0
    paid_part: float = 0.0
    settled: bool = False
    disputed: bool = False
    hardship: bool = False
    routed: bool = False
    held_stage: str = ""
    look_ms: int = 0


class CollectionsState(Struct, kw_only=True, omit_defaults=True):
    """A customer's. `loans` by loan id; `contacts` in the order in which they became known; `consents`: channel → (ms,
    given), the newest word; `ceased`: asked not to be contacted, or has a lawyer. `seen`: hashes of the newest
    facts; `newest_ms`: when it was last decided."""

    version: int = COLLECTIONS_VERSION
    loans: dict[str, LoanCollection] = {}
    contacts: list[ContactKept] = []
    consents: dict[str, tuple[int, bool]] = {}
    ceased_ms: int = 0
    ceased: bool = False
    seen: list[int] = []
    newest_ms: int = 0


def encode_collections(state: CollectionsState) -> bytes:
    """msgpack."""
    return _encoder.encode(state)


def decode_collections(data: bytes) -> CollectionsState:
    """The state that `encode_collections` wrote; an empty one of no bytes. Raises `CollectionsFault` for anything
    else."""
    if not data:
        return CollectionsState()
    try:
        state = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise CollectionsFault(f"not a collections state: {error}") from None
    if state.version != COLLECTIONS_VERSION:
        raise CollectionsFault(f"a state of version {state.version}; this release reads {COLLECTIONS_VERSION}")
    return state


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CollectionsState)


def evolve_collections(state: CollectionsState, fact: Fact) -> bool:
    """Folds one fact into the state, in place; false where it was known. Decide after it, at the same instant."""
    if fact.event in state.seen:
        return False
    state.seen.append(fact.event)
    del state.seen[:-MAX_SEEN]
    _fold(fact, state)
    return True


def loan_of(state: CollectionsState, loan_id: str) -> LoanCollection:
    """The loan, made where it is not known yet."""
    return state.loans.setdefault(loan_id, LoanCollection(loan_id=loan_id))


def end_open(loan: LoanCollection, ending: str) -> None:
    """Everything that is open about a loan ends; what a person was asked to look at only where the loan is settled."""
    for action in loan.open:
        if action.treatment != REVIEW or ending == "settled":
            action.ending = action.ending or ending


def keep_contacts(state: CollectionsState, now_ms: int) -> None:
    """Forgets contacts that nothing looks at any more: old ones, and of each loan and channel all but the newest and
    the last conversation. `CONTACTS_KEPT` within a window are over every limit, with or without the others."""
    before = now_ms - CONTACTS_KEPT_DAYS * DAY_MS
    recent = [each for each in state.contacts if each.to_ms >= before]
    places: dict[tuple[str, str], list[int]] = {}
    for place, each in enumerate(recent):
        places.setdefault((each.loan_id, each.channel), []).append(place)
    dropped: set[int] = set()
    for own in places.values():
        if len(own) > CONTACTS_KEPT:
            by_time = sorted(own, key=lambda place: recent[place].to_ms)
            spoken = [place for place in by_time if recent[place].outcome in CONVERSATIONS]
            dropped.update(set(by_time[:-CONTACTS_KEPT]) - set(spoken[-1:]))
    state.contacts = [each for place, each in enumerate(recent) if place not in dropped]


@singledispatch
def _fold(fact: Fact, state: CollectionsState) -> None:
    raise TypeError(f"{type(fact).__name__} is no fact of collections")


@_fold.register
def _paid(fact: Paid, state: CollectionsState) -> None:
    loan = loan_of(state, fact.loan_id)
    loan.settled = fact.settled
    loan.rest_from_ms = max(loan.rest_from_ms, fact.at_ms)
    loan.paid_part += fact.share
    loan.steps = 0
    end_open(loan, "payment")
    if fact.settled:
        end_open(loan, "settled")


@_fold.register
def _payment_undone(fact: PaymentUndone, state: CollectionsState) -> None:
    loan_of(state, fact.loan_id).settled = fact.settled


@_fold.register
def _loan_left(fact: LoanLeft, state: CollectionsState) -> None:
    loan = loan_of(state, fact.loan_id)
    loan.settled = True
    end_open(loan, "settled")


@_fold.register
def _promised(fact: Promised, state: CollectionsState) -> None:
    loan = loan_of(state, fact.loan_id)
    loan.made += 1
    if fact.event not in loan.ended:  # its end may have come before it
        loan.promises.append(Pausing(promise=fact.event, made_ms=fact.at_ms, pay_by_ms=fact.pay_by_ms))
        del loan.promises[:-MAX_PROMISES]


@_fold.register
def _promise_ended(fact: PromiseEnded, state: CollectionsState) -> None:
    loan = loan_of(state, fact.loan_id)
    if fact.promise in loan.ended:
        return
    loan.ended.append(fact.promise)
    del loan.ended[:-MAX_ENDED]
    loan.steps = 0
    if fact.kept:
        loan.kept += 1
        loan.raised = max(0, loan.raised - 1)
        loan.promises = [each for each in loan.promises if each.promise != fact.promise]
    else:  # it pauses until its grace is over all the same
        loan.broken += 1
        loan.episode_broken += 1
        loan.raised += 1


@_fold.register
def _flagged(fact: Flagged, state: CollectionsState) -> None:
    _flag(loan_of(state, fact.loan_id), fact.flag, fact.open)


def _flag(loan: LoanCollection, flag: str, raised: bool) -> None:
    if flag == "dispute":
        loan.disputed = raised
    else:
        loan.hardship = raised
    if not (loan.disputed or loan.hardship):
        loan.routed = False


@_fold.register
def _contacted(fact: Contacted, state: CollectionsState) -> None:
    loan_id = fact.loan_id
    known = next((each for each in state.contacts if fact.action_id and each.action_id == fact.action_id), None)
    if known is not None:
        loan_id = known.loan_id
    if known is not None and not known.outcome:
        # An order cannot have been carried out before it was given, whatever the reporting clock says.
        known.from_ms = known.to_ms = max(known.from_ms, fact.at_ms)
        known.outcome = fact.outcome
    else:
        state.contacts.append(
            ContactKept(
                channel=fact.channel,
                from_ms=fact.at_ms,
                to_ms=fact.at_ms,
                loan_id=loan_id,
                action_id=fact.action_id,
                outcome=fact.outcome,
            )
        )
    for loan in state.loans.values():
        for action in loan.open:
            if fact.action_id and action.action_id == fact.action_id and not action.ending:
                action.ending, action.reported = "done", fact.outcome
    about = [loan_of(state, loan_id)] if loan_id else list(state.loans.values())
    for loan in about:
        if fact.outcome in ("disputed", "hardship"):
            _flag(loan, "dispute" if fact.outcome == "disputed" else "hardship", True)
        if fact.outcome in CONVERSATIONS:
            loan.steps = 0


@_fold.register
def _consent_said(fact: ConsentSaid, state: CollectionsState) -> None:
    if fact.channel == "all":
        if fact.at_ms >= state.ceased_ms:
            state.ceased_ms, state.ceased = fact.at_ms, not fact.given
    elif fact.at_ms >= state.consents.get(fact.channel, (0, False))[0]:
        state.consents[fact.channel] = (fact.at_ms, fact.given)

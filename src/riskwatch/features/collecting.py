"""How facts change what is kept of the collection of a customer's loans (`features/collectionledger.py`).

`evolve_collections` folds one fact into it; what to do next is policy and decided elsewhere (`policy/collecting.py`).
State in, state out: it is changed in place, time is an argument. A fact that is seen again changes nothing; one that
comes late is folded as what it is: its own time says what it pauses or counts for.
"""

from __future__ import annotations

from collections.abc import Container
from functools import singledispatch

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
from riskwatch.features.collectionledger import (
    CONTACTS_KEPT,
    CONTACTS_KEPT_DAYS,
    CONVERSATIONS,
    DAY_MS,
    MAX_ENDED,
    MAX_LOANS,
    MAX_PROMISES,
    MAX_SEEN,
    REVIEW,
    CollectionsState,
    ContactKept,
    LoanCollection,
    Pausing,
)


def evolve_collections(state: CollectionsState, fact: Fact) -> bool:
    """Folds one fact into the state, in place; false where it was known. Decide after it, at the same instant."""
    if fact.event in state.seen:
        return False
    state.seen.append(fact.event)
    del state.seen[:-MAX_SEEN]
    _fold(fact, state)
    about: str = getattr(fact, "loan_id", "")
    if about in state.loans:
        state.loans[about].seen_ms = max(fact.at_ms, state.newest_ms)
    return True


def loan_of(state: CollectionsState, loan_id: str) -> LoanCollection:
    """The loan, made where it is not known yet."""
    loan = state.loans.get(loan_id)
    if loan is None:
        loan = state.loans[loan_id] = LoanCollection(loan_id=loan_id)
    return loan


def end_open(loan: LoanCollection, ending: str) -> None:
    """Everything that is open about a loan ends; what a person was asked to look at only where the loan is settled."""
    for action in loan.open:
        if action.treatment != REVIEW or ending == "settled":
            action.ending = action.ending or ending


def keep_contacts(state: CollectionsState, now_ms: int) -> None:
    """Forgets contacts that nothing looks at any more: old ones, and of each loan and channel all but the newest and
    the last conversation; loans that are not kept count as one. `CONTACTS_KEPT` within a window are over every limit,
    with or without the others."""
    before = now_ms - CONTACTS_KEPT_DAYS * DAY_MS
    recent = [each for each in state.contacts if each.to_ms >= before]
    places: dict[tuple[str, str], list[int]] = {}
    for place, each in enumerate(recent):
        about = each.loan_id if each.loan_id in state.loans else ""
        places.setdefault((about, each.channel), []).append(place)
    dropped: set[int] = set()
    for own in places.values():
        if len(own) > CONTACTS_KEPT:
            by_time = sorted(own, key=lambda place: recent[place].to_ms)
            spoken = [place for place in by_time if recent[place].outcome in CONVERSATIONS]
            dropped.update(set(by_time[:-CONTACTS_KEPT]) - set(spoken[-1:]))
    state.contacts = [each for place, each in enumerate(recent) if place not in dropped]


def forget_loans(state: CollectionsState, known: Container[str], now_ms: int) -> None:
    """Forgets loans that nobody has said anything of for long, and that the account (`known`: its loan ids) does not
    know any more, or never came to know: a loan that was sold may be past due in the account for ever. Beyond
    `MAX_LOANS` those that the account does not know go at once: those without an open action first, and of them those
    of which longest nothing was said."""
    before = now_ms - CONTACTS_KEPT_DAYS * DAY_MS
    gone = [
        loan.loan_id
        for loan in state.loans.values()
        if not loan.open and loan.seen_ms < before and loan.loan_id not in known
    ]
    for loan_id in gone:
        del state.loans[loan_id]
    unknown = [loan for loan in state.loans.values() if loan.loan_id not in known]
    unknown.sort(key=lambda loan: (bool(loan.open), loan.seen_ms, loan.loan_id))
    for loan in unknown[: max(0, len(state.loans) - MAX_LOANS)]:
        del state.loans[loan.loan_id]


def next_look(state: CollectionsState) -> int | None:
    """The next instant (ms) at which to decide though nothing comes; None for never."""
    looks = [loan.look_ms for loan in state.loans.values() if loan.look_ms]
    if (expiry := next_expiry(state)) is not None:
        looks.append(expiry)
    return min(looks, default=None)


def next_expiry(state: CollectionsState) -> int | None:
    """The next instant (ms) at which something that is open expires; None where nothing is."""
    return min((action.expires_ms for loan in state.loans.values() for action in loan.open), default=None)


@singledispatch
def _fold(fact: Fact, state: CollectionsState) -> None:
    raise TypeError(f"{type(fact).__name__} is no fact of collections")


@_fold.register
def _paid(fact: Paid, state: CollectionsState) -> None:
    loan = loan_of(state, fact.loan_id)
    loan.settled = fact.settled or loan.left
    loan.rest_from_ms = max(loan.rest_from_ms, fact.at_ms)
    loan.paid_part += fact.share
    loan.steps = 0
    end_open(loan, "payment")
    if fact.settled:
        end_open(loan, "settled")


@_fold.register
def _payment_undone(fact: PaymentUndone, state: CollectionsState) -> None:
    loan = loan_of(state, fact.loan_id)
    loan.settled = fact.settled or loan.left


@_fold.register
def _loan_left(fact: LoanLeft, state: CollectionsState) -> None:
    loan = loan_of(state, fact.loan_id)
    loan.settled = loan.left = True
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

"""A customer's account: loans with their ledgers, promises; what few entries change and numbers cannot
hold.

`evolve_account` folds one event into it and says what the event was in terms of the loan (`Facts`); `overdue` says what
the passing of time has brought. State in, state out: the account is changed in place, time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

import msgspec
from msgspec import Struct

from riskwatch.features.applications import Application, merchant_of
from riskwatch.features.collectionledger import CollectionsState
from riskwatch.features.creditlines import Credit, look_at
from riskwatch.features.ledger import (
    Line,
    Loan,
    Payment,
    Promise,
    Waiting,
    first_number,
    is_settled,
    receive,
    reverse,
    schedule,
    wait,
)
from riskwatch.features.pending import Pending
from riskwatch.features.timers import Overdue, day_of, loan_next_day, loan_overdue, milliseconds, start_of_day
from riskwatch.features.warned import OpenEpisode, OpenWarning
from riskwatch.streams import events
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.packing import hash64

ACCOUNT_VERSION = 1
MAX_LOANS = 50
"""Loans kept. Beyond it the one that rested longest goes, settled and unknown ones before open ones."""
SETTLED_LOANS_KEPT_DAYS = 180
"""A loan without an open instalment is forgotten when nothing was heard of it for this long."""
MAX_PROMISES = 16

NAN = float("nan")

ACCOUNT_KINDS = frozenset(
    {
        Kind.LOAN_OPENED,
        Kind.INSTALMENT_DUE,
        Kind.REPAYMENT_RECEIVED,
        Kind.REPAYMENT_REVERSED,
        Kind.PROMISE_MADE,
    }
)
"""The kinds of entries that change an account; others need not be opened for it."""


class AccountFault(ValueError):
    """Stored bytes that are no account of this version."""


class Account(Struct, kw_only=True, omit_defaults=True):
    """What is kept of a customer beside the profile row. `loans` by loan id; `cooldowns`: alert key → ms until which
    it is silent; `pending`: applications that wait to be decided; `applications`: the newest, in order of event time;
    `credit`: lines of credit, None before anything bears on them.
    `episodes` and `warnings`, the oldest first; `withdrawn`: ids of warnings that were, each as often as it was.
    `newest_ms`: newest event time. The counters count events that could not be applied as they were meant: of a loan
    not known then, reversals without a payment yet, in another currency than the loan; and loans dropped.
    `collections`: None until there is anything to keep; `collections_look_ms`: when collections must look at the
    customer though nothing comes, 0 for never."""

    version: int = ACCOUNT_VERSION
    tenant: str = ""
    loans: dict[str, Loan] = {}
    cooldowns: dict[str, int] = {}
    pending: list[Pending] = []
    newest_ms: int = 0
    unknown_loan_count: int = 0
    unmatched_reversal_count: int = 0
    other_currency_count: int = 0
    dropped_loan_count: int = 0
    applications: list[Application] = []
    episodes: list[OpenEpisode] = []
    warnings: list[OpenWarning] = []
    withdrawn: list[str] = []
    credit: Credit | None = None
    collections: CollectionsState | None = None
    collections_look_ms: int = 0


class Facts(Struct, frozen=True, kw_only=True):
    """What an event was in terms of the loan; NaN where that is unknown.

    `due_amount`: amount of the instalment concerned, minor units. `days_late`: day of the event minus due day in the
    institution's zone, negative for early. `paid_share`: share of the instalment that is covered after the event.
    A repayment that covers several instalments is judged by the first that it went to, a reversal by the oldest that
    lost. `undone`: event hashes of reports (an instalment overdue, a promise broken) that the event makes untrue.
    """

    due_amount: float = NAN
    days_late: float = NAN
    paid_share: float = NAN
    first_instalment: bool = False
    unknown_loan: bool = False
    undone: tuple[int, ...] = ()


NO_FACTS = Facts()
UNKNOWN_LOAN = Facts(unknown_loan=True)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Account)


def encode_account(account: Account) -> bytes:
    """msgpack."""
    return _encoder.encode(account)


def decode_account(data: bytes) -> Account:
    """The account that `encode_account` wrote; an empty one of no bytes. Raises `AccountFault` for anything else."""
    if not data:
        return Account()
    try:
        account = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise AccountFault(f"not an account: {error}") from None
    if account.version != ACCOUNT_VERSION:
        raise AccountFault(f"an account of version {account.version}; this release reads {ACCOUNT_VERSION}")
    return account


def evolve_account(account: Account, event: AnyEvent, at_ms: int, zone: tzinfo) -> Facts:
    """Fold one event into the account, in place. `at_ms`: event time after clamping; `zone`: the institution's.

    Never raises for what an event says: a loan that is not known yet, another currency, a reversal without a payment
    are counted, and wait where something may still come.
    """
    evolve = _EVOLVE.get(type(event))
    if evolve is None:
        return NO_FACTS
    account.tenant = event.tenant
    account.newest_ms = max(account.newest_ms, at_ms)
    return evolve(account, event, at_ms, zone)


def overdue(account: Account, now_ms: int, zone: tzinfo) -> list[Overdue]:
    """What became overdue up to `now_ms` and was not reported yet, in order of time; marks it as reported.

    Not empty only from `next_look` on. Forgets loans that were settled long ago.
    """
    found = [each for loan in account.loans.values() for each in loan_overdue(loan, account.tenant, now_ms, zone)]
    _forget_settled(account, now_ms)
    return sorted(found, key=lambda each: (each.reached_ms, each.loan_id, each.number, each.dpd, each.event_hash))


def next_look(account: Account, zone: tzinfo) -> int | None:
    """The next instant (ms) at which something may become overdue, must be decided or collected; None for never."""
    days = [day for loan in account.loans.values() if (day := loan_next_day(loan)) is not None]
    looks = [start_of_day(min(days), zone)] if days else []
    looks += [each.deadline_ms for each in account.pending]
    if account.credit is not None and (at := look_at(account.credit)) is not None:
        looks.append(at)
    if account.collections_look_ms:
        looks.append(account.collections_look_ms)
    return min(looks, default=None)


def _loan(account: Account, loan_id: str, at_ms: int) -> Loan:
    """The loan, made where it is not known yet."""
    loan = account.loans.get(loan_id)
    if loan is None:
        loan = account.loans[loan_id] = Loan(loan_id=loan_id, subject=hash64(account.tenant, loan_id), seen_ms=at_ms)
        _forget_settled(account, account.newest_ms, keep=loan_id)
        if len(account.loans) > MAX_LOANS:
            others = (each for each in account.loans.values() if each is not loan)
            rested = min(others, key=lambda each: (bool(each.lines) and not is_settled(each), each.seen_ms))
            del account.loans[rested.loan_id]
            account.dropped_loan_count += 1
    loan.seen_ms = max(loan.seen_ms, at_ms)
    return loan


def _forget_settled(account: Account, now_ms: int, keep: str = "") -> None:
    if len(account.loans) <= bool(keep):
        return
    before = now_ms - milliseconds(SETTLED_LOANS_KEPT_DAYS)
    rested = [
        loan.loan_id
        for loan in account.loans.values()
        if loan.loan_id != keep and loan.seen_ms < before and not loan.promises and (is_settled(loan) or not loan.lines)
    ]
    for loan_id in rested:
        del account.loans[loan_id]


def _facts(loan: Loan, line: Line | None, at_ms: int, zone: tzinfo) -> Facts:
    if line is None:
        return NO_FACTS
    return Facts(
        due_amount=float(line.amount),
        days_late=float(day_of(at_ms, zone) - line.due_day),
        paid_share=line.paid / line.amount if line.amount else 1.0,
        first_instalment=line.number == first_number(loan),
    )


def _other_currency(account: Account, loan: Loan, currency: str) -> bool:
    if loan.currency in ("", currency):
        loan.currency = currency
        return False
    account.other_currency_count += 1
    return True


def _opened(account: Account, event: events.LoanOpened, at_ms: int, zone: tzinfo) -> Facts:
    loan = _loan(account, event.loan_id, at_ms)
    if loan.currency not in ("", event.currency):
        # What came before the loan was in another currency; the contract's is the right one.
        account.other_currency_count += len(loan.waiting)
        loan.waiting = []
    loan.currency = event.currency
    loan.application_id, loan.opened_ms = event.application_id or "", at_ms
    loan.product, loan.principal = event.product, event.principal
    loan.merchant_id = event.merchant_id or merchant_of(account.applications, loan.application_id)
    lines = (Line(number=each.number, due_day=each.due_on.toordinal(), amount=each.amount) for each in event.schedule)
    schedule(loan, lines, whole=True)
    return NO_FACTS


def _due(account: Account, event: events.InstalmentDue, at_ms: int, zone: tzinfo) -> Facts:
    loan = _loan(account, event.loan_id, at_ms)
    if _other_currency(account, loan, event.currency):
        return NO_FACTS
    known = any(line.number == event.number for line in loan.lines)
    if not (loan.scheduled and known):  # a schedule's own word on its instalments stands
        line = Line(number=event.number, due_day=event.due_on.toordinal(), amount=event.amount)
        schedule(loan, (line,), whole=False)
    return _facts(loan, next(line for line in loan.lines if line.number == event.number), at_ms, zone)


def _received(account: Account, event: events.RepaymentReceived, at_ms: int, zone: tzinfo) -> Facts:
    loan = _loan(account, event.loan_id, at_ms)
    if _other_currency(account, loan, event.currency):
        return NO_FACTS
    payment = hash64(event.tenant, event.event_id if event.payment_id is None else event.payment_id)
    named = 0 if event.instalment_number is None else event.instalment_number
    if not loan.lines:
        account.unknown_loan_count += 1
        wait(loan, Waiting(reversal=False, payment=payment, at_ms=at_ms, amount=event.amount, named=named))
        return UNKNOWN_LOAN
    line = receive(loan, Payment(payment=payment, at_ms=at_ms, amount=event.amount, named=named))
    return _facts(loan, line, at_ms, zone)


def _reversed(account: Account, event: events.RepaymentReversed, at_ms: int, zone: tzinfo) -> Facts:
    loan = _loan(account, event.loan_id, at_ms)
    if _other_currency(account, loan, event.currency):
        return NO_FACTS
    payment = hash64(event.tenant, event.payment_id)
    if not loan.lines:
        account.unknown_loan_count += 1
        wait(loan, Waiting(reversal=True, payment=payment, at_ms=at_ms, amount=event.amount))
        return UNKNOWN_LOAN
    undone, line = reverse(loan, payment, event.amount)
    if undone < event.amount:
        account.unmatched_reversal_count += 1
    return _facts(loan, line, at_ms, zone)


def _promised(account: Account, event: events.PromiseMade, at_ms: int, zone: tzinfo) -> Facts:
    loan = _loan(account, event.loan_id, at_ms)
    if _other_currency(account, loan, event.currency):
        return NO_FACTS
    if event.amount > 0:
        promise = hash64(event.tenant, event.event_id)
        loan.promises.append(
            Promise(promise=promise, made_ms=at_ms, amount=event.amount, pay_by_day=event.pay_by.toordinal())
        )
        del loan.promises[:-MAX_PROMISES]
    if not loan.lines:
        account.unknown_loan_count += 1
        return UNKNOWN_LOAN
    return NO_FACTS


_EVOLVE: Mapping[type, Callable[[Account, Any, int, tzinfo], Facts]] = {
    events.LoanOpened: _opened,
    events.InstalmentDue: _due,
    events.RepaymentReceived: _received,
    events.RepaymentReversed: _reversed,
    events.PromiseMade: _promised,
}

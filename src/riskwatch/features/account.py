"""A customer's account: loans with their ledgers, promises; what few entries change and numbers cannot
hold.

`evolve_account` folds one event into it and says what the event was in terms of the loan (`Facts`); `overdue` says what
the passing of time has brought. State in, state out: the account is changed in place, time is an argument.
"""

from __future__ import annotations

from datetime import tzinfo

import msgspec
from msgspec import Struct, structs

from riskwatch.features.applications import Application
from riskwatch.features.collectionledger import CollectionsState
from riskwatch.features.creditlines import Credit, look_at
from riskwatch.features.ledger import Loan, Report, is_settled
from riskwatch.features.loanfacts import NO_FACTS, TELL, Facts, Telling
from riskwatch.features.moves import Move, note_place, pass_time
from riskwatch.features.pending import Pending
from riskwatch.features.replaying import reach
from riskwatch.features.servicing import STANDARD_BOOK, ServicingBook
from riskwatch.features.timers import Overdue, day_of, loan_next_day, loan_overdue, milliseconds, start_of_day
from riskwatch.features.undoing import never_in_arrears, settle_rolled, undo_reports
from riskwatch.features.warned import OpenEpisode, OpenWarning
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.packing import hash64

__all__ = [
    "Account", "AccountFault", "Facts", "decode_account", "encode_account", "evolve_account", "moved", "next_look",
    "overdue",
]  # fmt: skip

ACCOUNT_VERSION = 3
MAX_LOANS = 50
"""Loans kept. Beyond it the one that rested longest goes, settled and unknown ones before open ones."""
SETTLED_LOANS_KEPT_DAYS = 180
"""A loan without an open instalment is forgotten when nothing was heard of it for this long."""

ACCOUNT_KINDS = frozenset(
    {
        Kind.LOAN_OPENED,
        Kind.INSTALMENT_DUE,
        Kind.REPAYMENT_RECEIVED,
        Kind.REPAYMENT_REVERSED,
        Kind.PROMISE_MADE,
        Kind.CHARGE_MADE,
        Kind.CHARGE_WAIVED,
        Kind.LOAN_RESCHEDULED,
        Kind.PAYMENT_HOLIDAY_GRANTED,
        Kind.SETTLEMENT_AGREED,
        Kind.LOAN_WRITTEN_OFF,
        Kind.LOAN_SOLD,
    }
)
"""The kinds of entries that change an account; others need not be opened for it."""


class AccountFault(ValueError):
    """Stored bytes that are no account of this version."""


class Account(Struct, kw_only=True, omit_defaults=True):
    """What is kept of a customer beside the profile row. `loans` by loan id; `cooldowns`: alert key → ms until which
    it is silent; `pending`: applications that wait to be decided; `applications`: the newest, in order of event time;
    `credit`: lines of credit, None before anything bears on them.
    `episodes` and `warnings`, the oldest first; `withdrawn`: how often warnings were, by id, that of longest ago
    first, and under "" at least how often those were that are no longer in it.
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
    withdrawn: dict[str, int] = {}
    credit: Credit | None = None
    collections: CollectionsState | None = None
    collections_look_ms: int = 0


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


def evolve_account(
    account: Account, event: AnyEvent, at_ms: int, zone: tzinfo, book: ServicingBook = STANDARD_BOOK
) -> Facts:
    """Fold one event into the account, in place. `at_ms`: event time after clamping; `zone`: the institution's; `book`:
    its servicing rules.

    Never raises for what an event says: a loan that is not known yet, another currency, a reversal without a payment
    are counted, and wait where something may still come.
    """
    evolve = TELL.get(type(event))
    if evolve is None:
        return NO_FACTS
    account.tenant = event.tenant
    account.newest_ms = max(account.newest_ms, at_ms)
    loan = _loan(account, event.loan_id, at_ms)  # type: ignore[union-attr, arg-type]
    rules = book.rules_for(event.tenant, loan.product)
    day = day_of(at_ms, zone)
    moves: list[Move] = []
    if day > loan.clock_day or loan.rules_version != rules.version:
        moves = pass_time(loan, day, zone, rules)
    told = Telling(loan, event, at_ms, day, rules, book, account.applications)
    facts = evolve(told, event)
    if told.counts:
        account.unknown_loan_count += told.unknown_loan
        account.unmatched_reversal_count += told.unmatched_reversals
        account.other_currency_count += told.other_currency
    moves += note_place(loan, at_ms, zone, told.rules)
    if loan.rolled:
        settle_rolled(loan, told.rules)
    undone: tuple[Report, ...] = ()
    if loan.reports and told.looks_back:
        undone = undo_reports(loan, zone, told.rules)
    if undone or moves:
        return structs.replace(
            facts, undone=tuple(report.event for report in undone), recovered=never_in_arrears(loan, undone),
            moves=tuple(moves),
        )  # fmt: skip
    return facts


def overdue(account: Account, now_ms: int, zone: tzinfo, book: ServicingBook = STANDARD_BOOK) -> list[Overdue]:
    """What became overdue up to `now_ms` and was not reported yet, in order of time; marks it as reported.

    Not empty only from `next_look` on. Forgets loans that were settled long ago. Where moves are wanted, `moved` comes
    first.
    """
    today = day_of(now_ms, zone)
    found: list[Overdue] = []
    for loan in account.loans.values():
        rules = book.rules_for(account.tenant, loan.product)
        reach(loan, today, rules)
        if loan.rolled:
            settle_rolled(loan, rules)
        found += loan_overdue(loan, account.tenant, now_ms, zone, rules)
    _forget_settled(account, now_ms)
    return sorted(found, key=lambda each: (each.reached_ms, each.loan_id, each.number, each.dpd, each.event_hash))


def moved(account: Account, now_ms: int, zone: tzinfo, book: ServicingBook = STANDARD_BOOK) -> list[Move]:
    """The moves of the account's loans that time alone has brought up to `now_ms`, in order of time."""
    today = day_of(now_ms, zone)
    moves = []
    for loan in account.loans.values():
        moves += pass_time(loan, today, zone, book.rules_for(account.tenant, loan.product))
    return sorted(moves, key=lambda each: (each.at_ms, each.after.loan_id))


def next_look(account: Account, zone: tzinfo, book: ServicingBook = STANDARD_BOOK) -> int | None:
    """The next instant (ms) at which something may become overdue or move, must be decided or collected; None for
    never."""
    days = []
    for loan in account.loans.values():
        day = loan_next_day(loan, book.rules_for(account.tenant, loan.product))
        if day is not None:
            days.append(day)
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
            rested = min(others, key=lambda each: (not _is_over(each), each.seen_ms))
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
        if loan.loan_id != keep and loan.seen_ms < before and not loan.promises and _is_over(loan)
    ]
    for loan_id in rested:
        del account.loans[loan_id]


def _is_over(loan: Loan) -> bool:
    """Whether nothing more is expected of a loan, or nothing is known of it."""
    return is_settled(loan) or not loan.lines or bool(loan.sold_day)

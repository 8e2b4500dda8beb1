"""Moves of a loan from one status and bucket to another, as time passes and as facts come."""

from __future__ import annotations

from datetime import tzinfo

from msgspec import Struct

from riskwatch.features.delinquency import next_place_day, place_on, was_in
from riskwatch.features.ledger import Loan, LoanStatus
from riskwatch.features.replaying import reach
from riskwatch.features.servicing import Servicing
from riskwatch.features.standing import Standing, standing
from riskwatch.features.timers import day_of, start_of_day

CORRECTED_DAYS = 400
"""Days back that a move is looked at for whether it corrects the one before."""


class Move(Struct, frozen=True, kw_only=True):
    """A loan went from one place to another. `before_bucket`: a place in `BUCKETS`; `after`: how it stands then, at
    `at_ms`. `corrects`: by what is known now, it has not been where it was last said to be on any morning or evening
    since then."""

    before_status: LoanStatus
    before_bucket: int
    after: Standing
    at_ms: int
    corrects: bool = False


def pass_time(loan: Loan, today: int, zone: tzinfo, rules: Servicing) -> list[Move]:
    """What time alone brings up to the morning of `today`, each move with the beginning of the day that brings it;
    payments of a later value day count when that day has come."""
    moves: list[Move] = []
    if loan.rules_version not in (0, rules.version):
        reach(loan, loan.clock_day, rules)
        moves += note_place(loan, start_of_day(loan.clock_day, zone), zone, rules)
    while loan.done < len(loan.facts) and loan.facts[loan.done].day <= today:
        day = loan.facts[loan.done].day
        moves += _walk(loan, day, zone, rules)
        reach(loan, day, rules)
        moves += note_place(loan, start_of_day(day, zone), zone, rules)
    moves += _walk(loan, today, zone, rules)
    reach(loan, today, rules)
    return moves


def note_place(loan: Loan, at_ms: int, zone: tzinfo, rules: Servicing) -> list[Move]:
    """The move that a fact at `at_ms` has brought, if any. Keeps where the loan is now."""
    day = loan.clock_day
    status, bucket = place_on(loan, day, rules)
    if status == loan.status and bucket == loan.bucket:
        return []
    seen_ms = at_ms if day_of(at_ms, zone) == day else start_of_day(day, zone)
    since = max(loan.place_day, day - CORRECTED_DAYS)
    corrects = not any(was_in(loan, each, loan.status, loan.bucket, rules) for each in range(since, day + 1))
    return [_moved(loan, status, bucket, day, at_ms, standing(loan, seen_ms, zone, rules), corrects)]


def _walk(loan: Loan, today: int, zone: tzinfo, rules: Servicing) -> list[Move]:
    moves: list[Move] = []
    day: int | None = loan.place_day
    while day is not None and (day := next_place_day(loan, day, rules)) is not None and day <= today:
        status, bucket = place_on(loan, day, rules)
        if status == loan.status and bucket == loan.bucket:
            continue
        at_ms = start_of_day(day, zone)
        moves.append(_moved(loan, status, bucket, day, at_ms, standing(loan, at_ms, zone, rules), False))
    return moves


def _moved(
    loan: Loan, status: LoanStatus, bucket: int, day: int, at_ms: int, after: Standing, corrects: bool
) -> Move:  # fmt: skip
    move = Move(
        before_status=loan.status, before_bucket=loan.bucket, after=after, at_ms=at_ms, corrects=corrects
    )  # fmt: skip
    loan.status, loan.bucket, loan.place_day = status, bucket, day
    return move

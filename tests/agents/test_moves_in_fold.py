"""Moves of loans out of the fold: the same whatever the batches, once each, keyed by customer."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from shared_journal import LAYOUT, NOW, RULES, Log, entry, refold

from riskwatch.agents.folded import Program
from riskwatch.agents.outgoing import outputs_of
from riskwatch.features.servicing import Servicing, ServicingBook
from riskwatch.streams import events, topics
from riskwatch.streams.loanmoves import LoanMoved, LoanPlace, decode_move
from riskwatch.streams.packing import customer_key, pack_tick, to_ms

PROGRAM = Program(LAYOUT, RULES, {})


def at(day: date, hours: float = 12) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=NOW.tzinfo) + timedelta(hours=hours)


def opened(loan: str = "l1") -> events.LoanOpened:
    """One instalment of 100.00, 20.00 of it interest, due on 10 March."""
    return events.LoanOpened(
        event_id=f"open-{loan}", tenant="bank", customer_id="c1", occurred_at=at(date(2026, 2, 10)), loan_id=loan,
        product="cash-instalments", principal=8_000, currency="CNY", merchant_id="shop",
        schedule=[events.Instalment(number=1, due_on=date(2026, 3, 10), amount=10_000, interest=2_000)],
    )  # fmt: skip


def paid(amount: int, when: datetime, value_on: date | None = None) -> events.RepaymentReceived:
    return events.RepaymentReceived(
        event_id=f"paid-{when}", tenant="bank", customer_id="c1", occurred_at=when, loan_id="l1", amount=amount,
        currency="CNY", value_on=value_on,
    )  # fmt: skip


def log_of(*given: events.AnyEvent | datetime) -> Log:
    """Events, and ticks for datetimes; before each of them a tick at each midnight."""
    log: Log = []
    clock = at(date(2026, 2, 1), 0)
    for each in given:
        when = each if isinstance(each, datetime) else each.occurred_at
        while clock + timedelta(days=1) <= when:
            clock += timedelta(days=1)
            log.append((None, pack_tick(to_ms(clock))))
        if not isinstance(each, datetime):
            log.append(entry(each, len(log)))
    return log


def moves_of(log: Log, *cuts: int, running: Program = PROGRAM) -> list[LoanMoved]:
    batches, _ = refold(running, log, *cuts)
    items = [item for each in batches for item in outputs_of(each).get(topics.LOAN_MOVES, [])]
    assert {key for key, *_ in items} <= {customer_key("bank", "c1")}
    return [decode_move(value) for _, value, *_ in items]


def places(moves: list[LoanMoved]) -> list[tuple[str, str]]:
    return [(each.after.status, each.after.bucket) for each in moves]


def test_a_loan_is_opened_rolls_and_is_cured() -> None:
    end = at(date(2026, 4, 12))
    moves = moves_of(log_of(opened(), paid(4_000, at(date(2026, 3, 5))), end, paid(6_000, end)))
    assert places(moves) == [("performing", "M0"), ("past-due", "M1"), ("past-due", "M2"), ("settled", "M0")]
    assert moves[0].before == LoanPlace(status="unknown", bucket="M0")
    assert [each.occurred_at for each in moves[1:3]] == [at(date(2026, 3, 11), 0), at(date(2026, 4, 10), 0)]
    rolled = moves[2]
    assert (rolled.past_due_days, rolled.past_due, rolled.exposure) == (31, 6_000, 6_000)
    assert (rolled.owed.interest, rolled.owed.principal) == (0, 6_000)
    assert (rolled.merchant_id, rolled.principal, rolled.opened_on) == ("shop", 8_000, date(2026, 2, 10))
    assert [each.cause.event_type for each in moves] == ["LoanOpened", "TimePassed", "TimePassed", "RepaymentReceived"]
    assert not any(each.corrects for each in moves)


def test_a_payment_of_an_earlier_day_corrects() -> None:
    log = log_of(opened(), paid(10_000, at(date(2026, 3, 20)), value_on=date(2026, 3, 9)))
    moves = moves_of(log)
    assert [(each.after.status, each.corrects) for each in moves] == [
        ("performing", False), ("past-due", False), ("settled", True),
    ]  # fmt: skip


def test_a_written_off_loan_moves_no_more() -> None:
    off = events.LoanWrittenOff(
        event_id="off", tenant="bank", customer_id="c1", occurred_at=at(date(2026, 3, 20)), loan_id="l1"
    )
    moves = moves_of(log_of(opened(), off, paid(10_000, at(date(2026, 5, 1))), at(date(2026, 9, 1))))
    assert places(moves) == [("performing", "M0"), ("past-due", "M1"), ("written-off", "M1")]


def test_the_rules_of_the_institution_count_the_days() -> None:
    book = ServicingBook(rules={("bank", "cash-instalments"): Servicing(grace_days=10, bucket_by="delinquent")})
    moves = moves_of(log_of(opened(), at(date(2026, 3, 25))), running=Program(LAYOUT, RULES, {}, servicing=book))
    assert [(each.after.status, each.after.bucket, each.occurred_at.day) for each in moves[1:]] == [
        ("past-due", "M0", 11), ("past-due", "M1", 21),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 30])
def test_however_the_batches_are_cut_the_moves_are_the_same(size: int) -> None:
    late = paid(4_000, at(date(2026, 3, 20)), value_on=date(2026, 3, 9))
    log = log_of(opened(), opened("l2"), late, at(date(2026, 6, 1)))
    once = moves_of(log)
    cut = moves_of(log, *range(size, len(log), size))
    assert cut == once
    assert len({each.move_id for each in once}) == len(once) == 8

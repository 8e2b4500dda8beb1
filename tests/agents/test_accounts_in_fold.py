"""Lines of credit in the fold, each expectation worked out by hand from the packaged cash policy.

Bands begin at 660 (A), 610 (B), 550 (C), 480 (D), 400 (E); hysteresis 10; a change is at most 10,000.00 and 300 basis
points; cool-off 60 days.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from lines_journal import (
    NOW,
    PROGRAM,
    Run,
    applied,
    at,
    bought,
    cleared,
    confirmed,
    emulator,
    in_order,
    opened,
    paid,
    policy,
    published,
    ticks,
)
from msgspec import structs

from riskwatch.agents.accountsdesk import AccountsDesk
from riskwatch.agents.gate import Gate
from riskwatch.features.account import Account
from riskwatch.policy.lendingbook import NO_LENDING
from riskwatch.policy.shelf import Shelf
from riskwatch.streams.accountactions import AccountAction, Terms
from riskwatch.streams.packing import to_ms

DUE = (12, 22, 32, 62, 92, 122, 152, 182)


def good(customer: str = "c1") -> list[tuple[float, bytes | None, bytes]]:
    """Granted 60,000.00 in B, draws 8,000.00, and pays on the day."""
    return in_order(
        applied(customer), opened(customer, 1, 100_000, DUE), [paid(customer, day, 100_000) for day in DUE[:6]]
    )


def until(day: float, log: list[tuple[float, bytes | None, bytes]]) -> list[tuple[float, bytes | None, bytes]]:
    return [each for each in log if each[0] < day]


def poor(customer: str = "c1", amount: int = 150_000) -> list[tuple[float, bytes | None, bytes]]:
    """The same, and pays nothing."""
    return in_order(applied(customer), opened(customer, 1, amount, (32, 62, 92, 122, 152, 182)))


def suspicious(customer: str = "c1", day: float = 20.0) -> list[tuple[float, bytes | None, bytes]]:
    """Two alerts of high severity, at entries that change no account: an emulator, and six purchases at once."""
    return [emulator(customer, day), *(bought(customer, day + 0.001 + n / 10_000) for n in range(6))]


def test_a_line_that_is_paid_well_rises_in_steps_each_after_its_cool_off() -> None:
    run = Run().feed(in_order(good(), ticks(0, 130)))
    first, second = run.actions
    # On day 62, of 676 points (A): granted 60,000.00 in B, 150/125 of it is 72,000.00, and 10,800 of 14,400 10.8 %.
    assert first.before == Terms(grade="B", limit=6_000_000, rate_bp=1_440, frozen=False)
    assert first.after == Terms(grade="A", limit=7_000_000, rate_bp=1_140, frozen=False)
    assert first.announced_at == first.effective_from == at(62)
    assert second.after == Terms(grade="A", limit=7_200_000, rate_bp=1_080, frozen=False)
    assert second.announced_at == at(122)
    assert isinstance(first, AccountAction)
    assert (first.points, first.cause.event_id, first.cause.event_type) == (676, "pay-c1-62", "RepaymentReceived")
    assert run.credit().lines[0].live.terms == second.after


def test_an_overdue_instalment_lowers_the_limit_and_raises_the_rate_after_its_notice() -> None:
    run = Run().feed(in_order(poor(), ticks(0, 92)))
    (action,) = run.actions
    # 30 days overdue on day 62: 0 + 8 + 54 + 60 + 60 + 50 + 66 + 58 + 56 + 36 + 50 points are D.
    assert isinstance(action, AccountAction)
    assert (action.points, action.cause.event_type) == (498, "InstalmentOverdue")
    assert action.after == Terms(grade="D", limit=5_000_000, rate_bp=1_740, frozen=False)
    assert action.limit_from == action.announced_at == at(62.125)
    assert action.rate_from == at(92.125)
    assert [reason.code for reason in action.reasons][:2] == ["overdue-now", "overdue-recently"]
    assert run.credit().lines[0].live.rate_bp == 1_440
    run.feed(ticks(92, 93))
    assert run.credit().lines[0].live.rate_bp == 1_740
    assert len(run.actions) == 1


def test_the_limit_is_not_lowered_below_what_is_in_use() -> None:
    run = Run().feed(in_order(poor(amount=970_000), ticks(0, 64)))
    (action,) = run.actions
    # 98 % are in use: 450 points are E, 60/125 of the grant 28,800.00, by 10,000.00 at most; in use are 58,200.00.
    assert isinstance(action, AccountAction)
    assert (action.points, action.after.limit, action.bounds) == (450, 5_820_000, ["largest-step", "in-use"])


def test_strong_signs_of_fraud_freeze_at_the_next_tick_and_a_verdict_lifts_it() -> None:
    run = Run().feed(in_order(until(20, good()), suspicious(), ticks(0, 20)))
    assert run.actions == []
    run.feed(ticks(20, 21))
    (frozen,) = run.actions
    assert (frozen.change, frozen.announced_at) == ("frozen", at(20.125))
    assert (frozen.before.frozen, frozen.after.frozen) == (False, True)
    assert [reason.code for reason in frozen.reasons] == ["fraud-suspected"]
    run.feed(in_order(ticks(21, 24), cleared("c1", 24)))
    lifted = run.actions[-1]
    assert (lifted.change, lifted.announced_at, lifted.after.frozen) == ("unfrozen", at(24), False)
    assert len(run.actions) == 2


def test_one_strong_sign_alone_freezes_nothing() -> None:
    run = Run().feed(in_order(until(30, good()), suspicious()[:1], ticks(0, 30)))
    assert [sum(each.severe for each in run.credit().suspicions), len(run.actions)] == [1, 0]


def test_signs_of_more_than_thirty_days_apart_freeze_nothing() -> None:
    run = Run().feed(in_order(until(60, good()), suspicious()[:1], suspicious(day=50.5)[1:], ticks(0, 60)))
    assert [sum(each.severe for each in run.credit().suspicions), len(run.actions)] == [2, 0]


def test_a_confirmed_fraud_freezes_at_once_and_only_its_own_verdict_lifts_it() -> None:
    run = Run().feed(in_order(until(25, good()), confirmed("c1", 20), ticks(0, 25)))
    assert [(each.change, each.announced_at) for each in run.actions] == [("frozen", at(20))]
    assert run.credit().cases == ["case-c1"]
    run.feed([cleared("c1", 25)])
    assert run.actions[-1].change == "unfrozen"
    assert run.credit().cases == []


def test_a_frozen_line_stays_where_it_is() -> None:
    run = Run().feed(in_order(good(), confirmed("c1", 20), ticks(0, 130)))
    assert [each.change for each in run.actions] == ["frozen"]


def test_a_customer_without_a_line_is_not_looked_at_for_a_suspicion() -> None:
    run = Run().feed(in_order(suspicious(), ticks(0, 30)))
    assert run.batches[0].counts.derived == 0
    assert run.credit().suspected_ms == 0


def test_signs_from_before_the_line_count() -> None:
    run = Run().feed(in_order(suspicious(day=3), opened("c1", 5, 100_000, DUE), ticks(0, 6)))
    # A loan that is opened is an entry at which the policy looks.
    assert [(each.change, each.announced_at) for each in run.actions] == [("frozen", at(5))]


def test_a_loan_without_an_application_begins_a_line_that_is_placed_first() -> None:
    run = Run().feed(in_order(good()[1:], ticks(0, 70)))
    placed = run.actions[0]
    assert (placed.change, placed.before.grade, placed.moves) == ("placed", None, ["grade"])
    assert run.credit().lines[0].live.granted_limit == 800_000


def test_an_announced_limit_comes_into_force_at_what_is_in_use_by_then() -> None:
    careful = policy("careful", limit_notice_days=10)
    more = opened("c1", 65, 1_000_000, (200, 230, 260, 290, 320), "m")
    run = Run().feed(in_order(published(0, careful), poor(), more, ticks(0, 74)))
    # Announced on day 62: 50,000.00 from day 72 on. On day 65 the second loan brings 59,000.00 into use.
    (moved, adjusted) = run.actions
    assert (moved.after.limit, moved.limit_from) == (5_000_000, at(72.125))
    assert (adjusted.change, adjusted.after.limit, adjusted.announced_at) == ("adjusted", 5_900_000, at(72.125))
    assert run.credit().lines[0].live.limit == 5_900_000


def test_a_published_policy_moves_lines_from_its_entry_and_its_instant_on() -> None:
    small = policy("small", largest_limit_step=200_000)
    log = in_order(good(), good("c2"), published(61, small, start=100), ticks(0, 130))
    actions = [each for each in Run().feed(log).actions if isinstance(each, AccountAction)]
    assert [(each.customer_id, each.policy, each.after.limit) for each in actions] == [
        ("c1", "cash-instalments", 7_000_000), ("c2", "cash-instalments", 7_000_000),
        ("c1", "small", 7_200_000), ("c2", "small", 7_200_000),
    ]  # fmt: skip
    assert actions[-1].batch == f"small/{small.version}"
    first = in_order(good(), published(61, small), ticks(0, 70))
    assert Run().feed(first).actions[0].after.limit == 6_200_000
    # In the same batch, behind the repayment of the same day: what a later entry published does not decide.
    behind = in_order(good(), [published(62, small)], ticks(0, 70))
    assert Run().feed(behind).actions[0].after.limit == 7_000_000


def test_a_policy_without_grades_leaves_lines_as_they_were_granted_and_later_ones_go_on_from_there() -> None:
    silent = policy("silent", silent=True)
    run = Run().feed(in_order(published(0, silent), good(), published(100, policy("awake")), ticks(0, 130)))
    assert [(each.announced_at, each.after.limit) for each in run.actions] == [(at(122), 7_000_000)]


def test_an_approval_grants_the_line_anew() -> None:
    run = Run().feed(in_order(good(), applied("c1", 70, score=735), ticks(0, 75)))
    live = run.credit().lines[0].live
    assert (live.granted_grade, live.limit, live.last_action) == ("A", live.granted_limit, "")
    assert live.changed_ms == to_ms(at(70))


def test_with_lending_off_nothing_is_kept() -> None:
    run = Run(replace(PROGRAM, lending=NO_LENDING)).feed(in_order(good(), ticks(0, 70)))
    assert (run.actions, run.batches[0].counts.derived) == ([], 0)


# ------------------------------------------------------------------------------------------- while repayments are stale


def test_while_repayments_are_stale_nothing_moves_by_arrears_and_freezes_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "holds", lambda self, tenant: True)
    log = in_order(poor(), applied("c1", 70, score=100), suspicious(day=75), ticks(0, 80))
    run = Run().feed(until(75, log))
    assert run.actions == []
    run.feed([each for each in log if each[0] >= 75])
    assert [(each.change, each.announced_at) for each in run.actions] == [("frozen", at(75.125))]


def test_a_fraud_alert_that_is_withdrawn_counts_no_more() -> None:
    (alert,) = Run().feed(suspicious()[:1]).batches[0].alerts
    desk, account = AccountsDesk(PROGRAM, Run().feed([]).batches[0], NOW, 0, Shelf()), Account()
    desk.suspect(alert, account, 0)
    assert account.credit is not None
    assert [each.alert_id for each in account.credit.suspicions] == [alert.alert_id]
    desk.suspect(structs.replace(alert, withdrawn=True, withdrawn_at=alert.occurred_at + timedelta(1)), account, 0)
    assert account.credit.suspicions == []

"""Withdrawal: what a fact undoes, what it leaves, and what ends with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from riskwatch.alerts.raising import Raised, Told, raise_alerts
from riskwatch.alerts.withdrawing import Undoing
from riskwatch.features.account import Account, decode_account, encode_account
from riskwatch.features.warned import MAX_WARNINGS, MAX_WITHDRAWN
from riskwatch.policy.rules import RuleSet, compile_rules, parse_policy
from riskwatch.streams.entry import ENTRY, Kind
from riskwatch.streams.outputs import Alert

DAY = 86_400_000
START = 1_790_000_000_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = '["InstalmentOverdue", "PromiseBroken", "RepaymentReceived", "RepaymentReversed"]'
LOAN, PAYMENT = 7, 70


def rule_set(often: str = 'cooldown = "20d"', output: str = "early-warning", shadow: str = "false") -> RuleSet:
    text = (
        f'name = "test"\n[rules.late]\ndescription = "d"\non = {KINDS}\nwhen = "x > 0"\nseverity = "low"\n'
        f'output = "{output}"\nreason = "x is {{x}}"\nshadow = {shadow}\n{often}\n'
    )
    return compile_rules(parse_policy(text, "test", ["x"]), ["x"])


EPISODES = 'episode = "loan"\nepisode_gap = "30d"\nworse_by = "x"\nworse_at = [2, 3]'


def entries_of(*given: tuple[Kind, int, float, float]) -> tuple[Any, Any]:
    """(kind, event, days since the start, x) each."""
    entries = np.zeros(len(given), dtype=ENTRY)
    for row, (kind, event, day, _) in enumerate(given):
        entries["kind"][row], entries["event"][row] = kind, event
        entries["occurred_at"][row], entries["subject"][row] = START + int(day * DAY), LOAN
    return entries, np.array([[x] for *_, x in given])


def raised(
    rules: RuleSet, account: Account, *given: tuple[Kind, int, float, float],
    undoings: list[tuple[int, Undoing]] | None = None,
) -> Raised:  # fmt: skip
    entries, features = entries_of(*given)
    return raise_alerts(
        rules, rules.judge(entries, features), entries, features, keys=[b"bank/c"] * len(given),
        offsets=list(range(len(given))), partition=0, accounts=lambda row: account,
        told=lambda row: Told("", "loan", PAYMENT if given[row][0] == Kind.REPAYMENT_RECEIVED else 0),
        detected_at=NOW, undoings=undoings or [],
    )  # fmt: skip


def undoing(**fields: Any) -> Undoing:
    given = {"event_id": "pay-9", "event_type": "RepaymentReceived", "at_ms": START + 10 * DAY} | fields
    return Undoing(**given)


OVERDUE = Kind.INSTALMENT_OVERDUE
QUIET = (Kind.REPAYMENT_RECEIVED, 900, 10.0, 0.0)
"""An entry at which no rule fires."""


def withdrawals(result: Raised) -> list[Alert]:
    return [alert for alert in result.published if alert.withdrawn]


def test_a_warning_whose_entry_is_undone_goes_out_again_withdrawn_with_its_cause() -> None:
    account = Account()
    (alert,) = raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0)).alerts
    result = raised(rule_set(), account, QUIET, undoings=[(0, undoing(events=frozenset({1})))])
    (gone,) = withdrawals(result)
    assert result.alerts == []
    assert (gone.withdrawn, gone.withdrawn_at) == (True, alert.occurred_at + timedelta(days=10))
    assert gone.withdrawn_because == "a repayment counts from before: RepaymentReceived pay-9"
    for field in set(Alert.__struct_fields__) - {"withdrawn", "withdrawn_because", "withdrawn_at", "detected_at"}:
        assert getattr(gone, field) == getattr(alert, field), field


def test_a_warning_is_withdrawn_once() -> None:
    account = Account()
    raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0))
    undone = [(0, undoing(events=frozenset({1})))]
    assert len(withdrawals(raised(rule_set(), account, QUIET, undoings=undone))) == 1
    assert withdrawals(raised(rule_set(), account, QUIET, undoings=undone)) == []


@pytest.mark.parametrize("other", [undoing(events=frozenset({2})), undoing(payment=1), undoing(cured=LOAN)])
def test_what_is_not_undone_stands(other: Undoing) -> None:
    account = Account()
    raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0))
    assert raised(rule_set(), account, QUIET, undoings=[(0, other)]).published == []
    assert len(account.warnings) == 1


def test_a_failed_debit_did_fail() -> None:
    account = Account()
    raised(rule_set(), account, (Kind.REPAYMENT_REVERSED, 1, 0.0, 1.0))
    assert raised(rule_set(), account, QUIET, undoings=[(0, undoing(events=frozenset({1})))]).published == []


def test_what_was_said_of_a_payment_that_never_was_is_withdrawn() -> None:
    account = Account()
    raised(rule_set(), account, (Kind.REPAYMENT_RECEIVED, 1, 0.0, 1.0))
    undone = undoing(event_type="RepaymentReversed", event_id="back-1", payment=PAYMENT)
    (gone,) = withdrawals(raised(rule_set(), account, QUIET, undoings=[(0, undone)]))
    assert gone.withdrawn_because == "the repayment was taken back: RepaymentReversed back-1"


def test_a_suspicion_of_fraud_at_a_payment_stands_when_the_payment_is_taken_back() -> None:
    account = Account()
    raised(rule_set(output="fraud"), account, (Kind.REPAYMENT_RECEIVED, 1, 0.0, 1.0))
    undone = undoing(event_type="RepaymentReversed", payment=PAYMENT)
    assert raised(rule_set(output="fraud"), account, QUIET, undoings=[(0, undone)]).published == []


def test_a_shadow_warning_is_withdrawn_in_shadow() -> None:
    account = Account()
    rules = rule_set(shadow="true")
    raised(rules, account, (OVERDUE, 1, 0.0, 1.0))
    (gone,) = withdrawals(raised(rules, account, QUIET, undoings=[(0, undoing(events=frozenset({1})))]))
    assert gone.shadow is True


def test_its_cooldown_ends_with_it() -> None:
    account = Account()
    raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0))
    later = (OVERDUE, 2, 11.0, 1.0)
    assert raised(rule_set(), Account(cooldowns=dict(account.cooldowns)), later).alerts == []
    undone = [(0, undoing(events=frozenset({1})))]
    assert len(raised(rule_set(), account, later, undoings=undone).alerts) == 1


def test_another_alerts_cooldown_goes_on() -> None:
    account = Account()
    raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0), (OVERDUE, 2, 20.0, 1.0))
    raised(rule_set(), account, QUIET, undoings=[(0, undoing(events=frozenset({1})))])
    assert raised(rule_set(), account, (OVERDUE, 3, 21.0, 1.0)).alerts == []


def test_an_earlier_alert_that_stands_keeps_the_rule_silent_when_the_later_told_one_is_withdrawn() -> None:
    account = Account()
    raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0), (OVERDUE, 2, 30.0, 1.0), (OVERDUE, 3, 5.0, 1.0))
    gone = withdrawals(raised(rule_set(), account, QUIET, undoings=[(0, undoing(events=frozenset({3})))]))
    assert len(gone) == 1
    assert raised(rule_set(), account, (OVERDUE, 4, 49.9, 1.0)).alerts == [], "within 20 days of the alert of day 30"
    assert len(raised(rule_set(), account, (OVERDUE, 5, 50.0, 1.0)).alerts) == 1


def test_an_alert_withdrawn_at_the_same_time_or_of_another_rule_keeps_nothing_silent() -> None:
    account = Account()
    raised(rule_set(shadow="true"), account, (OVERDUE, 9, 30.0, 1.0))
    raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0), (OVERDUE, 2, 30.0, 1.0), (OVERDUE, 3, 5.0, 1.0))
    raised(rule_set(), account, QUIET, undoings=[(0, undoing(events=frozenset({2, 3})))])
    assert len(raised(rule_set(), account, (OVERDUE, 4, 31.0, 1.0)).alerts) == 1, "only that of day 0 stands"


def test_its_episode_ends_with_it() -> None:
    account = Account()
    rules = rule_set(EPISODES)
    first, boosted = raised(rules, account, (OVERDUE, 1, 0.0, 1.0), (OVERDUE, 2, 4.0, 2.0)).alerts
    gone = withdrawals(raised(rules, account, QUIET, undoings=[(0, undoing(events=frozenset({1, 2})))]))
    assert [each.alert_id for each in gone] == [first.alert_id, boosted.alert_id]
    (anew,) = raised(rules, account, (OVERDUE, 3, 11.0, 1.0)).alerts
    assert anew.boost == 0
    assert anew.episode != first.episode


def test_a_cured_loan_ends_its_episodes_and_withdraws_nothing() -> None:
    account = Account()
    rules = rule_set(EPISODES)
    (first,) = raised(rules, account, (OVERDUE, 1, 0.0, 1.0)).alerts
    assert raised(rules, account, QUIET, undoings=[(0, undoing(cured=LOAN + 1))]).published == []
    assert raised(rules, account, (OVERDUE, 2, 5.0, 1.0)).alerts == []
    assert raised(rules, account, QUIET, undoings=[(0, undoing(cured=LOAN))]).published == []
    (anew,) = raised(rules, account, (OVERDUE, 3, 6.0, 1.0)).alerts
    assert (anew.boost, anew.episode == first.episode) == (0, False)


def test_the_same_warning_raised_anew_has_an_id_of_its_own_each_time() -> None:
    account = Account()
    ids = []
    for _ in range(3):
        ids += [alert.alert_id for alert in raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0)).alerts]
        raised(rule_set(), account, QUIET, undoings=[(0, undoing(events=frozenset({1})))])
    assert len(set(ids)) == 3


def test_no_id_is_used_again_however_much_is_withdrawn_between() -> None:
    account, rules, ids = Account(), rule_set('cooldown = "0s"'), []
    events = list(range(1, MAX_WITHDRAWN + MAX_WARNINGS))
    for event in [*events, *events, *events]:
        ids += [alert.alert_id for alert in raised(rules, account, (OVERDUE, event, 0.0, 1.0)).alerts]
        raised(rules, account, QUIET, undoings=[(0, undoing(events=frozenset({event})))])
        account = decode_account(encode_account(account))
        assert len(account.withdrawn) <= MAX_WITHDRAWN + 1
    assert len(set(ids)) == len(ids) == 3 * len(events)


def test_a_warning_withdrawn_more_often_than_is_kept_has_new_ids_still() -> None:
    account, rules, ids = Account(), rule_set(), []
    for _ in range(2 * MAX_WITHDRAWN):
        ids += [alert.alert_id for alert in raised(rules, account, (OVERDUE, 1, 0.0, 1.0)).alerts]
        raised(rules, account, QUIET, undoings=[(0, undoing(events=frozenset({1})))])
    assert len(set(ids)) == len(ids) == 2 * MAX_WITHDRAWN


def test_another_warning_and_a_repeat_of_the_batch_have_the_ids_that_they_had() -> None:
    account = Account()
    raised(rule_set('cooldown = "0s"'), account, (OVERDUE, 1, 0.0, 1.0))
    raised(rule_set('cooldown = "0s"'), account, QUIET, undoings=[(0, undoing(events=frozenset({1})))])
    stored = encode_account(account)

    def ids(held: Account) -> list[str]:
        result = raised(rule_set('cooldown = "0s"'), held, (OVERDUE, 1, 0.0, 1.0), (OVERDUE, 2, 0.0, 1.0))
        return [alert.alert_id for alert in result.alerts]

    again, other = ids(decode_account(stored))
    assert ids(decode_account(stored)) == [again, other]
    assert [again, other] != ids(Account())
    assert other == ids(Account())[1]


def test_raised_and_undone_in_one_batch_go_out_in_that_order() -> None:
    result = raised(
        rule_set(), Account(), (OVERDUE, 1, 0.0, 1.0), QUIET, (OVERDUE, 2, 11.0, 1.0),
        undoings=[(1, undoing(events=frozenset({1})))],
    )  # fmt: skip
    assert [(alert.cause.offset, alert.withdrawn) for alert in result.published] == [(0, False), (0, True), (2, False)]
    assert result.rows == [0, 2]


def test_an_undoing_withdraws_only_what_came_before_it() -> None:
    result = raised(
        rule_set(), Account(), QUIET, (OVERDUE, 1, 0.0, 1.0), undoings=[(0, undoing(events=frozenset({1})))]
    )
    assert [alert.withdrawn for alert in result.published] == [False]


def test_only_the_newest_warnings_can_be_withdrawn() -> None:
    account = Account()
    count = MAX_WARNINGS + 3
    raised(rule_set('cooldown = "0s"'), account, *((OVERDUE, each + 1, float(each), 1.0) for each in range(count)))
    every = undoing(events=frozenset(range(1, count + 1)))
    gone = withdrawals(raised(rule_set(), account, QUIET, undoings=[(0, every)]))
    assert [each.cause.offset for each in gone] == list(range(3, count))


def test_what_is_remembered_does_not_depend_on_the_clock_of_the_worker() -> None:
    account = Account()
    raised(rule_set(), account, (OVERDUE, 1, 0.0, 1.0))
    assert NOW.isoformat()[:10].encode() not in account.warnings[0].alert
    assert decode_account(encode_account(account)) == account

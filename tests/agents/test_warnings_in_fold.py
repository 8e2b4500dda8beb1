"""Warnings of the base policy in the fold: one trouble of one loan is one episode, and what is undone is withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs
from shared_journal import LAYOUT, NOW, RULES, Log, entry, refold

from riskwatch.agents import undoing as undoing_module
from riskwatch.agents.folded import Program
from riskwatch.agents.statecodec import split_state
from riskwatch.features.account import Account, Facts, decode_account, evolve_account
from riskwatch.streams import events
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import customer_key, pack_tick, to_ms

PROGRAM = Program(LAYOUT, RULES, {})
FIRST_DUE = date(2026, 3, 10)
SIZE = 10_000


def at(day: date, hours: float = 12) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=NOW.tzinfo) + timedelta(hours=hours)


def opened(loan: str = "l1", dues: tuple[date, ...] = (FIRST_DUE, date(2026, 4, 10)), customer: str = "c1") -> Any:
    schedule = [events.Instalment(number=n, due_on=due, amount=SIZE) for n, due in enumerate(dues, start=1)]
    return events.LoanOpened(
        event_id=f"open-{loan}", tenant="bank", customer_id=customer, occurred_at=at(date(2026, 2, 10)), loan_id=loan,
        product="cash-instalments", principal=SIZE * len(dues), currency="CNY", schedule=schedule,
    )  # fmt: skip


def paid(event_id: str, when: datetime, loan: str = "l1", amount: int = SIZE, **fields: Any) -> Any:
    return events.RepaymentReceived(
        event_id=event_id, tenant="bank", customer_id="c1", occurred_at=when, loan_id=loan, amount=amount,
        currency="CNY", **fields,
    )  # fmt: skip


def taken_back(event_id: str, payment_id: str, when: datetime, amount: int = SIZE, loan: str = "l1") -> Any:
    return events.RepaymentReversed(
        event_id=event_id, tenant="bank", customer_id="c1", occurred_at=when, loan_id=loan, amount=amount,
        currency="CNY", payment_id=payment_id,
    )  # fmt: skip


def log_of(*given: Any) -> Log:
    """Events, and ticks for datetimes, in journal order; a tick each midnight up to each of them."""
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


def alerts_of(log: Log, *cuts: int) -> list[Alert]:
    batches, _ = refold(PROGRAM, log, *cuts)
    return [alert for each in batches for alert in each.alerts]


def of_rule(rule: str, alerts: list[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.rule == rule]


def test_a_loan_that_falls_ever_further_behind_is_one_episode() -> None:
    alerts = of_rule("instalment-overdue", alerts_of(log_of(opened(), at(date(2026, 6, 20)))))
    assert [(each.boost, each.severity, each.subject) for each in alerts] == [
        (0, "low", "l1"), (1, "medium", "l1"), (2, "medium", "l1"),
    ]  # fmt: skip
    assert len({each.episode for each in alerts}) == 1


def test_two_loans_in_arrears_are_two_episodes() -> None:
    alerts = of_rule("instalment-overdue", alerts_of(log_of(opened("l1"), opened("l2"), at(date(2026, 3, 20)))))
    assert [(each.subject, each.boost) for each in alerts] == [("l1", 0), ("l2", 0), ("l1", 1), ("l2", 1)]
    assert len({each.episode for each in alerts}) == 2


def test_paid_and_late_again_next_month_is_another_episode() -> None:
    log = log_of(opened(), paid("p1", at(date(2026, 3, 14))), at(date(2026, 4, 14)))
    alerts = of_rule("instalment-overdue", alerts_of(log))
    assert [each.boost for each in alerts] == [0, 0]
    assert len({each.episode for each in alerts}) == 2


def test_paid_in_part_and_late_again_next_month_is_the_same_episode() -> None:
    log = log_of(opened(), paid("p1", at(date(2026, 3, 14)), amount=SIZE // 2), at(date(2026, 4, 14)))
    alerts = of_rule("instalment-overdue", alerts_of(log))
    assert [each.boost for each in alerts] == [0, 1, 2]
    assert len({each.episode for each in alerts}) == 1


def test_a_late_payment_withdraws_nothing() -> None:
    alerts = alerts_of(log_of(opened(), paid("p1", at(date(2026, 3, 18))), at(date(2026, 3, 25))))
    assert of_rule("instalment-overdue", alerts)
    assert not any(alert.withdrawn for alert in alerts)


@pytest.mark.parametrize(
    ("value_on", "withdrawn"),
    [(date(2026, 3, 9), [0, 1]), (FIRST_DUE, [0, 1]), (date(2026, 3, 14), [1]), (date(2026, 3, 18), []), (None, [])],
    ids=["before the due date", "on it", "after the first step", "after both", "no other day"],
)  # fmt: skip
def test_a_backdated_payment_withdraws_just_the_steps_that_were_never_reached(
    value_on: date | None, withdrawn: list[int]
) -> None:
    late = paid("p1", at(date(2026, 3, 18)), value_on=value_on)
    alerts = of_rule("instalment-overdue", alerts_of(log_of(opened(), late, at(date(2026, 3, 25)))))
    raised = [each for each in alerts if not each.withdrawn]
    assert [each.boost for each in raised] == [0, 1]
    gone = [each.alert_id for each in alerts if each.withdrawn]
    assert gone == [raised[place].alert_id for place in withdrawn]
    assert all(each.withdrawn_because.endswith("RepaymentReceived p1") for each in alerts if each.withdrawn)


def test_a_due_date_that_was_never_what_it_seemed_withdraws_and_warns_anew_of_the_right_one() -> None:
    due = events.InstalmentDue(
        event_id="due-1", tenant="bank", customer_id="c1", occurred_at=at(FIRST_DUE), loan_id="l9", number=1,
        due_on=FIRST_DUE, amount=SIZE, currency="CNY",
    )  # fmt: skip
    right = structs.replace(due, event_id="due-2", occurred_at=at(date(2026, 3, 14)), due_on=date(2026, 3, 13))
    alerts = of_rule("instalment-overdue", alerts_of(log_of(due, right, at(date(2026, 3, 17)))))
    assert [each.withdrawn for each in alerts] == [False, True, False]
    assert alerts[0].alert_id == alerts[1].alert_id
    assert alerts[1].withdrawn_because.endswith("InstalmentDue due-2")
    assert alerts[2].occurred_at == at(date(2026, 3, 16), 0)
    assert alerts[2].episode != alerts[0].episode


def test_a_report_that_is_true_again_is_raised_under_an_id_of_its_own() -> None:
    """The payment that undid it is taken back in its turn."""
    backdated = paid("p1", at(date(2026, 3, 18)), value_on=FIRST_DUE)
    log = log_of(opened(), backdated, taken_back("r1", "p1", at(date(2026, 3, 20))), at(date(2026, 3, 22)))
    alerts = of_rule("instalment-overdue", alerts_of(log))
    assert [each.withdrawn for each in alerts] == [False, False, True, True, False, False]
    assert len({each.alert_id for each in alerts}) == 4
    assert [each.boost for each in alerts[4:]] == [0, 1]


PART = [
    opened(dues=tuple(FIRST_DUE + timedelta(days=30 * n) for n in range(4))),
    paid("p1", at(date(2026, 3, 10)), amount=SIZE // 2, payment_id="m-1"),
    paid("p2", at(date(2026, 3, 11)), amount=SIZE // 4, payment_id="m-2"),
]


def test_a_warning_about_a_part_payment_is_withdrawn_when_the_payment_was_never_there() -> None:
    assert len(of_rule("partial-payments", alerts_of(log_of(*PART)))) == 1
    log = log_of(*PART, taken_back("r1", "m-2", at(date(2026, 3, 12)), SIZE // 4))
    raised, gone = of_rule("partial-payments", alerts_of(log))
    assert (gone.alert_id, gone.withdrawn) == (raised.alert_id, True)
    assert gone.withdrawn_because == "the repayment was taken back: RepaymentReversed r1"


@pytest.mark.parametrize(
    ("payment", "amount"), [("m-1", SIZE // 2), ("m-2", SIZE // 8), ("m-9", SIZE // 4)],
    ids=["another payment", "a part of it", "a payment that nobody knows"],
)  # fmt: skip
def test_a_warning_about_a_payment_that_stays_in_part_stands(payment: str, amount: int) -> None:
    log = log_of(*PART, taken_back("r1", payment, at(date(2026, 3, 12)), amount))
    assert [each.withdrawn for each in of_rule("partial-payments", alerts_of(log))] == [False]


def test_a_failed_debit_stands_when_the_money_comes_again() -> None:
    log = log_of(
        opened(),
        paid("p1", at(date(2026, 3, 9))),
        taken_back("r1", "p1", at(date(2026, 3, 10))),
        paid("p2", at(date(2026, 3, 10), 13)),
        at(date(2026, 3, 20)),
    )
    assert [each.withdrawn for each in of_rule("debit-failed", alerts_of(log))] == [False]


@pytest.fixture
def undone_by(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, ...]]:
    """Event id → hashes of the reports that it undoes: said by the test beside what the ledger says."""
    said: dict[str, tuple[int, ...]] = {}

    def evolve(account: Account, event: Any, at_ms: int, zone: Any, servicing: Any) -> Facts:
        facts = evolve_account(account, event, at_ms, zone, servicing)
        return structs.replace(facts, undone=tuple({*facts.undone, *said.get(event.event_id, ())}))

    monkeypatch.setattr(undoing_module, "evolve_account", evolve)
    return said


def account_of(rows: Mapping[bytes, bytes]) -> Account:
    return decode_account(split_state(rows[customer_key("bank", "c1")], LAYOUT.version)[3])


def test_a_report_that_is_undone_is_withdrawn_and_the_next_trouble_is_another(
    undone_by: dict[str, tuple[int, ...]],
) -> None:
    before = [opened(), at(date(2026, 3, 18))]
    _, rows = refold(PROGRAM, log_of(*before))
    reports = [each.event for each in account_of(rows).warnings if each.rule == "instalment-overdue"]
    assert len(reports) == 2
    undone_by["p1"] = tuple(reports)
    log = log_of(*before, paid("p1", at(date(2026, 3, 18), 1)), at(date(2026, 4, 14)))
    alerts = of_rule("instalment-overdue", alerts_of(log))
    assert [(each.boost, each.withdrawn) for each in alerts] == [
        (0, False),
        (1, False),
        (0, True),
        (1, True),
        (0, False),
    ]
    assert alerts[0].alert_id == alerts[2].alert_id
    assert alerts[4].episode not in {each.episode for each in alerts[:4]}


def test_however_the_batches_are_cut_the_same_is_raised_and_withdrawn(undone_by: dict[str, tuple[int, ...]]) -> None:
    before = [*PART, at(date(2026, 3, 18))]
    _, rows = refold(PROGRAM, log_of(*before))
    undone_by["p3"] = tuple(each.event for each in account_of(rows).warnings)
    log = log_of(
        *before, paid("p3", at(date(2026, 3, 18), 1)), taken_back("r1", "m-2", at(date(2026, 3, 19)), SIZE // 4),
        at(date(2026, 5, 20)),
    )  # fmt: skip
    whole = alerts_of(log)
    assert sum(each.withdrawn for each in whole) >= 3
    expected = refold(PROGRAM, log)[1][customer_key("bank", "c1")]
    for size in (1, 7):
        cuts = tuple(range(size, len(log), size))
        assert alerts_of(log, *cuts) == whole
        assert refold(PROGRAM, log, *cuts)[1][customer_key("bank", "c1")] == expected


def test_no_alert_goes_out_twice_but_to_be_withdrawn(undone_by: dict[str, tuple[int, ...]]) -> None:
    before = [opened(), at(date(2026, 3, 18))]
    _, rows = refold(PROGRAM, log_of(*before))
    undone_by["p1"] = tuple(each.event for each in account_of(rows).warnings)
    log = log_of(
        *before,
        paid("p1", at(date(2026, 3, 18), 1)),
        taken_back("r1", "p1", at(date(2026, 3, 19))),
        at(date(2026, 4, 20)),
    )
    states: dict[str, list[bool]] = {}
    for alert in alerts_of(log):
        states.setdefault(alert.alert_id, []).append(alert.withdrawn)
    assert all(each in ([False], [False, True]) for each in states.values())
    assert [False, True] in states.values()

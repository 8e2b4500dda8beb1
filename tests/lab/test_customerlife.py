"""One customer's life: what is told, when, in which lane, and how it is drawn."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from loan_making import action, closed, contact, day, moved, opened, paid
from msgspec import structs
from rich.console import Console

from riskwatch.lab.customerlife import Life, Row, customer_life, encode_life
from riskwatch.lab.lifelanes import columns
from riskwatch.lab.lifeview import draw, heading, lines, summary_line
from riskwatch.lab.loanpath import Zones
from riskwatch.lab.loanrecords import CustomerRecords
from riskwatch.streams import events
from riskwatch.streams.accountactions import AccountAction, AccountReason, Terms
from riskwatch.streams.decisions import Decision
from riskwatch.streams.outputs import Alert, Cause, Reason

UTC = Zones()
CAUSE = Cause(partition=0, offset=0, event_id="e", event_type="x")


def event(kind: type, at: float, **fields: Any) -> Any:
    said = {"event_id": f"{kind.__name__}-{at}", "tenant": "t", "customer_id": "c", "occurred_at": day(at)} | fields
    return kind(**said)


def about(kind: type, at: float, **fields: Any) -> Any:
    return event(kind, at, **({"loan_id": "l"} | fields))


def records(*happened: Any, **more: Any) -> CustomerRecords:
    return CustomerRecords(tenant="t", customer_id="c", events=happened, **more)


def life(*happened: Any, zones: Zones = UTC, loan: str | None = None, since: date | None = None, **more: Any) -> Life:
    return customer_life(records(*happened, **more), zones, loan=loan, since=since)


def told(found: Life, kind: str) -> list[str]:
    return [row.happening.text for row in found.rows if row.happening.kind == kind]


def row_of(found: Life, kind: str) -> Row:
    (row,) = (row for row in found.rows if row.happening.kind == kind)
    return row


def alert(at: float = 40, **fields: Any) -> Alert:
    said = {
        "alert_id": "w", "tenant": "t", "customer_id": "c", "rule": "late-match", "kind": "early-warning",
        "severity": "high", "subject": "c", "reasons": [Reason(code="r", text="shares a phone", values={})],
        "features": {}, "cause": CAUSE, "policy": "p", "policy_version": "1", "occurred_at": day(at),
        "detected_at": day(at),
    }  # fmt: skip
    return Alert(**(said | fields))


PROMISE = about(events.PromiseMade, 40, amount=500, currency="CNY", pay_by=date(2025, 2, 15))
"""By the end of 15 February, which is day 45."""


# ------------------------------------------------------------------------------------------- instalments, payments


def test_an_instalment_is_told_as_it_stood_when_its_day_ended() -> None:
    # Two instalments of 500, due on days 34 and 64. The first is paid in part on its day, the rest a day late.
    found = life(opened(day(4)), paid(day(34.9), 200), paid(day(35), 300), newest=day(66))
    assert told(found, "InstalmentDue") == [
        "instalment 1 due: 5.00 CNY, 2.00 of it paid", "instalment 2 due: 5.00 CNY, not paid",
    ]  # fmt: skip
    assert [row.day for row in found.rows if row.happening.kind == "InstalmentDue"] == [
        date(2025, 2, 4), date(2025, 3, 6),
    ]  # fmt: skip


def test_payments_say_what_they_were_to_their_instalment() -> None:
    found = life(
        opened(day(4)), paid(day(20), 200), paid(day(34), 300), paid(day(67), 100), paid(day(68), 400), newest=day(90)
    )
    assert told(found, "RepaymentReceived") == [
        "paid 2.00 CNY: an instalment in part, 40% of it by now, 14 days early",
        "paid 3.00 CNY: an instalment in full, on its day",
        "paid 1.00 CNY: an instalment in part, 20% of it by now, 3 days late",
        "paid 4.00 CNY: an instalment in full, 4 days late",
    ]
    assert told(found, "InstalmentDue")[0].endswith(", paid")


def test_an_instalment_that_is_not_due_yet_is_not_told() -> None:
    assert told(life(opened(day(4)), newest=day(33.9)), "InstalmentDue") == []
    assert len(told(life(opened(day(4)), newest=day(34)), "InstalmentDue")) == 1


def test_charges_and_instalments_of_nothing_do_not_fall_due() -> None:
    fee = about(events.ChargeMade, 10, charge="fee", amount=5, currency="CNY")
    free = opened(day(4), "k", schedule=[events.Instalment(number=1, due_on=date(2025, 1, 20), amount=0)])
    found = life(opened(day(4)), free, fee, newest=day(40))
    assert told(found, "InstalmentDue") == ["instalment 1 due: 5.00 CNY, not paid"]
    assert told(found, "ChargeMade") == ["fee of 0.05 CNY charged"]


def test_days_are_the_institution_s() -> None:
    shanghai = Zones({"t": ZoneInfo("Asia/Shanghai")})
    found = life(opened(day(4)), paid(day(34 + 17 / 24), 500), zones=shanghai, newest=day(40))
    assert row_of(found, "RepaymentReceived").day == date(2025, 2, 5)
    assert "1 day late" in told(found, "RepaymentReceived")[0]


def test_what_is_paid_after_a_write_off_is_a_recovery() -> None:
    found = life(opened(day(4)), about(events.LoanWrittenOff, 200), paid(day(210), 100), newest=day(220))
    assert told(found, "RepaymentReceived") == ["recovered 1.00 CNY"]


# ---------------------------------------------------------------------------------------------------------- promises


def test_a_promise_is_kept_when_enough_has_come_by_the_end_of_its_day() -> None:
    found = life(opened(day(4)), PROMISE, paid(day(42), 200), paid(day(45.99), 300), newest=day(60))
    assert (told(found, "PromiseKept"), told(found, "PromiseBroken")) == (["promise of 5.00 CNY kept"], [])
    assert row_of(found, "PromiseKept").happening.at == day(45.99)


@pytest.mark.parametrize(
    "payments",
    [
        [],
        [paid(day(46), 500)],
        [paid(day(39), 500)],
        [paid(day(42), 499)],
        [paid(day(42), 500, "another-loan")],
        [paid(day(42), 500, currency="EUR")],
    ],
)
def test_a_promise_is_broken_at_the_end_of_its_day_by_too_little_too_late_or_elsewhere(payments: list) -> None:
    found = life(opened(day(4)), PROMISE, *payments, newest=day(60))
    assert row_of(found, "PromiseBroken").happening.at == day(46)
    assert told(found, "PromiseKept") == []


def test_a_promise_whose_day_is_not_over_is_open() -> None:
    kinds = {row.happening.kind for row in life(opened(day(4)), PROMISE, newest=day(45.9)).rows}
    assert not kinds & {"PromiseKept", "PromiseBroken"}


def test_what_bounced_does_not_keep_a_promise() -> None:
    back = about(events.RepaymentReversed, 43, amount=300, currency="CNY", payment_id="p", reason="no funds")
    found = life(opened(day(4)), PROMISE, paid(day(42), 300, payment_id="p"), back, paid(day(44), 300), newest=day(60))
    assert told(found, "PromiseKept") == []
    assert told(found, "RepaymentReversed") == ["payment of 3.00 CNY reversed: no funds"]


# ------------------------------------------------------------------------------------------------------------- outputs


def test_lanes_hold_the_bucket_just_after_each_row() -> None:
    found = life(
        opened(day(4)), opened(day(36), "k"), moves=[moved(day(35), "M0", "M1"), moved(day(40), "M1", "M0")],
        newest=day(50),
    )  # fmt: skip
    assert [lane.loan_id for lane in found.lanes] == ["l", "k"]
    seen = [(row.happening.kind, row.states) for row in found.rows if row.happening.kind != "InstalmentDue"]
    assert seen == [
        ("LoanOpened", ("M0", None)), ("LoanMoved", ("M1", None)), ("LoanOpened", ("M1", "M0")),
        ("LoanMoved", ("M0", "M0")),
    ]  # fmt: skip


def test_a_move_says_how_far_past_due_and_a_corrected_one_stands_where_it_should_have() -> None:
    moves = [
        moved(day(35), "M0", "M1", past_due_days=1, past_due=500), moved(day(38), "M1", "M0", corrects=True),
    ]  # fmt: skip
    assert told(life(opened(day(4)), moves=moves[:1]), "LoanMoved") == ["M0 → M1, 1 day past due with 5.00 CNY"]
    found = life(opened(day(4)), moves=[*moves, *moves])
    assert told(found, "LoanMoved") == ["M1 → M0 (corrected)"]
    assert row_of(found, "LoanMoved").happening.at == day(35)
    assert found.summary.worst == "M0"


def test_an_opening_is_told_once() -> None:
    first = moved(day(4), "unknown", "M0", opened_on=day(4).date())
    assert [row.happening.kind for row in life(opened(day(4)), moves=[first]).rows] == ["LoanOpened"]
    kept = life(moves=[first])  # the journal no longer holds the opening
    assert (told(kept, "LoanMoved"), kept.rows[0].states) == (["M0"], ("M0",))


def test_a_move_comes_before_the_warning_that_it_causes() -> None:
    found = life(opened(day(4)), moves=[moved(day(40), "M0", "M1")], alerts=[alert(40)])
    kinds = [row.happening.kind for row in found.rows if row.day == day(40).date()]
    assert kinds == ["LoanMoved", "Alert"]


def test_a_warning_and_its_withdrawal_are_two_rows() -> None:
    gone = alert(withdrawn=True, withdrawn_because="the case was cleared", withdrawn_at=day(50))
    found = life(opened(day(4)), alerts=[alert(), alert(), gone])
    assert told(found, "Alert") == ["warning late-match (high): shares a phone"]
    assert told(found, "AlertWithdrawn") == ["warning late-match withdrawn: the case was cleared"]
    assert row_of(found, "AlertWithdrawn").happening.at == day(50)
    assert (found.summary.standing_alerts, life(alerts=[alert()]).summary.standing_alerts) == (0, 1)


def test_actions_are_told_with_what_came_of_them() -> None:
    order, left = action(day(40), "x", treatment="call-early"), action(day(44), "y", treatment="visit")
    held = action(day(45), "z", holdout=True)
    found = life(
        opened(day(4)), contact(day(41), action_id="x"), actions=[order, left, order, held],
        closings=[closed(order, "done", day(41), reported="no-answer")],
    )  # fmt: skip
    assert told(found, "CollectionAction")[0] == "to do: call-early, phone (stage early), until 2025-02-10 08:00 UTC"
    assert "held out of call" in told(found, "CollectionAction")[2]
    assert told(found, "ActionClosed") == ["call-early ended: done, no-answer"]
    assert told(found, "ContactMade") == ["contacted by phone: no-answer"]
    assert found.summary.open_actions == 1


def test_a_decision_and_a_line_s_change_say_their_terms() -> None:
    decision = Decision(
        decision_id="d", tenant="t", customer_id="c", application_id="a", product="cash-instalments",
        outcome="approve", requested=100_00, currency="CNY", requested_term_months=5, grade="B", pd=0.02, points=640.0,
        limit=500_00, amount=100_00, annual_rate=0.144, apr=None, term_months=5, plan=[], reasons=[], cause=CAUSE,
        policy="p", policy_version="1", occurred_at=day(1), decided_at=day(1),
    )  # fmt: skip
    line = AccountAction(
        action_id="m", tenant="t", customer_id="c", product="consumer-credit", currency="CNY", change="moved",
        before=Terms(grade="C", limit=100_00, rate_bp=1440, frozen=False),
        after=Terms(grade="B", limit=200_00, rate_bp=1320, frozen=False), moves=["limit", "rate"],
        announced_at=day(80), limit_from=day(80), rate_from=day(90),
        reasons=[AccountReason(code="paid-well", en="e", zh="z", values={})], batch="p/1", decided_at=day(80),
        effective_from=day(90), points=1.0, pd=0.1, bounds=[], cause=CAUSE, policy="p", policy_version="1",
    )  # fmt: skip
    found = life(decisions=[decision], lines=[line])
    assert told(found, "Decision") == ["decided: approve, grade B, limit 500.00 CNY, 100.00 for 5 months at 14.40%"]
    assert told(found, "AccountAction") == [
        "line consumer-credit CNY moved: limit 100.00 → 200.00, rate 14.40% → 13.20%, in force from 2025-04-01 "
        "(paid-well)"
    ]


# ------------------------------------------------------------------------------------------------------ what is chosen


def test_events_that_were_published_twice_are_told_once() -> None:
    payment = paid(day(34), 500)
    found = life(opened(day(4)), payment, structs.replace(payment), newest=day(40))
    assert len(told(found, "RepaymentReceived")) == 1
    assert found.summary.paid == {"CNY": 500}


def test_of_one_loan_what_is_about_none_stays() -> None:
    found = life(
        opened(day(4)), opened(day(5), "k"), paid(day(6), 100, "k"), paid(day(7), 50), alerts=[alert()], loan="k",
        newest=day(50),
    )  # fmt: skip
    assert [lane.loan_id for lane in found.lanes] == ["k"]
    assert {row.happening.loan_id for row in found.rows} == {"k", None}
    assert (found.summary.paid, found.summary.owed) == ({"CNY": 100}, {"CNY": 900})


def test_since_a_day_rows_begin_there_and_lanes_and_summary_know_what_was() -> None:
    found = life(
        opened(day(4)), paid(day(20), 100), moves=[moved(day(35), "M0", "M1", exposure=900)],
        since=day(35).date(), newest=day(50),
    )  # fmt: skip
    assert [row.happening.kind for row in found.rows] == ["LoanMoved"]
    assert (found.summary.paid, found.summary.worst) == ({"CNY": 100}, "M1")


def test_the_summary_counts_loans_and_what_they_owe() -> None:
    moves = [
        moved(day(35), "M0", "M1", exposure=1_000), moved(day(40), "M0", "settled", "k", exposure=0),
        moved(day(66), "M1", "M2", exposure=1_000),
    ]  # fmt: skip
    found = life(opened(day(4)), opened(day(4), "k"), paid(day(70), 250), moves=moves, newest=day(80))
    assert found.summary.loans == {"M2": 1, "settled": 1}
    assert (found.summary.owed, found.summary.worst) == ({"CNY": 750}, "M2")
    assert summary_line(found.summary) == (
        "loans: 2 (1 M2, 1 settled); paid: 2.50 CNY; owed: 7.50 CNY; worst bucket: M2; open actions: 0; "
        "alerts that stand: 0"
    )


def test_without_the_topic_of_moves_buckets_are_unknown() -> None:
    found = life(opened(day(4)), absent=["riskwatch.loan-moves.v1"], newest=day(50))
    assert found.rows[0].states == ("?",)
    assert found.summary.worst is None


def test_a_customer_of_whom_there_is_nothing_has_an_empty_life() -> None:
    found = life()
    assert (found.rows, found.lanes, lines(found)) == ((), (), [])
    assert summary_line(found.summary).startswith("loans: 0; paid: nothing; owed: nothing; worst bucket: unknown")


# --------------------------------------------------------------------------------------------------------------- drawn


def everything() -> Life:
    return life(
        opened(day(4)), opened(day(20), "k"), paid(day(34), 500), PROMISE,
        moves=[moved(day(60), "M0", "M1"), moved(day(150), "M3", "written-off", "k")], alerts=[alert()],
        actions=[action(day(61))], newest=day(160),
    )  # fmt: skip


def test_lines_are_ascii_with_a_date_for_the_first_row_of_each_day() -> None:
    said = lines(everything())
    assert all(line.isascii() for line in said)
    assert said[0].split() == ["L1", "L2"]
    assert [line for line in said if line.startswith("2025-01-05 Sun")] == [
        "2025-01-05 Sun M0   .     L1 opened: 10.00 CNY in 2 instalments"
    ]
    assert sum(line.startswith("2025-03-02") for line in said) == 1


def test_a_long_time_without_anything_is_a_gap_with_its_lanes() -> None:
    said = lines(life(opened(day(4)), moves=[moved(day(14), "M0", "M1"), moved(day(21), "M1", "M0")]))
    assert [line.split() for line in said if "days" in line and ":" in line] == [[":", "10", "days", "M0"]]


def test_a_written_off_loan_says_so_in_its_lane() -> None:
    row = next(line for line in lines(everything()) if line.startswith("2025-05-31"))
    assert row.split()[2:4] == ["M1", "loss"]


def test_the_drawing_for_a_terminal_holds_what_the_lines_hold() -> None:
    found = everything()
    out = io.StringIO()
    Console(file=out, width=200, force_terminal=True, color_system="truecolor").print(draw(found))
    text = out.getvalue()
    assert "\x1b[30;42m" in text  # black on green: current
    for row in found.rows:
        assert row.happening.text in text


def many(count: int) -> Life:
    """Loans one after the other, each settled on the day before the next is opened."""
    moves = [moved(day(10 * n + 9), "M0", "settled", f"l{n}", exposure=0) for n in range(count - 1)]
    return life(*(opened(day(10 * n), f"l{n}") for n in range(count)), moves=moves)


def test_many_loans_share_lanes_and_few_do_not() -> None:
    assert [column.name for column in columns(many(8))] == [f"L{n}" for n in range(1, 9)]
    (column,) = columns(many(9))
    assert column.name == "L1+"
    opening = [number for number, row in enumerate(many(9).rows) if row.happening.kind == "LoanOpened"]
    assert [column.states[number] for number in opening] == ["M0"] * 9


def test_loans_that_run_side_by_side_are_in_lanes_of_their_own() -> None:
    found = life(*(opened(day(n), f"l{n}") for n in range(12)), moves=[moved(day(5.5), "M0", "settled", "l3")])
    shared = columns(found)
    assert [column.name for column in shared] == ["L1", "L2", "L3", "L4+", *(f"L{n}" for n in (5, 6, 8, 9, 10, 11, 12))]
    # Every row shows every loan that runs then, once.
    for number, row in enumerate(found.rows):
        running = [state for state in row.states if state not in (None, "settled")]
        assert sorted(column.states[number] for column in shared if column.states[number] not in (None, "settled")) == (
            running
        )


def test_a_text_with_line_breaks_stays_in_its_line() -> None:
    found = life(opened(day(4)), about(events.LoanSold, 9, buyer="one\n\ttwo"))
    assert lines(found)[-1].endswith("sold to one two")


def test_the_heading_says_which_loan_is_in_which_lane() -> None:
    assert [line.strip() for line in heading(everything())[1:]] == [
        "L1  l: cash-instalments, 10.00 CNY, opened 2025-01-05",
        "L2  k: cash-instalments, 10.00 CNY, opened 2025-01-21",
    ]


def test_as_json_it_holds_rows_lanes_and_summary() -> None:
    said = json.loads(encode_life(everything()))
    assert {"tenant", "customer_id", "until", "lanes", "rows", "summary"} <= set(said)
    assert said["rows"][0]["happening"]["kind"] == "LoanOpened"


@pytest.mark.parametrize(
    ("happened", "text"),
    [
        (event(events.LoanApplied, 1, application_id="a", product="cash-instalments", amount=500, currency="CNY",
               term_months=6), "applied for 5.00 CNY, cash-instalments, 6 months (a)"),
        (about(events.ChargeMade, 1, charge="penalty", amount=5, currency="CNY"), "penalty of 0.05 CNY charged"),
        (about(events.ChargeWaived, 1, charge="fee", amount=5, currency="CNY"), "fee of 0.05 CNY waived"),
        (about(events.LoanRescheduled, 1, currency="CNY", restructured=True,
               schedule=[events.Instalment(number=1, due_on=date(2025, 5, 1), amount=9)]),
         "restructured: 1 instalments from 2025-05-01"),
        (about(events.PaymentHolidayGranted, 1, starts_on=date(2025, 2, 1), ends_on=date(2025, 2, 9)),
         "payment holiday from 2025-02-01 to 2025-02-09"),
        (about(events.SettlementAgreed, 1, amount=70, currency="CNY", pay_by=date(2025, 3, 1)),
         "settlement agreed: 0.70 CNY by 2025-03-01"),
        (about(events.LoanSold, 1, buyer="x"), "sold to x"),
        (event(events.ConsentChanged, 1, channel="all", given=False), "asked not to be contacted"),
        (event(events.ConsentChanged, 1, channel="sms", given=True), "consented to sms"),
        (event(events.ConcernRaised, 1, concern="hardship"), "hardship raised"),
        (event(events.ContactDetailsChanged, 1, details=["phone", "address"]), "changed phone, address"),
        (event(events.FraudConfirmed, 1, case_id="F", typology="takeover"), "fraud confirmed: takeover (case F)"),
    ],
)  # fmt: skip
def test_each_event_has_its_words(happened: Any, text: str) -> None:
    assert told(life(happened), type(happened).__name__) == [text]


def test_the_life_ends_at_the_newest_time_that_is_known() -> None:
    assert life(opened(day(4)), newest=day(9)).until == day(9)
    assert life(opened(day(4)), alerts=[alert(11)]).until == day(4) + timedelta(days=7)

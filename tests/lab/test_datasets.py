"""Data sets as events: hand-made files of each form, the rows worked out by hand."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from riskwatch.lab.datasets import detect, open_dataset
from riskwatch.lab.instalments import Instalments
from riskwatch.lab.panel import Panel
from riskwatch.lab.tables import DatasetFault, instant_ms, minor_units
from riskwatch.lab.transactions import Transactions
from riskwatch.streams.events import (
    FraudConfirmed,
    Instalment,
    InstalmentDue,
    LoanApplied,
    LoanOpened,
    PurchaseMade,
    RepaymentReceived,
)

pytest.importorskip("pyarrow")

TRANSACTIONS = """TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD
0,2018-04-01 00:00:31,596,3156,57.16,0
1,2018-04-01 10:00:00,4961,3412,81.51,1
2,2018-04-08 09:59:59,2,1365,146,0
3,2018-04-08 10:00:00,2,1365,10.005,0
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_transaction_becomes_a_purchase_in_minor_units(tmp_path: Path) -> None:
    first = next(Transactions(written(tmp_path, "t.csv", TRANSACTIONS)).events())
    assert first == PurchaseMade(
        event_id="tx-0",
        tenant="replay",
        customer_id="customer-596",
        occurred_at=datetime(2018, 4, 1, 0, 0, 31, tzinfo=UTC),
        amount=5716,
        currency="XXX",
        terminal_id="terminal-3156",
    )


def test_a_fraud_is_confirmed_exactly_seven_days_later_and_before_what_else_happens_then(tmp_path: Path) -> None:
    events = list(Transactions(written(tmp_path, "t.csv", TRANSACTIONS)).events())
    assert [event.event_id for event in events] == ["tx-0", "tx-1", "tx-2", "fraud-tx-1", "tx-3"]
    assert events[3].terminal_id == events[1].terminal_id
    verdict = events[3]
    assert isinstance(verdict, FraudConfirmed)
    assert verdict.subject_event_id == "tx-1"
    assert verdict.occurred_at == datetime(2018, 4, 8, 10, tzinfo=UTC)


def test_verdicts_after_the_last_transaction_are_still_told(tmp_path: Path) -> None:
    events = list(Transactions(written(tmp_path, "t.csv", TRANSACTIONS), limit=2).events())
    assert [event.event_id for event in events] == ["tx-0", "tx-1", "fraud-tx-1"]


def test_the_truth_of_transactions_names_customer_and_day(tmp_path: Path) -> None:
    dataset = Transactions(written(tmp_path, "t.csv", TRANSACTIONS))
    list(dataset.events())
    # 2018-04-01 is day 17622 since 1970: 48 years of 365 days, 12 leap days, 90 days of 2018.
    assert dataset.frauds == {"tx-1": ("customer-4961", 17_622)}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("9,2018-04-09 00:00:00,1,1,-5,0", "negative amount"),
        ("9,2018-04-09 00:00:00,1,1,5,2", "TX_FRAUD is neither 0 nor 1"),
        ("9,2018-04-09 00:00:00,,1,5,0", "float() argument must be a string or a real number, not 'NoneType'"),
        ("9,not a time,1,1,5,0", "Invalid isoformat string"),
    ],
)
def test_a_bad_row_is_counted_and_left_out(tmp_path: Path, row: str, reason: str) -> None:
    dataset = Transactions(written(tmp_path, "t.csv", TRANSACTIONS + row + "\n"))
    events = list(dataset.events())
    assert len(events) == 5
    assert dataset.bad == {reason: 1}
    assert dataset.rows == 5


def test_rows_out_of_order_are_refused_with_their_number(tmp_path: Path) -> None:
    dataset = Transactions(written(tmp_path, "t.csv", TRANSACTIONS + "4,2018-04-01 00:00:00,1,1,5,0\n"))
    with pytest.raises(DatasetFault, match="row 5 is earlier"):
        list(dataset.events())


def test_parquet_and_csv_of_the_same_rows_give_the_same_events(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import csv, parquet

    source = written(tmp_path, "t.csv", TRANSACTIONS)
    table = csv.read_csv(source)
    moment = table.schema.get_field_index("TX_DATETIME")
    times = table.column(moment).cast(pyarrow.timestamp("ms"))
    parquet.write_table(table.set_column(moment, "TX_DATETIME", times), tmp_path / "t.parquet")
    assert list(Transactions(tmp_path / "t.parquet").events()) == list(Transactions(source).events())


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_FRAUD\n")
    with pytest.raises(DatasetFault, match="no column TX_AMOUNT"):
        open_dataset("transactions", path)


def test_a_file_of_another_form_is_recognised(tmp_path: Path) -> None:
    path = written(tmp_path, "months.csv", "ID,MONTHS_BALANCE,STATUS\n1,0,C\n")
    assert detect(path) == ["panel"]
    with pytest.raises(DatasetFault, match="it looks like panel"):
        open_dataset("transactions", path)


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetFault, match=r"nowhere\.csv does not exist"):
        open_dataset("panel", tmp_path / "nowhere.csv")


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"not parquet at all")
    with pytest.raises(DatasetFault, match=r"broken\.parquet cannot be read as a table"):
        open_dataset("transactions", path)


def panel(tmp_path: Path, statuses: str, **options: object) -> Panel:
    """One account whose statuses are written oldest first, the last of them in December 2024."""
    rows = [f"7,{at - len(statuses) + 1},{status}" for at, status in enumerate(statuses)]
    return Panel(written(tmp_path, "m.csv", "ID,MONTHS_BALANCE,STATUS\n" + "\n".join(rows) + "\n"), **options)  # type: ignore[arg-type]


def told(dataset: Panel) -> list[str]:
    """Each event in short: when, what, and the number of its instalment."""
    return [
        f"{event.occurred_at:%m-%d} "
        + (
            f"opened {[line.due_on.strftime('%m-%d') for line in event.schedule]}"
            if isinstance(event, LoanOpened)
            else f"due {event.number} on {event.due_on:%m-%d}"
            if isinstance(event, InstalmentDue)
            else f"paid {event.instalment_number}"
            if isinstance(event, RepaymentReceived)
            else type(event).__name__
        )
        for event in dataset.events()
    ]


def test_an_account_that_pays_each_month_in_its_month(tmp_path: Path) -> None:
    assert told(panel(tmp_path, "CC")) == [
        "11-01 opened ['11-15']",
        "11-15 paid 1",
        "12-15 due 2 on 12-15",
        "12-15 paid 2",
    ]


def test_status_0_twice_leaves_only_the_newest_instalment_open(tmp_path: Path) -> None:
    assert told(panel(tmp_path, "00")) == ["11-01 opened ['11-15']", "12-05 paid 1", "12-15 due 2 on 12-15"]


def test_status_1_after_0_pays_nothing(tmp_path: Path) -> None:
    assert told(panel(tmp_path, "01")) == ["11-01 opened ['11-15']", "12-15 due 2 on 12-15"]


def test_a_cure_pays_all_that_is_open(tmp_path: Path) -> None:
    assert told(panel(tmp_path, "01C")) == [
        "10-01 opened ['10-15']",
        "11-15 due 2 on 11-15",
        "12-05 paid 1",
        "12-05 paid 2",
        "12-15 due 3 on 12-15",
        "12-15 paid 3",
    ]


def test_months_without_a_loan_publish_nothing(tmp_path: Path) -> None:
    assert told(panel(tmp_path, "XX0X")) == ["11-01 opened ['11-15']", "12-05 paid 1"]


def test_a_jump_publishes_the_instalments_that_must_have_gone_unpaid(tmp_path: Path) -> None:
    dataset = panel(tmp_path, "C1")
    assert told(dataset) == [
        "11-01 opened ['11-15']",
        "11-15 paid 1",
        "12-05 due 2 on 11-15",
        "12-15 due 3 on 12-15",
    ]
    assert dataset.notes["jumps"] == 1


def test_an_account_that_begins_late_opens_with_due_dates_in_the_past(tmp_path: Path) -> None:
    dataset = panel(tmp_path, "2")
    assert told(dataset) == ["12-01 opened ['10-15', '11-15', '12-15']"]
    assert dataset.notes["begun late"] == 1


def test_the_truth_of_a_panel_begins_three_months_before_60_days_past_due(tmp_path: Path) -> None:
    dataset = panel(tmp_path, "01230")
    list(dataset.events())
    (truth,) = dataset.truths()
    # Status 2 is reached at the end of October, 3 in November: warned from 1 August, right until 1 December.
    assert (truth.begins, truth.ends) == (datetime(2024, 8, 1, tzinfo=UTC), datetime(2024, 12, 1, tzinfo=UTC))


def test_the_anchor_moves_every_date(tmp_path: Path) -> None:
    assert told(panel(tmp_path, "C", anchor=date(2020, 2, 1)))[0] == "02-01 opened ['02-15']"


def test_a_month_of_unknown_status_is_counted_and_left_out(tmp_path: Path) -> None:
    dataset = panel(tmp_path, "CZ")
    assert told(dataset) == ["11-01 opened ['11-15']", "11-15 paid 1"]
    assert dataset.bad == {"STATUS is none of X, C, 0 to 5": 1}


def test_a_person_with_two_accounts_is_one_customer_with_two_loans(tmp_path: Path) -> None:
    written(
        tmp_path,
        "applications.csv",
        "ID,AMT_INCOME_TOTAL,NAME_INCOME_TYPE,DAYS_BIRTH,CNT_CHILDREN,profile\n"
        "1,120000,Working,-12000,1,p\n2,120000,Pensioner,-12000,0,p\n",
    )
    written(tmp_path, "months.csv", "ID,MONTHS_BALANCE,STATUS\n1,0,C\n2,0,C\n")
    events = list(Panel(tmp_path).events())
    assert {event.customer_id for event in events} == {"person-p"}
    applied = [event for event in events if isinstance(event, LoanApplied)]
    assert [event.declared.monthly_income for event in applied if event.declared is not None] == [1_000_000] * 2


PAYMENTS = """SK_ID_PREV,SK_ID_CURR,NUM_INSTALMENT_NUMBER,DAYS_INSTALMENT,DAYS_ENTRY_PAYMENT,AMT_INSTALMENT,AMT_PAYMENT
10,1,2,-30,-25,100.5,60
10,1,1,-60,-61,100.5,100.5
10,1,2,-30,-20,100.5,40.5
"""


def test_instalments_become_a_loan_with_its_schedule_and_repayments(tmp_path: Path) -> None:
    dataset = Instalments(written(tmp_path, "p.csv", PAYMENTS), anchor=date(2020, 3, 1))
    opened, *paid = dataset.events()
    assert isinstance(opened, LoanOpened)
    # 60 days before 1 March 2020 is 1 January, the first due date; it was paid the day before that.
    assert opened.occurred_at.date() == date(2019, 12, 30)
    assert opened.schedule == [
        Instalment(number=1, due_on=date(2020, 1, 1), amount=10_050),
        Instalment(number=2, due_on=date(2020, 1, 31), amount=10_050),
    ]
    assert [
        (event.occurred_at.date(), event.instalment_number, event.amount)
        for event in paid
        if isinstance(event, RepaymentReceived)
    ] == [(date(2019, 12, 31), 1, 10_050), (date(2020, 2, 5), 2, 6_000), (date(2020, 2, 10), 2, 4_050)]


def test_an_instalment_number_beyond_600_is_a_bad_row(tmp_path: Path) -> None:
    dataset = Instalments(written(tmp_path, "p.csv", PAYMENTS + "10,1,601,-30,-20,100,100\n"))
    assert len(list(dataset.events())) == 4
    assert dataset.bad == {"payment: out of range 1 to 600": 1}


def test_an_instalment_that_was_never_paid_has_no_repayment(tmp_path: Path) -> None:
    dataset = Instalments(written(tmp_path, "p.csv", PAYMENTS + "10,1,3,-1,,100,\n"))
    assert sum(isinstance(event, RepaymentReceived) for event in dataset.events()) == 3


@pytest.mark.parametrize(
    ("value", "expected"), [(57.16, 5716), ("10.004", 1000), (0, 0), ("0.1", 10), (81.51000213623047, 8151)]
)
def test_amounts_become_minor_units(value: object, expected: int) -> None:
    assert minor_units(value) == expected


@pytest.mark.parametrize("value", ["nan", "inf", "-1", None, "", "ten", "1e400"])
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        minor_units(value)


def test_a_time_without_a_zone_is_utc_and_a_zone_is_honoured() -> None:
    assert instant_ms("1970-01-01 00:00:01") == 1_000
    assert instant_ms("1970-01-01T01:00:01+01:00") == 1_000


DATA = Path(os.environ.get("RISKWATCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason="no real records: set RISKWATCH_DATA to a folder that holds them")


@real
@pytest.mark.parametrize("name", ["transactions", "panel", "instalments"])
def test_real_records_replay_in_order_without_a_bad_row(name: str) -> None:
    dataset = open_dataset(name, DATA, limit=20_000)
    events = list(dataset.events())
    assert events
    assert not dataset.bad
    assert all(a.occurred_at <= b.occurred_at for a, b in pairwise(events))


@real
def test_real_frauds_are_confirmed_after_seven_days() -> None:
    events = list(open_dataset("transactions", DATA, limit=20_000).events())
    bought = {event.event_id: event.occurred_at for event in events if isinstance(event, PurchaseMade)}
    verdicts = [event for event in events if isinstance(event, FraudConfirmed)]
    assert verdicts
    assert all(each.occurred_at - bought[str(each.subject_event_id)] == timedelta(days=7) for each in verdicts)

"""Sign-ups as events: small files whose rows are worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from riskwatch.lab.datasets import detect, open_dataset
from riskwatch.lab.signuprows import birth_date, ip_text
from riskwatch.lab.signups import LENDING, Signups
from riskwatch.lab.tables import DatasetFault
from riskwatch.policy.lendingbook import read_book
from riskwatch.streams.events import Declared, FraudConfirmed, LoanApplied, PurchaseMade

pytest.importorskip("pyarrow")

HEADER = "user_id,signup_time,purchase_time,purchase_value,device_id,source,browser,sex,age,ip_address,class"
HONEST = "22,2025-02-24 22:55:49,2025-04-18 02:47:11,34,DA,SEO,Chrome,M,39,732758368.79972,0"
FRAUD = "7,2025-01-01 18:52:44,2025-01-01 18:52:45,15,DB,Direct,Safari,F,53,2621473820.1,1"


def signups(folder: Path, *rows: str, **options: object) -> Signups:
    path = folder / "signups.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return Signups(path, **options)  # type: ignore[arg-type]


def test_a_row_becomes_an_application_at_its_sign_up(tmp_path: Path) -> None:
    applied = next(signups(tmp_path, HONEST).events())
    # 732758368 = 43·2^24 + 173·2^16 + 1·2^8 + 96; 39 years old on 24 February 2025 is born in July 1985.
    assert applied == LoanApplied(
        event_id="apply-22",
        tenant="replay",
        customer_id="customer-22",
        occurred_at=datetime(2025, 2, 24, 22, 55, 49, tzinfo=UTC),
        application_id="application-22",
        product="shopping-instalments",
        amount=3_400,
        currency="CNY",
        term_months=3,
        device_id="DA",
        ip="43.173.1.96",
        channel="web",
        declared=Declared(birth_date=date(1985, 7, 1)),
    )


def test_a_row_becomes_a_purchase_on_the_same_device_and_address(tmp_path: Path) -> None:
    _, bought = signups(tmp_path, HONEST).events()
    assert bought == PurchaseMade(
        event_id="buy-22",
        tenant="replay",
        customer_id="customer-22",
        occurred_at=datetime(2025, 4, 18, 2, 47, 11, tzinfo=UTC),
        amount=3_400,
        currency="CNY",
        channel="web",
        device_id="DA",
        ip="43.173.1.96",
    )


def test_a_fraud_is_confirmed_seven_days_after_the_purchase_and_names_the_application(tmp_path: Path) -> None:
    *_, confirmed = signups(tmp_path, FRAUD).events()
    # 2621473820 = 156·2^24 + 64·2^16 + 132·2^8 + 28.
    assert confirmed == FraudConfirmed(
        event_id="fraud-7",
        tenant="replay",
        customer_id="customer-7",
        occurred_at=datetime(2025, 1, 8, 18, 52, 45, tzinfo=UTC),
        case_id="case-7",
        typology="sign-up-fraud",
        subject_event_id="apply-7",
        loss=1_500,
        currency="CNY",
        device_id="DB",
        ip="156.64.132.28",
    )


def test_the_delay_of_the_verdict_can_be_stated(tmp_path: Path) -> None:
    *_, confirmed = signups(tmp_path, FRAUD, label_delay=timedelta(hours=1)).events()
    assert confirmed.occurred_at == datetime(2025, 1, 1, 19, 52, 45, tzinfo=UTC)


def test_rows_in_any_order_give_events_in_order_of_time(tmp_path: Path) -> None:
    events = [event.event_id for event in signups(tmp_path, HONEST, FRAUD).events()]
    assert events == ["apply-7", "buy-7", "fraud-7", "apply-22", "buy-22"]


def test_at_one_instant_a_verdict_comes_before_an_application_and_that_before_a_purchase(tmp_path: Path) -> None:
    at = "2025-01-08 18:52:45"
    same = f"1,{at},{at},5,DC,Ads,Chrome,M,30,1,0"
    events = [event.event_id for event in signups(tmp_path, same, FRAUD).events()]
    assert events[-3:] == ["fraud-7", "apply-1", "buy-1"]


def test_runs_on_disk_give_the_same_events_as_one_in_memory(tmp_path: Path) -> None:
    rows = [
        f"{user},2025-01-{1 + user * 7 % 28:02d} 08:00:00,2025-02-{1 + user * 5 % 28:02d} 08:00:00,"
        f"9,D{user % 6},SEO,x,M,40,{user},{int(user % 4 == 0)}"
        for user in range(40)
    ]
    whole, in_runs = (list(signups(tmp_path, *rows, run=run).events()) for run in (1_000, 7))
    assert in_runs == whole
    assert len(whole) == 90
    assert all(earlier.occurred_at <= later.occurred_at for earlier, later in pairwise(whole))


def test_the_truth_is_the_fraudulent_customers(tmp_path: Path) -> None:
    dataset = signups(tmp_path, HONEST, FRAUD, tenant="shop")
    list(dataset.events())
    assert dataset.customers() == {("shop", "customer-7")}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (FRAUD.replace("7,", "x,", 1), "user_id cannot be read"),
        (FRAUD.replace("7,", "-7,", 1), "user_id is out of range"),
        (FRAUD.replace("7,", ",", 1), "user_id is absent"),
        (FRAUD.replace("2025-01-01 18:52:44", "yesterday"), "signup_time cannot be read"),
        (FRAUD.replace("2025-01-01 18:52:45", ""), "purchase_time is absent"),
        (FRAUD.replace("2025-01-01 18:52:45", "2025-01-01 18:52:43"), "purchase_time is before signup_time"),
        (FRAUD.replace("2025", "1815"), "signup_time is out of range"),
        (FRAUD.replace("2025", "2099"), "signup_time is out of range"),
        (FRAUD.replace(",15,", ",-15,"), "purchase_value cannot be read"),
        (FRAUD.replace(",15,", ",1e20,"), "purchase_value is out of range"),
        (FRAUD.replace(",15,", ",fifteen,"), "purchase_value cannot be read"),
        (FRAUD.replace(",DB,", f",{'D' * 129},"), "device_id has more than 128 characters"),
        (FRAUD.replace(",53,", ",530,"), "age is out of range"),
        (FRAUD.replace(",53,", ",5.5,"), "age cannot be read"),
        (FRAUD.replace("2621473820.1", "4294967296"), "ip_address is out of range"),
        (FRAUD.replace("2621473820.1", "-0.5"), "ip_address is out of range"),
        (FRAUD.replace("2621473820.1", "10.0.0.1"), "ip_address cannot be read"),
        (FRAUD[:-1] + "2", "class is out of range"),
        (FRAUD[:-1], "class is absent"),
        (FRAUD.replace("DB", "DZ"), "user_id repeats an earlier row's"),
    ],
)
def test_a_bad_row_is_counted_by_reason_and_left_out(tmp_path: Path, row: str, reason: str) -> None:
    good = (HONEST,) if "repeats" not in reason else (HONEST, FRAUD)
    dataset = signups(tmp_path, *good, row)
    events = list(dataset.events())
    assert dataset.bad == {reason: 1}
    assert dataset.rows == len(good) + 1
    assert len(events) == (2 if len(good) == 1 else 5)


def test_of_a_user_who_appears_twice_the_first_row_of_the_file_counts(tmp_path: Path) -> None:
    later = FRAUD.replace("2025-01-01", "2024-12-31")
    applied = next(signups(tmp_path, FRAUD, later).events())
    assert applied.occurred_at == datetime(2025, 1, 1, 18, 52, 44, tzinfo=UTC)


def test_a_row_that_is_left_out_as_a_repeat_makes_nobody_fraudulent(tmp_path: Path) -> None:
    dataset = signups(tmp_path, FRAUD[:-1] + "0", FRAUD)
    assert [event.event_id for event in dataset.events()] == ["apply-7", "buy-7"]
    assert dataset.customers() == frozenset()


def test_what_a_row_does_not_say_is_absent_and_counted(tmp_path: Path) -> None:
    dataset = signups(tmp_path, "9,2025-01-01 00:00:00,2025-01-01 00:00:00,5,,,,,,,0")
    applied = next(dataset.events())
    assert isinstance(applied, LoanApplied)
    assert (applied.device_id, applied.ip, applied.channel, applied.declared) == (None, None, None, None)
    assert dataset.notes == {"without a device": 1, "without an address": 1, "without an age": 1}


def test_the_limit_bounds_the_rows_that_are_read(tmp_path: Path) -> None:
    dataset = signups(tmp_path, HONEST, FRAUD, limit=1)
    assert [event.event_id for event in dataset.events()] == ["apply-22", "buy-22"]
    assert dataset.rows == 1


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "signups.csv"
    path.write_text(HEADER.replace(",device_id", "") + "\n")
    with pytest.raises(DatasetFault, match="it has no column device_id"):
        open_dataset("signups", path)


def test_the_form_is_recognised(tmp_path: Path) -> None:
    assert detect(signups(tmp_path, HONEST).path) == ["signups"]


def test_parquet_and_csv_of_the_same_rows_give_the_same_events(tmp_path: Path) -> None:
    from pyarrow import csv, parquet

    source = signups(tmp_path, HONEST, FRAUD)
    parquet.write_table(csv.read_csv(source.path), tmp_path / "signups.parquet")
    assert list(Signups(tmp_path / "signups.parquet").events()) == list(source.events())


@pytest.mark.parametrize(
    ("on", "born"),
    [
        (datetime(2025, 6, 30, tzinfo=UTC), date(2006, 7, 1)),
        (datetime(2025, 7, 1, tzinfo=UTC), date(2007, 7, 1)),
        (datetime(2025, 12, 31, tzinfo=UTC), date(2007, 7, 1)),
    ],
)
def test_who_is_eighteen_is_born_on_the_july_that_makes_it_so(on: datetime, born: date) -> None:
    assert birth_date(18, on) == born


@pytest.mark.parametrize(("number", "text"), [(0, "0.0.0.0"), (2**32 - 1, "255.255.255.255"), (256, "0.0.1.0")])
def test_the_number_of_an_address(number: int, text: str) -> None:
    assert ip_text(number) == text


def test_the_lending_policy_of_the_replay_decides_its_applications() -> None:
    policy = read_book(LENDING).policy_for("replay", "shopping-instalments", "CNY")
    assert policy is not None
    assert policy.required == ("declared.age_years",)

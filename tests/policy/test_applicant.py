"""What an assessment reads, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from riskwatch.features.account import Account, evolve_account
from riskwatch.policy.applicant import inputs_of, own_record
from riskwatch.streams import events
from riskwatch.streams.packing import to_ms

SHANGHAI = ZoneInfo("Asia/Shanghai")
NAN = float("nan")


def applied(at: str = "2026-03-01T09:30:00+08:00", **fields: object) -> events.LoanApplied:
    given = {
        "event_id": "e1", "tenant": "bank", "customer_id": "c1", "occurred_at": datetime.fromisoformat(at),
        "application_id": "a1", "product": "cash-instalments", "amount": 500_000, "currency": "CNY", "term_months": 12,
    } | fields  # fmt: skip
    return events.LoanApplied(**given)  # type: ignore[arg-type]


def opened(loan: str, *dues: tuple[str, int]) -> events.LoanOpened:
    schedule = [
        events.Instalment(number=number, due_on=date.fromisoformat(due), amount=amount)
        for number, (due, amount) in enumerate(dues, 1)
    ]
    return events.LoanOpened(
        event_id=f"open-{loan}", tenant="bank", customer_id="c1", occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        loan_id=loan, product="cash-instalments", principal=100, currency="CNY", schedule=schedule,
    )  # fmt: skip


def paid(loan: str, amount: int) -> events.RepaymentReceived:
    return events.RepaymentReceived(
        event_id=f"pay-{loan}-{amount}", tenant="bank", customer_id="c1", currency="CNY", loan_id=loan, amount=amount,
        occurred_at=datetime(2026, 1, 20, tzinfo=UTC),
    )  # fmt: skip


def account(*history: events.Event) -> Account:
    made = Account()
    for event in history:
        evolve_account(made, event, to_ms(event.occurred_at), SHANGHAI)  # type: ignore[arg-type]
    return made


def test_the_own_record_counts_loans_debt_and_days_past_due() -> None:
    held = account(
        opened("l1", ("2026-02-01", 300), ("2026-03-01", 300)),
        paid("l1", 100),
        opened("l2", ("2026-02-20", 50)),
        opened("l3", ("2026-01-15", 70)),
        paid("l3", 70),
    )
    own = own_record(held, to_ms(datetime(2026, 3, 1, 9, tzinfo=SHANGHAI)), SHANGHAI)
    # l1 lacks 200 since 1 February (28 days) and 300 from today on; l2 lacks 50 since 20 February; l3 is settled.
    assert (own.open_loans, own.settled_loans, own.outstanding, own.max_dpd) == (2, 1, 550, 28)


def test_days_past_due_are_counted_in_the_institution_s_zone() -> None:
    held = account(opened("l1", ("2026-02-28", 300)))
    at = to_ms(datetime(2026, 2, 28, 17, tzinfo=UTC))  # 1 March, 01:00 in Shanghai
    assert own_record(held, at, SHANGHAI).max_dpd == 1
    assert own_record(held, at, ZoneInfo("UTC")).max_dpd == 0


def test_a_customer_without_loans_has_an_empty_record() -> None:
    own = own_record(Account(), 0, SHANGHAI)
    assert (own.open_loans, own.settled_loans, own.outstanding, own.max_dpd) == (0, 0, 0, 0)


def test_a_payment_to_a_loan_that_is_not_known_is_no_loan() -> None:
    assert own_record(account(paid("l9", 10)), 0, SHANGHAI).open_loans == 0


@pytest.mark.parametrize(
    ("born", "age"),
    [("2000-03-01", 26.0), ("2000-03-02", 25.0), ("2004-02-29", 22.0), ("2026-03-02", None), ("2026-03-01", 0.0)],
)
def test_age_is_in_whole_years_on_the_day_of_the_application(born: str, age: float | None) -> None:
    event = applied(declared=events.Declared(birth_date=date.fromisoformat(born)))
    inputs = inputs_of(event, own_record(Account(), 0, SHANGHAI), {}, SHANGHAI)
    assert inputs["declared.age_years"] == age


def test_the_day_of_the_application_is_the_institution_s() -> None:
    event = applied("2026-02-28T20:00:00+00:00", declared=events.Declared(birth_date=date(2000, 3, 1)))
    own = own_record(Account(), 0, SHANGHAI)
    assert inputs_of(event, own, {}, SHANGHAI)["declared.age_years"] == 26
    assert inputs_of(event, own, {}, ZoneInfo("UTC"))["declared.age_years"] == 25


def test_what_is_not_given_is_unknown_and_what_is_given_keeps_its_value() -> None:
    event = applied(
        declared=events.Declared(monthly_income=900_000, employment="employed", region="31"),
        bureau=events.Bureau(score=650.0, open_loans=0),
        merchant_id="m1",
    )
    features = {"login_count_24h": 3.0, "purchase_amount_z": NAN, "application_count_30d": 2.0}
    inputs = inputs_of(event, own_record(Account(), 0, SHANGHAI), features, SHANGHAI)
    assert {name: inputs[name] for name in ("declared.monthly_income", "declared.employment", "declared.region")} == {
        "declared.monthly_income": 900_000.0, "declared.employment": "employed", "declared.region": "31",
    }  # fmt: skip
    assert (inputs["bureau.score"], inputs["bureau.open_loans"], inputs["bureau.outstanding"]) == (650.0, 0.0, None)
    assert (inputs["behaviour.login_count_24h"], inputs["behaviour.purchase_amount_z"]) == (3.0, None)
    assert [inputs[name] for name in inputs if name.startswith("identity.")] == [None] * 5
    assert inputs["own.applications_30d"] == 2.0
    assert (inputs["application.merchant_id_known"], inputs["application.channel"]) == (True, None)


@pytest.mark.parametrize("field", events.Checks.__struct_fields__)
@pytest.mark.parametrize("passed", [True, False, None])
def test_what_ingest_checked_of_an_identifier_is_an_input_of_its_name(field: str, passed: bool | None) -> None:
    event = applied(checks=events.Checks(**{field: passed}))
    inputs = inputs_of(event, own_record(Account(), 0, SHANGHAI), {}, SHANGHAI)
    assert inputs[f"identity.{field}"] is passed
    assert [name for name, value in inputs.items() if name.startswith("identity.") and value is not None] == (
        [] if passed is None else [f"identity.{field}"]
    )

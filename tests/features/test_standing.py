"""How a loan stands."""

from __future__ import annotations

from datetime import UTC, date, datetime

from riskwatch.features.account import Account, evolve_account
from riskwatch.features.servicing import STANDARD, Servicing, bucket_of
from riskwatch.features.standing import Standing, standing
from riskwatch.streams.events import AnyEvent, Instalment, LoanOpened, RepaymentReceived
from riskwatch.streams.packing import to_ms

START = datetime(2026, 1, 1, tzinfo=UTC)


def opened() -> LoanOpened:
    """Two instalments of 100.00, due on 5 February and 5 March."""
    return LoanOpened(
        event_id="opened", tenant="north", customer_id="c", occurred_at=START, loan_id="L", merchant_id="shop",
        product="cash-instalments", principal=20_000, currency="EUR",
        schedule=[
            Instalment(number=1, due_on=date(2026, 2, 5), amount=10_000),
            Instalment(number=2, due_on=date(2026, 3, 5), amount=10_000),
        ],
    )  # fmt: skip


def paid(amount: int, at: datetime) -> RepaymentReceived:
    return RepaymentReceived(
        event_id=f"paid-{at}", tenant="north", customer_id="c", occurred_at=at, loan_id="L", amount=amount,
        currency="EUR",
    )  # fmt: skip


def stands(now: datetime, *events: AnyEvent, rules: Servicing = STANDARD) -> Standing:
    account = Account()
    for event in events:
        evolve_account(account, event, to_ms(event.occurred_at), UTC)
    return standing(account.loans["L"], to_ms(now), UTC, rules)


def test_a_loan_keeps_what_its_contract_says() -> None:
    found = stands(START, opened())
    assert (found.product, found.merchant_id, found.principal, found.opened_ms) == (
        "cash-instalments", "shop", 20_000, to_ms(START)
    )  # fmt: skip


def test_a_loan_performs_on_its_due_day() -> None:
    found = stands(datetime(2026, 2, 5, 23, tzinfo=UTC), opened())
    assert (found.status, found.past_due_days, found.past_due, found.exposure) == ("performing", 0, 0, 20_000)


def test_a_loan_is_past_due_from_the_day_after() -> None:
    found = stands(datetime(2026, 2, 6, tzinfo=UTC), opened())
    assert (found.status, found.past_due_days, found.past_due, found.bucket) == ("past-due", 1, 10_000, "M1")


def test_days_are_counted_from_the_oldest_open_instalment() -> None:
    found = stands(datetime(2026, 3, 10, tzinfo=UTC), opened(), paid(10_000, datetime(2026, 2, 5, tzinfo=UTC)))
    assert (found.past_due_days, found.past_due) == (5, 10_000)


def test_a_loan_that_is_paid_is_settled() -> None:
    found = stands(datetime(2026, 3, 10, tzinfo=UTC), opened(), paid(20_000, datetime(2026, 2, 5, tzinfo=UTC)))
    assert (found.status, found.exposure, found.bucket) == ("settled", 0, "M0")


def test_what_is_open_within_the_tolerance_is_not_past_due() -> None:
    history = (opened(), paid(9_900, datetime(2026, 2, 5, tzinfo=UTC)))
    tolerant, strict = Servicing(tolerance=100), Servicing(tolerance=99)
    assert stands(datetime(2026, 2, 9, tzinfo=UTC), *history, rules=tolerant).past_due_days == 0
    assert stands(datetime(2026, 2, 9, tzinfo=UTC), *history, rules=strict).past_due_days == 4


def test_grace_is_past_due_and_not_delinquent() -> None:
    found = stands(datetime(2026, 2, 10, tzinfo=UTC), opened(), rules=Servicing(grace_days=3))
    assert (found.past_due_days, found.delinquent_days) == (5, 2)


def test_buckets_are_of_thirty_days() -> None:
    edges = (0, 1, 30, 31, 60, 61, 150, 151, 180, 181, 9_999)
    assert [bucket_of(days) for days in edges] == [0, 1, 1, 2, 2, 3, 5, 6, 6, 7, 7]

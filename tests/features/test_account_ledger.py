"""Which instalment a payment covers, example by example; `test_ledger_laws` has the laws."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from riskwatch.features.account import Account, decode_account, encode_account, evolve_account
from riskwatch.features.ledger import MAX_FACTS, Loan, outstanding
from riskwatch.streams.events import (
    AnyEvent,
    Instalment,
    InstalmentDue,
    LoanOpened,
    RepaymentReceived,
    RepaymentReversed,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp()) * 1000


def opened(*amounts: int, name: str = "opened") -> LoanOpened:
    schedule = [Instalment(number=n, due_on=date(2026, n, 5), amount=amount) for n, amount in enumerate(amounts, 1)]
    return LoanOpened(
        event_id=name, tenant="north", customer_id="c", occurred_at=NOON, loan_id="L", product="cash-instalments",
        principal=sum(amounts), currency="EUR", schedule=schedule,
    )  # fmt: skip


def paid(name: str, amount: int, number: int | None = None) -> RepaymentReceived:
    return RepaymentReceived(
        event_id=f"e-{name}", payment_id=name, tenant="north", customer_id="c", occurred_at=NOON, loan_id="L",
        amount=amount, currency="EUR", instalment_number=number,
    )  # fmt: skip


def reversed_(name: str, amount: int) -> RepaymentReversed:
    return RepaymentReversed(
        event_id=f"r-{name}", payment_id=name, tenant="north", customer_id="c", occurred_at=NOON, loan_id="L",
        amount=amount, currency="EUR",
    )  # fmt: skip


def due(number: int, amount: int) -> InstalmentDue:
    return InstalmentDue(
        event_id=f"due-{number}", tenant="north", customer_id="c", occurred_at=NOON, loan_id="L", number=number,
        due_on=date(2026, number, 5), amount=amount, currency="EUR",
    )  # fmt: skip


def ledger(*events: AnyEvent) -> Loan:
    """The loan after these events, packed and unpacked after each, as the store does."""
    account = Account()
    for minute, event in enumerate(events):
        evolve_account(account, event, NOON_MS + minute * 60_000, UTC)
        account = decode_account(encode_account(account))
    return account.loans["L"]


def covered(*events: AnyEvent) -> dict[int, int]:
    return {line.number: line.paid for line in ledger(*events).lines}


def test_a_payment_without_a_number_goes_to_the_oldest_unpaid_instalment() -> None:
    assert covered(opened(100, 100, 100), paid("a", 100), paid("b", 60)) == {1: 100, 2: 60, 3: 0}


def test_an_overpayment_flows_to_the_next_instalments() -> None:
    assert covered(opened(100, 100, 100), paid("a", 250)) == {1: 100, 2: 100, 3: 50}


def test_a_payment_goes_to_the_instalment_that_it_names() -> None:
    assert covered(opened(100, 100, 100), paid("a", 100, 2)) == {1: 0, 2: 100, 3: 0}


def test_what_a_named_instalment_does_not_take_goes_to_the_oldest_and_flows_on() -> None:
    assert covered(opened(100, 100, 100), paid("a", 230, 2)) == {1: 100, 2: 100, 3: 30}


def test_after_a_reversal_the_other_payments_lie_as_if_that_one_had_never_been() -> None:
    history = (opened(100, 100), paid("a", 100), paid("b", 100), reversed_("a", 100))
    assert covered(*history) == {1: 100, 2: 0}


def test_a_payment_before_its_loan_counts_once_the_loan_is_open() -> None:
    assert covered(paid("a", 100), opened(100, 100)) == {1: 100, 2: 0}


def test_what_came_before_the_loan_is_applied_in_its_order() -> None:
    history = (paid("a", 100), paid("b", 100), reversed_("a", 100))
    assert covered(*history, opened(100, 100)) == covered(opened(100, 100), *history) == {1: 100, 2: 0}


def test_a_reversal_before_its_payment_takes_it_back_when_it_comes() -> None:
    assert covered(opened(100), reversed_("a", 100), paid("a", 100)) == {1: 0}


def test_one_transfer_that_is_published_in_two_parts_is_reversed_whole() -> None:
    history = (opened(100, 100), paid("a", 100, 1), paid("a", 100, 2), reversed_("a", 200))
    assert covered(*history) == {1: 0, 2: 0}


def test_what_no_instalment_takes_waits_for_the_next_that_falls_due() -> None:
    assert covered(due(1, 100), paid("a", 150), due(2, 100)) == {1: 100, 2: 50}


def test_a_payment_that_names_an_instalment_not_yet_due_waits_for_it() -> None:
    assert covered(due(1, 100), paid("a", 100, 2), due(2, 100)) == {1: 0, 2: 100}


def test_a_new_schedule_with_smaller_instalments_frees_the_newest_cents_for_the_next_ones() -> None:
    assert covered(opened(100, 100), paid("a", 100), opened(70, 70, 60, name="anew")) == {1: 70, 2: 30, 3: 0}


def test_instalments_that_a_new_schedule_lacks_give_their_cents_back() -> None:
    assert covered(opened(50, 50, 50), paid("a", 50, 3), opened(80, 80, name="anew")) == {1: 50, 2: 0}


def test_payments_that_are_too_old_to_be_reversed_stay_paid() -> None:
    account = Account()
    evolve_account(account, opened(1_000), NOON_MS, UTC)
    for i in range(MAX_FACTS + 10):
        evolve_account(account, paid(f"p{i}", 1), NOON_MS + i, UTC)
    evolve_account(account, reversed_("p0", 1), NOON_MS, UTC)
    assert outstanding(account.loans["L"]) == 1_000 - (MAX_FACTS + 10)


def test_a_payment_in_another_currency_is_counted_and_covers_nothing() -> None:
    account = Account()
    evolve_account(account, opened(100), NOON_MS, UTC)
    other = RepaymentReceived(
        event_id="x", tenant="north", customer_id="c", occurred_at=NOON, loan_id="L", amount=100, currency="CNY"
    )
    evolve_account(account, other, NOON_MS, UTC)
    assert (account.other_currency_count, outstanding(account.loans["L"])) == (1, 100)


@pytest.mark.parametrize("data", [b"\x00", b"\xc1", b"\x81\xa7version\x01", b"not an account"])
def test_bytes_that_are_no_account_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="account"):
        decode_account(data)


def test_no_bytes_are_an_empty_account() -> None:
    assert decode_account(b"") == Account()

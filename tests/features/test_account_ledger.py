"""The ledger against one that moves single cents, slowly, and knows nothing of sums, parts or waiting lists."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.features.account import Account, decode_account, encode_account, evolve_account
from riskwatch.features.ledger import MAX_PAYMENTS, Loan, outstanding
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


def opened(*amounts: int) -> LoanOpened:
    schedule = [Instalment(number=n, due_on=date(2026, n, 5), amount=amount) for n, amount in enumerate(amounts, 1)]
    return LoanOpened(
        event_id="opened", tenant="north", customer_id="c", occurred_at=NOON, loan_id="L", product="cash-instalments",
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
    for event in events:
        evolve_account(account, event, NOON_MS, UTC)
        account = decode_account(encode_account(account))
    return account.loans["L"]


def covered(*events: AnyEvent) -> dict[int, int]:
    return {line.number: line.paid for line in ledger(*events).lines}


class CentByCent:
    """Every cent is an object that lies on an instalment or on none."""

    def __init__(self) -> None:
        self.amounts: dict[int, int] = {}
        self.scheduled = False
        self.cents: list[dict[str, object]] = []
        self.early: list[str] = []
        self.before: list[AnyEvent] = []

    def apply(self, event: AnyEvent) -> None:
        if isinstance(event, LoanOpened):
            self.amounts = {each.number: each.amount for each in event.schedule}
            self.scheduled = True
        elif isinstance(event, InstalmentDue):
            if event.number not in self.amounts:
                self.amounts[event.number] = event.amount
        elif not self.amounts:
            self.before.append(event)
            return
        elif isinstance(event, RepaymentReceived):
            assert event.payment_id is not None
            mine = [
                {"payment": event.payment_id, "named": event.instalment_number, "on": None, "placed": 0}
                for _ in range(event.amount)
            ]
            self.cents += mine
            for cent in mine:
                self._place(cent)
            for _ in range(self.early.count(event.payment_id)):
                if self._take(event.payment_id):
                    self.early.remove(event.payment_id)
        elif isinstance(event, RepaymentReversed):
            for _ in range(event.amount):
                if not self._take(event.payment_id):
                    self.early.append(event.payment_id)
        if isinstance(event, LoanOpened | InstalmentDue):
            before, self.before = self.before, []
            for each in before:
                self.apply(each)
            for cent in self.cents:
                if cent["on"] is None:
                    self._place(cent)

    def on(self, number: int) -> int:
        return sum(cent["on"] == number for cent in self.cents)

    def _place(self, cent: dict[str, object]) -> None:
        numbers = sorted(self.amounts)
        named = cent["named"]
        if named is not None:
            if named in numbers:
                numbers = [n for n in numbers if n >= named] + [n for n in numbers if n < named]
            elif not self.scheduled:
                return
        for number in numbers:
            if self.on(number) < self.amounts[number]:
                cent["on"] = number
                cent["placed"] = 1 + max(int(str(each["placed"])) for each in self.cents)
                return

    def _take(self, payment: str) -> bool:
        mine = [cent for cent in self.cents if cent["payment"] == payment]
        if not mine:
            return False
        # What lies nowhere goes first, then what was placed last.
        goes = next((cent for cent in mine if cent["on"] is None), None) or max(
            mine, key=lambda cent: int(str(cent["placed"]))
        )
        self.cents = [cent for cent in self.cents if cent is not goes]
        return True


def histories() -> st.SearchStrategy[list[AnyEvent]]:
    """Payments under different names and their reversals, whole or in part, in any order; the loan somewhere among
    them."""

    def build(
        amounts: list[int],
        payments: list[tuple[int, int | None]],
        turned: list[tuple[int, int]],
        random: object,
        by_schedule: bool,
    ) -> list[AnyEvent]:
        events: list[AnyEvent] = [paid(f"p{i}", amount, named) for i, (amount, named) in enumerate(payments)]
        events += [reversed_(f"p{i}", amount) for i, amount in dict(turned).items()]
        random.shuffle(events)  # type: ignore[attr-defined]
        if by_schedule:
            events.insert(random.randint(0, len(events)), opened(*amounts))  # type: ignore[attr-defined]
        else:
            for number, amount in enumerate(amounts, 1):
                events.insert(random.randint(0, len(events)), due(number, amount))  # type: ignore[attr-defined]
        return events

    return st.builds(
        build,
        st.lists(st.integers(0, 6), min_size=1, max_size=4),
        st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(1, 5)), max_size=6),
        st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), max_size=4),
        st.randoms(use_true_random=False),
        st.booleans(),
    )


@settings(max_examples=600, deadline=None)
@given(histories())
def test_every_instalment_is_covered_to_the_cent_as_in_a_ledger_that_moves_single_cents(
    history: list[AnyEvent],
) -> None:
    slow = CentByCent()
    for event in history:
        slow.apply(event)
    assert covered(*history) == {number: slow.on(number) for number in slow.amounts}


@settings(max_examples=200, deadline=None)
@given(histories())
def test_what_lies_on_instalments_and_what_waits_is_what_was_paid_less_what_was_reversed(
    history: list[AnyEvent],
) -> None:
    loan = ledger(*history)
    kept = sum(payment.amount for payment in loan.payments)
    placed = sum(amount for payment in loan.payments for _, amount in payment.parts)
    assert sum(line.paid for line in loan.lines) == placed <= kept


@settings(max_examples=200, deadline=None)
@given(histories())
def test_no_instalment_is_covered_beyond_its_amount(history: list[AnyEvent]) -> None:
    assert all(0 <= line.paid <= line.amount for line in ledger(*history).lines)


def test_a_payment_without_a_number_goes_to_the_oldest_unpaid_instalment() -> None:
    assert covered(opened(100, 100, 100), paid("a", 100), paid("b", 60)) == {1: 100, 2: 60, 3: 0}


def test_an_overpayment_flows_to_the_next_instalments() -> None:
    assert covered(opened(100, 100, 100), paid("a", 250)) == {1: 100, 2: 100, 3: 50}


def test_a_payment_goes_to_the_instalment_that_it_names() -> None:
    assert covered(opened(100, 100, 100), paid("a", 100, 2)) == {1: 0, 2: 100, 3: 0}


def test_what_a_named_instalment_does_not_take_flows_on_and_then_to_the_oldest() -> None:
    assert covered(opened(100, 100, 100), paid("a", 230, 2)) == {1: 30, 2: 100, 3: 100}


def test_a_reversal_takes_back_that_payment_and_moves_no_other() -> None:
    history = (opened(100, 100), paid("a", 100), paid("b", 100), reversed_("a", 100))
    assert covered(*history) == {1: 0, 2: 100}


def test_a_payment_before_its_loan_counts_once_the_loan_is_open() -> None:
    assert covered(paid("a", 100), opened(100, 100)) == {1: 100, 2: 0}


def test_what_came_before_the_loan_is_applied_in_its_order() -> None:
    history = (paid("a", 100), paid("b", 100), reversed_("a", 100))
    assert covered(*history, opened(100, 100)) == covered(opened(100, 100), *history) == {1: 0, 2: 100}


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
    assert covered(opened(100, 100), paid("a", 100), opened(70, 70, 60)) == {1: 70, 2: 30, 3: 0}


def test_instalments_that_a_new_schedule_lacks_give_their_cents_back() -> None:
    assert covered(opened(50, 50, 50), paid("a", 50, 3), opened(80, 80)) == {1: 50, 2: 0}


def test_payments_that_are_too_old_to_be_reversed_stay_paid() -> None:
    account = Account()
    evolve_account(account, opened(1_000), NOON_MS, UTC)
    for i in range(MAX_PAYMENTS + 10):
        evolve_account(account, paid(f"p{i}", 1), NOON_MS, UTC)
    evolve_account(account, reversed_("p0", 1), NOON_MS, UTC)
    assert outstanding(account.loans["L"]) == 1_000 - (MAX_PAYMENTS + 10)


def test_a_payment_in_another_currency_is_counted_and_covers_nothing() -> None:
    account = Account()
    evolve_account(account, opened(100), NOON_MS, UTC)
    other = RepaymentReceived(
        event_id="x", tenant="north", customer_id="c", occurred_at=NOON, loan_id="L", amount=100, currency="CNY"
    )
    evolve_account(account, other, NOON_MS, UTC)
    assert (account.other_currency_count, outstanding(account.loans["L"])) == (1, 100)


@pytest.mark.parametrize("data", [b"\x00", b"\xc1", b"\x81\xa7version\x02", b"not an account"])
def test_bytes_that_are_no_account_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="account"):
        decode_account(data)


def test_no_bytes_are_an_empty_account() -> None:
    assert decode_account(b"") == Account()

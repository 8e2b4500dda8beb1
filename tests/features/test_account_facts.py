"""What an event was in terms of the loan."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import isnan
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from riskwatch.features.account import (
    MAX_LOANS,
    SETTLED_LOANS_KEPT_DAYS,
    Account,
    Facts,
    evolve_account,
)
from riskwatch.streams.events import (
    Instalment,
    InstalmentDue,
    LoanOpened,
    LoginSucceeded,
    RepaymentReceived,
    RepaymentReversed,
)
from riskwatch.streams.packing import to_ms

SHANGHAI = ZoneInfo("Asia/Shanghai")
OPENED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def at(*parts: int) -> int:
    return to_ms(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


def opened(loan_id: str = "L") -> LoanOpened:
    """Two instalments of 100.00, due on 5 February and 5 March."""
    return LoanOpened(
        event_id=f"opened-{loan_id}", tenant="north", customer_id="c", occurred_at=OPENED_AT, loan_id=loan_id,
        product="cash-instalments", principal=20_000, currency="EUR",
        schedule=[
            Instalment(number=1, due_on=date(2026, 2, 5), amount=10_000),
            Instalment(number=2, due_on=date(2026, 3, 5), amount=10_000),
        ],
    )  # fmt: skip


def paid(amount: int, loan_id: str = "L", number: int | None = None, payment_id: str | None = "p") -> RepaymentReceived:
    return RepaymentReceived(
        event_id=f"e-{payment_id}", payment_id=payment_id, tenant="north", customer_id="c", occurred_at=OPENED_AT,
        loan_id=loan_id, amount=amount, currency="EUR", instalment_number=number,
    )  # fmt: skip


def reversed_(payment_id: str, amount: int) -> RepaymentReversed:
    return RepaymentReversed(
        event_id="r", payment_id=payment_id, tenant="north", customer_id="c", occurred_at=OPENED_AT, loan_id="L",
        amount=amount, currency="EUR",
    )  # fmt: skip


def told(facts: Facts) -> Facts:
    """The facts without the moves of the loan, which are told elsewhere."""
    return replace(facts, moves=())


def account_with_loan() -> Account:
    account = Account()
    evolve_account(account, opened(), to_ms(OPENED_AT), UTC)
    return account


def test_a_payment_before_its_due_day_is_negative_days_late() -> None:
    facts = evolve_account(account_with_loan(), paid(10_000), at(2026, 2, 2, 9), UTC)
    assert facts.days_late == -3


def test_a_payment_after_its_due_day_is_as_many_days_late() -> None:
    facts = evolve_account(account_with_loan(), paid(10_000), at(2026, 2, 12, 9), UTC)
    assert facts.days_late == 7


def test_the_day_of_a_payment_is_that_of_the_institution() -> None:
    # 17:00 UTC on the 5th is one o'clock on the 6th in Shanghai.
    instant = at(2026, 2, 5, 17)
    assert evolve_account(account_with_loan(), paid(10_000), instant, UTC).days_late == 0
    assert evolve_account(account_with_loan(), paid(10_000), instant, SHANGHAI).days_late == 1


def test_the_paid_share_is_what_is_covered_after_the_payment() -> None:
    account = account_with_loan()
    evolve_account(account, paid(2_500, payment_id="a"), at(2026, 2, 5), UTC)
    assert evolve_account(account, paid(5_000, payment_id="b"), at(2026, 2, 5), UTC).paid_share == 0.75


def test_a_payment_for_several_instalments_is_judged_by_the_first() -> None:
    facts = evolve_account(account_with_loan(), paid(20_000), at(2026, 2, 6), UTC)
    assert told(facts) == Facts(due_amount=10_000, days_late=1, paid_share=1, first_instalment=True)


def test_a_payment_that_names_the_second_instalment_is_not_of_the_first() -> None:
    facts = evolve_account(account_with_loan(), paid(10_000, number=2), at(2026, 3, 5), UTC)
    assert (facts.first_instalment, facts.days_late) == (False, 0)


def test_a_payment_beyond_everything_owed_says_nothing_of_an_instalment() -> None:
    account = account_with_loan()
    evolve_account(account, paid(20_000, payment_id="a"), at(2026, 2, 5), UTC)
    assert isnan(evolve_account(account, paid(1, payment_id="b"), at(2026, 2, 5), UTC).days_late)


def test_a_reversal_tells_how_late_the_instalment_now_is() -> None:
    account = account_with_loan()
    evolve_account(account, paid(10_000), at(2026, 2, 5), UTC)
    facts = evolve_account(account, reversed_("p", 10_000), at(2026, 2, 9), UTC)
    assert told(facts) == Facts(due_amount=10_000, days_late=4, paid_share=0, first_instalment=True)


def test_a_payment_without_an_id_is_reversed_by_its_event_id() -> None:
    account = account_with_loan()
    evolve_account(account, paid(10_000, payment_id=None), at(2026, 2, 5), UTC)
    assert evolve_account(account, reversed_("e-None", 10_000), at(2026, 2, 6), UTC).paid_share == 0


def test_a_reversal_without_its_payment_is_counted() -> None:
    account = account_with_loan()
    facts = evolve_account(account, reversed_("nobody", 10_000), at(2026, 2, 6), UTC)
    assert (account.unmatched_reversal_count, isnan(facts.due_amount)) == (1, True)


def test_a_payment_for_an_unknown_loan_is_counted_and_its_facts_are_unknown() -> None:
    account = Account()
    facts = evolve_account(account, paid(100), at(2026, 2, 6), UTC)
    assert (account.unknown_loan_count, facts.unknown_loan, isnan(facts.paid_share)) == (1, True, True)


def test_an_instalment_due_makes_an_instalment_of_a_loan_without_a_schedule() -> None:
    event = InstalmentDue(
        event_id="d", tenant="north", customer_id="c", occurred_at=OPENED_AT, loan_id="L", number=1,
        due_on=date(2026, 2, 5), amount=10_000, currency="EUR",
    )  # fmt: skip
    facts = evolve_account(Account(), event, at(2026, 2, 5), UTC)
    assert told(facts) == Facts(due_amount=10_000, days_late=0, paid_share=0, first_instalment=True)


def test_a_schedule_stands_against_what_an_instalment_due_says() -> None:
    event = InstalmentDue(
        event_id="d", tenant="north", customer_id="c", occurred_at=OPENED_AT, loan_id="L", number=1,
        due_on=date(2026, 2, 7), amount=99, currency="EUR",
    )  # fmt: skip
    assert evolve_account(account_with_loan(), event, at(2026, 2, 7), UTC).due_amount == 10_000


def test_an_instalment_of_nothing_is_covered() -> None:
    event = InstalmentDue(
        event_id="d", tenant="north", customer_id="c", occurred_at=OPENED_AT, loan_id="L", number=1,
        due_on=date(2026, 2, 5), amount=0, currency="EUR",
    )  # fmt: skip
    assert evolve_account(Account(), event, at(2026, 2, 5), UTC).paid_share == 1


def test_events_that_are_not_about_loans_change_nothing() -> None:
    account = Account()
    login = LoginSucceeded(event_id="l", tenant="north", customer_id="c", occurred_at=OPENED_AT)
    evolve_account(account, login, to_ms(OPENED_AT), UTC)
    assert account == Account()


def test_beyond_fifty_loans_a_settled_one_goes_before_an_open_one() -> None:
    account = Account()
    for i in range(MAX_LOANS):
        evolve_account(account, opened(f"L{i}"), to_ms(OPENED_AT) + i, UTC)
    evolve_account(account, paid(20_000, "L7"), to_ms(OPENED_AT) + 100, UTC)
    evolve_account(account, opened("new"), to_ms(OPENED_AT) + 101, UTC)
    assert set(account.loans) == {f"L{i}" for i in range(MAX_LOANS) if i != 7} | {"new"}


def test_a_loan_that_is_dropped_is_counted() -> None:
    account = Account()
    for i in range(MAX_LOANS + 1):
        evolve_account(account, opened(f"L{i}"), to_ms(OPENED_AT) + i, UTC)
    assert (account.dropped_loan_count, "L0" in account.loans) == (1, False)


def test_a_settled_loan_is_forgotten_after_its_time() -> None:
    account = account_with_loan()
    evolve_account(account, paid(20_000), at(2026, 2, 5), UTC)
    evolve_account(account, opened("later"), at(2026, 2, 5) + (SETTLED_LOANS_KEPT_DAYS + 1) * 86_400_000, UTC)
    assert set(account.loans) == {"later"}


def test_a_loan_that_is_opened_by_an_old_event_is_kept() -> None:
    account = Account()
    evolve_account(account, opened("new"), at(2026, 12, 1), UTC)
    evolve_account(account, opened("old"), at(2026, 1, 1), UTC)
    assert set(account.loans) == {"new", "old"}

"""What becomes overdue as days pass."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.features.account import Account, decode_account, encode_account, evolve_account, next_look
from riskwatch.features.account import overdue as all_overdue
from riskwatch.features.timers import DPD_STEPS, Overdue
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent, Instalment, LoanOpened, PromiseMade, RepaymentReceived, RepaymentReversed
from riskwatch.streams.packing import hash64, to_ms

SHANGHAI = ZoneInfo("Asia/Shanghai")
HAVANA = ZoneInfo("America/Havana")
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400_000


def at(*parts: int) -> int:
    return to_ms(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


def account_with(*events: tuple[AnyEvent, int]) -> Account:
    """A loan of three instalments of 100.00, due on the 5th of February, March and April; then the events at their
    times."""
    schedule = [Instalment(number=n, due_on=date(2026, n + 1, 5), amount=10_000) for n in (1, 2, 3)]
    opened = LoanOpened(
        event_id="opened", tenant="north", customer_id="c", occurred_at=START, loan_id="L", product="cash-instalments",
        principal=30_000, currency="EUR", schedule=schedule,
    )  # fmt: skip
    account = Account()
    evolve_account(account, opened, to_ms(START), UTC)
    for event, at_ms in events:
        evolve_account(account, event, at_ms, UTC)
    return account


def paid(amount: int, payment_id: str = "p") -> RepaymentReceived:
    return RepaymentReceived(
        event_id=f"e-{payment_id}", payment_id=payment_id, tenant="north", customer_id="c", occurred_at=START,
        loan_id="L", amount=amount, currency="EUR",
    )  # fmt: skip


def reversed_(amount: int, payment_id: str = "p") -> RepaymentReversed:
    return RepaymentReversed(
        event_id=f"r-{payment_id}", payment_id=payment_id, tenant="north", customer_id="c", occurred_at=START,
        loan_id="L", amount=amount, currency="EUR",
    )  # fmt: skip


def promised(amount: int, pay_by: date, loan_id: str = "L") -> PromiseMade:
    return PromiseMade(
        event_id="promise", tenant="north", customer_id="c", occurred_at=START, loan_id=loan_id, amount=amount,
        currency="EUR", pay_by=pay_by,
    )  # fmt: skip


def overdue(account: Account, now_ms: int, zone: tzinfo) -> list[Overdue]:
    """What became overdue, without the rolls of the loan."""
    return [each for each in all_overdue(account, now_ms, zone) if each.kind != Kind.LOAN_ROLLED]


def steps(found: list[Overdue]) -> list[tuple[int, int]]:
    return [(each.number, each.dpd) for each in found]


def test_nothing_is_overdue_on_the_due_day() -> None:
    assert overdue(account_with(), at(2026, 2, 5, 23, 59), UTC) == []


def test_an_instalment_is_one_day_past_due_when_the_day_after_begins() -> None:
    found = overdue(account_with(), at(2026, 2, 6), UTC)
    assert [(each.number, each.dpd, each.first_instalment, each.amount_outstanding) for each in found] == [
        (1, 1, True, 10_000)
    ]


def test_the_day_after_begins_in_the_zone_of_the_institution() -> None:
    midnight_in_shanghai = at(2026, 2, 5, 16)
    assert overdue(account_with(), midnight_in_shanghai - 1, SHANGHAI) == []
    assert steps(overdue(account_with(), midnight_in_shanghai, SHANGHAI)) == [(1, 1)]


def test_a_step_is_reported_once() -> None:
    account = account_with()
    overdue(account, at(2026, 2, 6), UTC)
    assert overdue(account, at(2026, 2, 7, 23), UTC) == []


def test_a_late_tick_reports_every_step_that_was_passed_each_with_its_own_instant() -> None:
    found = overdue(account_with(), at(2026, 2, 13), UTC)
    assert [(each.dpd, each.reached_ms) for each in found] == [
        (1, at(2026, 2, 6)),
        (3, at(2026, 2, 8)),
        (7, at(2026, 2, 12)),
    ]


def test_all_steps_are_reported_and_then_no_more() -> None:
    account = account_with((paid(20_000), at(2026, 2, 1)))
    found = overdue(account, at(2027, 2, 1), UTC)
    assert steps(found) == [(3, step) for step in DPD_STEPS]
    assert next_look(account, UTC) is None


def test_a_part_payment_leaves_the_rest_outstanding() -> None:
    (found,) = overdue(account_with((paid(4_000), at(2026, 2, 5))), at(2026, 2, 6), UTC)
    assert (found.amount_outstanding, found.due_amount, found.paid_share) == (6_000, 10_000, 0.4)


def test_a_paid_instalment_never_becomes_overdue() -> None:
    assert overdue(account_with((paid(10_000), at(2026, 2, 5))), at(2026, 3, 5), UTC) == []


def test_a_reversal_makes_the_instalment_overdue() -> None:
    account = account_with((paid(10_000), at(2026, 2, 5)), (reversed_(10_000), at(2026, 2, 6)))
    assert steps(overdue(account, at(2026, 2, 6, 1), UTC)) == [(1, 1)]


def test_a_step_told_before_is_not_told_again_after_a_payment_was_reversed() -> None:
    account = account_with()
    overdue(account, at(2026, 2, 6), UTC)
    evolve_account(account, paid(10_000), at(2026, 2, 6, 9), UTC)
    evolve_account(account, reversed_(10_000), at(2026, 2, 6, 10), UTC)
    assert overdue(account, at(2026, 2, 6, 11), UTC) == []


def test_a_report_keeps_its_event_hash_however_often_it_is_worked_out() -> None:
    early = overdue(account_with(), at(2026, 2, 6), UTC)
    late = overdue(account_with(), at(2026, 2, 9), UTC)
    assert early[0].event_hash == late[0].event_hash != late[1].event_hash


def test_a_report_is_about_the_loan() -> None:
    (found,) = overdue(account_with(), at(2026, 2, 6), UTC)
    assert (found.loan_id, found.subject_hash, found.kind) == ("L", hash64("north", "L"), Kind.INSTALMENT_OVERDUE)


def test_a_promise_is_broken_on_the_day_after_when_nothing_was_paid() -> None:
    account = account_with((promised(5_000, date(2026, 1, 20)), at(2026, 1, 10)))
    assert overdue(account, at(2026, 1, 20, 23, 59), UTC) == []
    (found,) = overdue(account, at(2026, 1, 21), UTC)
    assert (found.kind, found.amount_outstanding, found.number) == (Kind.PROMISE_BROKEN, 5_000, 0)
    assert found.promise == hash64("north", "promise")


def test_a_promise_that_was_paid_is_kept() -> None:
    account = account_with(
        (promised(5_000, date(2026, 1, 20)), at(2026, 1, 10)), (paid(5_000), at(2026, 1, 20, 23, 59))
    )
    (found,) = overdue(account, at(2026, 1, 25), UTC)
    assert (found.kind, found.amount_outstanding, found.paid_share) == (Kind.PROMISE_KEPT, 0, 1.0)
    assert (found.promise, found.reached_ms) == (hash64("north", "promise"), at(2026, 1, 21))
    assert overdue(account, at(2026, 1, 25), UTC) == []


def test_a_promise_that_was_paid_in_part_is_broken_for_the_rest() -> None:
    account = account_with((promised(5_000, date(2026, 1, 20)), at(2026, 1, 10)), (paid(2_000), at(2026, 1, 15)))
    (found,) = overdue(account, at(2026, 1, 21), UTC)
    assert (found.amount_outstanding, found.paid_share) == (3_000, 0.4)


def test_what_was_paid_before_the_promise_does_not_keep_it() -> None:
    account = account_with((paid(5_000), at(2026, 1, 9)), (promised(5_000, date(2026, 1, 20)), at(2026, 1, 10)))
    assert len(overdue(account, at(2026, 1, 21), UTC)) == 1


def test_what_was_paid_a_day_after_the_promised_day_does_not_keep_it() -> None:
    account = account_with((promised(5_000, date(2026, 1, 20)), at(2026, 1, 10)), (paid(5_000), at(2026, 1, 21)))
    assert len(overdue(account, at(2026, 1, 22), UTC)) == 1


def test_a_payment_that_was_reversed_does_not_keep_a_promise() -> None:
    account = account_with(
        (promised(5_000, date(2026, 1, 20)), at(2026, 1, 10)),
        (paid(5_000), at(2026, 1, 15)),
        (reversed_(5_000), at(2026, 1, 18)),
    )
    assert len(overdue(account, at(2026, 1, 21), UTC)) == 1


def test_a_promise_is_kept_when_the_loan_is_paid_off() -> None:
    account = account_with((promised(50_000, date(2026, 1, 20)), at(2026, 1, 10)), (paid(30_000), at(2026, 1, 15)))
    assert [each.kind for each in overdue(account, at(2026, 1, 21), UTC)] == [Kind.PROMISE_KEPT]


def test_a_broken_promise_is_reported_once() -> None:
    account = account_with((promised(5_000, date(2026, 1, 20)), at(2026, 1, 10)))
    overdue(account, at(2026, 1, 21), UTC)
    assert overdue(account, at(2026, 1, 22), UTC) == []


def test_the_next_look_is_the_day_after_the_first_due_day() -> None:
    assert next_look(account_with(), SHANGHAI) == at(2026, 2, 5, 16)


def test_an_account_without_loans_needs_no_look() -> None:
    assert next_look(Account(), UTC) is None


def test_where_clocks_skip_midnight_the_day_begins_with_the_skip() -> None:
    # Havana goes from 23:59:59 on 7 March 2026 (UTC-5) to 01:00 on 8 March: 05:00 UTC.
    account = account_with((promised(1, date(2026, 3, 7)), at(2026, 1, 2)), (paid(30_000), at(2026, 1, 1)))
    assert next_look(account, HAVANA) == at(2026, 3, 8, 5)


def test_a_date_at_the_end_of_the_calendar_does_no_harm() -> None:
    account = account_with((promised(1, date.max), at(2026, 1, 2)))
    assert overdue(account, at(2026, 1, 3), UTC) == []


ACTIONS = st.lists(
    st.tuples(st.integers(0, 150), st.sampled_from(["pay", "reverse", "promise"]), st.integers(1, 12_000)), max_size=8
)


def _account(actions: list[tuple[int, str, int]]) -> list[tuple[int, AnyEvent]]:
    made: list[tuple[int, AnyEvent]] = []
    for i, (day, what, amount) in enumerate(sorted(actions)):
        event: AnyEvent
        if what == "pay":
            event = paid(amount, f"p{i}")
        elif what == "reverse":
            event = reversed_(amount, f"p{i - 1}")
        else:
            event = promised(amount, (START + timedelta(days=day + amount % 9)).date())
        made.append((to_ms(START) + day * DAY + amount, event))
    return made


@settings(max_examples=200, deadline=None)
@given(ACTIONS, st.sampled_from([UTC, SHANGHAI, HAVANA]))
def test_nothing_is_overdue_before_the_next_look(actions: list[tuple[int, str, int]], zone: ZoneInfo) -> None:
    account = account_with()
    for at_ms, event in _account(actions):
        while (look := next_look(account, zone)) is not None and look <= at_ms:
            assert overdue(account, look - 1, zone) == []
            overdue(account, look, zone)
            later = next_look(account, zone)
            assert later is None or later > look
        evolve_account(account, event, at_ms, zone)
        account = decode_account(encode_account(account))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=20))
def test_more_frequent_ticks_report_the_same_steps(days: list[int]) -> None:
    often, once = account_with(), account_with()
    found = []
    for day in [*sorted(days), 200]:
        found += overdue(often, to_ms(START) + day * DAY, UTC)
    assert sorted(found, key=lambda each: each.event_hash) == sorted(
        overdue(once, to_ms(START) + 200 * DAY, UTC), key=lambda each: each.event_hash
    )


def rolls(account: Account, now_ms: int) -> list[tuple[int, int, int]]:
    """(days past due, what is past due, when) of each roll up to now."""
    found = [each for each in all_overdue(account, now_ms, UTC) if each.kind == Kind.LOAN_ROLLED]
    return [(each.dpd, each.amount_outstanding, each.reached_ms) for each in found]


def test_a_loan_rolls_into_a_bucket_with_the_first_of_its_days() -> None:
    account = account_with((paid(3_000), at(2026, 2, 1)))
    assert rolls(account, at(2026, 2, 6)) == [(1, 7_000, at(2026, 2, 6))]
    assert rolls(account, at(2026, 3, 7)) == []
    # 31 days after 5 February; the second instalment, due on 5 March, is past due by then.
    assert rolls(account, at(2026, 3, 8)) == [(31, 17_000, at(2026, 3, 8))]


def test_a_late_tick_tells_of_every_bucket_each_with_what_was_past_due_then() -> None:
    assert rolls(account_with(), at(2026, 4, 7)) == [
        (1, 10_000, at(2026, 2, 6)),
        (31, 20_000, at(2026, 3, 8)),
        (61, 30_000, at(2026, 4, 7)),
    ]


def test_a_loan_that_was_cured_rolls_anew() -> None:
    account = account_with()
    rolls(account, at(2026, 2, 8))
    evolve_account(account, paid(10_000), at(2026, 2, 9), UTC)
    assert rolls(account, at(2026, 3, 6)) == [(1, 10_000, at(2026, 3, 6))]


def test_a_roll_is_not_told_again_after_its_cure_was_reversed() -> None:
    account = account_with()
    rolls(account, at(2026, 2, 6))
    evolve_account(account, paid(10_000), at(2026, 2, 6, 9), UTC)
    evolve_account(account, reversed_(10_000), at(2026, 2, 6, 10), UTC)
    assert rolls(account, at(2026, 2, 9)) == []


def test_nothing_rolls_beyond_the_last_bucket() -> None:
    assert [dpd for dpd, _, _ in rolls(account_with(), at(2027, 3, 1))] == [1, 31, 61, 91, 121, 151, 181]

"""Loans at risk, followed through events: when they begin to be, reach 30 and 60 days past due, and are cured."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.lab.delinquency import Book, Ledgers
from riskwatch.lab.instalments import Instalments
from riskwatch.lab.panel import Panel
from riskwatch.streams.events import AnyEvent, Instalment, LoanOpened, RepaymentReceived, RepaymentReversed
from riskwatch.streams.packing import to_ms

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOAN = ("bank", "c1", "l1")


def day(number: int, hour: float = 12) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number, hours=hour)


def midnight(number: int) -> int:
    return to_ms(day(number, 0))


def opened(*dues: int, at: datetime = START, loan: str = "l1") -> LoanOpened:
    """A loan whose instalments of 100 fall due so many days after the first of January."""
    lines = [
        Instalment(number=number, due_on=date(2026, 1, 1) + timedelta(days=due), amount=100)
        for number, due in enumerate(dues, start=1)
    ]
    return LoanOpened(
        event_id=f"open-{loan}", tenant="bank", customer_id="c1", occurred_at=at, loan_id=loan,
        product="cash-instalments", principal=1_000, currency="EUR", schedule=lines,
    )  # fmt: skip


def paid(number: int, at: datetime, amount: int = 100, loan: str = "l1") -> RepaymentReceived:
    return RepaymentReceived(
        event_id=f"pay-{loan}-{number}-{to_ms(at)}", tenant="bank", customer_id="c1", occurred_at=at, loan_id=loan,
        amount=amount, currency="EUR", payment_id=f"pay-{loan}-{number}", instalment_number=number,
    )  # fmt: skip


def bounced(number: int, at: datetime) -> RepaymentReversed:
    return RepaymentReversed(
        event_id=f"back-{number}", tenant="bank", customer_id="c1", occurred_at=at, loan_id="l1", amount=100,
        currency="EUR", payment_id=f"pay-l1-{number}", reason="insufficient funds",
    )  # fmt: skip


def followed(*events: AnyEvent, zone: str = "UTC") -> Book:
    ledgers = Ledgers(lambda _: ZoneInfo(zone))
    assert list(ledgers.through(events)) == list(events)
    return ledgers.book()


def test_a_loan_paid_in_time_is_at_risk_until_it_is_paid() -> None:
    (spell,) = followed(opened(10, 40), paid(1, day(10)), paid(2, day(40))).spells[LOAN]
    assert (spell.begins, spell.ends) == (to_ms(START), to_ms(day(40)))
    assert (spell.reached, spell.known, spell.further, spell.late) == (False, True, None, [])


def test_thirty_days_past_due_is_reached_as_the_thirtieth_day_after_the_due_day_begins() -> None:
    (spell,) = followed(opened(10, 400), paid(1, day(200))).spells[LOAN][:1]
    assert (spell.ends, spell.reached, spell.further) == (midnight(40), True, midnight(70))


def test_an_instalment_paid_on_the_day_before_is_not_thirty_days_past_due() -> None:
    (spell,) = followed(opened(10), paid(1, day(39, 23.9))).spells[LOAN]
    assert (spell.reached, spell.ends) == (False, to_ms(day(39, 23.9)))


def test_days_end_in_the_institutions_zone() -> None:
    (spell,) = followed(opened(10, 400), paid(1, day(200)), zone="Asia/Shanghai").spells[LOAN][:1]
    assert spell.ends == midnight(40) - 8 * 3_600_000


def test_it_is_at_risk_again_once_nothing_is_past_due_and_not_before() -> None:
    late = [opened(10, 40, 300), paid(1, day(50)), paid(2, day(60)), paid(3, day(300))]
    first, second = followed(*late).spells[LOAN]
    assert (first.ends, first.reached) == (midnight(40), True)
    assert (second.begins, second.reached) == (to_ms(day(60)), False)


def test_a_payment_that_bounces_makes_the_loan_late_from_its_due_day_on() -> None:
    events = [opened(10, 300), paid(1, day(10)), bounced(1, day(50)), paid(2, day(299))]
    (spell,) = followed(*events).spells[LOAN]
    assert (spell.reached, spell.ends) == (True, to_ms(day(50)))


def test_what_is_still_open_at_the_end_is_not_known() -> None:
    (spell,) = followed(opened(10), paid(1, day(20), amount=1)).spells[LOAN]
    assert (spell.known, spell.reached, spell.ends) == (False, False, to_ms(day(20)))


def test_a_loan_that_is_thirty_days_past_due_when_first_seen_was_never_at_risk() -> None:
    book = followed(opened(-40, 10, at=day(0)), paid(1, day(1)), paid(2, day(9)))
    (spell,) = book.spells[LOAN]
    assert (book.begun_late, spell.begins, spell.reached) == (1, to_ms(day(1)), False)


def test_lateness_is_told_from_the_due_day_to_the_payment() -> None:
    (spell,) = followed(opened(10), paid(1, day(15))).spells[LOAN]
    assert spell.late == [(midnight(10), to_ms(day(15)))]


def test_loans_of_one_customer_are_followed_apart() -> None:
    book = followed(opened(10), opened(10, at=day(1), loan="l2"), paid(1, day(12)), paid(1, day(90), loan="l2"))
    assert [spell.reached for spell in book.spells[LOAN]] == [False]
    assert [spell.reached for spell in book.spells["bank", "c1", "l2"]] == [True]


def test_an_event_that_comes_again_counts_once() -> None:
    half = paid(1, day(12), amount=50)
    (spell,) = followed(opened(10, 200), half, half, paid(2, day(100))).spells[LOAN][:1]
    assert (spell.reached, spell.ends) == (True, midnight(40))


def test_a_payment_that_arrives_late_cures_when_it_arrives() -> None:
    """It was made on the 20th day and comes on the 60th, after another loan's event: nobody knew of it before."""
    other = opened(300, at=day(60), loan="l2")
    first, second = followed(opened(10, 200), other, paid(1, day(20)), paid(2, day(100))).spells[LOAN]
    assert (first.reached, first.ends) == (True, midnight(40))
    assert second.begins == to_ms(day(60))


@given(st.lists(st.integers(0, 120), min_size=3, max_size=8))
def test_a_loan_reaches_thirty_days_past_due_where_an_instalment_is_paid_so_late(lates: list[int]) -> None:
    """An instalment a month, the payments in order: what is reached follows from the days of lateness alone."""
    dues = [30 * number for number in range(1, len(lates) + 1)]
    days = [due + late for due, late in zip(dues, lates, strict=True)]
    days = [max(days[: at + 1]) for at in range(len(days))]
    book = followed(opened(*dues), *(paid(number, day(at)) for number, at in enumerate(days, start=1)))
    reached = [spell.ends for spell in book.spells[LOAN] if spell.reached]
    expected, cured = [], 0
    for at, (due, late_day) in enumerate(zip(dues, days, strict=True)):
        if late_day >= due + 30 and due + 30 > cured:
            expected.append(midnight(due + 30))
            # Past due without a gap until a payment leaves nothing that is due.
            cured = next(d for d, nxt in zip(days[at:], [*dues[at + 1 :], 10**6], strict=True) if nxt >= d)
    assert reached == expected
    assert all(one.ends <= other.begins for one, other in pairwise(book.spells[LOAN]))


HEADER = "ID,MONTHS_BALANCE,STATUS\n"


def panel(folder: Path, *histories: str) -> Panel:
    """Accounts 1, 2, … with a status for each month, the last of them month 0."""
    rows = [
        f"{number},{month - len(history) + 1},{status}"
        for number, history in enumerate(histories, start=1)
        for month, status in enumerate(history)
    ]
    path = folder / "months.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return Panel(path)


@pytest.mark.parametrize(
    ("history", "reached"),
    [
        ("00C", []),
        ("001", ["2024-12-15"]),
        ("010", ["2024-11-14"]),
        ("0012", ["2024-11-14"]),
        ("0020", ["2024-11-05"]),
        ("01010", ["2024-09-14", "2024-11-14"]),
        ("X10", []),
        ("XX", []),
        ("CCC", []),
    ],
)
def test_a_panels_book_is_dated_by_the_due_days_of_its_replay(tmp_path: Path, history: str, reached: list[str]) -> None:
    records = panel(tmp_path, history)
    ledgers = Ledgers()
    for _ in ledgers.through(records.events()):
        pass
    spells = [spell for held in records.book().spells.values() for spell in held]
    told = [f"{datetime.fromtimestamp(spell.ends / 1000, UTC):%Y-%m-%d}" for spell in spells if spell.reached]
    assert told == reached
    if "X1" not in history:  # an account that begins late is seen for some days before it is 30 days past due
        seen = [spell.ends for held in ledgers.book().spells.values() for spell in held if spell.reached]
        due = [
            spell.ends for spell in spells if spell.reached and spell.ends <= to_ms(datetime(2024, 12, 15, tzinfo=UTC))
        ]
        assert seen == due


def test_a_paid_off_account_is_not_at_risk(tmp_path: Path) -> None:
    records = panel(tmp_path, "0CCC")
    for _ in records.events():
        pass
    ((spell,),) = records.book().spells.values()
    assert (spell.known, f"{datetime.fromtimestamp(spell.ends / 1000, UTC):%Y-%m-%d}") == (True, "2024-10-05")


def test_an_account_whose_rows_end_with_something_unpaid_is_settled_and_not_known(tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    path.write_text(HEADER + "1,-3,0\n1,-2,0\n2,-3,0\n2,-2,0\n2,-1,0\n2,0,0\n")
    records = Panel(path)
    events = list(records.events())
    spells = {loan: held[-1] for (_, _, loan), held in records.book().spells.items()}
    assert records.notes["ended unpaid"] == 1
    assert not spells["loan-1"].known
    assert f"{datetime.fromtimestamp(spells['loan-1'].ends / 1000, UTC):%Y-%m-%d}" == "2024-11-01"
    last = [event for event in events if getattr(event, "loan_id", "") == "loan-1"][-1]
    assert isinstance(last, RepaymentReceived)
    assert last.occurred_at.date() == date(2024, 11, 5)


def test_a_limit_ends_the_panel_without_settling_those_it_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    path.write_text(HEADER + "1,-1,0\n2,-1,0\n1,0,0\n2,0,0\n")
    records = Panel(path, limit=3)
    paid_off = [event for event in records.events() if event.occurred_at > datetime(2024, 12, 1, tzinfo=UTC)]
    assert {getattr(event, "loan_id", "") for event in paid_off} == {"loan-1"}
    assert records.notes["ended unpaid"] == 0


PAYMENTS = "SK_ID_PREV,SK_ID_CURR,NUM_INSTALMENT_NUMBER,DAYS_INSTALMENT,DAYS_ENTRY_PAYMENT,AMT_INSTALMENT,AMT_PAYMENT\n"


def test_instalments_are_thirty_days_past_due_where_the_file_shows_a_payment_so_late(tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    path.write_text(PAYMENTS + "1,1,1,-300,-270,100,100\n2,2,1,-300,-271,100,100\n3,3,1,-300,-300,100,40\n")
    records = Instalments(path)
    for _ in records.events():
        pass
    reached = {loan: [spell.reached for spell in held] for (_, _, loan), held in records.book().spells.items()}
    assert reached["loan-1"][0]
    assert reached["loan-2"] == [False]
    assert reached["loan-3"] == [False]
    assert records.notes["paid short of what was due"] == 1

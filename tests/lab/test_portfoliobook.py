"""Roll rates, vintages, cures and recoveries: small portfolios by hand, and a recount day by day."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loan_making import JANUARY, day, moved, opened, paid

from riskwatch.lab.cures import cure_rates, recoveries
from riskwatch.lab.loanpath import STATES, LoanPath, Zones, loan_paths
from riskwatch.lab.loanrecords import BookRecords
from riskwatch.lab.portfoliobook import encode_book, make_book
from riskwatch.lab.rollrates import Cell, roll_rates
from riskwatch.lab.vintages import months_later, vintages
from riskwatch.streams.events import ChargeMade, LoanOpened, RepaymentReversed
from riskwatch.streams.loanmoves import LoanMoved

UTC = Zones()
SHANGHAI = Zones({"t": ZoneInfo("Asia/Shanghai")})


def paths_of(*moves: LoanMoved, opening: LoanOpened | None = None, money: tuple = ()) -> list[LoanPath]:
    return loan_paths([opened(day(4)) if opening is None else opening], moves, UTC, money)


# --------------------------------------------------------------------------------------------------------- roll rates


def test_three_loans_by_hand() -> None:
    # Opened in January. A: M1 from 10 February, settled on 5 March. B: M1 from 10 February, M2 from 12 March.
    # C: always current. D: written off in February, so that it rolls into nothing after.
    openings = [opened(day(4), name, 1_000) for name in "ABCD"]
    moves = [
        moved(day(40), "M0", "M1", "A", exposure=600),
        moved(day(40), "M0", "M1", "B", exposure=800),
        moved(day(41), "M0", "written-off", "D", exposure=900),
        moved(day(63), "M1", "settled", "A", exposure=0),
        moved(day(70), "M1", "M2", "B", exposure=800),
    ]
    rolls = roll_rates(loan_paths(openings, moves, UTC), day(91), UTC)
    assert rolls.months == (date(2025, 2, 1), date(2025, 3, 1))
    assert rolls.cells["M0"] == {
        "M1": Cell(2, 2_000), "written-off": Cell(1, 1_000), "M0": Cell(2, 2_000)
    }  # fmt: skip
    assert rolls.cells["M1"] == {"settled": Cell(1, 600), "M2": Cell(1, 800)}
    assert set(rolls.cells) == {"M0", "M1"}
    assert rolls.share("M0", "M1") == pytest.approx(0.4)
    assert rolls.share("M1", "M2", by_amount=True) == pytest.approx(800 / 1_400)
    assert rolls.share("M3", "M4") is None


def test_a_month_that_is_not_over_does_not_count() -> None:
    paths = paths_of(moved(day(40), "M0", "M1"))
    assert roll_rates(paths, day(58), UTC).months == ()
    assert roll_rates(paths, day(59), UTC).cells == {"M0": {"M1": Cell(1, 1_000)}}


def test_a_loan_rolls_from_the_first_month_end_after_its_opening() -> None:
    opening = opened(day(31))  # on 1 February: it is not there when the month begins
    assert roll_rates(loan_paths([opening], [], UTC), day(59), UTC).months == ()
    assert roll_rates(loan_paths([opening], [], UTC), day(90), UTC).months == (date(2025, 3, 1),)


def test_months_end_on_the_institution_s_clock() -> None:
    # 28 February 17:00 UTC is 1 March in Shanghai: in February there the loan was current all month.
    records = [opened(day(4))], [moved(day(58 + 17 / 24), "M0", "M1")]
    assert roll_rates(loan_paths(*records, UTC), day(60), UTC).cells == {"M0": {"M1": Cell(1, 1_000)}}
    assert roll_rates(loan_paths(*records, SHANGHAI), day(60), SHANGHAI).cells == {"M0": {"M0": Cell(1, 1_000)}}


def test_amounts_are_what_was_owed_when_the_month_began() -> None:
    charged = ChargeMade(
        event_id="fee", tenant="t", customer_id="c", occurred_at=day(12), loan_id="l", charge="fee", amount=30,
        currency="CNY",
    )  # fmt: skip
    undone = RepaymentReversed(
        event_id="back", tenant="t", customer_id="c", occurred_at=day(14), loan_id="l", amount=50, currency="CNY",
        payment_id="p",
    )  # fmt: skip
    money = (
        paid(day(10), 200),
        paid(day(10), 200),
        charged,
        undone,
        paid(day(40), 500),
        paid(day(9), 7, currency="EUR"),
    )
    rolls = roll_rates(paths_of(money=money), day(59), UTC)
    assert rolls.cells == {"M0": {"M0": Cell(1, 1_000 - 200 + 30 + 50)}}


def test_what_was_paid_before_a_move_is_in_the_move_s_amount() -> None:
    money = (paid(day(10), 200), paid(day(25), 100))
    rolls = roll_rates(paths_of(moved(day(20), "M0", "M1", exposure=800), money=money), day(59), UTC)
    assert rolls.cells == {"M1": {"M1": Cell(1, 700)}}


# -------------------------------------------------------------------------------------------------------- corrections


def test_a_correction_takes_the_place_of_the_move_that_was_never_so() -> None:
    # A payment of a value day before 12 March becomes known on the 20th: the loan never was in M2.
    (path,) = paths_of(
        moved(day(40), "M0", "M1"), moved(day(70), "M1", "M2"), moved(day(78), "M2", "M0", corrects=True, exposure=50)
    )
    assert [(step.at, step.state) for step in path.steps[1:]] == [(day(40), "M1"), (day(70), "M0")]
    assert [each.bucket for each in cure_rates([path], day(200))] == ["M1"]
    assert roll_rates([path], day(90), UTC).cells["M1"] == {"M0": Cell(1, 1_000)}


def test_what_no_correction_takes_back_stays_and_may_go_on() -> None:
    (path,) = paths_of(
        moved(day(40), "M0", "M1"), moved(day(50), "M1", "M0", corrects=True), moved(day(60), "M0", "M1"),
        moved(day(90), "M1", "M2"),
    )  # fmt: skip
    assert [(step.at, step.state) for step in path.steps[1:]] == [(day(40), "M0"), (day(60), "M1"), (day(90), "M2")]


def test_a_correction_of_what_was_not_published_stands_at_its_own_instant() -> None:
    (path,) = paths_of(moved(day(50), "M1", "M0", corrects=True))
    assert path.at(day(51)).exposure == 1_000
    assert [(step.at, step.state) for step in path.steps[1:]] == [(day(50), "M0")]


def test_repeats_change_nothing() -> None:
    moves = [moved(day(40), "M0", "M1"), moved(day(50), "M1", "M0", corrects=True), moved(day(70), "M0", "M1")]
    assert paths_of(*moves, *moves[1:], *moves) == paths_of(*moves)


def test_of_two_moves_at_one_instant_the_later_published_holds() -> None:
    (path,) = paths_of(moved(day(40), "M0", "M1", offset=1), moved(day(40), "M1", "M0", offset=2))
    assert [step.state for step in path.steps] == ["M0", "M0"]


def test_a_loan_is_known_by_its_moves_where_its_opening_is_not_kept() -> None:
    move = moved(day(70), "M1", "M2", opened_on=date(2025, 1, 5), principal=700)
    (path,) = loan_paths([], [move], UTC)
    assert (path.opened_on, path.principal, path.steps[0].state) == (date(2025, 1, 5), 700, "M1")


# ----------------------------------------------------------------------------------------------------------- vintages


def test_a_vintage_by_hand() -> None:
    # Opened on 5 January: M2 is reached on 20 March, which is after two months on book (5 March) and before three.
    openings = [opened(day(4), "A", 3_000), opened(day(4), "B", 1_000)]
    (vintage,) = vintages(loan_paths(openings, [moved(day(78), "M1", "M2", "A")], UTC), day(100), UTC)
    assert (vintage.month, vintage.loans, vintage.principal) == (date(2025, 1, 1), 2, 4_000)
    assert [(each.months, each.loans, each.principal) for each in vintage.points] == [
        (0, 0.0, 0.0), (1, 0.0, 0.0), (2, 0.0, 0.0), (3, 0.5, 0.75),
    ]  # fmt: skip


@pytest.mark.parametrize(("at", "months"), [(63.99, 2), (64, 3)])
def test_the_day_on_which_a_month_on_book_is_full_belongs_to_it(at: float, months: int) -> None:
    # Two months on book end with 5 March, day 63.
    (vintage,) = vintages(paths_of(moved(day(at), "M1", "M2")), day(200), UTC)
    assert next(each.months for each in vintage.points if each.loans) == months


def test_a_vintage_is_told_as_far_as_its_youngest_loan_is_old() -> None:
    openings = [opened(day(0), "A"), opened(day(30), "B")]
    (vintage,) = vintages(loan_paths(openings, [], UTC), day(95), UTC)
    assert [each.months for each in vintage.points] == [0, 1, 2]


def test_m1_is_not_bad_and_a_write_off_is() -> None:
    (mild,) = vintages(paths_of(moved(day(40), "M0", "M1")), day(200), UTC)
    (gone,) = vintages(paths_of(moved(day(40), "M1", "written-off")), day(200), UTC)
    assert (mild.points[-1].loans, gone.points[-1].loans) == (0.0, 1.0)


def test_months_later_stay_within_the_month() -> None:
    assert months_later(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert months_later(date(2024, 12, 31), 14) == date(2026, 2, 28)


# --------------------------------------------------------------------------------------------------- cures, recoveries


def test_cures_by_hand() -> None:
    # Four loans enter M1 on day 40: cured after 30 days exactly, after 31, settled after 80, never. One entered too
    # late to be seen for 30 days.
    openings = [opened(day(4), name) for name in "ABCDE"]
    moves = [moved(day(40), "M0", "M1", name) for name in "ABCD"]
    moves += [
        moved(day(70), "M1", "M0", "A"), moved(day(71), "M1", "M0", "B"), moved(day(120), "M1", "settled", "C"),
        moved(day(71), "M1", "M2", "D"), moved(day(110), "M0", "M1", "E"), moved(day(111), "M1", "M0", "E"),
    ]  # fmt: skip
    m1, m2 = cure_rates(loan_paths(openings, moves, UTC), day(130))
    assert (m1.bucket, m1.entered) == ("M1", 5)
    assert [(each.days, each.observed, each.cured) for each in m1.within] == [(30, 4, 1), (60, 4, 2), (90, 4, 3)]
    assert (m2.bucket, m2.entered, m2.within[0].cured, m2.within[0].share) == ("M2", 1, 0, 0.0)
    assert m2.within[1].share is None


def test_a_loan_that_falls_back_to_a_milder_bucket_does_not_enter_it() -> None:
    rates = cure_rates(paths_of(moved(day(40), "M0", "M2"), moved(day(50), "M2", "M1")), day(200))
    assert [(each.bucket, each.entered) for each in rates] == [("M2", 1)]


def test_recoveries_are_what_was_paid_after_the_write_off() -> None:
    moves = (moved(day(100), "M3", "written-off", exposure=900), moved(day(120), "M3", "written-off", recovered=100))
    money = (paid(day(50), 70), paid(day(110), 100), paid(day(130), 50), paid(day(140), 25))
    paths = [
        *paths_of(moves[0], money=money[:2], opening=opened(day(4))),
        *loan_paths([opened(day(4), "k")], [moved(day(99), "M3", "written-off", "k", exposure=400)], UTC),
    ]
    found = recoveries(paths, day(200))
    assert (found.loans, found.written_off, found.recovered, found.paying) == (2, 1_300, 100, 1)
    later = recoveries(paths_of(*moves, money=money), day(135))
    assert (later.recovered, later.written_off) == (150, 900)


def test_without_a_write_off_there_is_no_share() -> None:
    assert recoveries(paths_of(), day(100)).share is None


# ----------------------------------------------------------------------------------------------- a recount day by day

portfolios = st.lists(
    st.tuples(
        st.integers(0, 150),
        st.lists(st.tuples(st.integers(1, 60), st.sampled_from(STATES)), max_size=5),
        st.integers(1, 9),
    ),
    max_size=6,
)
DAYS = 220


def in_days(opening: int, moves: list[tuple[int, str]]) -> list[str | None]:
    """The state of a loan at the end of each day, None before its opening. Nothing happens after an end."""
    states: list[str | None] = []
    at, todo, now = opening, list(moves), None
    changes = {opening: "M0"}
    for gap, state in todo:
        at += gap
        changes[at] = state
        if state in ("settled", "written-off", "sold"):
            break
    for number in range(DAYS):
        now = changes.get(number, now)
        states.append(now)
    return states


@settings(max_examples=150, deadline=None)
@given(portfolios)
def test_the_book_is_what_a_recount_day_by_day_finds(drawn: list[tuple[int, list[tuple[int, str]], int]]) -> None:
    openings, moves, lives = [], [], []
    for number, (opening, gaps, principal) in enumerate(drawn):
        name = f"l{number}"
        openings.append(opened(day(opening), name, principal * 100))
        life = in_days(opening, gaps)
        lives.append((opening, principal * 100, life))
        for each in range(opening + 1, DAYS):
            if life[each] != life[each - 1]:
                moves.append(moved(day(each), str(life[each - 1]), str(life[each]), name, exposure=principal * 100))
    paths = loan_paths(openings, moves, UTC)
    as_of = day(DAYS)

    rolled: Counter[tuple[str, str]] = Counter()
    for month in range(2, 8):  # DAYS reach into August
        begun, ended = (date(2025, month, 1) - JANUARY.date()).days, (date(2025, month + 1, 1) - JANUARY.date()).days
        for _, _, life in lives:
            before, after = life[begun - 1], life[ended - 1]
            if before is not None and before.startswith("M"):
                rolled[before, str(after)] += 1
    found = roll_rates(paths, as_of, UTC).cells
    assert {(a, b): cell.loans for a, row in found.items() for b, cell in row.items()} == dict(rolled)

    for vintage in vintages(paths, as_of, UTC):
        mine = [each for each in lives if day(each[0]).date().replace(day=1) == vintage.month]
        assert [each.loans for each in vintage.points] == sorted(each.loans for each in vintage.points)
        for point in vintage.points:
            bad = [
                principal
                for opening, principal, life in mine
                if any(
                    state not in (None, "M0", "M1", "settled", "sold")
                    for number, state in enumerate(life)
                    if day(number).date() <= months_later(day(opening).date(), point.months)
                )
            ]
            assert point.loans == pytest.approx(len(bad) / len(mine))
            assert point.principal == pytest.approx(sum(bad) / vintage.principal)

    entered: Counter[str] = Counter()
    cured: Counter[tuple[str, int]] = Counter()
    rank = {f"M{n}": n for n in range(7)} | {"M6+": 7}
    for opening, _, life in lives:
        for number in range(opening + 1, DAYS):
            state, before = str(life[number]), rank.get(str(life[number - 1]), 0)
            if rank.get(state, 0) > before:
                entered[state] += 1
                for span in (30, 60, 90):
                    if number + span <= DAYS:
                        cured[state, span] += any(
                            life[each] in ("M0", "settled") for each in range(number, min(DAYS, number + span + 1))
                        )
    rates = cure_rates(paths, as_of)
    assert {each.bucket: each.entered for each in rates} == dict(entered)
    assert {(each.bucket, seen.days): seen.cured for each in rates for seen in each.within if seen.cured} == {
        key: count for key, count in cured.items() if count
    }


# --------------------------------------------------------------------------------------------------------- all of it


def test_no_records_make_an_empty_book() -> None:
    book = make_book(BookRecords(), {}, UTC)
    assert (book.as_of, book.loans, book.collections) == (None, [], [])
    assert encode_book(book)


def test_a_single_loan_of_today_makes_a_book() -> None:
    book = make_book(BookRecords(opened=[opened(day(4))]), {}, UTC)
    (loans,) = book.loans
    assert (loans.loans, loans.standing, loans.rolls.months) == (1, {"M0": (1, 1_000)}, ())
    assert [point.months for point in loans.vintages[0].points] == [0]


def test_institutions_and_currencies_are_books_of_their_own() -> None:
    openings = [
        opened(day(4), "A"), opened(day(4), "B", currency="EUR"), opened(day(4), "A", tenant="u"),
    ]  # fmt: skip
    book = make_book(BookRecords(opened=openings), {}, UTC)
    assert [(each.tenant, each.currency, each.loans) for each in book.loans] == [
        ("t", "CNY", 1), ("t", "EUR", 1), ("u", "CNY", 1),
    ]  # fmt: skip
    assert [each.tenant for each in make_book(BookRecords(opened=openings), {}, UTC, tenant="u").loans] == ["u"]


def test_time_goes_on_without_events_of_loans() -> None:
    quiet = make_book(BookRecords(opened=[opened(day(4))], newest=day(70)), {}, UTC)
    assert quiet.as_of == JANUARY + timedelta(days=70)
    assert quiet.loans[0].rolls.months == (date(2025, 2, 1),)

"""Collections while nothing may be ordered, because repayments are stale: what is done all the same, what waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_collecting import NINE, SECOND, Desk, Records, done
from tinycollections import CUSTOMER, DAY, HOUR, loan

from riskwatch.features.collecting import next_expiry, next_look
from riskwatch.features.collectionfacts import Contacted, Flagged, LoanLeft, Paid
from riskwatch.policy.collecting import Case, decide_cases


class Stale(Desk):
    """A desk that can be asked while repayments are stale."""

    def held(self, now: int) -> Records:
        cases = [Case(loan_id="l-1", policy=self.policy, inputs=loan())]
        return decide_cases(cases, self.policy.rules, self.state, CUSTOMER, now, act=False)

    def flag(self, flag: str, now: int, *, raised: bool = True) -> None:
        self.tell(Flagged(event=self.event(), at_ms=now, loan_id="l-1", flag=flag, open=raised))  # type: ignore[arg-type]


@pytest.mark.parametrize("flag", ["dispute", "hardship"])
def test_a_person_is_asked_about_a_flag_that_is_raised_meanwhile_once(flag: str) -> None:
    desk = Stale()
    desk.at(NINE)
    desk.flag(flag, NINE + HOUR)
    assert done(desk.held(NINE + HOUR)) == [("closed", flag), ("review", "soft")]
    assert desk.held(NINE + 2 * HOUR) == []
    assert desk.at(NINE + 3 * HOUR) == []
    assert next_look(desk.state) == NINE + 73 * HOUR


def test_a_review_that_expires_meanwhile_is_asked_for_again() -> None:
    desk = Stale()
    desk.flag("dispute", NINE)
    assert done(desk.at(NINE)) == [("review", "")]
    assert desk.held(NINE + 72 * HOUR - 1) == []
    assert done(desk.held(NINE + 72 * HOUR)) == [("closed", "expired"), ("review", "")]
    assert next_look(desk.state) == NINE + 144 * HOUR


def test_without_a_flag_or_where_it_is_taken_back_nobody_is_asked() -> None:
    desk = Stale()
    assert desk.held(NINE) == []
    desk.flag("dispute", NINE)
    desk.flag("dispute", NINE, raised=False)
    assert desk.held(NINE) == []


def test_nobody_is_asked_about_a_loan_that_has_left() -> None:
    desk = Stale()
    desk.flag("dispute", NINE)
    desk.tell(LoanLeft(event=desk.event(), at_ms=NINE, loan_id="l-1"))
    assert desk.held(NINE) == []


def test_a_loan_that_waits_for_an_action_is_not_put_off_to_another_day() -> None:
    desk = Stale()
    assert desk.held(NINE) == []
    assert next_look(desk.state) == NINE
    assert done(desk.at(NINE + HOUR)) == [("push", "soft")]


def test_a_loan_whose_next_action_is_not_due_yet_waits_for_its_day() -> None:
    desk = Stale()
    desk.at(NINE)
    desk.tell(Contacted(event=desk.event(), at_ms=NINE, channel="push", outcome="delivered", loan_id="l-1",
                        action_id=desk.state.loans["l-1"].open[0].action_id))  # fmt: skip
    assert done(desk.held(NINE + HOUR)) == [("closed", "done")]
    assert next_look(desk.state) == NINE - 9 * HOUR + DAY


def test_a_loan_that_rests_after_a_payment_rests_all_the_same() -> None:
    desk = Stale()
    desk.tell(Paid(event=desk.event(), at_ms=NINE, loan_id="l-1", share=0.1, settled=False))
    assert desk.held(NINE) == []
    assert next_look(desk.state) == NINE - 9 * HOUR + 2 * DAY


def test_actions_that_brought_nothing_lead_to_the_next_stage_only_when_it_can_be_taken() -> None:
    desk = Stale()
    for day in range(3):
        assert done(desk.at(NINE + day * DAY))[-1][1] == "soft"
    for day in range(3, 6):
        desk.held(NINE + day * DAY)
        kept = desk.state.loans["l-1"]
        assert (kept.stage, kept.raised, kept.steps) == ("soft", 0, 3)
    assert done(desk.at(NINE + 6 * DAY))[-1][1] == "firm"


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from([None, "dispute", "hardship"]), st.booleans())))
def test_only_closings_and_reviews_come_and_what_is_open_has_its_end_ahead(
    drawn: list[tuple[int, str | None, bool]],
) -> None:
    desk, now = Stale(), NINE
    desk.at(now, SECOND)
    for hours, flag, raised in drawn:
        now += hours * HOUR
        if flag is not None:
            desk.flag(flag, now, raised=raised)
        records = desk.held(now)
        assert {kind for kind, _ in done(records)} <= {"closed", "review"}
        over = next_expiry(desk.state)
        assert over is None or over > now
        kept = desk.state.loans["l-1"]
        assert (kept.disputed or kept.hardship) == any(each.treatment == "review" for each in kept.open)
        assert next_look(desk.state) is not None

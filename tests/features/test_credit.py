"""The state of a line of credit: how it begins, what acts on it, and when what is announced comes into force."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from riskwatch.features.credit import (
    Announced,
    CreditState,
    acted,
    applies,
    basis_points,
    granted,
    limit_due,
    next_look,
    opened,
    reach,
)
from riskwatch.streams.accountactions import Compensation, Part, Terms
from riskwatch.streams.decisions import Decision
from riskwatch.streams.events import Instalment, LoanOpened
from riskwatch.streams.outputs import Cause
from riskwatch.streams.packing import to_ms

AT = datetime(2026, 3, 1, tzinfo=UTC)
AT_MS = to_ms(AT)
DAY = 86_400_000


def decision(**changes: object) -> Decision:
    made = Decision(
        decision_id="d1", tenant="bank", customer_id="c1", application_id="a1", product="cash-instalments",
        outcome="approve", requested=500_000, currency="CNY", requested_term_months=12, grade="B", pd=0.03,
        points=612.0, limit=800_000, amount=500_000, annual_rate=0.144, apr=0.15, term_months=12, plan=[], reasons=[],
        cause=Cause(partition=0, offset=3, event_id="e1", event_type="LoanApplied"), policy="base",
        policy_version="0123456789ab", occurred_at=AT, decided_at=AT,
    )  # fmt: skip
    return replace(made, **changes)


def loan(principal: int = 500_000, annual_rate: float | None = 0.18) -> LoanOpened:
    return LoanOpened(
        event_id="e2", tenant="bank", customer_id="c1", occurred_at=AT, loan_id="l1", product="cash-instalments",
        principal=principal, currency="CNY", annual_rate=annual_rate,
        schedule=[Instalment(number=1, due_on=date(2026, 4, 1), amount=principal)],
    )  # fmt: skip


LINE = CreditState(
    product="cash-instalments", currency="CNY", grade="B", limit=800_000, rate_bp=1_440, granted_grade="B",
    granted_limit=800_000, granted_rate_bp=1_440, changed_ms=AT_MS, approved=True,
)  # fmt: skip


def compensation(
    after: Terms, moves: list[Part], *, undoes: str = "", days: int = 0, limit_days: int = 0, rate_days: int = 0
) -> Compensation:
    at = AT + timedelta(days=days)
    return Compensation(
        action_id=f"undo-{undoes}-{days}", tenant="bank", customer_id="c1", product="cash-instalments", currency="CNY",
        change="rolled-back", before=LINE.terms, after=after, moves=moves, announced_at=at,
        limit_from=at + timedelta(days=limit_days), rate_from=at + timedelta(days=rate_days), effective_from=at,
        reasons=[], batch="rollback/b", decided_at=at, undoes=[undoes],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "points"), [(0.24, 2_400), (0.108, 1_080), (0.359, 3_590), (0.0, 0), (0.15555, 1_555), (0.29, 2_900)]
)
def test_basis_points_are_those_of_the_decimal_rounded_down(rate: float, points: int) -> None:
    assert basis_points(rate) == points


def test_an_approval_begins_a_line() -> None:
    assert granted(None, decision(), AT_MS) == LINE


@pytest.mark.parametrize("changes", [{"outcome": "refer"}, {"outcome": "decline"}, {"shadow": True}])
def test_what_is_no_approval_begins_none_and_changes_none(changes: dict[str, object]) -> None:
    assert granted(None, decision(**changes), AT_MS) is None
    assert granted(LINE, decision(**changes), AT_MS) == LINE


def test_a_new_approval_grants_the_line_anew_and_leaves_a_freeze() -> None:
    held = replace(
        LINE, frozen=True, frozen_ms=AT_MS, opened_ms=5, last_action="x", next_limit=Announced(1, AT_MS + DAY, "x")
    )
    anew = granted(held, decision(limit=900_000, grade="A", annual_rate=0.12), AT_MS + DAY)
    assert anew is not None
    assert anew.terms == Terms(grade="A", limit=900_000, rate_bp=1_200, frozen=True)
    assert (anew.granted_limit, anew.granted_grade, anew.changed_ms) == (900_000, "A", AT_MS + DAY)
    assert (anew.next_limit, anew.last_action, anew.opened_ms, anew.frozen_ms) == (None, "", 5, AT_MS)


def test_a_loan_without_an_approval_begins_a_line_with_what_is_lent() -> None:
    made = opened(None, loan(), AT_MS, 540_000)
    assert made.terms == Terms(grade=None, limit=540_000, rate_bp=1_800, frozen=False)
    assert (made.granted_limit, made.granted_rate_bp, made.opened_ms, made.changed_ms) == (
        540_000, 1_800, AT_MS, AT_MS,
    )  # fmt: skip


def test_further_loans_without_an_approval_raise_the_line_to_what_is_in_use() -> None:
    state = opened(None, loan(), AT_MS, 500_000)
    assert opened(state, loan(), AT_MS + DAY, 900_000).limit == 900_000
    assert opened(state, loan(), AT_MS + DAY, 400_000) == state


LENT = replace(LINE, approved=False, grade="D", granted_grade="B", limit=300_000, granted_limit=500_000, opened_ms=5)
"""A line that loans began, lowered by a policy since."""


def test_a_loan_beyond_a_lowered_limit_raises_what_is_in_force_and_not_what_was_granted() -> None:
    assert opened(LENT, loan(), AT_MS, 600_000) == replace(LENT, limit=600_000)
    assert opened(LENT, loan(), AT_MS, 300_000) == LENT
    once = opened(LENT, loan(), AT_MS, 600_000)
    assert opened(once, loan(), AT_MS, 700_000) == replace(LENT, limit=700_000)


def test_a_loan_beyond_a_limit_that_nothing_has_moved_is_a_grant() -> None:
    held = replace(LENT, limit=500_000)
    assert opened(held, loan(), AT_MS, 500_001) == replace(held, limit=500_001, granted_limit=500_001)


def test_a_loan_leaves_what_is_announced_which_comes_into_force_at_what_is_in_use_by_then() -> None:
    lower = Announced(200_000, AT_MS + DAY, "a")
    held = replace(LENT, limit=500_000, next_limit=lower)
    more = opened(held, loan(), AT_MS, 600_000)
    assert more == replace(held, limit=600_000)
    assert reach(more, AT_MS + DAY, 450_000).limit == 450_000
    assert reach(more, AT_MS + DAY, 100_000).limit == 200_000
    assert reach(more, AT_MS + DAY, 600_000).limit == 600_000
    assert reach(more, AT_MS + DAY, 600_000).granted_limit == 500_000


def test_a_loan_leaves_the_terms_of_a_frozen_line() -> None:
    frozen = replace(LENT, frozen=True, frozen_ms=AT_MS, opened_ms=None)
    assert opened(frozen, loan(), AT_MS, 600_000) == replace(frozen, opened_ms=AT_MS)
    lifted = replace(frozen, frozen=False, frozen_ms=None)
    assert opened(lifted, loan(), AT_MS, 600_000).limit == 600_000


def test_a_loan_of_an_approved_line_says_when_it_was_opened_and_no_more() -> None:
    state = opened(LINE, loan(2_000_000), AT_MS + DAY, 2_000_000)
    assert state == replace(LINE, opened_ms=AT_MS + DAY)
    assert opened(state, loan(), AT_MS + 2 * DAY, 2_000_000) == state


def test_a_loan_without_a_rate_leaves_the_rate_unknown() -> None:
    assert opened(None, loan(annual_rate=None), AT_MS, 500_000).rate_bp is None


def test_only_the_parts_that_an_action_moves_are_set() -> None:
    after = Terms(grade="D", limit=1, rate_bp=1, frozen=True)
    state = acted(LINE, compensation(after, ["grade"]))
    assert state.terms == replace(LINE.terms, grade="D")


def test_a_repeat_of_the_last_action_changes_nothing() -> None:
    undo = compensation(replace(LINE.terms, rate_bp=1_500), ["rate"])
    once = acted(LINE, undo)
    assert not applies(once, undo)
    assert acted(once, undo) == once


def test_a_compensation_passes_by_a_line_on_which_something_else_has_acted() -> None:
    undo = compensation(replace(LINE.terms, rate_bp=1_500), ["rate"], undoes="a1")
    assert acted(replace(LINE, last_action="a1"), undo).rate_bp == 1_500
    assert acted(replace(LINE, last_action="a2"), undo) == replace(LINE, last_action="a2")


def test_live_actions_pass_the_shadow_by_and_shadow_the_live() -> None:
    undo = compensation(replace(LINE.terms, rate_bp=1_500), ["rate"])
    shadow = replace(LINE, shadow=True)
    assert acted(shadow, undo) == shadow
    assert acted(LINE, replace(undo, shadow=True)) == LINE
    assert acted(shadow, replace(undo, shadow=True)).rate_bp == 1_500


def test_a_limit_that_a_compensation_lowers_waits_for_what_is_in_use() -> None:
    state = acted(LINE, compensation(replace(LINE.terms, limit=500_000), ["limit"]))
    assert (state.limit, next_look(state)) == (800_000, AT_MS)
    assert reach(state, AT_MS, 650_000).limit == 650_000
    assert reach(state, AT_MS, 0).limit == 500_000


def test_what_is_announced_comes_into_force_at_its_instant_and_not_before() -> None:
    state = replace(
        LINE, next_limit=Announced(600_000, AT_MS + 7 * DAY, "a"), next_rate=Announced(1_700, AT_MS + 30 * DAY, "a")
    )
    assert next_look(state) == AT_MS + 7 * DAY
    assert reach(state, AT_MS + 7 * DAY - 1, 0) == state
    first = reach(state, AT_MS + 7 * DAY, 0)
    assert (first.limit, first.rate_bp, first.next_limit, first.changed_ms) == (600_000, 1_440, None, AT_MS + 7 * DAY)
    assert next_look(first) == AT_MS + 30 * DAY
    second = reach(first, AT_MS + 45 * DAY, 0)
    assert (second.rate_bp, second.changed_ms, next_look(second)) == (1_700, AT_MS + 30 * DAY, None)


def test_one_late_tick_does_what_two_would_have_done() -> None:
    state = replace(
        LINE, next_limit=Announced(600_000, AT_MS + 7 * DAY, "a"), next_rate=Announced(1_700, AT_MS + 30 * DAY, "a")
    )
    twice = reach(reach(state, AT_MS + 7 * DAY, 0), AT_MS + 45 * DAY, 0)
    assert reach(state, AT_MS + 45 * DAY, 0) == twice


@pytest.mark.parametrize(
    ("in_use", "limit"), [(0, 600_000), (600_001, 600_001), (800_000, 800_000), (900_000, 800_000)]
)
def test_a_lower_limit_stops_at_what_is_in_use_and_is_never_raised(in_use: int, limit: int) -> None:
    state = replace(LINE, next_limit=Announced(600_000, AT_MS, "a"))
    assert limit_due(state, AT_MS, in_use) == limit
    assert reach(state, AT_MS, in_use).limit == limit


def test_nothing_is_due_where_nothing_is_announced() -> None:
    assert (limit_due(LINE, AT_MS, 0), next_look(LINE), reach(LINE, AT_MS + 999 * DAY, 0)) == (None, None, LINE)


def test_a_freeze_says_since_when_and_leaves_the_cool_off() -> None:
    frozen = acted(LINE, compensation(replace(LINE.terms, frozen=True), ["frozen"], days=3))
    assert (frozen.frozen, frozen.frozen_ms, frozen.changed_ms) == (True, AT_MS + 3 * DAY, AT_MS)
    lifted = acted(frozen, compensation(LINE.terms, ["frozen"], undoes=frozen.last_action, days=4))
    assert (lifted.frozen, lifted.frozen_ms) == (False, None)


def test_a_state_comes_back_from_msgpack_as_it_went() -> None:
    state = replace(LINE, next_limit=Announced(600_000, AT_MS, "a"), frozen=True, frozen_ms=AT_MS)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=CreditState) == state

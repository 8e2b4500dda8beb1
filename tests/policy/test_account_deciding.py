"""What is done about a line of credit, each expectation worked out by hand from the packaged cash policy.

Its bands begin at 660 (A), 610 (B), 550 (C), 480 (D) and 400 (E) points, hysteresis is 10, a change is at most 20 % and
10,000.00 of the limit and 300 basis points of the rate, and a higher rate is announced 30 days before.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from accounts import CASH, DAY, GOOD, NOW, OPENED, POOR, account_of, acts, changed, codes, decided, line, occasion
from msgspec.structs import replace

from riskwatch.features.credit import Announced, acted, reach
from riskwatch.policy.accountdeciding import adjust
from riskwatch.policy.lendingfile import packaged_lending
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.accountactions import Terms, batch_of
from riskwatch.streams.packing import from_ms


def test_a_good_score_betters_grade_limit_and_rate_at_once() -> None:
    action = acts(GOOD)
    # 676 points are A. 20 % of 20,000.00 is 4,000.00 on the way to 30,000.00; 300 on the way from 1800 to 1080.
    assert action.points == 676
    assert action.before == Terms(grade="C", limit=2_000_000, rate_bp=1_800, frozen=False)
    assert action.after == Terms(grade="A", limit=2_400_000, rate_bp=1_500, frozen=False)
    assert (action.limit_from, action.rate_from, action.effective_from) == (from_ms(NOW),) * 3
    assert action.bounds == ["largest-step"]


def test_what_is_better_is_told_by_what_gained_most() -> None:
    # Above the least of each: nothing overdue 90, a clean record 72, nothing returned 54, low utilisation 48.
    assert codes(acts(GOOD)) == [
        "gain-nothing-overdue", "gain-clean-record", "gain-payments-honoured", "gain-utilisation-low",
    ]  # fmt: skip


def test_a_poor_score_lowers_the_limit_to_what_is_in_use_and_announces_a_higher_rate() -> None:
    action = acts(POOR)
    # 390 + 10 points are E. The limit goes towards 12,000.00, by 4,000.00 at most, but 19,900.00 are in use.
    assert action.points == 390
    assert action.after == Terms(grade="E", limit=1_990_000, rate_bp=2_100, frozen=False)
    assert action.limit_from == from_ms(NOW)
    assert action.rate_from == action.effective_from == from_ms(NOW) + timedelta(days=30)
    assert action.bounds == ["largest-step", "in-use"]


def test_what_is_worse_is_told_by_what_lost_most_in_both_languages() -> None:
    action = acts(POOR)
    # Lost: overdue now 60, utilisation 48, overdue before and lateness 44 each, in the card's order.
    assert codes(action) == ["overdue-now", "utilisation-high", "overdue-recently", "paid-late"]
    assert action.reasons[0].values == {"own.max_dpd": 10.0}
    assert (action.reasons[0].en, action.reasons[0].zh) == (
        "An instalment with us is past due.", "您在本机构有分期款项已逾期。",
    )  # fmt: skip


# 676 points less what a change costs; C begins at 550 and B at 610, so that C is kept from 540 to below 620.
@pytest.mark.parametrize(
    ("changes", "points", "grade"),
    [
        # 30 days overdue now and 1 to 7 days before: 676 - 90 - 20 = 566.
        ({"own__max_dpd": 30.0, "history__max_dpd_6m": 1.0}, 566, None),
        # overdue now 4 days, before 8: 676 - 60 - 44 = 572.
        ({"own__max_dpd": 4.0, "history__max_dpd_6m": 8.0}, 572, None),
        # overdue before 8 days, two loans: 676 - 44 - 14 = 618, within B's band and not 10 beyond its edge.
        ({"history__max_dpd_6m": 8.0, "behaviour__loan_opened_count_90d": 2.0}, 618, None),
        # overdue before 8 days, two tries to reach the customer in vain: 676 - 44 - 16 = 616.
        ({"history__max_dpd_6m": 8.0, "behaviour__contact_unreached_count_30d": 2.0}, 616, None),
        # utilisation of 30 % and overdue before 8 days: 676 - 12 - 44 = 620.
        ({"account__in_use": 600_000.0, "history__max_dpd_6m": 8.0}, 620, "B"),
        # 30 days overdue now and before: 676 - 90 - 72 = 514, more than 10 below C.
        ({"own__max_dpd": 30.0, "history__max_dpd_6m": 30.0}, 514, "D"),
        # overdue now 30 days, one payment returned, utilisation of 30 %: 676 - 90 - 26 - 12 = 548: below C by 2 only.
        (
            {"own__max_dpd": 30.0, "behaviour__repayment_reversed_count_90d": 1.0, "account__in_use": 600_000.0},
            548, None,
        ),
    ],
)  # fmt: skip
def test_a_grade_moves_only_beyond_the_hysteresis(changes: dict[str, Value], points: float, grade: str | None) -> None:
    action = decided(changed(GOOD, **changes))
    assert (None if action is None else (action.points, action.after.grade)) == (
        None if grade is None else (points, grade)
    )
    # The points are those of the example also where nothing moves: without a grade the line is placed by them.
    assert acts(changed(GOOD, **changes), line(grade=None, granted_grade=None)).points == points


def test_the_next_change_goes_on_towards_the_target_after_the_cool_off() -> None:
    state = acted(line(), acts(GOOD))
    later = NOW + 60 * DAY
    # 24,000.00 + 20 % is 28,800.00; 1500 - 300.
    assert acts(GOOD, state, now_ms=later).after == Terms(grade="A", limit=2_880_000, rate_bp=1_200, frozen=False)
    assert decided(GOOD, state, now_ms=later - 1) is None


def test_a_line_at_its_target_is_left_alone() -> None:
    assert decided(GOOD, line(grade="A", limit=3_000_000, rate_bp=1_080)) is None


def test_nothing_moves_within_the_cool_off_of_the_grant() -> None:
    assert decided(GOOD, now_ms=OPENED + 60 * DAY - 1) is None
    assert decided(GOOD, now_ms=OPENED + 60 * DAY) is not None


def test_nothing_moves_while_something_is_announced() -> None:
    state = acted(line(), acts(POOR))
    assert state.next_rate == Announced(2_100, NOW + 30 * DAY, state.last_action)
    assert decided(GOOD, replace(state, changed_ms=0), now_ms=NOW + 29 * DAY) is None


def test_the_cool_off_counts_from_when_the_announced_came_into_force() -> None:
    state = reach(acted(line(), acts(POOR)), NOW + 30 * DAY, 1_990_000)
    assert (state.rate_bp, state.next_rate, state.changed_ms) == (2_100, None, NOW + 30 * DAY)
    assert decided(GOOD, state, now_ms=NOW + 90 * DAY - 1) is None
    assert acts(GOOD, state, now_ms=NOW + 90 * DAY).after.rate_bp == 1_800


@pytest.mark.parametrize("kind", ["LoginSucceeded", "FraudCleared"])
def test_the_score_is_looked_at_after_the_declared_kinds_only(kind: str) -> None:
    assert decided(GOOD, kind=kind) is None


@pytest.mark.parametrize("name", ["account.in_use", "own.max_dpd"])
def test_nothing_moves_where_a_required_input_is_unknown(name: str) -> None:
    assert decided({**GOOD, name: None}) is None
    assert decided({**GOOD, name: float("nan")}) is None


def test_a_limit_is_not_lowered_where_what_is_in_use_is_unknown() -> None:
    action = acts({**POOR, "account.in_use": None}, policy=account_of(required=()))
    # Without utilisation 44 points in place of 18: 416 + 10 is E all the same.
    assert (action.points, action.after.limit, action.bounds) == (416, 2_000_000, ["largest-step", "in-use-unknown"])


def test_a_confirmed_fraud_freezes_at_once_and_changes_nothing_else() -> None:
    action = acts(changed(GOOD, fraud__open_cases=1.0), line(changed_ms=NOW), kind="FraudConfirmed")
    assert (action.change, action.moves, codes(action)) == ("frozen", ["frozen"], ["fraud-confirmed"])
    assert action.after == Terms(grade="C", limit=2_000_000, rate_bp=1_800, frozen=True)
    assert action.effective_from == from_ms(NOW)


@pytest.mark.parametrize(("alerts", "frozen"), [(1.0, False), (2.0, True), (None, False)])
def test_two_severe_alerts_freeze_at_any_entry_and_one_does_not(alerts: float | None, frozen: bool) -> None:
    action = decided(changed(GOOD, fraud__open_severe_alerts=alerts), kind="LoginSucceeded")
    assert (action is not None and action.change == "frozen") == frozen


def test_a_frozen_line_rests() -> None:
    assert decided(POOR, line(frozen=True)) is None


@pytest.mark.parametrize(
    ("kind", "cases", "alerts", "lifted"),
    [
        ("FraudCleared", 0.0, 0.0, True),
        ("RepaymentReceived", 0.0, 0.0, False),
        ("FraudCleared", 1.0, 0.0, False),
        ("FraudCleared", 0.0, None, False),  # not known to be clear
    ],
)
def test_clearing_lifts_a_freeze_where_nothing_holds_it(
    kind: str, cases: float, alerts: float | None, lifted: bool
) -> None:
    inputs = changed(GOOD, fraud__open_cases=cases, fraud__open_severe_alerts=alerts)
    action = decided(inputs, line(frozen=True), kind=kind)
    assert (action is not None) == lifted
    if action is not None:
        assert (action.change, action.after.frozen, codes(action)) == ("unfrozen", False, ["fraud-cleared"])


def test_a_rate_above_the_legal_cap_is_lowered_to_it_whatever_the_cool_off_and_the_step() -> None:
    action = acts(GOOD, line(rate_bp=4_200, changed_ms=NOW))
    assert (action.change, action.moves, action.after.rate_bp) == ("capped", ["rate"], 3_600)
    assert (action.rate_from, codes(action)) == (from_ms(NOW), ["legal-cap"])


def test_a_line_without_a_grade_is_placed_and_keeps_limit_and_rate() -> None:
    state = line(grade=None, granted_grade=None)
    action = acts(GOOD, state)
    assert (action.change, action.moves, codes(action)) == ("placed", ["grade"], ["line-graded"])
    assert action.after == Terms(grade="A", limit=2_000_000, rate_bp=1_800, frozen=False)
    placed = acted(state, action)
    assert (placed.grade, placed.granted_grade) == ("A", "A")
    assert decided(GOOD, placed, now_ms=NOW + 60 * DAY) is None


def test_a_line_in_a_grade_that_the_policy_has_not_is_placed_anew() -> None:
    assert acts(GOOD, line(grade="Z")).change == "placed"


def test_a_line_granted_beyond_the_bounds_stays_where_it_is() -> None:
    # Free of interest and above the highest limit; in its own grade nothing asks for a change.
    state = line(grade="A", granted_grade="A", limit=20_000_000, granted_limit=20_000_000, rate_bp=0, granted_rate_bp=0)
    assert decided(changed(GOOD, account__in_use=5_000_000.0), state) is None


def test_a_rate_that_is_not_known_never_moves() -> None:
    action = acts(GOOD, line(rate_bp=None, granted_rate_bp=None))
    assert (action.moves, action.after.rate_bp) == (["grade", "limit"], None)


def test_a_lower_limit_is_announced_where_the_policy_asks_for_notice() -> None:
    policy = packaged_lending("consumer-credit")
    action = acts(changed(POOR, account__in_use=500_000.0), policy=policy)
    # In steps of 1,000.00: 20 % of 20,000.00 down is 16,000.00; C's 13.2 % and E's 20.4 % are 720 apart, 200 a step.
    assert (action.after.limit, action.limit_from) == (1_600_000, from_ms(NOW) + timedelta(days=7))
    assert (action.after.rate_bp, action.rate_from) == (2_000, from_ms(NOW) + timedelta(days=30))
    state = acted(line(), action)
    assert (state.grade, state.limit, state.rate_bp) == ("E", 2_000_000, 1_800)


def test_an_announced_limit_below_what_is_in_use_comes_into_force_at_what_is_in_use() -> None:
    policy = packaged_lending("consumer-credit")
    state = acted(line(), acts(changed(POOR, account__in_use=500_000.0), policy=policy))
    due = NOW + 7 * DAY
    assert adjust(policy, state, 1_700_000, due - 1, occasion("Tick")) is None
    action = adjust(policy, state, 1_700_000, due, occasion("Tick"))
    assert action is not None
    assert (action.change, action.moves, action.after.limit, codes(action)) == (
        "adjusted", ["limit"], 1_700_000, ["limit-in-use"],
    )  # fmt: skip
    after = reach(acted(state, action), due, 1_700_000)
    assert (after.limit, after.next_limit) == (1_700_000, None)


def test_an_announced_limit_above_what_is_in_use_needs_no_adjusting() -> None:
    policy = packaged_lending("consumer-credit")
    state = acted(line(), acts(changed(POOR, account__in_use=500_000.0), policy=policy))
    assert adjust(policy, state, 1_600_000, NOW + 7 * DAY, occasion("Tick")) is None
    assert reach(state, NOW + 7 * DAY, 1_600_000).limit == 1_600_000


def test_a_policy_without_the_section_moves_nothing() -> None:
    assert decided(GOOD, policy=replace(CASH, account=None)) is None


def test_the_action_names_line_entry_policy_and_batch() -> None:
    action = acts(GOOD)
    assert (action.tenant, action.customer_id, action.product, action.currency) == (
        "harbour", "c1", "cash-instalments", "CNY",
    )  # fmt: skip
    assert (action.policy, action.policy_version) == ("cash-instalments", CASH.version)
    assert action.batch == batch_of("cash-instalments", CASH.version)
    assert action.cause.event_id == "e1"


def test_the_shadow_decides_alike_with_its_own_id_and_a_mark() -> None:
    live, shadow = acts(GOOD), acts(GOOD, line(shadow=True))
    assert shadow.shadow
    assert shadow.action_id != live.action_id
    assert replace(shadow, shadow=False, action_id=live.action_id) == live


def test_what_the_state_says_of_a_line_no_input_overrides() -> None:
    assert acts({**GOOD, "account.utilisation": 1.0, "account.months_on_book": 400.0}).points == 676

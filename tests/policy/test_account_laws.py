"""Laws of limits and rates, whatever a customer does and however a policy is set.

A history is a list of looks at a line: some days later, another score, another amount in use. A customer draws no more
than the limit in force, and nothing while the line is frozen.
"""

from __future__ import annotations

from typing import NamedTuple

from accounts import CASH, DAY, GOOD, OPENED, POOR, account_of, changed, line, occasion
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from riskwatch.features.credit import CreditState, acted, basis_points, next_look, reach
from riskwatch.policy.accountdeciding import adjust, decide_account
from riskwatch.policy.accountpolicy import AccountGrade, AccountPolicy, graded
from riskwatch.policy.lending import LendingPolicy
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.accountactions import AccountAction, AnyAction, batch_of
from riskwatch.streams.compensating import Batch, compensate
from riskwatch.streams.packing import from_ms, to_ms

CAP = basis_points(CASH.pricing.legal_cap)


class Look(NamedTuple):
    """After `days`: `dpd` days past due now and before, `used` of the limit in percent, `cases` of fraud open."""

    days: int
    dpd: int
    used: int
    cases: int
    kind: str


class Told(NamedTuple):
    """An action with the state before and after it."""

    action: AccountAction
    before: CreditState
    after: CreditState


class Seen(NamedTuple):
    """The line after a look: the instant, the state, what is in use."""

    at_ms: int
    state: CreditState
    in_use: int


LOOKS = st.lists(
    st.builds(
        Look,
        days=st.integers(0, 70),
        dpd=st.sampled_from([0, 0, 1, 5, 30]),
        used=st.integers(0, 100),
        cases=st.sampled_from([0, 0, 0, 0, 1]),
        kind=st.sampled_from(["RepaymentReceived", "InstalmentOverdue", "FraudConfirmed", "FraudCleared"]),
    ),
    max_size=20,
)
POLICIES = st.builds(
    account_of,
    hysteresis=st.integers(0, 60).map(float),
    cool_off_days=st.integers(1, 90),
    largest_limit_percent=st.integers(20, 100),
    largest_limit_step=st.integers(1, 200).map(lambda steps: steps * 10_000),
    largest_rate_step_bp=st.integers(1, 900),
    limit_notice_days=st.integers(0, 60),
    rate_notice_days=st.integers(0, 60),
)
LINES = st.builds(
    lambda limit, rate, grade: line(
        limit=limit, granted_limit=limit, rate_bp=rate, granted_rate_bp=rate, grade=grade, granted_grade=grade
    ),
    limit=st.integers(50_000, 12_000_000),
    rate=st.integers(0, CAP),
    grade=st.sampled_from("ABCDEF"),
)


def inputs_at(look: Look, in_use: int) -> dict[str, Value]:
    inputs = GOOD if look.dpd < 5 else POOR
    dpd = float(look.dpd)
    return changed(
        inputs,
        account__in_use=float(in_use), own__max_dpd=dpd, history__max_dpd_6m=dpd, fraud__open_cases=float(look.cases),
    )  # fmt: skip


def lived(
    policy: LendingPolicy, state: CreditState, looks: list[Look], *, start: int = OPENED, first: int = 0
) -> tuple[list[Told], list[Seen]]:
    """A history as a caller would fold it: ticks where something comes into force, and the looks. `first`: number of
    its first entry."""
    now_ms, in_use = start, 0
    told: list[Told] = []
    seen: list[Seen] = []

    def tell(action: AccountAction | None) -> None:
        nonlocal state
        if action is not None:
            told.append(Told(action, state, acted(state, action)))
            state = told[-1].after

    for number, look in enumerate(looks, start=first):
        now_ms += look.days * DAY
        while (due := next_look(state)) is not None and due <= now_ms:
            tell(adjust(policy, state, in_use, due, occasion("Tick", event=1_000_000 + number)))
            state = reach(state, due, in_use)
            seen.append(Seen(due, state, in_use))
        if not state.frozen:
            in_use = state.limit * look.used // 100
        elif look.used < 50:
            in_use = in_use * look.used // 100
        tell(decide_account(policy, state, inputs_at(look, in_use), now_ms, occasion(look.kind, event=number)))
        seen.append(Seen(now_ms, state, in_use))
    return told, seen


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_no_rate_is_ever_above_the_legal_cap(policy: LendingPolicy, state: CreditState, looks: list[Look]) -> None:
    told, seen = lived(policy, state, looks)
    assert all(each.state.rate_bp is not None and each.state.rate_bp <= CAP for each in seen)
    assert all(each.action.after.rate_bp is not None and each.action.after.rate_bp <= CAP for each in told)


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_no_limit_in_force_is_ever_below_what_is_in_use(
    policy: LendingPolicy, state: CreditState, looks: list[Look]
) -> None:
    _, seen = lived(policy, state, looks)
    assert all(each.state.limit >= each.in_use for each in seen)


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_no_step_is_larger_than_allowed(policy: LendingPolicy, state: CreditState, looks: list[Look]) -> None:
    account = policy.account
    assert account is not None
    for action, _, _ in lived(policy, state, looks)[0]:
        if action.change != "moved":
            continue
        before, after = action.before, action.after
        assert abs(after.limit - before.limit) * 100 <= before.limit * account.largest_limit_percent
        assert abs(after.limit - before.limit) <= account.largest_limit_step
        assert abs((after.rate_bp or 0) - (before.rate_bp or 0)) <= account.largest_rate_step_bp


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_no_two_changes_lie_within_the_cool_off_but_freezes(
    policy: LendingPolicy, state: CreditState, looks: list[Look]
) -> None:
    account = policy.account
    assert account is not None
    last = OPENED
    for action, _, _ in lived(policy, state, looks)[0]:
        if action.change == "moved":
            assert to_ms(action.announced_at) - last >= account.cool_off_days * DAY
            last = to_ms(action.effective_from)


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_what_is_worse_is_in_force_after_its_notice_and_what_is_better_at_once(
    policy: LendingPolicy, state: CreditState, looks: list[Look]
) -> None:
    account = policy.account
    assert account is not None
    for action, _, after in lived(policy, state, looks)[0]:
        if action.change != "moved":
            continue
        lower = action.after.limit < action.before.limit
        dearer = (action.after.rate_bp or 0) > (action.before.rate_bp or 0)
        assert (action.limit_from - action.announced_at).days == (account.limit_notice_days if lower else 0)
        assert (action.rate_from - action.announced_at).days == (account.rate_notice_days if dearer else 0)
        waits = [lower and account.limit_notice_days > 0, dearer and account.rate_notice_days > 0]
        assert [after.next_limit is not None, after.next_rate is not None] == waits


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_while_a_line_is_frozen_only_the_lifting_is_decided(
    policy: LendingPolicy, state: CreditState, looks: list[Look]
) -> None:
    for action, before, _ in lived(policy, state, looks)[0]:
        assert not before.frozen or action.change in ("unfrozen", "adjusted")


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_the_same_history_gives_the_same_actions_with_the_same_ids_and_no_id_twice(
    policy: LendingPolicy, state: CreditState, looks: list[Look]
) -> None:
    first = [each.action for each in lived(policy, state, looks)[0]]
    assert [each.action for each in lived(policy, state, looks)[0]] == first
    assert len({action.action_id for action in first}) == len(first)


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, looks=LOOKS)
def test_shadow_decides_what_live_would_and_shares_no_id(
    policy: LendingPolicy, state: CreditState, looks: list[Look]
) -> None:
    live = [each.action for each in lived(policy, state, looks)[0]]
    shadow = [each.action for each in lived(policy, replace(state, shadow=True), looks)[0]]
    assert [(each.change, each.before, each.after) for each in shadow] == [
        (each.change, each.before, each.after) for each in live
    ]
    assert all(each.shadow for each in shadow)
    assert not {each.action_id for each in live} & {each.action_id for each in shadow}


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, score=st.sampled_from([0, 5, 30]), days=st.integers(1, 70))
def test_under_an_unchanged_score_a_line_moves_one_way_and_comes_to_rest(
    policy: LendingPolicy, state: CreditState, score: int, days: int
) -> None:
    looks = [Look(days, score, 0, 0, "RepaymentReceived")] * 60
    state = replace(state, opened_ms=None)  # or the score would rise with the months on book
    told, seen = lived(replace(policy, account=_quick(policy.account)), state, looks)
    limits = [state.limit, *(each.state.limit for each in seen)]
    rates = [state.rate_bp or 0, *(each.state.rate_bp or 0 for each in seen)]
    for values in (limits, rates):
        assert values in (sorted(values), sorted(values, reverse=True))
    assert len(told) < len(looks)


def _quick(account: AccountPolicy | None) -> AccountPolicy | None:
    """Steps and a cool-off with which 60 looks are enough to come to rest."""
    return None if account is None else replace(
        account, cool_off_days=1, limit_notice_days=0, rate_notice_days=0, largest_rate_step_bp=100,
        largest_limit_step=10_000_000,
    )  # fmt: skip


def banded(edges: list[int], hysteresis: int) -> AccountPolicy:
    assert CASH.account is not None
    falling = sorted(edges, reverse=True)
    grades = [
        AccountGrade(name=str(place), limit_percent=100, rate_bp=1_000, at_least=edge)
        for place, edge in enumerate([*falling, None])
    ]
    return replace(CASH.account, grades=tuple(grades), hysteresis=float(hysteresis))


BANDS = st.builds(
    banded, edges=st.lists(st.integers(400, 700), min_size=1, max_size=6, unique=True), hysteresis=st.integers(0, 40)
)


@settings(max_examples=200, deadline=None)
@given(policy=BANDS, start=st.integers(0, 6), low=st.integers(350, 750), offsets=st.lists(st.floats(0, 1), max_size=20))
def test_a_score_that_moves_within_twice_the_hysteresis_never_moves_a_grade_both_ways(
    policy: AccountPolicy, start: int, low: int, offsets: list[float]
) -> None:
    grade = policy.grades[min(start, len(policy.grades) - 1)]
    places = [policy.grades.index(grade)]
    for offset in offsets:
        grade = graded(policy, low + int(offset * 2 * policy.hysteresis), grade)
        places.append(policy.grades.index(grade))
    assert places in (sorted(places), sorted(places, reverse=True))


@settings(max_examples=200, deadline=None)
@given(policy=BANDS, start=st.integers(0, 6), points=st.integers(350, 750))
def test_a_grade_is_kept_within_the_hysteresis_of_its_band_and_not_beyond(
    policy: AccountPolicy, start: int, points: int
) -> None:
    place = min(start, len(policy.grades) - 1)
    grade = policy.grades[place]
    above = None if place == 0 else policy.grades[place - 1].at_least
    kept = (grade.at_least is None or points >= grade.at_least - policy.hysteresis) and (
        above is None or points < above + policy.hysteresis
    )
    assert (graded(policy, points, grade) == grade) == kept


@settings(max_examples=200, deadline=None)
@given(policy=POLICIES, state=LINES, good=LOOKS, bad=LOOKS, days=st.integers(0, 90))
def test_a_rollback_restores_what_stood_before_and_its_own_rollback_restores_what_it_undid(
    policy: LendingPolicy, state: CreditState, good: list[Look], bad: list[Look], days: int
) -> None:
    policy = account_of(policy, limit_notice_days=0, rate_notice_days=0)
    told, seen = lived(policy, state, good)
    before = seen[-1].state if seen else state
    start = seen[-1].at_ms if seen else OPENED
    # The bad policy is another by name, so that its actions are a batch of their own.
    wrong_policy = replace(policy, name="wrong")
    wrong, since = lived(wrong_policy, before, bad, start=start, first=1_000)
    after = since[-1].state if since else before
    published: list[AnyAction] = [each.action for each in (*told, *wrong)]
    at = from_ms((since[-1].at_ms if since else start) + days * DAY)
    batch = Batch(name=batch_of("wrong", wrong_policy.version))
    undone = compensate(published, batch, at, at)
    assert len(undone.compensations) == bool(wrong)
    restored = after
    for compensation in undone.compensations:
        restored = reach(acted(restored, compensation), to_ms(at), 0)
    assert restored.terms == before.terms
    assert not restored.announced
    again = compensate([*published, *undone.compensations], batch, at, at)
    assert (again.compensations, len(again.done)) == ((), bool(wrong))
    redone = compensate([*published, *undone.compensations], Batch(name=f"rollback/{batch.name}"), at, at)
    for compensation in redone.compensations:
        restored = reach(acted(restored, compensation), to_ms(at), 0)
    assert restored.terms == after.terms

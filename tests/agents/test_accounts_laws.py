"""Lines of credit in the fold: the same whatever the batches, partitions and restarts, and with or without a shadow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_journal import (
    NOW,
    PROGRAM,
    Entry,
    Run,
    applied,
    at,
    bought,
    cleared,
    emulator,
    in_order,
    opened,
    paid,
    policy,
    published,
    ticks,
    unshadowed,
)

from riskwatch.agents.accountsdesk import SCORE_CHANGE
from riskwatch.agents.fold import fold
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingbook import LendingBook
from riskwatch.policy.shelf import POLICY_PREFIX
from riskwatch.streams.accountactions import AccountAction, encode_action
from riskwatch.streams.decisions import encode_decision
from riskwatch.streams.outputs import encode_output
from riskwatch.streams.packing import pack_tick

DUE = (12, 22, 32, 62, 92, 122, 152, 182)


def life(customer: str) -> list[Entry]:
    """A good customer, suspected and cleared."""
    return in_order(
        applied(customer), opened(customer, 1, 100_000, DUE), [paid(customer, day, 100_000) for day in DUE[:6]],
        emulator(customer, 70), [bought(customer, 70.001 + n / 10_000) for n in range(6)], cleared(customer, 75),
    )  # fmt: skip


def paying(day: float) -> list[Entry]:
    """A good customer up to a day, never suspected."""
    loan = [applied("c1"), opened("c1", 1, 100_000, DUE)]
    return in_order(loan, [paid("c1", due, 100_000) for due in DUE if due < day], ticks(0, int(day)))


def poor(customer: str, amount: int = 150_000) -> list[Entry]:
    return in_order(applied(customer), opened(customer, 1, amount, (32, 62, 92, 122)))


SMALL = policy("small", largest_limit_step=200_000)
LOG = in_order(life("c1"), poor("c2"), poor("c3", 1_400_000), life("c4"), published(100, SMALL), ticks(0, 126))


def told(run: Run) -> list[bytes]:
    return [encode_action(action) for action in run.actions]


def test_the_log_has_what_the_laws_are_about() -> None:
    changes = {(each.customer_id, each.change) for each in Run().feed(LOG).actions}
    assert changes == {
        *((customer, change) for customer in ("c1", "c4") for change in ("moved", "frozen", "unfrozen")),
        ("c2", "moved"), ("c3", "moved"),
    }  # fmt: skip


@pytest.mark.parametrize("size", [1, 7])
def test_nothing_depends_on_the_size_of_batches(size: int) -> None:
    run, whole = Run().feed(LOG, size=size), Run().feed(LOG)
    assert told(run) == told(whole)
    assert run.rows == whole.rows


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(1, len(LOG) - 1), max_size=12))
def test_nothing_depends_on_where_the_log_is_cut(cuts: set[int]) -> None:
    run = Run().feed(LOG, cuts=cuts)
    assert told(run) == told(Run().feed(LOG))


@pytest.mark.parametrize("cut", range(20, len(LOG), 23))
def test_a_restart_goes_on_as_if_there_had_been_none(cut: int) -> None:
    run = Run().feed(LOG[:cut]).restart().feed(LOG[cut:])
    assert told(run) == told(Run().feed(LOG))


def test_nothing_depends_on_who_shares_a_partition() -> None:
    def without_place(run: Run) -> dict[str, AccountAction]:
        return {each.action_id: replaced(each) for each in run.actions if isinstance(each, AccountAction)}

    def replaced(action: AccountAction) -> AccountAction:
        return msgspec.structs.replace(action, cause=msgspec.structs.replace(action.cause, partition=0, offset=0))

    together, apart = without_place(Run().feed(LOG)), {}
    for number, customer in enumerate(("c1", "c2", "c3", "c4")):
        own = [each for each in LOG if each[1] is None or each[1] == f"bank/{customer}".encode()]
        apart |= without_place(Run(number=number).feed(own))
    assert apart == together


# ------------------------------------------------------------------------------------------------------------ in shadow

BOLD = policy("bold", largest_limit_step=400_000, cool_off_days=30)


def outputs(run: Run) -> list[list[bytes]]:
    """Everything that goes out but for shadow's."""
    return [
        [
            *map(encode_output, folded.alerts), *map(encode_output, folded.examples),
            *map(encode_decision, folded.decisions), *map(encode_action, folded.actions),
        ]
        for folded in run.batches
    ]  # fmt: skip


@pytest.mark.parametrize("size", [None, 5])
def test_nothing_else_differs_where_there_is_a_shadow(size: int | None) -> None:
    without = Run().feed(LOG, size=size)
    beside = Run(replace(PROGRAM, shadows=LendingBook([BOLD]))).feed(LOG, size=size)
    assert {each.batch for each in beside.shadow_actions} == {f"bold/{BOLD.version}"}
    assert outputs(beside) == outputs(without)
    assert unshadowed(beside.rows) == without.rows
    assert [folded.counts for folded in beside.batches] == [folded.counts for folded in without.batches]


def test_a_shadow_s_actions_do_not_depend_on_where_the_log_is_cut() -> None:
    program = replace(PROGRAM, shadows=LendingBook([BOLD]))
    whole = [encode_action(each) for each in Run(program).feed(LOG).shadow_actions]
    assert [encode_action(each) for each in Run(program).feed(LOG, size=3).shadow_actions] == whole


def test_a_shadow_goes_its_own_way_and_each_version_has_ids_of_its_own() -> None:
    shy = policy("shy", largest_limit_step=100_000)
    log = in_order(published(0, BOLD, "shadow"), published(0, shy, "shadow"), paying(93))
    run = Run().feed(log)
    (live,) = run.actions
    moves = {each.batch.partition("/")[0]: [] for each in run.shadow_actions}
    for each in run.shadow_actions:
        moves[each.batch.partition("/")[0]].append((each.before.limit, each.after.limit))
    # The bold one moves on day 62 as live does, and after 30 days, on day 92, again.
    assert moves == {"bold": [(6_000_000, 6_400_000), (6_400_000, 6_800_000)], "shy": [(6_000_000, 6_100_000)]}
    assert (live.before.limit, live.after.limit) == (6_000_000, 7_000_000)
    assert len({live.action_id, *(each.action_id for each in run.shadow_actions)}) == 4
    assert all(each.shadow for each in run.shadow_actions)
    assert sorted(run.credit().lines[0].shadows) == sorted([BOLD.version, shy.version])


def test_what_a_withdrawn_shadow_kept_is_forgotten() -> None:
    log = in_order(published(0, BOLD, "shadow"), paying(93), published(80, BOLD, "withdrawn"))
    run = Run().feed(log)
    assert [each.announced_at for each in run.shadow_actions] == [at(62)]
    assert run.credit().lines[0].shadows == {}


def test_a_shadow_that_raises_is_told_and_the_line_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from riskwatch.agents import lineacting

    real = lineacting.look

    def planted(own: Any, *given: Any) -> Any:
        if own.name == "bold":
            raise ZeroDivisionError("planted")
        return real(own, *given)

    monkeypatch.setattr(lineacting, "look", planted)
    log = paying(64)
    run = Run(replace(PROGRAM, shadows=LendingBook([BOLD]))).feed(log)
    assert (len(run.actions), run.shadow_actions) == (1, [])
    assert {each.rule for folded in run.batches for each in folded.failures} == {"shadow:bold"}


# ------------------------------------------------------------------------------------------------- what rules are told


def columns(
    monkeypatch: pytest.MonkeyPatch, log: list[Entry], size: int | None = None, *, crashed: bool = False
) -> dict[int, float]:
    """The score's change as rules were told it, by the entry's hash, where it was known. With `crashed` the last
    entries, from day 65.3 on, are one batch, of which only the policies were stored the first time."""
    seen: dict[int, float] = {}
    real = RuleSet.judge

    def judge(self: RuleSet, entries: Any, features: Any, extra: Any = None) -> Any:
        column = (extra or {}).get(SCORE_CHANGE)
        if column is not None:
            known = ~np.isnan(column)
            seen.update(zip(entries["event"][known].tolist(), column[known].tolist(), strict=True))
        return real(self, entries, features, extra)

    with monkeypatch.context() as patch:
        patch.setattr(RuleSet, "judge", judge)
        if not crashed:
            Run().feed(log, size=size)
            return seen
        run = Run().feed([each for each in log if each[0] < 65.3])
        rest = [each for each in log if each[0] >= 65.3]
        offsets = list(range(run.end, run.end + len(rest)))
        torn = fold(PROGRAM, run.partition, [each[1] for each in rest], [each[2] for each in rest], offsets, NOW)
        policies = [row for row in torn.rows if row[0].startswith(POLICY_PREFIX)]
        assert policies
        run.store.write(policies, None)
        seen.clear()
        run.restart().feed(rest)
    return seen


def test_rules_are_told_how_the_score_fell_by_the_last_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    late = paid("c1", 66, 1_000)
    falls = columns(monkeypatch, in_order(poor("c1"), ticks(0, 66), late))
    event = int(np.frombuffer(late[2][32:40], dtype="<u8")[0])
    # 660 points with the loan; 498 from 30 days past due on; on day 65 nothing new.
    assert falls[event] == 498 - 660


def test_what_rules_are_told_does_not_depend_on_the_size_of_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    # Many entries of a customer between two ticks: the scores among them are not known yet at the later ones.
    log = in_order(LOG, [paid("c2", 64 + n / 1_000, 1_000) for n in range(20)])
    whole = columns(monkeypatch, log)
    assert len(whole) > 40
    assert columns(monkeypatch, log, 1) == whole
    assert columns(monkeypatch, log, 3) == whole


EAGER = policy("eager", on=["LoanApplied", "LoanOpened", "RepaymentReceived", "PurchaseMade"])
"""Looks at purchases too, which the packaged policy does not."""


def known_at_purchase(monkeypatch: pytest.MonkeyPatch, *more: Entry, crashed: bool = False) -> float | None:
    """What rules are told at a purchase of day 66; with `crashed`, after the publications of its batch were stored."""
    bought_then = bought("c1", 66)
    log = in_order(poor("c1"), ticks(0, 66), bought_then, [*more])
    event = int(np.frombuffer(bought_then[2][32:40], dtype="<u8")[0])
    return columns(monkeypatch, log, crashed=crashed).get(event)


def of_tenant(made: LendingPolicy, tenant: str) -> LendingPolicy:
    return msgspec.structs.replace(made, tenant=tenant)


def test_rules_are_told_where_the_policy_in_force_looks_at_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_at_purchase(monkeypatch, published(30, EAGER)) is not None
    assert known_at_purchase(monkeypatch) is None


@pytest.mark.parametrize(
    "entry",
    [
        published(30, of_tenant(EAGER, "other")),
        published(30, EAGER, start=80),
        published(30, EAGER, mode="shadow"),
        published(67, EAGER),
    ],
    ids=["of another institution", "not yet in force", "in shadow", "published after the entry"],
)
def test_rules_are_not_told_for_a_policy_that_does_not_decide_there(
    monkeypatch: pytest.MonkeyPatch, entry: Entry
) -> None:
    assert known_at_purchase(monkeypatch, entry) is None


def test_a_publication_that_was_stored_before_a_crash_tells_no_earlier_entry_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert known_at_purchase(monkeypatch, published(66.5, EAGER), crashed=True) is None
    assert known_at_purchase(monkeypatch, published(65.5, EAGER), crashed=True) is not None


def test_a_tick_that_moves_no_time_changes_nothing() -> None:
    log = [each for entry in LOG for each in (entry, (entry[0], None, pack_tick(0)))]
    run = Run().feed(log)
    assert [each.action_id for each in run.actions] == [each.action_id for each in Run().feed(LOG).actions]

"""Published policies in the fold: each application names one version, by its place in the journal, whatever the cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_journal import unshadowed
from policy_entries import at, policy, published

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.partition import Partition, open_partition
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingbook import NO_LENDING, LendingBook, packaged_book
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.policy.shelf import POLICY_PREFIX
from riskwatch.streams import events
from riskwatch.streams.decisions import encode_decision
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import encode_output
from riskwatch.streams.packing import BadEntry, customer_key, pack_broadcast, pack_entry, pack_tick, to_ms

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
PROGRAM = Program(LAYOUT, compile_rules(base_policy(), LAYOUT.names), {}, packaged_book())
Log = list[tuple[bytes | None, bytes]]


def applied(number: int, minutes: float, tenant: str = "bank", ingested: float | None = None) -> tuple[bytes, bytes]:
    """An application that is ingested the minute it is made, unless said otherwise."""
    event = events.LoanApplied(
        event_id=f"apply-{number}", tenant=tenant, customer_id=f"c{number}", occurred_at=at(minutes),
        application_id=f"a-{number}", product="cash-instalments", amount=1_000_000, currency="CNY", term_months=12,
        declared=events.Declared(
            monthly_income=1_800_000, employment="employed", employed_months=72, monthly_debt_service=100_000,
            birth_date=datetime(1988, 1, 1, tzinfo=UTC).date(),
        ),
        bureau=events.Bureau(score=735, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1),
    )  # fmt: skip
    value = pack_entry(
        event, source_topic=0, source_partition=0, source_offset=number, source_at=1,
        ingested_at=to_ms(at(minutes if ingested is None else ingested)), zone_of={}, secret=b"k" * 16,
    )  # fmt: skip
    return customer_key(tenant, event.customer_id), value


class Run:
    """A partition that is fed batch by batch; `restart` reads it anew from its rows."""

    def __init__(self, program: Program = PROGRAM) -> None:
        self.program = program
        self.store = MemoryPartition()
        self.partition: Partition = open_partition(0, self.store)
        self.batches: list[Folded] = []
        self.end = 0

    def feed(self, log: Log, *cuts: int) -> Run:
        for first, last in pairwise([0, *cuts, len(log)]):
            part = log[first:last]
            offsets = list(range(self.end, self.end + len(part)))
            folded = fold(
                self.program, self.partition, [key for key, _ in part], [value for _, value in part], offsets, NOW
            )
            self.store.write(folded.rows, None)
            folded.settle(self.partition)
            self.batches.append(folded)
            self.end += len(part)
        return self

    def restart(self) -> Run:
        self.partition = open_partition(0, self.store)
        return self

    @property
    def names(self) -> list[str]:
        """The policies that decided, in journal order."""
        return [trail.decision.policy for folded in self.batches for trail in folded.decisions]

    @property
    def shadows(self) -> list[tuple[str, str]]:
        trails = [trail.decision for folded in self.batches for trail in folded.shadow_decisions]
        return [(each.application_id, each.policy) for each in trails]

    @property
    def rows(self) -> dict[bytes, bytes]:
        """Every row; reserved ones without their watermark, which counts batches."""
        return {key: value[8:] if key[:1] == b"\x00" else value for key, value in self.store.scan()}


LOG: Log = [
    applied(1, 0),
    published(1, "new"),
    applied(2, 2),
    published(3, "later", start=7),
    applied(3, 4),
    (None, pack_tick(to_ms(at(5)))),
    applied(4, 6.9),
    applied(5, 7),
    published(8, "new", start=9, rolls_back=policy("later").version),
    applied(6, 8.5),
    applied(7, 10),
]
DECIDED = ["cash-instalments", "new", "new", "new", "later", "later", "new"]


def test_a_policy_decides_from_its_entry_and_its_instant_on() -> None:
    run = Run().feed(LOG)
    assert run.names == DECIDED
    outcomes = [trail.decision.outcome for trail in run.batches[0].decisions]
    assert outcomes == ["approve", *["refer"] * 6]


def test_a_decision_names_the_version_that_was_published() -> None:
    trail = Run().feed(LOG[:3]).batches[0].decisions[1]
    assert trail.decision.policy_version == policy("new").version


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(1, len(LOG) - 1)))
def test_what_decides_does_not_depend_on_how_the_log_is_cut(cuts: set[int]) -> None:
    run = Run().feed(LOG, *sorted(cuts))
    assert run.names == DECIDED
    assert run.rows == Run().feed(LOG).rows


@pytest.mark.parametrize("cut", range(1, len(LOG)))
def test_a_restart_goes_on_as_if_there_had_been_none(cut: int) -> None:
    run = Run().feed(LOG[:cut]).restart().feed(LOG[cut:])
    assert run.names == DECIDED


def test_an_application_that_waits_to_be_ingested_is_decided_by_the_instant_of_its_ingestion() -> None:
    log = [published(1, "new", start=5), applied(1, 0, ingested=5), applied(2, 9, ingested=4)]
    assert Run().feed(log).names == ["new", "cash-instalments"]


def test_what_a_later_entry_published_decides_nothing_before_it_though_it_is_in_force() -> None:
    # The application is ingested at minute 2, the policy published at minute 1, and the journal has them the other way.
    assert Run().feed([applied(1, 2), published(1, "new")]).names == ["cash-instalments"]


def test_a_crash_after_the_policy_s_row_was_written_does_not_let_it_decide_what_came_before() -> None:
    log = [applied(1, 2), published(1, "new"), applied(2, 3)]
    lost = Run().feed(log)
    rows = [row for row in lost.batches[0].rows if row[0].startswith(POLICY_PREFIX)]
    assert len(rows) == 1
    again = Run()
    again.store.write(rows, None)  # the only one of the batch's rows that the changelog got
    assert again.restart().feed(log).names == ["cash-instalments", "new"]


def test_a_publication_that_comes_twice_counts_once() -> None:
    log = [published(1, "new"), applied(1, 2), published(3, "newer"), applied(2, 4), published(1, "new"), applied(3, 5)]
    assert Run().feed(log).names == ["new", "newer", "newer"]


def test_a_policy_for_every_institution_decides_where_there_is_no_own() -> None:
    log = [published(1, "every", tenant="*"), published(1, "own"), applied(1, 2), applied(2, 2, tenant="other")]
    assert Run().feed(log).names == ["own", "every"]


def test_with_lending_off_publications_decide_nothing_and_are_remembered() -> None:
    run = Run(replace(PROGRAM, lending=NO_LENDING)).feed(LOG)
    assert run.names == []
    assert sum(key.startswith(POLICY_PREFIX) for key in run.rows) == 3


def test_an_entry_that_publishes_nothing_that_can_decide_is_refused() -> None:
    with pytest.raises(BadEntry, match="journal entry 0 publishes no policy that can decide"):
        Run().feed([(None, pack_broadcast(Kind.POLICY_PUBLISHED, 0, b"{}"))])


# ---------------------------------------------------------------------------------------------------- in shadow


def outputs(run: Run) -> list[list[bytes]]:
    """Everything that goes out but for what goes to shadow-decisions."""
    return [
        [
            *map(encode_output, folded.alerts), *map(encode_output, folded.examples),
            *map(encode_decision, folded.decisions),
        ]
        for folded in run.batches
    ]  # fmt: skip


def test_a_shadow_is_assessed_beside_what_decides_and_has_ids_of_its_own() -> None:
    log = [published(1, "try", mode="shadow"), published(1, "also", mode="shadow"), applied(1, 2)]
    run = Run().feed(log)
    assert run.names == ["cash-instalments"]
    assert sorted(run.shadows) == [("a-1", "also"), ("a-1", "try")]
    (live,), shadows = run.batches[0].decisions, run.batches[0].shadow_decisions
    assert len({live.decision.decision_id, *(each.decision.decision_id for each in shadows)}) == 3
    assert all(each.decision.shadow and each.inputs == live.inputs for each in shadows)


def test_a_withdrawn_shadow_is_assessed_no_more() -> None:
    log = [published(1, "try", mode="shadow"), applied(1, 2), published(3, "try", mode="withdrawn"), applied(2, 4)]
    assert Run().feed(log).shadows == [("a-1", "try")]


@pytest.mark.parametrize("cuts", [(), (2, 5), tuple(range(1, len(LOG)))])
def test_nothing_acts_on_the_worker_s_shadows(cuts: tuple[int, ...]) -> None:
    without = Run().feed(LOG, *cuts)
    beside = Run(replace(PROGRAM, shadows=LendingBook([policy("try")]))).feed(LOG, *cuts)
    assert len(beside.shadows) == 7
    assert outputs(beside) == outputs(without)
    assert unshadowed(beside.rows) == without.rows
    assert [folded.counts for folded in beside.batches] == [folded.counts for folded in without.batches]


def test_nothing_acts_on_published_shadows() -> None:
    # The same journal but for the entry of the shadow, in whose place a tick of a time gone by says nothing.
    said = [published(0, "try", mode="shadow"), *LOG]
    unsaid = [(None, pack_tick(0)), *LOG]
    beside, without = Run().feed(said), Run().feed(unsaid)
    assert len(beside.shadows) == 7
    assert outputs(beside) == outputs(without)
    rows = unshadowed(beside.rows)
    shadow_rows = {key for key in rows if key not in without.rows}
    assert len(shadow_rows) == 1
    assert {key: value for key, value in rows.items() if key not in shadow_rows} == without.rows


def test_a_shadow_that_raises_is_told_and_the_decision_beside_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    from riskwatch.agents import deciding

    real = deciding.assess

    def planted(own: LendingPolicy, *given: Any) -> Any:
        if own.name == "try":
            raise ZeroDivisionError("planted")
        return real(own, *given)

    monkeypatch.setattr(deciding, "assess", planted)
    run = Run(replace(PROGRAM, shadows=LendingBook([policy("try")]))).feed([applied(1, 2)])
    assert (run.names, run.shadows) == (["cash-instalments"], [])
    assert [(each.rule, each.offset) for each in run.batches[0].failures] == [("shadow:try", 0)]


def test_a_shadow_is_assessed_where_nothing_decides_too() -> None:
    other = LendingBook(each for each in packaged_book().policies if each.product != "cash-instalments")
    run = Run(replace(PROGRAM, lending=other, shadows=LendingBook([policy("try")]))).feed([applied(1, 2)])
    assert (run.names, run.shadows, run.batches[0].counts.without_policy) == ([], [("a-1", "try")], 1)

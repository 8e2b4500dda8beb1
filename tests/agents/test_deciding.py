"""Applications in the fold: one decision each, the same however the log is cut, from what was known at their place."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.partition import open_partition
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.lendingbook import NO_LENDING, LendingBook, packaged_book
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.streams import events
from riskwatch.streams.decisions import DecisionTrail, decode_trail, encode_decision
from riskwatch.streams.packing import customer_key, pack_entry, pack_tick, to_ms

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
RULES = compile_rules(base_policy(), LAYOUT.names)


def program(book: LendingBook | None = None) -> Program:
    return Program(LAYOUT, RULES, {}, packaged_book() if book is None else book)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def applied(number: int = 1, minutes: float = 0, customer: str = "c1", **fields: Any) -> events.LoanApplied:
    given = {
        "event_id": f"apply-{customer}-{number}", "tenant": "bank", "customer_id": customer, "occurred_at": at(minutes),
        "application_id": f"a-{customer}-{number}", "product": "cash-instalments", "amount": 1_000_000,
        "currency": "CNY", "term_months": 12,
        "declared": events.Declared(
            monthly_income=1_800_000, employment="employed", employed_months=72, monthly_debt_service=100_000,
            birth_date=date(1988, 1, 1),
        ),
        "bureau": events.Bureau(score=735, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1),
    } | fields  # fmt: skip
    return events.LoanApplied(**given)


def opened(minutes: float, due: date, amount: int = 100_000, loan: str = "l1") -> events.LoanOpened:
    return events.LoanOpened(
        event_id=f"open-{loan}", tenant="bank", customer_id="c1", occurred_at=at(minutes), loan_id=loan,
        product="cash-instalments", principal=amount, currency="CNY",
        schedule=[events.Instalment(number=1, due_on=due, amount=amount)],
    )  # fmt: skip


def entry(event: Any, offset: int) -> tuple[bytes, bytes]:
    value = pack_entry(
        event, source_topic=0, source_partition=0, source_offset=offset, source_at=1 + offset, ingested_at=0,
        zone_of={}, secret=b"k" * 16,
    )  # fmt: skip
    return customer_key(event.tenant, event.customer_id), value


def log_of(*given: Any) -> list[tuple[bytes | None, bytes]]:
    """Events, and datetimes for ticks."""
    return [
        (None, pack_tick(to_ms(each))) if isinstance(each, datetime) else entry(each, number)
        for number, each in enumerate(given)
    ]


def run(
    log: list[tuple[bytes | None, bytes]], *cuts: int, book: LendingBook | None = None
) -> tuple[list[DecisionTrail], list[Folded]]:
    running, partition = program(book), open_partition(0, MemoryPartition())
    trails, batches = [], []
    for start, end in pairwise([0, *cuts, len(log)]):
        part = log[start:end]
        folded = fold(running, partition, [k for k, _ in part], [v for _, v in part], list(range(start, end)), NOW)
        partition.store.write(folded.rows, end)
        folded.settle(partition)
        trails += folded.decisions
        batches.append(folded)
    return trails, batches


def only(log: list[tuple[bytes | None, bytes]]) -> DecisionTrail:
    ((trail,), _) = run(log)
    return trail


def test_an_application_is_decided_with_reasons_plan_and_trail() -> None:
    trail = only(log_of(applied()))
    decision = trail.decision
    assert (decision.outcome, decision.grade, decision.amount) == ("approve", "A", 1_000_000)
    assert sum(line.principal for line in decision.plan) == 1_000_000
    assert (decision.cause.event_id, decision.cause.offset, decision.decided_at) == ("apply-c1-1", 0, NOW)
    assert decision.occurred_at == START
    assert trail.inputs["declared.age_years"] == 38
    assert {part.characteristic for part in trail.parts} >= {"age", "bureau-score"}
    assert len(trail.rules) > 15
    assert decode_trail(encode_decision(trail)) == trail


def test_features_of_the_application_s_own_place_decide() -> None:
    emulator = events.DeviceSeen(
        event_id="d1", tenant="bank", customer_id="c1", occurred_at=at(-10), device_id="d", emulator=True
    )
    trail = only(log_of(emulator, applied()))
    assert (trail.decision.outcome, trail.decision.reasons[0].code) == ("refer", "device-unsafe")
    assert trail.inputs["behaviour.emulator_count_30d"] == 1
    assert only(log_of(applied(), msgspec.structs.replace(emulator, occurred_at=at(10)))).decision.outcome == "approve"


def test_the_own_record_is_that_of_the_application_s_place() -> None:
    late = opened(-60 * 24 * 60, date(2026, 2, 1))
    trail = only(log_of(late, applied()))
    # 1 February to 2 March is 29 days.
    assert trail.inputs["own.max_dpd"] == 29
    assert (trail.decision.outcome, trail.decision.reasons[0].code) == ("decline", "delinquency-own")
    paid = events.RepaymentReceived(
        event_id="p1", tenant="bank", customer_id="c1", occurred_at=at(5), loan_id="l1", amount=100_000, currency="CNY"
    )
    after, again = run(log_of(late, applied(), paid, applied(2, 10)))[0]
    assert (after.decision.outcome, again.decision.outcome) == ("decline", "approve")
    assert again.inputs["own.settled_loans"] == 1


def test_entries_that_ticks_make_before_it_do_not_move_an_application() -> None:
    log = log_of(
        opened(-60 * 24 * 60, date(2026, 2, 1)),
        applied(1, -30 * 24 * 60 + 1, "c2"),
        START,
        applied(2),
        applied(3, 1, "c3"),
    )
    trails, _ = run(log)
    assert [trail.decision.application_id for trail in trails] == ["a-c2-1", "a-c1-2", "a-c3-3"]
    assert [trail.decision.customer_id for trail in trails] == ["c2", "c1", "c3"]
    assert trails[1].inputs["behaviour.application_count_30d"] == 1


def told(trails: list[DecisionTrail]) -> list[bytes]:
    return [encode_decision(trail) for trail in trails]


def test_decisions_do_not_depend_on_how_the_log_is_cut() -> None:
    log = log_of(
        opened(-60 * 24 * 60, date(2026, 2, 1)), applied(1, -10), at(-5), applied(2, 0), applied(3, 1, "c2"), at(5),
        applied(4, 6, "c2", product="consumer-credit", amount=8_000_000, term_months=36), applied(5, 7, "c3"),
    )  # fmt: skip
    whole, _ = run(log)
    assert len(whole) == 5
    for cuts in ([1], [2, 3], list(range(1, len(log)))):
        assert told(run(log, *cuts)[0]) == told(whole)


def test_a_repeated_application_is_decided_once() -> None:
    trails, _ = run(log_of(applied(), applied(), applied()))
    assert len(trails) == 1


def test_without_a_policy_for_it_an_application_is_counted_and_not_decided() -> None:
    only_cash = LendingBook(policy for policy in packaged_book().policies if policy.product == "cash-instalments")
    trails, (folded,) = run(log_of(applied(), applied(2, 1, product="consumer-credit")), book=only_cash)
    assert (len(trails), folded.counts.without_policy) == (1, 1)
    trails, (folded,) = run(log_of(applied(currency="EUR")))
    assert (trails, folded.counts.without_policy) == ([], 1)
    trails, (folded,) = run(log_of(applied()), book=NO_LENDING)
    assert (trails, folded.counts.without_policy) == ([], 0)


@pytest.mark.parametrize("field", ["declared", "bureau"])
def test_what_is_not_known_of_an_applicant_refers_or_costs_points(field: str) -> None:
    trail = only(log_of(applied(**{field: None})))
    if field == "declared":  # the age is not known: a legal bar that cannot be judged
        assert (trail.decision.outcome, trail.decision.reasons[0].code) == ("refer", "application-incomplete")
    else:
        assert next(part.bin for part in trail.parts if part.characteristic == "bureau-score") == "unknown"

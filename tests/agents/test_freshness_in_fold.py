"""The gate in the fold: an outage of repayments is never read as mass default; what is true is reported after it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs
from outages import BACK, BEGIN, DEFAULTERS, GATED, HELD_FROM, OPEN, PAYERS, late, life, log_of, login, operational
from shared_journal import LAYOUT, NOW, RULES, Log, refold

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.outgoing import outputs_of
from riskwatch.agents.partition import open_partition
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.freshness import Freshness
from riskwatch.streams import events, topics
from riskwatch.streams.operational import FeedFresh, FeedStale, decode_operational
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import to_ms


def folded(program: Program, log: Log, *cuts: int) -> list[Folded]:
    return refold(program, log, *cuts)[0]


def warned(batches: Iterable[Folded]) -> set[str]:
    """Customers whom an early warning about an overdue instalment names."""
    return {alert.customer_id for alert in overdue_alerts(batches)}


def overdue_alerts(batches: Iterable[Folded]) -> list[Alert]:
    return [alert for each in batches for alert in each.alerts if alert.rule == "instalment-overdue"]


DEFAULTED = {f"bank-{n}" for n in range(PAYERS, PAYERS + DEFAULTERS)}
EVERYBODY = {f"bank-{n}" for n in range(PAYERS + DEFAULTERS)}


@pytest.fixture(scope="module")
def outage() -> Log:
    return log_of(late(life()))


def test_after_an_outage_only_those_are_warned_of_who_did_not_pay(outage: Log) -> None:
    assert warned(folded(GATED, outage)) == DEFAULTED


def test_without_the_gate_everybody_is(outage: Log) -> None:
    assert warned(folded(OPEN, outage)) == EVERYBODY


def test_payments_that_come_in_time_leave_the_gate_open() -> None:
    batches = folded(GATED, log_of(life()))
    assert operational(batches) == []
    assert warned(batches) == DEFAULTED


def test_nothing_is_derived_while_it_is_shut_and_all_at_its_own_instant_afterwards(outage: Log) -> None:
    batches = folded(GATED, outage, *range(1, len(outage)))
    until = next(at for at, each in enumerate(batches) if any(isinstance(r, FeedFresh) for r in each.operational))
    since = next(at for at, each in enumerate(batches) if any(isinstance(r, FeedStale) for r in each.operational))
    assert sum(each.counts.derived for each in batches[since:until]) == 0
    assert sum(each.counts.derived for each in batches[until:]) == 3 * DEFAULTERS  # a roll, steps of one and three days
    (reached,) = {alert.occurred_at for alert in overdue_alerts(batches)}
    assert reached == BEGIN + timedelta(days=12)
    assert reached < BACK


def test_the_outage_is_told_at_its_beginning_and_end_under_one_id(outage: Log) -> None:
    stale, fresh = operational(folded(GATED, outage))
    assert isinstance(stale, FeedStale)
    assert isinstance(fresh, FeedFresh)
    assert stale.outage_id == fresh.outage_id
    assert (stale.tenant, stale.feed, stale.partition) == ("bank", "repayments", 0)
    assert stale.since == fresh.since == HELD_FROM
    assert HELD_FROM + timedelta(hours=6) < stale.found_at <= HELD_FROM + timedelta(hours=36)
    assert stale.behind_seconds > stale.limit_seconds == 6 * 3600
    assert stale.expected > 5
    assert BACK < fresh.until <= BACK + timedelta(hours=2)
    assert fresh.held_looks >= PAYERS + DEFAULTERS


def test_it_goes_to_its_topic_keyed_by_institution(outage: Log) -> None:
    both = [items for each in folded(GATED, outage) for items in outputs_of(each).get(topics.OPERATIONAL_ALERTS, [])]
    assert [key for key, *_ in both] == [b"bank", b"bank"]
    assert [type(decode_operational(value)) for _, value, *_ in both] == [FeedStale, FeedFresh]


def test_a_backlog_in_bursts_opens_the_gate_only_when_it_is_all_in() -> None:
    bursts = [BACK + timedelta(hours=hours) for hours in (0, 1, 2, 3)]
    batches = folded(GATED, log_of(late(life(), bursts=bursts)))
    assert warned(batches) == DEFAULTED
    _, fresh = operational(batches)
    assert bursts[-1] < fresh.until <= bursts[-1] + timedelta(hours=2)


def test_a_quiet_institution_is_not_held() -> None:
    said = [each for each in late(life()) if not isinstance(each[1], events.LoginSucceeded) or each[0] < HELD_FROM]
    few = [(at, login(90_000 + n, at, "bank")) for n in range(8) for at in [HELD_FROM + timedelta(hours=12 * n)]]
    batches = folded(GATED, log_of([*said, *few]))
    assert operational(batches) == []
    assert warned(batches) >= DEFAULTED


def test_only_the_institution_in_question_is_held() -> None:
    said = [*late(life("bank", days=12.5)), *life("shop", days=12.5)]
    batches = folded(GATED, log_of(said))
    assert {record.tenant for record in operational(batches)} == {"bank"}
    assert warned(batches) == {f"shop-{n}" for n in range(PAYERS, PAYERS + DEFAULTERS)}


def test_an_institution_can_turn_it_off(outage: Log) -> None:
    off = Program(LAYOUT, RULES, {}, freshness=Freshness(of={"bank": 0}))
    assert warned(folded(off, outage)) == EVERYBODY
    others = Program(LAYOUT, RULES, {}, freshness=Freshness(of={"shop": 0}))
    assert warned(folded(others, outage)) == DEFAULTED


def test_accounts_that_are_held_are_spread_and_cost_each_tick_little() -> None:
    log = log_of(late(life(days=12)), minutes=5)
    batches = folded(GATED, log, *range(1, len(log)))
    shut = [each.counts.held for each in batches if each.partition_row.feeds["bank"].stale_ms and each.counts.ticks]
    assert max(shut[len(shut) // 2 :]) < (PAYERS + DEFAULTERS) * 0.8
    assert sum(shut[len(shut) // 2 :]) > 0


def test_however_the_batches_are_cut_the_same_comes_out(outage: Log) -> None:
    whole, rows = refold(GATED, outage)
    for size in (1, 7):
        cut, cut_rows = refold(GATED, outage, *range(size, len(outage), size))
        assert cut_rows == rows
        assert operational(cut) == operational(whole)
        assert [a for each in cut for a in each.alerts] == [a for each in whole for a in each.alerts]


def test_several_institutions_at_once_are_cut_alike() -> None:
    log = log_of([*late(life("bank")), *life("shop")])
    whole, rows = refold(GATED, log)
    cut, cut_rows = refold(GATED, log, *range(5, len(log), 5))
    assert cut_rows == rows
    assert operational(cut) == operational(whole)


@pytest.mark.parametrize("at_hours", [9 * 24, 11 * 24, 13 * 24 + 3])
def test_a_worker_that_is_killed_and_restored_goes_on_as_if_nothing_had_been(outage: Log, at_hours: int) -> None:
    """The batch's customers are partly written, the partition's own row is not: the batch comes again."""
    _, rows = refold(GATED, outage)
    begin = next(n for n, (_, value) in enumerate(outage) if to_ms(BEGIN) + at_hours * 3_600_000 <= _event_ms(value))
    end = begin + 60
    partition = open_partition(0, MemoryPartition())
    _through(partition, outage, 0, begin)
    torn = _fold(partition, outage, begin, end)
    customers = [row for row in torn.rows if row[0] != PARTITION_KEY]
    partition.store.write(customers[: len(customers) // 2], None)
    restored = open_partition(0, partition.store)
    assert restored.row.feeds == partition.row.feeds
    again = _fold(restored, outage, begin, end)
    assert again.partition_row.watermark == torn.partition_row.watermark
    assert _without_held(again) == _without_held(torn)
    restored.store.write(again.rows, None)
    again.settle(restored)
    _through(restored, outage, end, len(outage))
    held = dict(restored.store.scan())
    assert {key: value for key, value in held.items() if key[:1] != b"\0"} == {
        key: value for key, value in rows.items() if key[:1] != b"\0"
    }


def _without_held(made: Folded) -> Any:
    return {tenant: structs.replace(feed, held=0) for tenant, feed in made.partition_row.feeds.items()}


def _event_ms(value: bytes) -> int:
    return int.from_bytes(value[:8], "little")


def _fold(partition: Any, log: Log, begin: int, end: int) -> Folded:
    part = log[begin:end]
    return fold(GATED, partition, [k for k, _ in part], [v for _, v in part], list(range(begin, end)), NOW)


def _through(partition: Any, log: Log, begin: int, end: int) -> None:
    made = _fold(partition, log, begin, end)
    partition.store.write(made.rows, None)
    made.settle(partition)

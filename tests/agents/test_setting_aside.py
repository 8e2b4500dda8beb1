"""One customer for whom a tick cannot be folded does not stop time for the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from collected import JUNE, collecting
from shared_journal import NOW, entry

from riskwatch.agents.collectionsdesk import CollectionsDesk
from riskwatch.agents.fold import fold
from riskwatch.agents.partition import Partition
from riskwatch.agents.settingaside import fold_apart, raising
from riskwatch.agents.store import MemoryPartition
from riskwatch.streams import events
from riskwatch.streams.packing import pack_tick, split_key, to_ms

BAD = b"bank/c3"


def opened(customer: str) -> events.LoanOpened:
    return events.LoanOpened(
        event_id=f"open-{customer}", tenant="bank", customer_id=customer, occurred_at=JUNE, loan_id=f"loan-{customer}",
        product="cash-instalments", principal=100_000, currency="CNY",
        schedule=[events.Instalment(number=1, due_on=JUNE.date() + timedelta(days=20), amount=100_000)],
    )  # fmt: skip


def partition_of_eight() -> Partition:
    partition = Partition(0, MemoryPartition())
    log = [entry(opened(f"c{number}"), number) for number in range(8)]
    folded = fold(collecting(), partition, [k for k, _ in log], [v for _, v in log], list(range(8)), NOW)
    partition.store.write(folded.rows, None)
    folded.settle(partition)
    return partition


def tick(days: float) -> bytes:
    return pack_tick(to_ms(JUNE + timedelta(days=days)))


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = CollectionsDesk.decide

    def decide(self: Any, occasion: Any, *rest: Any) -> None:
        if occasion.key == BAD and occasion.event is None:  # at ticks alone
            raise ZeroDivisionError("a defect")
        sound(self, occasion, *rest)

    monkeypatch.setattr(CollectionsDesk, "decide", decide)


def reminded(folded: Any) -> set[str]:
    return {each.customer_id for each in folded.collections}


@pytest.mark.usefixtures("defect")
def test_the_others_are_told_the_time_and_the_one_is_looked_at_again_a_day_later() -> None:
    partition = partition_of_eight()
    value, at_ms = tick(18.5), to_ms(JUNE + timedelta(days=18.5))
    with pytest.raises(ZeroDivisionError):
        fold(collecting(), partition, [None], [value], [8], NOW)
    apart = fold_apart(collecting(), partition, value, 8, NOW)
    assert apart is not None
    folded, aside = apart
    assert aside == [BAD]
    assert reminded(folded) == {f"c{number}" for number in range(8)} - {split_key(BAD)[1]}
    assert folded.partition_row.clock == at_ms
    before = partition.store.get_many([BAD])[0]
    partition.store.write(folded.rows, None)
    folded.settle(partition)
    assert BAD not in partition.timers.due(at_ms + 86_400_000 - 1)
    assert BAD in partition.timers.due(at_ms + 86_400_000)
    after = partition.store.get_many([BAD])[0]
    assert before is not None
    assert after is not None
    assert after[20:] == before[20:], "its state is as it was, but for watermark and look"


def test_a_tick_that_nobody_hinders_folds_whole() -> None:
    partition = partition_of_eight()
    whole = fold(collecting(), partition, [None], [tick(18.5)], [8], NOW)
    apart = fold_apart(collecting(), partition, tick(18.5), 8, NOW)
    assert apart is not None
    assert apart[1] == []
    assert apart[0].rows == whole.rows


def test_an_entry_that_is_no_tick_is_not_taken_apart() -> None:
    _, value = entry(opened("c9"), 8)
    assert fold_apart(collecting(), partition_of_eight(), value, 8, NOW) is None
    assert fold_apart(collecting(), partition_of_eight(), b"nothing", 8, NOW) is None


def test_all_who_raise_are_found_in_few_tries() -> None:
    keys = [f"k{number:04d}".encode() for number in range(1_000)]
    bad, tries = {keys[3], keys[500], keys[999]}, 0

    def raises(some: Any) -> bool:
        nonlocal tries
        tries += 1
        return bool(bad & set(some))

    assert raising(keys, raises) == sorted(bad)
    assert tries < 70

"""What a fold does with entries that come again: by a publisher's retry, a crash of ingest, or a batch half stored; and
with what a tick makes at the very start of a batch."""

from datetime import UTC, datetime, timedelta

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Program
from riskwatch.agents.partition import open_partition
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.streams.events import Instalment, LoanOpened, PurchaseMade
from riskwatch.streams.packing import customer_key, pack_entry, pack_tick, to_ms

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
PROGRAM = Program(LAYOUT, compile_rules(base_policy(), LAYOUT.names), {})


def purchase(number, customer, source_offset):
    event = PurchaseMade(
        event_id=f"p{number}", tenant="acme", customer_id=customer, occurred_at=NOW + timedelta(minutes=number),
        amount=1_000, currency="EUR", terminal_id="t1",
    )  # fmt: skip
    return entry(event, source_offset)


def entry(event, source_offset, source_topic=3):
    value = pack_entry(
        event, source_topic=source_topic, source_partition=0, source_offset=source_offset, source_at=1 + source_offset,
        ingested_at=0, zone_of={}, secret=b"k" * 16,
    )  # fmt: skip
    return customer_key(event.tenant, event.customer_id), value


def fold_part(partition, log, start, end):
    return fold(
        PROGRAM, partition, [k for k, _ in log[start:end]], [v for _, v in log[start:end]], list(range(start, end)), NOW
    )


def fold_all(log, size, partition=None):
    partition = open_partition(0, MemoryPartition()) if partition is None else partition
    examples = []
    for start in range(0, len(log), size):
        folded = fold_part(partition, log, start, min(start + size, len(log)))
        partition.store.write(folded.rows, start)
        folded.settle(partition)
        examples += folded.examples
    return partition, examples


def customers(partition):
    return {key: value for key, value in partition.store.scan() if key[:1] != b"\x00"}


def test_a_repeat_that_ends_a_batch_leaves_the_same_row_however_the_log_is_cut():
    log = [purchase(1, "c1", 0), purchase(1, "c1", 1), purchase(1, "c1", 1)]
    assert customers(fold_all(log, 1)[0]) == customers(fold_all(log, 3)[0])


def torn(log, stored):
    """The store after a crash in the middle of the changelog: of the batch's rows, all of the partition's predictions
    and the customers in `stored`, and not the row that says how far the partition is.
    """
    partition = open_partition(0, MemoryPartition())
    rows = fold_part(partition, log, 0, len(log)).rows
    kept = [(key, value) for key, value in rows if (key[:1] == b"\x00" and key != PARTITION_KEY) or key in stored]
    partition.store.write(kept, 0)
    return open_partition(0, partition.store)


def test_predictions_of_customers_that_were_stored_before_a_crash_keep_their_label_to_come():
    log = [purchase(1, "c1", 0), purchase(2, "c2", 1)]
    tick = (None, pack_tick(to_ms(NOW + timedelta(days=9))))
    _, examples = fold_all([*log, tick], 2, torn(log, {b"acme/c2"}))
    assert sorted(example.customer_id for example in examples) == ["c1", "c2"]


def test_a_tick_that_was_applied_before_a_crash_is_not_applied_to_what_came_after_it():
    loan = LoanOpened(
        event_id="l1", tenant="acme", customer_id="c1", occurred_at=NOW, loan_id="l1", product="cash-instalments",
        principal=1_000, currency="EUR",
        schedule=[Instalment(number=1, due_on=NOW.date() - timedelta(days=20), amount=1_000)],
    )  # fmt: skip
    log = [purchase(1, "c1", 0), (None, pack_tick(to_ms(NOW))), entry(loan, 0, 4)]
    partition, _ = fold_all(log, 3, torn(log, {b"acme/c1"}))
    assert customers(partition) == customers(fold_all(log, 3)[0])


def test_a_purchase_after_a_tick_that_opens_the_batch_and_finds_something_overdue_is_folded():
    loan = LoanOpened(
        event_id="l1", tenant="acme", customer_id="c1", occurred_at=NOW, loan_id="l1", product="cash-instalments",
        principal=1_000, currency="EUR",
        schedule=[Instalment(number=1, due_on=NOW.date() - timedelta(days=20), amount=1_000)],
    )  # fmt: skip
    log = [entry(loan, 0, 4), (None, pack_tick(to_ms(NOW))), purchase(1, "c1", 0)]
    partition, _ = fold_all(log[:1], 1)
    folded = fold_part(partition, log, 1, 3)
    assert folded.counts.derived > 0
    assert len(folded.kept) == 3, "the purchase, and the loan at 3 and at 15 days past due"

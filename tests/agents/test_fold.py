"""The laws of the fold: one log gives one state and one set of alerts, however it is cut, partitioned or repeated."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Program
from riskwatch.agents.partition import open_partition
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.lab.portfolio import simulate
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.scoring.inputs import TRANSACTION_FRAUD_INPUTS
from riskwatch.scoring.linear import LinearModel, encode_model
from riskwatch.streams import events
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import BadEntry, customer_key, pack_broadcast, pack_entry, pack_tick, partition_of, to_ms

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
RULES = compile_rules(base_policy(), LAYOUT.names)
PROGRAM = Program(LAYOUT, RULES, {})
HOUR = 3_600_000


def packed(event, offset=0, source=3):
    value = pack_entry(
        event, source_topic=source, source_partition=0, source_offset=offset, source_at=1 + offset, ingested_at=0,
        zone_of={}, secret=b"k" * 16,
    )  # fmt: skip
    return customer_key(event.tenant, event.customer_id), value


def run(log, cuts=(), partition=None):
    """Folds a log [(key, value)] in batches; → (rows without watermarks, alerts, examples, partition)."""
    partition = partition or open_partition(0, MemoryPartition())
    alerts, examples = [], []
    bounds = [0, *sorted(cuts), len(log)]
    for start, end in pairwise(bounds):
        folded = fold(
            PROGRAM,
            partition,
            [k for k, _ in log[start:end]],
            [v for _, v in log[start:end]],
            list(range(start, end)),
            NOW,
        )
        partition.store.write(folded.rows, end)
        folded.settle(partition)
        alerts += folded.alerts
        examples += folded.examples
    return dict(partition.store.scan()), alerts, examples, partition


@pytest.fixture(scope="module")
def log():
    """Some thousand entries of a simulated portfolio, with a tick every six hours of event time."""
    portfolio = simulate(Random(5), customers=60, days=70)
    made, tick = [], 0
    for number, event in enumerate(islice(portfolio.events(), 6000)):
        at = to_ms(event.occurred_at) // (6 * HOUR) * (6 * HOUR)
        if at > tick:
            tick = at
            made.append((None, pack_tick(at)))
        made.append(packed(event, number))
    return made


def ids(alerts):
    return sorted((alert.alert_id, alert.rule, alert.shadow) for alert in alerts)


def states(rows):
    """Customers' rows without their watermark, which counts offsets of one partition."""
    return {key: value[8:] for key, value in rows.items() if key[:1] != b"\x00"}


def comparable(rows):
    """Customers' rows byte for byte; the partition's own without the watermark (that of their batch) and the cut of
    blobs.
    """
    return {
        key: value if key[:1] != b"\x00" else value[8:]
        for key, value in rows.items()
        if not key.startswith(b"\x00pending")
    }


def test_the_log_of_the_portfolio_raises_alerts_of_several_rules(log):
    _, alerts, _, _ = run(log)
    assert len({alert.rule for alert in alerts}) >= 4


def test_state_and_alerts_do_not_depend_on_how_the_log_is_cut(log):
    rows, alerts, examples, _ = run(log)
    for size in (7, 1000):
        cut_rows, cut_alerts, cut_examples, _ = run(log, cuts=range(size, len(log), size))
        assert comparable(cut_rows) == comparable(rows)
        assert ids(cut_alerts) == ids(alerts)
        assert sorted(e.example_id for e in cut_examples) == sorted(e.example_id for e in examples)


def test_state_and_alerts_do_not_depend_on_the_number_of_partitions(log):
    rows, alerts, _, _ = run(log)
    parts = [[each for each in log if each[0] is None or partition_of(each[0], 8) == number] for number in range(8)]
    merged, raised = {}, []
    for part in parts:
        part_rows, part_alerts, _, _ = run(part, cuts=(100, 300))
        merged |= {k: v for k, v in part_rows.items() if k[:1] != b"\x00"}
        raised += part_alerts
    # The row's own watermark slot counts offsets too, so rows are compared by what they say, not byte for byte.
    assert merged.keys() == states(rows).keys()
    assert ids(raised) == ids(alerts)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_a_batch_that_is_delivered_again_changes_nothing(log, start, length):
    part = log[: start + length]
    _, _, _, partition = run(part, cuts=(start,))
    again = fold(
        PROGRAM, partition, [k for k, _ in part[start:]], [v for _, v in part[start:]],
        list(range(start, len(part))), NOW,
    )  # fmt: skip
    assert again.rows == []
    assert again.alerts == []
    assert again.counts.applied_before == len(part) - start


def test_rows_written_before_a_crash_are_skipped_and_the_others_applied_once(log):
    """The changelog holds a batch's first rows only, and not the partition's own row: the batch comes again."""
    rows, _, _, _ = run(log, cuts=(600,))
    partition = open_partition(0, MemoryPartition())
    run(log[:600], partition=partition)
    rest = log[600:]
    keys, values, offsets = [k for k, _ in rest], [v for _, v in rest], list(range(600, len(log)))
    torn = fold(PROGRAM, partition, keys, values, offsets, NOW)
    half = [row for row in torn.rows if row[0] != PARTITION_KEY][: len(torn.rows) // 2]
    partition.store.write(half, 1)
    recovered = open_partition(0, partition.store)
    again = fold(PROGRAM, recovered, keys, values, offsets, NOW)
    recovered.store.write(again.rows, 2)
    assert states(dict(recovered.store.scan())) == states(rows)
    assert {a.alert_id for a in torn.alerts} >= {a.alert_id for a in again.alerts}


def test_every_event_three_times_gives_the_state_and_alerts_of_once(log):
    _, alerts, _, _ = run(log)
    tripled = [each for each in log for _ in range(3 if each[0] is not None else 1)]
    _, again, _, _ = run(tripled, cuts=(1000,))
    assert ids(again) == ids(alerts)


def purchase(number, at, customer="c1", amount=1_000):
    return events.PurchaseMade(
        event_id=f"p{number}", tenant="acme", customer_id=customer, occurred_at=at, amount=amount, currency="EUR",
        terminal_id="t1",
    )  # fmt: skip


def test_a_prediction_gets_its_label_seven_and_a_half_days_later():
    start = NOW
    fraud = events.FraudConfirmed(
        event_id="f", tenant="acme", customer_id="c1", occurred_at=start + timedelta(days=7), case_id="1",
        typology="stolen card", subject_event_id="p1",
    )  # fmt: skip
    log = [packed(purchase(1, start)), packed(purchase(2, start + timedelta(minutes=1)), 1), packed(fraud, 2, 6)]
    before = (None, pack_tick(to_ms(start + timedelta(days=7, hours=11))))
    after = (None, pack_tick(to_ms(start + timedelta(days=7, hours=14))))
    _, _, examples, partition = run([*log, before, after, after], cuts=(1, 2, 3, 4, 5))
    assert [(e.event_id, e.label) for e in examples] != []
    assert sorted(e.label for e in examples) == [False, True]
    assert len(partition.waiting) == 0


def test_a_cleared_fraud_is_no_label():
    fraud = events.FraudConfirmed(
        event_id="f", tenant="acme", customer_id="c1", occurred_at=NOW + timedelta(days=3), case_id="1",
        typology="stolen card", subject_event_id="p1",
    )  # fmt: skip
    cleared = events.FraudCleared(
        event_id="g", tenant="acme", customer_id="c1", occurred_at=NOW + timedelta(days=4), case_id="1",
        subject_event_id="p1",
    )  # fmt: skip
    log = [packed(purchase(1, NOW)), packed(fraud, 1, 6), packed(cleared, 2, 6)]
    tick = (None, pack_tick(to_ms(NOW + timedelta(days=9))))
    for cuts in ((), (1, 2, 3)):
        _, _, examples, _ = run([*log, tick], cuts=cuts)
        assert [e.label for e in examples] == [False]


def model(version, intercept):
    width = len(TRANSACTION_FRAUD_INPUTS)
    return LinearModel(
        name="transaction-fraud", version=version, inputs=TRANSACTION_FRAUD_INPUTS, mean=(0.0,) * width,
        scale=(1.0,) * width, weights=(0.0,) * width, intercept=intercept, learned_from=1, created_for_ms=1,
    )  # fmt: skip


def test_each_entry_is_scored_by_the_model_in_force_at_its_place_in_the_journal():
    promoted = (None, pack_broadcast(Kind.MODEL_PROMOTED, 1, encode_model(model(1, 0.0))))
    stale = (None, pack_broadcast(Kind.MODEL_PROMOTED, 1, encode_model(model(1, 9.0))))
    log = [packed(purchase(1, NOW)), promoted, packed(purchase(2, NOW), 1), stale, packed(purchase(3, NOW), 2)]
    tick = (None, pack_tick(to_ms(NOW + timedelta(days=9))))
    for cuts in ((), (1, 2, 3, 4)):
        _, _, examples, partition = run([*log, tick], cuts=cuts)
        assert sorted((e.score is None, e.model_version, e.score or 0) for e in examples) == [
            (False, 1, 0.5), (False, 1, 0.5), (True, 0, 0),
        ]  # fmt: skip
        assert partition.models["transaction-fraud"].version == 1


def test_a_partition_opened_anew_knows_its_model_clock_and_timers():
    promoted = (None, pack_broadcast(Kind.MODEL_PROMOTED, 1, encode_model(model(3, 0.0))))
    _, _, _, partition = run([packed(purchase(1, NOW)), promoted, (None, pack_tick(to_ms(NOW)))])
    again = open_partition(0, partition.store)
    assert again.models["transaction-fraud"].version == 3
    assert again.row == partition.row
    assert len(again.waiting) == 1


def test_a_record_that_is_no_entry_is_refused_and_leaves_no_trace():
    partition = open_partition(0, MemoryPartition())
    key, value = packed(purchase(1, NOW))
    with pytest.raises(BadEntry):
        fold(PROGRAM, partition, [key, key], [value, b"rubbish"], [0, 1], NOW)
    assert list(partition.store.scan()) == []


def test_an_entry_without_a_key_is_refused():
    _, value = packed(purchase(1, NOW))
    with pytest.raises(BadEntry, match="no customer key"):
        fold(PROGRAM, open_partition(0, MemoryPartition()), [None], [value], [0], NOW)


def test_a_rule_that_raises_on_one_entry_is_reported_and_the_others_decide():
    def fails_on_seven(entries, features):
        if (entries["amount"] == 700).any():
            raise ZeroDivisionError("planted")
        return np.ones(len(entries), dtype=bool)

    name = next(r.rule.name for r in RULES.rules if "PurchaseMade" in r.rule.on and not r.rule.shadow)
    program = Program(LAYOUT, RULES.with_condition(name, fails_on_seven), {})
    log = [packed(purchase(n, NOW, f"c{n}", amount), n) for n, amount in enumerate([500, 700, 600])]
    folded = fold(
        program, open_partition(0, MemoryPartition()), [k for k, _ in log], [v for _, v in log], [0, 1, 2], NOW
    )
    assert [(f.rule, f.offset) for f in folded.failures] == [(name, 1)]
    assert sorted(a.customer_id for a in folded.alerts if a.rule == name) == ["c0", "c2"]
    assert folded.counts.new == 3

"""Fraud cases and lists in the fold: matched by every partition, recalled once, withdrawn when cleared, the same
however the log is cut and wherever a worker dies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from riskwatch.agents import casework
from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.partition import Partition, open_partition
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.scoring.inputs import TRANSACTION_FRAUD_INPUTS
from riskwatch.scoring.labels import PENDING, unpack_predictions
from riskwatch.streams import events
from riskwatch.streams.entry import Kind
from riskwatch.streams.identity import Identity
from riskwatch.streams.listing import ListChange
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import (
    BadEntry,
    customer_key,
    headers_of,
    pack_broadcast,
    pack_entry,
    pack_tick,
    partition_of,
    to_ms,
)  # fmt: skip

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
PROGRAM = Program(LAYOUT, compile_rules(base_policy(), LAYOUT.names), {}, links=True)
Log = list[tuple[bytes | None, bytes]]


def common(event_id: str, customer: str, day: float, tenant: str = "bank") -> dict[str, Any]:
    return {"event_id": event_id, "tenant": tenant, "customer_id": customer, "occurred_at": START + timedelta(days=day)}


def applied(customer: str, number: int = 1, day: float = 0, **fields: Any) -> events.LoanApplied:
    given = common(f"apply-{customer}-{number}", customer, day) | {
        "application_id": f"a-{customer}-{number}", "product": "cash-instalments", "amount": 1_000_000,
        "currency": "CNY", "term_months": 12,
    }  # fmt: skip
    return events.LoanApplied(**given | fields)


def opened(customer: str, loan: str, day: float, application: str | None) -> events.LoanOpened:
    return events.LoanOpened(
        **common(f"open-{loan}", customer, day), loan_id=loan, product="cash-instalments", principal=100,
        currency="CNY", application_id=application,
        schedule=[events.Instalment(number=1, due_on=(START + timedelta(days=900)).date(), amount=100)],
    )  # fmt: skip


def confirmed(customer: str, case: str = "case-1", day: float = 100, **fields: Any) -> events.FraudConfirmed:
    name = fields.pop("event_id", f"said-{case}-{customer}-{day}")
    return events.FraudConfirmed(**common(name, customer, day), case_id=case, typology="synthetic-identity", **fields)


def cleared(customer: str, case: str = "case-1", day: float = 200) -> events.FraudCleared:
    return events.FraudCleared(**common(f"clear-{case}-{day}", customer, day), case_id=case)


def purchase(customer: str, number: int, day: float, **fields: Any) -> events.PurchaseMade:
    return events.PurchaseMade(
        **common(f"buy-{customer}-{number}", customer, day), amount=1_000, currency="CNY", **fields
    )


def entry(event: Any, offset: int) -> tuple[bytes | None, bytes]:
    """A journal record: of an event, of a `ListChange`, or as it is."""
    if isinstance(event, bytes):
        return None, event
    if isinstance(event, datetime):
        return None, pack_tick(to_ms(event))
    if isinstance(event, ListChange):
        return None, pack_broadcast(Kind.LIST_CHANGED, event.at_ms, msgspec.msgpack.encode(event))
    value = pack_entry(
        event, source_topic=0, source_partition=0, source_offset=offset, source_at=1 + offset, ingested_at=0,
        zone_of={}, secret=b"k" * 16,
    )  # fmt: skip
    return customer_key(event.tenant, event.customer_id), value


def fold_part(partition: Partition, log: Log, start: int, end: int) -> Folded:
    part = log[start:end]
    return fold(PROGRAM, partition, [k for k, _ in part], [v for _, v in part], list(range(start, end)), NOW)


def step(partition: Partition, log: Log, start: int, end: int) -> Folded:
    folded = fold_part(partition, log, start, end)
    partition.store.write(folded.rows, end)
    folded.settle(partition)
    return folded


def run(log: Log, *cuts: int, partition: Partition | None = None, number: int = 0) -> tuple[list[Folded], Partition]:
    partition = partition or open_partition(number, MemoryPartition())
    folds = [step(partition, log, start, end) for start, end in pairwise([0, *cuts, len(log)])]
    return folds, partition


def journals(given: Iterable[Any], partitions: int = 1) -> tuple[list[Log], list[list[Alert]], list[Partition]]:
    """What a cluster that reads entry by entry makes of events: each partition's journal with the broadcasts that came
    back, the alerts, and the partitions."""
    logs: list[Log] = [[] for _ in range(partitions)]
    alerts: list[list[Alert]] = [[] for _ in range(partitions)]
    owned = [open_partition(number, MemoryPartition()) for number in range(partitions)]

    def append(number: int, record: tuple[bytes | None, bytes]) -> None:
        logs[number].append(record)
        folded = step(owned[number], logs[number], len(logs[number]) - 1, len(logs[number]))
        alerts[number] += folded.alerts
        for value in folded.broadcasts:
            for every in range(partitions):
                append(every, (None, value))

    for event in given:
        record = entry(event, sum(map(len, logs)))
        for number in range(partitions) if record[0] is None else [partition_of(record[0], partitions)]:
            append(number, record)
    return logs, alerts, owned


def late(alerts: Iterable[Alert]) -> list[tuple[str, str, bool]]:
    return [(each.customer_id, each.subject, each.withdrawn) for each in alerts if each.rule == "late-match"]


PEOPLE = events.Identifiers(phone="+8613800000001", name="Wang Wei")
MONTHS_LATER: list[Any] = [
    applied("c1", device_id="d1"), applied("c2", 1, 1, identifiers=PEOPLE), applied("c3", 1, 2, device_id="d3"),
    opened("c1", "l1", 3, "a-c1-1"), applied("f", 1, 4, device_id="d1", identifiers=PEOPLE),
    confirmed("f", subject_event_id="apply-f-1"),
]  # fmt: skip


def test_a_case_that_comes_months_later_recalls_what_shares_its_identifiers_each_once() -> None:
    _, (alerts,), _ = journals(MONTHS_LATER)
    assert sorted(late(alerts)) == [("c1", "l1", False), ("c2", "a-c2-1", False)]
    shared = {alert.customer_id: alert.reasons[0].values["shared"] for alert in alerts if alert.rule == "late-match"}
    assert shared == {"c1": "device", "c2": "phone, name"}


def test_an_application_is_named_by_its_own_id_too() -> None:
    _, (alerts,), _ = journals([*MONTHS_LATER[:-1], confirmed("f", subject_event_id="a-f-1")])
    assert len(late(alerts)) == 2


def test_a_case_without_an_application_recalls_by_what_it_names_itself() -> None:
    _, (alerts,), _ = journals(
        [applied("c1", device_id="d1"), confirmed("f", device_id="d1", subject_event_id="buy-9")]
    )
    assert late(alerts) == [("c1", "a-c1-1", False)]


def test_the_fraudster_s_other_application_is_recalled_and_the_case_s_own_is_not() -> None:
    given = [
        applied("f", 1, device_id="d1"),
        applied("f", 2, 1, device_id="d9"),
        confirmed("f", subject_event_id="a-f-1"),
    ]
    _, (alerts,), _ = journals(given)
    assert late(alerts) == [("f", "a-f-2", False)]


def test_an_application_that_is_a_case_already_is_not_recalled_by_the_next() -> None:
    given = [
        applied("f", 1, device_id="d1"), applied("g", 1, 1, device_id="d1"), applied("c1", 1, 2, device_id="d1"),
        confirmed("f", "case-f", 50, subject_event_id="a-f-1"), confirmed("g", "case-g", 60, subject_event_id="a-g-1"),
    ]  # fmt: skip
    _, (alerts,), _ = journals(given)
    # The first case recalls both others; the second only the one that is no case.
    assert sorted(late(alerts)) == [("c1", "a-c1-1", False), ("c1", "a-c1-1", False), ("g", "a-g-1", False)]


def test_a_case_that_is_confirmed_again_with_more_recalls_only_what_is_new() -> None:
    again = confirmed("f", day=120, subject_event_id="apply-f-1", device_id="d3")
    _, (alerts,), (partition,) = journals([*MONTHS_LATER, again])
    assert sorted(late(alerts)) == [("c1", "l1", False), ("c2", "a-c2-1", False), ("c3", "a-c3-1", False)]
    assert len(partition.library) == 1
    (held,) = partition.library.cases.values()
    assert held.case is not None
    assert held.case.confirmed_ms == to_ms(START + timedelta(days=100))


def test_clearing_a_case_withdraws_every_alert_that_it_raised() -> None:
    _, (alerts,), (partition,) = journals([*MONTHS_LATER, cleared("f")])
    gone = [each for each in alerts if each.withdrawn]
    assert sorted(each.alert_id for each in gone) == sorted(
        each.alert_id for each in alerts if each.rule == "late-match" and not each.withdrawn
    )
    assert {each.withdrawn_because for each in gone} == {"fraud case case-1 was cleared"}
    assert len(partition.library) == 0
    assert not list(partition.store.scan(casework.LATE_PREFIX))


def test_a_case_confirmed_again_after_it_was_cleared_recalls_again() -> None:
    given = [*MONTHS_LATER, cleared("f"), confirmed("f", day=300, subject_event_id="apply-f-1")]
    _, (alerts,), _ = journals(given)
    assert [withdrawn for customer, _, withdrawn in late(alerts) if customer == "c2"] == [False, True, False]


def test_clearing_what_was_never_confirmed_does_nothing() -> None:
    _, (alerts,), (partition,) = journals([applied("c1", device_id="d1"), cleared("f")])
    assert (late(alerts), partition.library.cases) == ([], {})


def test_what_a_repeated_broadcast_says_is_known_already() -> None:
    (log,), _, (partition,) = journals([*MONTHS_LATER, cleared("f")])
    repeats = [record for record in log if record[0] is None]
    log += repeats
    folded = step(partition, log, len(log) - len(repeats), len(log))
    assert (folded.alerts, folded.taints, folded.library) == ([], [], None)


# ------------------------------------------------------------------------------------------------------ law 6

STORY: list[Any] = [
    applied("c1", device_id="d1"), purchase("c1", 1, 0.5, terminal_id="t1", device_id="d1"),
    applied("f", 1, 1, device_id="d1", identifiers=PEOPLE), applied("c2", 1, 1, identifiers=PEOPLE),
    START + timedelta(days=2), opened("c2", "l2", 3, "a-c2-1"),
    confirmed("v", "case-t", 90, terminal_id="t1", device_id="d8", subject_event_id="buy-v-1"),
    confirmed("f", day=91, subject_event_id="apply-f-1"), applied("c3", 1, 92, device_id="d1"),
    purchase("c4", 1, 92, terminal_id="t1", device_id="d8"), purchase("c1", 2, 93, terminal_id="t1"),
    START + timedelta(days=94), cleared("v", "case-t", 95), purchase("c1", 3, 96, terminal_id="t1", device_id="d8"),
    confirmed("f", day=97, subject_event_id="apply-f-1", device_id="d7"), applied("c5", 1, 97, device_id="d7"),
    cleared("f", day=98), confirmed("f", day=99, device_id="d7", subject_event_id="apply-f-1"),
    START + timedelta(days=110),
]  # fmt: skip


def told(folds: Sequence[Folded]) -> tuple[Any, ...]:
    by_rule = sorted(
        (each.alert_id, each.rule, str(each.reasons))
        for fold_ in folds
        for each in fold_.alerts
        if each.rule != "late-match"
    )
    recalled = [each for fold_ in folds for each in fold_.alerts if each.rule == "late-match"]
    examples = sorted((each.example_id, each.label, str(each.vector)) for fold_ in folds for each in fold_.examples)
    return (
        by_rule, recalled, examples, [each for fold_ in folds for each in fold_.broadcasts],
        [each for fold_ in folds for each in fold_.taints],
    )  # fmt: skip


def state(partition: Partition) -> tuple[Any, ...]:
    library = partition.library
    return (
        dict(library.cases), library.devices, library.counterparties,
        {key: value[8:] for key, value in partition.store.scan(b"\x00case")},
        {key: value[8:] for key, value in partition.store.scan(b"\x00by")},
        {key: value[8:] for key, value in partition.store.scan(b"\x00late")},
    )  # fmt: skip


def test_what_the_story_brings_is_worth_comparing() -> None:
    (log,), (alerts,), _ = journals(STORY)
    rules = {each.rule for each in alerts}
    assert {"late-match", "device-of-a-fraud"} <= rules
    assert {each.withdrawn for each in alerts if each.rule == "late-match"} == {True, False}
    assert len(log) == len(STORY) + 6  # a broadcast for each word on a case


def test_cases_alerts_and_scores_do_not_depend_on_how_the_log_is_cut() -> None:
    (log,), _, _ = journals(STORY)
    whole, one = run(log)
    singly, other = run(log, *range(1, len(log)))
    assert told(singly) == told(whole)
    assert state(other) == state(one)
    for size in (2, 3, 5, 7):
        folds, partition = run(log, *range(size, len(log), size))
        assert told(folds) == told(whole)
        assert state(partition) == state(one)


def test_alerts_do_not_depend_on_the_number_of_partitions() -> None:
    _, (one,), _ = journals(STORY)
    _, several, _ = journals(STORY, partitions=3)
    merged = [each for alerts in several for each in alerts]
    assert sorted(late(merged)) == sorted(late(one))
    assert sorted((each.alert_id, each.withdrawn) for each in merged) == sorted(
        (each.alert_id, each.withdrawn) for each in one
    )


@pytest.mark.parametrize("size", [1, 4, 9])
def test_a_partition_read_from_its_rows_goes_on_as_if_it_had_never_stopped(size: int) -> None:
    (log,), _, _ = journals(STORY)
    whole, known = run(log)
    store, folds = MemoryPartition(), []
    for start in range(0, len(log), size):
        folds.append(step(open_partition(0, store), log, start, min(start + size, len(log))))
    assert told(folds) == told(whole)
    assert state(open_partition(0, store)) == state(known)


@pytest.mark.parametrize("start", range(0, 24, 3))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_crash_amid_the_changelog_repeats_alerts_and_brings_no_other(start: int, share: float) -> None:
    """Of a batch whose outputs are out, the first rows are written, and never the row that says how far the partition
    is. Then the batch comes again, cut in two."""
    (log,), _, _ = journals(STORY)
    end = min(start + 8, len(log))
    whole, known = run(log, start, end) if start else run(log, end)
    _, partition = run(log[:start]) if start else ([], open_partition(0, MemoryPartition()))
    first = fold_part(partition, log, start, end)
    rows = [row for row in first.rows if row[0] != PARTITION_KEY]
    partition.store.write(rows[: int(len(rows) * share)], start)
    again = open_partition(0, partition.store)
    middle = (start + end) // 2
    folds = [step(again, log, *part) for part in ((start, middle), (middle, end), (end, len(log))) if part[0] < part[1]]
    repeated = {(each.alert_id, each.withdrawn) for each in first.alerts}
    expected = {(each.alert_id, each.withdrawn) for fold_ in whole for each in fold_.alerts}
    assert {(each.alert_id, each.withdrawn) for fold_ in folds[:-1] for each in fold_.alerts} <= expected
    assert repeated <= expected
    assert state(again) == state(known)


@pytest.mark.parametrize("cut", [3, 4])
def test_an_application_that_came_after_the_case_is_not_recalled_when_its_row_outlived_a_crash(cut: int) -> None:
    given = [
        applied("f", device_id="d1"),
        confirmed("f", day=1, subject_event_id="a-f-1"),
        applied("c2", 1, 2, device_id="d1"),
    ]
    (log,), _, _ = journals(given)
    assert log[2][0] is None  # the broadcast comes before the application
    partition = open_partition(0, MemoryPartition())
    rows = fold_part(partition, log, 0, 4).rows
    partition.store.write([row for row in rows if row[0] != PARTITION_KEY], 0)
    again = open_partition(0, partition.store)
    folds = [step(again, log, 0, cut), step(again, log, cut, 4)]
    assert [each for fold_ in folds for each in fold_.alerts] == []


# ---------------------------------------------------------------------------------------------------- what is told whom


def test_a_case_goes_out_once_with_what_its_application_named() -> None:
    folds, _ = run([entry(each, number) for number, each in enumerate(MONTHS_LATER)])
    (value,) = folds[0].broadcasts
    assert int(headers_of([value])["kind"][0]) == Kind.CASE_CONFIRMED
    assert folds[0].library is None  # it enters by its broadcast only


def test_taints_are_told_by_the_customer_s_own_partition_alone() -> None:
    given = [applied("f", device_id="d1"), confirmed("f", subject_event_id="a-f-1", ip="1.2.3.4"), cleared("f")]
    logs, _, _ = journals(given, partitions=2)
    home = partition_of(b"bank/f", 2)
    folds, _ = run(logs[home], number=home)
    at, gone = to_ms(START + timedelta(days=100)), to_ms(START + timedelta(days=200))
    named = [Identity("ip", "1.2.3.4"), Identity("ip-net", "1.2.3.0/24"), Identity("device", "d1")]
    assert folds[0].taints == [
        *(("bank", each, "case-1", b"bank/f", at, False) for each in named),
        *(("bank", each, "case-1", b"bank/f", gone, True) for each in named),
    ]
    others, _ = run(logs[1 - home], number=1 - home)
    assert others[0].taints == []


def test_predictions_are_made_of_the_frauds_known_at_their_place() -> None:
    _, _, (partition,) = journals(STORY[:-1])
    column = [each.feature for each in TRANSACTION_FRAUD_INPUTS].index("counterparty_frauds_30d")
    seen = [
        float(row["vector"][column])
        for _, value in sorted(partition.store.scan(PENDING))
        for row in unpack_predictions(value[8:]).rows
    ]
    assert seen == [1.0, 1.0, 0.0]  # the first purchase has its label by the tick of day 94; the last is after clearing


def test_an_identifier_of_many_customers_recalls_those_that_applied_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casework, "MAX_RECALLED", 2)
    many = [applied(f"c{number}", 1, number, device_id="d1") for number in range(5)]
    (log,), (alerts,), _ = journals([*many, confirmed("f", device_id="d1")])
    assert [customer for customer, _, _ in late(alerts)] == ["c3", "c4"]
    folds, _ = run(log)
    assert folds[0].counts.left_out == 3


def test_a_list_change_counts_from_its_place_on_and_survives_a_restart() -> None:
    block = ListChange(
        change_id="1", tenant="bank", kind="customer", values=("c1",), purpose="block", actor="ann", reason="", at_ms=0
    )
    log = [entry(each, number) for number, each in enumerate([block, msgspec.structs.replace(block, remove=True)])]
    store = MemoryPartition()
    step(open_partition(0, store), log, 0, 1)
    found = open_partition(0, store).library.listed("bank", "c1", (), 5)
    assert found is not None
    assert found.purpose == "block"
    step(open_partition(0, store), log, 1, 2)
    assert open_partition(0, store).library.listed("bank", "c1", (), 5) is None


@pytest.mark.parametrize("kind", casework.CASEWORK_KINDS)
def test_a_broadcast_that_cannot_be_read_is_a_bad_entry(kind: Kind) -> None:
    with pytest.raises(BadEntry):
        run([(None, pack_broadcast(kind, 0, b"rubbish"))])


def test_a_case_never_holds_a_personal_identifier_in_clear() -> None:
    folds, _ = run([entry(each, number) for number, each in enumerate(MONTHS_LATER)])
    assert b"13800000001" not in folds[0].broadcasts[0]
    assert b"Wang" not in folds[0].broadcasts[0]

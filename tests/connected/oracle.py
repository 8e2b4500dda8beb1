"""What must come of a journal: the pure fold over it, in one process, without crashes, brokers or workers.

That the fold itself is right is proved elsewhere (tests/features against an independent slow recomputation,
tests/policy, tests/alerts). Here it says what a worker that was struck must have arrived at all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec.structs import replace
from reading import (
    Rows,
    committed,
    read,
    read_actions,
    read_alerts,
    read_collections,
    read_decisions,
    read_inputs,
    read_journal,
    read_state,
    read_trails,
    upstream_places,
)

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Program
from riskwatch.agents.partition import Partition
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import Layout, compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.collectionfile import packaged_collection_book
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lendingbook import packaged_book
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.scoring.labels import PENDING, unpack_predictions
from riskwatch.streams import topics
from riskwatch.streams.accountactions import AccountAction, AnyAction, encode_action
from riskwatch.streams.collections import ActionClosed, CollectionAction, encode_collection
from riskwatch.streams.deadletters import diagnosis
from riskwatch.streams.decisions import DecisionTrail, encode_decision
from riskwatch.streams.outputs import Alert
from riskwatch.streams.topics import full_name

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WATERMARK = 8
"""Bytes of the watermark in front of every row."""


class Expected(NamedTuple):
    """`state`: rows by partition and key; `alerts`, `decisions`, `shadows`, `actions`, `collections` in order; `new`:
    entries that count; `broadcasts`: what the folds have to say to every partition."""

    state: Rows
    alerts: list[Alert]
    decisions: list[DecisionTrail]
    shadows: list[DecisionTrail]
    actions: list[AnyAction]
    new: int
    broadcasts: list[bytes]
    collections: list[CollectionAction | ActionClosed]


def program(rules: RuleSet | None = None, layout: Layout | None = None, *, links: bool = False) -> Program:
    """The base policy over the feature table, the packaged policies of lending and collections. `links`: as the
    workers' setting."""
    layout = compile_layout(FEATURES) if layout is None else layout
    rules = compile_rules(base_policy(), layout.names) if rules is None else rules
    return Program(layout, rules, {}, packaged_book(), links, collections=packaged_collection_book())


def recompute(
    journal: dict[int, list[Any]], with_program: Program | None = None, *, batch: int = 1_000,
    failing: Sequence[tuple[int, int]] = (),
) -> Expected:  # fmt: skip
    """The fold over each partition's journal. `failing`: (partition, offset) of records that cannot be folded."""
    running = program() if with_program is None else with_program
    state: Rows = {}
    alerts: list[Alert] = []
    decisions: list[DecisionTrail] = []
    shadows: list[DecisionTrail] = []
    actions: list[AnyAction] = []
    broadcasts: list[bytes] = []
    collections: list[CollectionAction | ActionClosed] = []
    new = 0
    for number, records in sorted(journal.items()):
        partition = Partition(number, MemoryPartition())
        good = [record for record in records if (number, record.offset) not in failing]
        for start in range(0, len(good), batch):
            part = good[start : start + batch]
            folded = fold(
                running, partition, [r.key for r in part], [r.value for r in part], [r.offset for r in part], NOW
            )
            partition.store.write(folded.rows, None)
            folded.settle(partition)
            alerts += folded.alerts
            decisions += folded.decisions
            shadows += folded.shadow_decisions
            actions += folded.actions
            broadcasts += folded.broadcasts
            collections += folded.collections
            assert not folded.collecting.stopped
            new += folded.counts.new
        state[number] = dict(partition.store.scan())
    return Expected(state, alerts, decisions, shadows, actions, new, broadcasts, collections)


def comparable(state: Rows) -> Rows:
    """Rows of which every byte is settled by the journal alone.

    A customer's row is compared whole. Where one batch ends and the next begins shows only in what a partition keeps
    for itself: its rows' watermarks (cut off here), and how predictions are put together in blobs (`predictions`).
    """
    found: Rows = {}
    for number, rows in state.items():
        held = {
            key: value if key[:1] != b"\x00" or key == PARTITION_KEY else value[WATERMARK:]
            for key, value in rows.items()
            if not key.startswith(PENDING)
        }
        if held:
            found[number] = held
    return found


def predictions(state: Rows) -> set[tuple[int, int, bytes, int, bytes, bytes]]:
    """Every prediction that waits for its label, whatever blob it is in."""
    found = set()
    for number, rows in state.items():
        for key, value in rows.items():
            if key.startswith(PENDING):
                blob = unpack_predictions(value[WATERMARK:])
                for row in blob.rows:
                    numbers = row["score"].tobytes(), row["vector"].tobytes()
                    at = int(row["occurred_at"])
                    found.add((number, int(row["event"]), blob.customers[int(row["customer"])], at, *numbers))
    return found


def told(alert: Alert) -> tuple[Any, ...]:
    """An alert without the time of its detection, and without its place in the journal."""
    return (
        alert.alert_id, alert.tenant, alert.customer_id, alert.rule, alert.kind, alert.severity, alert.occurred_at,
        alert.withdrawn, alert.cause.event_id, tuple(sorted(alert.features.items())),
        tuple(reason.text for reason in alert.reasons),
    )  # fmt: skip


def told_decision(trail: DecisionTrail) -> bytes:
    """A decision with its trail, without its place in the journal and the time at which it was made."""
    place = replace(trail.decision.cause, partition=0, offset=0)
    return encode_decision(replace(trail, decision=replace(trail.decision, cause=place, decided_at=NOW)))


def told_action(action: AnyAction) -> bytes:
    """What was done to a line of credit, without its place in the journal and the time at which it was decided."""
    if isinstance(action, AccountAction):
        action = replace(action, cause=replace(action.cause, partition=0, offset=0))
    return encode_action(replace(action, decided_at=NOW))


class Outcome(NamedTuple):
    """What a run left behind, beside what the journal says it should have."""

    inputs: int
    journaled: int
    repeated_entries: int
    dead: int
    tombstones: int
    alerts: int
    repeated_alerts: int
    decisions: int
    actions: int


async def check_all(
    broker: str, prefix: str, with_program: Program | None = None, *,
    without: Callable[[Alert], bool] = lambda alert: False,
) -> Outcome:  # fmt: skip
    """Asserts that nothing is lost or doubled: inputs against journal and dead letters, state and alerts against the
    recomputation, `without` those that another agent raises. → what there was.
    """
    inputs = await read_inputs(broker, prefix)
    journal = await read_journal(broker, prefix)
    places = upstream_places(record for records in journal.values() for record in records)
    letters = [_source(record) for record in await read(broker, prefix, topics.DEAD_LETTERS)]
    tombstones = {place for place, record in inputs.items() if record.value is None}
    lost = sorted(set(inputs) - set(places) - set(letters) - tombstones)
    assert not lost, f"{len(lost)} inputs are neither entry nor dead letter: {lost[:5]}"
    assert set(places) | set(letters) <= set(inputs), "every entry and every dead letter has its input"
    assert not set(places) & set(letters), "no input is both entry and dead letter"

    expected = recompute(journal, with_program)
    state = await read_state(broker, prefix)
    assert_same_state(state, expected.state)
    alerts = [alert for alert in await read_alerts(broker, prefix) if not without(alert)]
    assert {told(alert) for alert in alerts} == {told(alert) for alert in expected.alerts}
    decisions = await assert_same_decisions(broker, prefix, expected.decisions)
    actions = await read_actions(broker, prefix)
    assert {told_action(each) for each in actions} == {told_action(each) for each in expected.actions}
    await assert_same_collections(broker, prefix, expected.collections)
    ids = [(alert.alert_id, alert.withdrawn) for alert in alerts]
    assert set(ids) == {(alert.alert_id, alert.withdrawn) for alert in expected.alerts}
    assert len(set(ids)) == len({told(alert) for alert in expected.alerts}), "an id names one alert"
    return Outcome(
        inputs=len(inputs), journaled=len(places), repeated_entries=sum(places.values()) - len(places),
        dead=len(letters), tombstones=len(tombstones), alerts=len(set(ids)), repeated_alerts=len(ids) - len(set(ids)),
        decisions=decisions, actions=len({each.action_id for each in actions}),
    )  # fmt: skip


async def assert_same_decisions(broker: str, prefix: str, expected: Sequence[DecisionTrail]) -> int:
    """Every application has its decision, and its trail, as the fold makes them → how many."""
    trails = await read_trails(broker, prefix)
    assert {told_decision(each) for each in trails} == {told_decision(each) for each in expected}
    decisions = await read_decisions(broker, prefix)
    wanted = {each.decision.decision_id: each.decision.outcome for each in expected}
    assert {each.decision_id: each.outcome for each in decisions} == wanted
    return len(wanted)


async def assert_same_collections(
    broker: str, prefix: str, expected: Sequence[CollectionAction | ActionClosed]
) -> Sequence[CollectionAction | ActionClosed]:
    """Every action and closing is as the fold makes it, whole; an id names one of each at most → what was published,
    without repeats."""
    found = {encode_collection(each): each for each in await read_collections(broker, prefix)}
    assert set(found) == {encode_collection(each) for each in expected}
    names = [(type(each), each.action_id) for each in found.values()]
    assert len(set(names)) == len(names) == len(expected)
    return list(found.values())


def assert_same_state(state: Rows, expected: Rows) -> None:
    """Byte for byte, and where not, which rows differ."""
    found, wanted = comparable(state), comparable(expected)
    differing = [
        (number, key)
        for number in sorted({*found, *wanted})
        for key in sorted({*found.get(number, {}), *wanted.get(number, {})})
        if found.get(number, {}).get(key) != wanted.get(number, {}).get(key)
    ]
    assert not differing, f"{len(differing)} rows differ: {differing[:5]}"
    waiting, should_wait = predictions(state), predictions(expected)
    lacking, excess = should_wait - waiting, waiting - should_wait
    assert (len(lacking), len(excess)) == (0, 0), "predictions that are lacking, and in excess"


def _source(record: Any) -> tuple[int, int, int]:
    found = diagnosis(record)
    name = found.source_topic.split(".")[-2]
    return topics.SOURCE_TOPIC.get(name, -1), found.source_partition, found.source_offset


async def assert_commits_stay_behind_the_changelog(broker: str, prefix: str) -> None:
    """Asserts that no committed journal offset passes what the changelog holds. Commits are read first, so that a
    worker may go on meanwhile.
    """
    done = await committed(broker, prefix, full_name(topics.JOURNAL, prefix))
    state = await read_state(broker, prefix)
    for tp, offset in done.items():
        row = state.get(tp.partition, {}).get(PARTITION_KEY)
        assert offset <= (0 if row is None else int.from_bytes(row[:WATERMARK], "big")), f"{tp} is ahead of its state"

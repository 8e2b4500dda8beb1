"""Records of collections, and the queue that is made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from riskwatch.streams.collections import (
    ActionClosed,
    CollectionAction,
    action_identity,
    decode_action,
    decode_closing,
    encode_collection,
    known_at,
    work_queue,
)
from riskwatch.streams.outputs import Reason

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)


def action(action_id: str, priority: int = 50, hours: int = 8, **changes: Any) -> CollectionAction:
    fields: dict[str, Any] = {
        "action_id": action_id,
        "tenant": "harbour",
        "customer_id": "c-1",
        "loan_id": "l-1",
        "stage": "soft",
        "treatment": "call",
        "channel": "phone",
        "priority": priority,
        "due_at": NINE,
        "expires_at": NINE + timedelta(hours=hours),
        "script": "s",
        "reasons": [Reason(code="best", text="…", values={"net": 1.5})],
        "policy": "p",
        "policy_version": "1",
        "rules": "us",
        "rules_version": "2",
        "decided_at": NINE,
    }
    return CollectionAction(**{**fields, **changes})


def closed(action_id: str) -> ActionClosed:
    return ActionClosed(
        action_id=action_id, tenant="harbour", customer_id="c-1", loan_id="l-1", ending="done", closed_at=NINE
    )


def test_records_are_read_back_as_they_were_written() -> None:
    assert decode_action(encode_collection(action("a"))) == action("a")
    assert decode_closing(encode_collection(closed("a"))) == closed("a")


def test_the_queue_is_by_priority_then_by_what_expires_first() -> None:
    queue = work_queue([action("late", hours=9), action("first", priority=5), action("soon", hours=2)], NINE)
    assert [each.action_id for each in queue] == ["first", "soon", "late"]


def test_the_queue_leaves_out_what_is_closed_early_expired_or_held_out() -> None:
    records = [
        action("open"),
        closed("done"),  # its closing may be read before it
        action("done"),
        action("expired", hours=1),
        action("tomorrow", due_at=NINE + timedelta(days=1), expires_at=NINE + timedelta(days=2)),
        action("held", holdout=True),
    ]
    assert [each.action_id for each in work_queue(records, NINE + timedelta(hours=1))] == ["open"]


@given(st.permutations([action("a"), action("b"), closed("b"), action("a"), action("c", priority=1)]))
def test_no_order_and_no_repeat_changes_the_queue(records: list[CollectionAction | ActionClosed]) -> None:
    assert [each.action_id for each in work_queue(records, NINE)] == ["c", "a"]


def test_as_of_an_instant_only_what_was_decided_and_closed_by_then_is_known() -> None:
    hour = timedelta(hours=1)
    first, second = action("a"), action("b", decided_at=NINE + hour)
    ended = structs.replace(closed("a"), closed_at=NINE + 2 * hour)
    records = [ended, second, first]
    seen = {hours: known_at(records, NINE + hours * hour) for hours in (-1, 0, 1, 2)}
    assert seen == {-1: [], 0: [first], 1: [second, first], 2: records}
    assert known_at(records, ended.closed_at - timedelta(microseconds=1)) == [second, first]


def test_the_parts_of_an_id_cannot_run_into_one_another() -> None:
    ids = {
        action_identity(b"ab", "c", "d", 1, 1),
        action_identity(b"a", "bc", "d", 1, 1),
        action_identity(b"ab", "cd", "", 1, 1),
        action_identity(b"ab", "c", "d", 2, 1),
        action_identity(b"ab", "c", "d", 1, 2),
    }
    assert len(ids) == 5
    assert all(len(each) == 32 for each in ids)

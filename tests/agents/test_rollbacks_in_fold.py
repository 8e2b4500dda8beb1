"""Compensations in the journal: each undoes once, is told as it was applied, and lets be what has changed since."""

from __future__ import annotations

from datetime import datetime

import pytest
from lines_journal import (
    NOW,
    Entry,
    Run,
    applied,
    at,
    confirmed,
    in_order,
    opened,
    paid,
    policy,
    published,
    restored,
    ticks,
)
from msgspec import structs

from riskwatch.agents.fetched import Received
from riskwatch.agents.translating import Addressed, Naming, Translation, rollback_translator
from riskwatch.streams.accountactions import AnyAction, Compensation, Terms, encode_action
from riskwatch.streams.compensating import Batch, Notice, Rollback, compensate
from riskwatch.streams.entry import Kind
from riskwatch.streams.faults import Faults
from riskwatch.streams.keys import Keys
from riskwatch.streams.packing import BadEntry, headers_of, pack_answer
from riskwatch.streams.rollbacks import pack_compensation, read_compensation

DUE = (12, 22, 32, 62, 92, 122, 152, 182)
BAD = policy("bad", largest_limit_step=5_000_000, largest_rate_step_bp=1_000, largest_limit_percent=100)
BATCH = Batch(name=f"bad/{BAD.version}")


def paying(day: float, customer: str = "c1") -> list[Entry]:
    loan = [applied(customer), opened(customer, 1, 100_000, DUE)]
    return in_order(loan, [paid(customer, due, 100_000) for due in DUE if due < day])


def moved() -> Run:
    """On day 62 the bad policy has raised the limit of two customers from 60,000.00 to 72,000.00 at once."""
    run = Run().feed(in_order(published(0, BAD), paying(64), paying(64, "c2"), ticks(0, 64)))
    assert [each.after.limit for each in run.actions] == [7_200_000, 7_200_000]
    return run


def undone(actions: list[AnyAction], when: datetime, batch: Batch = BATCH, notice: Notice | None = None) -> Rollback:
    found = compensate(actions, batch, when, NOW, Notice() if notice is None else notice)
    asked = [structs.replace(each, requested_by="ann", requested_because="a test") for each in found.compensations]
    return structs.replace(found, compensations=tuple(asked))


def test_a_compensation_restores_the_terms_and_is_told() -> None:
    run = moved()
    asked = undone(run.actions, at(64)).compensations
    run.feed([*map(restored, asked), *ticks(64, 65)])
    for customer, told in zip(("c1", "c2"), run.actions[2:], strict=True):
        live = run.credit(customer).lines[0].live
        assert live.terms == Terms(grade="B", limit=6_000_000, rate_bp=1_440, frozen=False)
        assert isinstance(told, Compensation)
        assert (told.customer_id, told.change, told.before.limit, told.after.limit) == (
            customer, "rolled-back", 7_200_000, 6_000_000,
        )  # fmt: skip
        assert (told.requested_by, told.announced_at, live.last_action) == ("ann", at(64), told.action_id)


def test_a_higher_rate_is_restored_after_its_notice() -> None:
    run = moved()
    asked = undone(run.actions, at(64), notice=Notice(rate_days=30)).compensations
    run.feed([*map(restored, asked), *ticks(64, 94)])
    assert run.credit().lines[0].live.rate_bp == 1_080
    run.feed(ticks(94, 95))
    assert run.credit().lines[0].live.rate_bp == 1_440


def test_the_same_rollback_twice_undoes_nothing_twice() -> None:
    run = moved()
    first = undone(run.actions, at(64))
    run.feed([*map(restored, first.compensations), *map(restored, first.compensations), *ticks(64, 66)])
    assert len(run.actions) == 4
    again = undone(run.actions, at(66))
    assert (again.compensations, len(again.done)) == ((), 2)
    # Asked for once more before anything came of the first, at another instant.
    late = [structs.replace(each, announced_at=at(66)) for each in first.compensations]
    before = run.rows
    run.feed([*map(restored, late), *ticks(66, 67)])
    assert len(run.actions) == 4
    assert [run.credit(each).lines[0].live.limit for each in ("c1", "c2")] == [6_000_000] * 2
    assert before.keys() == run.rows.keys()


def test_a_repeat_that_no_row_remembers_undoes_nothing_either() -> None:
    run = moved()
    first = undone(run.actions, at(64)).compensations[0]
    others = [paid("c1", 64.1 + n / 1_000, 1) for n in range(200)]  # more ids than a row remembers
    run.feed([restored(first), *others, restored(first)])
    assert sum(isinstance(each, Compensation) for each in run.actions) == 1


def test_a_line_on_which_anything_has_acted_since_is_left_alone() -> None:
    run = moved()
    asked = undone(run.actions, at(64)).compensations
    run.feed([confirmed("c1", 64), *map(restored, asked), *ticks(64, 65)])
    live = run.credit("c1").lines[0].live
    assert (live.limit, live.frozen) == (7_200_000, True)
    assert run.credit("c2").lines[0].live.limit == 6_000_000
    # The freeze is of the same policy and version: it belongs to the batch, and a further rollback undoes both.
    (rest,) = undone(run.actions, at(66)).compensations
    assert (rest.customer_id, rest.moves) == ("c1", ["grade", "limit", "rate", "frozen"])
    run.feed([restored(rest), *ticks(65, 66)])
    assert run.credit("c1").lines[0].live.terms == Terms(grade="B", limit=6_000_000, rate_bp=1_440, frozen=False)


def test_a_line_that_another_policy_has_moved_since_is_reported() -> None:
    run = moved()
    run.feed(in_order([published(70, policy("good"))], [confirmed("c1", 71)], ticks(64, 72)))
    found = undone(run.actions, at(72))
    assert [each.customer_id for each in found.compensations] == ["c2"]
    assert [(each.customer_id, each.changed_by) for each in found.skipped] == [("c1", run.actions[-1].action_id)]


def test_a_line_that_was_granted_anew_is_left_alone() -> None:
    run = moved()
    asked = undone(run.actions, at(65)).compensations
    run.feed(in_order([applied("c1", 64)], [restored(each) for each in asked], ticks(64, 66)))
    granted = run.credit("c1").lines[0].live
    assert (granted.limit, granted.last_action) == (granted.granted_limit, "")
    assert [each.customer_id for each in run.actions if isinstance(each, Compensation)] == ["c2"]


def test_a_limit_is_not_restored_below_what_is_in_use() -> None:
    run = moved()
    asked = undone(run.actions, at(66)).compensations
    run.feed(in_order(opened("c1", 65, 1_300_000, (95, 125, 155, 185, 215), "m"), [restored(asked[0])], ticks(64, 67)))
    told, adjusted = run.actions[-2:]
    assert (told.change, told.after.limit) == ("rolled-back", 6_000_000)
    # 5 more instalments of 13,000.00 beside 4 of 1,000.00.
    assert (adjusted.change, adjusted.after.limit) == ("adjusted", 6_900_000)
    assert run.credit().lines[0].live.limit == 6_900_000


def test_a_rollback_is_undone_as_any_batch() -> None:
    run = moved()
    run.feed([*(restored(each) for each in undone(run.actions, at(64)).compensations), *ticks(64, 65)])
    back = undone(run.actions, at(65), Batch(name=f"rollback/bad/{BAD.version}")).compensations
    run.feed([*map(restored, back), *ticks(65, 66)])
    assert [run.credit(each).lines[0].live.limit for each in ("c1", "c2")] == [7_200_000] * 2


@pytest.mark.parametrize("size", [1, 7])
def test_nothing_depends_on_the_size_of_batches(size: int) -> None:
    asked = undone(moved().actions, at(64)).compensations
    log = in_order(
        published(0, BAD), paying(130), paying(130, "c2"), [restored(each) for each in asked],
        [restored(each) for each in asked], ticks(0, 126),
    )  # fmt: skip
    run, whole = Run().feed(log, size=size), Run().feed(log)
    assert sum(isinstance(each, Compensation) for each in whole.actions) == 2
    assert [encode_action(each) for each in run.actions] == [encode_action(each) for each in whole.actions]
    assert run.rows == whole.rows


def test_what_a_shadow_did_is_not_undone() -> None:
    run = Run().feed(in_order(published(0, BAD, "shadow"), paying(64), ticks(0, 64)))
    assert run.shadow_actions
    found = undone([*run.actions, *run.shadow_actions], at(64))
    assert (found.compensations, found.skipped) == ((), ())


# ------------------------------------------------------------------------------------------------------- on their way

NAMING = Naming(Keys(current=b"0123456789abcdef"), {})


def one() -> Compensation:
    return undone(moved().actions, at(64)).compensations[0]


def received(value: bytes | None) -> Received:
    return Received(
        topic="riskwatch.rollbacks.v1", partition=0, offset=0, timestamp=1, key=b"k", value=value, headers=()
    )


def test_a_compensation_becomes_an_entry_of_its_customer_that_is_the_same_each_time() -> None:
    asked = one()
    found = rollback_translator(NAMING)(received(encode_action(asked)))
    assert isinstance(found, Translation)
    assert isinstance(found.entry, Addressed)
    assert found.entry.key == b"bank/c1"
    later = structs.replace(asked, announced_at=at(70))
    headers = headers_of([found.entry.value, pack_compensation(later)[1]])
    assert headers["kind"].tolist() == [Kind.TERMS_RESTORED] * 2
    assert headers["event"][0] == headers["event"][1] != 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shadow": True}, "shadow"),
        ({"undoes": []}, "must not be empty"),
        ({"requested_by": ""}, "must not be empty"),
        ({"customer_id": "c9"}, "not the id"),
        ({"undoes": ["00"]}, "not the id"),
        ({"announced_at": datetime(2026, 3, 1)}, "no zone"),
        ({"announced_at": datetime.fromisoformat("1026-03-01T00:00:00+00:00")}, "out of all reason"),
    ],
)
def test_what_is_no_sound_compensation_is_refused(changes: dict[str, object], said: str) -> None:
    found = read_compensation(encode_action(structs.replace(one(), **changes)))
    assert isinstance(found, Faults)
    assert found.code == "rollback-refused"
    assert said in str(found.faults[0])


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_compensation_at_all_is_refused(value: bytes) -> None:
    assert isinstance(rollback_translator(NAMING)(received(value)), Faults)


def test_an_action_cannot_be_asked_for() -> None:
    assert isinstance(read_compensation(encode_action(moved().actions[0])), Faults)


def test_an_entry_that_holds_no_compensation_is_refused() -> None:
    with pytest.raises(BadEntry, match="TERMS_RESTORED holds no compensation"):
        Run().feed([(0, b"bank/c1", pack_answer(Kind.TERMS_RESTORED, 0, 1, 0, b"{}"))])

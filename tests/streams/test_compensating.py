"""Undoing a batch: what is restored, what is left alone, and that it happens once."""

from __future__ import annotations

import pytest
from action_making import DAY, START, action, terms

from riskwatch.streams.accountactions import AnyAction
from riskwatch.streams.compensating import Batch, Notice, Rollback, compensate, terms_at

BAD = Batch(name="bad/1")
AT = START + 20 * DAY


def undone(published: list[AnyAction], batch: Batch = BAD, **more: Notice) -> Rollback:
    return compensate(published, batch, AT, AT, **more)


FIRST = action(terms(), terms(limit=800_000, rate_bp=2_100, grade="D"), day=1)
SECOND = action(terms(limit=800_000, rate_bp=2_100, grade="D"), terms(limit=640_000, rate_bp=2_100, grade="D"), day=8)


def test_a_line_gets_back_what_stood_before_the_first_action_of_the_batch() -> None:
    (made,) = undone([FIRST, SECOND]).compensations
    assert made.before == terms(limit=640_000, rate_bp=2_100, grade="D")
    assert made.after == terms()
    assert (made.moves, made.undoes) == (["grade", "limit", "rate"], [FIRST.action_id, SECOND.action_id])
    assert (made.change, made.batch, made.announced_at) == ("rolled-back", "rollback/bad/1", AT)


def test_what_the_batch_did_not_touch_stays() -> None:
    freeze = action(terms(), terms(frozen=True), day=1)
    (made,) = undone([action(terms(limit=900_000), terms(), day=0, batch="good/1"), freeze]).compensations
    assert (made.moves, made.after) == (["frozen"], terms())


def test_a_line_that_has_changed_since_is_left_alone_and_reported() -> None:
    later = action(SECOND.after, terms(limit=700_000, rate_bp=2_100, grade="D"), day=10, batch="good/1")
    rollback = undone([FIRST, SECOND, later])
    assert rollback.compensations == ()
    (skipped,) = rollback.skipped
    assert (skipped.customer_id, skipped.changed_by) == ("c1", later.action_id)


def test_a_change_between_two_of_the_batch_counts_as_one_since() -> None:
    between = action(FIRST.after, terms(limit=800_000, rate_bp=2_000, grade="D"), day=5, batch="good/1")
    assert [each.changed_by for each in undone([FIRST, between, SECOND]).skipped] == [between.action_id]


def test_an_action_before_the_batch_does_not_matter() -> None:
    before = action(terms(limit=900_000), terms(), day=0, batch="good/1")
    (made,) = undone([before, FIRST]).compensations
    assert made.after == terms()


def test_each_line_is_looked_at_by_itself() -> None:
    other = action(terms(), terms(limit=500_000), day=2, customer="c2")
    changed = action(terms(limit=500_000), terms(limit=600_000), day=3, customer="c2", batch="good/1")
    rollback = undone([FIRST, other, changed])
    assert [each.customer_id for each in rollback.compensations] == ["c1"]
    assert [each.customer_id for each in rollback.skipped] == ["c2"]


def test_the_same_rollback_again_undoes_nothing_twice() -> None:
    once = undone([FIRST, SECOND])
    again = undone([FIRST, SECOND, *once.compensations])
    assert (again.compensations, again.skipped) == ((), ())
    assert again.done == (once.compensations[0].action_id,)


def test_the_same_rollback_worked_out_at_another_time_has_the_same_ids() -> None:
    later = compensate([FIRST, SECOND], BAD, AT + 3 * DAY, AT + 3 * DAY)
    assert later.compensations[0].action_id == undone([FIRST, SECOND]).compensations[0].action_id


def test_repeats_of_a_published_action_count_once() -> None:
    (made,) = undone([FIRST, FIRST, SECOND]).compensations
    assert made.undoes == [FIRST.action_id, SECOND.action_id]


def test_what_the_batch_did_after_its_rollback_is_undone_by_a_further_one() -> None:
    once = undone([FIRST])
    further = action(terms(), terms(limit=900_000), day=25)
    rollback = compensate([FIRST, *once.compensations, further], BAD, AT + 9 * DAY, AT)
    (made,) = rollback.compensations
    assert (made.undoes, made.after, rollback.done) == (
        [further.action_id], terms(), (once.compensations[0].action_id,),
    )  # fmt: skip


def test_undoing_a_rollback_brings_back_what_it_undid() -> None:
    once = undone([FIRST, SECOND])
    (redone,) = undone([FIRST, SECOND, *once.compensations], Batch(name="rollback/bad/1")).compensations
    assert redone.after == SECOND.after
    assert redone.undoes == [once.compensations[0].action_id]


def test_shadow_never_acted_and_is_not_undone() -> None:
    assert undone([action(terms(), terms(limit=1), shadow=True)]) == Rollback(compensations=(), skipped=(), done=())


def test_shadow_does_not_count_as_a_change_since() -> None:
    assert len(undone([FIRST, action(terms(), terms(limit=1), day=9, batch="good/1", shadow=True)]).compensations) == 1


@pytest.mark.parametrize(("since", "until", "undoes"), [(1, 8, 1), (1, 9, 2), (2, 9, 1), (9, 12, 0)])
def test_a_range_of_time_holds_its_beginning_and_not_its_end(since: int, until: int, undoes: int) -> None:
    batch = Batch(since=START + since * DAY, until=START + until * DAY)
    ids = {FIRST.action_id, SECOND.action_id}
    rollback = undone([FIRST, SECOND], batch)
    found = [each for made in rollback.compensations for each in made.undoes]
    # The first alone cannot be undone: the second has acted since.
    assert len(rollback.skipped) == (1 if (since, until) == (1, 8) else 0)
    assert len(found) == (0 if rollback.skipped else undoes)
    assert set(found) <= ids


def test_a_range_without_end_does_not_undo_its_own_compensations() -> None:
    batch = Batch(since=START)
    once = undone([FIRST], batch)
    again = undone([FIRST, *once.compensations], batch)
    assert (again.compensations, again.done) == ((), (once.compensations[0].action_id,))


def test_a_batch_of_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="names a policy's version or a range of time"):
        Batch()


def test_what_gets_worse_by_a_rollback_is_in_force_after_its_notice() -> None:
    generous = action(terms(), terms(limit=1_200_000, rate_bp=1_500), day=1)
    (made,) = undone([generous], notice=Notice(limit_days=7, rate_days=30)).compensations
    assert (made.limit_from, made.rate_from, made.effective_from) == (AT + 7 * DAY, AT + 30 * DAY, AT + 30 * DAY)


def test_what_gets_better_by_a_rollback_is_in_force_at_once() -> None:
    (made,) = undone([FIRST], notice=Notice(limit_days=7, rate_days=30)).compensations
    assert (made.limit_from, made.rate_from) == (AT, AT)


def test_what_was_announced_and_is_not_in_force_is_not_among_the_terms_before() -> None:
    announced = action(terms(), terms(limit=800_000, rate_bp=2_100), day=1, limit_days=7, rate_days=30)
    (made,) = undone([announced]).compensations
    assert (made.before, made.after) == (terms(limit=800_000), terms())


def test_terms_in_force_follow_what_replaced_an_announcement() -> None:
    announced = action(terms(), terms(rate_bp=2_100), day=1, rate_days=30)
    once = undone([announced])
    assert terms_at([announced], START + 40 * DAY) == terms(rate_bp=2_100)
    assert terms_at([announced, *once.compensations], START + 40 * DAY) == terms()


def test_a_limit_that_is_not_in_force_yet_is_not_among_the_terms() -> None:
    announced = action(terms(), terms(limit=800_000), day=1, limit_days=7)
    assert terms_at([announced], START + 7 * DAY) == terms()
    assert terms_at([announced], START + 8 * DAY) == terms(limit=800_000)


def test_a_part_that_the_batch_did_not_touch_is_told_as_it_is_in_force() -> None:
    announced = action(terms(), terms(rate_bp=2_100), day=0, rate_days=10, batch="good/1")
    freeze = action(terms(), terms(frozen=True), day=1)
    (made,) = undone([announced, freeze]).compensations
    assert (made.moves, made.before, made.after) == (
        ["frozen"], terms(rate_bp=2_100, frozen=True), terms(rate_bp=2_100),
    )  # fmt: skip


def test_what_a_further_rollback_brought_back_is_undone_by_undoing_that_one_alone() -> None:
    once = undone([FIRST]).compensations
    twice = undone([FIRST, *once], Batch(name="rollback/bad/1")).compensations
    rollback = undone([FIRST, *once, *twice])
    assert (rollback.compensations, [each.changed_by for each in rollback.skipped]) == ((), [once[0].action_id])
    (made,) = undone([FIRST, *once, *twice], Batch(name="rollback/rollback/bad/1")).compensations
    assert made.after == terms()

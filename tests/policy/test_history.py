"""What was published, for a reader, and what a rollback goes back to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from publications import hour, published

from riskwatch.policy.history import NothingBefore, in_force, one_before, shadows, standings
from riskwatch.policy.publication import Publication

PLACE = ("bank", "cash-instalments", "CNY")


def told(now: float, *publications: Publication) -> list[tuple[str, str]]:
    return [(each.publication.policy.name, each.state) for each in standings(publications, hour(now))]


def rolled_back(at: float, to: Publication, current: Publication) -> Publication:
    return replace(to, published_at=hour(at), in_force_from=hour(at), rolls_back=current.version)


def test_every_publication_stands_as_the_instants_say() -> None:
    own = (
        published(1, "first"), published(2, "never", start=9), published(3, "second", start=5),
        published(4, "third", start=20),
    )  # fmt: skip
    states = [("first", "in force"), ("never", "never in force"), ("second", "waits"), ("third", "waits")]
    assert told(4.9, *own) == states
    assert told(5, *own) == [("first", "was in force"), states[1], ("second", "in force"), states[3]]


def test_shadows_stand_by_version_and_withdrawals_end_them() -> None:
    own = (published(1, "live"), published(2, "try", start=4, mode="shadow"), published(6, "try", mode="withdrawn"))
    assert told(3, *own) == [("live", "in force"), ("try", "shadow waits")]
    assert told(4, *own)[1] == ("try", "shadow")
    assert told(6, *own)[1] == ("try", "shadow ended")
    assert [each.policy.name for each in shadows(own[:2], PLACE, hour(3))] == ["try"]
    assert shadows(own, PLACE, hour(7)) == []


def test_what_is_in_force_is_the_latest_published() -> None:
    own = (published(1, "first"), published(2, "second", start=5))
    assert in_force(own, PLACE, hour(0)) is None
    assert in_force(own, PLACE, hour(4)) == own[0]
    assert in_force(own, PLACE, hour(5)) == own[1]


def test_a_rollback_goes_to_the_publication_before() -> None:
    first, second = published(1, "first"), published(2, "second")
    assert one_before([first, second], PLACE, hour(3)) == (second, first)


def test_a_second_rollback_goes_further_back_not_forth() -> None:
    first, second, third = published(1, "first"), published(2, "second"), published(3, "third")
    back = rolled_back(4, second, third)
    assert one_before([first, second, third, back], PLACE, hour(5)) == (back, first)


def test_after_a_rollback_what_is_published_next_rolls_back_to_what_was_rolled_back_to() -> None:
    first, second = published(1, "first"), published(2, "second")
    back, third = rolled_back(3, first, second), published(4, "third")
    assert one_before([first, second, back, third], PLACE, hour(5)) == (third, back)


def test_the_same_policy_published_twice_is_one_step() -> None:
    first, again, second = published(1, "first"), published(3, "second"), published(2, "second")
    current, before = one_before([first, second, again], PLACE, hour(4))
    assert (current.policy.name, before.policy.name) == ("second", "first")


def test_what_waits_and_what_is_in_shadow_is_no_step_of_a_rollback() -> None:
    own = [published(1, "first"), published(2, "second"), published(3, "waits", start=9)]
    own.append(published(4, "shadow", mode="shadow"))
    current, before = one_before(own, PLACE, hour(5))
    assert (current.policy.name, before.policy.name) == ("second", "first")


def test_where_nothing_was_published_there_is_nothing_to_go_back_to() -> None:
    with pytest.raises(NothingBefore, match="nothing was published for cash-instalments in CNY of bank"):
        one_before([published(1, tenant="*")], PLACE, hour(5))


def test_the_first_publication_has_none_before_it() -> None:
    with pytest.raises(NothingBefore, match=r"is all that was published .* workers' own policies decided"):
        one_before([published(1)], PLACE, hour(5))

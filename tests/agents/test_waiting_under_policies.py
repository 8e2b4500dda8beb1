"""Applications that wait for answers while policies change: each is decided by the policy of its own place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policy_entries import policy, published
from shared_journal import Log, World, applied, at, refold

from riskwatch.policy.lendingbook import LendingBook
from riskwatch.streams.decisions import encode_decision


def publish(world: World, minutes: float, name: str, **fields: object) -> None:
    world._fold(published(minutes, name, **fields))


def names(world: World) -> list[str]:
    return [trail.decision.policy for trail in world.decisions]


def changed(log: Log, *cuts: int) -> list[str]:
    batches, _ = refold(World().program, log, *cuts)
    return [trail.decision.policy for folded in batches for trail in folded.decisions]


def waiting() -> World:
    """An application at minute 0, a policy published at once, another application, then the answers to both."""
    world = World(prompt=False).say(applied("c1", 0))
    publish(world, 0, "new")
    world.say(applied("c2", 1))
    world.answer()
    return world


def test_an_application_that_waits_is_decided_by_the_policy_of_its_own_place() -> None:
    assert names(waiting()) == ["cash-instalments", "new"]


def test_at_its_deadline_too() -> None:
    world = World(prompt=False).say(applied("c1", 0))
    publish(world, 0, "new")
    world.say(at(0.8))
    assert names(world) == ["cash-instalments"]


def test_a_deadline_is_that_of_the_policy_of_its_own_place() -> None:
    world = World(prompt=False)
    publish(world, 0, "patient", deadline_ms=5_000)
    world.say(applied("c1", 0))
    publish(world, 0.01, "hasty", deadline_ms=10)
    world.say(at(4.999))
    assert names(world) == []
    world.say(at(5))
    assert names(world) == ["patient"]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_that_does_not_depend_on_how_the_log_is_cut(size: int) -> None:
    world = waiting()
    cuts = range(size, len(world.log), size)
    assert changed(world.log, *cuts) == names(world)


def test_a_shadow_is_assessed_on_the_answers_that_the_decision_had() -> None:
    world = World().say(*[applied(f"c{n}", n, device_id="shared") for n in range(3)])
    program = replace(world.program, shadows=LendingBook([policy("try")]))
    batches, _ = refold(program, world.log)
    live = [trail for folded in batches for trail in folded.decisions]
    shadow = [trail for folded in batches for trail in folded.shadow_decisions]
    assert [trail.inputs["links.device_customers"] for trail in shadow] == [1.0, 2.0, 3.0]
    assert [trail.inputs for trail in shadow] == [trail.inputs for trail in live]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_nothing_acts_on_a_shadow_while_applications_wait(size: int) -> None:
    world = World().say(*[applied(f"c{n}", n, device_id="shared") for n in range(4)], at(30))
    beside = replace(world.program, shadows=LendingBook([policy("try", deadline_ms=1)]))
    cuts = range(size, len(world.log), size)
    with_shadows, rows = refold(beside, world.log, *cuts)
    without, plain_rows = refold(world.program, world.log, *cuts)
    assert sum(len(folded.shadow_decisions) for folded in with_shadows) == 4
    assert rows == plain_rows
    for one, other in zip(with_shadows, without, strict=True):
        assert list(map(encode_decision, one.decisions)) == list(map(encode_decision, other.decisions))
        assert (one.probes, one.alerts, one.undecided, one.counts) == (
            other.probes, other.alerts, other.undecided, other.counts,
        )  # fmt: skip


def test_nobody_waits_for_what_only_a_shadow_reads() -> None:
    other = LendingBook(each for each in World().program.lending.policies if each.product != "cash-instalments")
    world = World(prompt=False, book=other)
    world.program = replace(world.program, shadows=LendingBook([policy("try")]))
    world.say(applied("c1", 0))
    assert (world.partition.undecided, world.decisions) == (set(), [])

"""The learner agent over fakes: its models learn apart, are promoted apart, and go on from their own snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from riskwatch.agents.learning import LearnerAgent
from riskwatch.agents.metrics import Metrics
from riskwatch.scoring.inputs import MODEL_INPUTS
from riskwatch.scoring.learner import Learner
from riskwatch.scoring.linear import decode_model
from riskwatch.scoring.settings import ARREARS, LEARNING, TRANSACTION_FRAUD, PromotionPolicy
from riskwatch.streams.outputs import TrainingExample, encode_output
from riskwatch.streams.packing import payload_of

START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = PromotionPolicy(every_examples=200, positives_at_least=10)


class Outbox:
    def __init__(self) -> None:
        self.topics: dict[str, list[tuple[bytes | None, bytes]]] = {}

    async def write(self, topic: str, number: int, items: Any, owned: Callable[[], bool]) -> None:
        self.topics.setdefault(topic, []).extend((key, value) for key, value, _, _ in items)

    def values(self, name: str) -> list[bytes]:
        return [value for _, value in self.topics.get(f"riskwatch.{name}.v1", [])]


def agent(outbox: Outbox) -> LearnerAgent:
    async def read_last(topic: str, number: int, count: int) -> list[bytes]:
        return [value for _, value in outbox.topics.get(topic, [])][-count:]

    app = SimpleNamespace(consumer=SimpleNamespace(owns=lambda message: True))
    return LearnerAgent(
        app=app, outbox=outbox, metrics=Metrics(), prefix="riskwatch", partitions=2,  # type: ignore[arg-type]
        read_last=read_last, promotion=POLICY,
    )  # fmt: skip


def examples(model: str, count: int, seed: int) -> list[TrainingExample]:
    random = Random(seed)
    names = [each.feature for each in MODEL_INPUTS[model]]
    made = []
    for number in range(count):
        label = random.random() < 0.3
        vector: list[float | None] = [random.gauss(float(label), 1.0) for _ in names]
        made.append(
            TrainingExample(
                example_id=f"{model}-{seed}-{number}", model=model, model_version=0, tenant="bank", customer_id="c",
                event_id="0", occurred_at=START, labelled_at=START + timedelta(minutes=number), score=None, label=label,
                names=names, vector=vector,
            )
        )  # fmt: skip
    return made


FRAUD, LATE = examples(TRANSACTION_FRAUD, 500, 1), examples(ARREARS, 500, 2)
MIXED = [each for pair in zip(FRAUD, LATE, strict=True) for each in pair]


def message(made: list[TrainingExample], start: int) -> Any:
    records = [SimpleNamespace(offset=start + at, value=encode_output(each)) for at, each in enumerate(made)]
    return SimpleNamespace(value=records)


def taught(outbox: Outbox, *cuts: int, anew: bool = False) -> None:
    bounds = [0, *cuts, len(MIXED)]

    async def run() -> None:
        learner = agent(outbox)
        for start, end in pairwise(bounds):
            learner = agent(outbox) if anew else learner
            await learner._take(message(MIXED[start:end], start))

    asyncio.run(run())


def newest(outbox: Outbox) -> dict[str, bytes]:
    found = {}
    for value in outbox.values("model-snapshots"):
        found[Learner.restore(value).name] = value
    return found


def test_each_model_learns_from_its_own_examples_alone() -> None:
    outbox = Outbox()
    taught(outbox)
    alone = Learner(ARREARS, MODEL_INPUTS[ARREARS], LEARNING[ARREARS])
    alone.learn(LATE, range(1, 1000, 2))
    learned = Learner.restore(newest(outbox)[ARREARS], MODEL_INPUTS[ARREARS])
    assert learned.examples == 500
    assert learned.model(0).weights == alone.model(0).weights


def test_each_model_is_promoted_by_itself_into_every_partition() -> None:
    outbox = Outbox()
    taught(outbox)
    models = [decode_model(payload_of(value)) for value in outbox.values("journal")]
    assert sorted((model.name, model.version) for model in models) == [
        (ARREARS, 1), (ARREARS, 1), (ARREARS, 2), (ARREARS, 2),
        (TRANSACTION_FRAUD, 1), (TRANSACTION_FRAUD, 1), (TRANSACTION_FRAUD, 2), (TRANSACTION_FRAUD, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("anew", [False, True])
def test_where_the_topic_is_cut_and_who_goes_on_changes_nothing(anew: bool) -> None:
    whole, cut = Outbox(), Outbox()
    taught(whole)
    taught(cut, 1, 77, 400, 401, 650, anew=anew)
    assert newest(cut) == newest(whole)
    assert sorted(cut.values("journal")) == sorted(whole.values("journal"))


def test_one_models_bad_snapshot_does_not_lose_the_others() -> None:
    outbox = Outbox()
    taught(outbox)
    topic = outbox.topics["riskwatch.model-snapshots.v1"]
    topic[-1] = (topic[-1][0], b"nothing that a learner wrote")
    restored = asyncio.run(agent(outbox)._restore())
    assert sorted(learner.examples for learner in restored.values()) == [0, 500]


def test_an_example_of_a_model_that_is_not_learned_is_passed_over() -> None:
    outbox = Outbox()
    strange = [*examples(ARREARS, 3, 3)]
    asyncio.run(agent(outbox)._take(message([*strange[:1], _of("another", strange[1]), *strange[2:]], 0)))
    assert Learner.restore(newest(outbox)[ARREARS]).examples == 2


def _of(model: str, example: TrainingExample) -> TrainingExample:
    from msgspec.structs import replace

    return replace(example, model=model)

"""The learner agent: one worker of the group owns the training topic and learns its models; the others score with what
it promotes.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Outbox, Revoked
from riskwatch.scoring.faults import ModelFault
from riskwatch.scoring.inputs import MODEL_INPUTS
from riskwatch.scoring.linear import encode_model
from riskwatch.scoring.settings import LEARNING, PromotionPolicy
from riskwatch.streams import topics
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import TrainingExample, decode_training_example, encode_output
from riskwatch.streams.packing import pack_broadcast

if TYPE_CHECKING:
    from riskwatch.scoring.learner import Learner

log = structlog.get_logger(__name__)

SLICE = 200
"""Examples learned before other agents of the process get a turn: about 5 ms."""

ReadLast = Callable[[str, int, int], Awaitable[list[bytes]]]
"""Topic, partition, count → the values of its newest records, in order."""
Read = list[tuple[int, TrainingExample]]
"""Examples with their offsets."""


class LearnerAgent:
    """Learns in the training topic's order. A batch is finished once the snapshot that holds it is acknowledged."""

    def __init__(
        self, *, app: Any, outbox: Outbox, metrics: Metrics, prefix: str, partitions: int, read_last: ReadLast,
        promotion: PromotionPolicy,
    ) -> None:  # fmt: skip
        self._app = app
        self._outbox = outbox
        self._metrics = metrics
        self._partitions = partitions
        self._read_last = read_last
        self._promotion = promotion
        self._journal = topics.full_name(topics.JOURNAL, prefix)
        self._snapshots = topics.full_name(topics.MODEL_SNAPSHOTS, prefix)
        self._model_metrics = topics.full_name(topics.MODEL_METRICS, prefix)
        self._learners: dict[str, Learner] | None = None

    async def agent(self, stream: Any) -> None:
        """Faust agent: batches of training examples."""
        async for event in stream.noack().events():
            message = event.message
            consumer = self._app.consumer
            if not consumer.begin(message):
                continue
            try:
                await self._take(message)
            except Revoked:
                self.forget()
                consumer.abandon(message)
                continue
            consumer.finish(message)

    def forget(self) -> None:
        """The training topic has gone to another worker, or may have been there meanwhile."""
        self._learners = None

    async def _take(self, message: Any) -> None:
        if self._learners is None:
            self._learners = await self._restore()
        read = self._read(message.value)
        for learner in self._learners.values():
            await self._teach(learner, read.get(learner.name, []), message)
        # All of them, in one order, whatever was learned: so the newest records of the topic are one of each model.
        owned = partial(self._app.consumer.owns, message)
        for name, learner in self._learners.items():
            key = name.encode()
            await self._outbox.write(self._snapshots, 0, [(key, learner.snapshot(), (), None)], owned)
            await self._outbox.write(self._model_metrics, 0, [(key, encode_output(learner.metrics()), (), None)], owned)

    async def _teach(self, learner: Learner, left: Read, message: Any) -> None:
        while left:
            # Promotions are decided at multiples of SLICE examples, however the topic is cut into batches: so a learner
            # that repeats them after a crash promotes the same models under the same versions.
            count = SLICE - learner.examples % SLICE
            self._learn(learner, left[:count])
            left = left[count:]
            if learner.examples % SLICE == 0 and learner.due_for_promotion(self._promotion):
                await self._promote(learner, message)
            await asyncio.sleep(0)

    def _read(self, records: Sequence[Any]) -> dict[str, Read]:
        """The examples by model."""
        read: dict[str, Read] = {}
        for record in records:
            try:
                example = decode_training_example(record.value)
            except (msgspec.MsgspecError, TypeError) as error:
                log.warning("example-refused", offset=record.offset, error=str(error))
                continue
            if example.model not in MODEL_INPUTS:
                log.warning("example-refused", offset=record.offset, error=f"there is no model {example.model!r}")
                continue
            read.setdefault(example.model, []).append((record.offset, example))
        return read

    def _learn(self, learner: Learner, read: Read) -> None:
        learned = learner.learn([example for _, example in read], [offset for offset, _ in read])
        for outcome in ("learned", "applied_before", "repeated", "refused"):
            self._metrics.examples.labels(learner.name, outcome).inc(getattr(learned, outcome))

    async def _promote(self, learner: Learner, message: Any) -> None:
        """One copy of the model in every journal partition: each says from which of its entries on it scores."""
        model = learner.promote()
        log.info("model-promoted", model=model.name, version=model.version, examples=model.learned_from)
        item: Item = (None, pack_broadcast(Kind.MODEL_PROMOTED, model.created_for_ms, encode_model(model)), (), None)
        owned = partial(self._app.consumer.owns, message)
        await asyncio.gather(
            *[self._outbox.write(self._journal, number, [item], owned) for number in range(self._partitions)]
        )
        self._metrics.journal_entries.labels("model").inc(self._partitions)

    async def _restore(self) -> dict[str, Learner]:
        """Goes on from the newest snapshots; begins anew, and says so, where there is none of a model that can be
        read."""
        make = await import_learner()
        found: dict[str, Learner] = {}
        for data in await self._read_last(self._snapshots, 0, len(MODEL_INPUTS)):
            try:
                learner = make.restore(data)
                if learner.name in MODEL_INPUTS:
                    found[learner.name] = make.restore(data, MODEL_INPUTS[learner.name])
            except ModelFault as error:
                log.error("snapshot-refused", error=str(error))
        return {name: found.get(name) or make(name, inputs, LEARNING[name]) for name, inputs in MODEL_INPUTS.items()}


async def import_learner() -> type[Learner]:
    """River takes 2 to 5 s to import: done beside the other agents, and not before the worker is ready."""
    module = await asyncio.to_thread(importlib.import_module, "riskwatch.scoring.learner")
    learner: type[Learner] = module.Learner
    return learner

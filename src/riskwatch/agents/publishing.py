"""Writes outputs; one that the broker takes in no size is kept as a dead letter, like any record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from riskwatch.agents.metrics import Metrics
from riskwatch.agents.outbox import Item, Outbox
from riskwatch.agents.refusals import refused_letters
from riskwatch.streams import topics
from riskwatch.streams.topics import Topic


class Publishing:
    """Outputs of one agent. `names`: full names of topics by their short ones."""

    def __init__(self, *, outbox: Outbox, metrics: Metrics, prefix: str, now: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._now = now
        self.names = {topic.name: topics.full_name(topic, prefix) for topic in topics.TOPICS}

    async def write(self, topic: Topic, number: int, items: list[Item], owned: Callable[[], bool]) -> None:
        """Returns when all are acknowledged. Raises `Revoked` when `owned` turns false before."""
        if not items:
            return
        name = self.names[topic.name]
        receipt = await self._outbox.write(name, number, items, owned)
        if receipt.refused:
            self._metrics.refused_outputs.labels(name).inc(len(receipt.refused))
            message = "the broker refused the output of this size"
            letters = refused_letters(
                name, number, receipt.refused, code="output-refused", message=message, now=self._now()
            )
            await self.bury(number, letters, "output-refused", owned)

    async def bury(self, number: int, letters: list[Item], code: str, owned: Callable[[], bool]) -> None:
        """Writes dead letters, all of one code."""
        await self._outbox.write(self.names[topics.DEAD_LETTERS.name], number, letters, owned)
        self._metrics.dead_letters.labels(code).inc(len(letters))

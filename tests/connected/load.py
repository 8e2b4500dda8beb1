"""Events for workers that are struck: a simulated portfolio, small and quick, and ways to publish it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

from riskwatch.lab.portfolio import simulate
from riskwatch.streams.publisher import Publisher


def portfolio(seed: int = 1, customers: int = 60, days: int = 60) -> list[Any]:
    """Two months in the lives of some customers, every planted story among them: about 110 events a customer."""
    return list(simulate(Random(seed), customers=customers, days=days).events())


def slices(events: Sequence[Any], count: int) -> list[Sequence[Any]]:
    """The events in `count` parts of nearly one size, in order."""
    bounds = [len(events) * at // count for at in range(count + 1)]
    return [events[low:high] for low, high in pairwise(bounds)]


async def publish(broker: str, prefix: str, events: Sequence[Any]) -> None:
    """Publishes events, all acknowledged when it returns."""
    async with Publisher(broker, prefix=prefix, source=None) as publisher:
        await publisher.publish_many(events)

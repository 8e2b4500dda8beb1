"""What the demo hears of loans and lines of credit while it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

from aiokafka import TopicPartition

from riskwatch.lab.floor import Debt, Floor
from riskwatch.lab.scene import Scene
from riskwatch.lab.watching import Watcher
from riskwatch.streams.accountactions import AnyAction, decode_action
from riskwatch.streams.collections import decode_collection
from riskwatch.streams.loanmoves import decode_move
from riskwatch.streams.topics import ACCOUNT_ACTIONS, COLLECTION_ACTIONS, LOAN_MOVES, Topic, full_name


class Desk:
    """Hears what the worker says of loans, lines of credit and collections, and passes it on."""

    topics: tuple[Topic, ...] = (LOAN_MOVES, ACCOUNT_ACTIONS, COLLECTION_ACTIONS)

    def __init__(self, scene: Scene, floor: Floor, prefix: str) -> None:
        self._scene, self._floor = scene, floor
        self._takes: dict[str, Callable[[bytes], None]] = {
            full_name(LOAN_MOVES, prefix): self._move,
            full_name(ACCOUNT_ACTIONS, prefix): self._line,
            full_name(COLLECTION_ACTIONS, prefix): self._collection,
        }
        self._heard: dict[TopicPartition, int] = {}
        self._known: set[str] = set()

    def hear(self, record: Any) -> None:
        """Takes in a record of one of the topics."""
        self._heard[TopicPartition(record.topic, record.partition)] = record.offset + 1
        self._takes[record.topic](record.value)

    def _move(self, value: bytes) -> None:
        move = decode_move(value)
        if move.move_id not in self._known:
            self._known.add(move.move_id)
            self._scene.stages.hear(move)
            self._floor.owes((move.tenant, move.loan_id), Debt(move.currency, move.past_due))

    def _line(self, value: bytes) -> None:
        action = decode_action(value)
        if action.action_id not in self._known:
            self._known.add(action.action_id)
            self._scene.lines.update(changes(action))

    def _collection(self, value: bytes) -> None:
        self._floor.hear(decode_collection(value))

    async def heard_all(self, watcher: Watcher, seconds: float) -> None:
        """Returns once everything that the topics hold now has been heard. Raises `TimeoutError`."""
        ends = await watcher.ends(self.topics)
        deadline = time.monotonic() + seconds
        while any(self._heard.get(tp, 0) < end for tp, end in ends.items()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"what the worker said of loans was not heard within {seconds:g} s")
            await asyncio.sleep(0.01)


def changes(action: AnyAction) -> Iterator[str]:
    """What an action changes of a line, in words."""
    before, after = action.before, action.after
    if before.grade is None and after.grade is not None:
        yield "first grades"
    elif "limit" in action.moves and after.limit != before.limit:
        yield "limits raised" if after.limit > before.limit else "limits cut"
    if "rate" in action.moves and None not in (before.rate_bp, after.rate_bp) and before.rate_bp != after.rate_bp:
        yield "rates raised" if (after.rate_bp or 0) > (before.rate_bp or 0) else "rates cut"
    if before.frozen != after.frozen:
        yield "frozen" if after.frozen else "unfrozen"

"""What tests plant in a worker: a rule that fails, a write that never ends, a clock that is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskwatch.features.layout import Layout
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.rules import base_policy, compile_rules

FAILING_AMOUNT = 66_600
"""The planted rule fails on a purchase of this amount, and fires on one above `FIRING_AMOUNT`."""
FIRING_AMOUNT = 9_000_000


def failing_rules(layout: Layout) -> RuleSet:
    """The base policy, one rule of which fails on some purchases."""
    rules = compile_rules(base_policy(), layout.names)
    name = next(each.rule.name for each in rules.rules if "PurchaseMade" in each.rule.on and not each.rule.shadow)
    return rules.with_condition(name, _condition)


def _condition(entries: Any, features: Any) -> Any:
    if (entries["amount"] == FAILING_AMOUNT).any():
        raise ZeroDivisionError("planted")
    return np.asarray(entries["amount"] > FIRING_AMOUNT)


def plant_failing_rule() -> None:
    from riskwatch.agents import attaching

    attaching.rules_of = lambda settings, layout: failing_rules(layout)


def plant_endless_write() -> None:
    """Writes of alerts wait for ever, as a client may whose future got lost."""
    import asyncio

    from riskwatch.agents.outbox import Outbox

    write = Outbox.write

    async def endless(self: Any, topic: str, *args: Any, **kwargs: Any) -> Any:
        if ".journal." in topic:
            return await write(self, topic, *args, **kwargs)
        return await asyncio.Event().wait()

    Outbox.write = endless  # type: ignore[method-assign]


def plant_clock(hours: str) -> None:
    """The worker's clock is wrong by so many hours."""
    from riskwatch.agents import attaching, ground

    now = ground.now_ms
    ground.now_ms = attaching.now_ms = lambda: now() + int(float(hours) * 3_600_000)


PLANTS: dict[str, Any] = {
    "failing-rule": plant_failing_rule,
    "endless-write": plant_endless_write,
    "clock": plant_clock,
}

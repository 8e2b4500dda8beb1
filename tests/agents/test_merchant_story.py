"""The simulated shop that fails, and the other merchants of its town, through monitor and links."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from shared_journal import World

from riskwatch.lab.portfolio import simulate
from riskwatch.lab.verdicts import by_story
from riskwatch.streams.events import InstalmentDue, LoanApplied, LoanOpened, RepaymentReceived

LENDING = (LoanApplied, LoanOpened, InstalmentDue, RepaymentReceived)


@pytest.mark.parametrize("seed", [7, 8])
def test_the_shop_is_found_within_weeks_and_no_other_merchant_is_disturbed(seed: int) -> None:
    portfolio = simulate(Random(seed), customers=150, days=100)
    world = World()
    day = None
    for event in portfolio.events():
        if isinstance(event, LENDING):
            if event.occurred_at.date() != day:
                day = event.occurred_at.date()
                world.say(event.occurred_at)
            world.say(event)
    alerts = [alert for alert in world.alerts if alert.rule == "merchant-trouble"]
    stories = {each.story: each for each in by_story(world.alerts, portfolio.truths)}
    assert (stories["merchant-trouble"].planted, stories["merchant-trouble"].alerted) == (1, 1)
    assert stories["merchant-as-usual"].alerted == 0
    assert stories["merchant-as-usual"].planted == 240
    (truth,) = [each for each in portfolio.truths if each.kind == "merchant-trouble"]
    assert alerts[0].occurred_at - truth.begins < timedelta(days=28)

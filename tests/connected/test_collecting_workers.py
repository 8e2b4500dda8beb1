"""Collections with workers as in production, one of them killed in the middle: what is ordered is what the journal
alone says, each action once, and the queue is what is open."""

from __future__ import annotations

import signal
import time
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from figures import figure
from load import publish, slices
from oracle import check_all
from reading import read_collections
from worker_process import plant

from riskwatch.streams import events
from riskwatch.streams.collections import ActionClosed, CollectionAction, work_queue
from riskwatch.streams.packing import to_ms

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
CUSTOMERS = 240
DAYS = 45
DUE_NEAR = 28
"""The day after which due dates come near: every batch from then on orders something."""


def common(event_id: str, customer: int, day: float) -> dict[str, Any]:
    at = START + timedelta(days=day)
    return {"event_id": event_id, "tenant": "bank", "customer_id": f"c{customer}", "occurred_at": at}


def lives(random: Random) -> list[events.AnyEvent]:
    """A loan each, due after a month. A third pay in time, a third late, a third not; some promise (at
    two in the afternoon, when messages are out), consent, dispute.
    Time passes for everybody: somebody logs in twice a day."""
    said: list[events.AnyEvent] = [
        events.LoginSucceeded(**common(f"login-{half}", half % CUSTOMERS, half / 2)) for half in range(2 * DAYS)
    ]
    for n in range(CUSTOMERS):
        due = date(2026, 4, 1) + timedelta(days=n % 5)
        loan = {"loan_id": f"l{n}", "currency": "CNY"}
        schedule = [
            events.Instalment(number=number, due_on=due + timedelta(days=30 * number), amount=100_000 + n)
            for number in range(6)
        ]
        said.append(
            events.LoanOpened(
                **common(f"open-{n}", n, n / 300), **loan, product="cash-instalments", principal=600_000,
                schedule=[events.Instalment(number=each.number + 1, due_on=each.due_on, amount=each.amount)
                          for each in schedule],
            )
        )  # fmt: skip
        if n % 2:
            said.append(events.ConsentChanged(**common(f"sms-{n}", n, 1 + n / 300), channel="sms", given=True))
        if n % 3 < 2:
            day = 29.0 if n % 3 == 0 else 33 + 8 * random.random()
            said.append(events.RepaymentReceived(**common(f"pay-{n}", n, day), **loan, amount=100_000 + n))
        elif n % 4 == 0:
            said.append(
                events.PromiseMade(
                    **common(f"promise-{n}", n, 36 + n // 4 % 2 + 13 / 24),
                    **loan,
                    amount=100_000,
                    pay_by=date(2026, 4, 12),
                )
            )
        elif n % 5 == 0:
            said.append(events.ConcernRaised(**common(f"dispute-{n}", n, 37 + 13 / 24), concern="dispute"))
    return sorted(said, key=lambda each: each.occurred_at)


async def test_a_worker_killed_amid_collecting_orders_what_the_journal_says_and_nothing_twice(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    said = lives(Random(7))
    due_near = START + timedelta(days=DUE_NEAR)
    before = [each for each in said if each.occurred_at < due_near]
    middle, after = slices([each for each in said if each.occurred_at >= due_near], 2)
    began = time.monotonic()
    async with plant(
        broker, fresh_prefix, member="one", commit_seconds=0.1, event_tick_seconds=10_800, batch_records=200
    ) as workers:
        first = workers.start("one")
        await publish(broker, fresh_prefix, before)
        await workers.settled()
        assert (await first.stop())[0] == 0
        struck = workers.start("one", fault="after-outputs:3")
        await publish(broker, fresh_prefix, middle)
        assert await struck.ended() == -signal.SIGKILL
        workers.start("one")
        await publish(broker, fresh_prefix, after)
        await workers.settled(workers=workers.workers[-1:])
        outcome = await check_all(broker, fresh_prefix)
        records = await read_collections(broker, fresh_prefix)
        figures = await workers.workers[-1].metrics()
    seconds = time.monotonic() - began
    actions = {each.action_id: each for each in records if isinstance(each, CollectionAction) and not each.holdout}
    closed = {each.action_id: each for each in records if isinstance(each, ActionClosed)}
    assert {"reminder-push", "push", "sms", "review"} <= {each.treatment for each in actions.values()}
    assert {"expired", "payment"} <= {each.ending for each in closed.values()}
    assert set(closed) <= set(actions)
    now = max(each.decided_at for each in actions.values())
    queue = work_queue(records, now)
    assert queue
    assert {each.action_id for each in queue} == {
        name for name, each in actions.items() if name not in closed and to_ms(each.expires_at) > to_ms(now)
    }
    assert figures.get("collection_actions_stopped_total", 0.0) == 0.0
    figure(
        pytestconfig, "kill -9 amid collecting", **outcome._asdict(), orders=len(actions), closings=len(closed),
        repeats=len(records) - len({(type(each), each.action_id) for each in records}), queue=len(queue),
        seconds=seconds,
    )  # fmt: skip

import asyncio

import pytest
from aiohttp import ClientSession

from riskwatch.agents.health import Readiness, Watchdog, serve
from riskwatch.agents.metrics import Metrics


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def barked():
    return []


@pytest.fixture
def watchdog(clock, barked):
    watchdog = Watchdog(clock, barked.append, limit=30)
    watchdog.assigned([("journal", 0)])
    return watchdog


@pytest.fixture
async def worker():
    class Worker:
        metrics = Metrics()
        readiness = Readiness()

        async def get(self, path):
            async with (
                ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.endpoints.port}{path}") as reply,
            ):
                return reply.status, await reply.text()

    worker = Worker()
    worker.endpoints = await serve(worker.metrics, worker.readiness, "127.0.0.1", 0)
    yield worker
    await worker.endpoints.close()


async def test_a_worker_without_a_reason_is_ready(worker):
    assert await worker.get("/ready") == (200, '{"ready":true,"reasons":{}}')


async def test_a_recovering_worker_is_not_ready_and_says_why(worker):
    worker.readiness.set("recovery", "2 of 4 partitions restored")
    assert await worker.get("/ready") == (503, '{"ready":false,"reasons":{"recovery":"2 of 4 partitions restored"}}')


async def test_a_reason_that_is_cleared_makes_it_ready_again(worker):
    worker.readiness.set("recovery", "restoring")
    worker.readiness.set("recovery", None)
    assert (await worker.get("/ready"))[0] == 200


async def test_a_worker_that_is_not_ready_still_lives(worker):
    worker.readiness.set("broker", "away")
    assert await worker.get("/live") == (200, "alive\n")


async def test_the_ready_gauge_follows_readiness(worker):
    worker.readiness.set("broker", "away")
    assert worker.metrics.value("riskwatch_ready") == 0
    worker.readiness.set("broker", None)
    assert worker.metrics.value("riskwatch_ready") == 1


async def test_metrics_are_served_in_the_form_of_prometheus(worker):
    worker.metrics.late.inc(3)
    status, text = await worker.get("/metrics")
    assert status == 200
    assert "riskwatch_late_total 3.0" in text.splitlines()


async def test_a_taken_port_is_an_error(worker):
    with pytest.raises(OSError, match="address already in use"):
        await serve(Metrics(), Readiness(), "127.0.0.1", worker.endpoints.port)


async def test_closed_endpoints_answer_nobody(worker):
    endpoints = await serve(Metrics(), Readiness())
    await endpoints.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", endpoints.port)


def test_two_reasons_are_cleared_one_by_one():
    readiness = Readiness()
    readiness.set("recovery", "restoring")
    readiness.set("broker", "away")
    readiness.set("recovery", None)
    assert readiness.reasons == {"broker": "away"}
    assert not readiness.ready


def test_a_partition_with_lag_and_no_progress_is_found_after_the_limit(watchdog, clock):
    watchdog.saw("journal", 0, position=5, end=9)
    clock.now += 30
    assert watchdog.check() == ["journal[0] stands still at offset 5 of 9 for 30 s"]


def test_just_before_the_limit_it_is_not(watchdog, clock):
    watchdog.saw("journal", 0, position=5, end=9)
    clock.now += 29.9
    assert watchdog.check() == []


def test_progress_restarts_the_time(watchdog, clock):
    watchdog.saw("journal", 0, position=5, end=9)
    clock.now += 20
    watchdog.saw("journal", 0, position=6, end=9)
    clock.now += 20
    assert watchdog.check() == []


def test_more_lag_alone_is_no_progress(watchdog, clock):
    watchdog.saw("journal", 0, position=5, end=9)
    clock.now += 20
    watchdog.saw("journal", 0, position=5, end=500)
    clock.now += 10
    assert len(watchdog.check()) == 1


def test_without_lag_standing_still_is_rest(watchdog, clock):
    watchdog.saw("journal", 0, position=9, end=9)
    clock.now += 3_600
    assert watchdog.check() == []


def test_the_first_record_after_a_long_rest_has_its_full_time(watchdog, clock):
    watchdog.saw("journal", 0, position=9, end=9)
    clock.now += 3_600
    watchdog.saw("journal", 0, position=9, end=10)
    assert watchdog.check() == []
    clock.now += 30
    assert len(watchdog.check()) == 1


def test_a_stall_is_reported_once_while_it_lasts(watchdog, clock, barked):
    watchdog.saw("journal", 0, position=5, end=9)
    clock.now += 30
    watchdog.check()
    watchdog.check()
    assert barked == ["journal[0] stands still at offset 5 of 9 for 30 s"]


def test_a_second_stall_is_reported_again(watchdog, clock, barked):
    for position in (5, 6):
        watchdog.saw("journal", 0, position=position, end=9)
        watchdog.check()
        clock.now += 30
        watchdog.check()
    assert len(barked) == 2


def test_a_partition_that_went_to_another_worker_cannot_stall(watchdog, clock):
    watchdog.saw("journal", 0, position=5, end=9)
    watchdog.assigned([("journal", 1)])
    clock.now += 60
    watchdog.saw("journal", 0, position=5, end=9)
    assert watchdog.check() == []


def test_an_assignment_gives_every_partition_its_full_time(watchdog, clock):
    watchdog.saw("journal", 0, position=5, end=9)
    clock.now += 29
    watchdog.assigned([("journal", 0)])
    watchdog.saw("journal", 0, position=5, end=9)
    clock.now += 29
    assert watchdog.check() == []

"""The measurements. Each runs one system on topics of its own, ends it, and leaves neither process nor topic behind."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bench.load import STEP_SECONDS, count_records, delete_topics, publish_backlog
from bench.measure import AlertClock, Arrival, Sampler, latency, missing, steady
from bench.mix import Population, events, planted
from bench.systems import Job, Name, place_of
from riskwatch.lab.children import Child
from riskwatch.lab.probe import wait_until

LONGEST_SECONDS = 240.0
WARM_UP_SECONDS = 5.0
_GRACE_SECONDS = 3.0
_AFTER_START_SECONDS = 3.0
"""Between a system's first work and the load: what it still imports and compiles in the background is done by then."""
_APART_SECONDS = 1.5
"""Planted events of a customer that come closer are not waited for: the rule's cooldown is a second."""
_QUIET_SECONDS = 0.5
"""After the load, no alert for so long: all are out."""
_SETTLE_SECONDS = {"riskwatch": 4.0, "faust": 6.0, "quix": 8.0, "bytewax": 13.0}
"""Longer than each system's interval between commits or snapshots, so that a stop leaves nothing to do again."""


class Bench(Struct, frozen=True, kw_only=True):
    """The ground of a whole run: the broker, its process, a folder for state and logs, and when backlogs begin (seconds
    since 1970): event `i` of a backlog has the same time for every system, so that the alerts must be the same too."""

    broker: str
    broker_pid: int
    folder: Path
    origin: float


class Throughput(Struct, kw_only=True):
    """A backlog worked off. Processor time is microseconds a record, in the steady part; memory the peak, bytes."""

    system: str
    customers: int
    records: int
    seconds: float
    records_per_second: float
    cpu_us: float
    broker_cpu_us: float
    peak_bytes: int
    dead_letters: int
    alerts: int
    processes: int = 1
    others_cores: float = 0.0
    """Processors that programs outside the benchmark kept busy meanwhile: near 0 on an idle machine."""


class Live(Struct, kw_only=True):
    """Load at a steady rate. Latencies in seconds from occurrence to the alert at its reader."""

    system: str
    rate: int
    seconds: float
    p50: float | None
    p99: float | None
    alerts: int
    sustained: bool
    behind: float
    cpu_us: float
    broker_cpu_us: float
    peak_bytes: int
    start_seconds: float


class Recovery(Struct, kw_only=True):
    """State restored on an empty disk. `seconds`: process start to the first work done in every partition.
    `start_seconds`: the same with nothing to restore, measured right afterwards."""

    system: str
    customers: int
    seconds: float
    start_seconds: float
    source: str


@contextmanager
def _running(bench: Bench, job: Job, log: str = "system") -> Iterator[tuple[Child, Sampler]]:
    child = job.start(bench.folder / f"{job.place.group}-{log}.log")
    try:
        sampler = Sampler(child.pid, bench.broker_pid)
        try:
            yield child, sampler
        finally:
            sampler.close()
    finally:
        child.stop(10)


@contextmanager
def _job(bench: Bench, system: Name, run: str, processes: int = 1) -> Iterator[tuple[Job, AlertClock]]:
    job = place_of(system, run, bench.broker, bench.folder, processes)
    job.create_topics()
    clock = AlertClock(bench.broker, [job.place.alerts])
    try:
        yield job, clock
    finally:
        clock.close()
        delete_topics(bench.broker, job.place.group)
        shutil.rmtree(job.place.folder.parent, ignore_errors=True)


def _wait(child: Child, clock: AlertClock, what: str, round_: int = 0, seconds: float = LONGEST_SECONDS) -> None:
    def done() -> bool:
        child.check()
        return clock.sentinels_done(round_)

    wait_until(done, seconds=seconds, what=what)


def backlog(
    bench: Bench,
    system: Name,
    run: str,
    population: Population,
    records: int,
    step: float = STEP_SECONDS,
    processes: int = 1,
) -> tuple[Throughput, list[Arrival]]:
    """Works off a backlog of `records`. Where the population is introduced first, only what follows is measured."""
    introduced = population.customers if population.introduce else 0
    total = introduced + records
    with _job(bench, system, run, processes) as (job, clock):
        publish_backlog(bench.broker, job.place.input, population, total, start=bench.origin, step=step)
        with _running(bench, job) as (child, sampler):
            _wait(child, clock, f"{system}: a backlog of {total:,}")
            time.sleep(0.3)  # one more sample after the last alert
            arrivals = clock.arrivals()
            part = steady(arrivals, records, skip=introduced)
            spent = sampler.spent(part.start, part.end)
            peak = sampler.peak_bytes()
            dead_letters = count_records(bench.broker, job.place.dead_letters)
    measured = Throughput(
        system=system,
        customers=population.customers,
        records=records,
        seconds=part.end - part.start,
        records_per_second=part.rate,
        cpu_us=spent.system / part.records * 1e6,
        broker_cpu_us=spent.broker / part.records * 1e6,
        peak_bytes=peak,
        dead_letters=dead_letters,
        alerts=len(arrivals),
        processes=processes,
        others_cores=spent.others / spent.at,
    )
    return measured, arrivals


def live(bench: Bench, system: Name, run: str, population: Population, rate: int, seconds: float) -> Live:
    """Load of `rate` events/s for `seconds` after a warm-up, and how long the alerts take."""
    whole = seconds + WARM_UP_SECONDS
    sequence = itertools.islice(events(population), int(rate * whole))
    expected = [n for n in planted(sequence, apart=rate * _APART_SECONDS) if n >= rate * WARM_UP_SECONDS]
    with _job(bench, system, run) as (job, clock):
        publish_backlog(bench.broker, job.place.input, population, 0, start=time.time() - 600)
        began = time.monotonic()
        with _running(bench, job) as (child, sampler):
            _wait(child, clock, f"{system}: start", seconds=90)
            start_seconds = time.monotonic() - began
            time.sleep(_AFTER_START_SECONDS)
            load_began = time.time()
            load = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "bench.load",
                    f"--broker={bench.broker}",
                    f"--topic={job.place.input}",
                    f"--rate={rate}",
                    f"--seconds={whole}",
                    f"--customers={population.customers}",
                ],
                check=True,
                capture_output=True,
                text=True,
                timeout=whole * 3 + 30,
                cwd=Path(__file__).parents[1],
            )
            ended = json.loads(load.stdout)["ended"]
            _wait_for_planted(clock, expected, ended + _GRACE_SECONDS)
            child.check()
            measured = latency(clock.arrivals(), rate=rate, warm_up=WARM_UP_SECONDS, planted=expected, end=ended)
            spent = sampler.spent(max(load_began + WARM_UP_SECONDS, ended - seconds), ended)
            peak = sampler.peak_bytes()
    sent = rate * seconds
    return Live(
        system=system,
        rate=rate,
        seconds=seconds,
        p50=_finite(measured.p50),
        p99=_finite(measured.p99),
        alerts=measured.alerts,
        sustained=measured.sustained,
        behind=min(measured.behind, whole),
        cpu_us=spent.system / sent * 1e6,
        broker_cpu_us=spent.broker / sent * 1e6,
        peak_bytes=peak,
        start_seconds=start_seconds,
    )


def recovery(bench: Bench, system: Name, run: str, population: Population) -> Recovery:
    """Fills the state with one event for each customer, ends the system, empties its disk (where state is recovered
    from the broker), and measures a new start."""
    with _job(bench, system, run) as (job, clock):
        count = population.customers
        publish_backlog(bench.broker, job.place.input, population, count, start=bench.origin)
        with _running(bench, job, "fill") as (child, _):
            _wait(child, clock, f"{system}: {count:,} customers")
            time.sleep(_SETTLE_SECONDS[system])
        source = "its own files" if system == "bytewax" else "changelog"
        if source == "changelog":
            shutil.rmtree(job.place.folder)
        seconds = _start(bench, job, clock, "recover", 1)
        start_seconds = _start(bench, job, clock, "again", 2) if source == "changelog" else 0.0
    if source != "changelog":  # it reads its files at every start: only a job without state shows what a start takes
        with _job(bench, system, f"{run}-start") as (job, clock):
            start_seconds = _start(bench, job, clock, "start", 0)
    return Recovery(
        system=system,
        customers=count,
        seconds=seconds,
        start_seconds=start_seconds,
        source=source,
    )


def _start(bench: Bench, job: Job, clock: AlertClock, log: str, round_: int) -> float:
    """Seconds from the start of the system to the alerts of a round of sentinels, which wait in every partition."""
    publish_backlog(bench.broker, job.place.input, Population(customers=1), 0, start=time.time() - 600, round_=round_)
    began = time.monotonic()
    with _running(bench, job, log) as (child, _):
        _wait(child, clock, f"{job.system}: {log}", round_)
        seconds = time.monotonic() - began
        time.sleep(_SETTLE_SECONDS[job.system])  # commits what it did, so that the next start does not do it again
    return seconds


def _wait_for_planted(clock: AlertClock, expected: list[int], until: float) -> None:
    """Waits for the alerts of all planted events, then for a stretch without alerts, at most to a time; a system that
    has fallen behind does not get there."""
    while missing(clock.arrivals(), expected) and time.time() < until:
        time.sleep(0.1)
    before = -1
    while len(clock.arrivals()) != before and time.time() < until:
        before = len(clock.arrivals())
        time.sleep(_QUIET_SECONDS)


def _finite(value: float) -> float | None:
    return value if value == value else None

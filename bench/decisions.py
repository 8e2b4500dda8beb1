"""Decisions on applications: how many a second, and how long after the application while other events flow.

No peer does this job, so there is no ratio: the load, the broker and the worker share the machine.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # type: ignore[import-untyped]
from msgspec import Struct

from bench.applying import applications
from bench.job import policy_toml
from bench.load import PARTITIONS, create_topics, delete_topics, publish_all
from bench.measure import Sampler, quantile
from riskwatch.lab.children import Child, start_child
from riskwatch.lab.probe import wait_until

WARM_UP_SECONDS = 5.0
_WARM = 40
_PATIENT = """extends = "cash-instalments"
name = "bench-patient"
tenant = "*"
product = "cash-instalments"

[lending]
deadline_ms = 60_000
"""
"""A backlog is no live stream: the question is how many decisions a second are made with all their answers."""
_CHECKOUT = Path(__file__).parents[1]


class Decided(Struct, kw_only=True):
    """`what`: "backlog", or "live" at `rate` applications and `others` other events a second. Latencies in seconds from
    occurrence to the decision at its reader; `unanswered`: decided at the deadline, without all answers."""

    what: str
    decisions: int
    per_second: float
    rate: int = 0
    others: int = 0
    p50: float | None = None
    p99: float | None = None
    slowest: float | None = None
    unanswered: int = 0
    cpu_us: float = 0.0
    broker_cpu_us: float = 0.0
    peak_bytes: int = 0


class _Cause(Struct):
    event_id: str


class _Reason(Struct):
    code: str


class _Decision(Struct):
    cause: _Cause
    occurred_at: datetime
    reasons: list[_Reason]


class DecisionClock:
    """Reads the decisions of one run, in a thread: event id → (when it came out, how long after it occurred, whether
    answers were missing). A decision that comes again counts once."""

    def __init__(self, broker: str, topic: str) -> None:
        self._consumer = Consumer({
            "bootstrap.servers": broker, "group.id": f"bench-decisions-{time.time_ns()}", "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        })  # fmt: skip
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
        self.found: dict[str, tuple[float, float, bool]] = {}
        self._failure: Exception | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def count(self, prefix: str) -> int:
        """Decisions on applications whose event ids begin so. Raises what stopped the reading."""
        if self._failure is not None:
            raise self._failure
        return sum(event_id.startswith(prefix) for event_id in list(self.found))

    def close(self) -> None:
        self._ending.set()
        self._thread.join(10)
        self._consumer.close()

    def _read(self) -> None:
        decode = msgspec.json.Decoder(_Decision).decode
        try:
            while not self._ending.is_set():
                message = self._consumer.poll(0.1)
                if message is None:
                    continue
                at = time.time()
                if message.error() is not None:
                    raise RuntimeError(f"reading the decisions failed: {message.error()}")
                decision = decode(message.value() or b"")
                missing = any(reason.code == "links-missing" for reason in decision.reasons)
                took = at - decision.occurred_at.timestamp()
                self.found.setdefault(decision.cause.event_id, (at, took, missing))
        except Exception as failure:
            self._failure = failure


class _Ground:
    """A worker on topics of its own."""

    def __init__(self, bench: Any, run: str) -> None:
        self.broker: str = bench.broker
        self.group = f"bench-{run}"
        self.folder = bench.folder / self.group
        self.folder.mkdir(parents=True)
        self.applications, self.others = (f"{self.group}.{name}.v1" for name in ("applications", "transactions"))
        create_topics(self.broker, [self.applications, self.others, f"{self.group}.decisions.v1"])
        self.clock = DecisionClock(self.broker, f"{self.group}.decisions.v1")

    def start(self, lending: str) -> Child:
        policy = self.folder / "policy.toml"
        policy.write_text(policy_toml())
        options = {
            "broker": self.broker, "store": "rocksdb", "lending": lending, "collections": "off",
            "policy": policy,
            "data-dir": self.folder / "state", "prefix": self.group, "group": self.group, "partitions": PARTITIONS,
            "metrics-port": 0,
        }  # fmt: skip
        command = [sys.executable, "-m", "riskwatch", "worker"]
        command += [f"--{name}={value}" for name, value in options.items()]
        return start_child("riskwatch", command, log=self.folder / "worker.log", cwd=_CHECKOUT)

    def warm(self, child: Child) -> None:
        """Applications until the worker decides, and a pause in which what is left of its start is done."""
        publish_all(self.broker, self.applications, itertools.islice(applications("w", seed=3), _WARM))
        self.wait(child, lambda: self.clock.count("w") >= _WARM, 90)
        time.sleep(3)

    def wait(self, child: Child, done: Callable[[], bool], seconds: float) -> None:
        def looked() -> bool:
            child.check()
            return done()

        wait_until(looked, seconds=seconds, what="decisions")

    def load(self, module: str, topic: str, rate: int, seconds: float, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", module, f"--broker={self.broker}", f"--topic={topic}", f"--rate={rate}"]
        command += [f"--seconds={seconds}", *more]
        return subprocess.Popen(command, cwd=_CHECKOUT, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        self.clock.close()
        delete_topics(self.broker, self.group)
        shutil.rmtree(self.folder, ignore_errors=True)


def decided_backlog(bench: Any, count: int) -> Decided:
    """A backlog of applications worked off, each decided with all its answers."""
    ground = _Ground(bench, "decided-backlog")
    try:
        lending = ground.folder / "lending"
        lending.mkdir()
        (lending / "patient.toml").write_text(_PATIENT)
        child = ground.start(str(lending))
        try:
            ground.warm(child)
            sampler = Sampler(child.pid, bench.broker_pid)
            try:
                publish_all(ground.broker, ground.applications, itertools.islice(applications(), count))
                ground.wait(child, lambda: ground.clock.count("a") >= count, 240)
                time.sleep(0.3)
                found = [seen for event_id, seen in ground.clock.found.items() if event_id.startswith("a")]
                times = sorted(at for at, _, _ in found)
                first = len(times) // 10
                spent = sampler.spent(times[first], times[-1])
                peak = sampler.peak_bytes()
            finally:
                sampler.close()
        finally:
            child.stop(10)
    finally:
        ground.close()
    steady = len(times) - 1 - first
    return Decided(
        what="backlog",
        decisions=len(times),
        per_second=steady / (times[-1] - times[first]),
        unanswered=sum(missing for _, _, missing in found),
        cpu_us=spent.system / steady * 1e6,
        broker_cpu_us=spent.broker / steady * 1e6,
        peak_bytes=peak,
    )


def decided_live(bench: Any, rate: int, others: int, seconds: float) -> Decided:
    """Applications at a steady rate beside other events, after a warm-up."""
    ground = _Ground(bench, f"decided-live{rate}")
    whole = seconds + WARM_UP_SECONDS
    try:
        child = ground.start("packaged")
        try:
            ground.warm(child)
            sampler = Sampler(child.pid, bench.broker_pid)
            try:
                loads = [ground.load("bench.load", ground.others, others, whole, "--without-applications")]
                loads.append(ground.load("bench.applying", ground.applications, rate, whole))
                said = [json.loads(load.communicate(timeout=whole * 3 + 30)[0]) for load in loads]
                ended = max(each["ended"] for each in said)
                sent = int(said[1]["sent"])
                with_grace = time.time() + 5
                ground.wait(child, lambda: ground.clock.count("a") >= sent or time.time() > with_grace, 30)
                spent = sampler.spent(ended - seconds, ended)
                peak = sampler.peak_bytes()
            finally:
                sampler.close()
        finally:
            child.stop(10)
        skipped = int(rate * WARM_UP_SECONDS)
        found = [ground.clock.found.get(f"a{number:08d}") for number in range(skipped, sent)]
    finally:
        ground.close()
    lost = found.count(None)
    if lost:
        raise RuntimeError(f"{lost} of {len(found)} applications had no decision 5 s after the load")
    took = sorted(each[1] for each in found if each is not None)
    return Decided(
        what="live",
        decisions=len(took),
        per_second=len(took) / seconds,
        rate=rate,
        others=others,
        p50=quantile(took, 0.5),
        p99=quantile(took, 0.99),
        slowest=took[-1],
        unanswered=sum(each[2] for each in found if each is not None),
        cpu_us=spent.system / (seconds * (rate + others)) * 1e6,
        broker_cpu_us=spent.broker / (seconds * (rate + others)) * 1e6,
        peak_bytes=peak,
    )

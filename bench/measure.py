"""The instruments: a clock on the alert topics, and a sampler of processor time and memory. Both are the same for every
system."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil  # type: ignore[import-untyped]
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # type: ignore[import-untyped]

from bench.job import PLANTED_RULE
from bench.load import PARTITIONS
from bench.mix import SENTINELS

_SAMPLE_SECONDS = 0.1


class _Cause(msgspec.Struct):
    event_id: str


class _Alert(msgspec.Struct):
    """What is read of an alert, riskwatch's or a peer's: they share these fields."""

    rule: str
    cause: _Cause
    occurred_at: datetime


class Arrival(NamedTuple):
    """An alert as it came out: when (seconds since 1970), by which rule, about which event, and how long after it
    occurred."""

    at: float
    rule: str
    event_id: str
    latency: float

    @property
    def number(self) -> int:
        """Place of the event in the sequence of the mix; -1 for a sentinel."""
        return int(self.event_id[1:]) if self.event_id[0] == "e" else -1


class AlertClock:
    """Reads the alert topics of one run from their beginning, in a thread, and notes when each alert comes out."""

    def __init__(self, broker: str, topics: Sequence[str]) -> None:
        self._consumer = Consumer({
            "bootstrap.servers": broker, "group.id": f"bench-clock-{time.time_ns()}", "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        })  # fmt: skip
        self._consumer.assign(
            [TopicPartition(topic, p, OFFSET_BEGINNING) for topic in topics for p in range(PARTITIONS)]
        )
        self._arrivals: list[Arrival] = []
        self._sentinels: Counter[int] = Counter()
        self._failure: Exception | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def arrivals(self) -> list[Arrival]:
        """Every alert until now, in the order of arrival. Raises what stopped the reading."""
        if self._failure is not None:
            raise self._failure
        return self._arrivals[:]

    def sentinels_done(self, round_: int = 0) -> bool:
        """Whether all sentinels of a round have come out. Raises what stopped the reading."""
        if self._failure is not None:
            raise self._failure
        return self._sentinels.get(round_, 0) >= SENTINELS

    def close(self) -> None:
        self._ending.set()
        self._thread.join(10)
        self._consumer.close()

    def _read(self) -> None:
        decode = msgspec.json.Decoder(_Alert).decode
        try:
            while not self._ending.is_set():
                message = self._consumer.poll(0.1)
                if message is None:
                    continue
                at = time.time()
                error = message.error()
                if error is not None:
                    raise RuntimeError(f"reading the alerts failed: {error}")
                alert = decode(message.value() or b"")
                event_id = alert.cause.event_id
                self._arrivals.append(Arrival(at, alert.rule, event_id, at - alert.occurred_at.timestamp()))
                if event_id.startswith("z") and alert.rule == PLANTED_RULE:
                    self._sentinels[int(event_id[1])] += 1
        except Exception as failure:
            self._failure = failure


class Usage(NamedTuple):
    """Processor seconds (user and system) used up to a time. `others`: by neither system, broker nor this process."""

    at: float
    system: float
    broker: float
    others: float


class Sampler:
    """Samples processor time and memory of a system's process (with its children) and of the broker, in a thread."""

    def __init__(self, pid: int, broker_pid: int) -> None:
        self._root = psutil.Process(pid)
        self._broker = psutil.Process(broker_pid)
        self._own = psutil.Process()
        self._family = [self._root]
        self._spent: dict[int, float] = {}
        self._peak: dict[int, int] = {}
        self.usage: list[Usage] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join(10)

    def peak_bytes(self) -> int:
        """Peak resident memory: the high-water marks of the processes, added."""
        return sum(self._peak.values())

    def spent(self, start: float, end: float) -> Usage:
        """Processor seconds between two times, interpolated."""
        first, last = self._at(start), self._at(end)
        return Usage(end - start, *(after - before for before, after in zip(first[1:], last[1:], strict=True)))

    def _at(self, when: float) -> Usage:
        usage = self.usage
        after = min(max(bisect_left(usage, (when,)), 1), len(usage) - 1)
        low, high = usage[after - 1], usage[after]
        share = (when - low.at) / (high.at - low.at)
        return Usage(when, *(before + share * (now - before) for before, now in zip(low[1:], high[1:], strict=True)))

    def _sample(self) -> None:
        rounds = 0
        while not self._ending.wait(_SAMPLE_SECONDS):
            if rounds % 10 == 0:
                self._family = self._children()
            rounds += 1
            for member in self._family:
                try:
                    spent = _seconds(member)
                    self._peak[member.pid] = max(self._peak.get(member.pid, 0), _high_water(member.pid))
                except (psutil.Error, OSError):
                    continue  # it has ended; what it used stays counted
                self._spent[member.pid] = spent
            system, broker, own = sum(self._spent.values()), _seconds(self._broker), _seconds(self._own)
            everything = psutil.cpu_times()
            busy = (
                sum(everything)
                - everything.idle
                - getattr(everything, "iowait", 0.0)
                - getattr(everything, "guest", 0.0)
            )
            self.usage.append(Usage(time.time(), system, broker, busy - system - broker - own))

    def _children(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return [self._root]


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _high_water(pid: int) -> int:
    """Peak resident memory of a process in bytes, as the kernel kept it (VmHWM); now's where the kernel keeps none."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except FileNotFoundError:
        pass
    return int(psutil.Process(pid).memory_info().rss)


class Steady(NamedTuple):
    """The steady part of a backlog: from the arrival of a tenth of the planted alerts to the last."""

    start: float
    end: float
    records: float

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / (self.end - self.start)


def steady(arrivals: Sequence[Arrival], records: int, *, skip: int = 0) -> Steady:
    """How fast a backlog of `records` went, from its planted alerts: they are a fixed random share of it.

    Only events from `skip` on count. Raises `ValueError` where fewer than 20 planted alerts came.
    """
    times = sorted(arrival.at for arrival in arrivals if arrival.rule == PLANTED_RULE and arrival.number >= skip)
    if len(times) < 20:
        raise ValueError(f"{len(times)} planted alerts are too few to measure by")
    first = len(times) // 10
    return Steady(times[first], times[-1], records * (len(times) - 1 - first) / len(times))


class Latency(NamedTuple):
    """Occurrence to alert, seconds, at one rate. `behind` is the latency of the newest alerts when the load ended."""

    p50: float
    p99: float
    alerts: int
    sustained: bool
    behind: float


def missing(arrivals: Iterable[Arrival], planted: Iterable[int]) -> set[int]:
    """The planted events whose alert has not come."""
    return set(planted) - {arrival.number for arrival in arrivals if arrival.rule == PLANTED_RULE}


def latency(arrivals: Sequence[Arrival], *, rate: int, warm_up: float, planted: Sequence[int], end: float) -> Latency:
    """Latency of the alerts about events after `warm_up` seconds of load.

    Sustained: when the load has ended, the system is less than a second behind, and every planted alert came out in the
    time allowed. `planted`: the planted events after the warm-up; `end`: when the load ended.
    """
    counted = [arrival for arrival in arrivals if arrival.number >= warm_up * rate]
    if not counted:
        return Latency(float("nan"), float("nan"), 0, False, float("inf"))
    ordered = sorted(arrival.latency for arrival in counted)
    last = sorted(arrival.latency for arrival in arrivals if end - 1 <= arrival.at <= end)
    behind = last[len(last) // 2] if last else float("inf")
    complete = not missing(counted, planted)
    return Latency(quantile(ordered, 0.5), quantile(ordered, 0.99), len(ordered), complete and behind < 1, behind)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Nearest-rank quantile."""
    return ordered[math.ceil(share * len(ordered)) - 1]

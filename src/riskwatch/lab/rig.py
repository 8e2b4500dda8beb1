"""A broker and a worker for one run of the demo or a replay: started where none is given, ended whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from riskwatch.lab.children import Child, start_child
from riskwatch.lab.embedded import embedded_broker, embedded_redis
from riskwatch.lab.probe import free_port

READY_SECONDS = 120.0
"""The first start after an installation compiles the feature kernel: up to a minute on a busy machine."""


class Rig(Struct, frozen=True, kw_only=True):
    """Where the broker is, and the worker that this run started, if it did."""

    broker: str
    prefix: str
    group: str
    worker: Child | None = None
    port: int = 0
    redis: str | None = None

    def check(self) -> None:
        """Raises `ChildFailed`, with the end of its log, where the worker has ended."""
        if self.worker is not None:
            self.worker.check()

    async def metrics(self) -> dict[str, float]:
        """The worker's metrics, summed over labels, under their names without `riskwatch_`; empty while it does not
        answer.
        """
        if self.worker is None:
            return {}
        text = await asyncio.to_thread(_get, f"http://127.0.0.1:{self.port}/metrics")
        return {} if text is None else sum_metrics(text)


@asynccontextmanager
async def rig(
    broker: str | None = None,
    *,
    worker: bool = True,
    prefix: str = "riskwatch",
    group: str = "riskwatch",
    partitions: int = 4,
    zones: Mapping[str, str] | None = None,
    policy: Path | None = None,
    lending: Path | None = None,
    redis: bool = False,
    tick_seconds: float | None = None,
) -> AsyncIterator[Rig]:
    """A broker (an embedded one unless `broker` is an address) and, where `worker`, a worker on it, ready as the block
    begins.

    The worker keeps its state in memory and takes its ticks from the events' own time, every `tick_seconds` of it where
    that is given; with `redis`, it shows its alerts in an embedded Redis.
    """
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(embedded_broker()) if broker is None else broker
        if not worker:
            yield Rig(broker=address, prefix=prefix, group=group)
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="riskwatch-", ignore_cleanup_errors=True)))
        port = free_port()
        settings = {
            "broker": address,
            "prefix": prefix,
            "group": group,
            "partitions": str(partitions),
            "store": "memory",
            "data_dir": str(folder / "state"),
            "clock": "events",
            "zones": json.dumps(dict(zones or {})),
            "metrics_port": str(port),
            "commit_seconds": "0.05",  # what is committed paces the publisher and ends the run
            "fetch_wait_seconds": "0.01",
            "rebalance_seconds": "2",  # the embedded broker waits half of it before it lets a member join
            "log_level": "warning",
        }
        if tick_seconds is not None:
            settings["event_tick_seconds"] = str(tick_seconds)
        if policy is not None:
            settings["policy"] = str(policy)
        if lending is not None:
            settings["lending"] = str(lending)
        url = f"redis://{await stack.enter_async_context(embedded_redis())}/0" if redis else None
        if url is not None:
            settings["redis"] = url
        child = await asyncio.to_thread(
            start_child,
            "worker",
            [sys.executable, "-m", "riskwatch", "worker"],
            env={f"RISKWATCH_{name.upper()}": value for name, value in settings.items()},
        )
        stack.push_async_callback(asyncio.to_thread, child.stop, 5)
        await _ready(child, port)
        yield Rig(broker=address, prefix=prefix, group=group, worker=child, port=port, redis=url)


async def _ready(child: Child, port: int) -> None:
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/ready") is None:
        child.check()
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"the worker is not ready after {READY_SECONDS:g} s:\n{child.tail()}")
        await asyncio.sleep(0.05)


def _get(url: str) -> str | None:
    """The body of a page that answers 200, else None."""
    with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=2) as answer:
        body: bytes = answer.read()
        return body.decode()
    return None


def sum_metrics(text: str) -> dict[str, float]:
    """Samples of a Prometheus page by name without `riskwatch_`, summed over labels; `name{agent="x"}` and
    `name{outcome="x"}` stay apart as `name.x`.
    """
    sums: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("riskwatch_"):
            continue
        sample, _, value = line.rpartition(" ")
        name, _, labels = sample.removeprefix("riskwatch_").partition("{")
        with contextlib.suppress(ValueError):
            sums[name] = sums.get(name, 0.0) + float(value)
            if labels.startswith(('agent="', 'outcome="')):
                apart = f"{name}.{labels.split(chr(34))[1]}"
                sums[apart] = sums.get(apart, 0.0) + float(value)
    return sums

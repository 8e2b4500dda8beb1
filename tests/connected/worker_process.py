"""Workers as they are in production, each a process of its own, that a test starts, strikes and looks at."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from riskwatch.agents.lag import LagReader
from riskwatch.lab.children import Child, start_child
from riskwatch.lab.probe import free_port
from riskwatch.lab.rig import sum_metrics
from riskwatch.streams import topics
from riskwatch.streams.connecting import BrokerAway
from riskwatch.streams.topics import Topic

HERE = Path(__file__).parent
READY_SECONDS = 90.0
SETTLED_SECONDS = 90.0
EVERY = 0.05


class Worker:
    """One worker process and the port of its pages."""

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self.port = port
        self.started = time.monotonic()

    async def ready(self, seconds: float = READY_SECONDS) -> float:
        """Waits until `/ready` answers 200 → the seconds since the process was started."""
        await until(lambda: self._checked_get("/ready") is not None, seconds, "the worker is ready", self.child.tail)
        return time.monotonic() - self.started

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of the worker's pages; status 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def _checked_get(self, path: str) -> str | None:
        self.child.check()
        status, body = self.get(path)
        return body if status == 200 else None

    async def metrics(self) -> dict[str, float]:
        """Samples by name without `riskwatch_`, summed over labels; empty where the worker does not answer."""
        return sum_metrics((await asyncio.to_thread(self.get, "/metrics"))[1])

    async def ended(self, seconds: float = 60) -> int:
        """Waits for the process's own end → exit code (negative: the signal)."""
        await until(lambda: not self.child.alive, seconds, "the worker ends", self.child.tail)
        return self.child.kill()

    def kill(self) -> None:
        """kill -9."""
        self.child.kill()

    async def stop(self, seconds: float = 15) -> tuple[int, float]:
        """SIGTERM → exit code and the seconds it took. The process is killed after `seconds`."""
        began = time.monotonic()
        code = await asyncio.to_thread(self.child.stop, seconds)
        return code, time.monotonic() - began

    def log(self) -> str:
        return self.child.log.read_text(errors="replace")


class Plant:
    """One prefix on one broker: its group, its workers, their folders. Ends every worker that is left."""

    def __init__(self, broker: str, prefix: str, folder: Path, **settings: Any) -> None:
        self.broker = broker
        self.prefix = prefix
        self.folder = folder
        self.partitions = int(settings.get("partitions", 4))
        self._settings = {
            "partitions": self.partitions, "store": "memory", "clock": "events", "event_tick_seconds": 21_600,
            "roles": "ingest,monitor", "links": False, "commit_seconds": 0.2, "rebalance_seconds": 4,
            "log_level": "warning",
        } | settings  # fmt: skip
        self.workers: list[Worker] = []

    def start(
        self, name: str = "one", *, fault: str | None = None, script: str | None = None,
        env: Mapping[str, str] | None = None, arguments: Sequence[str] = (), **settings: Any,
    ) -> Worker:  # fmt: skip
        """Starts a worker. `name` names its data folder; `script`: a file of this folder to run instead of the CLI."""
        port = free_port()
        merged = self._settings | settings | {
            "broker": self.broker, "prefix": self.prefix, "metrics_port": port,
            "group": settings.get("group", self.prefix),
            "data_dir": self.folder / name,
        }  # fmt: skip
        merged["roles"] = json.dumps(merged["roles"].split(","))
        command = [sys.executable, "-m", "riskwatch", "worker"]
        if script is not None:
            command = [sys.executable, str(HERE / script), *arguments]
        given = {f"RISKWATCH_{key.upper()}": str(value) for key, value in merged.items() if value is not None}
        if fault is not None:
            given["RISKWATCH_FAULT"] = fault
        child = start_child(f"worker-{name}", command, env={**given, **(env or {})})
        worker = Worker(child, port)
        self.workers.append(worker)
        return worker

    async def settled(
        self,
        seconds: float = SETTLED_SECONDS,
        *,
        workers: Sequence[Worker] | None = None,
        without: Sequence[Topic] = (),
    ) -> float:
        """Waits until everything published is committed, and everything journaled → the seconds it took. `without`:
        topics that no worker of the group reads.

        Commits are read before ends: inputs that are all committed have all their entries in the journal.
        """
        began = time.monotonic()
        async with LagReader(self.broker, self.prefix, self.prefix) as reader:
            last: Any = None
            while True:
                with suppress(TimeoutError, BrokerAway):
                    last = [
                        each
                        for each in await asyncio.wait_for(reader.read(), 10)
                        if not any(f".{topic.name}." in each.topic for topic in (*without, topics.TRAINING_EXAMPLES))
                    ]
                    if last and not sum(each.records for each in last):
                        return time.monotonic() - began
                for worker in self.workers if workers is None else workers:
                    if workers is not None or worker.child.process.returncode is None:
                        worker.child.check()
                if time.monotonic() - began > seconds:
                    lagging = [each for each in last or () if each.records]
                    behind = [(each.topic, each.partition, each.committed, each.end) for each in lagging]
                    tails = "\n".join(worker.child.tail() for worker in self.workers[-3:])
                    raise TimeoutError(f"not settled within {seconds:g} s: {behind}\n{tails}")
                await asyncio.sleep(EVERY)

    def close(self) -> None:
        for worker in self.workers:
            worker.child.resume()
            worker.kill()


@asynccontextmanager
async def plant(broker: str, prefix: str, **settings: Any) -> AsyncIterator[Plant]:
    """A `Plant` whose topics exist. `settings`: of every worker, as `riskwatch.agents.settings` names them."""
    from riskwatch.agents.provision import provision
    from riskwatch.streams.connecting import Security

    with TemporaryDirectory(prefix="riskwatch-", ignore_cleanup_errors=True) as folder:
        made = Plant(broker, prefix, Path(folder), **settings)
        await provision(broker, prefix, made.partitions, 1, Security())
        try:
            yield made
        finally:
            await asyncio.to_thread(made.close)


async def until(
    condition: Callable[[], bool], seconds: float, what: str, said: Callable[[], str] = lambda: ""
) -> float:
    """Waits until `condition()` (run in a thread) is true → seconds. Raises `TimeoutError` that names `what`."""
    began = time.monotonic()
    while not await asyncio.to_thread(condition):
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"{what}: not within {seconds:g} s\n{said()}")
        await asyncio.sleep(EVERY)
    return time.monotonic() - began

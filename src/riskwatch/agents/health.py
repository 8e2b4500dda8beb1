"""What a worker tells its surroundings: metrics, whether it lives, whether it is ready and if not, why."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiohttp import web
from msgspec import Struct, json

from riskwatch.agents.metrics import CONTENT_TYPE, Metrics

STALL_SECONDS = 30.0


class Readiness:
    """Why the worker is not ready, by cause (`recovery`, `broker`, `stall` …). Without a cause it is ready."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def set(self, cause: str, reason: str | None) -> None:
        """Gives a cause its reason; None clears it."""
        if reason is None:
            self._reasons.pop(cause, None)
        else:
            self._reasons[cause] = reason

    @property
    def ready(self) -> bool:
        return not self._reasons

    @property
    def reasons(self) -> dict[str, str]:
        """Cause → reason, in the order in which they came up."""
        return dict(self._reasons)


class Endpoints:
    """The running endpoints; `port` is the one in use, also where 0 was asked for."""

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self.port = port

    async def close(self) -> None:
        await self._runner.cleanup()


async def serve(metrics: Metrics, readiness: Readiness, host: str = "127.0.0.1", port: int = 0) -> Endpoints:
    """Serves `/metrics`, `/live` (200 while the event loop turns) and `/ready` (200, or 503 with the reasons as JSON).

    They show no data of customers and need no login; they listen on loopback unless told otherwise. Raises `OSError`
    where the port is taken.
    """

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        body = json.encode({"ready": readiness.ready, "reasons": readiness.reasons})
        return web.Response(body=body, status=200 if readiness.ready else 503, content_type="application/json")

    metrics.ready.set_function(lambda: float(readiness.ready))
    app = web.Application()
    app.add_routes([web.get("/metrics", show_metrics), web.get("/live", live), web.get("/ready", ready)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return Endpoints(runner, int(runner.addresses[0][1]))


class _Seen(Struct):
    position: int
    end: int
    since: float


class Watchdog:
    """Finds assigned partitions that have lag and make no progress.

    Faust's own detector only logs, while a worker that stands still keeps its partitions from the others.

    Feed it with `assigned` after each rebalance (once recovery has ended) and `saw` as offsets move; call `check` every
    few seconds. `clock` gives monotonic seconds. `on_stall` is called once, with the reason, when a stall is first
    found.
    """

    def __init__(
        self, clock: Callable[[], float], on_stall: Callable[[str], None], *, limit: float = STALL_SECONDS
    ) -> None:
        self._clock = clock
        self._on_stall = on_stall
        self._limit = limit
        self._seen: dict[tuple[str, int], _Seen] = {}
        self._stalled = False

    def assigned(self, partitions: Iterable[tuple[str, int]]) -> None:
        """The partitions that are this worker's from now on; each has its full time to make progress."""
        now = self._clock()
        self._seen = {tp: _Seen(position=-1, end=-1, since=now) for tp in partitions}

    def saw(self, topic: str, partition: int, *, position: int, end: int) -> None:
        """`position`: the next offset to be done; `end`: the end of the partition. Not assigned: ignored."""
        seen = self._seen.get((topic, partition))
        if seen is None:
            return
        moved, idle = position != seen.position, seen.position >= seen.end
        if moved or idle:
            seen.since = self._clock()
        seen.position, seen.end = position, end

    def check(self) -> list[str]:
        """A sentence for each partition that stands still; empty when all is well."""
        now = self._clock()
        reasons = [
            f"{topic}[{partition}] stands still at offset {seen.position} of {seen.end} for {now - seen.since:.0f} s"
            for (topic, partition), seen in self._seen.items()
            if seen.position < seen.end and now - seen.since >= self._limit
        ]
        if reasons and not self._stalled:
            self._on_stall("; ".join(reasons))
        self._stalled = bool(reasons)
        return reasons

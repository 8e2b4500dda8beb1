"""When a broker answers: a metadata request by hand, so that waiting for one needs neither an event loop nor a client.

A client would do, but each refused attempt of a client logs an error, and a broker that starts refuses many.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

_METADATA_V1_NO_TOPICS = struct.pack(">hhih9si", 3, 1, 1, 9, b"riskwatch", 0)
"""Kafka protocol: api key 3 (Metadata), version 1, correlation id 1, client id, an empty array of topics."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, until somebody takes it: should that be another, the start fails."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def split_address(address: str) -> tuple[str, int]:
    """`host:port` in its two parts. Raises `ValueError` where it is not that."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise ValueError(f"{address!r} is no broker address: expected host:port, such as 127.0.0.1:9092")
    return host.strip("[]"), int(port)


def answers(address: str, seconds: float = 2) -> bool:
    """Whether a Kafka broker at `address` answers a metadata request and names at least one broker."""
    try:
        with socket.create_connection(split_address(address), timeout=seconds) as connection:
            connection.sendall(struct.pack(">i", len(_METADATA_V1_NO_TOPICS)) + _METADATA_V1_NO_TOPICS)
            size = struct.unpack(">i", _read(connection, 4))[0]
            _correlation, brokers = struct.unpack(">ii", _read(connection, size)[:8])
    except (OSError, EOFError, struct.error):
        return False
    return bool(brokers >= 1)


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str, every: float = 0.02) -> float:
    """Waits until `condition()` is true; returns the seconds that it took. Raises `TimeoutError` naming `what`."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return time.monotonic() - start


def _read(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise EOFError("the broker closed the connection")
        parts += part
    return bytes(parts)

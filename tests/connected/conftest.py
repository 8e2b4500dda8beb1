"""Tests that need a broker as it is in production: Apache Kafka from Maven's jars, else from a container.

RISKWATCH_TEST_BROKER chooses: `maven`, `docker`, `embedded` (for a quick look; not what CI runs), or the `host:port` of
a broker that already runs. Without it: Maven's jars where Java and Maven are, else a container where Docker is, else
the tests skip, unless CI is set: there a missing broker is a failure, for a suite that skips proves nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / room) for room in ("policy", "features")]
"""Their oracles serve here too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.connected)


class Node(Protocol):
    """A broker that a test may strike. Address and data stay the same over its death."""

    address: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def restart(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close(self) -> None: ...


def start_node() -> Node:
    """A Kafka node from Maven's jars or from a container, started. Raises `KafkaMissing` where neither can be had."""
    from riskwatch.lab.kafka import KafkaMissing, KafkaNode

    wanted = os.environ.get("RISKWATCH_TEST_BROKER", "")
    try:
        if wanted == "docker":
            return start_container()
        node = KafkaNode()
        try:
            node.start()
        except BaseException:
            node.close()
            raise
        return node
    except KafkaMissing as missing:
        if wanted == "maven":
            raise
        try:
            return start_container()
        except KafkaMissing as no_container:
            raise KafkaMissing(f"{missing}; {no_container}") from no_container


def start_container() -> Node:
    from kafka_container import ContainerNode

    return ContainerNode()


def missing(reason: object) -> None:
    message = f"the connected tests need more than is here: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def kafka_node() -> Iterator[Node]:
    """A node that the test may stop, kill, pause and start again; leave it running at the end."""
    from riskwatch.lab.kafka import KafkaMissing

    wanted = os.environ.get("RISKWATCH_TEST_BROKER", "")
    if wanted not in ("", "maven", "docker"):
        pytest.skip(f"the broker {wanted!r} is not for striking: leave RISKWATCH_TEST_BROKER unset")
    try:
        node = start_node()
    except KafkaMissing as reason:
        missing(reason)
        raise
    yield node
    node.close()


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of the real Kafka of this run."""
    wanted = os.environ.get("RISKWATCH_TEST_BROKER", "")
    if wanted == "embedded":
        from riskwatch.lab.embedded import start_broker

        address, child = start_broker()
        yield address
        child.kill()
    elif ":" in wanted:
        yield wanted
    else:
        yield request.getfixturevalue("kafka_node").address


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    """`host:port` of a real Redis of this run, empty at its start."""
    from redis import Redis
    from redis.exceptions import ConnectionError as Away

    from riskwatch.lab.children import start_child
    from riskwatch.lab.probe import free_port, wait_until

    binary = shutil.which("redis-server")
    if binary is None:
        missing("no `redis-server` on the PATH")
    port = free_port()
    child = start_child(
        "redis", [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    )

    def up() -> bool:
        child.check()
        try:
            with Redis(port=port) as redis:
                return bool(redis.ping())
        except Away:
            return False

    try:
        wait_until(up, seconds=10, what="Redis")
        yield f"127.0.0.1:{port}"
    finally:
        child.stop()

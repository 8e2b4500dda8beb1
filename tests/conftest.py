"""Fixtures of every room: an embedded broker for the session, and names of topics that nobody else uses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Address of a Kafka-compatible broker in memory. Under tests/connected the same name means real Kafka."""
    from riskwatch.lab.embedded import start_broker

    address, child = start_broker()
    yield address
    child.kill()


@pytest.fixture
def fresh_prefix() -> str:
    """A prefix for the names of topics and groups, so that tests which share a broker do not meet."""
    return f"test{uuid.uuid4().hex[:12]}"

"""A broker that asks for credentials, and lets only some write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from topic_making import make_topics

from riskwatch.lab.kafka import KafkaMissing, KafkaNode
from riskwatch.lab.probe import free_port
from riskwatch.streams.connecting import BrokerAway, BrokerRefused, Security
from riskwatch.streams.events import LoginFailed
from riskwatch.streams.letters import read_letters
from riskwatch.streams.publisher import Publisher
from riskwatch.streams.topics import LOGINS

EVENT = LoginFailed(event_id="e", tenant="acme", customer_id="c", occurred_at=datetime(2024, 5, 1, tzinfo=UTC))
PASSWORDS = {"writer": "correct horse", "stranger": "battery staple"}


class SecuredNode(KafkaNode):
    """A node with a second listener that asks for a password, on which only the writer may do anything."""

    def __init__(self) -> None:
        super().__init__()
        self.secured = f"127.0.0.1:{free_port()}"

    def _properties(self) -> dict[str, str]:
        properties = super()._properties()
        users = " ".join(f'user_{name}="{password}"' for name, password in PASSWORDS.items())
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        for name in ("listeners", "advertised.listeners"):
            properties[name] += f",SECURED://{self.secured}"
        return properties | {
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.secured.plain.sasl.jaas.config": f"{module} required {users};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:writer",
        }


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredNode]:
    try:
        node = SecuredNode()
    except KafkaMissing as missing:
        pytest.skip(f"needs a node of its own, from Maven's jars: {missing}")
    try:
        node.start()
        asyncio.run(make_topics(node.address, [LOGINS], "riskwatch", 1))
        yield node
    finally:
        node.close()


def credentials(username: str, password: str | None = None) -> Security:
    password = PASSWORDS[username] if password is None else password
    return Security(protocol="SASL_PLAINTEXT", mechanism="PLAIN", username=username, password=password)


async def test_the_right_password_lets_an_event_through(secured: SecuredNode) -> None:
    async with Publisher(secured.secured, security=credentials("writer")) as publisher:
        await publisher.publish(EVENT)


async def test_a_wrong_password_is_told_at_once(secured: SecuredNode) -> None:
    began = time.monotonic()
    with pytest.raises(BrokerRefused, match=f"{secured.secured} refuses: .*[Aa]uthentication"):
        async with Publisher(secured.secured, security=credentials("writer", "hunter2")):
            pass
    assert time.monotonic() - began < 5


async def test_the_password_is_not_in_the_error(secured: SecuredNode) -> None:
    with pytest.raises(BrokerRefused) as caught:
        async with Publisher(secured.secured, security=credentials("writer", "hunter2")):
            pass
    assert "hunter2" not in str(caught.value)


async def test_a_user_who_may_not_write_is_told_so(secured: SecuredNode) -> None:
    async with Publisher(secured.secured, security=credentials("stranger"), timeout=5) as publisher:
        with pytest.raises(BrokerRefused, match=r"riskwatch\.logins\.v1"):
            await publisher.publish(EVENT)


async def test_a_client_without_credentials_is_asked_whether_it_needs_them(secured: SecuredNode) -> None:
    with pytest.raises(BrokerAway, match="does it ask for TLS or credentials"):
        async with Publisher(secured.secured, timeout=2):
            pass


async def test_reading_dead_letters_with_a_wrong_password_is_told_at_once(secured: SecuredNode) -> None:
    with pytest.raises(BrokerRefused):
        async for _ in read_letters(secured.secured, security=credentials("writer", "hunter2")):
            pass

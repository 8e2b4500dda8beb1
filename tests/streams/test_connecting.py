"""Security settings, and errors that say what is wrong."""

from __future__ import annotations

import ssl

import msgspec
import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    UnknownTopicOrPartitionError,
)

from riskwatch.streams.connecting import (
    BrokerAway,
    BrokerError,
    BrokerRefused,
    Security,
    broker_error,
    client_settings,
    security_from,
    why_away,
)


def test_without_settings_a_broker_has_no_security() -> None:
    assert client_settings(security_from({})) == {"security_protocol": "PLAINTEXT"}


def test_credentials_come_from_the_environment() -> None:
    environment = {
        "RISKWATCH_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "RISKWATCH_SASL_MECHANISM": "PLAIN",
        "RISKWATCH_SASL_USERNAME": "u",
        "RISKWATCH_SASL_PASSWORD": "p",
    }
    assert client_settings(security_from(environment)) == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
    }


def test_tls_verifies_certificates_and_names() -> None:
    context = client_settings(Security(protocol="SSL"))["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="protocol"):
        security_from({"RISKWATCH_SECURITY_PROTOCOL": "TLS"})


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Security(username="u", password="hunter2"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SaslAuthenticationFailed("no"), BrokerRefused),
        (UnknownTopicOrPartitionError(), BrokerRefused),
        (KafkaTimeoutError(), BrokerAway),
        (TimeoutError(), BrokerAway),
        (ConnectionResetError(), BrokerAway),
        (MessageSizeTooLargeError(), BrokerError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_of_the_client_are_told_apart(error: Exception, kind: type[BrokerError]) -> None:
    found = broker_error(error, "kafka:9092")
    assert type(found) is kind
    assert "kafka:9092" in str(found)


async def test_a_refused_connection_is_called_so() -> None:
    assert "Connection refused" in str(await why_away("127.0.0.1:1", Security()))


async def test_an_address_without_port_is_called_so() -> None:
    assert "is not an address" in str(await why_away("kafka", Security()))

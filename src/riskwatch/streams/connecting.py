"""How to reach a broker: security settings, and errors that say what is wrong in a sentence."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    StaleMetadata,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from msgspec import Struct

ENVIRONMENT: Mapping[str, str] = {
    "protocol": "RISKWATCH_SECURITY_PROTOCOL",
    "mechanism": "RISKWATCH_SASL_MECHANISM",
    "username": "RISKWATCH_SASL_USERNAME",
    "password": "RISKWATCH_SASL_PASSWORD",
    "ca_file": "RISKWATCH_SSL_CA_FILE",
    "certificate_file": "RISKWATCH_SSL_CERTIFICATE_FILE",
    "key_file": "RISKWATCH_SSL_KEY_FILE",
}
"""Field of `Security` → the environment variable that gives it."""


class BrokerError(RuntimeError):
    """The broker did not take, or did not give, a record."""


class BrokerAway(BrokerError):
    """No broker answers at the address in time."""


class BrokerRefused(BrokerError):
    """The broker answers, and refuses: wrong credentials, no permission, no such topic, an untrusted certificate."""


class Security(Struct, frozen=True, kw_only=True):
    """How a client proves who it is. The default is a broker without security, as on a developer's machine."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None

    def __repr__(self) -> str:  # a password belongs into no log
        return f"Security(protocol={self.protocol!r}, mechanism={self.mechanism!r}, username={self.username!r})"


def security_from(environment: Mapping[str, str]) -> Security:
    """Reads `ENVIRONMENT`. Raises `msgspec.ValidationError` where a value is not one of those allowed."""
    given = {field: environment[name] for field, name in ENVIRONMENT.items() if environment.get(name)}
    return msgspec.convert(given, Security)


def client_settings(security: Security) -> dict[str, Any]:
    """The keyword arguments of every aiokafka client. Raises `OSError` where a certificate file cannot be read."""
    settings: dict[str, Any] = {"security_protocol": security.protocol}
    if security.protocol.startswith("SASL"):
        settings |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.username or "",
            "sasl_plain_password": security.password or "",
        }
    context = _tls(security)
    return settings if context is None else settings | {"ssl_context": context}


def _tls(security: Security) -> ssl.SSLContext | None:
    if not security.protocol.endswith("SSL"):
        return None
    context = ssl.create_default_context(cafile=security.ca_file)
    if security.certificate_file is not None:
        context.load_cert_chain(security.certificate_file, security.key_file)
    return context


_REFUSALS = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
_ABSENCES = (
    KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError, StaleMetadata,
    asyncio.TimeoutError, OSError,
)  # fmt: skip


def broker_error(error: BaseException, broker: str, topic: str | None = None) -> BrokerError:
    """The error of a client, as a sentence that names the broker."""
    to = f"the broker at {broker}" + (f", topic {topic}," if topic is not None else "")
    if isinstance(error, _REFUSALS):
        return BrokerRefused(f"{to} refuses: {_words(error)}")
    if isinstance(error, UnknownTopicOrPartitionError):
        return BrokerRefused(f"{to} has no such topic; a worker creates the topics when it starts")
    if isinstance(error, _ABSENCES):
        return BrokerAway(f"{to} does not answer: {_words(error)}")
    return BrokerError(f"{to} failed: {_words(error)}")


def _words(error: BaseException) -> str:
    text = str(error) or (error.description if isinstance(error, KafkaError) and hasattr(error, "description") else "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


async def why_away(broker: str, security: Security, seconds: float = 2.0) -> BrokerError:
    """Why no client could be made for `broker`: one more attempt at its first address, whose error is told.

    A client swallows what each address answers, wrong credentials included, and says only that none was left.
    """
    host, _, port = broker.split(",")[0].strip().rpartition(":")
    if not host or not port.isdecimal():
        return BrokerAway(f"{broker!r} is not an address such as 127.0.0.1:9092")
    try:
        async with asyncio.timeout(seconds):
            connection = await create_conn(host, int(port), **client_settings(security))
            try:
                await connection.send(MetadataRequest([]))  # a listener that wants credentials takes the connection
            finally:
                connection.close()
    except ssl.SSLError as error:
        return BrokerRefused(f"the broker at {broker} cannot be trusted, or does not trust this client: {error}")
    except TimeoutError:
        return BrokerAway(f"the broker at {broker} does not answer within {seconds:g} s{_hint(security)}")
    except KafkaConnectionError as error:
        return BrokerAway(f"the broker at {broker} ends the connection: {error}{_hint(security)}")
    except KafkaError as error:
        return broker_error(error, broker)
    except OSError as error:
        return BrokerAway(f"the broker at {broker} does not answer: {_reason(error)}")
    return BrokerAway(f"the broker at {broker} answers now, and did not a moment ago")


def _hint(security: Security) -> str:
    return "" if security.protocol.startswith("SASL") else "; does it ask for TLS or credentials?"


def _reason(error: OSError) -> str:
    """`Connection refused` where asyncio says "Connect call failed ('127.0.0.1', 9092)"."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)

"""One topic of riskwatch, and its name at the broker."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from riskwatch.streams.eventparts import Event

Role = Literal["input", "control", "internal", "output"]

VERSION = "v1"
DEFAULT_PREFIX = "riskwatch"


class Topic(Struct, frozen=True, kw_only=True):
    """One topic. `partitions`: "customer" topics share one partition count, "one" topics have a single partition."""

    name: str
    role: Role
    description: str
    key: str = "customer"
    cleanup: Literal["delete", "compact"] = "delete"
    partitions: Literal["customer", "one"] = "customer"
    event_types: tuple[type[Event], ...] = ()


def full_name(topic: Topic, prefix: str = DEFAULT_PREFIX) -> str:
    """The topic's name at the broker, such as `riskwatch.logins.v1`."""
    return f"{prefix}.{topic.name}.{VERSION}"

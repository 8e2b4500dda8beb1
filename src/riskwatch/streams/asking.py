"""What the commands of this room have in common: options, where they print, how they reach the broker."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from riskwatch.streams.connecting import Security

DEFAULT_BROKER = "127.0.0.1:9092"

Broker = Annotated[str, typer.Option("--broker", envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, host:port.")]
Prefix = Annotated[str, typer.Option("--prefix", envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")]
Institution = Annotated[str, typer.Option("--tenant", help="The institution.")]
Zone = Annotated[
    str | None, typer.Option("--zone", help="IANA zone of times that name none, such as Asia/Shanghai; else refused.")
]


def opened(file: Path) -> AbstractContextManager[BinaryIO]:
    """The file, to be read twice: once to check, once to publish."""
    try:
        return file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from error


def zone_of(name: str | None) -> tzinfo | None:
    """The zone of that name."""
    from zoneinfo import ZoneInfo

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise typer.BadParameter(f"{name} is no time zone: give an IANA name such as Asia/Shanghai") from error


def security() -> Security:
    """From the environment: passwords do not belong into a command line, where other users see them."""
    import msgspec

    from riskwatch.streams.connecting import ENVIRONMENT, security_from

    try:
        return security_from(os.environ)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(f"the environment ({', '.join(ENVIRONMENT.values())}): {error}") from error


def screen(*, stderr: bool = False) -> Console:
    """Where a command prints."""
    from rich.console import Console

    return Console(stderr=stderr)

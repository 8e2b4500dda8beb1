"""Rows of sign-ups: what a row must hold, read value by value, and as bytes that can be sorted outside of memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from ipaddress import IPv4Address
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from riskwatch.lab.tables import Form, instant_ms, minor_units, number, whole

SIGNUPS = Form(
    name="sign-ups",
    columns=(
        "user_id",
        "signup_time",
        "purchase_time",
        "purchase_value",
        "device_id",
        "source",
        "browser",
        "sex",
        "age",
        "ip_address",
        "class",
    ),
)
READ = tuple(column for column in SIGNUPS.columns if column not in ("browser", "sex"))
"""The columns that become part of an event; the others only tell the form."""

_MOST_MONEY = 2**53 - 1
_MOST_USER = 2**53
_EARLIEST, _LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000 for year in (2000, 2099))
N = TypeVar("N")


class Signup(Struct, frozen=True, array_like=True):
    """A row that can be replayed. Times: ms since 1970; `value`: minor units; absent values are None."""

    user: int
    signed_up: int
    bought: int
    value: int
    device: str | None
    source: str | None
    age: int | None
    ip: int | None
    fraud: bool


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Signup)


def read_signup(
    user: Any, signed_up: Any, bought: Any, value: Any, device: Any, source: Any, age: Any, ip: Any, mark: Any
) -> Signup:
    """A row's values in the order of `READ`. Raises `ValueError` with the reason before the first colon.

    An address's number may have a fraction, which means nothing.
    """
    read = Signup(
        user=_between("user_id", _as("user_id", whole, user), 0, _MOST_USER),
        signed_up=_instant("signup_time", signed_up),
        bought=_instant("purchase_time", bought),
        value=_between("purchase_value", _as("purchase_value", minor_units, value), 0, _MOST_MONEY),
        device=None if device is None else _device(str(device)),
        source=None if source is None else str(source),
        age=None if age is None else _between("age", _as("age", whole, age), 0, 120),
        ip=None if ip is None else _between("ip_address", int(_as("ip_address", number, ip) // 1), 0, 2**32 - 1),
        fraud=_between("class", _as("class", whole, mark), 0, 1) == 1,
    )
    if read.bought < read.signed_up:
        raise ValueError("purchase_time is before signup_time")
    return read


def pack_signup(row: Signup) -> bytes:
    """The row as bytes."""
    return _encoder.encode(row)


def unpack_signup(data: bytes | memoryview) -> Signup:
    """The row of these bytes. Raises `msgspec.DecodeError`."""
    return _decoder.decode(data)


def ip_text(ip: int) -> str:
    """An IPv4 address from its number: 732758368 is 43.173.1.96."""
    return str(IPv4Address(ip))


def birth_date(age: int, on: datetime) -> date:
    """The 1 July that makes somebody `age` whole years old on the (UTC) day `on`."""
    year = on.year - age if (on.month, on.day) >= (7, 1) else on.year - age - 1
    return date(year, 7, 1)


def _device(text: str) -> str:
    if not 1 <= len(text) <= 128:
        raise ValueError("device_id has more than 128 characters")
    return text


def _instant(column: str, value: Any) -> int:
    at = _as(column, instant_ms, value)
    # Events are of the years 2000 to 2099, and a verdict comes later.
    if not _EARLIEST <= at < _LATEST:
        raise ValueError(f"{column} is out of range: {value!r}")
    return at


def _between(column: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"{column} is out of range: {value}")
    return value


def _as(column: str, read: Callable[[Any], N], value: Any) -> N:
    if value is None:
        raise ValueError(f"{column} is absent")
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise ValueError(f"{column} cannot be read: {error}") from error

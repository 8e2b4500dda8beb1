"""Made-up sign-ups of a shop, in the form that `riskwatch replay signups` reads, with what is planted among them.

Most customers share nothing. Among them are fraud rings (a device, one or two addresses, purchases seconds after the
sign-up), honest people who share for good reasons (households with one device and address, offices with one address),
and frauds that share nothing, which no link can find. Not modelled on anybody's records: the shares are round numbers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Literal

from msgspec import Struct

from riskwatch.lab.signuprows import SIGNUPS

GroupKind = Literal["ring", "office", "household", "lone-fraud"]

FIRST = datetime(2025, 1, 1)
DAYS = 200
"""Days over which people sign up."""
RING, OFFICE, HOUSEHOLD, LONE_FRAUD = 0.05, 0.10, 0.12, 0.02
"""Shares of the rows."""
RING_SIZES, OFFICE_SIZES, HOUSEHOLD_SIZES = (5, 20), (100, 400), (2, 3)
RING_SECONDS = (1, 9)
"""From a ring's sign-up to its purchase."""
LEAST_ROWS = 1_000
"""Fewer rows hold no office."""


class Group(Struct, frozen=True, kw_only=True):
    """What was planted: the numbers of its customers."""

    kind: GroupKind
    users: tuple[int, ...]


class _Row(Struct):
    """A row to be. `within`: least and most seconds from sign-up to purchase."""

    user: int
    at: float
    within: tuple[int, int]
    device: str
    ip: int
    fraud: bool


_ORDINARY = (600, 60 * 86_400)


class _Numbers:
    """Users, devices and addresses that nobody else has. Addresses are of 240.0.0.0/4, which is reserved: they belong
    to nobody. An odd step walks through all 2^28 of them once, and does not put neighbours into one network."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._user = self._ip = 0
        self._first = random.getrandbits(28)

    def user(self) -> int:
        self._user += self._random.randint(1, 3)
        return self._user

    def device(self) -> str:
        return f"D{self._random.getrandbits(64):016X}"

    def ip(self) -> int:
        self._ip += 1
        return 0xF000_0000 + (self._first + self._ip * 0x9E_3779B) % 2**28


def plant(random: Random, rows: int) -> tuple[list[_Row], list[Group]]:
    """Exactly `rows` rows in no order, and what is planted among them. Raises `ValueError` for fewer than 1,000."""
    if rows < LEAST_ROWS:
        raise ValueError(f"at least {LEAST_ROWS:,} rows are needed to hold an office, not {rows:,}")
    numbers = _Numbers(random)
    made: list[_Row] = []
    groups: list[Group] = []

    def keep(kind: GroupKind, members: list[_Row]) -> None:
        groups.append(Group(kind=kind, users=tuple(member.user for member in members)))
        made.extend(members)

    for size in _sizes(random, int(rows * RING), RING_SIZES):
        keep("ring", _ring(random, numbers, size))
    for size in _sizes(random, int(rows * OFFICE), OFFICE_SIZES):
        ip = numbers.ip()
        keep("office", [_honest(random, numbers, numbers.device(), ip) for _ in range(size)])
    for size in _sizes(random, int(rows * HOUSEHOLD), HOUSEHOLD_SIZES):
        device, ip = numbers.device(), numbers.ip()
        keep("household", [_honest(random, numbers, device, ip) for _ in range(size)])
    for _ in range(int(rows * LONE_FRAUD)):
        lone = _honest(random, numbers, numbers.device(), numbers.ip())
        lone.fraud = True
        keep("lone-fraud", [lone])
    made.extend(_honest(random, numbers, numbers.device(), numbers.ip()) for _ in range(rows - len(made)))
    random.shuffle(made)
    return made, groups


def write_signups(path: Path, random: Random, rows: int) -> list[Group]:
    """Writes a CSV of `rows` rows, unsorted, and returns what is planted in it. The same random numbers give the same
    file. Raises `ValueError` for fewer than 1,000 rows."""
    made, groups = plant(random, rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(SIGNUPS.columns)
        writer.writerows(_fields(random, row) for row in made)
    return groups


def _ring(random: Random, numbers: _Numbers, size: int) -> list[_Row]:
    """One device, one or two addresses, one sign-up after the other within days."""
    device, ips = numbers.device(), [numbers.ip() for _ in range(random.randint(1, 2))]
    at, members = random.uniform(0, DAYS * 0.9) * 86_400, []
    for _ in range(size):
        members.append(_Row(numbers.user(), at, RING_SECONDS, device, random.choice(ips), True))
        at += random.uniform(300, 43_200)
    return members


def _honest(random: Random, numbers: _Numbers, device: str, ip: int) -> _Row:
    return _Row(numbers.user(), random.uniform(0, DAYS) * 86_400, _ORDINARY, device, ip, False)


def _sizes(random: Random, room: int, bounds: tuple[int, int]) -> Iterator[int]:
    """Sizes of groups that fill the room as far as it goes: a last one smaller than the least there may be is not
    made."""
    low, high = bounds
    while room >= low:
        size = min(room, random.randint(low, high))
        room -= size
        yield size


def _fields(random: Random, row: _Row) -> tuple[object, ...]:
    signed_up = FIRST + timedelta(seconds=int(row.at))
    bought = signed_up + timedelta(seconds=random.randint(*row.within))
    return (
        row.user,
        signed_up.isoformat(sep=" "),
        bought.isoformat(sep=" "),
        random.randint(9, 150),
        row.device,
        random.choice(("SEO", "Ads", "Direct")),
        random.choice(("Chrome", "Firefox", "Safari")),
        random.choice("MF"),
        random.randint(18, 70),
        f"{row.ip}.{random.randrange(100_000):05d}",
        int(row.fraud),
    )

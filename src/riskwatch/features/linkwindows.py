"""Counting what is different, in bounded space: HyperLogLog by day (UTC), exact while there is little.

Days reach back `HORIZON` from the newest one. A window of w days is a day and the w before it, so that it reaches
back w days at least and one more at most, as the windows of a customer's row do.

HyperLogLog: Flajolet et al. 2007. Estimator: Ertl 2017, "New cardinality estimation algorithms for HyperLogLog
sketches", algorithm 6, which needs no table of corrections from 0 up; standard error 1.04 / sqrt(registers).
"""

from __future__ import annotations

from math import inf, log, sqrt

import numpy as np
from msgspec import Struct

HORIZON = 30
"""Days before the newest one that are still told apart; also the longest window."""
DAY_MS = 86_400_000

GROWTH_BITS = 10
"""2^10 registers: standard error 3.25 %, 1,024 bytes."""
DAILY_BITS = 8
"""2^8 registers a day: standard error 6.5 %, 256 bytes."""
EXACT_DAILY = 256
"""Hashes within the horizon that are counted one by one."""


def place(hash64: int, bits: int) -> tuple[int, int]:
    """Register and rank of a uint64 hash among 2^bits registers: its first bits, and 1 + the zeros that follow."""
    rest = 64 - bits
    return hash64 >> rest, rest - (hash64 & ((1 << rest) - 1)).bit_length() + 1


def estimate(registers: bytes | bytearray, bits: int) -> float:
    """How many different hashes the registers (one byte each, 0: none) have seen."""
    m, top = 1 << bits, 64 - bits
    counts = np.bincount(np.frombuffer(registers, np.uint8), minlength=top + 2).tolist()
    z = m * _tau(1.0 - counts[top + 1] / m)
    for k in range(top, 0, -1):
        z = 0.5 * (z + counts[k])
    z += m * _sigma(counts[0] / m)
    return 0.0 if z == inf else m * m / (2.0 * log(2.0) * z)


def _sigma(x: float) -> float:
    if x == 1.0:
        return inf
    z, y = x, 1.0
    while True:
        x, before = x * x, z
        z += x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    z, y = 1.0 - x, 1.0
    while True:
        x, before = sqrt(x), z
        y *= 0.5
        z -= (1.0 - x) ** 2 * y
        if z == before:
            return z / 3.0


class Growth:
    """How many different there were up to each day, ever: for a register the days on which its rank rose.

    What is held depends on the set of (hash, day) added and on the newest day, not on their order or number.
    """

    def __init__(self) -> None:
        self.base = bytearray(1 << GROWTH_BITS)
        """Ranks of days before the horizon."""
        self.days: dict[int, dict[int, int]] = {}
        """Day → register → rank, where it is above the base and all earlier days."""

    def add(self, hash64: int, day: int, newest: int) -> None:
        """Note a hash that was there on a day. `newest`: the newest day of all."""
        register, rank = place(hash64, GROWTH_BITS)
        if rank <= self.base[register]:
            return
        if day < newest - HORIZON:
            self.base[register] = rank
            day = newest - HORIZON - 1
        elif any(held <= day and rank <= ranks.get(register, 0) for held, ranks in self.days.items()):
            return
        else:
            self.days.setdefault(day, {})[register] = rank
        for held, ranks in list(self.days.items()):
            if held > day and ranks.get(register, inf) <= rank:
                del ranks[register]
                if not ranks:
                    del self.days[held]

    def advance(self, newest: int) -> None:
        """Let the days that are no longer told apart go into the base."""
        for day in [day for day in self.days if day < newest - HORIZON]:
            for register, rank in self.days.pop(day).items():
                self.base[register] = max(self.base[register], rank)

    def up_to(self, *days: int) -> list[float]:
        """Estimates of how many there were by the end of each of these days, which rise; before the horizon, of all
        before the horizon."""
        registers, found = bytearray(self.base), []
        held = sorted(self.days, reverse=True)
        for day in days:
            while held and held[-1] <= day:
                for register, rank in self.days[held.pop()].items():
                    registers[register] = rank
            found.append(estimate(registers, GROWTH_BITS))
        return found


class GrowthData(Struct, array_like=True, frozen=True):
    """`Growth` as stored. A day: pairs of bytes (register in 10 bits, rank in 6) in order of register, or, where that
    is longer, one byte a register."""

    base: bytes
    days: dict[int, bytes]


def pack_growth(growth: Growth) -> GrowthData:
    """Lossless; the longest is 1 KiB a day and 1 KiB more."""
    return GrowthData(bytes(growth.base), {day: _pack(growth.days[day]) for day in sorted(growth.days)})


def unpack_growth(data: GrowthData) -> Growth:
    """The `Growth` that was packed. Raises `ValueError` for registers that are cut."""
    if len(data.base) != 1 << GROWTH_BITS or any(len(packed) % 2 for packed in data.days.values()):
        raise ValueError("registers are cut")
    growth = Growth()
    growth.base[:] = data.base
    growth.days = {day: _unpack(packed) for day, packed in data.days.items()}
    return growth


def _pack(ranks: dict[int, int]) -> bytes:
    if len(ranks) < 1 << (GROWTH_BITS - 1):
        pairs = [register << 6 | rank for register, rank in sorted(ranks.items())]
        return np.array(pairs, "<u2").tobytes()
    dense = bytearray(1 << GROWTH_BITS)
    for register, rank in ranks.items():
        dense[register] = rank
    return bytes(dense)


def _unpack(packed: bytes) -> dict[int, int]:
    if len(packed) < 1 << GROWTH_BITS:
        return {pair >> 6: pair & 63 for pair in np.frombuffer(packed, "<u2").tolist()}
    return {register: rank for register, rank in enumerate(packed) if rank}


class Daily(Struct, kw_only=True, array_like=True):
    """How many different there were in windows that end on any day within the horizon. Up to `EXACT_DAILY` are held
    one by one (`hashes`, sorted, by day); beyond, registers of each day (`registers`), and it stays with those."""

    hashes: dict[int, list[int]] = {}
    registers: dict[int, bytes] = {}

    def add(self, hash64: int, day: int) -> None:
        """Note a hash on a day within the horizon."""
        if self.registers:
            self._raise(hash64, day)
            return
        held = self.hashes.setdefault(day, [])
        if hash64 in held:
            return
        held.append(hash64)
        held.sort()
        if sum(len(each) for each in self.hashes.values()) > EXACT_DAILY:
            hashes, self.hashes = self.hashes, {}
            for each_day, each_held in hashes.items():
                for each in each_held:
                    self._raise(each, each_day)

    def _raise(self, hash64: int, day: int) -> None:
        register, rank = place(hash64, DAILY_BITS)
        held = self.registers.get(day)
        if held is None:
            held = bytes(1 << DAILY_BITS)
        if rank > held[register]:
            self.registers[day] = held[:register] + bytes((rank,)) + held[register + 1 :]

    def advance(self, newest: int) -> None:
        """Forget the days before the horizon. With none left, counting is exact again."""
        for days in (self.hashes, self.registers):
            for day in [day for day in days if day < newest - HORIZON]:
                del days[day]

    def within(self, first: int, last: int) -> int:
        """How many different there were on the days [first, last]."""
        if not self.registers:
            return len({each for day, held in self.hashes.items() if first <= day <= last for each in held})
        held = [np.frombuffer(each, np.uint8) for day, each in self.registers.items() if first <= day <= last]
        return round(estimate(np.maximum.reduce(held).tobytes(), DAILY_BITS)) if held else 0

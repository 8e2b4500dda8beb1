"""Rows as bytes, bit for bit: rows are mostly zeros, small whole numbers and recent times, and become short.

Form: a bitmap of the bitmap's bytes that are not zero; those bytes (a bit a slot: not zero); a nibble for each such
slot; then the numbers, little-endian. A nibble says how its number is written (`FORMS`). The form does not name the
layout: what is stored under one `Layout.version` must be read under the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from riskwatch.features.row import NEWEST

FORMS = {
    0: "1.0, no bytes",
    1: "whole number, 1 byte",
    2: "whole number, 2 bytes",
    3: "whole number, 3 bytes",
    4: "whole number, 4 bytes",
    5: "whole number, 5 bytes",
    6: "whole number, 6 bytes",
    7: "whole number below 2^53, 7 bytes",
    8: "the 8 bytes as they are (hashes, fractions, anything else)",
    9: "a fraction that float32 holds exactly, 4 bytes",
    10: "a time: newest event time minus 0 to 2^24 - 1 ms, 3 bytes",
    11: "a time: newest event time minus 2^24 to 2^32 - 1 ms, 4 bytes",
    12: "2.0, no bytes",
}
_BITS = 8 * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 4, 3, 4, 0, 0, 0, 0], dtype=np.uint64)
_TIMES_FROM = 2.0**40


@njit(cache=True, nogil=True)
def _pack(rows, words, which, out, ends):  # type: ignore[no-untyped-def]
    n_slots = np.uint64(rows.shape[1])
    groups = n_slots // np.uint64(8)
    tops = (groups + np.uint64(7)) // np.uint64(8)
    used = np.empty(rows.shape[1] + 1, dtype=np.uint64)
    packed = np.empty(rows.shape[1] + 2, dtype=np.uint64)
    in_bytes = packed.view(np.uint8)
    narrow = np.empty(1, dtype=np.float32)
    at = np.uint64(0)
    one = np.uint64(1)
    for k in range(len(which)):
        row, word = rows[which[k]], words[which[k]]
        newest = row[NEWEST]
        top = at
        for place in range(tops):
            out[top + np.uint64(place)] = 0
        at += tops
        count = np.uint64(0)
        for group in range(groups):
            first = np.uint64(group) * np.uint64(8)
            anything = np.uint64(0)
            for bit in range(8):
                anything |= word[first + np.uint64(bit)]
            if anything == 0:
                continue
            mask = np.uint64(0)
            for bit in range(8):  # without a branch: which slots are used is not predictable
                slot = first + np.uint64(bit)
                is_used = np.uint64(word[slot] != 0)
                mask |= is_used << np.uint64(bit)
                used[count] = slot
                count += is_used
            out[at] = mask
            at += one
            out[top + np.uint64(group >> 3)] |= np.uint8(1 << (group & 7))
        nibbles = at
        at += (count + one) >> one
        filled = pending = np.uint64(0)  # bits written; the last 8 bytes, not yet full
        for place in range(count):
            slot = used[np.uint64(place)]
            value, number = row[slot], word[slot]
            form = 8
            if value > 0.0 and value < 9007199254740992.0 and np.floor(value) == value:
                behind = newest - value
                if value <= 2.0:
                    form = 0 if value == 1.0 else 12
                    number = np.uint64(0)
                elif value > _TIMES_FROM and behind >= 0.0 and behind < 4294967296.0 and slot > NEWEST:
                    number = np.uint64(np.int64(behind))
                    form = 10 if number < np.uint64(1 << 24) else 11
                else:
                    exponent = (number >> np.uint64(52)) - np.uint64(1023)
                    form = int(exponent >> np.uint64(3)) + 1
                    number = np.uint64(np.int64(value))
            else:
                narrow[0] = value
                if np.float64(narrow[0]) == value and value != 0.0:
                    form = 9
                    number = np.uint64(narrow.view(np.uint32)[0])
            nibble = nibbles + np.uint64(place >> 1)
            out[nibble] = form if place & 1 == 0 else out[nibble] | (form << 4)
            shift = filled & np.uint64(63)
            pending |= number << shift
            packed[filled >> np.uint64(6)] = pending
            if shift + _BITS[form] >= np.uint64(64):
                pending = (number >> one) >> (np.uint64(63) - shift)
            filled += _BITS[form]
        packed[filled >> np.uint64(6)] = pending
        for byte in range(filled >> np.uint64(3)):
            out[at + np.uint64(byte)] = in_bytes[np.uint64(byte)]
        at += filled >> np.uint64(3)
        ends[k] = at


@njit(cache=True, nogil=True)
def _unpack(data, ends, rows, words, which):  # type: ignore[no-untyped-def]
    """Fill rows; the position in `ends` of the first record that is no row, else -1."""
    n_slots = rows.shape[1]
    groups = n_slots // 8
    tops = (groups + 7) // 8
    used = np.empty(n_slots, dtype=np.uint64)
    narrow = np.empty(1, dtype=np.float32)
    bits = narrow.view(np.uint32)
    packed = np.zeros(n_slots + 2, dtype=np.uint64)
    in_bytes = packed.view(np.uint8)
    one, all_ones = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
    begin = 0
    for k in range(len(which)):
        row, word = rows[which[k]], words[which[k]]
        end = ends[k]
        for slot in range(n_slots):
            word[slot] = 0
        at = begin + tops
        if at > end:
            return k
        count = 0
        for group in range(tops * 8):
            if data[begin + (group >> 3)] >> (group & 7) & 1:
                if group >= groups or at >= end or data[at] == 0:
                    return k
                mask = data[at]
                at += 1
                for bit in range(8):
                    if mask >> bit & 1:
                        used[count] = group * 8 + bit
                        count += 1
        nibbles = at
        at += (count + 1) >> 1
        if at > end or end - at > 8 * n_slots:
            return k
        for byte in range(end - at):
            in_bytes[byte] = data[at + byte]
        length = np.uint64(8 * (end - at))
        filled = np.uint64(0)
        newest = 0.0
        for place in range(count):
            slot = used[place]
            form = (data[nibbles + (place >> 1)] >> (4 * (place & 1))) & 15
            bits_here = _BITS[form]
            shift, eighth = filled & np.uint64(63), filled >> np.uint64(6)
            filled += bits_here
            if filled > length or form > 12:
                return k
            number = packed[eighth] >> shift | (packed[eighth + one] << one) << (np.uint64(63) - shift)
            number &= all_ones >> (np.uint64(64) - bits_here) if bits_here > 0 else np.uint64(0)
            if form == 8:
                word[slot] = number
            elif form == 0:
                row[slot] = 1.0
            elif form == 12:
                row[slot] = 2.0
            elif form == 9:
                bits[0] = number
                row[slot] = narrow[0]
            elif form >= 10:
                row[slot] = newest - np.float64(number)
            else:
                row[slot] = np.float64(number)
            if slot == NEWEST:
                newest = row[slot]
        if filled != length:
            return k
        begin = end
    return -1


def pack_rows(rows: NDArray[np.float64], which: NDArray[np.int64]) -> list[bytes]:
    """The rows numbered by `which`, each as bytes. `rows`: contiguous float64[m, n_slots], n_slots a multiple of 8.

    Raises `ValueError` for an array of another form, `IndexError` for a row that is not there.
    """
    which = _checked(rows, which)
    largest = rows.shape[1] * 9 + 64
    out = np.empty(len(which) * largest, dtype=np.uint8)
    ends = np.empty(len(which), dtype=np.int64)
    _pack(rows, rows.view(np.uint64), which, out, ends)
    cuts = ends.tolist()
    data = out[: cuts[-1] if cuts else 0].tobytes()
    return [data[begin:end] for begin, end in pairwise([0, *cuts])]


def unpack_rows(packed: Sequence[bytes], rows: NDArray[np.float64], which: NDArray[np.int64]) -> None:
    """Write packed rows into the rows numbered by `which`, bit for bit as they were.

    Raises `ValueError` for bytes that are no row of this many slots (which rows before it were written then is
    undefined).
    """
    which = _checked(rows, which)
    if len(packed) != len(which):
        raise ValueError(f"{len(packed)} packed rows for {len(which)} rows")
    data = np.frombuffer(b"".join(packed), dtype=np.uint8)
    ends = np.cumsum(np.fromiter(map(len, packed), dtype=np.int64, count=len(packed)))
    wrong = _unpack(data, ends, rows, rows.view(np.uint64), which)
    if wrong >= 0:
        raise ValueError(f"packed row {wrong} ({len(packed[wrong])} bytes) is cut, or was written under another layout")


def unpack_row(data: bytes, out: NDArray[np.float64]) -> None:
    """Write one packed row into `out`: float64[n_slots]. Raises `ValueError` for bytes that are no such row."""
    unpack_rows([data], out.reshape(1, -1), np.zeros(1, dtype=np.int64))


def _checked(rows: NDArray[np.float64], which: NDArray[np.int64]) -> NDArray[np.int64]:
    if rows.dtype != np.float64 or rows.ndim != 2 or rows.shape[1] % 8 != 0 or not rows.flags.c_contiguous:
        raise ValueError(f"rows must be contiguous float64[m, 8 * k], not {rows.dtype}{list(rows.shape)}")
    which = np.ascontiguousarray(which, dtype=np.int64)
    if len(which) and not 0 <= which.min() <= which.max() < len(rows):
        raise IndexError(f"rows {which.min()} to {which.max()} of {len(rows)}")
    return which

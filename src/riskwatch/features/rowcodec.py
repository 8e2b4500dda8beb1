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
    1: "whole number, 1 byte",
    2: "whole number, 2 bytes",
    3: "whole number, 3 bytes",
    4: "whole number, 4 bytes",
    5: "whole number, 5 bytes",
    6: "whole number, 6 bytes",
    7: "whole number below 2^53, 7 bytes",
    8: "the 8 bytes as they are (hashes, fractions, anything else)",
    9: "a time: newest event time minus 0 to 2^24 - 1 ms, 3 bytes",
    10: "a time: newest event time minus 2^24 to 2^32 - 1 ms, 4 bytes",
    11: "1, no bytes",
    12: "2, no bytes",
    13: "3, no bytes",
    14: "4, no bytes",
    15: "5, no bytes",
}
_RAW, _TIME, _LONG_TIME, _INLINE = 8, 9, 10, 10
_BITS = 8 * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 0, 0, 0, 0, 0], dtype=np.uint64)
_TIMES_FROM = 2.0**40


@njit(cache=True, nogil=True)
def _pack(rows, words, which, out, ends):  # type: ignore[no-untyped-def]
    """The inner loops choose instead of branching: which number comes next is not predictable."""
    one = np.uint64(1)
    groups = np.uint64(rows.shape[1]) // np.uint64(8)
    tops = (groups + np.uint64(7)) // np.uint64(8)
    used = np.empty(rows.shape[1] + 1, dtype=np.uint64)
    packed = np.empty(rows.shape[1] + 2, dtype=np.uint64)
    in_bytes = packed.view(np.uint8)
    at = np.uint64(0)
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
            for bit in range(8):
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
        out[at - one] = 0
        filled = pending = np.uint64(0)  # bits written; the last 8 bytes, not yet full
        for place in range(count):
            slot = used[np.uint64(place)]
            value, raw = row[slot], word[slot]
            behind = newest - value
            is_whole = (value > 0.0) & (value < 9007199254740992.0) & (np.floor(value) == value)
            is_time = (value > _TIMES_FROM) & (behind >= 0.0) & (behind < 4294967296.0) & (slot > NEWEST)
            is_inline = value <= 5.0
            whole = np.int64(value) if is_whole else 0
            width = np.int64((raw >> np.uint64(52)) - np.uint64(1023)) // 8 + 1  # from the exponent
            time_form = _LONG_TIME if behind >= 16777216.0 else _TIME
            form = time_form if is_time else width
            form = _INLINE + whole if is_inline else form
            form = form if is_whole else _RAW
            number = np.uint64(np.int64(behind) if is_time else whole)
            number = np.uint64(0) if is_inline else number
            number = number if is_whole else raw
            out[nibbles + np.uint64(place >> 1)] = (
                form if place & 1 == 0 else out[nibbles + np.uint64(place >> 1)] | form << 4
            )
            shift, bits = filled & np.uint64(63), _BITS[form]
            pending |= number << shift
            packed[filled >> np.uint64(6)] = pending
            pending = (number >> one) >> (np.uint64(63) - shift) if shift + bits >= np.uint64(64) else pending
            filled += bits
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
    used = np.empty(n_slots + 1, dtype=np.uint64)
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
        count = np.uint64(0)
        for group in range(tops * 8):
            if data[begin + (group >> 3)] >> (group & 7) & 1:
                if group >= groups or at >= end or data[at] == 0:
                    return k
                mask = np.uint64(data[at])
                at += 1
                for bit in range(8):
                    used[count] = np.uint64(group * 8 + bit)
                    count += mask >> np.uint64(bit) & one
        nibbles = np.uint64(at)
        at += np.int64((count + one) >> one)
        if at > end or end - at > 8 * n_slots:
            return k
        for byte in range(end - at):
            in_bytes[byte] = data[at + byte]
        length = np.uint64(8 * (end - at))
        filled = np.uint64(0)
        for place in range(count):
            slot = used[np.uint64(place)]
            form = (data[nibbles + np.uint64(place >> 1)] >> (4 * (place & 1))) & 15
            bits = _BITS[form]
            shift, eighth = filled & np.uint64(63), filled >> np.uint64(6)
            filled += bits
            if filled > length or form == 0:
                return k
            number = packed[eighth] >> shift | (packed[eighth + one] << one) << (np.uint64(63) - shift)
            number &= all_ones >> (np.uint64(64) - bits) if bits > 0 else np.uint64(0)
            value = np.float64(number)
            value = row[NEWEST] - value if (form == _TIME) | (form == _LONG_TIME) else value
            row[slot] = np.float64(form - _INLINE) if form > _INLINE else value
            word[slot] = number if form == _RAW else word[slot]
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

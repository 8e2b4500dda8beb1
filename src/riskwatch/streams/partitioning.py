"""Which partition a customer is in: the one that Kafka's own default partitioner gives the customer's key.

So the records of an input partition stay together in the journal partition of the same number, wherever a publisher
keys rightly; ingest computes the number from tenant and customer all the same, and trusts nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _partitions(data, ends, n, out):  # type: ignore[no-untyped-def]
    """MurmurHash2 (32 bits, seed 0x9747b28c), its sign bit cleared, modulo `n`: org.apache.kafka.common.utils.Utils."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    begin = 0
    for number in range(len(ends)):
        end = ends[number]
        length = end - begin
        h = (0x9747B28C ^ length) & mask
        whole = length - (length & 3)
        for at in range(begin, begin + whole, 4):
            k = np.int64(data[at]) | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]) << 16
            k |= np.int64(data[at + 3]) << 24
            k = (k * factor) & mask
            k ^= k >> 24
            k = (k * factor) & mask
            h = ((h * factor) & mask) ^ k
        rest = length & 3
        if rest == 3:
            h ^= np.int64(data[begin + whole + 2]) << 16
        if rest >= 2:
            h ^= np.int64(data[begin + whole + 1]) << 8
        if rest >= 1:
            h ^= np.int64(data[begin + whole])
            h = (h * factor) & mask
        h ^= h >> 13
        h = (h * factor) & mask
        h ^= h >> 15
        out[number] = (h & 0x7FFFFFFF) % n
        begin = end


def partitions_of(keys: Sequence[bytes], n: int) -> list[int]:
    """The partition, out of `n`, of each customer key."""
    if not keys:
        return []
    ends = np.cumsum(np.fromiter(map(len, keys), dtype=np.int64, count=len(keys)))
    out = np.empty(len(keys), dtype=np.int64)
    _partitions(np.frombuffer(b"".join(keys), dtype=np.uint8), ends, n, out)
    found: list[int] = out.tolist()
    return found


def partition_of(key: bytes, n: int) -> int:
    """The partition, out of `n`, of a customer key."""
    return partitions_of([key], n)[0]

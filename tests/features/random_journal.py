"""Long journals from a seed, and a checksum of what the kernel makes of one (also run in a process without
compilation).
"""

from __future__ import annotations

from random import Random
from zlib import crc32

import numpy as np
from journals import DAY, HOUR, MINUTE, START, entry, fold

from riskwatch.streams.entry import Kind


def random_journal(seed: int, length: int, customers: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """(entries, row_of): several months of a few customers; a tenth late, a tenth repeated."""
    random = Random(seed)
    made: list[np.ndarray] = []
    row_of: list[int] = []
    now = 0
    kinds = [kind for kind in Kind if kind < 64 or 100 <= kind < 128]
    kinds += 6 * [Kind.PURCHASE_MADE] + 3 * [Kind.LOGIN_SUCCEEDED]
    while len(made) < length:
        if made and random.random() < 0.1:
            old = random.randrange(max(0, len(made) - 100), len(made))
            made.append(made[old].copy())
            row_of.append(row_of[old])
            continue
        now += random.choice([0, 20_000, MINUTE, 10 * MINUTE, HOUR, 5 * HOUR, DAY]) + random.randrange(5_000)
        late = random.choice([MINUTE, HOUR, 3 * DAY, 40 * DAY, 120 * DAY]) if random.random() < 0.1 else 0
        fields = {
            "amount": random.choice([0, 100, random.randrange(10**6)]),
            "income": random.choice([np.nan, 300_000, 500_000]),
            "days_late": random.choice([np.nan, -1, 0, 3, 20]),
            "paid_share": random.choice([np.nan, 0.3, 1.0]),
            "session_seconds": random.uniform(1, 600),
            "paste_share": random.choice([np.nan, 0.1, 0.8]),
            "bureau_score": random.choice([np.nan, 600, 612.5]),
            "bureau_open_loans": random.choice([np.nan, 0, 2, 5]),
            "bureau_inquiries": random.choice([np.nan, 1, 9]),
            "bureau_outstanding": random.choice([np.nan, 0, 500_000, random.randrange(10**7)]),
            "latitude": random.choice([np.nan, 52.5, 48.1, -33.9, random.uniform(-90, 90)]),
            "longitude": random.uniform(-180, 180),
            "device": random.choice([0, 1, 1, 1, 2, random.getrandbits(64)]),
            "ip": random.choice([0, 5, 6, random.getrandbits(64)]),
            "counterparty": random.choice([0, random.randrange(40), random.getrandbits(64)]),
            "subject": random.randrange(5),
            "flags": random.getrandbits(6),
            "local_hour": random.choice([2, 9, 9, 12, 20, 255]),
            "outcome": random.randrange(12),
        }
        source = {"source_topic": random.randrange(8), "source_offset": len(made), "source_at": START + len(made)}
        kind = random.choice(kinds)
        made.append(entry(kind, 120 * DAY + now - late, event=random.getrandbits(63) + 1, **fields, **source))
        row_of.append(random.randrange(customers))
    return np.concatenate(made), np.array(row_of, dtype=np.int64)


def checksum(seed: int, length: int) -> int:
    """Of features, outcomes, late windows and final rows; NaNs as one."""
    entries, row_of = random_journal(seed, length)
    rows, matrix, outcomes, late = fold(entries, row_of=row_of, cuts=(50,))
    matrix[np.isnan(matrix)] = np.nan
    return crc32(rows.tobytes() + matrix.tobytes() + outcomes.tobytes() + late.tobytes())

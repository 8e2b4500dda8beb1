"""A journal entry: a fixed numeric header that a batch reads as columns, then the event itself.

Ingest writes one Kafka record for each entry: key = customer key, value = `ENTRY` header (little-endian,
`ENTRY.itemsize` bytes) followed by the event as msgpack. The monitor reads the headers of a whole batch with one
`numpy.frombuffer` and opens the msgpack part only for the few entries that need it (accounts, alerts). What a header
cannot hold is hashed (`xxh3_64`) where only sameness matters. Absent numbers are NaN, absent hashes are 0.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np


class Kind(IntEnum):
    """What an entry is. Below 64: an upstream event; 64 to 99: what other agents say about the customer; 100 to 127:
    derived within the fold; from 128: broadcast."""

    LOAN_APPLIED = 1
    LOGIN_SUCCEEDED = 2
    LOGIN_FAILED = 3
    DEVICE_SEEN = 4
    DEVICE_CHANGED = 5
    PURCHASE_MADE = 6
    LOAN_OPENED = 7
    INSTALMENT_DUE = 8
    REPAYMENT_RECEIVED = 9
    REPAYMENT_REVERSED = 10
    PROMISE_MADE = 11
    CONTACT_MADE = 12
    FRAUD_CONFIRMED = 13
    FRAUD_CLEARED = 14
    CHARGE_MADE = 15
    CHARGE_WAIVED = 16
    LOAN_RESCHEDULED = 17
    PAYMENT_HOLIDAY_GRANTED = 18
    SETTLEMENT_AGREED = 19
    LOAN_WRITTEN_OFF = 20
    LOAN_SOLD = 21
    CONSENT_CHANGED = 22
    CONCERN_RAISED = 23
    CONCERN_RESOLVED = 24
    CONTACT_DETAILS_CHANGED = 25
    LINK_ANSWERED = 64
    RING_ANSWERED = 65
    MERCHANT_ANSWERED = 66
    TERMS_RESTORED = 67
    INSTALMENT_OVERDUE = 100
    PROMISE_BROKEN = 101
    LOAN_ROLLED = 102
    ACCOUNT_LOOKED = 103
    PROMISE_KEPT = 104
    TICK = 128
    MODEL_PROMOTED = 129
    CASE_CONFIRMED = 130
    CASE_CLEARED = 131
    LIST_CHANGED = 132
    POLICY_PUBLISHED = 133


class Flag(IntFlag):
    """Yes-or-no facts of an entry."""

    CLAMPED = 1
    EMULATOR = 2
    ROOTED = 4
    PROXY = 8
    SIM_CHANGED = 16
    FIRST_INSTALMENT = 32


ENTRY = np.dtype(
    [
        ("occurred_at", "<i8"),
        ("ingested_at", "<i8"),
        ("source_at", "<i8"),
        ("source_offset", "<i8"),
        ("event", "<u8"),
        ("subject", "<u8"),
        ("device", "<u8"),
        ("ip", "<u8"),
        ("counterparty", "<u8"),
        ("amount", "<f8"),
        ("due_amount", "<f8"),
        ("income", "<f8"),
        ("days_late", "<f8"),
        ("paid_share", "<f8"),
        ("bureau_outstanding", "<f8"),
        ("latitude", "<f4"),
        ("longitude", "<f4"),
        ("session_seconds", "<f4"),
        ("paste_share", "<f4"),
        ("term_months", "<f4"),
        ("bureau_score", "<f4"),
        ("bureau_open_loans", "<f4"),
        ("bureau_inquiries", "<f4"),
        ("source_partition", "<i4"),
        ("flags", "<u4"),
        ("source_topic", "u1"),
        ("kind", "u1"),
        ("channel", "u1"),
        ("product", "u1"),
        ("local_hour", "u1"),
        ("outcome", "u1"),
        ("version", "u1"),
        ("reserved", "u1"),
    ]
)
"""Header of an entry, 168 bytes. Times: milliseconds since 1970 UTC. `occurred_at`: event time after clamping.
`ingested_at`: worker's clock, or event time where ticks follow it; deadlines count from it, and it says
which policy is in force; it is never a feature.
`source_*`: topic (index in the topics table), partition, offset and broker timestamp of the upstream record. `event`:
hash of tenant and event id. `subject`: hash of tenant and what the event is about (`application_id`, `loan_id`, or
`subject_event_id` of a fraud case, hashed as `event` is; of an answer, the `event` that was asked about).
`counterparty`: terminal, else merchant. Amounts: minor units. `due_amount`, `days_late`, `paid_share` are filled within
the fold, from the account. `bureau_*`: what a credit bureau reports of an applicant; inquiries are those of 90 days.
`local_hour`: 0-23 in the institution's zone, else in the zone of the event. `channel`,
`product`, `outcome`: 1-based positions in the literals of `events`, 0 when absent; `channel` of a `ContactMade` counts
in `ContactChannel`, `outcome` of a `LINK_ANSWERED` in `IDENTITY_KINDS`."""

ENTRY_VERSION = 2

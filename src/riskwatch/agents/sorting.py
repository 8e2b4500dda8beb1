"""One batch of an input topic, sorted out: journal entries here, dead letters there. Pure; it never raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from riskwatch.agents.fetched import Received, received
from riskwatch.agents.outbox import Item
from riskwatch.streams.codec import TOMBSTONE, Faults, decode_event
from riskwatch.streams.deadletters import dead_letter
from riskwatch.streams.entry import ENTRY, Flag
from riskwatch.streams.faults import fault
from riskwatch.streams.keys import Secret
from riskwatch.streams.packing import customer_key, pack_entry
from riskwatch.streams.partitioning import partitions_of

log = structlog.get_logger(__name__)

LOG_APPEND_TIME = 1
CREATE_TIME_SLACK_MS = 2 * 3_600_000
"""Where the broker does not stamp records, the worker's own clock says what is the future, and it may itself be an hour
off.
"""

_OCCURRED_AT = int(ENTRY.fields["occurred_at"][1]) if ENTRY.fields is not None else 0
_FLAGS = int(ENTRY.fields["flags"][1]) if ENTRY.fields is not None else 0
_CLAMPED = int(Flag.CLAMPED)


def occurred_at_of(value: bytes) -> int:
    """Event time of a packed entry, ms since 1970."""
    return int.from_bytes(value[_OCCURRED_AT : _OCCURRED_AT + 8], "little", signed=True)


@dataclass(frozen=True)
class Stamp:
    """What ingest adds to an event, read once."""

    partitions: int
    zone_of: dict[str, ZoneInfo]
    region_of: dict[str, str]
    secret: Secret
    future_ms: int
    by_event_time: bool


@dataclass
class Sorted:
    """One batch, sorted out. `entries`: (journal partition, key, value); `dead`: records for the dead-letter topic."""

    entries: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    dead: list[Item] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    tombstones: int = 0
    clamped: int = 0


def sort_out(message: Any, source: int, stamp: Stamp, now_ms: int) -> Sorted:
    """Reads a batch of one topic's records. Never raises: what cannot be read is a dead letter."""
    out = Sorted()
    keys: list[bytes] = []
    values: list[bytes] = []
    times = out.times
    by_event_time, zone_of, secret, future_ms = stamp.by_event_time, stamp.zone_of, stamp.secret, stamp.future_ms
    region_of = stamp.region_of
    source_partition = message.partition
    for record in message.value:
        try:
            event = decode_event(record.value, record.headers)
            if event is TOMBSTONE:
                out.tombstones += 1
                continue
            if isinstance(event, Faults):
                _bury(out, received(message, record), event, now_ms)
                continue
            broker_time = record.timestamp_type == LOG_APPEND_TIME
            source_at = record.timestamp
            latest = source_at + future_ms if broker_time else now_ms + CREATE_TIME_SLACK_MS + future_ms
            value = pack_entry(
                event,
                source_topic=source,
                source_partition=source_partition,
                source_offset=record.offset,
                source_at=source_at,
                ingested_at=None if by_event_time else now_ms,
                zone_of=zone_of,
                secret=secret,
                region_of=region_of,
                latest_ms=latest,
            )
            key = customer_key(event.tenant, event.customer_id)
        except Exception as error:
            log.warning("ingest-failed", topic=message.topic, offset=record.offset, error=type(error).__name__)
            words = f"riskwatch failed on this record: {type(error).__name__}"
            _bury(out, received(message, record), fault("ingest-failed", "", words), now_ms)
            continue
        if value[_FLAGS] & _CLAMPED:
            out.clamped += 1
        keys.append(key)
        values.append(value)
        times.append(occurred_at_of(value) if by_event_time else source_at)
    out.entries = list(zip(partitions_of(keys, stamp.partitions), keys, values, strict=True))
    return out


def _bury(out: Sorted, record: Received, faults: Faults, now_ms: int) -> None:
    letter = dead_letter(record, faults, datetime.fromtimestamp(now_ms / 1000, UTC))
    out.dead.append((letter.key, letter.value, letter.headers, letter.timestamp))
    out.codes[faults.code] = out.codes.get(faults.code, 0) + 1

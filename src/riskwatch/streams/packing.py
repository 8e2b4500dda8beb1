"""Customer keys, hashes, and the making and reading of journal entries.

An entry is made once for each event, so this is a hot path: each event type has one row in a table of functions, and
the whole header is written by one precompiled `struct.Struct` that mirrors `ENTRY` field by field (a test compares the
two).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from types import MappingProxyType
from unicodedata import is_normalized, normalize
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from riskwatch.streams.entry import ENTRY, ENTRY_VERSION, Flag, Kind
from riskwatch.streams.events import AnyEvent, Bureau
from riskwatch.streams.keys import Secret
from riskwatch.streams.partitioning import partition_of
from riskwatch.streams.parts import KIND_AND_PARTS, KIND_OF
from riskwatch.streams.personal import NAMING, pseudonymise
from riskwatch.streams.pseudonyms import keyed_hash

NAN = float("nan")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 (a plain name is faster than datetime.UTC's lookup)
MILLISECOND = timedelta(milliseconds=1)
QUARTER_MS = 15 * 60 * 1000
NO_HOUR = 255
"""`local_hour` of an entry that nobody's habit shows in."""

HEADER = struct.Struct("<qqqqQQQQQddddddffffffffiIBBBBBBBB")
HEADER_SIZE = HEADER.size
_CLAMPED = Flag.CLAMPED.value
_NO_NUMBERS = (NAN,) * 14
_UNREPORTED = (NAN,) * 4
_NO_REGIONS: Mapping[str, str] = MappingProxyType({})

__all__ = [
    "EPOCH",
    "HEADER",
    "HEADER_SIZE",
    "KIND_OF",
    "BadEntry",
    "customer_key",
    "event_of",
    "from_ms",
    "hash64",
    "headers_of",
    "keyed_hash",
    "local_hour",
    "pack_answer",
    "pack_broadcast",
    "pack_entry",
    "pack_tick",
    "partition_of",
    "payload_of",
    "pseudonymise",
    "split_key",
    "to_ms",
    "unpack_event",
]


class BadEntry(ValueError):
    """A journal record is not an entry of this version."""


# ---------------------------------------------------------------------------------------------------------------- keys


def nfc(text: str) -> str:
    """Unicode normal form C: two spellings of one text become one."""
    return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)


def customer_key(tenant: str, customer_id: str) -> bytes:
    """The Kafka key of everything about a customer: `tenant/customer_id` in UTF-8, the id in NFC."""
    return f"{tenant}/{nfc(customer_id)}".encode()


def split_key(key: bytes) -> tuple[str, str]:
    """The tenant and the customer id of a customer key. A tenant holds no slash, so the first one divides them.

    Raises `ValueError` where there is none, or where the key is not UTF-8.
    """
    tenant, slash, customer_id = key.decode().partition("/")
    if not slash:
        raise ValueError("not a customer key: it has no slash")
    return tenant, customer_id


def hash64(tenant: str, text: str) -> int:
    """64 bits (uint64) that stand for a text of a tenant where only sameness matters. 0 is kept for "absent"."""
    return _hash(f"{tenant}\x1f{nfc(text)}".encode())


def _hash(data: bytes) -> int:
    return xxh3_64_intdigest(data) or 1


# ---------------------------------------------------------------------------------------------------------------- time


def to_ms(at: datetime) -> int:
    """Whole milliseconds since 1970 UTC, rounded down. Exact: no float is involved."""
    return (at - EPOCH) // MILLISECOND


def from_ms(at_ms: int) -> datetime:
    """The UTC instant of milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=at_ms)


@lru_cache(maxsize=65_536)
def _offset_ms(zone: ZoneInfo, quarter: int) -> int | None:
    """UTC offset of a zone during a quarter of an hour; None where it changes within it (Newfoundland did, at
    00:01)."""
    first = from_ms(quarter * QUARTER_MS).astimezone(zone).utcoffset()
    last = from_ms((quarter + 1) * QUARTER_MS - 1).astimezone(zone).utcoffset()
    if first is None or first != last:
        return None
    return first // MILLISECOND


def local_hour(at_ms: int, zone: ZoneInfo) -> int:
    """The hour (0-23) on the zone's clock at an instant."""
    offset = _offset_ms(zone, at_ms // QUARTER_MS)
    if offset is None:
        return from_ms(at_ms).astimezone(zone).hour
    return (at_ms + offset) // 3_600_000 % 24


# ------------------------------------------------------------------------------------------------------------- entries

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AnyEvent).decode


def pack_entry(
    event: AnyEvent,
    *,
    source_topic: int,
    source_partition: int,
    source_offset: int,
    source_at: int,
    ingested_at: int | None,
    zone_of: Mapping[str, ZoneInfo],
    secret: Secret,
    region_of: Mapping[str, str] = _NO_REGIONS,
    latest_ms: int | None = None,
) -> bytes:
    """One journal record: `ENTRY` header, then the event as msgpack, `pseudonymise`d under `secret`.

    `source_topic`: index in `topics.INPUTS`. Times: milliseconds since 1970. `ingested_at`: None where time is the
    events' own: then it is the event's. `latest_ms`: an event that claims to have
    occurred later is taken to have occurred then, and flagged. `zone_of`: the zone of each tenant that has one; other
    tenants' events are read in their own offset. `region_of`: the region (ISO 3166-1) of each tenant that has one, in
    which national phone and id numbers are read. Expects an event that `decode_event` returned (normalised, in range).
    """
    if type(event) in NAMING:
        event = pseudonymise(event, secret, region_of.get(event.tenant))
    kind, parts = KIND_AND_PARTS[type(event)]
    (
        subject, device, ip, counterparty, amount, income, geo, seconds, paste_share, term, bureau, flags, channel,
        product, outcome,
    ) = parts(event)  # fmt: skip

    at = event.occurred_at
    at_ms = (at - EPOCH) // MILLISECOND
    zone = zone_of.get(event.tenant)
    if latest_ms is not None and at_ms > latest_ms:
        at_ms, flags = latest_ms, flags | _CLAMPED
        hour = local_hour(at_ms, zone) if zone is not None else from_ms(at_ms).astimezone(at.tzinfo).hour
    elif zone is None:
        hour = at.hour
    else:
        offset = _offset_ms(zone, at_ms // QUARTER_MS)
        hour = at.astimezone(zone).hour if offset is None else (at_ms + offset) // 3_600_000 % 24

    scope = f"{event.tenant}\x1f"
    if geo is None:
        latitude = longitude = NAN
    else:
        latitude, longitude = geo.latitude, geo.longitude
    score, loans, inquiries, outstanding = _UNREPORTED if bureau is None else _reported(bureau)
    return HEADER.pack(
        at_ms, at_ms if ingested_at is None else ingested_at, source_at, source_offset,
        xxh3_64_intdigest(f"{scope}{event.event_id}".encode()) or 1,
        0 if subject is None else xxh3_64_intdigest(f"{scope}{subject}".encode()) or 1,
        0 if device is None else xxh3_64_intdigest(f"{scope}{device}".encode()) or 1,
        0 if ip is None else xxh3_64_intdigest(f"{scope}{ip}".encode()) or 1,
        0 if counterparty is None else xxh3_64_intdigest(f"{scope}{counterparty}".encode()) or 1,
        amount, NAN, income, NAN, NAN, outstanding,
        latitude, longitude, seconds, paste_share, term, score, loans, inquiries,
        source_partition, flags,
        source_topic, kind, channel, product, hour, outcome, ENTRY_VERSION, 0,
    ) + _encode(event)  # fmt: skip


def _reported(bureau: Bureau) -> tuple[float, ...]:
    known = (bureau.score, bureau.open_loans, bureau.inquiries_90d, bureau.outstanding)
    return tuple(NAN if each is None else each for each in known)


def pack_broadcast(kind: Kind, at_ms: int, payload: bytes = b"") -> bytes:
    """A broadcast entry: header without customer, source or numbers, then `payload` as it is."""
    return (
        HEADER.pack(
            at_ms, at_ms, at_ms, -1, 0, 0, 0, 0, 0, *_NO_NUMBERS,
            -1, 0, 0, kind, 0, 0, 0, 0, ENTRY_VERSION, 0,
        )
        + payload
    )  # fmt: skip


def pack_tick(at_ms: int) -> bytes:
    """The broadcast entry that says: it is now `at_ms`."""
    return pack_broadcast(Kind.TICK, at_ms)


def pack_answer(kind: Kind, at_ms: int, event: int, about: int, payload: bytes, outcome: int = 0) -> bytes:
    """An entry by which another agent answers about a customer. `event`: hash of the answer's own id; `about`: that of
    the event that was asked about, and `at_ms` its time; `outcome`: the kind of identifier, by its place (1-based) in
    `IDENTITY_KINDS`."""
    return (
        HEADER.pack(
            at_ms, at_ms, at_ms, -1, event, about, 0, 0, 0, *_NO_NUMBERS,
            -1, 0, 0, kind, 0, 0, NO_HOUR, outcome, ENTRY_VERSION, 0,
        )
        + payload
    )  # fmt: skip


def unpack_event(value: bytes) -> AnyEvent:
    """The event of an entry; its time is in UTC. Raises `BadEntry` where what follows the header is no event."""
    return event_of(memoryview(value)[HEADER_SIZE:])


def event_of(payload: bytes | memoryview) -> AnyEvent:
    """The event of an entry's payload. Raises `BadEntry` where it is none."""
    try:
        event: AnyEvent = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadEntry(f"the journal record holds no event: {error}") from error
    return event


def payload_of(value: bytes) -> bytes:
    """What follows the header: the payload of a broadcast entry, the msgpack of another."""
    return value[HEADER_SIZE:]


def headers_of(values: Sequence[bytes]) -> NDArray[np.void]:
    """The headers of a batch as one writable `ENTRY` array, in order. Raises `BadEntry` that names the first bad
    record."""
    size = HEADER_SIZE
    try:
        data = bytearray().join([value[:size] for value in values])
    except TypeError:
        at = next(i for i, value in enumerate(values) if value is None)
        raise BadEntry(f"journal record {at} of the batch has no value") from None
    if len(data) != size * len(values):
        at = next(i for i, value in enumerate(values) if len(value) < size)
        raise BadEntry(f"journal record {at} of the batch has {len(values[at])} bytes, a header has {size}")
    headers = np.frombuffer(data, dtype=ENTRY)
    versions = headers["version"]
    if len(versions) and (versions != ENTRY_VERSION).any():
        at = int(np.argmax(versions != ENTRY_VERSION))
        raise BadEntry(
            f"journal record {at} of the batch has entry version {int(versions[at])}, this worker reads {ENTRY_VERSION}"
        )
    return headers

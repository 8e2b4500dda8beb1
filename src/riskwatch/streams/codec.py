"""Bytes of an input record → an event, or every fault of the record in words.

The common record takes the fast path: one decoder built from the types does all the validation there is. Only a
record that it refuses, or whose text needs a closer look, is read again, slowly, for a full account (`explain`).

What a reading is where JSON leaves a choice:
- a time is RFC 3339 text with a zone; numbers are refused, since seconds and milliseconds cannot be told apart; a leap
  second (`23:59:60`) is refused, since UTC clocks have no one instant for it; digits beyond microseconds are rounded;
  years 2000 to 2099;
- an integer is written without fraction or exponent; `-0` is 0;
- of a key that occurs twice the last one counts; unknown fields are ignored;
- texts are brought into Unicode normal form C; control characters and lone surrogates are faults, and in identifiers
  so are invisible ones (zero width, writing direction): two identifiers that look alike would be two customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Literal
from unicodedata import is_normalized

import msgspec

from riskwatch.streams import cloudevents
from riskwatch.streams.events import AnyEvent, InstalmentDue, LoanOpened, PromiseMade
from riskwatch.streams.explain import explain, improbable_dates, settle_texts
from riskwatch.streams.faults import CODES, Fault, Faults, fault

__all__ = ["CODES", "SIZE_LIMIT", "TOMBSTONE", "Fault", "Faults", "Outcome", "decode_event", "encode_event"]

SIZE_LIMIT = 262_144
"""Bytes of an input record at most (256 kB)."""


class Outcome(Enum):
    """What a record can be besides an event or a fault."""

    TOMBSTONE = "tombstone"


TOMBSTONE: Literal[Outcome.TOMBSTONE] = Outcome.TOMBSTONE
"""A record with a null value: nothing happened, it is ignored and counted."""

Headers = Sequence[tuple[str, bytes | None]]

_decode = msgspec.json.Decoder(AnyEvent).decode
_encode = msgspec.json.Encoder().encode
_dated = frozenset({LoanOpened, InstalmentDue, PromiseMade})


def encode_event(event: AnyEvent) -> bytes:
    """The event's JSON, as it is published."""
    return _encode(event)


def decode_event(value: bytes | None, headers: Headers = ()) -> AnyEvent | Faults | Literal[Outcome.TOMBSTONE]:
    """The event that a record holds, `Faults` with all that is wrong with it, or `TOMBSTONE`. Never raises.

    `headers`: the record's Kafka headers; CloudEvents binary-mode headers fill in what the body leaves out.
    """
    if value is None:
        return TOMBSTONE
    if len(value) > SIZE_LIMIT:
        return fault("too-large", "", f"found a value of {len(value):,} bytes, the limit is {SIZE_LIMIT:,}")
    if not headers:
        return _decode_body(value)
    event = _decode_body(value)
    if not isinstance(event, Faults) and cloudevents.agree(event, headers):
        return event
    return _decode_in_context(value, headers, event)


def _decode_body(value: bytes) -> AnyEvent | Faults:
    try:
        event: AnyEvent = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return explain(value, error)
    if not 2000 <= event.occurred_at.year < 2100 or (type(event) in _dated and improbable_dates(event)):
        return explain(value, None)
    if value.isascii() and b"\\" not in value and b"\x7f" not in value:
        return event  # JSON allows no raw control characters, so there is nothing unusual in its texts
    try:
        text = value.decode()
    except UnicodeDecodeError as error:  # in a field that no event has, so the decoder never looked at it
        return explain(value, error)
    if "\\" not in text and text.isprintable() and is_normalized("NFC", text):
        return event
    settled = settle_texts(event)
    return explain(value, None) if settled is None else settled


def _decode_in_context(value: bytes, headers: Headers, event: AnyEvent | Faults) -> AnyEvent | Faults:
    """A body whose headers speak too: they may fill its gaps, and must not contradict it. `event`: the body alone."""
    context = cloudevents.read(headers)
    if context is None:
        return event
    if isinstance(event, Faults):
        completed = cloudevents.complete(value, context)
        if completed is not value:
            event = _decode_body(completed)
    if isinstance(event, Faults):
        return Faults((*context.faults, *event.faults))
    faults = (*context.faults, *cloudevents.conflicts(event, context))
    return Faults(faults) if faults else event

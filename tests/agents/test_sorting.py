"""A batch of input records sorted out: what ingest adds to each on its way into the journal."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from riskwatch.agents.sorting import Stamp, sort_out
from riskwatch.streams.events import Identifiers, LoanApplied
from riskwatch.streams.examples import EXAMPLES
from riskwatch.streams.keys import Keys
from riskwatch.streams.packing import unpack_event
from riskwatch.streams.pseudonyms import keyed_hash, pseudonyms_in

NEW, OLD = b"the-new-key-of-an-institution", b"the-old-key-of-an-institution"
KEYS = Keys(current=NEW, previous=(OLD,))


def journaled(phone: str, regions: dict[str, str]) -> Identifiers:
    """The identifiers of an application with a phone number, as the journal holds them."""
    event = msgspec.structs.replace(EXAMPLES[0], identifiers=Identifiers(phone=phone))
    record = SimpleNamespace(
        value=msgspec.json.encode(event), headers=(), timestamp_type=1, timestamp=1_772_326_800_000, offset=7, key=None
    )
    message = SimpleNamespace(topic="applications", partition=0, value=[record])
    stamp = Stamp(partitions=4, zone_of={}, region_of=regions, secret=KEYS, future_ms=10**12, by_event_time=False)
    ((_, _, value),) = sort_out(message, 0, stamp, 1_772_326_800_000).entries
    found = unpack_event(value)
    assert isinstance(found, LoanApplied)
    assert found.identifiers is not None
    return found.identifiers


@pytest.mark.parametrize(
    ("regions", "plain"),
    [({"sunrise": "CN"}, "+8613800138000"), ({"another": "CN"}, "138 0013 8000"), ({}, "13800138000")],
)
def test_a_national_phone_number_is_read_in_its_tenants_region_under_every_key(
    regions: dict[str, str], plain: str
) -> None:
    stored = journaled("138 0013 8000", regions).phone
    assert stored is not None
    assert pseudonyms_in(stored) == tuple(keyed_hash(key, "sunrise", "phone", plain) for key in (NEW, OLD))

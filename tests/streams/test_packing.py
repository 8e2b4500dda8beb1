"""Customer keys, hashes and journal entries."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from event_strategies import events
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.streams import events as ev
from riskwatch.streams import packing
from riskwatch.streams.entry import ENTRY, ENTRY_VERSION, Flag, Kind
from riskwatch.streams.examples import EXAMPLES
from riskwatch.streams.packing import BadEntry, customer_key, hash64, partition_of

SECRET = b"0123456789abcdef"
AT = datetime(2024, 5, 1, 12, 34, 56, 789_000, tzinfo=UTC)
AT_MS = 1_714_566_896_789


def pack(event: ev.AnyEvent, **changed: object) -> bytes:
    source = {"source_topic": 3, "source_partition": 7, "source_offset": 42, "source_at": 5, "ingested_at": 6}
    return packing.pack_entry(event, **{"zone_of": {}, "secret": SECRET, **source, **changed})  # type: ignore[arg-type]


def header(event: ev.AnyEvent, **changed: object) -> np.void:
    entry: np.void = packing.headers_of([pack(event, **changed)])[0]
    return entry


def purchase(**fields: object) -> ev.PurchaseMade:
    common = {"event_id": "e-1", "tenant": "acme", "customer_id": "c-1", "occurred_at": AT, "amount": 1999}
    return ev.PurchaseMade(**{**common, "currency": "CNY", **fields})  # type: ignore[arg-type]


def login(**fields: object) -> ev.LoginFailed:
    common = {"event_id": "e-1", "tenant": "acme", "customer_id": "c-1", "occurred_at": AT}
    return ev.LoginFailed(**{**common, **fields})  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------------------- keys


def test_a_key_is_tenant_slash_customer() -> None:
    assert customer_key("acme", "c-1") == b"acme/c-1"


def test_a_key_has_its_customer_in_nfc() -> None:
    assert customer_key("acme", "Zoe\u0308") == "acme/Zo\u00eb".encode()


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True), st.text(min_size=1).map(packing.nfc))
def test_a_key_is_taken_apart_as_it_was_put_together(tenant: str, customer_id: str) -> None:
    try:
        key = customer_key(tenant, customer_id)
    except UnicodeEncodeError:
        return  # lone surrogates never get here
    assert packing.split_key(key) == (tenant, customer_id)


def test_a_key_without_a_slash_is_an_error() -> None:
    with pytest.raises(ValueError, match="no slash"):
        packing.split_key(b"acme")


def test_partitions_never_move() -> None:
    # By the murmur2 of Kafka's clients; a change would put every customer's history into another partition.
    assert [partition_of(b"acme/c-%d" % number, 8) for number in range(8)] == [2, 0, 6, 6, 0, 6, 2, 5]


def test_equal_texts_of_two_tenants_differ() -> None:
    assert hash64("acme", "d-1") != hash64("other", "d-1")


def test_tenant_and_text_do_not_run_together() -> None:
    assert hash64("acme", "xd-1") != hash64("acmex", "d-1")


def test_two_spellings_of_a_text_are_one() -> None:
    assert hash64("acme", "Zoe\u0308") == hash64("acme", "Zo\u00eb")


def test_a_hash_is_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "xxh3_64_intdigest", lambda _: 0)
    assert hash64("acme", "d-1") == 1


# -------------------------------------------------------------------------------------------------------------- header


def test_the_packed_header_has_the_layout_of_entry() -> None:
    codes = {"<i8": "q", "<u8": "Q", "<f8": "d", "<f4": "f", "<i4": "i", "<u4": "I", "|u1": "B"}
    layout = "<" + "".join(codes[ENTRY[name].str] for name in ENTRY.names or ())
    assert packing.HEADER.format == layout
    assert struct.calcsize(layout) == ENTRY.itemsize == packing.HEADER_SIZE


def test_every_event_type_has_a_kind_of_its_own() -> None:
    kinds = [packing.KIND_OF[event_type] for event_type in get_args(ev.AnyEvent)]
    assert sorted(kinds) == [kind for kind in Kind if kind < 64]


def test_the_kind_is_named_after_the_event() -> None:
    for event_type, kind in packing.KIND_OF.items():
        assert event_type.__name__.lower() == kind.name.replace("_", "").lower()


def test_a_purchase_fills_the_header() -> None:
    geo = ev.Geo(latitude=31.25, longitude=121.5)
    entry = header(purchase(merchant_id="m", terminal_id="t", device_id="d", ip="1.2.3.4", channel="wechat", geo=geo))
    assert entry["occurred_at"] == AT_MS
    assert entry["ingested_at"] == 6
    assert entry["source_at"] == 5
    assert (entry["source_topic"], entry["source_partition"], entry["source_offset"]) == (3, 7, 42)
    assert entry["event"] == hash64("acme", "e-1")
    assert entry["subject"] == 0
    assert entry["device"] == hash64("acme", "d")
    assert entry["ip"] == hash64("acme", "1.2.3.4")
    assert entry["counterparty"] == hash64("acme", "t")
    assert entry["amount"] == 1999
    assert (entry["latitude"], entry["longitude"]) == (31.25, 121.5)
    assert entry["kind"] == Kind.PURCHASE_MADE
    assert entry["channel"] == 3
    assert (entry["product"], entry["outcome"], entry["flags"], entry["reserved"]) == (0, 0, 0, 0)
    assert entry["local_hour"] == 12
    assert entry["version"] == ENTRY_VERSION


BUREAU = ("bureau_score", "bureau_open_loans", "bureau_inquiries", "bureau_outstanding")


def test_of_a_bureau_that_reports_a_part_the_rest_is_unknown() -> None:
    bureau = ev.Bureau(open_loans=0, outstanding=2**53 - 1)
    entry = header(msgspec.structs.replace(EXAMPLES[0], bureau=bureau))
    assert (entry["bureau_open_loans"], entry["bureau_outstanding"]) == (0, 2**53 - 1)
    assert np.isnan(entry["bureau_score"])
    assert np.isnan(entry["bureau_inquiries"])
    assert all(np.isnan(header(msgspec.structs.replace(EXAMPLES[0], bureau=None))[name]) for name in BUREAU)


def test_what_a_purchase_does_not_say_is_nan_or_zero() -> None:
    entry = header(purchase())
    unknown = ["due_amount", "income", "days_late", "paid_share", "latitude", "longitude", "session_seconds"]
    assert all(np.isnan(entry[name]) for name in [*unknown, *BUREAU, "paste_share", "term_months"])
    assert all(entry[name] == 0 for name in ["subject", "device", "ip", "counterparty", "channel"])


def test_the_counterparty_is_the_merchant_where_there_is_no_terminal() -> None:
    assert header(purchase(merchant_id="m"))["counterparty"] == hash64("acme", "m")


def test_an_application_fills_the_header() -> None:
    entry = header(EXAMPLES[0])
    assert entry["subject"] == hash64("sunrise", "A-7781")
    assert entry["counterparty"] == hash64("sunrise", "M-204")
    assert (entry["amount"], entry["income"], entry["term_months"]) == (459_900, 1_250_000, 12)
    assert (entry["session_seconds"], entry["bureau_score"]) == (184.5, 688)
    bureau = EXAMPLES[0].bureau
    assert bureau is not None
    assert (entry["bureau_open_loans"], entry["bureau_inquiries"]) == (bureau.open_loans, bureau.inquiries_90d)
    assert entry["bureau_outstanding"] == bureau.outstanding
    assert entry["paste_share"] == np.float32(0.1)
    assert (entry["product"], entry["channel"]) == (1, 1)


def test_an_opened_loan_is_about_its_loan_id() -> None:
    entry = header(EXAMPLES[6])
    assert entry["subject"] == hash64("sunrise", "L-3310")
    assert (entry["amount"], entry["term_months"], entry["product"]) == (459_900, 3, 1)


@pytest.mark.parametrize("position", [7, 8, 9, 10])
def test_what_befalls_a_loan_is_about_its_loan_id_and_has_an_amount(position: int) -> None:
    entry = header(EXAMPLES[position])
    assert entry["subject"] == hash64("sunrise", "L-3310")
    assert entry["amount"] == 155_400


def test_a_contact_has_its_channel_and_outcome_among_contacts() -> None:
    entry = header(next(each for each in EXAMPLES if isinstance(each, ev.ContactMade)))
    assert ev.ContactChannel.__args__[entry["channel"] - 1] == "phone"  # type: ignore[attr-defined]
    assert ev.ContactOutcome.__args__[entry["outcome"] - 1] == "promised"  # type: ignore[attr-defined]


@pytest.mark.parametrize("verdict", [ev.FraudConfirmed, ev.FraudCleared])
def test_a_verdict_is_about_the_event_that_it_names(verdict: type) -> None:
    event = next(each for each in EXAMPLES if type(each) is verdict)
    assert header(event)["subject"] == header(purchase(tenant="sunrise", event_id="e-0006"))["event"]


@pytest.mark.parametrize("value", get_args(ev.Channel))
def test_a_channel_is_its_position_in_the_literal_counted_from_one(value: str) -> None:
    assert get_args(ev.Channel)[header(login(channel=value))["channel"] - 1] == value


@pytest.mark.parametrize(
    ("field", "flag"),
    [
        ("emulator", Flag.EMULATOR),
        ("rooted", Flag.ROOTED),
        ("proxy", Flag.PROXY),
        ("sim_changed", Flag.SIM_CHANGED),
    ],
)
def test_each_fact_about_a_device_is_a_flag(field: str, flag: Flag) -> None:
    event = ev.DeviceChanged(
        event_id="e", tenant="acme", customer_id="c", occurred_at=AT, device_id="d", **{field: True}
    )
    assert header(event)["flags"] == flag


@given(events)
def test_every_valid_event_can_be_packed_and_read_again(event: ev.AnyEvent) -> None:
    value = pack(event)
    found = packing.unpack_event(value)
    assert type(found) is type(event)
    if all(getattr(event, name, None) is None for name in ("identifiers", "sketches", "checks")):
        assert found == event


@given(events)
def test_times_are_whole_milliseconds_rounded_down(event: ev.AnyEvent) -> None:
    since = event.occurred_at - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    assert header(event)["occurred_at"] == microseconds // 1_000


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_milliseconds_and_instants_turn_into_each_other(at: datetime) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert packing.from_ms(packing.to_ms(at)) == at


# ------------------------------------------------------------------------------------------------------ clamping, hours


def test_an_event_from_the_future_is_clamped_and_flagged() -> None:
    entry = header(purchase(), latest_ms=AT_MS - 1)
    assert (entry["occurred_at"], entry["flags"]) == (AT_MS - 1, Flag.CLAMPED)


def test_an_event_at_the_latest_instant_is_not_clamped() -> None:
    entry = header(purchase(), latest_ms=AT_MS)
    assert (entry["occurred_at"], entry["flags"]) == (AT_MS, 0)


def test_the_hour_of_a_clamped_event_is_that_of_the_instant_it_is_clamped_to() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert header(purchase(occurred_at=AT.astimezone(tokyo)), latest_ms=AT_MS - 3_600_000)["local_hour"] == 20


def test_the_hour_is_the_events_own_where_the_tenant_has_no_zone() -> None:
    assert header(login(occurred_at=AT.astimezone(timezone(timedelta(hours=-9, minutes=-30)))))["local_hour"] == 3


def test_the_hour_is_the_tenants_where_it_has_a_zone() -> None:
    zones = {"acme": ZoneInfo("Asia/Shanghai")}
    assert header(login(), zone_of=zones)["local_hour"] == 20


ZONES = ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "UTC")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)), st.sampled_from(ZONES))
def test_the_hour_is_what_the_zones_clock_shows(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    assert (
        packing.local_hour(packing.to_ms(at.replace(tzinfo=UTC)), zone) == at.replace(tzinfo=UTC).astimezone(zone).hour
    )


def test_the_hour_is_right_in_the_minute_in_which_newfoundlands_clocks_changed() -> None:
    zone = ZoneInfo("America/St_Johns")  # on 2010-03-14 at 00:01 local clocks went to 01:01
    before = datetime(2010, 3, 14, 3, 30, 30, tzinfo=UTC)
    assert packing.local_hour(packing.to_ms(before), zone) == 0
    assert packing.local_hour(packing.to_ms(before + timedelta(minutes=1)), zone) == 1


# ----------------------------------------------------------------------------------------------- broadcasts and batches


def test_a_tick_says_only_when() -> None:
    entry = packing.headers_of([packing.pack_tick(123)])[0]
    assert (entry["kind"], entry["occurred_at"], entry["source_offset"], entry["event"]) == (Kind.TICK, 123, -1, 0)
    assert np.isnan(entry["amount"])


def test_a_broadcast_carries_its_payload() -> None:
    value = packing.pack_broadcast(Kind.MODEL_PROMOTED, 5, b"model")
    assert packing.payload_of(value) == b"model"


def test_headers_of_a_batch_keep_its_order() -> None:
    headers = packing.headers_of([packing.pack_tick(3), pack(purchase()), packing.pack_tick(1)])
    assert headers["occurred_at"].tolist() == [3, AT_MS, 1]


def test_headers_of_a_batch_can_be_written() -> None:
    headers = packing.headers_of([pack(purchase())])
    headers["due_amount"] = 5
    assert headers["due_amount"][0] == 5


def test_an_empty_batch_has_no_headers() -> None:
    assert packing.headers_of([]).shape == (0,)


def test_a_short_record_is_named() -> None:
    with pytest.raises(BadEntry, match="record 1 of the batch has 3 bytes, a header has 168"):
        packing.headers_of([packing.pack_tick(1), b"abc"])


def test_a_record_without_value_is_named() -> None:
    with pytest.raises(BadEntry, match="record 1 of the batch has no value"):
        packing.headers_of([packing.pack_tick(1), None])  # type: ignore[list-item]


def test_a_record_of_another_version_is_named() -> None:
    other = bytearray(packing.pack_tick(1))
    other[packing.HEADER_SIZE - 2] = 9
    with pytest.raises(BadEntry, match="record 1 of the batch has entry version 9, this worker reads 2"):
        packing.headers_of([packing.pack_tick(1), bytes(other)])


@pytest.mark.parametrize("rest", [b"", b"\xc1", b"\x80", msgspec.msgpack.encode({"type": "Nonsense"})])
def test_a_record_without_an_event_is_an_error(rest: bytes) -> None:
    with pytest.raises(BadEntry, match="holds no event"):
        packing.unpack_event(packing.pack_tick(1) + rest)

"""Requests for lists: read strictly, and named as the journal names things."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from event_strategies import plain_text
from hypothesis import given
from hypothesis import strategies as st
from list_making import REQUEST, asked

from riskwatch.streams.codec import SIZE_LIMIT, TOMBSTONE, Faults
from riskwatch.streams.events import FraudConfirmed, Identifiers, LoanApplied
from riskwatch.streams.identity import IDENTITY_KINDS, identities_of
from riskwatch.streams.keys import Keys
from riskwatch.streams.listing import ListRequest
from riskwatch.streams.listreading import (
    change_of,
    decode_audit,
    decode_change,
    decode_request,
    encode_audit,
    encode_change,
    encode_request,
    values_of,
)
from riskwatch.streams.packing import pack_entry, unpack_event
from riskwatch.streams.pseudonyms import digest_of, keyed_hash

OLD, NEW = b"0123456789abcdef", b"fedcba9876543210"
KEYS = Keys(current=OLD)
AT = datetime(2026, 3, 1, tzinfo=UTC)


def faults_of(value: bytes) -> list[tuple[str, str]]:
    found = decode_request(value)
    assert isinstance(found, Faults)
    return [(each.code, each.path) for each in found.faults]


def request(**fields: Any) -> ListRequest:
    found = decode_request(asked(**fields))
    assert isinstance(found, ListRequest), found
    return found


# ------------------------------------------------------------------------------------------------------------- reading


def test_a_request_is_read_with_its_fields() -> None:
    found = request(expires_at="2026-04-01T00:00:00Z")
    assert (found.purpose, found.kind, found.text) == ("block", "phone", "+86 138 0013 8000")
    assert (found.at, found.expires_at) == (AT, datetime(2026, 4, 1, tzinfo=UTC))


def test_a_request_that_is_written_is_read_back() -> None:
    assert decode_request(encode_request(request())) == request()


def test_a_null_value_is_a_tombstone() -> None:
    assert decode_request(None) is TOMBSTONE


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "empty-value"),
        (b"[]", "malformed-json"),
        (b"{", "malformed-json"),
        (asked()[:-1] + b',"x":NaN}', "not-a-number"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
        (b'{"x":"' + b"y" * SIZE_LIMIT + b'"}', "too-large"),
        (asked()[:-1] + b',"x":"\xff"}', "not-utf8"),
    ],
)
def test_what_is_no_request_at_all_is_a_fault_of_the_record(value: bytes, code: str) -> None:
    assert faults_of(value)[-1] == (code, "")


def test_of_a_key_that_occurs_twice_the_last_counts() -> None:
    found = decode_request(asked(purpose=...)[:-1] + b',"purpose":"block","purpose":"watch"}')
    assert isinstance(found, ListRequest)
    assert found.purpose == "watch"


def test_unknown_fields_are_ignored() -> None:
    assert request(ticket=7) == request()


@pytest.mark.parametrize("field", list(REQUEST))
def test_every_field_is_required(field: str) -> None:
    assert faults_of(asked(**{field: ...})) == [("missing-field", field)]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("change_id", "", "out-of-range"),
        ("tenant", "ACME", "out-of-range"),
        ("kind", "passport", "out-of-range"),
        ("text", "", "out-of-range"),
        ("text", "x" * 513, "out-of-range"),
        ("text", "13\u200b8", "bad-text"),
        ("text", 13_800_138_000, "wrong-type"),
        ("purpose", "blok", "out-of-range"),
        ("actor", "", "out-of-range"),
        ("reason", "\x00", "bad-text"),
        ("at", "2026-03-01T08:00:00", "naive-time"),
        ("at", "1999-03-01T08:00:00Z", "out-of-range"),
        ("at", 1_700_000_000, "wrong-type"),
        ("expires_at", "2100-01-01T00:00:00Z", "out-of-range"),
        ("expires_at", "tomorrow", "bad-time"),
        ("remove", 1, "wrong-type"),
    ],
)
def test_a_wrong_field_is_named_with_its_code(field: str, value: Any, code: str) -> None:
    assert faults_of(asked(**{field: value})) == [(code, field)]


def test_all_faults_are_told() -> None:
    value = asked(tenant=5, purpose="blok", at="x")
    assert faults_of(value) == [("wrong-type", "tenant"), ("out-of-range", "purpose"), ("bad-time", "at")]


@pytest.mark.parametrize("text", [13_800_138_000, ["13800138000"], "13800138000\x00", {"a": "13800138000"}])
def test_words_never_show_what_was_to_be_listed(text: Any) -> None:
    found = decode_request(asked(text=text))
    assert isinstance(found, Faults)
    assert "138001" not in str(found)


def test_texts_come_back_in_nfc() -> None:
    assert request(kind="name", text="Zoe\u0308").text == "Zo\u00eb"


@pytest.mark.parametrize("kind", ["customer", "device", "phone", "id_number", "bank_card", "merchant", "terminal"])
def test_an_identifier_longer_than_events_have_is_refused(kind: str) -> None:
    assert faults_of(asked(kind=kind, text="1" * 129)) == [("out-of-range", "text")]


@pytest.mark.parametrize("kind", ["email", "name", "address"])
def test_names_may_be_longer_than_identifiers(kind: str) -> None:
    assert request(kind=kind, text="a" * 129).kind == kind


@pytest.mark.parametrize("kind", ["phone", "id_number", "bank_card", "name", "address"])
def test_a_text_that_tells_nobody_from_anybody_is_refused(kind: str) -> None:
    assert faults_of(asked(kind=kind, text="--")) == [("out-of-range", "text")]


@pytest.mark.parametrize("text", ["10.0.0.0/24", "10.0.0.9", "2001:db8::1", "2001:db8::/64"])
def test_a_network_is_an_address_or_its_24_or_64(text: str) -> None:
    assert request(kind="ip-net", text=text).text == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [("ip", "10.0.0"), ("ip", "10.0.0.0/24"), ("ip-net", "10.0.0.0/16"), ("ip-net", "10.0.0.0/64"),
     ("ip-net", "2001:db8::/24"), ("ip-net", "office")],
)  # fmt: skip
def test_a_network_that_no_event_can_have_is_refused(kind: str, text: str) -> None:
    assert faults_of(asked(kind=kind, text=text)) == [("out-of-range", "text")]


@pytest.mark.parametrize("expires", ["2026-03-01T00:00:00Z", "2026-02-28T23:59:59Z"])
def test_a_term_that_ends_as_it_begins_or_before_is_refused(expires: str) -> None:
    assert faults_of(asked(expires_at=expires)) == [("out-of-range", "expires_at")]


def test_a_removal_has_no_term() -> None:
    assert faults_of(asked(remove=True, expires_at="2026-04-01T00:00:00Z")) == [("out-of-range", "expires_at")]


def test_a_request_dated_ahead_keeps_its_time() -> None:
    assert change_of(request(at="2099-01-01T00:00:00Z"), KEYS).at_ms == 4_070_908_800_000


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reading(value: bytes) -> None:
    assert isinstance(decode_request(value), Faults)


# -------------------------------------------------------------------------------------------------------------- values


def journaled(kind: str, text: str, *, keys: Keys = KEYS) -> list[str]:
    """The values of an identifier as they come out of a journaled event that names it: the oracle."""
    common = {"event_id": "e", "tenant": "acme", "customer_id": "c", "occurred_at": AT}
    event: LoanApplied | FraudConfirmed
    if kind in Identifiers.__struct_fields__:
        fields: dict[str, Any] = {"identifiers": Identifiers(**{kind: text})}
    else:
        fields = {"ip" if kind == "ip-net" else kind if kind == "ip" else f"{kind}_id": text}
    event = FraudConfirmed(**common, case_id="F", typology="t", **fields)
    entry = pack_entry(
        event, source_topic=6, source_partition=0, source_offset=0, source_at=0, ingested_at=0, zone_of={},
        secret=keys,
    )  # fmt: skip
    found = unpack_event(entry)
    assert isinstance(found, FraudConfirmed)
    return [each.value for each in identities_of(found) if each.kind == kind]


SPELLINGS = {
    "device": "D-5c1f",
    "phone": "+86 138-0013-8000",
    "id_number": "11010519491231002X",
    "bank_card": "4111-1111 1111 1111",
    "email": "Li.Na+x@Gmail.com",
    "address": "12 Harbour Street, Flat 3",
    "name": "O’Neill  Anna",
    "ip": "::ffff:192.0.2.1",
    "ip-net": "192.0.2.77",
    "merchant": "M-204 ",
    "terminal": "T-31",
}


@pytest.mark.parametrize("kind", IDENTITY_KINDS)
def test_a_listed_identifier_has_the_value_that_the_journal_gives_it(kind: Any) -> None:
    assert list(values_of(KEYS, "acme", kind, SPELLINGS[kind])) == journaled(kind, SPELLINGS[kind])


@given(st.sampled_from([kind for kind in IDENTITY_KINDS if kind not in ("ip", "ip-net")]), plain_text)
def test_so_has_any_text_that_a_request_may_name(kind: Any, text: str) -> None:
    found = decode_request(asked(kind=kind, text=text))
    if isinstance(found, ListRequest):
        assert list(change_of(found, KEYS).values) == journaled(kind, found.text)


@given(st.ip_addresses(), st.sampled_from(["ip", "ip-net"]))
def test_so_has_any_address(address: Any, kind: Any) -> None:
    assert list(values_of(KEYS, "acme", kind, str(address))) == journaled(kind, str(address))


@pytest.mark.parametrize("kind", IDENTITY_KINDS)
def test_in_a_rotation_it_has_all_the_values_that_the_journal_gives_it(kind: Any) -> None:
    keys = Keys(current=NEW, previous=(OLD,))
    assert list(values_of(keys, "acme", kind, SPELLINGS[kind])) == journaled(kind, SPELLINGS[kind], keys=keys)


@pytest.mark.parametrize("kind", ["phone", "name"])
def test_in_a_rotation_what_was_journaled_before_is_found(kind: Any) -> None:
    values = values_of(Keys(current=NEW, previous=(OLD,)), "acme", kind, SPELLINGS[kind])
    assert set(journaled(kind, SPELLINGS[kind])) < set(values)


def test_the_first_value_is_the_current_keys() -> None:
    keys = Keys(current=NEW, previous=(OLD,))
    assert values_of(keys, "acme", "phone", "+8613800138000")[0] == digest_of(
        keyed_hash(keys, "acme", "phone", "+8613800138000")
    )


def test_a_national_number_is_read_in_the_institutions_region() -> None:
    assert values_of(KEYS, "acme", "phone", "138 0013 8000", "CN") == values_of(KEYS, "acme", "phone", "+8613800138000")


def test_a_customer_is_listed_by_its_id_in_nfc() -> None:
    assert values_of(KEYS, "acme", "customer", "Zoe\u0308 7") == ("Zo\u00eb 7",)


def test_the_same_phone_of_two_institutions_has_two_values() -> None:
    assert values_of(KEYS, "acme", "phone", "1") != values_of(KEYS, "other", "phone", "1")


# ------------------------------------------------------------------------------------------------------------- changes


def test_a_change_says_who_asked_when_why_and_until_when() -> None:
    found = change_of(request(expires_at="2026-03-02T00:00:00Z"), KEYS)
    assert (found.change_id, found.actor, found.reason) == ("ch-1", "li.na", "ring of March")
    assert (found.at_ms, found.expires_ms, found.remove) == (1_772_323_200_000, 1_772_409_600_000, False)


@pytest.mark.parametrize("kind", ["phone", "id_number", "bank_card", "email", "address", "name"])
def test_a_change_holds_no_personal_identifier_in_clear(kind: Any) -> None:
    made = change_of(request(kind=kind, text=SPELLINGS[kind]), KEYS)
    for written in (encode_change(made), encode_audit(made)):
        assert not any(part.encode() in written for part in (SPELLINGS[kind], "8000", "harbour", "anna", "li.na@"))


def test_a_change_is_read_back_from_the_journal_and_from_its_audit() -> None:
    made = change_of(request(), KEYS)
    assert decode_change(encode_change(made)) == decode_audit(encode_audit(made)) == made


@pytest.mark.parametrize("read", [decode_change, decode_audit])
def test_what_is_no_change_is_an_error(read: Any) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read(b"\xc1")

"""Reading input records: events, tombstones, and every fault in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from event_strategies import events
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.streams.codec import CODES, TOMBSTONE, Faults, decode_event, encode_event
from riskwatch.streams.events import AnyEvent, LoginFailed, LoginSucceeded
from riskwatch.streams.examples import EXAMPLES

LOGIN = {
    "type": "LoginSucceeded",
    "event_id": "e-1",
    "tenant": "acme",
    "customer_id": "c-1",
    "occurred_at": "2024-05-01T12:34:56Z",
}


def login(**fields: object) -> bytes:
    return json.dumps({**LOGIN, **fields}).encode()


def login_with(raw: str) -> bytes:
    """A login whose further members are given as they stand in the JSON text."""
    return json.dumps(LOGIN)[:-1].encode() + b"," + raw.encode() + b"}"


def faults_of(value: bytes | None, headers: list[tuple[str, bytes]] | None = None) -> list[tuple[str, str]]:
    """Code and path of each fault."""
    found = decode_event(value, headers or [])
    assert isinstance(found, Faults), found
    return [(fault.code, fault.path) for fault in found.faults]


def event_of(value: bytes) -> AnyEvent:
    found = decode_event(value)
    assert isinstance(found, AnyEvent), found
    return found


def test_a_login_is_read_with_all_its_fields() -> None:
    assert event_of(login(channel="app", device_id="d-1")) == LoginSucceeded(
        event_id="e-1",
        tenant="acme",
        customer_id="c-1",
        occurred_at=datetime(2024, 5, 1, 12, 34, 56, tzinfo=UTC),
        channel="app",
        device_id="d-1",
    )


@given(events)
def test_what_is_encoded_is_decoded_again(event: AnyEvent) -> None:
    found = decode_event(encode_event(event))
    assert isinstance(found, AnyEvent), found
    assert decode_event(encode_event(found)) == found


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_the_examples_of_the_reference_are_read(event: AnyEvent) -> None:
    assert decode_event(encode_event(event)) == event


def test_a_null_value_is_a_tombstone() -> None:
    assert decode_event(None) is TOMBSTONE


def test_an_unknown_field_is_ignored() -> None:
    assert event_of(login(colour={"deep": [1, 2]})) == event_of(login())


def test_of_a_key_that_occurs_twice_the_last_one_counts() -> None:
    assert event_of(login_with('"ip": "1.1.1.1", "ip": "2.2.2.2"')).ip == "2.2.2.2"  # type: ignore[union-attr]


def test_every_fault_is_told_not_only_the_first() -> None:
    value = login(tenant="ACME!", channel="App", geo={"latitude": 91, "longitude": "2"}, session={"corrections": 1.5})
    assert faults_of(value) == [
        ("out-of-range", "tenant"),
        ("out-of-range", "channel"),
        ("out-of-range", "geo.latitude"),
        ("wrong-type", "geo.longitude"),
        ("wrong-type", "session.corrections"),
    ]


def test_the_first_fault_files_the_record() -> None:
    found = decode_event(login(tenant="ACME!", channel=1))
    assert isinstance(found, Faults)
    assert found.code == "out-of-range"


def test_faults_within_a_list_name_the_item() -> None:
    line = {"number": 1, "due_on": "2024-06-01", "amount": 5}
    schedule = [line, {**line, "amount": True}, {"number": 0, "due_on": "soon"}]
    loan = {**LOGIN, "type": "LoanOpened", "loan_id": "l", "product": "consumer-credit", "principal": 1}
    assert faults_of(json.dumps({**loan, "currency": "EUR", "schedule": schedule}).encode()) == [
        ("wrong-type", "schedule[1].amount"),
        ("out-of-range", "schedule[2].number"),
        ("bad-time", "schedule[2].due_on"),
        ("missing-field", "schedule[2].amount"),
    ]


def test_an_unknown_type_is_a_fault_with_a_suggestion() -> None:
    found = decode_event(login(type="LoginFaild"))
    assert str(found) == 'type: found "LoginFaild"; did you mean LoginFailed?'


def test_the_common_fields_of_an_unknown_type_are_read_too() -> None:
    assert faults_of(b'{"type": "Nonsense", "tenant": 5}') == [
        ("unknown-type", "type"),
        ("missing-field", "event_id"),
        ("wrong-type", "tenant"),
        ("missing-field", "customer_id"),
        ("missing-field", "occurred_at"),
    ]


def test_a_fault_says_what_was_found_and_what_is_expected() -> None:
    found = decode_event(login(session={"paste_share": 1.5}))
    assert str(found) == "session.paste_share: found the decimal 1.5, expected a number from 0 to 1"


def test_a_personal_identifier_is_never_shown_in_a_fault() -> None:
    phone = "+86 138 0013 8000 " * 9
    value = json.dumps({**LOGIN, "type": "LoanApplied", "identifiers": {"phone": phone, "name": 13800138000}}).encode()
    found = decode_event(value)
    assert isinstance(found, Faults)
    assert {fault.path for fault in found.faults} >= {"identifiers.phone", "identifiers.name"}
    assert "138" not in str(found)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "empty-value"),
        (b"\x00", "malformed-json"),
        (b"   ", "malformed-json"),
        (b"null", "malformed-json"),
        (b"[]", "malformed-json"),
        (b'"text"', "malformed-json"),
        (b'{"type": "LoginFailed"', "malformed-json"),
        (b"\xef\xbb\xbf{}", "malformed-json"),
        (b"\xff\xfe\x00", "not-utf8"),
        (b"{}", "missing-field"),
        (b'{"type": null}', "wrong-type"),
    ],
)
def test_what_is_no_json_object_of_an_event_has_a_code(value: bytes, code: str) -> None:
    assert faults_of(value)[0][0] == code


def test_truncating_an_event_anywhere_is_a_fault() -> None:
    value = login(ip="203.0.113.7")
    assert all(isinstance(decode_event(value[:length]), Faults) for length in range(len(value)))


@given(st.binary(max_size=200))
def test_random_bytes_are_faults_with_known_codes(value: bytes) -> None:
    found = decode_event(value)
    assert isinstance(found, Faults)
    assert {fault.code for fault in found.faults} <= CODES.keys()


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["2024-05-01", "2024-05-01T00:00:00Z", "app", "x" * 600]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def damaged_records(draw: st.DrawFn) -> bytes:
    """An event as JSON with one of its members, at any depth, replaced or removed."""
    record = json.loads(encode_event(draw(st.sampled_from(EXAMPLES))))
    node = record
    while True:
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
            node = node[key]
            continue
        if draw(st.booleans()):
            node[key] = draw(json_values)
        else:
            del node[key]
        return json.dumps(record).encode()


@given(damaged_records())
def test_the_walk_that_explains_agrees_with_the_decoder(value: bytes) -> None:
    try:
        event = msgspec.json.decode(value, type=AnyEvent)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = decode_event(value)
        assert isinstance(found, Faults)
        assert "malformed-json" not in {fault.code for fault in found.faults}, "the walk found nothing"
    else:
        found = decode_event(value)
        if isinstance(found, Faults):  # beyond what types say: the texts, and the years
            assert {fault.code for fault in found.faults} <= {"bad-text", "out-of-range"}
        else:
            assert type(found) is type(event)
            assert found.occurred_at == event.occurred_at


def test_an_event_that_python_wrote_with_escapes_equals_the_one_without() -> None:
    record = {**LOGIN, "type": "LoginFailed", "reason": "Straße \\ 密码"}
    plain = decode_event(json.dumps(record, ensure_ascii=False).encode())
    assert isinstance(plain, LoginFailed)
    assert decode_event(json.dumps(record).encode()) == plain
    assert plain.reason == "Straße \\ 密码"

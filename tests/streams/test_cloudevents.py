"""CloudEvents in binary mode: headers fill gaps and must not contradict the body."""

from __future__ import annotations

import json

import pytest
from event_strategies import events
from hypothesis import given
from test_codec import LOGIN, faults_of, login

from riskwatch.streams import cloudevents
from riskwatch.streams.codec import decode_event, encode_event
from riskwatch.streams.events import AnyEvent

CONTEXT = {
    "ce_specversion": b"1.0",
    "ce_type": b"riskwatch.LoginSucceeded.v1",
    "ce_id": b"e-1",
    "ce_source": b"/apps/7",
    "ce_subject": b"c-1",
    "ce_time": b"2024-05-01T12:34:56Z",
    "content-type": b"application/json",
}


def context(**changed: bytes) -> list[tuple[str, bytes]]:
    return list(
        (CONTEXT | {name.replace("content_type", "content-type"): value for name, value in changed.items()}).items()
    )


def without(*names: str) -> bytes:
    return json.dumps({name: value for name, value in LOGIN.items() if name not in names}).encode()


@given(events)
def test_the_headers_that_are_written_agree_with_the_event(event: AnyEvent) -> None:
    event = decode_event(encode_event(event))  # type: ignore[assignment]
    assert decode_event(encode_event(event), cloudevents.write(event, "/x")) == event


@pytest.mark.parametrize("name", ["type", "event_id", "customer_id", "occurred_at"])
def test_a_header_fills_in_what_the_body_leaves_out(name: str) -> None:
    assert decode_event(without(name), context()) == decode_event(login())


def test_headers_fill_in_a_body_that_says_only_the_tenant() -> None:
    body = without("type", "event_id", "customer_id", "occurred_at")
    assert decode_event(body, context()) == decode_event(login())


def test_what_neither_says_is_missing() -> None:
    assert faults_of(b" {} ", context()) == [("missing-field", "tenant")]


@pytest.mark.parametrize(
    ("header", "value"),
    [("ce_type", b"LoginFailed"), ("ce_id", b"e-2"), ("ce_subject", b"c-2"), ("ce_time", b"2024-05-01T12:34:57Z")],
)
def test_a_header_that_contradicts_the_body_is_a_fault(header: str, value: bytes) -> None:
    assert faults_of(login(), context(**{header: value})) == [("header-conflict", header)]


def test_all_conflicts_are_told() -> None:
    found = faults_of(login(), context(ce_id=b"x", ce_subject=b"y", content_type=b"text/xml"))
    assert found == [
        ("not-json-content", "content-type"),
        ("header-conflict", "ce_id"),
        ("header-conflict", "ce_subject"),
    ]


def test_the_same_instant_in_another_zone_is_no_conflict() -> None:
    assert decode_event(login(), context(ce_time=b"2024-05-01T20:34:56+08:00")) == decode_event(login())


def test_the_same_id_in_another_unicode_form_is_no_conflict() -> None:
    value = login(customer_id="Zo\u00eb")
    assert decode_event(value, context(ce_subject="Zoe\u0308".encode())) == decode_event(value)


@pytest.mark.parametrize("name", [b"LoginSucceeded", b"riskwatch.LoginSucceeded.v1", b"com.acme.LoginSucceeded"])
def test_a_type_may_be_bare_or_have_a_prefix(name: bytes) -> None:
    assert decode_event(without("type"), context(ce_type=name)) == decode_event(login())


@pytest.mark.parametrize("name", [b"riskwatch.LoginSucceeded.v2", b"", b"two words", b"\xff"])
def test_a_type_of_another_version_or_form_is_a_fault(name: bytes) -> None:
    assert faults_of(login(), context(ce_type=name)) == [("bad-header", "ce_type")]


@pytest.mark.parametrize("version", [b"2.0", b"0.3", b""])
def test_an_unknown_version_of_cloudevents_is_a_fault(version: bytes) -> None:
    assert faults_of(login(), context(ce_specversion=version)) == [("bad-header", "ce_specversion")]


@pytest.mark.parametrize(
    "kind", [b"application/json; charset=utf-8", b"Application/JSON", b"application/vnd.acme+json", b"text/json"]
)
def test_other_spellings_of_json_are_read(kind: bytes) -> None:
    assert decode_event(login(), context(content_type=kind)) == decode_event(login())


@pytest.mark.parametrize(
    "kind", [b"application/avro", b"application/cloudevents+json", b"application/json; charset=gbk", b""]
)
def test_what_is_not_json_is_a_fault(kind: bytes) -> None:
    assert faults_of(login(), context(content_type=kind)) == [("not-json-content", "content-type")]


def test_a_time_in_a_header_that_is_no_time_is_a_fault() -> None:
    assert faults_of(login(), context(ce_time=b"noon")) == [("bad-header", "ce_time")]


def test_headers_of_others_are_ignored() -> None:
    assert decode_event(login(), [("traceparent", b"00-ab"), ("empty", None)]) == decode_event(login())  # type: ignore[list-item]


def test_a_header_cannot_mend_what_the_body_says_wrongly() -> None:
    assert faults_of(login(event_id=None), context()) == [("wrong-type", "event_id")]

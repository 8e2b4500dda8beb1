"""Events that were built in Python are checked before they are published."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from event_strategies import events
from hypothesis import given

from riskwatch.streams.checking import InvalidEvent, checked
from riskwatch.streams.events import AnyEvent, Geo, LoginFailed, Session
from riskwatch.streams.examples import EXAMPLES


def login(**fields: object) -> LoginFailed:
    common = {"event_id": "e", "tenant": "acme", "customer_id": "c", "occurred_at": datetime(2024, 5, 1, tzinfo=UTC)}
    return LoginFailed(**{**common, **fields})  # type: ignore[arg-type]


def faults_of(event: AnyEvent) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as caught:
        checked(event)
    return [(fault.code, fault.path) for fault in caught.value.faults.faults]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_a_valid_event_comes_back_equal(event: AnyEvent) -> None:
    assert checked(event) == event


@given(events)
def test_checking_twice_changes_nothing_more(event: AnyEvent) -> None:
    assert checked(checked(event)) == checked(event)


def test_texts_come_back_in_nfc() -> None:
    assert checked(login(customer_id="Zoe\u0308")).customer_id == "Zo\u00eb"


def test_a_naive_time_is_a_fault() -> None:
    assert faults_of(login(occurred_at=datetime(2024, 5, 1))) == [("naive-time", "occurred_at")]


def test_all_faults_are_told() -> None:
    event = login(event_id="", tenant="ACME", channel="fax")
    assert faults_of(event) == [("out-of-range", "event_id"), ("out-of-range", "tenant"), ("out-of-range", "channel")]


def test_a_bool_for_an_amount_is_a_fault() -> None:
    assert faults_of(msgspec.structs.replace(EXAMPLES[5], amount=True)) == [("wrong-type", "amount")]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_float_that_json_cannot_write_is_a_fault_where_null_is_allowed(number: float) -> None:
    assert faults_of(login(session=Session(seconds=number))) == [("not-a-number", "session.seconds")]


def test_a_float_that_json_cannot_write_is_a_fault_where_null_is_not() -> None:
    assert ("not-a-number", "geo.latitude") in faults_of(login(geo=Geo(latitude=float("nan"), longitude=1.0)))


def test_a_lone_surrogate_is_a_fault() -> None:
    assert faults_of(login(reason="\ud800"))[0][0] == "bad-text"


def test_the_error_says_what_is_wrong() -> None:
    with pytest.raises(InvalidEvent, match='channel: found "fax", expected one of api, app'):
        checked(login(channel="fax"))

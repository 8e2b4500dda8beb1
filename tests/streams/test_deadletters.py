"""Dead letters keep the original byte for byte, and say what was wrong."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letter_making import FAULTS, NOW, Received, written

from riskwatch.streams.codec import Fault, Faults
from riskwatch.streams.deadletters import (
    VALUE_LIMIT,
    CutDeadLetter,
    NotADeadLetter,
    dead_letter,
    diagnosis,
    restore,
)

headers = st.lists(
    st.tuples(
        st.one_of(st.text(st.characters(codec="utf-8"), max_size=9), st.just("riskwatch-error-code")),
        st.none() | st.binary(max_size=9),
    ),
    max_size=5,
)
records = st.builds(
    Received,
    topic=st.just("riskwatch.logins.v1"),
    partition=st.integers(0, 1000),
    offset=st.integers(0, 2**60),
    timestamp=st.integers(0, 2**42),
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=400),
    headers=headers,
)


def as_tuple(record: object) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in Received.__struct_fields__)


@given(records)
def test_what_is_restored_is_the_original(record: Received) -> None:
    assert as_tuple(restore(written(record))) == as_tuple(record)


@given(records)
def test_a_dead_letter_that_failed_again_is_restored_to_what_failed(record: Received) -> None:
    again = written(written(record))
    assert as_tuple(restore(again)) == as_tuple(written(record))


def test_key_value_and_timestamp_are_the_originals_own() -> None:
    letter = dead_letter(Received(), FAULTS, NOW)
    assert (letter.key, letter.value, letter.timestamp) == (b"acme/c-1", b"\xff\x00", 1_700_000_000_123)


def test_the_original_headers_come_first() -> None:
    assert dead_letter(Received(), FAULTS, NOW).headers[:3] == Received().headers


def test_the_added_headers_say_what_where_and_when() -> None:
    added = dict(dead_letter(Received(), FAULTS, NOW).headers[3:])
    assert added.pop("riskwatch-error") is not None
    assert added == {
        "riskwatch-error-code": b"wrong-type",
        "riskwatch-source-topic": b"riskwatch.logins.v1",
        "riskwatch-source-partition": b"2",
        "riskwatch-source-offset": b"99",
        "riskwatch-failed-at": b"2024-05-01T12:34:56.789+00:00",
    }


def test_every_fault_is_in_the_diagnosis() -> None:
    found = diagnosis(written(Received()))
    assert (found.code, tuple(found.faults), found.omitted) == ("wrong-type", FAULTS.faults, 0)


def test_faults_beyond_the_room_for_them_are_counted() -> None:
    many = Faults(tuple(Fault(code="wrong-type", path=f"schedule[{n}]", message="x" * 200) for n in range(2_000)))
    found = diagnosis(written(Received(), many))
    assert found.faults[0] == many.faults[0]
    assert 0 < len(found.faults) < 2_000
    assert len(found.faults) + found.omitted == 2_000


def test_a_value_at_the_limit_is_kept_whole() -> None:
    value = b"x" * VALUE_LIMIT
    assert restore(written(Received(value=value))).value == value


def test_a_larger_value_is_cut_and_says_so() -> None:
    value = bytes(range(256)) * 40_000  # 10 MB
    letter = dead_letter(Received(value=value), FAULTS, NOW)
    added = dict(letter.headers[3:])
    assert letter.value == value[:VALUE_LIMIT]
    assert added["riskwatch-cut"] == b"10240000"
    assert added["riskwatch-sha256"] == sha256(value).hexdigest().encode()


@pytest.mark.parametrize(
    ("record", "part"),
    [
        (Received(value=b"x" * 1_000_000), "value"),
        (Received(key=b"k" * 20_000), "key"),
        (Received(headers=[("h", b"x" * 70_000)]), "headers"),
    ],
    ids=["value", "key", "headers"],
)
def test_a_cut_letter_cannot_be_restored(record: Received, part: str) -> None:
    with pytest.raises(CutDeadLetter, match=f"the {part} of the original"):
        restore(written(record))


def test_the_largest_letter_fits_into_a_record_of_kafkas_default_limit() -> None:
    faults = Faults(tuple(Fault(code="wrong-type", path="p" * 90, message="m" * 400) for _ in range(2_000)))
    record = Received(key=b"k" * 500_000, value=b"v" * 20_000_000, headers=[("h" * 50, b"x" * 1_000)] * 5_000)
    letter = dead_letter(record, faults, NOW)
    size = len(letter.key or b"") + len(letter.value or b"")
    size += sum(len(name) + len(value or b"") + 8 for name, value in letter.headers)
    assert size < 1_048_588 - 1_000


def test_a_record_of_somebody_else_is_no_dead_letter() -> None:
    with pytest.raises(NotADeadLetter):
        diagnosis(Received())


def test_a_record_with_an_unreadable_block_is_no_dead_letter() -> None:
    with pytest.raises(NotADeadLetter):
        restore(Received(headers=[("riskwatch-error-code", b"x"), ("riskwatch-error", b"{")]))

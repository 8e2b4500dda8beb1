"""The records of actions on lines of credit: identities, and the form on the wire."""

from __future__ import annotations

import json

import msgspec
import pytest
from action_making import START, action, terms

from riskwatch.streams.accountactions import action_identity, compensation_identity, decode_action, encode_action
from riskwatch.streams.compensating import Batch, compensate

MOVED = action(terms(), terms(limit=800_000))


def test_an_action_comes_back_from_the_wire_as_it_went() -> None:
    assert decode_action(encode_action(MOVED)) == MOVED


def test_a_compensation_comes_back_from_the_wire_as_it_went() -> None:
    made = compensate([MOVED], Batch(name="bad/1"), START, START).compensations[0]
    assert decode_action(encode_action(made)) == made


def test_a_reader_tells_actions_from_compensations_by_their_type() -> None:
    made = compensate([MOVED], Batch(name="bad/1"), START, START).compensations[0]
    assert json.loads(encode_action(MOVED))["type"] == "AccountAction"
    assert json.loads(encode_action(made))["type"] == "Compensation"


@pytest.mark.parametrize("value", [b"", b"{}", b'{"type":"AccountAction"}', b'{"type":"Alert"}'])
def test_what_is_no_action_is_refused(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_action(value)


def test_every_part_of_an_identity_counts() -> None:
    same = action_identity(b"bank/c1", "cash-instalments", "CNY", 7, "moved")
    assert same == action_identity(b"bank/c1", "cash-instalments", "CNY", 7, "moved")
    others = {
        action_identity(b"bank/c2", "cash-instalments", "CNY", 7, "moved"),
        action_identity(b"bank/c1", "consumer-credit", "CNY", 7, "moved"),
        action_identity(b"bank/c1", "cash-instalments", "USD", 7, "moved"),
        action_identity(b"bank/c1", "cash-instalments", "CNY", 8, "moved"),
        action_identity(b"bank/c1", "cash-instalments", "CNY", 7, "frozen"),
        action_identity(b"bank/c1", "cash-instalments", "CNY", 7, "moved", shadow=True),
        compensation_identity(b"bank/c1", "cash-instalments", "CNY", ["7"]),
    }
    assert len(others) == 7
    assert same not in others


def test_an_identity_is_32_hexadecimal_characters_that_do_not_change_between_releases() -> None:
    # BLAKE2b-128 of the length-prefixed parts, worked out apart from the code.
    assert action_identity(b"bank/c1", "cash-instalments", "CNY", 7, "moved") == "bae0f9d03547b60c8941a0264c649ffe"

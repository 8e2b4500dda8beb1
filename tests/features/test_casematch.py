"""Weights and scores of matches, worked out by hand from the table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.features.casematch import (
    JOINING,
    NAME_AND_ADDRESS,
    STRONG,
    WEIGHT_OF,
    WEIGHTS,
    likenesses,
    score_of,
)
from riskwatch.streams.identity import IDENTITY_KINDS
from riskwatch.streams.sketches import similarity


def test_every_kind_of_identity_has_a_weight_and_a_sentence() -> None:
    assert {each.kind for each in WEIGHTS} == set(IDENTITY_KINDS)
    assert all(each.why.endswith(".") for each in WEIGHTS)


def test_weights_fall_from_the_first_to_the_last() -> None:
    weights = [each.weight for each in WEIGHTS]
    assert weights == sorted(weights, reverse=True)


def test_what_strangers_share_joins_nobody() -> None:
    assert JOINING.isdisjoint({"name", "ip", "ip-net", "merchant", "terminal"})


def test_an_exact_match_names_a_person_or_a_device() -> None:
    assert {"customer", "id_number", "bank_card", "phone", "email", "device"} == STRONG


@pytest.mark.parametrize(
    ("shared", "name", "address", "score"),
    [
        ((), None, None, 0.0),
        (("id_number",), None, None, 1.0),
        (("phone",), None, None, 0.95),
        (("phone", "device"), None, None, 0.95),
        (("device",), 1.0, 1.0, 0.9),
        ((), 1.0, 1.0, 0.85),
        ((), 0.9, 0.8, 0.68),  # 0.85 * 0.8
        ((), 0.2, 1.0, 0.6),  # the address alone
        ((), 1.0, 0.2, 0.3),  # the name alone
        ((), 1.0, None, 0.3),
        (("name",), None, 0.9, 0.765),  # 0.85 * 0.9
        (("name", "address"), None, None, 0.85),
        (("address",), None, None, 0.6),
        (("ip", "merchant", "terminal", "ip-net"), None, None, 0.0),
    ],
)
def test_the_heaviest_part_is_the_score(
    shared: tuple[str, ...], name: float | None, address: float | None, score: float
) -> None:
    assert score_of(shared, name, address) == pytest.approx(score)


@given(st.floats(0, 1), st.floats(0, 1))
def test_likeness_never_reaches_an_identifier_that_names_a_person(name: float, address: float) -> None:
    assert score_of((), name, address) <= NAME_AND_ADDRESS < min(WEIGHT_OF[kind] for kind in STRONG)


@given(st.floats(0, 1))
def test_a_name_alone_stays_below_every_rule_of_the_packaged_policies(name: float) -> None:
    assert score_of((), name) < 0.7


@given(st.binary(min_size=1, max_size=40), st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_many_likenesses_are_those_of_each_pair(one: bytes, others: list[bytes]) -> None:
    assert likenesses(one, others).tolist() == pytest.approx([similarity(one, other) for other in others])

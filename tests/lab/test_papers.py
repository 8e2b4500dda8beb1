"""The simulated customers' identifiers: they pass the tests of real ones, differ, and stay the same when respelled."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.de import idnr

from riskwatch.lab.papers import Papers, papers_of
from riskwatch.streams.identifiers import NORMALISERS

NUMBERS = st.integers(1, 2_999_999)
SEEDS = st.integers(0, 2**64 - 1)
COUNTRIES = st.sampled_from(["CN", "DE"])
KINDS = ("id_number", "phone", "bank_card", "email", "name", "address")


@given(COUNTRIES, NUMBERS, SEEDS, st.sampled_from(KINDS))
def test_every_spelling_of_an_identifier_is_made_one(country, number: int, seed: int, kind: str) -> None:
    spellings = getattr(papers_of(country, number, seed), kind)
    assert len(set(spellings)) > 1
    assert len({NORMALISERS[kind](spelling, None).text for spelling in spellings}) == 1


@given(COUNTRIES, NUMBERS, SEEDS, st.sampled_from(["phone", "bank_card", "email"]))
def test_phones_cards_and_emails_are_valid(country, number: int, seed: int, kind: str) -> None:
    for spelling in getattr(papers_of(country, number, seed), kind):
        assert NORMALISERS[kind](spelling, None).valid is True


@given(NUMBERS, SEEDS)
def test_a_chinese_id_number_is_valid_and_says_the_birth_date(number: int, seed: int) -> None:
    papers = papers_of("CN", number, seed)
    assert ric.is_valid(papers.id_number[0])
    assert ric.get_birth_date(papers.id_number[0]) == papers.born


@given(NUMBERS, SEEDS)
def test_a_german_id_number_is_a_valid_tax_id(number: int, seed: int) -> None:
    assert idnr.is_valid(papers_of("DE", number, seed).id_number[0])


@pytest.mark.parametrize("country", ["CN", "DE"])
@pytest.mark.parametrize("kind", ["id_number", "phone", "bank_card", "email", "address"])
def test_no_two_of_several_thousand_customers_share_one(country, kind: str) -> None:
    found = {getattr(papers_of(country, number, number * 977), kind)[0] for number in range(1, 6_001)}
    assert len(found) == 6_000


def test_another_time_is_another_spelling() -> None:
    papers = papers_of("CN", 12, 99)
    assert all(one != other for one, other in pairwise(papers.written(turn).phone for turn in range(4)))


def test_the_same_number_and_seed_give_the_same_papers() -> None:
    first, second = papers_of("DE", 5, 6), papers_of("DE", 5, 6)
    assert first == second
    assert isinstance(first, Papers)

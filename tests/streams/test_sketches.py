"""Keyed sketches of names and addresses: what is alike stays alike, and nothing else can be read off them."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

import pytest
from alike import GROUPS
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.streams.keys import Keys
from riskwatch.streams.sketches import MAX_BYTES, similarity, sketch

KEY, OTHER_KEY = b"0123456789abcdef", b"fedcba9876543210"


def sketched(text: str, kind: str = "name") -> bytes:
    found = sketch(KEY, "acme", kind, text)  # type: ignore[arg-type]
    assert found is not None
    return found


def byte_of(bigram: str) -> int:
    message = f"acme\x1fname\x1f{bigram}".encode()
    return blake2b(message, key=KEY, digest_size=1, person=b"riskwatch sketch").digest()[0]


def test_a_sketch_is_one_byte_of_a_keyed_hash_for_each_bigram_words_between_spaces() -> None:
    bigrams = (" l", "li", "i ", " n", "na", "a ")
    assert Counter(sketched("Na Li")) == Counter(byte_of(bigram) for bigram in bigrams)


def test_a_name_of_two_characters_has_three_bytes() -> None:
    assert Counter(sketched("李娜")) == Counter(byte_of(bigram) for bigram in (" 李", "李娜", "娜 "))


def test_bytes_are_sorted_so_that_the_order_of_bigrams_is_not_kept() -> None:
    found = sketched("Alexandra Featherstonehaugh")
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Wei Zhang", "ZHANG, Wei"), ("José García", "Jose Garcia"), ("李 娜", "李娜"), ("Ångström Åsa", "Angstrom Asa")],
)
def test_order_case_and_accents_do_not_matter(one: str, other: str) -> None:
    assert sketched(one) == sketched(other)


def test_a_syllable_of_korean_keeps_its_letters() -> None:
    assert sketched("김") != sketched("기")


@pytest.mark.parametrize("text", ["", " ", "-- .", "\u200b"])
def test_nothing_left_has_no_sketch(text: str) -> None:
    assert sketch(KEY, "acme", "name", text) is None


def test_a_sketch_has_at_most_512_bytes() -> None:
    assert len(sketched("甲乙丙丁" * 300, "address")) == MAX_BYTES == 512


def test_key_tenant_and_kind_each_give_other_bytes() -> None:
    text = "Alexandra Featherstonehaugh"
    found = {
        sketch(KEY, "acme", "name", text),
        sketch(OTHER_KEY, "acme", "name", text),
        sketch(KEY, "other", "name", text),
        sketch(KEY, "acme", "address", text),
    }
    assert len(found) == 4


def test_during_a_rotation_a_sketch_is_the_current_keys() -> None:
    keys = Keys(current=KEY, previous=(OTHER_KEY,))
    assert sketch(keys, "acme", "name", "Li Na") == sketch(KEY, "acme", "name", "Li Na")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        sketch(b"short", "acme", "name", "Li Na")


def test_about_three_latin_bigrams_share_a_byte() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    bigrams = {a + b for a in letters for b in letters} | {f" {a}" for a in letters} | {f"{a} " for a in letters}
    used = len({byte_of(bigram) for bigram in bigrams})
    assert 2.5 < len(bigrams) / used < 3.5


# --------------------------------------------------------------------------------------------------------- similarity


@given(a=st.binary(min_size=1, max_size=40), b=st.binary(min_size=1, max_size=40))
def test_similarity_is_the_share_of_bytes_in_common(a: bytes, b: bytes) -> None:
    a, b = bytes(sorted(a)), bytes(sorted(b))
    common = sum((Counter(a) & Counter(b)).values())
    assert similarity(a, b) == pytest.approx(2 * common / (len(a) + len(b)))


@given(text=st.text(min_size=1, max_size=60))
def test_a_text_is_wholly_like_itself(text: str) -> None:
    found = sketch(KEY, "acme", "address", text)
    assert found is None or similarity(found, found) == 1.0


@pytest.mark.parametrize(
    ("group", "least"),
    [("latin name", 0.94), ("chinese name", 0.75), ("latin address", 0.99), ("chinese address", 0.99)],
)
def test_spellings_of_one_are_more_alike_than_what_is_two(group: str, least: float) -> None:
    # The share of comparisons of a pair of one with a pair of two that come out right, over 5 keys.
    kind, same, other = GROUPS[group]
    right = total = 0.0
    for number in range(5):
        key = bytes([number]) * 16

        def alike(pair: tuple[str, str], key: bytes = key, kind: str = kind) -> float:
            one, two = (sketch(key, "acme", kind, text) for text in pair)  # type: ignore[arg-type]
            assert one is not None
            assert two is not None
            return similarity(one, two)

        ones, twos = [alike(pair) for pair in same], [alike(pair) for pair in other]
        right += sum((a > b) + 0.5 * (a == b) for a in ones for b in twos)
        total += len(ones) * len(twos)
    assert right / total >= least

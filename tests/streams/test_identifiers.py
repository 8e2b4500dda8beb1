"""Laws that hold for every kind of identifier."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from riskwatch.streams.events import Identifiers
from riskwatch.streams.identifiers import NORMALISERS, normalise


def text_of(kind: str, text: str, region: str | None = None) -> str:
    return normalise(kind, text, region).text


def test_every_identifier_of_an_event_has_a_normaliser() -> None:
    assert set(Identifiers.__struct_fields__) <= set(NORMALISERS)


def test_an_opaque_identifier_stays_as_it_is() -> None:
    assert text_of("device", " D-5c1F ") == " D-5c1F "


@pytest.mark.parametrize("kind", sorted(NORMALISERS))
def test_nothing_left_is_marked(kind: str) -> None:
    found = normalise(kind, " ")
    assert (found.text, found.valid) == ("", False)


LATIN = ("st", "street", "saint", "no", "nr", "p", "o", "box", ".", "'", "-", "#", "A", "strasse", "str", "+")
CHINESE = (
    "中国",
    "河北",
    "省",
    "上海",
    "市",
    "自治区",
    "广西",
    "三",
    "十",
    "百",
    "〇",
    "号",
    "楼",
    "幢",
    "房",
    "室",
    "路",
)
NUMBERS = ("12", "5", "00", "86", "138", "0013", "8000", "@", "gmail.com", "googlemail.com")
WORDS = st.sampled_from((*LATIN, *CHINESE, *NUMBERS))
TEXTS = st.text(max_size=40) | st.lists(WORDS | st.just(" "), max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(sorted(NORMALISERS)), text=TEXTS, region=st.sampled_from([None, "CN", "US", "DE"]))
@example(kind="address", text="westr 1", region=None)
@example(kind="address", text="no no 12", region=None)
@example(kind="name", text="ΐ\u0345ς", region=None)
def test_normalising_twice_changes_nothing_more(kind: str, text: str, region: str | None) -> None:
    once = normalise(kind, text, region)
    assume(kind != "phone" or once.valid)  # a failed number has lost its plus
    assert text_of(kind, once.text, region) == once.text


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(sorted(NORMALISERS)), text=TEXTS.filter(lambda text: len(text) > 3))
def test_a_note_never_repeats_the_identifier(kind: str, text: str) -> None:
    found = normalise(kind, text)
    assert text not in found.note
    assert not found.text or len(found.text) < 4 or found.text not in found.note

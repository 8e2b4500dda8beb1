"""Phone numbers, id numbers and bank cards: one spelling, and whether it can be right.

Numbers are published examples: the resident ids of GB 11643-1999, the SSA's advertised SSNs, test cards of payment
networks.
"""

from __future__ import annotations

from datetime import date

import pytest

from riskwatch.streams.identifiers import normalise
from riskwatch.streams.personalnumbers import IdFacts, id_facts


def text_of(kind: str, text: str, region: str | None = None) -> str:
    return normalise(kind, text, region).text


def valid(kind: str, text: str, region: str | None = None) -> bool | None:
    return normalise(kind, text, region).valid


def resident(digits: str) -> str:
    """17 digits with their check character, by the weights that GB 11643-1999 prints."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10x98765432"[sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11]


# -------------------------------------------------------------------------------------------------------------- phones


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("138 0013 8000", "CN"),
        ("+86 138-0013-8000", None),
        ("0086-138-0013-8000", None),
        ("0086 138 0013 8000", "US"),
        ("86 13800138000", "CN"),
        ("(+86) 138 0013 8000", "DE"),
        ("１３８００１３８０００", "CN"),
        ("+86 138 0013 8000 ext. 12", "CN"),
    ],
)
def test_a_phone_number_is_written_in_e164_however_it_was_spelled(text: str, region: str | None) -> None:
    assert text_of("phone", text, region) == "+8613800138000"
    assert valid("phone", text, region) is True


def test_a_national_number_is_read_in_the_institutions_region() -> None:
    assert text_of("phone", "(212) 736-5000", "US") == "+12127365000"


def test_a_national_number_without_a_region_is_its_digits_and_not_judged() -> None:
    found = normalise("phone", "138-0013-8000")
    assert (found.text, found.valid) == ("13800138000", None)


@pytest.mark.parametrize(("text", "digits"), [("138 0013", "1380013"), ("0086 999", "86999"), ("+86 999", "86999")])
def test_a_number_outside_of_the_numbering_plan_keeps_its_digits_and_is_marked(text: str, digits: str) -> None:
    found = normalise("phone", text, "CN")
    assert (found.text, found.valid) == (digits, False)


@pytest.mark.parametrize("text", ["+86 999", "0086 999", "--"])
def test_an_international_number_needs_no_region_to_be_marked(text: str) -> None:
    assert valid("phone", text) is False


def test_an_extension_is_left_out_and_said() -> None:
    assert normalise("phone", "+86 138 0013 8000 ext. 12").note == "extension left out"


@pytest.mark.parametrize("kind", ["phone", "id_number"])
@pytest.mark.parametrize("region", ["", "cn", "China", "ZZ"])
def test_a_region_that_does_not_exist_is_an_error_that_says_what_to_give(kind: str, region: str) -> None:
    with pytest.raises(ValueError, match="ISO 3166-1"):
        normalise(kind, "1", region)


# ---------------------------------------------------------------------------------------------------------- id numbers


@pytest.mark.parametrize("text", ["11010519491231002X", "110105 19491231 002x", "１１０１０５19491231002Ｘ"])
@pytest.mark.parametrize("region", ["CN", None])
def test_a_resident_id_has_one_spelling(text: str, region: str | None) -> None:
    assert text_of("id_number", text, region) == "11010519491231002x"
    assert valid("id_number", text, region) is True


def test_a_resident_id_of_15_digits_becomes_the_one_of_18() -> None:
    # By hand, GB 11643: 19 before the year; weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2 over 11010519491231002 sum to
    # 167 = 15·11 + 2, and the check character of remainder 2 is X.
    assert text_of("id_number", "110105491231002", "CN") == "11010519491231002x"


@pytest.mark.parametrize("sequence", ["996", "997", "998", "999"])
def test_a_centenarians_resident_id_of_15_digits_has_the_century_before(sequence: str) -> None:
    assert text_of("id_number", f"110105991231{sequence}") == resident(f"11010518991231{sequence}")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("110105194912310021", "wrong check digit"),
        (resident("11010519490231002"), "no such birth date"),
        (resident("00010519491231002"), "no such birth date or region"),
    ],
)
def test_a_resident_id_that_cannot_be_is_kept_and_marked_in_china(text: str, note: str) -> None:
    found = normalise("id_number", text, "CN")
    assert (found.text, found.valid) == (text, False)
    assert note in found.note


@pytest.mark.parametrize(("text", "region"), [("110105194912310021", None), ("E12345678", "CN"), ("L01X00T47", "DE")])
def test_a_number_of_another_kind_is_not_judged(text: str, region: str | None) -> None:
    assert valid("id_number", text, region) is None


@pytest.mark.parametrize("text", ["536-90-4399", "536 90 4399", "536904399"])
def test_a_social_security_number_has_one_spelling(text: str) -> None:
    assert text_of("id_number", text, "US") == "536904399"
    assert valid("id_number", text, "US") is True


@pytest.mark.parametrize("text", ["000-12-3456", "666-12-3456", "123-00-4567", "123-45-0000", "078-05-1120"])
def test_a_social_security_number_that_is_never_issued_is_marked(text: str) -> None:
    assert valid("id_number", text, "US") is False


def test_a_taxpayer_identification_number_is_valid_in_the_usa() -> None:
    assert normalise("id_number", "912-90-3456", "US").note == "taxpayer identification number"


def test_nine_digits_are_no_social_security_number_outside_of_the_usa() -> None:
    assert valid("id_number", "666123456", "DE") is None


def test_a_resident_id_holds_birth_date_and_region() -> None:
    assert id_facts("11010519491231002X", "CN") == IdFacts(
        birth_date=date(1949, 12, 31), region_code="110105", region="北京市 朝阳区"
    )


def test_a_short_resident_id_holds_the_same_as_the_long_one() -> None:
    assert id_facts("110105491231002", "CN") == id_facts("11010519491231002X", "CN")


@pytest.mark.parametrize(("text", "region"), [("536904399", "US"), ("110105194912310021", "CN"), ("E12345678", None)])
def test_a_number_that_holds_no_facts_gives_none(text: str, region: str | None) -> None:
    assert id_facts(text, region) == IdFacts()


# ---------------------------------------------------------------------------------------------------- bank cards


@pytest.mark.parametrize("text", ["4111 1111-1111 1111", "5555555555554444", "378282246310005", "6200000000000005"])
def test_a_card_number_with_its_luhn_digit_is_valid(text: str) -> None:
    assert valid("bank_card", text) is True


@pytest.mark.parametrize("text", ["4111111111111112", "0000000000000000", "41111111", "4" * 20, "--"])
def test_a_card_number_that_cannot_be_is_marked(text: str) -> None:
    assert valid("bank_card", text) is False


def test_an_account_number_with_letters_is_not_judged_as_a_card() -> None:
    found = normalise("bank_card", "DE89 3704 0044 0532 0130 00")
    assert (found.text, found.valid) == ("de89370400440532013000", None)

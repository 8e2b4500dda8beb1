"""Numbers that name a person: phone numbers, id numbers, bank cards.

A number that fails its test is kept and marked, never refused: a wrong phone number still links two applications.
"""

from __future__ import annotations

import re
from datetime import date
from unicodedata import normalize

import phonenumbers
from msgspec import Struct
from stdnum import luhn
from stdnum.cn import ric
from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError
from stdnum.us import itin, ssn

from riskwatch.streams.spelling import Normalised, alphanumeric, check_region

_CENTENARIANS = ("996", "997", "998", "999")
"""Sequence codes of 15-digit resident ids for people born before 1900 (GB 11643-1989)."""


class IdFacts(Struct, frozen=True, kw_only=True):
    """What an id number says of its holder. `region_code`: 6 digits of GB/T 2260, where the number was issued;
    `region`: its name as published."""

    birth_date: date | None = None
    region_code: str | None = None
    region: str | None = None


# -------------------------------------------------------------------------------------------------------------- phones


def normalise_phone(text: str, region: str | None = None) -> Normalised:
    """E.164, such as `+8613800138000`, of a number that exists by the numbering plan; the extension is left out.

    Any other: its digits, a leading `00` read as the `+` of an international number. A national number without a
    region is neither right nor wrong. What exists is `phonenumbers`' word: a release that learns a new range of
    numbers changes their text. Raises `ValueError` for an unknown region.
    """
    check_region(region)
    plain = normalize("NFKC", text).strip()
    digits = "".join(char for char in plain if char.isdecimal())
    international = plain.startswith("+")
    written: list[tuple[str, str | None]] = [(plain, region)] if international or region is not None else []
    if digits.startswith("00") and not international:
        digits, international = digits[2:], True
        written.append((f"+{digits}", None))
    for each, home in written:
        try:
            number = phonenumbers.parse(each, home)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            exact = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return Normalised(text=exact, valid=True, note="extension left out" if number.extension else "")
    if digits and region is None and not international:
        return Normalised(text=digits, note="a national number, and no region to read it in")
    return Normalised(text=digits, valid=False, note="no phone number by the numbering plan" if digits else "no digits")


# ---------------------------------------------------------------------------------------------------------- id numbers

_RESIDENT_ID = "resident id"
_RESIDENT = re.compile(r"[0-9]{17}[0-9x]|[0-9]{15}")


def normalise_id_number(text: str, region: str | None = None) -> Normalised:
    """Letters and digits, lower case; a Chinese resident id of 15 digits becomes the one of 18.

    Judged in China (resident id: check digit, birth date, region) and the USA (SSN, ITIN: unused ranges). A valid
    resident id is recognised without a region too. Anything else, passports among it, cannot be judged.
    """
    check_region(region)
    plain = alphanumeric(text)
    if not plain:
        return Normalised(text="", valid=False, note="no letters or digits")
    if region == "US" and re.fullmatch("[0-9]{9}", plain):
        if ssn.is_valid(plain):
            return Normalised(text=plain, valid=True, note="social security number")
        if itin.is_valid(plain):
            return Normalised(text=plain, valid=True, note="taxpayer identification number")
        return Normalised(text=plain, valid=False, note="a social security number that is never issued")
    if region in ("CN", None) and _RESIDENT.fullmatch(plain):
        whole = plain if len(plain) == 18 else _eighteen(plain)
        fault = _resident_fault(whole)
        if fault is None:
            return Normalised(text=whole, valid=True, note=_RESIDENT_ID)
        if region == "CN":
            return Normalised(text=plain, valid=False, note=f"{_RESIDENT_ID}: {fault}")
    return Normalised(text=plain, note="of a kind that cannot be judged")


def id_facts(text: str, region: str | None = None) -> IdFacts:
    """Birth date and region of a valid Chinese resident id; nothing of other numbers, which do not hold them."""
    found = normalise_id_number(text, region)
    birth_date = birth_date_of(found)
    if birth_date is None:
        return IdFacts()
    place = ric.get_birth_place(found.text)
    names = dict.fromkeys(name for name in (place.get("province"), place.get("county")) if name)
    return IdFacts(birth_date=birth_date, region_code=found.text[:6], region=" ".join(names) or None)


def birth_date_of(found: Normalised) -> date | None:
    """The birth date that a normalised id number holds: a valid Chinese resident id's, None of any other."""
    if not found.valid or found.note != _RESIDENT_ID:
        return None
    birth_date: date = ric.get_birth_date(found.text)
    return birth_date


def _eighteen(plain: str) -> str:
    """The 18-digit form of a 15-digit resident id: the century, and a check digit."""
    century = "18" if plain[12:] in _CENTENARIANS else "19"
    longer = f"{plain[:6]}{century}{plain[6:]}"
    return longer + str(ric.calc_check_digit(f"{longer}0")).lower()


def _resident_fault(plain: str) -> str | None:
    try:
        ric.validate(plain)
    except InvalidChecksum:
        return "wrong check digit"
    except InvalidComponent:
        return "no such birth date or region"
    except ValidationError as error:
        return str(error)
    return None


# --------------------------------------------------------------------------------------------------------- bank cards


def normalise_bank_card(text: str, region: str | None = None) -> Normalised:
    """Digits of a card number, 12 to 19 of them, judged by their Luhn check digit. Texts with letters are account
    numbers or tokens of some kind, which cannot be judged."""
    plain = alphanumeric(text)
    if not plain:
        return Normalised(text="", valid=False, note="no letters or digits")
    if not re.fullmatch("[0-9]+", plain):
        return Normalised(text=plain, note="no card number: it holds letters")
    if not 12 <= len(plain) <= 19:
        return Normalised(text=plain, valid=False, note="a card number has 12 to 19 digits")
    if len(set(plain)) == 1:
        return Normalised(text=plain, valid=False, note="one digit throughout")
    right = bool(luhn.is_valid(plain))
    return Normalised(text=plain, valid=right, note="" if right else "wrong check digit")

"""One spelling of a text: what normalising gives, and the steps that all kinds of identifiers share."""

from __future__ import annotations

from unicodedata import category, normalize

import phonenumbers
from msgspec import Struct


class Normalised(Struct, frozen=True, kw_only=True):
    """One spelling of an identifier. `valid`: whether it can be right; None where nothing can tell. `note`: why, or
    what was taken out, in words; empty where there is nothing to say."""

    text: str
    valid: bool | None = None
    note: str = ""


def check_region(region: str | None) -> None:
    """Raises `ValueError` for a region that phone numbers cannot be read in."""
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"region {region!r} is unknown: give an ISO 3166-1 code of two capitals, such as 'CN'")


def collapsed(text: str) -> str:
    """NFKC, case-folded, runs of white space as one space; control and format characters gone."""
    shown = "".join(char for char in folded(text) if char.isspace() or category(char) not in ("Cc", "Cf"))
    return folded(" ".join(shown.split()))


def alphanumeric(text: str) -> str:
    """Letters and digits only, case-folded: `4111-1111 1111 1111` and `4111111111111111` are one card.

    Letters stay, because identity numbers have check letters (the X of Chinese ones).
    """
    return "".join(char for char in folded(text) if char.isalnum())


def folded(text: str) -> str:
    """NFKC, case-folded."""
    if text.isascii():
        return text.lower()
    # Folding may leave what NFKC composes, and composing what folds again; two rounds settle it.
    for _ in range(2):
        text = normalize("NFKC", normalize("NFKC", text).casefold())
    return text

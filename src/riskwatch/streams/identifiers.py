"""Spellings of one identifier made one: what is hashed, and whether it can be right.

Pure functions of the text and of the institution's region (ISO 3166-1 alpha-2, such as "CN"; None: unknown). An
identifier that fails its test is kept and marked, never refused: a wrong phone number still links two applications.
Notes never repeat the identifier. Normalising twice changes nothing more, except for phone numbers that failed: without
their `+` they may be read another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from riskwatch.streams.names import normalise_address, normalise_name
from riskwatch.streams.networks import normalise_email, normalise_ip, normalise_ip_net
from riskwatch.streams.personalnumbers import normalise_bank_card, normalise_id_number, normalise_phone
from riskwatch.streams.spelling import Normalised

NORMALISERS: Mapping[str, Callable[[str, str | None], Normalised]] = {
    "id_number": normalise_id_number,
    "phone": normalise_phone,
    "bank_card": normalise_bank_card,
    "email": normalise_email,
    "name": normalise_name,
    "address": normalise_address,
    "ip": normalise_ip,
    "ip-net": normalise_ip_net,
}
"""Kind of identifier → how its spellings are made one. Other kinds (devices) are opaque."""


def normalise(kind: str, text: str, region: str | None = None) -> Normalised:
    """The one spelling of an identifier of a kind; an opaque kind's text as it is. Raises `ValueError` for an unknown
    region."""
    normaliser = NORMALISERS.get(kind)
    return Normalised(text=text) if normaliser is None else normaliser(text, region)

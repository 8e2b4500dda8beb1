"""What names a person in an event, made safe to store: the only place that sees it in clear.

Each identifier is normalised once. Out of that come its pseudonym, the sketches of names and addresses, and the checks
that nobody can make later.
"""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from riskwatch.streams.events import AnyEvent, Checks, FraudConfirmed, Identifiers, LoanApplied, Sketches
from riskwatch.streams.identifiers import normalise
from riskwatch.streams.keys import Secret
from riskwatch.streams.personalnumbers import birth_date_of
from riskwatch.streams.pseudonyms import stored_pseudonym
from riskwatch.streams.sketches import sketch_of
from riskwatch.streams.spelling import Normalised

NAMING: frozenset[type] = frozenset({LoanApplied, FraudConfirmed})
"""Types of events that may name a person."""

_ABSENT = Normalised(text="")


def pseudonymise(event: AnyEvent, secret: Secret, region: str | None = None) -> AnyEvent:
    """The event as it may be stored. `region`: where the institution is.

    Each of its `identifiers` is replaced by its pseudonym, during a rotation by those under every key, with spaces
    between; one that is blank is absent. `sketches` are made of name and address, and an application's `checks` of all
    identifiers; what a publisher sent there is dropped. Events of other types, which name nobody, come back as they
    are. Raises `ValueError` for a key under 16 bytes and for an unknown region.
    """
    if not isinstance(event, LoanApplied | FraudConfirmed):
        return event
    clear = event.identifiers
    if clear is None:
        if isinstance(event, LoanApplied):
            nothing = event.sketches is None and event.checks is None
            return event if nothing else replace(event, sketches=None, checks=None)
        return event if event.sketches is None else replace(event, sketches=None)
    plain: dict[str, Normalised] = {}
    hashed: dict[str, str] = {}
    for kind in Identifiers.__struct_fields__:
        text = getattr(clear, kind)
        if text is None or not text.strip():
            continue
        found = plain[kind] = normalise(kind, text, region)
        hashed[kind] = stored_pseudonym(secret, event.tenant, kind, found.text or text)
    stored = Identifiers(**hashed)
    sketches = _sketches(event.tenant, secret, plain)
    if isinstance(event, FraudConfirmed):
        return replace(event, identifiers=stored, sketches=sketches)
    born = None if event.declared is None else event.declared.birth_date
    return replace(event, identifiers=stored, sketches=sketches, checks=_checks(plain, born))


def _sketches(tenant: str, secret: Secret, plain: dict[str, Normalised]) -> Sketches | None:
    name = sketch_of(secret, tenant, "name", plain.get("name", _ABSENT).text)
    address = sketch_of(secret, tenant, "address", plain.get("address", _ABSENT).text)
    return None if name is None and address is None else Sketches(name=name, address=address)


def _checks(plain: dict[str, Normalised], born: date | None) -> Checks:
    held = birth_date_of(plain.get("id_number", _ABSENT))
    return Checks(
        phone_valid=plain.get("phone", _ABSENT).valid,
        id_number_valid=plain.get("id_number", _ABSENT).valid,
        bank_card_valid=plain.get("bank_card", _ABSENT).valid,
        email_valid=plain.get("email", _ABSENT).valid,
        birth_date_agrees=None if born is None or held is None else born == held,
    )

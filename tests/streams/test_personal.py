"""What names a person in an event is made safe to store, and nothing that a publisher claims of it survives."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from riskwatch.streams.events import Checks, Declared, FraudConfirmed, Identifiers, LoanApplied, Sketches
from riskwatch.streams.examples import EXAMPLES
from riskwatch.streams.identity import identities_of
from riskwatch.streams.keys import Keys
from riskwatch.streams.packing import pack_entry, unpack_event
from riskwatch.streams.personal import pseudonymise
from riskwatch.streams.pseudonyms import keyed_hash, stored_pseudonym
from riskwatch.streams.sketches import sketch

KEY, OLD = b"0123456789abcdef", b"fedcba9876543210"
ID_NUMBER, BORN = "11010519491231002X", date(1949, 12, 31)  # the example of GB 11643-1999
CLEAR = Identifiers(
    id_number=ID_NUMBER,
    phone="138 0013 8000",
    bank_card="4111 1111 1111 1111",
    email="li.na@example.com",
    name="Li Na",
    address="上海市浦东新区张江路88号",
)
CLAIMED = Sketches(name=b"claimed", address=b"claimed")
APPLICATION = EXAMPLES[0]
assert isinstance(APPLICATION, LoanApplied)


def applied(identifiers: Identifiers | None = CLEAR, **changes: object) -> LoanApplied:
    return replace(APPLICATION, identifiers=identifiers, **changes)


def confirmed(identifiers: Identifiers | None = CLEAR, **changes: object) -> FraudConfirmed:
    return replace(
        FraudConfirmed(
            event_id="e-9", tenant="sunrise", customer_id="C-1", occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
            case_id="F-9", typology="identity theft", identifiers=identifiers,
        ),
        **changes,
    )  # fmt: skip


def stored(event: LoanApplied | FraudConfirmed, secret: bytes | Keys = KEY, region: str | None = "CN") -> Any:
    found = pseudonymise(event, secret, region)
    assert type(found) is type(event)
    return found


def packed(event: LoanApplied | FraudConfirmed, secret: bytes | Keys = KEY) -> bytes:
    return pack_entry(
        event, source_topic=0, source_partition=0, source_offset=0, source_at=0, ingested_at=0, zone_of={},
        secret=secret, region_of={"sunrise": "CN"},
    )  # fmt: skip


def checks_of(**changes: object) -> Checks:
    found = stored(applied(**changes)).checks  # type: ignore[arg-type]
    assert found is not None
    return found


# --------------------------------------------------------------------------------------------------------- pseudonyms


@pytest.mark.parametrize("event", [applied(), confirmed()], ids=["LoanApplied", "FraudConfirmed"])
@pytest.mark.parametrize("kind", Identifiers.__struct_fields__)
def test_every_identifier_is_replaced_by_its_pseudonym(event: LoanApplied | FraudConfirmed, kind: str) -> None:
    found = stored(event).identifiers
    assert getattr(found, kind) == keyed_hash(KEY, "sunrise", kind, getattr(CLEAR, kind), "CN")


def test_a_national_phone_number_is_read_in_the_tenants_region() -> None:
    found = unpack_event(packed(applied()))
    assert isinstance(found, LoanApplied)
    assert found.identifiers is not None
    assert found.identifiers.phone == keyed_hash(KEY, "sunrise", "phone", "+8613800138000")


def test_what_is_absent_stays_absent() -> None:
    found = stored(applied(Identifiers(phone="1"))).identifiers
    assert found is not None
    assert [kind for kind, text in asdict(found).items() if text is not None] == ["phone"]


@pytest.mark.parametrize("blank", ["", " ", "\u3000"])
def test_a_blank_identifier_is_absent_since_all_that_left_it_blank_would_be_one_person(blank: str) -> None:
    found = stored(applied(Identifiers(email=blank, name=blank)))
    assert (found.identifiers, found.checks) == (Identifiers(), Checks())


def test_an_identifier_of_which_normalising_leaves_nothing_is_hashed_as_it_stands() -> None:
    found = stored(applied(Identifiers(name="???"))).identifiers
    assert found is not None
    assert found.name == stored_pseudonym(KEY, "sunrise", "name", "???")


def test_an_event_that_names_nobody_is_the_same() -> None:
    assert pseudonymise(EXAMPLES[1], KEY) is EXAMPLES[1]


def test_an_application_without_identifiers_is_the_same() -> None:
    event = applied(None)
    assert pseudonymise(event, KEY) is event


# ----------------------------------------------------------------------------------------------------------- rotations

BEFORE, DURING, AFTER = Keys(current=OLD), Keys(current=KEY, previous=(OLD,)), Keys(current=KEY)


@pytest.mark.parametrize("event", [applied(), confirmed()], ids=["LoanApplied", "FraudConfirmed"])
@pytest.mark.parametrize("known", [BEFORE, AFTER], ids=["under the old key", "under the new key"])
def test_a_person_known_under_either_key_is_found_during_a_rotation(
    event: LoanApplied | FraudConfirmed, known: Keys
) -> None:
    journaled = unpack_event(packed(event, DURING))
    assert isinstance(journaled, LoanApplied | FraudConfirmed)
    assert set(identities_of(stored(event, known))) <= set(identities_of(journaled))


def test_before_and_after_a_rotation_a_person_is_another() -> None:
    personal = [set(identities_of(stored(confirmed(), keys))) for keys in (BEFORE, AFTER)]
    assert not personal[0] & personal[1]


def test_the_pseudonyms_of_three_keys_are_read_from_the_journal_again() -> None:
    keys = Keys(current=KEY, previous=(OLD, b"1" * 16))
    found = unpack_event(packed(confirmed(), keys))
    assert isinstance(found, FraudConfirmed)
    assert len(identities_of(found)) == 3 * len(Identifiers.__struct_fields__)


# ------------------------------------------------------------------------------------------------------------ sketches


@pytest.mark.parametrize("event", [applied(), confirmed()], ids=["LoanApplied", "FraudConfirmed"])
def test_name_and_address_are_sketched(event: LoanApplied | FraudConfirmed) -> None:
    assert stored(event).sketches == Sketches(
        name=sketch(KEY, "sunrise", "name", "Li Na"),
        address=sketch(KEY, "sunrise", "address", "上海市浦东新区张江路88号"),
    )


def test_during_a_rotation_sketches_are_the_current_keys() -> None:
    assert stored(applied(), DURING).sketches == stored(applied(), AFTER).sketches


@pytest.mark.parametrize("identifiers", [None, Identifiers(), Identifiers(phone="1"), CLEAR])
@pytest.mark.parametrize("make", [applied, confirmed])
def test_sketches_that_a_publisher_sends_never_survive(make: object, identifiers: Identifiers | None) -> None:
    claimed, honest = (make(identifiers, sketches=each) for each in (CLAIMED, None))  # type: ignore[operator]
    assert packed(claimed) == packed(honest)


# -------------------------------------------------------------------------------------------------------------- checks


def test_identifiers_that_can_be_right_are_checked_as_such() -> None:
    assert checks_of(declared=Declared(birth_date=BORN)) == Checks(
        phone_valid=True, id_number_valid=True, bank_card_valid=True, email_valid=True, birth_date_agrees=True
    )


@pytest.mark.parametrize(
    ("field", "kind", "text"),
    [
        ("phone_valid", "phone", "138 0013"),
        ("id_number_valid", "id_number", "110105194912310021"),
        ("bank_card_valid", "bank_card", "4111 1111 1111 1112"),
        ("email_valid", "email", "li.na at example.com"),
    ],
)
def test_an_identifier_that_cannot_be_right_fails_its_check_alone(field: str, kind: str, text: str) -> None:
    found = checks_of(identifiers=replace(CLEAR, **{kind: text}))
    assert [name for name, passed in asdict(found).items() if passed is False] == [field]


def test_what_nothing_can_tell_or_is_absent_is_unknown() -> None:
    found = checks_of(identifiers=Identifiers(id_number="E12345678", bank_card="DE89370400440532013000"))
    assert found == Checks()


def test_a_declared_birth_date_that_is_not_the_id_numbers_does_not_agree() -> None:
    assert checks_of(declared=Declared(birth_date=date(1949, 12, 30))).birth_date_agrees is False


@pytest.mark.parametrize(
    ("id_number", "born"),
    [(ID_NUMBER, None), ("110105194912310021", BORN), ("E12345678", BORN), (None, BORN)],
)
def test_a_birth_date_that_either_side_does_not_know_neither_agrees_nor_differs(
    id_number: str | None, born: date | None
) -> None:
    found = checks_of(identifiers=replace(CLEAR, id_number=id_number), declared=Declared(birth_date=born))
    assert found.birth_date_agrees is None


@pytest.mark.parametrize("identifiers", [None, Identifiers(phone="138 0013")])
def test_checks_that_a_publisher_sends_never_survive(identifiers: Identifiers | None) -> None:
    claimed = Checks(phone_valid=True, id_number_valid=True, birth_date_agrees=True)
    assert packed(applied(identifiers, checks=claimed)) == packed(applied(identifiers))


# ------------------------------------------------------------------------------------------------------- clear text

LONG = st.text(st.characters(categories=("L", "N"), max_codepoint=0xFFFF), min_size=12, max_size=40)
"""Texts long enough not to stand in a journal entry by chance."""


def _traces(text: str) -> set[bytes]:
    spellings = {text, text.lower(), text.casefold(), text.upper()}
    return {found for each in spellings for found in (each.encode(), each.encode("utf-16-le"))}


@given(texts=st.tuples(*[LONG] * len(Identifiers.__struct_fields__)), fraud=st.booleans(), rotating=st.booleans())
def test_no_identifier_is_in_a_journal_entry_in_clear(texts: tuple[str, ...], fraud: bool, rotating: bool) -> None:
    clear = Identifiers(**dict(zip(Identifiers.__struct_fields__, texts, strict=True)))
    keys = DURING if rotating else AFTER
    entry = packed(confirmed(clear) if fraud else applied(clear), keys)
    around = packed(confirmed(None) if fraud else applied(None), keys)
    for text in texts:
        for trace in _traces(text):
            assert trace not in entry or trace in around


@pytest.mark.parametrize("event", [applied(), confirmed()], ids=["LoanApplied", "FraudConfirmed"])
def test_no_normalised_spelling_is_in_a_journal_entry(event: LoanApplied | FraudConfirmed) -> None:
    entry = packed(event)
    for plain in ("11010519491231002x", "13800138000", "4111111111111111", "li.na", "li na", "张江", "19491231"):
        assert plain.encode() not in entry

"""Personal identifiers become keyed hashes."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from riskwatch.streams.pseudonyms import (
    Keys,
    digest_of,
    key_id,
    keyed_hash,
    pseudonyms_in,
    pseudonyms_of,
    stored_pseudonym,
)

SECRET = b"0123456789abcdef"


def hashed(kind: str, text: str) -> str:
    return keyed_hash(SECRET, "acme", kind, text)


def test_a_pseudonym_is_blake2b_keyed_with_the_secret() -> None:
    expected = blake2b(b"acme\x1fphone\x1f13800138000", key=SECRET, digest_size=16).hexdigest()
    assert hashed("phone", "138-0013-8000") == expected


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", " Li.Na@Example.COM ", "li.na@example.com"),
        ("phone", "+86 138 0013 8000", "0086-138-0013-8000"),
        ("phone", "(030) 1234-5", "030 12345"),
        ("bank_card", "4111 1111-1111 1111", "4111111111111111"),
        ("id_number", "11010519491231002x", "110105 19491231 002X"),
        ("name", "Zoe\u0308  Müller", "zo\u00eb müller"),
        ("address", "Hauptstraße 1,\n10115 Berlin", "HAUPTSTRASSE 1, 10115 berlin"),
        ("phone", "１３８", "138"),
    ],
)
def test_spellings_of_one_identifier_have_one_pseudonym(kind: str, one: str, other: str) -> None:
    assert hashed(kind, one) == hashed(kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [("phone", "138", "139"), ("id_number", "1X", "11"), ("phone", "--", "++"), ("name", "a b", "ab")],
)
def test_two_identifiers_have_two_pseudonyms(kind: str, one: str, other: str) -> None:
    assert hashed(kind, one) != hashed(kind, other)


def test_the_kind_is_part_of_what_is_hashed() -> None:
    assert hashed("phone", "123") != hashed("bank_card", "123")


def test_the_tenant_is_part_of_what_is_hashed() -> None:
    assert keyed_hash(SECRET, "acme", "phone", "1") != keyed_hash(SECRET, "other", "phone", "1")


def test_another_secret_gives_another_pseudonym() -> None:
    assert keyed_hash(b"x" * 16, "acme", "phone", "1") != hashed("phone", "1")


@pytest.mark.parametrize("secret", [b"", b"short"])
def test_a_secret_that_can_be_guessed_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        keyed_hash(secret, "acme", "phone", "1")


def test_a_long_secret_counts_in_full() -> None:
    assert keyed_hash(b"x" * 100, "acme", "phone", "1") != keyed_hash(b"x" * 101, "acme", "phone", "1")


# ---------------------------------------------------------------------------------------------------- keys, rotation

OLD, NEW = b"0123456789abcdef", b"fedcba9876543210"


def test_a_phone_is_read_in_the_institutions_region() -> None:
    assert keyed_hash(SECRET, "acme", "phone", "138 0013 8000", "CN") == hashed("phone", "+86 138 0013 8000")


def test_with_one_key_a_pseudonym_is_the_same_as_with_the_bare_secret() -> None:
    assert pseudonyms_of(Keys(current=SECRET), "acme", "phone", "1") == (hashed("phone", "1"),)


def test_a_key_id_is_k_and_4_hex_digits_of_a_hash_of_the_key() -> None:
    expected = blake2b(OLD, digest_size=2, person=b"riskwatch key id").hexdigest()
    assert key_id(OLD) == f"k{expected}"


def test_in_a_rotation_pseudonyms_carry_their_keys_ids_the_current_first() -> None:
    assert pseudonyms_of(Keys(current=NEW, previous=(OLD,)), "acme", "phone", "1") == (
        f"{key_id(NEW)}:{keyed_hash(NEW, 'acme', 'phone', '1')}",
        f"{key_id(OLD)}:{keyed_hash(OLD, 'acme', 'phone', '1')}",
    )


@pytest.mark.parametrize(
    "keys", [Keys(current=OLD), Keys(current=NEW, previous=(OLD,)), Keys(current=OLD, previous=(NEW,))]
)
def test_what_was_stored_under_a_key_is_found_before_in_and_after_a_rotation(keys: Keys) -> None:
    stored = digest_of(hashed("phone", "1"))
    assert stored in [digest_of(each) for each in pseudonyms_of(keys, "acme", "phone", "1")]


def test_what_was_stored_under_a_dropped_key_is_not_found() -> None:
    assert hashed("phone", "1") not in map(digest_of, pseudonyms_of(Keys(current=NEW), "acme", "phone", "1"))


@pytest.mark.parametrize("text", ["", "D-5c1f", "k12:34", "kxyzw:" + "0" * 32, "k1a2b:" + "0" * 31, "0" * 32])
def test_a_text_without_a_key_id_is_its_own_digest(text: str) -> None:
    assert digest_of(text) == text


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="two keys for identifiers have one id"):
        Keys(current=OLD, previous=(OLD,))


def test_a_short_key_is_refused_wherever_it_stands() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Keys(current=NEW, previous=(b"short",))


def test_two_earlier_keys_are_the_most() -> None:
    with pytest.raises(ValueError, match="there may be 2 earlier keys, not 3"):
        Keys(current=NEW, previous=(OLD, b"1" * 16, b"2" * 16))


def test_the_pseudonyms_of_most_keys_have_room_in_an_identifier() -> None:
    keys = Keys(current=NEW, previous=(OLD, b"1" * 16))
    assert len(stored_pseudonym(keys, "acme", "phone", "1")) <= 128


def test_what_is_stored_in_a_rotation_are_all_pseudonyms_and_splits_into_their_digests() -> None:
    keys = Keys(current=NEW, previous=(OLD,))
    stored = stored_pseudonym(keys, "acme", "phone", "1")
    assert stored == " ".join(pseudonyms_of(keys, "acme", "phone", "1"))
    assert pseudonyms_in(stored) == tuple(keyed_hash(key, "acme", "phone", "1") for key in (NEW, OLD))


@pytest.mark.parametrize("secret", [SECRET, Keys(current=SECRET)])
def test_what_is_stored_under_one_key_is_the_pseudonym(secret: bytes | Keys) -> None:
    assert stored_pseudonym(secret, "acme", "phone", "1") == hashed("phone", "1")


def test_keys_are_never_shown() -> None:
    shown = f"{Keys(current=NEW, previous=(OLD,))!r} {Keys(current=NEW)}"
    assert shown == f"Keys({key_id(NEW)}, {key_id(OLD)}) Keys({key_id(NEW)})"

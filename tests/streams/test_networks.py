"""Mailboxes, ip addresses and their networks. Addresses are of the ranges that RFC 5737 and 3849 keep for
documentation."""

from __future__ import annotations

import pytest

from riskwatch.streams.identifiers import normalise


def text_of(kind: str, text: str, region: str | None = None) -> str:
    return normalise(kind, text, region).text


def valid(kind: str, text: str, region: str | None = None) -> bool | None:
    return normalise(kind, text, region).valid


@pytest.mark.parametrize(
    "text",
    ["li.na@gmail.com", "L.I.Na@GMail.com", "lina+loan@googlemail.com", "ｌｉｎａ＠gmail.com", " lina@gmail.com. "],
)
def test_gmail_ignores_dots_and_tags_and_its_two_domains_are_one(text: str) -> None:
    assert text_of("email", text) == "lina@gmail.com"


@pytest.mark.parametrize("text", ["li.na@example.com", "lina+loan@outlook.com", "li.na@gmail.com.example"])
def test_dots_and_tags_stay_with_any_other_provider(text: str) -> None:
    assert text_of("email", text) == text


def test_an_international_domain_has_one_spelling() -> None:
    assert text_of("email", "info@Bücher.example") == text_of("email", "info@xn--bcher-kva.example")


@pytest.mark.parametrize(
    "text", ["li na@example.com", "lina", "@example.com", "a@b", "a@b@c.de", "a@-b.com", "+x@gmail.com"]
)
def test_a_text_that_is_no_mail_address_is_kept_and_marked(text: str) -> None:
    found = normalise("email", text)
    assert (found.text, found.valid) == (text, False)


@pytest.mark.parametrize(
    ("text", "ip", "net"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.0/24"),
        (" 203.0.113.7 ", "203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.0/24"),
        ("2001:0DB8::0001", "2001:db8::1", "2001:db8::/64"),
        ("[2001:db8:0:1::2]", "2001:db8:0:1::2", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
    ],
)
def test_an_ip_address_is_itself_and_its_network(text: str, ip: str, net: str) -> None:
    assert (text_of("ip", text), text_of("ip-net", text)) == (ip, net)


@pytest.mark.parametrize("kind", ["ip", "ip-net"])
@pytest.mark.parametrize("text", ["localhost", "203.0.113", "203.0.113.256", "010.1.1.1"])
def test_what_is_no_ip_address_is_kept_and_marked(kind: str, text: str) -> None:
    found = normalise(kind, text)
    assert (found.text, found.valid) == (text, False)


def test_a_private_address_is_said_to_be_one() -> None:
    assert normalise("ip", "192.168.1.1").note == "not a public address"

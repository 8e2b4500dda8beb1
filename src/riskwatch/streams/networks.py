"""Addresses of the internet: mailboxes, ip addresses and their networks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from unicodedata import normalize

from riskwatch.streams.spelling import Normalised, collapsed

DOTS_AND_TAGS_IGNORED: Mapping[str, str] = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Mail domains whose provider delivers `a.b+tag` to `ab` → the domain that stands for both. Source: Google's help on
"dots don't matter in Gmail addresses" and on aliases. Other providers' dots and tags are kept: elsewhere `a.b` and
`ab` may be two people."""

_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\]\\]+")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")


def normalise_email(text: str, region: str | None = None) -> Normalised:
    """Case-folded; the domain in ASCII (IDNA), without a last dot. Where the provider ignores dots and `+tag`
    (`DOTS_AND_TAGS_IGNORED`: Gmail alone), they are taken out. Valid: of the form `local@domain.tld`."""
    plain = collapsed(text)
    local, at, domain = plain.rpartition("@")
    try:
        domain = domain.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        domain = ""
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return Normalised(text=collapsed(text), valid=False, note="not of the form local@domain")
    one = DOTS_AND_TAGS_IGNORED.get(domain)
    if one is None:
        return Normalised(text=f"{local}@{domain}", valid=True)
    mailbox = local.partition("+")[0].replace(".", "")
    if not mailbox:
        return Normalised(text=f"{local}@{one}", valid=False, note="nothing before the tag")
    return Normalised(text=f"{mailbox}@{one}", valid=True, note="" if mailbox == local else "dots and tag left out")


def _address_of(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(normalize("NFKC", text).strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def normalise_ip(text: str, region: str | None = None) -> Normalised:
    """The shortest writing of an IP address; `::ffff:192.0.2.1` is `192.0.2.1`, and a zone (`%eth0`) is left out."""
    found = _address_of(text)
    if found is None:
        return Normalised(text=collapsed(text), valid=False, note="no IP address")
    return Normalised(text=str(found), valid=True, note="" if found.is_global else "not a public address")


def normalise_ip_net(text: str, region: str | None = None) -> Normalised:
    """The network of an IP address: its /24, or the /64 of IPv6, which is the least that one subscriber is given."""
    found = _address_of(text.removesuffix("/24").removesuffix("/64"))
    if found is None:
        return Normalised(text=collapsed(text), valid=False, note="no IP address")
    network = ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False)
    return Normalised(text=str(network), valid=True, note="" if found.is_global else "not a public address")

"""A request for a list, as bytes of the topic `lists` → the change that it makes, or every fault in words.

Read as events are (`streams.codec`): the same limits, times, texts and words. A fault never shows what was to be
listed. From the request on the thing is named as the journal names it: `values_of` gives the very values that
`streams.identity.identities_of` gives for an event with the same identifier.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from unicodedata import normalize

import msgspec

from riskwatch.streams.codec import SIZE_LIMIT, TOMBSTONE, Outcome
from riskwatch.streams.explain import explain, settle_texts
from riskwatch.streams.faults import Fault, Faults, fault
from riskwatch.streams.identifiers import NORMALISERS, normalise
from riskwatch.streams.keys import Keys
from riskwatch.streams.listing import ListChange, ListedKind, ListRequest
from riskwatch.streams.packing import to_ms
from riskwatch.streams.pseudonyms import digest_of, pseudonyms_of

ID_LENGTH = 128
"""Characters of an identifier at most, in events (`events.Id`): a longer one could be listed and never met."""

_LONG_KINDS = frozenset({"email", "name", "address", "ip", "ip-net"})
"""Kinds that are `events.Text`, up to 512 characters."""
_IN_CLEAR = frozenset({"customer", "device", "merchant", "terminal"})
"""Kinds that name no person by themselves: opaque texts of the publisher's."""
_NETWORK = frozenset({"ip", "ip-net"})

_decode = msgspec.json.Decoder(ListRequest).decode
_encode_json = msgspec.json.Encoder().encode
_encode_change = msgspec.msgpack.Encoder().encode
_decode_change = msgspec.msgpack.Decoder(ListChange).decode
_decode_audit = msgspec.json.Decoder(ListChange).decode


def encode_request(request: ListRequest) -> bytes:
    """The request's JSON, as it is published to the topic `lists`."""
    return _encode_json(request)


def decode_request(value: bytes | None) -> ListRequest | Faults | Literal[Outcome.TOMBSTONE]:
    """The request that a record holds, `Faults` with all that is wrong with it, or `TOMBSTONE`. Never raises."""
    if value is None:
        return TOMBSTONE
    if len(value) > SIZE_LIMIT:
        return fault("too-large", "", f"found a value of {len(value):,} bytes, the limit is {SIZE_LIMIT:,}")
    try:
        value.decode()
        request: ListRequest = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return explain(value, error, ListRequest)
    settled = settle_texts(request)
    if (
        settled is None
        or not _in_range(request.at)
        or not (request.expires_at is None or _in_range(request.expires_at))
    ):
        return explain(value, None, ListRequest)
    faults = tuple(_senseless(settled))
    return Faults(faults) if faults else settled


def _in_range(at: datetime) -> bool:
    return 2000 <= at.year < 2100


def _senseless(request: ListRequest) -> Iterator[Fault]:
    """What no type can tell: a thing that is never met, a term that is over before it begins."""
    kind, text = request.kind, request.text
    if kind not in _LONG_KINDS and len(text) > ID_LENGTH:
        message = f"found {len(text):,} characters, expected at most {ID_LENGTH}: no event names a longer {kind}"
        yield Fault(code="out-of-range", path="text", message=message)
    elif kind in _NETWORK and not _is_network(kind, text):
        wanted = "an IP address" if kind == "ip" else "an IP address, or the /24 (IPv6: /64) of one"
        yield Fault(code="out-of-range", path="text", message=f"found a text that is none, expected {wanted}")
    elif kind in NORMALISERS and not normalise(kind, text).text:
        message = f"found a text without letters or digits, expected {_article(kind)}"
        yield Fault(code="out-of-range", path="text", message=message)
    if request.expires_at is not None:
        if request.remove:
            message = "found an expiry of a removal, which takes effect at once and for good"
            yield Fault(code="out-of-range", path="expires_at", message=message)
        elif request.expires_at <= request.at:
            yield Fault(code="out-of-range", path="expires_at", message="found an instant that is not after `at`")


def _is_network(kind: str, text: str) -> bool:
    found = normalise(kind, text)
    _, slash, size = text.strip().rpartition("/")
    return bool(found.valid) and (not slash or found.text.endswith(f"/{size}"))


def _article(kind: str) -> str:
    plain = kind.replace("_", " ")
    return f"{'an' if plain[0] in 'aeiou' else 'a'} {plain}"


def values_of(keys: Keys, tenant: str, kind: ListedKind, text: str, region: str | None = None) -> tuple[str, ...]:
    """What a thing is kept and compared by: the text of what names no person; the normalised ip or network; else the
    digest of its pseudonym under each key, the current one first. `region`: where the institution is.
    """
    if kind in _IN_CLEAR:
        return (normalize("NFC", text),)
    if kind in _NETWORK:
        return (normalise(kind, text).text,)
    return tuple(dict.fromkeys(digest_of(each) for each in pseudonyms_of(keys, tenant, kind, text, region)))


def change_of(request: ListRequest, keys: Keys, region: str | None = None) -> ListChange:
    """The change that a decoded request asks for. No time is moved: what is dated ahead stays so."""
    return ListChange(
        change_id=request.change_id,
        tenant=request.tenant,
        kind=request.kind,
        values=values_of(keys, request.tenant, request.kind, request.text, region),
        purpose=request.purpose,
        actor=request.actor,
        reason=request.reason,
        at_ms=to_ms(request.at),
        expires_ms=None if request.expires_at is None else to_ms(request.expires_at),
        remove=request.remove,
    )


def encode_change(change: ListChange) -> bytes:
    """The payload of a `LIST_CHANGED` entry: msgpack."""
    return _encode_change(change)


def decode_change(payload: bytes) -> ListChange:
    """Of a `LIST_CHANGED` entry. Raises `msgspec.MsgspecError` for what is none."""
    return _decode_change(payload)


def encode_audit(change: ListChange) -> bytes:
    """A record of the topic `list-changes`: JSON."""
    return _encode_json(change)


def decode_audit(value: bytes) -> ListChange:
    """Of a record of `list-changes`. Raises `msgspec.MsgspecError` for what is none."""
    return _decode_audit(value)

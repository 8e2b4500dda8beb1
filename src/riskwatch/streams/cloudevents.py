"""CloudEvents in Kafka's binary mode: the body is the event, the headers say the same once more, or what the body
leaves out.

`ce_type` ↔ `type`, `ce_id` ↔ `event_id`, `ce_subject` ↔ `customer_id`, `ce_time` ↔ `occurred_at`. `ce_source` and other
attributes are ignored. Where header and body both speak, they must agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import get_args
from unicodedata import normalize

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from riskwatch.streams.events import AnyEvent, Instant
from riskwatch.streams.faults import Fault

SPEC_VERSION = "1.0"
TYPE_PREFIX = "riskwatch."
TYPE_SUFFIX = ".v1"
CONTENT_TYPE = b"application/json"

_TYPES = {each: f"{TYPE_PREFIX}{each.__name__}{TYPE_SUFFIX}".encode() for each in get_args(AnyEvent)}

Headers = Sequence[tuple[str, bytes | None]]


class Context(Struct, frozen=True):
    """What the headers of one record say. None: nothing."""

    type: str | None
    event_id: str | None
    customer_id: str | None
    occurred_at: str | None
    faults: tuple[Fault, ...]


class _Present(Struct):
    """Which of the fields that headers can fill does the body have?"""

    type: Raw | UnsetType = UNSET
    event_id: Raw | UnsetType = UNSET
    customer_id: Raw | UnsetType = UNSET
    occurred_at: Raw | UnsetType = UNSET


_present = msgspec.json.Decoder(_Present).decode
_FILLED = ("type", "event_id", "customer_id", "occurred_at")
_NAMES = {
    "ce_type": "type",
    "ce_id": "event_id",
    "ce_subject": "customer_id",
    "ce_time": "occurred_at",
    "ce_specversion": "specversion",
    "content-type": "content-type",
}


def write(event: AnyEvent, source: str) -> list[tuple[str, bytes]]:
    """The headers of an event that is published. `source`: a URI reference of the publishing system."""
    return [
        ("ce_specversion", SPEC_VERSION.encode()),
        ("ce_type", _TYPES[type(event)]),
        ("ce_id", event.event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_subject", event.customer_id.encode()),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("content-type", CONTENT_TYPE),
    ]


def agree(event: AnyEvent, headers: Headers) -> bool:
    """Do the headers say just what the event says? False also where that takes a closer look: then `read` tells."""
    for name, value in headers:
        if name == "ce_type":
            if value != _TYPES[type(event)]:
                return False
        elif name == "ce_id":
            if value != event.event_id.encode():
                return False
        elif name == "ce_subject":
            if value != event.customer_id.encode():
                return False
        elif name == "ce_time":
            if value is None or _instant(value) != event.occurred_at:
                return False
        elif name == "ce_specversion":
            if value != b"1.0":
                return False
        elif name == "content-type":
            if value != CONTENT_TYPE:
                return False
        elif name != "ce_source" and name.lower() in _NAMES:
            return False
    return True


def _instant(value: bytes) -> datetime | None:
    try:
        return msgspec.convert(value.decode(), Instant)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return None


def read(headers: Headers) -> Context | None:
    """What the headers say, with the faults in them; None where none of them is of CloudEvents or a content type."""
    said: dict[str, str] = {}
    faults: list[Fault] = []
    for header, value in headers:
        name = _NAMES.get(header) or _NAMES.get(header.lower())
        if name is None or value is None:
            continue
        try:
            said[name] = value.decode()
        except UnicodeDecodeError:
            faults.append(Fault(code="bad-header", path=header, message="the header is not UTF-8 text"))
    if not said and not faults:
        return None
    version = said.get("specversion")
    if version is not None and version != SPEC_VERSION and not version.startswith("1."):
        message = f"found CloudEvents version {_shown(version)}, expected {SPEC_VERSION}"
        faults.append(Fault(code="bad-header", path="ce_specversion", message=message))
    content_type = said.get("content-type")
    if content_type is not None:
        problem = _content_type_problem(content_type)
        if problem is not None:
            faults.append(Fault(code="not-json-content", path="content-type", message=problem))
    event_type = said.get("type")
    if event_type is not None:
        tag, problem = _tag(event_type)
        if problem is not None:
            faults.append(Fault(code="bad-header", path="ce_type", message=problem))
        event_type = tag
    return Context(event_type, said.get("event_id"), said.get("customer_id"), said.get("occurred_at"), tuple(faults))


def complete(value: bytes, context: Context) -> bytes:
    """The body with what it leaves out and the headers give; the very same object where there is nothing to add."""
    try:
        present = _present(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return value
    missing = {
        name: text
        for name in _FILLED
        if getattr(present, name) is UNSET and (text := getattr(context, name)) is not None
    }
    if not missing:
        return value
    rest = value.lstrip(b" \t\r\n")[1:].lstrip(b" \t\r\n")
    return msgspec.json.encode(missing)[:-1] + (rest if rest.startswith(b"}") else b"," + rest)


def conflicts(event: AnyEvent, context: Context) -> tuple[Fault, ...]:
    """Where the headers contradict the event."""
    found: list[Fault] = []
    if context.type is not None and context.type != type(event).__name__:
        found.append(_conflict("ce_type", context.type, type(event).__name__))
    if context.event_id is not None and context.event_id != event.event_id:
        _compare(found, "ce_id", context.event_id, event.event_id)
    if context.customer_id is not None and context.customer_id != event.customer_id:
        _compare(found, "ce_subject", context.customer_id, event.customer_id)
    if context.occurred_at is not None:
        try:
            at = msgspec.convert(context.occurred_at, Instant)
        except msgspec.ValidationError:
            message = f"found {_shown(context.occurred_at)}, expected an RFC 3339 time with a zone"
            found.append(Fault(code="bad-header", path="ce_time", message=message))
        else:
            if at != event.occurred_at:
                found.append(_conflict("ce_time", context.occurred_at, event.occurred_at.isoformat()))
    return tuple(found)


def _compare(found: list[Fault], header: str, said: str, body: str) -> None:
    if normalize("NFC", said) != body:
        found.append(_conflict(header, said, body))


def _conflict(header: str, said: str, body: str) -> Fault:
    message = f"the header says {_shown(said)}, the body says {_shown(body)}"
    return Fault(code="header-conflict", path=header, message=message)


def _shown(text: str) -> str:
    return msgspec.json.encode(text if len(text) <= 60 else text[:60] + "…").decode()


@lru_cache(maxsize=256)
def _tag(ce_type: str) -> tuple[str | None, str | None]:
    """The event type that a `ce_type` names, in the publisher's own form or bare: `riskwatch.LoginFailed.v1`,
    `LoginFailed`."""
    found = re.fullmatch(r"(?:[^\s]*\.)?([A-Za-z]+)(?:\.v(\d+))?", ce_type)
    if found is None:
        return None, f"found {_shown(ce_type)}, expected such as {TYPE_PREFIX}LoginFailed{TYPE_SUFFIX}"
    if found[2] not in (None, "1"):
        return None, f"found version {found[2]} of {found[1]}, this worker reads version 1"
    return found[1], None


@lru_cache(maxsize=256)
def _content_type_problem(content_type: str) -> str | None:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind == "application/cloudevents+json":
        return "found CloudEvents in structured mode, expected binary mode: the event as body, its context as headers"
    if kind not in ("application/json", "text/json") and not re.fullmatch(r"application/[^\s/]+\+json", kind):
        return f"found {_shown(content_type)}, expected application/json"
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter[8:].strip('"') not in ("utf-8", "utf8", "us-ascii"):
            return f"found {_shown(content_type)}, expected UTF-8"
    return None

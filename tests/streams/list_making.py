"""Requests for lists, and changes, for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from riskwatch.streams.listing import ListChange

REQUEST: dict[str, Any] = {
    "change_id": "ch-1",
    "tenant": "acme",
    "kind": "phone",
    "text": "+86 138 0013 8000",
    "purpose": "block",
    "actor": "li.na",
    "reason": "ring of March",
    "at": "2026-03-01T08:00:00+08:00",
}


def asked(**fields: Any) -> bytes:
    """A request as bytes of the topic; a field that is `...` is left out."""
    return msgspec.json.encode({name: each for name, each in (REQUEST | fields).items() if each is not ...})


def change(number: int = 1, **fields: Any) -> ListChange:
    """A change of a list, the `number`-th."""
    common = {
        "change_id": f"ch-{number}", "tenant": "acme", "kind": "device", "values": ("D-1",), "purpose": "block",
        "actor": "li.na", "reason": "r", "at_ms": number * 1_000,
    }  # fmt: skip
    return ListChange(**(common | fields))

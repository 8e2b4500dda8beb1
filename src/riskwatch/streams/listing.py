"""Lists that people keep: what is asked for on the topic `lists`, and the change as the journal broadcasts it.

A list says something of one thing (a customer, or an identifier of a kind) for one purpose, until it expires or is
taken off. What is asked for names the thing in clear; from then on it is a keyed hash, as everywhere.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from riskwatch.streams.events import Id, Instant, Tenant, Text
from riskwatch.streams.identity import IdentityKind

Purpose = Literal["block", "watch", "allow", "allow-always"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
ListedKind = Literal["customer", IdentityKind]


class ListRequest(Struct, frozen=True, kw_only=True):
    """What somebody asks for, as JSON on the topic `lists`. `text`: customer id, phone number …, in clear.

    `remove`: take it off the list of that purpose. `actor`: who asks; `change_id` repeats when the same request is
    published again.
    """

    change_id: Id
    tenant: Tenant
    kind: ListedKind
    text: Annotated[str, Meta(min_length=1, max_length=512)]
    purpose: Purpose
    actor: Id
    reason: Text
    at: Instant
    expires_at: Instant | None = None
    remove: bool = False


class ListChange(Struct, frozen=True, kw_only=True):
    """A change of a list: the payload of a `LIST_CHANGED` entry (msgpack), and JSON on the topic `list-changes`.

    `values`: the customer id, or the values of the identity (`streams.identity`; several during a rotation of keys).
    Times in ms since 1970; `expires_ms` None: never.
    """

    change_id: str
    tenant: str
    kind: ListedKind
    values: tuple[str, ...]
    purpose: Purpose
    actor: str
    reason: str
    at_ms: int
    expires_ms: int | None = None
    remove: bool = False

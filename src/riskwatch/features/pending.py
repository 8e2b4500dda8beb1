"""An application that waits for what is known of its identifiers: kept in the customer's account until it is decided.

Everything that the decision needs from the application's own place in the journal is here, so it is the same decision
whenever the answers come. State in, state out: `answered` and `ring_answered` change it in place.
"""

from __future__ import annotations

from msgspec import Struct

from riskwatch.features.linkmessages import LinkAnswer, LinkFacts, Probe, RingAnswer
from riskwatch.streams.events import LoanApplied
from riskwatch.streams.identity import Identity, IdentityKind, identities_of

MAX_PENDING = 16
"""Applications of one customer that wait at a time; a further one is decided without its answers."""
PROBED: frozenset[IdentityKind] = frozenset(
    {"device", "phone", "id_number", "bank_card", "email", "address", "ip", "ip-net", "merchant"}
)
"""Kinds of identifier that have a link profile. Names are shared by strangers."""
_RING = "ring/"


class OwnRecord(Struct, frozen=True, kw_only=True, array_like=True):
    """The customer's loans at this institution at one instant. `max_dpd`: days past due of the oldest unpaid
    instalment of all loans, 0 where none is late."""

    open_loans: int
    settled_loans: int
    outstanding: int
    max_dpd: int


class Pending(Struct, kw_only=True, omit_defaults=True):
    """An application and what is known for it so far.

    `event`: msgpack of the `LoanApplied`; `event_hash`, `offset`, `occurred_ms`, `ingested_ms`: of its journal entry;
    `deadline_ms`: by then it is decided with what there is; `own`: the customer's record at its place; `features`: its
    line of the feature matrix, float64 little-endian; `waits`: answers that have not come; `facts`, `ring_size`: those
    that have.
    """

    event: bytes
    event_hash: int
    offset: int
    occurred_ms: int
    ingested_ms: int
    deadline_ms: int
    own: OwnRecord
    features: bytes = b""
    waits: list[str] = []
    facts: list[LinkFacts] = []
    ring_size: int = 1


def probes_of(event: LoanApplied, event_hash: int, key: bytes, at_ms: int) -> list[Probe]:
    """The questions about an application: one for each of its identifiers."""
    return [
        probe(event.tenant, identity, event_hash, key, at_ms, application=True)
        for identity in identities_of(event)
        if identity.kind in PROBED
    ]


def probe(
    tenant: str, identity: Identity, event_hash: int, key: bytes, at_ms: int, *, application: bool = False
) -> Probe:
    """The question about one identifier. Its id follows from event and identifier, so a repeat has the same."""
    return Probe(
        probe_id=f"{event_hash:016x}/{identity.kind}/{identity.value}",
        tenant=tenant,
        kind=identity.kind,
        identifier=identity.value,
        customer_key=key,
        event=event_hash,
        at_ms=at_ms,
        application=application,
    )


def answered(pending: Pending, answer: LinkAnswer) -> None:
    """An answer of the link profiles has come. One that is not waited for changes nothing."""
    probe_id = answer.facts.probe_id
    if probe_id not in pending.waits:
        return
    pending.waits.remove(probe_id)
    pending.facts.append(answer.facts)
    if answer.ring_asked:
        pending.waits.append(_RING + probe_id)


def ring_answered(pending: Pending, answer: RingAnswer) -> None:
    """An answer of the rings has come. It may overtake nothing: the links answered before they asked the rings."""
    waited = _RING + answer.probe_id
    if waited in pending.waits:
        pending.waits.remove(waited)
        pending.ring_size = max(pending.ring_size, answer.size)

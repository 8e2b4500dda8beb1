"""The rings in memory, their questions answered one by one, and the rows that must become durable together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from riskwatch.agents.partition import pack_reserved, unpack_reserved
from riskwatch.agents.statecodec import PARTITION_KEY, RESERVED
from riskwatch.agents.store import PartitionStore, Row
from riskwatch.alerts.rings import ring_alert
from riskwatch.features.linkmessages import RingAnswer, RingAsked, encode_message
from riskwatch.features.ringrows import read_rings, take_changes
from riskwatch.features.rings import join, ring_with
from riskwatch.features.ringstate import Rings
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import Alert, Cause
from riskwatch.streams.packing import hash64, pack_answer

MOST_BYTES = 1_000_000
"""Of customer keys in rows that changed and are not stored: then they are, so that they fit into one record batch."""
MOST_ASKED = 500
"""Questions answered before the rows are stored, for the same reason."""


@dataclass
class RingPartition:
    """The rings of every institution. `watermark`: offset after the last question that the rows hold."""

    number: int
    store: PartitionStore
    changelog_next: int | None = None
    watermark: int = 0
    rings: dict[str, Rings] = field(default_factory=dict)


@dataclass
class Rung:
    """What became of some questions: answers (customer key, journal entry), alerts, and rows. `taken`: questions that
    went into it."""

    answers: list[tuple[bytes, bytes]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    taken: int = 0


def open_rings(number: int, store: PartitionStore) -> RingPartition:
    """Reads the rings out of their restored rows."""
    partition = RingPartition(number, store)
    by_tenant: dict[str, list[tuple[bytes, bytes]]] = {}
    for key, value in store.scan():
        if key == PARTITION_KEY:
            partition.watermark = int.from_bytes(value[:8], "big")
        elif key[:1] != RESERVED:
            tenant, _, rest = key.partition(b"/")
            by_tenant.setdefault(tenant.decode(), []).append((rest, unpack_reserved(value)))
    partition.rings = {tenant: read_rings(rows) for tenant, rows in by_tenant.items()}
    return partition


def ring(partition: RingPartition, asked: Iterable[tuple[int, RingAsked]], detected_at: datetime) -> Rung:
    """Answers questions (offset, question), in order, until there is enough to be stored; changes the rings in memory.

    What is in memory is ahead of the rows until these are stored: where that fails, it must be opened anew.
    """
    out = Rung()
    end, weight = partition.watermark, 0
    touched: set[str] = set()
    for offset, question in asked:
        if out.taken >= MOST_ASKED or weight >= MOST_BYTES:
            break
        out.taken += 1
        if offset < partition.watermark:
            continue
        end = offset + 1
        touched.add(question.tenant)
        rings = partition.rings.setdefault(question.tenant, Rings())
        before = len(rings.changed_rings)
        for customer, at_ms in question.joined:
            for grown in join(rings, question.kind, question.identifier, customer, at_ms):
                cause = Cause(partition=partition.number, offset=offset, event_id="", event_type="RingAsked")
                out.alerts.append(ring_alert(grown, cause, detected_at))
        customer, at_ms = question.joined[-1]
        found = ring_with(rings, customer)
        members = () if found is None else found.members
        weight += sum(map(len, members)) * (1 + len(rings.changed_rings) - before) + 1_000
        answer = RingAnswer(
            probe_id=question.probe_id,
            event=question.event,
            size=max(1, len(members)),
            ring_id=None if found is None else found.ring_id,
        )
        about = hash64(question.tenant, f"ring {question.probe_id}")
        entry = pack_answer(Kind.RING_ANSWERED, at_ms, about, question.event, encode_message(answer))
        out.answers.append((customer, entry))
    if end > partition.watermark:
        partition.watermark = end
        for tenant in sorted(touched):
            out.rows += [
                (f"{tenant}/".encode() + key, None if value is None else pack_reserved(end, value))
                for key, value in take_changes(partition.rings[tenant])
            ]
        out.rows.append((PARTITION_KEY, pack_reserved(end, b"")))
    return out

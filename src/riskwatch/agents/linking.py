"""One batch of link probes: profiles evolve, answers and questions to the rings come out. No transport, no clock.

`answer_links` changes nothing but what it returns, and a probe is answered by what the probes before it left, so it is
the same however the log is cut. Rows carry a watermark: a probe that a stored row has counted is not answered again,
for its answer was out before the row was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from riskwatch.agents.merchanting import answer_merchants
from riskwatch.agents.profiles import GetMany, tell_profiles
from riskwatch.agents.store import Row
from riskwatch.features.linkmessages import (
    LinkAnswer,
    LinkFacts,
    Probe,
    RingAsked,
    Tainted,
    decode_link_message,
    encode_message,
    key_of,
)
from riskwatch.features.links import LinkProfile, clear, decode_link, encode_link, evolve_link, taint
from riskwatch.features.merchantmessages import MerchantAsked, MerchantMessage
from riskwatch.features.ringstate import PUBLIC_ABOVE
from riskwatch.streams.entry import Kind
from riskwatch.streams.identity import IDENTITY_KINDS
from riskwatch.streams.packing import hash64, pack_answer

ROW = b"i"
"""In front of an identity's key, so that no key is taken for one of the partition's own."""


@dataclass
class Answered:
    """`answers`: customer key and journal entry of each; `asked`: for the rings; `merchants_asked`: for the
    profiles of all merchants of an institution; `bad`: places of records that are no messages. `told`: of merchants."""

    rows: list[Row] = field(default_factory=list)
    answers: list[tuple[bytes, bytes]] = field(default_factory=list)
    asked: list[RingAsked] = field(default_factory=list)
    merchants_asked: list[MerchantAsked] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    probes: int = 0
    told: int = 0
    repeated: int = 0


def answer_links(get_many: GetMany, values: Sequence[bytes], offsets: Sequence[int]) -> Answered:
    """Answers the messages of one partition, in order. `get_many`: stored rows by key; `offsets` rise."""
    out = Answered()
    messages: list[tuple[bytes, Probe | Tainted, int]] = []
    merchants: list[tuple[MerchantMessage, int]] = []
    for place, value in enumerate(values):
        try:
            message = decode_link_message(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
            out.bad.append(place)
            continue
        if isinstance(message, Probe | Tainted):
            messages.append((ROW + key_of(message), message, offsets[place]))
        else:
            merchants.append((message, offsets[place]))

    def tell(profile: LinkProfile, message: Probe | Tainted) -> None:
        if isinstance(message, Probe):
            out.probes += 1
            _answer(out, profile, message)
        elif message.cleared:
            clear(profile, message.case_id)
        else:
            taint(profile, message.case_id, message.customer_key, message.at_ms)

    out.rows, out.repeated = tell_profiles(get_many, messages, decode_link, encode_link, tell)
    if merchants:
        of_merchants = answer_merchants(get_many, merchants)
        out.rows += of_merchants.rows
        out.answers += of_merchants.answers
        out.merchants_asked = of_merchants.asked
        out.told = of_merchants.told
        out.repeated += of_merchants.repeated
    return out


def _answer(out: Answered, profile: LinkProfile, probe: Probe) -> None:
    facts = evolve_link(profile, probe)
    joined = _joined(profile, probe, facts)
    if joined:
        out.asked.append(
            RingAsked(
                probe_id=probe.probe_id,
                tenant=probe.tenant,
                kind=probe.kind,
                identifier=probe.identifier,
                event=probe.event,
                joined=joined,
            )
        )
    answer = LinkAnswer(facts=facts, event=probe.event, ring_asked=bool(joined))
    entry = pack_answer(
        Kind.LINK_ANSWERED,
        probe.at_ms,
        hash64(probe.tenant, f"link {probe.probe_id}"),
        probe.event,
        encode_message(answer),
        IDENTITY_KINDS.index(probe.kind) + 1,
    )
    out.answers.append((probe.customer_key, entry))


def _joined(profile: LinkProfile, probe: Probe, facts: LinkFacts) -> tuple[tuple[bytes, int], ...]:
    """The customers that the rings are to join; nobody where the identifier is not shared, or is a public place.

    The one that makes it public is told too: what it had joined must be parted.
    """
    most = PUBLIC_ABOVE.get(probe.kind, 0)
    if not most or not 2 <= facts.customers <= most + 1:
        return ()
    asking = (probe.customer_key, probe.at_ms)
    if facts.customers > 2:
        return (asking,)
    return (*((key, seen.first_ms) for key, seen in profile.customers.items() if key != probe.customer_key), asking)

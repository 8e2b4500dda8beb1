"""The merchants' part of a batch of link messages: profiles evolve, questions and answers come out. No transport, no
clock; as `linking` for the identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from riskwatch.agents.profiles import GetMany, tell_profiles
from riskwatch.agents.store import Row
from riskwatch.features.linkmessages import encode_message, key_of
from riskwatch.features.merchantmessages import MerchantAnswer, MerchantAsked, MerchantMessage, MerchantTold
from riskwatch.features.merchants import (
    MerchantProfile,
    decode_merchant,
    encode_merchant,
    evolve_merchant,
    merchant_facts,
)
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import hash64, pack_answer

MERCHANT_ROW = b"m"
"""In front of a merchant's key: apart from the profile of the merchant as an identifier, whose key is the same."""


@dataclass
class MerchantsAnswered:
    """`answers`: customer key and journal entry of each; `asked`: for the profiles of all merchants together."""

    rows: list[Row] = field(default_factory=list)
    answers: list[tuple[bytes, bytes]] = field(default_factory=list)
    asked: list[MerchantAsked] = field(default_factory=list)
    told: int = 0
    repeated: int = 0


def answer_merchants(get_many: GetMany, messages: Sequence[tuple[MerchantMessage, int]]) -> MerchantsAnswered:
    """Counts and answers the messages (with offsets that rise) of one partition, in order. `get_many`: stored rows by
    key."""
    out = MerchantsAnswered()

    def tell(profile: MerchantProfile, message: MerchantMessage) -> None:
        if isinstance(message, MerchantTold):
            out.told += 1
            _count(out, profile, message)
        else:
            _answer(out, profile, message)

    keyed = [(MERCHANT_ROW + key_of(message), message, offset) for message, offset in messages]
    out.rows, out.repeated = tell_profiles(get_many, keyed, decode_merchant, encode_merchant, tell)
    return out


def _count(out: MerchantsAnswered, profile: MerchantProfile, told: MerchantTold) -> None:
    facts = evolve_merchant(profile, told)
    if facts is not None and told.late_ms is not None:
        out.asked.append(
            MerchantAsked(
                tenant=told.tenant,
                merchant_id=told.merchant_id,
                customer_key=told.customer_key,
                event=told.event,
                at_ms=told.late_ms,
                facts=facts,
            )
        )


def _answer(out: MerchantsAnswered, profile: MerchantProfile, asked: MerchantAsked) -> None:
    others = merchant_facts(profile, without=asked.merchant_id)
    answer = MerchantAnswer(merchant_id=asked.merchant_id, event=asked.event, facts=asked.facts, others=others)
    # The step and what made it: the same whenever it is said again, another one when a merchant grows back.
    name = hash64(asked.tenant, f"merchant {asked.event:016x} {asked.facts.step} {asked.merchant_id}")
    entry = pack_answer(Kind.MERCHANT_ANSWERED, asked.at_ms, name, asked.event, encode_message(answer))
    out.answers.append((asked.customer_key, entry))

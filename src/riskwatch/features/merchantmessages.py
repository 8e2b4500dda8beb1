"""What merchant profiles are told, what they ask of each other, and what they answer.

The monitor tells (`MerchantTold`) the merchant's profile and that of all the institution's merchants together. When the
late customers of a merchant reach a step, its profile asks the other (`MerchantAsked`), which answers into the journal
of the customer who made it grow (`MerchantAnswer`). The messages travel with those about identifiers.
"""

from __future__ import annotations

from math import sqrt

import msgspec
from msgspec import Struct

from riskwatch.streams.identity import Identity, identity_key

_TOGETHER = ""
"""Stands for all merchants of an institution; no merchant's id is empty."""


class MerchantTold(Struct, frozen=True, kw_only=True, tag="merchant"):
    """A customer opened a loan at a merchant at `opened_ms` (event time), or is late with it since `late_ms`. `event`:
    hash of the event, or of the report that an instalment is overdue. `together`: said to the profile of all of the
    institution's merchants, else to the merchant's own."""

    tenant: str
    merchant_id: str
    customer_key: bytes
    event: int
    opened_ms: int
    late_ms: int | None = None
    together: bool = False


class MerchantFacts(Struct, frozen=True, kw_only=True):
    """What is known of the customers of one merchant, or of several: then one of two merchants counts twice.

    `customers`: who took a loan there or was late with one within the horizon of 180 days; `opened_…`: who took one
    within the window; `late_…`: who was late within it. `exact`: counted one by one, else estimated with the errors
    that `features.merchants` states. `step`: how many late customers made it known, 0 where none did.
    """

    customers: int
    exact: bool
    opened_30d: int
    opened_90d: int
    late_30d: int
    late_90d: int
    step: int = 0


class MerchantAsked(Struct, frozen=True, kw_only=True, tag="merchant-asked"):
    """A merchant's late customers reached a step: how is it at the others? `event`, `customer_key`, `at_ms`: of what
    made it grow."""

    tenant: str
    merchant_id: str
    customer_key: bytes
    event: int
    at_ms: int
    facts: MerchantFacts


class MerchantAnswer(Struct, frozen=True, kw_only=True):
    """Payload of a `MERCHANT_ANSWERED` entry: a merchant, and all `others` of its institution. `event`: what made it
    grow."""

    merchant_id: str
    event: int
    facts: MerchantFacts
    others: MerchantFacts

    @property
    def late_share(self) -> float:
        """Share of the merchant's customers who were late within 90 days."""
        return _share(self.facts.late_90d, self.facts.customers)

    @property
    def others_share(self) -> float:
        """The same of the other merchants' customers; NaN where there are none."""
        return _share(self.others.late_90d, self.others.customers)

    @property
    def late_z(self) -> float:
        """Late customers beyond those to be expected at the others' share, in standard deviations (binomial). Few
        others say little: 20 customers more are reckoned with, one of them late."""
        expected = (self.others.late_90d + 1) / (self.others.customers + 20)
        customers = self.facts.customers
        spread = sqrt(customers * expected * (1 - expected))
        return (self.facts.late_90d - customers * expected) / spread if spread else float("nan")


MerchantMessage = MerchantTold | MerchantAsked

_answers = msgspec.msgpack.Decoder(MerchantAnswer)


def decode_merchant_answer(data: bytes) -> MerchantAnswer:
    """Raises `msgspec.MsgspecError` for anything else."""
    return _answers.decode(data)


def merchant_key(message: MerchantMessage) -> bytes:
    """The key under which a message travels and the profile is kept that it is for: 16 bytes."""
    own = isinstance(message, MerchantTold) and not message.together
    return identity_key(message.tenant, Identity("merchant", message.merchant_id if own else _TOGETHER))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")

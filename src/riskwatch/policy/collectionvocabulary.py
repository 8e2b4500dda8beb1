"""The inputs of a collections decision by name: what the scorecards of a collections policy may read.

Money is in minor units; an unknown value is None. `contacts.*`, `own.promises_*` and `loan.bucket` are worked out from
the state and from other inputs (`policy/collectioninputs.py`); the rest comes from the account and from behaviour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct

from riskwatch.policy.cardreader import NUMBER, YES_OR_NO, Readable, Vocabulary
from riskwatch.scoring.scorecard import Value

BUCKETS: tuple[str, ...] = ("M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+")
"""M0: nothing past due; M1: 1 to 30 days past due, and so on; M6+: more than 180."""
BUCKET_DAYS = 30
PERIODS: Mapping[str, tuple[int, int]] = {"morning": (0, 12), "afternoon": (12, 18), "evening": (18, 24)}
"""Hours of the customer's day, half-open."""

Facts = Mapping[str, Value]


class CollectionInput(Struct, frozen=True, kw_only=True):
    """One input. `required`: without it nothing is decided about the loan."""

    name: str
    readable: Readable
    description: str
    required: bool = False


def _number(name: str, description: str, *, required: bool = False) -> CollectionInput:
    return CollectionInput(name=name, readable=NUMBER, description=description, required=required)


def _flag(name: str, description: str) -> CollectionInput:
    return CollectionInput(name=name, readable=YES_OR_NO, description=description)


COLLECTION_INPUTS: tuple[CollectionInput, ...] = (
    _number("loan.dpd", "days past due of the oldest unpaid instalment, 0 where nothing is", required=True),
    CollectionInput(
        name="loan.bucket", readable=Readable("words", BUCKETS), description="bucket of `loan.dpd`: M0, M1 to M6, M6+"
    ),
    _number("loan.overdue", "amount past due, minor units", required=True),
    _number("loan.exposure", "all that is owed on the loan, minor units", required=True),
    _number("loan.next_due", "amount of the next instalment, minor units"),
    _number("loan.days_to_due", "days until the next instalment falls due"),
    _number("loan.paid_share", "share of the instalments due so far that is paid"),
    _number("loan.max_dpd", "most days past due ever of this loan"),
    _number("loan.months_on_book", "whole months since disbursal"),
    _flag("loan.first_payment_missed", "the first instalment was not paid in full when it was due"),
    _number("loan.pd", "the behaviour score's probability of default"),
    _number("contacts.attempts_7d", "contacts begun in 7 days, all channels"),
    _number("contacts.attempts_30d", "contacts begun in 30 days, all channels"),
    _number("contacts.connected_share_30d", "share of calls in 30 days in which the customer spoke"),
    *(
        _number(
            f"contacts.connected_share_{period}",
            f"share of calls in 60 days, {low} to {high} o'clock on the customer's clock, in which the customer spoke",
        )
        for period, (low, high) in PERIODS.items()
    ),
    _number("contacts.days_since_valid", "days since the customer last spoke or a message was delivered"),
    _number("contacts.invalid_numbers_30d", "contacts to wrong or invalid numbers in 30 days"),
    _number("contacts.refused_30d", "refusals to pay in 30 days"),
    _number("own.promises_made", "promises about this loan"),
    _number("own.promises_kept_share", "share of ended promises about this loan that were kept"),
    _number("own.promises_broken", "promises about this loan that were broken"),
    _number("own.payments_30d", "payments on this loan in 30 days"),
    _number("own.days_since_payment", "days since the last payment on this loan"),
    _number("own.open_loans", "open loans with this institution"),
    _number("customer.days_since_login", "days since the last login"),
    _number(
        "customer.days_since_device",
        "days since the customer was last heard of: login, device, purchase or application",
    ),
)
"""Every input in the order in which a reader looks for it."""

COLLECTION_VOCABULARY = Vocabulary({each.name: each.readable for each in COLLECTION_INPUTS}, "docs/collections.md")
REQUIRED: tuple[str, ...] = tuple(each.name for each in COLLECTION_INPUTS if each.required)
_READABLE = COLLECTION_VOCABULARY.inputs


def bucket_of(dpd: float) -> str:
    """The bucket of days past due, 0 or more."""
    return BUCKETS[0] if dpd < 1 else BUCKETS[min(math.ceil(math.floor(dpd) / BUCKET_DAYS), len(BUCKETS) - 1)]


def days_to_next_bucket(dpd: float) -> int | None:
    """Days until a loan that stays unpaid is in the next bucket; None in the last."""
    place = BUCKETS.index(bucket_of(dpd))
    return None if place == len(BUCKETS) - 1 else place * BUCKET_DAYS + 1 - math.floor(dpd)


def facts_of(inputs: Facts) -> dict[str, Value]:
    """The inputs brought to their types, and `loan.bucket`: a value of another type, an infinity, or a number of days
    or money below 0 where the input is required, is unknown."""
    facts = {name: _typed(name, value) for name, value in inputs.items() if name in _READABLE}
    dpd = number_of(facts, "loan.dpd")
    facts["loan.bucket"] = None if dpd is None else bucket_of(dpd)
    return facts


def number_of(facts: Facts, name: str) -> float | None:
    """A number among the facts, None where unknown."""
    value = facts.get(name)
    return value if isinstance(value, float) else None


def _typed(name: str, value: object) -> Value:
    readable = _READABLE[name]
    if isinstance(value, bool):
        return value if readable is YES_OR_NO else None
    if isinstance(value, int | float):
        number = float(value) if abs(value) <= 2.0**53 else math.inf
        known = readable.type == "number" and math.isfinite(number) and not (name in REQUIRED and number < 0)
        return number if known else None
    if isinstance(value, str):
        return value if value in readable.words and readable is not YES_OR_NO else None
    return None

"""Inputs of a collections decision that the state itself gives: how contacts went, and what became of promises."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from riskwatch.features.collectionledger import (
    BAD_NUMBERS,
    CONVERSATIONS,
    DAY_MS,
    CollectionsState,
    ContactKept,
    LoanCollection,
)
from riskwatch.policy.collectionvocabulary import PERIODS
from riskwatch.policy.localtime import is_within
from riskwatch.scoring.scorecard import Value

SHARE_DAYS = 60


def state_inputs(state: CollectionsState, loan: LoanCollection, now_ms: int, zone: tzinfo) -> dict[str, Value]:
    """`contacts.*` over all loans of the customer, and `own.promises_*` of the loan. A share of nothing is unknown; an
    order without a reported outcome is no attempt yet."""
    reported = [each for each in state.contacts if each.outcome and each.to_ms <= now_ms]
    week, month = _within(reported, now_ms, 7), _within(reported, now_ms, 30)
    calls = [each for each in _within(reported, now_ms, SHARE_DAYS) if each.channel == "phone"]
    valid = [each.to_ms for each in reported if each.outcome == "delivered" or each.outcome in CONVERSATIONS]
    ended = loan.kept + loan.broken
    inputs: dict[str, Value] = {
        "contacts.attempts_7d": float(len(week)),
        "contacts.attempts_30d": float(len(month)),
        "contacts.connected_share_30d": _connected(_within(calls, now_ms, 30)),
        "contacts.days_since_valid": (now_ms - max(valid)) / DAY_MS if valid else None,
        "contacts.invalid_numbers_30d": float(sum(each.outcome in BAD_NUMBERS for each in month)),
        "contacts.refused_30d": float(sum(each.outcome == "refused" for each in month)),
        "own.promises_made": float(loan.made),
        "own.promises_broken": float(loan.broken),
        "own.promises_kept_share": loan.kept / ended if ended else None,
    }
    for period, (start, end) in PERIODS.items():
        own = [each for each in calls if is_within(each.to_ms, (start * 60, end * 60), zone)]
        inputs[f"contacts.connected_share_{period}"] = _connected(own)
    return inputs


def _within(contacts: Iterable[ContactKept], now_ms: int, days: int) -> list[ContactKept]:
    return [each for each in contacts if each.to_ms > now_ms - days * DAY_MS]


def _connected(calls: list[ContactKept]) -> float | None:
    return sum(each.outcome in CONVERSATIONS for each in calls) / len(calls) if calls else None

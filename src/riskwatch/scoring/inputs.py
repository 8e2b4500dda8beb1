"""What a model reads: features, each with the transform that is applied alike when it is learned from and when it
scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from riskwatch.features.loanhistory import LOAN_COLUMNS
from riskwatch.features.watch import WATCHED
from riskwatch.scoring.settings import ARREARS, TRANSACTION_FRAUD

Transform = Literal["identity", "log1p"]


class Input(Struct, frozen=True, kw_only=True):
    """One input of a model: a feature of the feature table, and how its heavy tail is tamed.

    `log1p` is sign(x) · log(1 + |x|): an amount of 10,000 weighs 9.2 and not 10,000, and values below zero keep their
    sign.
    """

    feature: str
    transform: Transform = "identity"


NOTHING_WATCHED: Mapping[str, NDArray[np.float64]] = {}

LIMIT = 1e16
"""No feature means more than this (amounts end at 2**53): the square of a wild value must not become infinite in a
scale."""

WATCHED_INPUTS: Mapping[str, str] = {name: source for name, source, _ in WATCHED}
"""Inputs that come from the library of fraud cases, with the header field that they count: confirmed frauds by it, as
known then."""
LATE_INPUTS: tuple[str, ...] = ("days_late", "paid_share")
"""Inputs that are fields of the entry's header, as the fold fills them."""
ENTRY_INPUTS: tuple[str, ...] = ("amount", "at_night", *LATE_INPUTS, *LOAN_COLUMNS, *WATCHED_INPUTS)
"""Inputs that come from the entry itself: its amount in minor units, 1 where its local hour is before 6, else 0,
`LATE_INPUTS`, what is known of its loan (`features.loanhistory`), and `WATCHED_INPUTS`."""

TRANSACTION_FRAUD_INPUTS: tuple[Input, ...] = (
    Input(feature="amount"),
    Input(feature="at_night"),
    Input(feature="purchase_amount_z"),
    Input(feature="purchase_amount_over_mean"),
    Input(feature="purchase_amount_mean", transform="log1p"),
    Input(feature="purchase_amount_max_24h", transform="log1p"),
    Input(feature="purchase_amount_max_30d", transform="log1p"),
    Input(feature="purchase_amount_24h_over_daily_30d", transform="log1p"),
    Input(feature="purchase_count_1h", transform="log1p"),
    Input(feature="purchase_count_24h", transform="log1p"),
    Input(feature="purchase_count_7d", transform="log1p"),
    Input(feature="purchase_count_30d", transform="log1p"),
    Input(feature="purchase_count_24h_over_daily_30d", transform="log1p"),
    Input(feature="seconds_since_last_purchase", transform="log1p"),
    Input(feature="counterparty_distinct_24h", transform="log1p"),
    Input(feature="counterparty_age_hours", transform="log1p"),
    Input(feature="activity_hour_habit"),
    Input(feature="device_age_hours", transform="log1p"),
    Input(feature="login_failed_count_24h", transform="log1p"),
    Input(feature="fraud_confirmed_count_90d", transform="log1p"),
    Input(feature="counterparty_frauds_1d", transform="log1p"),
    Input(feature="counterparty_frauds_7d", transform="log1p"),
    Input(feature="counterparty_frauds_30d", transform="log1p"),
)
"""What the transaction-fraud model reads, at a purchase. Amounts count as they are where a threshold may matter: on
1.17 million card transactions with labels 7.5 days late, taking the logarithm of the first and the fourth as well
lowers the average precision of the scores given from .292 to .263."""

ARREARS_INPUTS: tuple[Input, ...] = (
    Input(feature="days_late", transform="log1p"),
    Input(feature="paid_share"),
    Input(feature="loan_age_days", transform="log1p"),
    Input(feature="loan_late_count", transform="log1p"),
    Input(feature="loan_late_15_count", transform="log1p"),
    Input(feature="loan_arrears_count", transform="log1p"),
    Input(feature="days_since_loan_arrears", transform="log1p"),
    Input(feature="other_loans_dpd", transform="log1p"),
    Input(feature="other_loans_arrears_count", transform="log1p"),
    Input(feature="instalment_overdue_count_30d", transform="log1p"),
    Input(feature="instalment_overdue_count_90d", transform="log1p"),
    Input(feature="first_instalment_overdue_count_90d", transform="log1p"),
    Input(feature="repayment_count_90d", transform="log1p"),
    Input(feature="repayment_late_share_90d"),
    Input(feature="repayment_partial_count_90d", transform="log1p"),
    Input(feature="repayment_reversed_count_90d", transform="log1p"),
    Input(feature="days_late_max_90d", transform="log1p"),
    Input(feature="days_late_mean", transform="log1p"),
    Input(feature="days_late_trend", transform="log1p"),
    Input(feature="paid_share_mean"),
    Input(feature="seconds_since_last_repayment", transform="log1p"),
    Input(feature="promise_broken_count_90d", transform="log1p"),
    Input(feature="contact_unreached_count_30d", transform="log1p"),
    Input(feature="loan_opened_count_90d", transform="log1p"),
    Input(feature="application_distinct_30d", transform="log1p"),
    Input(feature="days_since_first_seen", transform="log1p"),
)
"""What the arrears model reads, at an entry that says that a loan is paid late or not at all."""

MODEL_INPUTS: Mapping[str, tuple[Input, ...]] = {
    TRANSACTION_FRAUD: TRANSACTION_FRAUD_INPUTS,
    ARREARS: ARREARS_INPUTS,
}
"""The models that are learned and score, by name, in order; what each reads."""

TRANSACTION_FRAUD_FEATURES: tuple[str, ...] = tuple(each.feature for each in TRANSACTION_FRAUD_INPUTS)


def gather(
    inputs: Sequence[Input], matrix: NDArray[np.float64], column_of: Mapping[str, int], entries: NDArray[np.void],
    given: Mapping[str, NDArray[np.float64]] = NOTHING_WATCHED,
) -> NDArray[np.float64]:  # fmt: skip
    """The raw inputs float64[n, inputs], of the feature matrix float64[n, columns] and the entries `ENTRY`[n] beside
    it. `given`: the columns of `watch.watch_frauds`, without which no fraud is known anywhere, and of `LOAN_COLUMNS`.

    Raises `KeyError` for an input that is neither a column nor one of `ENTRY_INPUTS`; `decode_model` refuses such a
    model.
    """
    gathered = np.empty((len(entries), len(inputs)))
    for place, each in enumerate(inputs):
        if each.feature == "amount":
            gathered[:, place] = entries["amount"]
        elif each.feature == "at_night":
            gathered[:, place] = entries["local_hour"] < 6
        elif each.feature in LATE_INPUTS:
            gathered[:, place] = entries[each.feature]
        elif each.feature in LOAN_COLUMNS:
            gathered[:, place] = given[each.feature]
        elif each.feature in WATCHED_INPUTS:
            known = given.get(each.feature)
            none_known = np.where(entries[WATCHED_INPUTS[each.feature]] != 0, 0.0, np.nan) if known is None else known
            gathered[:, place] = none_known
        else:
            gathered[:, place] = matrix[:, column_of[each.feature]]
    return gathered


def log1p_rows(inputs: Sequence[Input]) -> NDArray[np.intp]:
    """The positions of the inputs that are log-transformed."""
    return np.array([i for i, each in enumerate(inputs) if each.transform == "log1p"], dtype=np.intp)


def apply_transforms(block: NDArray[np.float64], logged: NDArray[np.intp]) -> None:
    """Transform `block` in place. Shape [inputs, examples], C-contiguous; unknown or infinite values become NaN, others
    are cut to ±`LIMIT`."""
    block[~np.isfinite(block)] = np.nan
    np.clip(block, -LIMIT, LIMIT, out=block)
    values = block[logged]
    block[logged] = np.copysign(np.log1p(np.abs(values)), values)

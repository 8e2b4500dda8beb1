"""Features of purchases."""

from __future__ import annotations

from riskwatch.features.feature import Aggregate, Feature, over_windows
from riskwatch.features.tableparts import (
    ACTIVITY,
    AT_NIGHT,
    COUNT,
    DISTINCT,
    MAX,
    MEAN,
    PURCHASE,
    SINCE,
    SUM,
    USUAL,
    ratio,
    single,
)

# fmt: off (an entry is a line or two, so that the table is read from top to bottom)
PURCHASE_FEATURES: tuple[Feature, ...] = (
    *over_windows("purchase_count", "10m 1h 24h 7d 30d 90d", COUNT, PURCHASE, "purchases"),
    *over_windows("purchase_amount_sum", "1h 24h 7d 30d", SUM, PURCHASE, "amount of purchases", value="amount"),
    *over_windows("purchase_amount_max", "24h 30d", MAX, PURCHASE, "largest purchase", value="amount"),
    *over_windows("purchase_night_count", "7d", COUNT, PURCHASE, "purchases between 0 and 6 o'clock", where=AT_NIGHT),
    single("seconds_since_last_purchase", SINCE, PURCHASE, "seconds since the last purchase before this entry"),
    single(
        "purchase_amount_mean",
        MEAN,
        PURCHASE,
        "usual amount of a purchase before this entry",
        value="amount",
        weight=USUAL,
    ),
    single(
        "purchase_amount_z",
        Aggregate.DEVIATION,
        PURCHASE,
        "this purchase against the usual amount, in deviations",
        value="amount",
        weight=USUAL,
        floor=1.0,
    ),
    ratio(
        "purchase_amount_over_mean",
        "amount",
        "purchase_amount_mean",
        "this purchase in multiples of the usual amount",
        at=PURCHASE,
    ),
    *over_windows(
        "purchase_same_amount_count",
        "1h 24h",
        Aggregate.SAME,
        PURCHASE,
        "purchases of exactly this amount",
        value="amount",
    ),
    *over_windows(
        "purchase_amount_over_min",
        "1h",
        Aggregate.OVER_MIN,
        PURCHASE,
        "this purchase in multiples of the smallest before it",
        value="amount",
    ),
    *over_windows(
        "counterparty_distinct",
        "1h 24h 7d",
        DISTINCT,
        PURCHASE,
        "different merchants or terminals",
        value="counterparty",
    ),
    single(
        "counterparty_age_hours",
        Aggregate.AGE,
        PURCHASE,
        "hours since this merchant or terminal was first seen",
        value="counterparty",
    ),
    ratio(
        "purchase_amount_24h_over_daily_30d",
        "purchase_amount_sum_24h",
        "purchase_amount_sum_30d",
        "spend of 24 hours in multiples of the daily average of 30 days",
        scale=30.0,
    ),
    ratio(
        "purchase_count_24h_over_daily_30d",
        "purchase_count_24h",
        "purchase_count_30d",
        "purchases of 24 hours in multiples of the daily average of 30 days",
        scale=30.0,
    ),
    single(
        "purchase_distance_km",
        Aggregate.DISTANCE,
        ACTIVITY,
        "km from the last known position to this purchase",
        at=PURCHASE,
    ),
    single(
        "purchase_speed_kmh",
        Aggregate.SPEED,
        ACTIVITY,
        "speed from the last known position to this purchase",
        at=PURCHASE,
    ),
)
# fmt: on

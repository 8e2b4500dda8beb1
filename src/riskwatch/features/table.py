"""The feature table: every number that a rule or a model can read, as data, from top to bottom.

Money is in minor units, whatever the currency. Windows are event time. docs/features.md is generated from it.
"""

from __future__ import annotations

from riskwatch.features.feature import Aggregate, Feature, over_windows
from riskwatch.features.tablecontacts import CASE_FEATURES
from riskwatch.features.tablecredit import APPLICATION_FEATURES, REPAYMENT_FEATURES
from riskwatch.features.tableparts import ACTIVITY, COUNT, EVERYTHING, PRESENCE, SINCE, ratio, single
from riskwatch.features.tablepurchases import PURCHASE_FEATURES
from riskwatch.features.tablesessions import DEVICE_FEATURES, LOGIN_FEATURES

__all__ = [
    "ACTIVITY",
    "APPLICATION_FEATURES",
    "CASE_FEATURES",
    "DEVICE_FEATURES",
    "EVERYTHING",
    "FEATURES",
    "GENERAL_FEATURES",
    "LOGIN_FEATURES",
    "PRESENCE",
    "PURCHASE_FEATURES",
    "REPAYMENT_FEATURES",
]

# fmt: off (an entry is a line or two, so that the table is read from top to bottom)
GENERAL_FEATURES: tuple[Feature, ...] = (
    *over_windows("entries_count", "1h 24h 30d 90d", COUNT, ACTIVITY, "things the customer did"),
    ratio(
        "entries_count_24h_over_daily_30d",
        "entries_count_24h",
        "entries_count_30d",
        "activity of 24 hours in multiples of the daily average of 30 days",
        scale=30.0,
    ),
    single("seconds_since_last_activity", SINCE, ACTIVITY, "seconds since the customer did anything before this entry"),
    single("days_since_first_seen", Aggregate.TENURE, EVERYTHING, "days since the customer's first entry"),
    single(
        "activity_hour_habit",
        Aggregate.HOUR_HABIT,
        ACTIVITY,
        "share of past activity within an hour of this local hour",
    ),
    single("night_activity_share", Aggregate.NIGHT_SHARE, ACTIVITY, "share of past activity between 0 and 6 o'clock"),
    single("late_events_count", Aggregate.LATE, EVERYTHING, "entries that arrived too late for at least one window"),
)
# fmt: on

FEATURES: tuple[Feature, ...] = (
    *LOGIN_FEATURES,
    *DEVICE_FEATURES,
    *PURCHASE_FEATURES,
    *REPAYMENT_FEATURES,
    *APPLICATION_FEATURES,
    *CASE_FEATURES,
    *GENERAL_FEATURES,
)

"""The feature table: every number that a rule or a model can read, as data, from top to bottom.

Money is in minor units, whatever the currency. Windows are event time. docs/features.md is generated from this file.
"""

from __future__ import annotations

from riskwatch.features.feature import Aggregate, Feature, Where, over_windows
from riskwatch.streams.entry import Flag, Kind

COUNT, SUM, MAX, DISTINCT = Aggregate.COUNT, Aggregate.SUM, Aggregate.MAX, Aggregate.DISTINCT
SINCE, MEAN, RATIO = Aggregate.SINCE, Aggregate.MEAN, Aggregate.RATIO

APPLICATION = (Kind.LOAN_APPLIED,)
LOGIN = (Kind.LOGIN_SUCCEEDED,)
LOGIN_FAILED = (Kind.LOGIN_FAILED,)
LOGINS = (Kind.LOGIN_SUCCEEDED, Kind.LOGIN_FAILED)
DEVICE = (Kind.DEVICE_SEEN, Kind.DEVICE_CHANGED)
DEVICE_CHANGED = (Kind.DEVICE_CHANGED,)
PURCHASE = (Kind.PURCHASE_MADE,)
REPAYMENT = (Kind.REPAYMENT_RECEIVED,)
REVERSED = (Kind.REPAYMENT_REVERSED,)
OVERDUE = (Kind.INSTALMENT_OVERDUE,)
SESSIONS = (*LOGINS, *APPLICATION)
ACTIVITY = (*APPLICATION, *LOGIN, *DEVICE, *PURCHASE)
"""What the customer does; failed logins are left out, since they may be somebody else's."""
PRESENCE = (*ACTIVITY, *LOGIN_FAILED)
"""What names a device, an address or a position."""
EVERYTHING = tuple(kind for kind in Kind if kind < 100)

LATE_PAYMENT = Where(field="days_late", low=1)
PARTIAL = Where(field="paid_share", high=1)
PASTE_HEAVY = Where(field="paste_share", low=0.5)
AT_NIGHT = Where(field="local_hour", high=6)
UNREACHED = Where(field="outcome", low=2, high=6)
NO_GOOD_NUMBER = Where(field="outcome", low=4, high=6)

USUAL = 0.1
RECENT = 0.5


def single(name: str, aggregate: Aggregate, kinds: tuple[Kind, ...], description: str, **more: object) -> Feature:
    """A feature without a row of windows."""
    return Feature(name=name, aggregate=aggregate, kinds=kinds, description=description, **more)  # type: ignore[arg-type]


def ratio(name: str, value: str, over: str, description: str, scale: float = 1.0, at: tuple[Kind, ...] = ()) -> Feature:
    """A feature made of two others, or of a field of the entry and a feature: `scale * value / over`."""
    return Feature(name=name, aggregate=RATIO, value=value, over=over, scale=scale, at=at, description=description)


# fmt: off (an entry is a line or two, so that the table is read from top to bottom)
LOGIN_FEATURES: tuple[Feature, ...] = (
    *over_windows("login_count", "1h 24h 7d 30d", COUNT, LOGINS, "logins, succeeded or failed,"),
    *over_windows("login_failed_count", "10m 1h 24h 7d", COUNT, LOGIN_FAILED, "failed logins"),
    ratio(
        "login_failed_share_1h",
        "login_failed_count_1h",
        "login_count_1h",
        "share of logins in the last hour that failed",
    ),
    ratio(
        "login_failed_share_24h", "login_failed_count_24h", "login_count_24h", "share of logins in 24 hours that failed"
    ),
    single("seconds_since_last_login", SINCE, LOGIN, "seconds since the last successful login before this entry"),
    single(
        "seconds_since_last_login_failed", SINCE, LOGIN_FAILED, "seconds since the last failed login before this entry"
    ),
    single("days_since_first_login", Aggregate.TENURE, LOGIN, "days since the first successful login"),
    single(
        "login_distance_km", Aggregate.DISTANCE, ACTIVITY, "km from the last known position to this login", at=LOGINS
    ),
    single("login_speed_kmh", Aggregate.SPEED, ACTIVITY, "speed from the last known position to this login", at=LOGINS),
    *over_windows(
        "session_paste_heavy_count", "24h 30d", COUNT, SESSIONS, "sessions with half or more pasted", where=PASTE_HEAVY
    ),
    single(
        "session_seconds_mean",
        MEAN,
        SESSIONS,
        "usual length of a session before this entry, seconds",
        value="session_seconds",
        weight=USUAL,
    ),
    single(
        "session_seconds_z",
        Aggregate.DEVIATION,
        SESSIONS,
        "this session's length against the usual, in deviations",
        value="session_seconds",
        weight=USUAL,
        floor=1.0,
    ),
)

DEVICE_FEATURES: tuple[Feature, ...] = (
    *over_windows("device_distinct", "1h 24h 7d 30d", DISTINCT, PRESENCE, "different devices", value="device"),
    single(
        "device_age_hours", Aggregate.AGE, PRESENCE, "hours since this entry's device was first seen", value="device"
    ),
    single(
        "seconds_since_device_new",
        Aggregate.SINCE_FURTHER,
        PRESENCE,
        "seconds since a further device first appeared",
        value="device",
    ),
    *over_windows("device_changed_count", "24h 30d", COUNT, DEVICE_CHANGED, "reported device changes"),
    *over_windows("sim_changed_count", "30d", COUNT, DEVICE, "SIM changes", where=Where(flag=Flag.SIM_CHANGED)),
    single(
        "seconds_since_sim_change",
        SINCE,
        DEVICE,
        "seconds since the SIM was changed, before this entry",
        where=Where(flag=Flag.SIM_CHANGED),
    ),
    *over_windows(
        "emulator_count", "30d", COUNT, DEVICE, "device reports from an emulator", where=Where(flag=Flag.EMULATOR)
    ),
    *over_windows(
        "rooted_count", "30d", COUNT, DEVICE, "device reports from a rooted device", where=Where(flag=Flag.ROOTED)
    ),
    *over_windows("proxy_count", "30d", COUNT, DEVICE, "device reports through a proxy", where=Where(flag=Flag.PROXY)),
    *over_windows("ip_distinct", "1h 24h 7d", DISTINCT, PRESENCE, "different network addresses", value="ip"),
    single(
        "ip_age_hours", Aggregate.AGE, PRESENCE, "hours since this entry's network address was first seen", value="ip"
    ),
)

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

REPAYMENT_FEATURES: tuple[Feature, ...] = (
    *over_windows("repayment_count", "30d 90d", COUNT, REPAYMENT, "repayments received"),
    *over_windows("repayment_amount_sum", "30d 90d", SUM, REPAYMENT, "amount of repayments received", value="amount"),
    *over_windows("repayment_reversed_count", "7d 30d 90d", COUNT, REVERSED, "repayments reversed"),
    *over_windows("repayment_late_count", "90d", COUNT, REPAYMENT, "repayments a day or more late", where=LATE_PAYMENT),
    *over_windows(
        "repayment_partial_count", "90d", COUNT, REPAYMENT, "repayments that left the instalment open", where=PARTIAL
    ),
    ratio(
        "repayment_late_share_90d",
        "repayment_late_count_90d",
        "repayment_count_90d",
        "share of repayments in 90 days that were late",
    ),
    ratio(
        "repayment_reversed_share_90d",
        "repayment_reversed_count_90d",
        "repayment_count_90d",
        "reversed repayments in 90 days over those received",
    ),
    single("seconds_since_last_repayment", SINCE, REPAYMENT, "seconds since the last repayment before this entry"),
    single(
        "seconds_since_repayment_reversed", SINCE, REVERSED, "seconds since a repayment was reversed, before this entry"
    ),
    single(
        "days_late_mean",
        MEAN,
        REPAYMENT,
        "usual days late of a repayment before this entry (negative: early)",
        value="days_late",
        weight=USUAL,
    ),
    single(
        "days_late_z",
        Aggregate.DEVIATION,
        REPAYMENT,
        "this repayment's days late against the usual, in deviations",
        value="days_late",
        weight=USUAL,
        floor=1.0,
    ),
    single(
        "days_late_trend",
        Aggregate.TREND,
        REPAYMENT,
        "recent days late minus usual days late",
        value="days_late",
        weight=USUAL,
    ),
    *over_windows(
        "days_late_max",
        "90d",
        MAX,
        (*REPAYMENT, *OVERDUE),
        "most days late of a repayment or open instalment",
        value="days_late",
    ),
    single(
        "paid_share_mean",
        MEAN,
        REPAYMENT,
        "usual share of the instalment covered after a repayment, before this entry",
        value="paid_share",
        weight=USUAL,
    ),
    single(
        "paid_share_z",
        Aggregate.DEVIATION,
        REPAYMENT,
        "this repayment's covered share against the usual, in deviations",
        value="paid_share",
        weight=USUAL,
        floor=0.05,
    ),
    *over_windows(
        "instalment_overdue_count", "30d 90d", COUNT, OVERDUE, "steps of days past due reached by instalments"
    ),
    *over_windows(
        "first_instalment_overdue_count",
        "90d",
        COUNT,
        OVERDUE,
        "steps of days past due of a first instalment",
        where=Where(flag=Flag.FIRST_INSTALMENT),
    ),
    *over_windows("promise_count", "30d", COUNT, (Kind.PROMISE_MADE,), "promises to pay"),
    *over_windows("promise_broken_count", "90d", COUNT, (Kind.PROMISE_BROKEN,), "promises to pay that were broken"),
)

APPLICATION_FEATURES: tuple[Feature, ...] = (
    *over_windows("application_count", "1h 24h 7d 30d", COUNT, APPLICATION, "loan applications"),
    *over_windows("applied_amount_sum", "30d", SUM, APPLICATION, "amount applied for", value="amount"),
    *over_windows("application_distinct", "30d", DISTINCT, APPLICATION, "different application ids", value="subject"),
    single(
        "seconds_since_last_application", SINCE, APPLICATION, "seconds since the last application before this entry"
    ),
    single("income_last", Aggregate.LAST, APPLICATION, "monthly income declared last", value="income"),
    single(
        "income_over_previous",
        Aggregate.OVER_LAST,
        APPLICATION,
        "declared income over the one declared before",
        value="income",
    ),
    single(
        "bureau_score_last", Aggregate.LAST, APPLICATION, "credit bureau's score reported last", value="bureau_score"
    ),
    single(
        "bureau_score_over_previous",
        Aggregate.OVER_LAST,
        APPLICATION,
        "bureau score over the one reported before",
        value="bureau_score",
    ),
    ratio(
        "applied_amount_over_income", "amount", "income_last", "amount applied for in monthly incomes", at=APPLICATION
    ),
    *over_windows("loan_opened_count", "90d", COUNT, (Kind.LOAN_OPENED,), "loans opened"),
)

CASE_FEATURES: tuple[Feature, ...] = (
    *over_windows("fraud_confirmed_count", "90d", COUNT, (Kind.FRAUD_CONFIRMED,), "confirmed frauds"),
    *over_windows("contact_count", "7d", COUNT, (Kind.CONTACT_MADE,), "collections contacts"),
    *over_windows(
        "contact_unreached_count",
        "30d",
        COUNT,
        (Kind.CONTACT_MADE,),
        "collections contacts undelivered, unanswered or to a bad number",
        where=UNREACHED,
    ),
    *over_windows(
        "contact_bad_number_count",
        "30d",
        COUNT,
        (Kind.CONTACT_MADE,),
        "collections contacts to a wrong or invalid number",
        where=NO_GOOD_NUMBER,
    ),
)

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

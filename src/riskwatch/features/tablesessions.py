"""Features of logins, sessions, devices and networks."""

from __future__ import annotations

from riskwatch.features.feature import Aggregate, Feature, Where, over_windows
from riskwatch.features.tableparts import (
    ACTIVITY,
    AT_NIGHT,
    COUNT,
    DEVICE,
    DEVICE_CHANGED,
    DISTINCT,
    LOGIN,
    LOGIN_FAILED,
    LOGINS,
    MEAN,
    PASTE_HEAVY,
    PRESENCE,
    SESSIONS,
    SINCE,
    USUAL,
    ratio,
    single,
)
from riskwatch.streams.entry import Flag

# fmt: off (an entry is a line or two, so that the table is read from top to bottom)
LOGIN_FEATURES: tuple[Feature, ...] = (
    *over_windows("login_count", "1h 24h 7d 30d", COUNT, LOGINS, "logins, succeeded or failed,"),
    *over_windows("login_failed_count", "10m 1h 24h 7d", COUNT, LOGIN_FAILED, "failed logins"),
    *over_windows("login_night_count", "7d 90d", COUNT, LOGIN, "logins between 0 and 6 o'clock", where=AT_NIGHT),
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
# fmt: on

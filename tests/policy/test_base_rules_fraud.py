"""The base policy on logins, devices and purchases: what makes each rule fire, and near misses that must not."""

from __future__ import annotations

import pytest
from base_rules import DAY, HOUR, NAN, Case, Known, fired

CASES = [
    Case("failed-login-burst", "LoginFailed", {"login_failed_count_10m": 5}, [{"login_failed_count_10m": 4}]),
    Case(
        "failed-logins-all-day",
        "LoginFailed",
        {"login_failed_count_24h": 15, "login_failed_share_24h": 0.9},
        [{"login_failed_count_24h": 14}, {"login_failed_share_24h": 0.8}],
    ),
    Case(
        "guessed-password",
        "LoginSucceeded",
        {"login_failed_count_1h": 4, "device_age_hours": 0.1, "days_since_first_seen": 200},
        [{"login_failed_count_1h": 3}, {"device_age_hours": 24}, {"days_since_first_seen": 0.5}],
    ),
    Case(
        "impossible-travel-login",
        "LoginSucceeded",
        {"login_speed_kmh": 1_500, "login_distance_km": 3_000},
        [{"login_speed_kmh": 900}, {"login_distance_km": 400}, {"login_speed_kmh": NAN}],
    ),
    Case(
        "impossible-travel-purchase",
        "PurchaseMade",
        {"purchase_speed_kmh": 1_500, "purchase_distance_km": 3_000},
        [{"purchase_speed_kmh": 1_000}, {"purchase_distance_km": 500}],
    ),
    Case("device-hopping", "LoginSucceeded", {"device_distinct_24h": 4}, [{"device_distinct_24h": 3}]),
    Case("address-hopping", "LoginSucceeded", {"ip_distinct_1h": 6}, [{"ip_distinct_1h": 5}]),
    Case(
        "robotic-login",
        "LoginSucceeded",
        {"session_seconds": 1.5, "paste_share": 1.0, "device_age_hours": 0, "days_since_first_seen": 30},
        [
            {"session_seconds": 3},
            {"paste_share": 0.8},
            {"device_age_hours": 48},
            {"days_since_first_seen": 6},
            {"session_seconds": NAN},
        ],
    ),
    Case("emulator", "DeviceSeen", {"emulator": True}, [{"emulator": False}]),
    Case("rooted-device-application", "LoanApplied", {"rooted_count_30d": 1}, [{"rooted_count_30d": 0}]),
    Case(
        "proxy-at-application",
        "LoanApplied",
        {"proxy_count_30d": 2, "ip_age_hours": 1},
        [{"proxy_count_30d": 1}, {"ip_age_hours": 24}, {"ip_age_hours": NAN}],
    ),
    Case(
        "sim-change-then-application",
        "LoanApplied",
        {"seconds_since_sim_change": 2 * DAY},
        [{"seconds_since_sim_change": 3 * DAY}, {"seconds_since_sim_change": NAN}],
    ),
    Case(
        "sim-change-then-large-purchase",
        "PurchaseMade",
        {"seconds_since_sim_change": 2 * HOUR, "purchase_amount_z": 3},
        [{"seconds_since_sim_change": DAY}, {"purchase_amount_z": 2.9}],
    ),
    Case(
        "device-change-then-application",
        "LoanApplied",
        {"seconds_since_device_new": HOUR, "days_since_first_seen": 90, "ip_age_hours": 1, "login_failed_count_24h": 0},
        [{"seconds_since_device_new": DAY}, {"days_since_first_seen": 6}, {"ip_age_hours": 500}],
    ),
    Case(
        "new-device-purchase-burst",
        "PurchaseMade",
        {
            "seconds_since_device_new": HOUR,
            "purchase_count_1h": 3,
            "purchase_amount_sum_1h": 500_00,
            "purchase_amount_mean": 100_00,
        },
        [
            {"seconds_since_device_new": DAY},
            {"purchase_count_1h": 2},
            {"purchase_amount_sum_1h": 499_99},
            {"purchase_amount_mean": NAN},
        ],
    ),
    Case("purchase-velocity", "PurchaseMade", {"purchase_count_10m": 6}, [{"purchase_count_10m": 5}]),
    Case(
        "test-then-large-purchase",
        "PurchaseMade",
        {"purchase_amount_over_min_1h": 50, "purchase_amount_over_mean": 3},
        [{"purchase_amount_over_min_1h": 49}, {"purchase_amount_over_mean": 2.9}],
    ),
    Case(
        "many-merchants-quickly",
        "PurchaseMade",
        {"counterparty_distinct_1h": 5, "purchase_amount_24h_over_daily_30d": 5},
        [{"counterparty_distinct_1h": 4}, {"purchase_amount_24h_over_daily_30d": 4.9}],
    ),
    Case(
        "same-amount-repeats",
        "PurchaseMade",
        {"purchase_same_amount_count_1h": 4},
        [{"purchase_same_amount_count_1h": 3}],
    ),
    Case(
        "amount-far-above-habit",
        "PurchaseMade",
        {"purchase_amount_z": 6, "purchase_amount_over_mean": 5, "purchase_count_90d": 10},
        [{"purchase_amount_z": 5.9}, {"purchase_amount_over_mean": 4.9}, {"purchase_count_90d": 9}],
    ),
    Case(
        "spend-surge",
        "PurchaseMade",
        {
            "days_since_first_seen": 30,
            "purchase_count_30d": 10,
            "purchase_count_24h": 4,
            "purchase_amount_24h_over_daily_30d": 15,
        },
        [
            {"days_since_first_seen": 29},
            {"purchase_count_30d": 9},
            {"purchase_count_24h": 3},
            {"purchase_amount_24h_over_daily_30d": 14.9},
            {"purchase_amount_24h_over_daily_30d": 30},  # all of the month is today: a pause, not a surge
        ],
    ),
    Case(
        "unfamiliar-merchant-large",
        "PurchaseMade",
        {"counterparty_age_hours": 0, "purchase_amount_z": 5, "seconds_since_device_new": 2 * DAY},
        [{"counterparty_age_hours": 1}, {"purchase_amount_z": 4.9}, {"seconds_since_device_new": 3 * DAY}],
    ),
    Case(
        "night-against-habit",
        "PurchaseMade",
        {
            "local_hour": 3,
            "activity_hour_habit": 0.0,
            "night_activity_share": 0.0,
            "purchase_amount_over_mean": 2,
            "entries_count_90d": 30,
        },
        [
            {"local_hour": 6},
            {"activity_hour_habit": 0.01},
            {"night_activity_share": 0.02},
            {"purchase_amount_over_mean": 1.9},
            {"entries_count_90d": 29},
            {"night_activity_share": NAN},
        ],
    ),
    Case(
        "dormant-then-busy",
        "PurchaseMade",
        {"days_since_first_seen": 60, "entries_count_24h": 5, "entries_count_30d": 5},
        [{"days_since_first_seen": 59}, {"entries_count_24h": 4}, {"entries_count_30d": 6}],
    ),
    Case(
        "large-purchase-after-confirmed-fraud",
        "PurchaseMade",
        {"fraud_confirmed_count_90d": 1, "purchase_amount_over_mean": 3},
        [{"fraud_confirmed_count_90d": 0}, {"purchase_amount_over_mean": 2.9}],
    ),
    Case(
        "counterparty-with-frauds",
        "PurchaseMade",
        {"counterparty_frauds_7d": 4, "counterparty_frauds_30d": 10},
        [
            {"counterparty_frauds_7d": 2, "counterparty_frauds_30d": 2},
            {"counterparty_frauds_30d": 11},  # a large merchant that has had its share all along
            {"counterparty_frauds_7d": NAN},
        ],
    ),
    Case(
        "device-of-a-fraud",
        "LoginSucceeded",
        {"device_frauds_30d": 1},
        [{"device_frauds_30d": 0}, {"device_frauds_30d": NAN}],
    ),
    Case("model-score-high", "PurchaseMade", {"score": 0.9}, [{"score": 0.89}, {"score": NAN}]),
    Case("model-score-elevated", "PurchaseMade", {"score": 0.5}, [{"score": 0.49}, {"score": NAN}]),
    Case(
        "device-change-then-application",
        "LoanApplied",
        {"seconds_since_device_new": 0, "days_since_first_seen": 90, "login_failed_count_24h": 3},
        [{"login_failed_count_24h": 2}],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_the_rule_fires(case: Case) -> None:
    assert case.rule in fired(case.kind, case.known)


@pytest.mark.parametrize(
    ("case", "change"),
    [pytest.param(case, change, id=f"{case.rule}-{change}") for case in CASES for change in case.near_misses],
)
def test_the_rule_does_not_fire_at_a_near_miss(case: Case, change: Known) -> None:
    assert case.rule not in fired(case.kind, case.known | change)

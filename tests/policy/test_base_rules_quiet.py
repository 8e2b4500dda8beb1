"""The base policy as a whole: every rule is tested, and an ordinary day raises nothing."""

from __future__ import annotations

import pytest
import test_base_rules_credit
import test_base_rules_fraud
import test_base_rules_links
import test_base_rules_warning
from base_rules import RULES, Known, fired

from riskwatch.policy.columns import KINDS

CASES = [
    *test_base_rules_fraud.CASES,
    *test_base_rules_links.CASES,
    *test_base_rules_credit.CASES,
    *test_base_rules_warning.CASES,
]


def test_every_rule_has_a_case() -> None:
    assert {compiled.rule.name for compiled in RULES.rules} == {case.rule for case in CASES}


def test_there_are_at_least_25_live_rules_and_one_in_shadow() -> None:
    shadow = sum(compiled.rule.shadow for compiled in RULES.rules)
    assert len(RULES.rules) - shadow >= 25
    assert shadow >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_rule_fires_where_nothing_is_known(kind: str) -> None:
    assert fired(kind, {}) == set()


HEALTHY: Known = {
    "login_failed_count_10m": 1, "login_failed_count_1h": 1, "login_failed_count_24h": 1,
    "login_failed_share_24h": 0.5, "login_speed_kmh": 30, "login_distance_km": 12, "device_distinct_24h": 1,
    "device_age_hours": 2_000, "ip_distinct_1h": 1, "ip_age_hours": 300, "rooted_count_30d": 0, "proxy_count_30d": 0,
    "purchase_count_10m": 1, "purchase_count_1h": 1, "purchase_count_24h": 2, "purchase_count_30d": 25,
    "purchase_count_90d": 70, "purchase_amount_sum_1h": 40_00, "purchase_amount_sum_7d": 300_00,
    "purchase_amount_mean": 45_00, "purchase_amount_z": 0.4, "purchase_amount_over_mean": 1.1,
    "purchase_amount_24h_over_daily_30d": 1.8, "purchase_same_amount_count_1h": 1, "counterparty_distinct_1h": 1,
    "counterparty_age_hours": 400, "purchase_speed_kmh": 20, "purchase_distance_km": 6,
    "repayment_count_90d": 3, "repayment_late_count_90d": 1, "repayment_partial_count_90d": 0,
    "repayment_reversed_count_30d": 0, "income_last": 900_000, "applied_amount_sum_30d": 1_350_000,
    "login_count_24h": 2, "device_changed_count_30d": 1, "sim_changed_count_30d": 0,
    "seconds_since_last_activity": 40_000, "days_late": -1, "days_late_z": -0.3, "days_late_trend": 0.2,
    "paid_share": 1.0,
    "paid_share_z": 0.0, "instalment_overdue_count_30d": 0, "instalment_overdue_count_90d": 0, "days_late_max_90d": 1,
    "promise_broken_count_90d": 0, "application_count_24h": 1, "application_distinct_30d": 1, "bureau_score_last": 640,
    "bureau_score_over_previous": 1.01, "income_over_previous": 1.05, "applied_amount_over_income": 1.5,
    "loan_opened_count_90d": 1, "fraud_confirmed_count_90d": 0, "contact_unreached_count_30d": 0,
    "contact_bad_number_count_30d": 0, "entries_count_24h": 5, "entries_count_30d": 90, "entries_count_90d": 260,
    "days_since_first_seen": 400, "activity_hour_habit": 0.2, "night_activity_share": 0.03, "local_hour": 19,
    "bureau_open_loans_change": 0,
    "bureau_open_loans_last": 2, "bureau_inquiries_last": 1, "bureau_outstanding_last": 900_000,
    "bureau_outstanding_over_previous": 1.1, "seconds_since_last_application": 4_000_000,
    "login_night_count_7d": 0, "login_night_count_90d": 2, "days_since_first_login": 400, "score_change_90d": -10,
    "seconds_since_contact_detail_change": 9_000_000, "contact_detail_change_count_30d": 0,
    "seconds_since_device_new": 9_000_000, "merchant_customers": 80, "merchant_late_30d": 3, "merchant_late_90d": 6,
    "merchant_late_share": 0.075, "merchant_late_z": 0.5, "merchant_others_late_share": 0.06,
    "merchant_others_customers": 2_000,
    "session_seconds": 140, "paste_share": 0.1, "score": 0.02, "amount": 48_00,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_rule_fires_on_an_ordinary_day_of_a_healthy_customer(kind: str) -> None:
    assert fired(kind, HEALTHY) == set()

"""Base policy on early signs that come without a missed date: what makes each rule fire, and near misses."""

from __future__ import annotations

import pytest
from base_rules import DAY, NAN, Case, Known, fired

CASES = [
    Case(
        "debit-failed",
        "RepaymentReversed",
        {"repayment_reversed_count_30d": 1, "repayment_count_90d": 1},
        [{"repayment_count_90d": 0}, {"repayment_reversed_count_30d": NAN}],
    ),
    Case(
        "debit-failed",
        "RepaymentReversed",
        {"repayment_reversed_count_30d": 2, "repayment_count_90d": 0},
        [{"repayment_reversed_count_30d": 1}],
    ),
    Case(
        "broken-promise",
        "PromiseBroken",
        {"promise_broken_count_90d": 2, "instalment_overdue_count_90d": 0},
        [{"promise_broken_count_90d": 1}],
    ),
    Case(
        "applications-growing",
        "LoanApplied",
        {"application_distinct_30d": 4, "loan_opened_count_90d": 1, "repayment_count_90d": 0},
        [{"application_distinct_30d": 3}, {"loan_opened_count_90d": 0}],
    ),
    Case(
        "applications-growing",
        "LoanApplied",
        {"application_distinct_30d": 4, "loan_opened_count_90d": 0, "repayment_count_90d": 1},
        [{"repayment_count_90d": 0}],
    ),
    Case(
        "exposure-growing",
        "LoanApplied",
        {
            "application_distinct_30d": 2,
            "applied_amount_sum_30d": 12_000_000,
            "income_last": 1_000_000,
            "loan_opened_count_90d": 1,
            "repayment_count_90d": 0,
        },
        [
            {"application_distinct_30d": 1},
            {"applied_amount_sum_30d": 11_999_999},
            {"income_last": 1_000_001},
            {"income_last": NAN},
            {"loan_opened_count_90d": 0},
        ],
    ),
    Case(
        "number-gone-bad",
        "ContactMade",
        {"outcome": "wrong-number", "instalment_overdue_count_30d": 0},
        [{"outcome": "no-answer"}, {"instalment_overdue_count_30d": 1}],
    ),
    Case(
        "number-gone-bad",
        "ContactMade",
        {"outcome": "invalid-number", "instalment_overdue_count_30d": 0},
        [{"outcome": "reached-customer"}],
    ),
    Case(
        "gone-silent",
        "InstalmentOverdue",
        {
            "days_since_first_seen": 90,
            "entries_count_30d": 0,
            "entries_count_90d": 12,
            "seconds_since_last_activity": 31 * DAY,
        },
        [{"days_since_first_seen": 89}, {"entries_count_30d": 1}, {"entries_count_90d": 11}],
    ),
    Case(
        "gone-silent",
        "InstalmentDue",
        {"days_since_first_seen": 400, "entries_count_30d": 0, "entries_count_90d": 60},
        [{"entries_count_30d": 1}],
    ),
    Case(
        "sudden-night-logins",
        "LoginSucceeded",
        {
            "local_hour": 5,
            "login_night_count_7d": 4,
            "login_night_count_90d": 5,
            "days_since_first_login": 30,
            "entries_count_90d": 30,
            "loan_opened_count_90d": 0,
            "repayment_count_90d": 1,
        },
        [
            {"local_hour": 6},
            {"login_night_count_7d": 3, "login_night_count_90d": 3},
            {"login_night_count_90d": 6},
            {"days_since_first_login": 29},
            {"entries_count_90d": 29},
            {"repayment_count_90d": 0},
        ],
    ),
    Case(
        "score-falling",
        "RepaymentReceived",
        {"score_change_90d": -45},
        [{"score_change_90d": -44}, {"score_change_90d": 0}, {"score_change_90d": 45}, {"score_change_90d": NAN}],
    ),
    Case("score-falling", "AccountLooked", {"score_change_90d": -120}, [{"score_change_90d": -10}]),
    Case(
        "contact-details-changed-before-due",
        "InstalmentDue",
        {"seconds_since_contact_detail_change": 13 * DAY, "contact_detail_change_count_30d": 2, "days_late": 0},
        [
            {"seconds_since_contact_detail_change": 14 * DAY},
            {"contact_detail_change_count_30d": 1},
            {"seconds_since_contact_detail_change": NAN},
        ],
    ),
    Case(
        "contact-details-changed-before-due",
        "InstalmentOverdue",
        {"seconds_since_contact_detail_change": DAY, "contact_detail_change_count_30d": 3, "days_late": 3},
        [{"days_late": 7}],
    ),
    Case(
        "contact-details-with-new-device",
        "ContactDetailsChanged",
        {"seconds_since_device_new": DAY - 1, "days_since_first_seen": 30},
        [{"seconds_since_device_new": DAY}, {"days_since_first_seen": 29}, {"seconds_since_device_new": NAN}],
    ),
    Case(
        "merchant-trouble",
        "MerchantAnswered",
        {
            "merchant_late_90d": 5,
            "merchant_late_share": 0.15,
            "merchant_late_z": 4,
            "merchant_others_late_share": 0.07,
            "merchant_others_customers": 400,
        },
        [
            {"merchant_late_90d": 4},
            {"merchant_late_share": 0.14},
            {"merchant_others_late_share": 0.08},
            {"merchant_late_share": NAN},
            {"merchant_late_z": 3.9},
        ],
    ),
    Case(
        "merchant-trouble",
        "MerchantAnswered",
        {"merchant_late_90d": 40, "merchant_late_share": 0.2, "merchant_late_z": 9, "merchant_others_late_share": NAN},
        [{"merchant_late_share": 0.1}, {"merchant_late_z": NAN}],
    ),
    Case(
        "devices-changing",
        "DeviceChanged",
        {
            "device_changed_count_30d": 3,
            "sim_changed_count_30d": 0,
            "loan_opened_count_90d": 1,
            "repayment_count_90d": 0,
        },
        [{"device_changed_count_30d": 2}, {"loan_opened_count_90d": 0}],
    ),
    Case(
        "devices-changing",
        "DeviceChanged",
        {
            "device_changed_count_30d": 2,
            "sim_changed_count_30d": 2,
            "loan_opened_count_90d": 0,
            "repayment_count_90d": 1,
        },
        [{"sim_changed_count_30d": 1}, {"repayment_count_90d": 0}],
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

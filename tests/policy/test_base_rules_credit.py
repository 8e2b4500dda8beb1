"""Base policy on applications, repayments and contacts: what makes each rule fire, and near misses that must not."""

from __future__ import annotations

import pytest
from base_rules import DAY, NAN, Case, Known, fired

CASES = [
    Case(
        "application-velocity",
        "LoanApplied",
        {"application_count_24h": 3, "application_distinct_30d": 3},
        [{"application_count_24h": 2}, {"application_distinct_30d": 2}],
    ),
    Case(
        "paste-heavy-application",
        "LoanApplied",
        {"paste_share": 0.9, "session_seconds": 60},
        [{"paste_share": 0.7}, {"session_seconds": 90}, {"paste_share": NAN}],
    ),
    Case(
        "income-jump",
        "LoanApplied",
        {"income_over_previous": 2, "seconds_since_last_application": 30 * DAY},
        [{"income_over_previous": 1.9}, {"seconds_since_last_application": 180 * DAY}],
    ),
    Case(
        "thin-file-large-amount",
        "LoanApplied",
        {"bureau_score_last": NAN, "days_since_first_seen": 0, "applied_amount_over_income": 3},
        [{"bureau_score_last": 600}, {"days_since_first_seen": 7}, {"applied_amount_over_income": 2.9}],
    ),
    Case(
        "bureau-score-drop", "LoanApplied", {"bureau_score_over_previous": 0.8}, [{"bureau_score_over_previous": 0.81}]
    ),
    Case(
        "borrowing-while-overdue",
        "LoanApplied",
        {"instalment_overdue_count_30d": 2, "days_late_max_90d": 3},
        [{"instalment_overdue_count_30d": 1}, {"days_late_max_90d": 2}],
    ),
    Case("loan-stacking", "LoanOpened", {"loan_opened_count_90d": 4}, [{"loan_opened_count_90d": 3}]),
    Case(
        "payment-reversed-after-purchase",
        "RepaymentReversed",
        {
            "seconds_since_last_purchase": DAY,
            "seconds_since_last_repayment": 2 * DAY,
            "purchase_amount_sum_7d": 200_00,
            "purchase_amount_sum_30d": 400_00,
            "amount": 200_00,
        },
        [
            {"seconds_since_last_purchase": 7 * DAY, "seconds_since_last_repayment": 8 * DAY},
            {"seconds_since_last_repayment": DAY},  # the purchase was not after the repayment
            {"purchase_amount_sum_7d": 199_99, "purchase_amount_sum_30d": 200_00},
            {"purchase_amount_sum_30d": 400_01},  # the week is like the others of the month
            {"seconds_since_last_purchase": NAN},
        ],
    ),
    Case("instalment-overdue", "InstalmentOverdue", {"days_late": 3}, [{"days_late": 1}]),
    Case(
        "late-again",
        "InstalmentOverdue",
        {"days_late": 3, "days_late_max_90d": 30},
        [{"days_late": 1}, {"days_late": 30}, {"days_late_max_90d": 29}, {"days_late_max_90d": NAN}],
    ),
    *(
        Case("likely-to-fall-behind", kind, {"arrears_score": 0.3}, [{"arrears_score": 0.29}, {"arrears_score": NAN}])
        for kind in ("InstalmentOverdue", "RepaymentReceived", "RepaymentReversed", "PromiseBroken")
    ),
    Case("roll-forward", "LoanRolled", {"days_late": 30}, [{"days_late": 29}, {"days_late": NAN}]),
    Case(
        "multi-lending-growing",
        "LoanApplied",
        {
            "bureau_open_loans_change": 2,
            "bureau_open_loans_last": 4,
            "seconds_since_last_application": 179 * DAY,
        },
        [
            {"bureau_open_loans_change": 1},
            {"bureau_open_loans_change": NAN},
            {"bureau_open_loans_last": 3},
            {"seconds_since_last_application": 180 * DAY},
        ],
    ),
    Case(
        "debt-elsewhere-growing",
        "LoanApplied",
        {
            "bureau_outstanding_over_previous": 1.5,
            "bureau_outstanding_last": 12_000_000,
            "income_last": 1_000_000,
            "seconds_since_last_application": 30 * DAY,
        },
        [
            {"bureau_outstanding_over_previous": 1.49},
            {"bureau_outstanding_last": 11_999_999},
            {"income_last": NAN},
            {"seconds_since_last_application": 181 * DAY},
        ],
    ),
    Case(
        "lenders-asked-often",
        "LoanApplied",
        {"bureau_inquiries_last": 8, "loan_opened_count_90d": 0, "repayment_count_90d": 1},
        [{"bureau_inquiries_last": 7}, {"repayment_count_90d": 0}],
    ),
    Case(
        "first-instalment-unpaid",
        "InstalmentOverdue",
        {"first_instalment": True, "days_late": 7},
        [{"first_instalment": False}, {"days_late": 3}],
    ),
    Case(
        "first-payment-default",
        "InstalmentOverdue",
        {"first_instalment": True, "days_late": 30, "repayment_count_90d": 0},
        [{"first_instalment": False}, {"days_late": 15}, {"repayment_count_90d": 1}],
    ),
    Case(
        "later-than-usual",
        "RepaymentReceived",
        {"days_late": 3, "days_late_z": 3},
        [{"days_late": 2}, {"days_late_z": 2.9}, {"days_late_z": NAN}],
    ),
    Case(
        "payments-drifting-later",
        "RepaymentReceived",
        {"days_late_trend": 3, "repayment_late_count_90d": 2, "days_late": 3},
        [{"days_late_trend": 2.9}, {"repayment_late_count_90d": 1}, {"days_late": 2}],
    ),
    Case(
        "partial-payments",
        "RepaymentReceived",
        {"paid_share": 0.5, "days_late": 0, "repayment_partial_count_90d": 2},
        [{"paid_share": 0.9}, {"days_late": -1}, {"repayment_partial_count_90d": 1}],
    ),
    Case(
        "smaller-than-usual",
        "RepaymentReceived",
        {"paid_share": 0.5, "days_late": 0, "paid_share_z": -3},
        [{"paid_share": 0.8}, {"days_late": -1}, {"paid_share_z": -2.9}],
    ),
    Case(
        "broken-promise",
        "PromiseBroken",
        {"promise_broken_count_90d": 1, "instalment_overdue_count_90d": 1},
        [{"promise_broken_count_90d": 0}, {"instalment_overdue_count_90d": 0}],
    ),
    Case(
        "unreachable-while-overdue",
        "ContactMade",
        {"instalment_overdue_count_30d": 1, "contact_unreached_count_30d": 4, "contact_bad_number_count_30d": 0},
        [{"instalment_overdue_count_30d": 0}, {"contact_unreached_count_30d": 3}],
    ),
    Case(
        "hardship-reported",
        "ContactMade",
        {"outcome": "hardship", "instalment_overdue_count_30d": 0},
        [{"outcome": "promised"}, {"outcome": "refused"}],
    ),
    Case(
        "unreachable-while-overdue",
        "ContactMade",
        {"instalment_overdue_count_30d": 1, "contact_unreached_count_30d": 2, "contact_bad_number_count_30d": 2},
        [{"contact_bad_number_count_30d": 1}],
    ),
    Case(
        "hardship-reported",
        "ContactMade",
        {"outcome": "refused", "instalment_overdue_count_30d": 1},
        [{"instalment_overdue_count_30d": 0}],
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

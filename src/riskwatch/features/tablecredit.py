"""Features of repayments and applications."""

from __future__ import annotations

from riskwatch.features.feature import Aggregate, Feature, Where, over_windows
from riskwatch.features.tableparts import (
    APPLICATION,
    COUNT,
    DISTINCT,
    LATE_PAYMENT,
    MAX,
    MEAN,
    OVERDUE,
    PARTIAL,
    REPAYMENT,
    REVERSED,
    SINCE,
    SUM,
    USUAL,
    ratio,
    single,
)
from riskwatch.streams.entry import Flag, Kind

# fmt: off (an entry is a line or two, so that the table is read from top to bottom)
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
    single(
        "bureau_open_loans_last",
        Aggregate.LAST,
        APPLICATION,
        "open loans anywhere that the credit bureau reported last",
        value="bureau_open_loans",
    ),
    single(
        "bureau_open_loans_change",
        Aggregate.CHANGE,
        APPLICATION,
        "open loans anywhere against the report before",
        value="bureau_open_loans",
    ),
    single(
        "bureau_inquiries_last",
        Aggregate.LAST,
        APPLICATION,
        "inquiries of 90 days that the credit bureau reported last",
        value="bureau_inquiries",
    ),
    single(
        "bureau_outstanding_last",
        Aggregate.LAST,
        APPLICATION,
        "amount owed anywhere that the credit bureau reported last",
        value="bureau_outstanding",
    ),
    single(
        "bureau_outstanding_over_previous",
        Aggregate.OVER_LAST,
        APPLICATION,
        "amount owed anywhere over the one reported before",
        value="bureau_outstanding",
    ),
    ratio(
        "applied_amount_over_income", "amount", "income_last", "amount applied for in monthly incomes", at=APPLICATION
    ),
    *over_windows("loan_opened_count", "90d", COUNT, (Kind.LOAN_OPENED,), "loans opened"),
)
# fmt: on

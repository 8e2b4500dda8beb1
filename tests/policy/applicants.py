"""Applicants for the tests of lending: a good one, of whom a test changes what it is about."""

from __future__ import annotations

from riskwatch.scoring.scorecard import Value

GOOD: dict[str, Value] = {
    "application.product": "cash-instalments",
    "application.amount": 1_000_000.0,
    "application.term_months": 12.0,
    "application.channel": "app",
    "application.merchant_id_known": True,
    "declared.monthly_income": 1_800_000.0,
    "declared.employment": "employed",
    "declared.employed_months": 72.0,
    "declared.monthly_debt_service": 100_000.0,
    "declared.age_years": 38.0,
    "bureau.score": 735.0,
    "bureau.open_loans": 1.0,
    "bureau.outstanding": 500_000.0,
    "bureau.max_dpd_12m": 0.0,
    "bureau.inquiries_90d": 1.0,
    "own.open_loans": 0.0,
    "own.outstanding": 0.0,
    "own.max_dpd": 0.0,
    "own.settled_loans": 2.0,
    "own.applications_30d": 1.0,
    "links.answered": True,
    "links.device_customers": 1.0,
    "links.device_fraud_30d": 0.0,
    "links.phone_fraud_30d": 0.0,
    "links.bank_card_fraud_30d": 0.0,
    "links.ring_size": 1.0,
    "library.exact_matches": 0.0,
    "library.best_score": 0.1,
    "behaviour.emulator_count_30d": 0.0,
    "behaviour.seconds_since_sim_change": 9_000_000.0,
}


def applicant(**changes: Value) -> dict[str, Value]:
    """`GOOD` with changes; `bureau__score=500.0` changes `bureau.score`."""
    return {**GOOD, **{name.replace("__", "."): value for name, value in changes.items()}}

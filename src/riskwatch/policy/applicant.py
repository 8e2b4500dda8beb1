"""What an assessment reads, by name: the application's fields, what was declared, the bureau's part, what ingest found
of identifiers, the customer's own record, and behaviour features. Unknown values are None. Money in minor units.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from riskwatch.features.account import Account
from riskwatch.features.delinquency import last_day, oldest_open, past_due_days
from riskwatch.features.ledger import is_settled, outstanding
from riskwatch.features.pending import OwnRecord
from riskwatch.features.timers import day_of
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.events import Bureau, Checks, Declared, LoanApplied

_NOTHING_DECLARED = Declared()
_NO_BUREAU = Bureau()
_UNCHECKED = Checks()


def own_record(account: Account, at_ms: int, zone: tzinfo) -> OwnRecord:
    """The record of an account as it stands, at event time `at_ms`."""
    today = day_of(at_ms, zone)
    open_loans = settled = owed = dpd = 0
    for loan in account.loans.values():
        if not loan.lines or loan.sold_day:
            continue  # payments of a loan that is not known yet; somebody else's loan
        if is_settled(loan):
            settled += 1
            continue
        open_loans += 1
        owed += outstanding(loan)
        dpd = max(dpd, past_due_days(oldest_open(loan), last_day(loan, today)))
    return OwnRecord(open_loans=open_loans, settled_loans=settled, outstanding=owed, max_dpd=dpd)


def inputs_of(event: LoanApplied, own: OwnRecord, features: Mapping[str, float], zone: tzinfo) -> dict[str, Value]:
    """The inputs of an application. `features`: the feature table's row at its entry, NaN where unknown."""
    declared = _NOTHING_DECLARED if event.declared is None else event.declared
    bureau = _NO_BUREAU if event.bureau is None else event.bureau
    checks = _UNCHECKED if event.checks is None else event.checks
    inputs: dict[str, Value] = {
        "application.product": event.product,
        "application.amount": float(event.amount),
        "application.term_months": float(event.term_months),
        "application.channel": event.channel,
        "application.merchant_id_known": event.merchant_id is not None,
        "declared.monthly_income": _number(declared.monthly_income),
        "declared.employment": declared.employment,
        "declared.employed_months": _number(declared.employed_months),
        "declared.monthly_debt_service": _number(declared.monthly_debt_service),
        "declared.dependants": _number(declared.dependants),
        "declared.region": declared.region,
        "declared.age_years": _age(event, declared, zone),
        "bureau.score": _number(bureau.score),
        "bureau.open_loans": _number(bureau.open_loans),
        "bureau.outstanding": _number(bureau.outstanding),
        "bureau.max_dpd_12m": _number(bureau.max_dpd_12m),
        "bureau.inquiries_90d": _number(bureau.inquiries_90d),
        "bureau.oldest_loan_months": _number(bureau.oldest_loan_months),
        "identity.phone_valid": checks.phone_valid,
        "identity.id_number_valid": checks.id_number_valid,
        "identity.bank_card_valid": checks.bank_card_valid,
        "identity.email_valid": checks.email_valid,
        "identity.birth_date_agrees": checks.birth_date_agrees,
        "own.open_loans": float(own.open_loans),
        "own.settled_loans": float(own.settled_loans),
        "own.outstanding": float(own.outstanding),
        "own.max_dpd": float(own.max_dpd),
        "own.applications_30d": _number(features.get("application_count_30d")),
    }
    inputs.update({f"behaviour.{name}": _number(value) for name, value in features.items()})
    return inputs


def _number(value: float | int | None) -> float | None:
    return None if value is None or value != value else float(value)


def _age(event: LoanApplied, declared: Declared, zone: tzinfo) -> float | None:
    """Whole years on the day of the application in the institution's zone; None for a birth date that is later."""
    born = declared.birth_date
    if born is None:
        return None
    today = event.occurred_at.astimezone(zone).date()
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return float(years) if years >= 0 else None

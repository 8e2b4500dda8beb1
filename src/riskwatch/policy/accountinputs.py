"""The inputs of a look at a line of credit, from how the customer's loans stand and what is known of fraud."""

from __future__ import annotations

from collections.abc import Iterable

from riskwatch.features.creditlines import Credit, open_suspicions
from riskwatch.features.pending import OwnRecord
from riskwatch.features.standing import Standing
from riskwatch.policy.accountpolicy import AccountPolicy
from riskwatch.policy.accountvocabulary import ACCOUNT
from riskwatch.policy.lendingcondition import LendingCondition, check_lending_condition
from riskwatch.scoring.scorecard import Value

BEHAVIOUR = "behaviour."
ARREARS = ("own.max_dpd", "history.max_dpd_6m", "history.max_dpd_12m", "history.months_since_overdue")
"""Inputs that are unknown while an institution's repayments do not arrive."""


def in_use(standings: Iterable[Standing], product: str, currency: str) -> int:
    """What the customer owes this institution on a line, minor units: all that its loans owe, sold ones apart."""
    return sum(
        each.exposure
        for each in standings
        if (each.product, each.currency) == (product, currency) and each.status != "sold"
    )


def own_of(standings: Iterable[Standing]) -> OwnRecord:
    """The customer's record with the institution. Loans of which no instalment is known, and those that are sold, are
    no part of it."""
    known = [each for each in standings if each.status not in ("unknown", "sold")]
    running = [each for each in known if each.status != "settled"]
    return OwnRecord(
        open_loans=len(running),
        settled_loans=len(known) - len(running),
        outstanding=sum(each.exposure for each in running),
        max_dpd=max((each.past_due_days for each in running), default=0),
    )


def history_of(standings: Iterable[Standing]) -> dict[str, Value]:
    """`history.*`, unknown where no loan is known."""
    known = [each for each in standings if each.status != "unknown"]
    since = [each.months_since_overdue for each in known if each.months_since_overdue is not None]
    return {
        "history.max_dpd_6m": float(max(each.max_dpd_6m for each in known)) if known else None,
        "history.max_dpd_12m": float(max(each.max_dpd_12m for each in known)) if known else None,
        "history.months_since_overdue": float(min(since)) if since else None,
    }


def fraud_of(credit: Credit, now_ms: int) -> dict[str, Value]:
    """`fraud.*` at `now_ms`."""
    suspicions = open_suspicions(credit, now_ms)
    return {
        "fraud.open_alerts": float(len(suspicions)),
        "fraud.open_severe_alerts": float(sum(each.severe for each in suspicions)),
        "fraud.open_cases": float(len(credit.cases)),
    }


def features_read(account: AccountPolicy) -> tuple[str, ...]:
    """The behaviour features that the section's scorecard, freeze rules and required inputs read."""
    names = [*account.required, *(each.reads for each in account.scorecard.characteristics)]
    for rule in account.freeze:
        condition = check_lending_condition(rule.when, (), ACCOUNT)
        names += condition.names if isinstance(condition, LendingCondition) else ()
    return tuple(dict.fromkeys(name.removeprefix(BEHAVIOUR) for name in names if name.startswith(BEHAVIOUR)))

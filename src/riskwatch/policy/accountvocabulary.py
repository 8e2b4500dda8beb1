"""The inputs of a behaviour score by name: what the section `[account]` of a lending policy may read.

Money is in minor units; an unknown value is None. Who looks at an account gives everything but `account.*`, which the
line's own state says. `own.*` is the customer with all loans of the institution, `account.*` the line looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

from riskwatch.features.credit import CreditState
from riskwatch.features.pending import OwnRecord
from riskwatch.features.table import FEATURES
from riskwatch.policy.lendingvocabulary import Input, Inputs, number
from riskwatch.scoring.scorecard import Value

DAY_MS = 86_400_000
DAYS_A_MONTH = 30.4375

IN_USE = "account.in_use"

INPUTS: tuple[Input, ...] = (
    number(IN_USE, "what is owed on the line, minor units"),
    number("account.limit", "the limit in force, minor units"),
    number("account.rate_bp", "the annual rate in force, basis points"),
    number("account.utilisation", "what is owed on the line over the limit in force"),
    number("account.months_on_book", "months since the line's first loan"),
    number("own.open_loans", "open loans with this institution"),
    number("own.outstanding", "open debt with this institution, minor units"),
    number("own.max_dpd", "days past due now with this institution, 0 where nothing is late"),
    number("own.settled_loans", "loans repaid with this institution"),
    number("history.max_dpd_6m", "most days past due with this institution in 6 months"),
    number("history.max_dpd_12m", "most days past due with this institution in 12 months"),
    number("history.months_since_overdue", "months since anything was past due with this institution"),
    number("fraud.open_alerts", "open fraud alerts about the customer"),
    number("fraud.open_severe_alerts", "open fraud alerts about the customer that are high or critical"),
    number("fraud.open_cases", "frauds of the customer that are confirmed and not cleared"),
    *(number(f"behaviour.{feature.name}", feature.description) for feature in FEATURES),
)
"""Every input in the order in which a reader looks for it. `behaviour.*`: the features at the entry looked at."""

ACCOUNT = Inputs(INPUTS, "docs/limits-and-rates.md")
"""What a line of credit is looked at by."""


def account_inputs(
    own: OwnRecord, in_use: int, features: Mapping[str, float], more: Mapping[str, Value]
) -> dict[str, Value]:
    """The inputs of a look at a line. `own`: the customer's record; `in_use`: owed on the line; `features`: the feature
    table's row at the entry, NaN where unknown; `more`: of `history.*` and `fraud.*`, what is known."""
    return {
        IN_USE: float(in_use),
        "own.open_loans": float(own.open_loans),
        "own.outstanding": float(own.outstanding),
        "own.max_dpd": float(own.max_dpd),
        "own.settled_loans": float(own.settled_loans),
        **{f"behaviour.{name}": value for name, value in features.items()},
        **more,
    }


def facts_at(inputs: Mapping[str, Value], state: CreditState, now_ms: int) -> dict[str, Value]:
    """The inputs brought to their types, with what the line's state says: whatever comes in, no other value of
    `account.limit`, `account.rate_bp`, `account.utilisation` and `account.months_on_book`."""
    facts = ACCOUNT.typed(inputs)
    in_use = facts.get(IN_USE)
    known = isinstance(in_use, float) and state.limit > 0
    facts["account.limit"] = float(state.limit)
    facts["account.rate_bp"] = None if state.rate_bp is None else float(state.rate_bp)
    facts["account.utilisation"] = float(in_use) / state.limit if known and isinstance(in_use, float) else None
    facts["account.months_on_book"] = (
        None if state.opened_ms is None else max(0, now_ms - state.opened_ms) / DAY_MS / DAYS_A_MONTH
    )
    return facts

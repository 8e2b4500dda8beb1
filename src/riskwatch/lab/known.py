"""What is known of the truth about a data set, in the form in which alerts and decisions are judged by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from riskwatch.lab.datasets import Dataset
from riskwatch.lab.decided import CustomerId
from riskwatch.lab.instalments import Instalments
from riskwatch.lab.panel import Panel
from riskwatch.lab.plot import Truth
from riskwatch.lab.signups import Signups
from riskwatch.lab.transactions import Transactions
from riskwatch.lab.verdicts import Match, match_customers, match_frauds, match_truths

UNKNOWN = "The truth about these records is not known: alerts are only counted."
BY_EVENT = (
    "Right: raised by a fraudulent transaction, or for its customer on the day (UTC) of one. Recall: of all frauds."
)
BY_CUSTOMER = (
    "Right: about a fraudulent customer, alert or decision, at whatever time. Recall: of all fraudulent customers."
)
BY_WINDOW = {
    "panel": "Right: an early warning from three months before an account reaches 60 days past due, to its end. "
    "Recall: of all times that accounts did.",
    "instalments": "Right: an early warning for a customer who later defaulted on the current loan. "
    "Recall: of all who did.",
}


class Known(Struct, frozen=True, kw_only=True):
    """`match`: which alerts are right; None: nobody knows. `totals`: units of truth by kind of alert. `told`: how right
    is defined, in words. `stories`: truths with their own table. `fraudulent`: customers whose applications should have
    been stopped; None: nobody knows."""

    match: Match | None = None
    totals: Mapping[str, int] = {}
    told: str = UNKNOWN
    stories: Sequence[Truth] = ()
    fraudulent: frozenset[CustomerId] | None = None


def known(dataset: Dataset) -> Known:
    """The truth about a data set whose events were all read."""
    if isinstance(dataset, Transactions):
        return Known(match=match_frauds(dataset.frauds), totals={"fraud": len(dataset.frauds)}, told=BY_EVENT)
    if isinstance(dataset, Signups):
        fraudulent = dataset.customers()
        return Known(
            match=match_customers(fraudulent),
            totals={"fraud": len(fraudulent)},
            told=BY_CUSTOMER,
            fraudulent=fraudulent,
        )
    if isinstance(dataset, Panel | Instalments) and (truths := dataset.truths()):
        return Known(
            match=match_truths(truths),
            totals={"early-warning": len(truths)},
            told=BY_WINDOW[dataset.name],
            stories=truths,
        )
    return Known()

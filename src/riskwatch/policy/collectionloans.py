"""A loan as collections see it: what is owed of it and when, and the inputs that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from riskwatch.features.paying import Paying
from riskwatch.features.servicing import BUCKETS, bucket_of
from riskwatch.features.standing import Standing
from riskwatch.policy.collectionpolicy import CollectionPolicy
from riskwatch.policy.collectionvocabulary import Facts
from riskwatch.scoring.scorecard import Value

DAY_MS = 86_400_000


class LoanOwed(NamedTuple):
    """A loan that a policy is for: how it stands, how it is being paid, and the day (`date.toordinal`) that it is."""

    stands: Standing
    paying: Paying
    policy: CollectionPolicy
    today: int

    @property
    def stops(self) -> bool:
        """Whether it is collected no more once it is written off."""
        return self.policy.after_write_off == "stop"

    @property
    def is_open(self) -> bool:
        """Whether anything is owed to the institution, and collected."""
        status = self.stands.status
        return status in ("performing", "past-due") or (status == "written-off" and not self.stops)

    @property
    def days_to_due(self) -> int | None:
        """Days until the next instalment that is not paid must be; 0 on its day."""
        return None if self.paying.next_due is None else self.paying.next_due - self.today

    @property
    def is_near(self) -> bool:
        """Whether something is past due, or falls due so soon that the policy looks at it."""
        soon = self.days_to_due is not None and self.days_to_due <= self.policy.remind_days
        return self.is_open and (self.stands.past_due > 0 or soon)

    @property
    def days(self) -> int:
        """Days past due by which its bucket is reckoned: none in its grace and in a payment holiday."""
        stands = self.stands
        if not stands.delinquent_days:
            return 0
        by_due_date = BUCKETS[bucket_of(stands.past_due_days)] == stands.bucket
        return stands.past_due_days if by_due_date else stands.delinquent_days

    @property
    def waits(self) -> bool:
        """Whether a day may bring it among those past due though no event tells it: in its grace, or about its due
        date."""
        return self.is_near and self.days == 0


def inputs_of(
    owed: Mapping[str, LoanOwed], now_ms: int, *, pd_of: Callable[[Standing], float | None],
    days_since_login: float | None, days_since_heard: float | None,
) -> dict[str, Facts]:  # fmt: skip
    """By loan id, what scorecards may read (docs/collections.md), but for what the state of collections gives. `pd_of`:
    the behaviour score's probability of default."""
    shared: dict[str, Value] = {
        "own.open_loans": float(sum(each.is_open for each in owed.values())),
        "customer.days_since_login": days_since_login,
        "customer.days_since_device": days_since_heard,
    }
    return {
        loan_id: {**_of_loan(each, now_ms), "loan.pd": pd_of(each.stands), **shared} for loan_id, each in owed.items()
    }


def _of_loan(owed: LoanOwed, now_ms: int) -> dict[str, Value]:
    """Of a loan that is owed no more, to the institution or at all, the exposure is 0."""
    stands, paying = owed.stands, owed.paying
    months = stands.months_on_book
    days_to_due = owed.days_to_due
    return {
        "loan.dpd": float(owed.days),
        "loan.overdue": float(stands.past_due),
        "loan.exposure": float(stands.exposure) if owed.is_open else 0.0,
        "loan.next_due": float(paying.next_amount),
        "loan.days_to_due": None if days_to_due is None else float(days_to_due),
        "loan.paid_share": stands.paid_share,
        "loan.max_dpd": float(stands.max_dpd),
        "loan.months_on_book": None if months is None else float(int(months)),
        "loan.first_payment_missed": stands.first_payment_missed,
        "own.payments_30d": float(paying.payments_30d),
        "own.days_since_payment": (now_ms - paying.last_paid_ms) / DAY_MS if paying.last_paid_ms else None,
    }

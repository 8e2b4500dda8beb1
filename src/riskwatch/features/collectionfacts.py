"""Facts that bear on collections, as the fold finds them in the journal's entries and in what time has brought."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Fact(Struct, frozen=True, kw_only=True):
    """Something that bears on collections. `event`: hash that names it, the same however often it comes."""

    event: int
    at_ms: int


class Paid(Fact, frozen=True, kw_only=True):
    """A payment on a loan. `share`: of what was past due before it, 0 to 1; `settled`: nothing is owed any more."""

    loan_id: str
    share: float = 0.0
    settled: bool = False


class PaymentUndone(Fact, frozen=True, kw_only=True):
    """A payment was reversed. `settled`: whether nothing is owed all the same."""

    loan_id: str
    settled: bool = False


class LoanLeft(Fact, frozen=True, kw_only=True):
    """The loan is the institution's no more: sold, or written off and given up."""

    loan_id: str


class Promised(Fact, frozen=True, kw_only=True):
    """A promise to pay by the end of a day, the instant `pay_by_ms`. `event` names the promise too."""

    loan_id: str
    pay_by_ms: int


class PromiseEnded(Fact, frozen=True, kw_only=True):
    """A promise was kept or broken. `promise`: the `event` of its `Promised`."""

    loan_id: str
    promise: int
    kept: bool


class Flagged(Fact, frozen=True, kw_only=True):
    """The customer disputes the debt or is in hardship (`open`), or that is over."""

    loan_id: str
    flag: Literal["dispute", "hardship"]
    open: bool = True


class Contacted(Fact, frozen=True, kw_only=True):
    """A contact and what came of it. `loan_id` and `action_id` are empty where none is named."""

    channel: str
    outcome: str
    loan_id: str = ""
    action_id: str = ""


class ConsentSaid(Fact, frozen=True, kw_only=True):
    """The customer consented to a channel or opted out of it; of `channel` "all": asked not to be contacted at all, or
    has a lawyer (`given` false), or takes that back."""

    channel: str
    given: bool

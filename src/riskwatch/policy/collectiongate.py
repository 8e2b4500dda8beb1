"""The last look at a collections action before it leaves: whether the budget of contacts allows it.

`policy/collecting.py` orders nothing that the budget forbids. What is asked here again, of the action itself and the
state that it left behind, holds whatever is wrong there.
"""

from __future__ import annotations

from riskwatch.features.collectionledger import CollectionsState
from riskwatch.policy.collectionrecords import Customer
from riskwatch.policy.collectionstate import consent_of, history_of
from riskwatch.policy.contactbudget import Refused, may_contact
from riskwatch.policy.contactrules import CONTACT_CHANNELS, ContactRules
from riskwatch.streams.collections import CollectionAction
from riskwatch.streams.packing import to_ms

TOO_LONG, NO_RULES = "expires-too-late", "no-rules"


def forbidden(
    action: CollectionAction, rules: ContactRules | None, state: CollectionsState, customer: Customer
) -> str | None:
    """Why an action may not leave: the rule that refuses its contact from its due time on, or `expires-too-late` where
    the rules close before it expires. None where it may. Without rules no contact may."""
    if action.holdout or action.channel not in CONTACT_CHANNELS:
        return None
    if rules is None:
        return NO_RULES
    asked = may_contact(
        rules, history_of(state, without=action.action_id), to_ms(action.due_at), action.channel, customer.zone,
        consent_of(state), loan_id=action.loan_id,
    )  # fmt: skip
    if isinstance(asked, Refused):
        return asked.reason
    return TOO_LONG if asked.until_ms is not None and to_ms(action.expires_at) > asked.until_ms else None


def take_back(action: CollectionAction, state: CollectionsState) -> None:
    """The action was never given: it is not open, and no contact comes of it."""
    state.contacts = [each for each in state.contacts if each.action_id != action.action_id]
    for loan in state.loans.values():
        loan.open = [each for each in loan.open if each.action_id != action.action_id]

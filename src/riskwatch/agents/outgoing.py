"""What of a folded batch goes out, by topic and in order."""

from __future__ import annotations

from riskwatch.agents.casework import Taint
from riskwatch.agents.folded import Folded
from riskwatch.agents.outbox import Item
from riskwatch.features.linkmessages import Tainted
from riskwatch.streams import topics
from riskwatch.streams.accountactions import encode_action
from riskwatch.streams.collections import encode_collection
from riskwatch.streams.decisions import encode_decision
from riskwatch.streams.loanmoves import encode_move
from riskwatch.streams.operational import encode_operational
from riskwatch.streams.outputs import Alert, encode_output
from riskwatch.streams.packing import customer_key
from riskwatch.streams.topics import Topic


def outputs_of(folded: Folded) -> dict[Topic, list[Item]]:
    """What goes out to the customers' partition of each topic, in order."""
    found: dict[Topic, list[Item]] = {}
    for alert in folded.alerts:
        key = customer_key(alert.tenant, alert.customer_id)
        found.setdefault(_topic_of(alert), []).append((key, encode_output(alert), (), None))
    for move in folded.moves:
        key = customer_key(move.tenant, move.customer_id)
        found.setdefault(topics.LOAN_MOVES, []).append((key, encode_move(move), (), None))
    for record in folded.operational:
        key = record.tenant.encode()
        found.setdefault(topics.OPERATIONAL_ALERTS, []).append((key, encode_operational(record), (), None))
    for trail in folded.decisions:  # the trail first: a decision that is out can be explained
        key = customer_key(trail.decision.tenant, trail.decision.customer_id)
        found.setdefault(topics.DECISION_TRAILS, []).append((key, encode_decision(trail), (), None))
    for trail in folded.decisions:
        key = customer_key(trail.decision.tenant, trail.decision.customer_id)
        found.setdefault(topics.DECISIONS, []).append((key, encode_decision(trail.decision), (), None))
    for trail in folded.shadow_decisions:
        key = customer_key(trail.decision.tenant, trail.decision.customer_id)
        found.setdefault(topics.SHADOW_DECISIONS, []).append((key, encode_decision(trail), (), None))
    for topic, actions in (
        (topics.ACCOUNT_ACTIONS, folded.actions),
        (topics.SHADOW_ACCOUNT_ACTIONS, folded.shadow_actions),
    ):
        for action in actions:
            key = customer_key(action.tenant, action.customer_id)
            found.setdefault(topic, []).append((key, encode_action(action), (), None))
    for each in folded.collections:
        key = customer_key(each.tenant, each.customer_id)
        found.setdefault(topics.COLLECTION_ACTIONS, []).append((key, encode_collection(each), (), None))
    return found


def tainted(taint: Taint) -> Tainted:
    """What the profile of an identifier is told about a case."""
    return Tainted(
        tenant=taint.tenant,
        kind=taint.identity.kind,
        identifier=taint.identity.value,
        case_id=taint.case_id,
        customer_key=taint.customer,
        at_ms=taint.at_ms,
        cleared=taint.cleared,
    )


def _topic_of(alert: Alert) -> Topic:
    if alert.shadow:
        return topics.SHADOW_ALERTS
    return topics.FRAUD_ALERTS if alert.kind == "fraud" else topics.EARLY_WARNINGS

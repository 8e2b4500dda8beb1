"""Every topic of riskwatch, as one table: who writes it, how it is keyed, how long it is kept, what it carries."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from riskwatch.streams.events import (
    ChargeMade,
    ChargeWaived,
    ConcernRaised,
    ConcernResolved,
    ConsentChanged,
    ContactDetailsChanged,
    ContactMade,
    DeviceChanged,
    DeviceSeen,
    Event,
    FraudCleared,
    FraudConfirmed,
    InstalmentDue,
    LoanApplied,
    LoanOpened,
    LoanRescheduled,
    LoanSold,
    LoanWrittenOff,
    LoginFailed,
    LoginSucceeded,
    PaymentHolidayGranted,
    PromiseMade,
    PurchaseMade,
    RepaymentReceived,
    RepaymentReversed,
    SettlementAgreed,
)
from riskwatch.streams.topic import DEFAULT_PREFIX, VERSION, Role, Topic, full_name

__all__ = [
    "DEFAULT_PREFIX",
    "INPUTS",
    "SOURCE_TOPIC",
    "TOPICS",
    "TOPIC_OF",
    "VERSION",
    "Role",
    "Topic",
    "full_name",
    "topic_settings",
]

APPLICATIONS = Topic(
    name="applications",
    role="input",
    event_types=(LoanApplied,),
    description="Applications for loans.",
)
LOGINS = Topic(
    name="logins",
    role="input",
    event_types=(LoginSucceeded, LoginFailed),
    description="Logins, succeeded and failed.",
)
DEVICES = Topic(
    name="devices",
    role="input",
    event_types=(DeviceSeen, DeviceChanged),
    description="What the app reports of the device that it runs on.",
)
TRANSACTIONS = Topic(
    name="transactions",
    role="input",
    event_types=(PurchaseMade,),
    description="Payments at merchants and terminals.",
)
REPAYMENTS = Topic(
    name="repayments",
    role="input",
    event_types=(
        LoanOpened,
        InstalmentDue,
        RepaymentReceived,
        RepaymentReversed,
        PromiseMade,
        ChargeMade,
        ChargeWaived,
        LoanRescheduled,
        PaymentHolidayGranted,
        SettlementAgreed,
        LoanWrittenOff,
        LoanSold,
    ),
    description="Loans with their schedules, due dates, charges, repayments, reversals, promises to pay, their ends.",
)
CONTACTS = Topic(
    name="contacts",
    role="input",
    event_types=(ContactMade, ConsentChanged, ConcernRaised, ConcernResolved, ContactDetailsChanged),
    description="Collections contacts and their outcomes; consents, disputes, hardships, new contact details.",
)
FRAUD_CASES = Topic(
    name="fraud-cases",
    role="input",
    event_types=(FraudConfirmed, FraudCleared),
    description="Verdicts of fraud investigations.",
)
JOURNAL = Topic(
    name="journal",
    role="internal",
    description="One ordered log of everything that can change a customer's risk; see `riskwatch.streams.entry`. "
    "Broadcast entries have no key and one copy in every partition.",
)
LISTS = Topic(
    name="lists",
    role="control",
    key="institution",
    partitions="one",
    description="What people put on block, watch and allow lists, and take off: see `riskwatch lists`.",
)
POLICIES = Topic(
    name="policies",
    role="control",
    key="policy",
    cleanup="compact",
    partitions="one",
    description="Lending policies as published, each with the instant from which it is in force.",
)
ROLLBACKS = Topic(
    name="rollbacks",
    role="control",
    partitions="one",
    description="Compensations that were asked for, with who asked and why: see `riskwatch actions rollback`.",
)
LINK_PROBES = Topic(
    name="link-probes",
    role="internal",
    key="identifier",
    description="Who was seen with which identifier, and what fraud cases name; asked of the link profiles.",
)
RING_EDGES = Topic(
    name="ring-edges",
    role="internal",
    key="institution",
    partitions="one",
    description="Customers who share an identifier; asked of the rings.",
)
TRAINING_EXAMPLES = Topic(
    name="training-examples",
    role="internal",
    partitions="one",
    description="Feature vectors and scores kept at prediction time, with the label that later proved true.",
)
MODEL_SNAPSHOTS = Topic(
    name="model-snapshots",
    role="internal",
    key="model",
    cleanup="compact",
    partitions="one",
    description="The newest state of each model that the learner keeps.",
)
FRAUD_ALERTS = Topic(
    name="fraud-alerts", role="output", description="Alerts that a fraud team works, each with its reasons."
)
EARLY_WARNINGS = Topic(
    name="early-warnings", role="output", description="Alerts that a loan-monitoring team works, each with its reasons."
)
SHADOW_ALERTS = Topic(
    name="shadow-alerts", role="output", description="What rules in shadow would have raised. Nobody acts on it."
)
LOAN_MOVES = Topic(
    name="loan-moves",
    role="output",
    description="Each move of a loan to another status or bucket: opened, rolled, cured, settled, written off, sold.",
)
DECISIONS = Topic(
    name="decisions",
    role="output",
    description="What became of each application: outcome, grade, limit, rate, repayment plan, reasons.",
)
DECISION_TRAILS = Topic(
    name="decision-trails",
    role="output",
    description="Every decision with all that it was made of: inputs, rules, points. For `riskwatch explain`.",
)
SHADOW_DECISIONS = Topic(
    name="shadow-decisions",
    role="output",
    description="What policies in shadow would have decided, with all that it was made of. Nobody acts on it.",
)
ACCOUNT_ACTIONS = Topic(
    name="account-actions",
    role="output",
    description="What moved or froze a line of credit, and what undid it: terms before and after, reasons.",
)
SHADOW_ACCOUNT_ACTIONS = Topic(
    name="shadow-account-actions",
    role="output",
    description="What policies in shadow would have done to lines of credit. Nobody acts on it.",
)
COLLECTION_ACTIONS = Topic(
    name="collection-actions",
    role="output",
    description="What those who collect should do about a loan, and that it is no more to be done: "
    "`CollectionAction` and `ActionClosed`.",
)
LIST_CHANGES = Topic(
    name="list-changes",
    role="output",
    key="institution",
    partitions="one",
    description="Every change of a list with who made it and why; identifiers as keyed hashes.",
)
OPERATIONAL_ALERTS = Topic(
    name="operational-alerts",
    role="output",
    key="institution",
    description="Feeds of an institution that stand still, and their return, by partition of the journal.",
)
DEAD_LETTERS = Topic(
    name="dead-letters",
    role="output",
    key="as received",
    description="Records that could not be read, byte for byte, with every fault in their headers.",
)
MODEL_METRICS = Topic(
    name="model-metrics",
    role="output",
    key="model",
    partitions="one",
    description="How the models do on labels that arrived since: AUC, average precision, log loss, drift.",
)

DEAD_LETTER_BYTES = 2**30
"""Bytes of dead letters that are kept of each partition."""

_DAY_MS = 86_400_000
LISTS_KEPT_DAYS = 7
"""Days that requests for lists are kept: they name people in clear."""

INPUTS: tuple[Topic, ...] = (APPLICATIONS, LOGINS, DEVICES, TRANSACTIONS, REPAYMENTS, CONTACTS, FRAUD_CASES)
"""The order is part of the journal's format: `source_topic` of an entry is an index into it. Append only."""

TOPICS: tuple[Topic, ...] = (
    *INPUTS,
    LISTS,
    POLICIES,
    ROLLBACKS,
    JOURNAL,
    LINK_PROBES,
    RING_EDGES,
    TRAINING_EXAMPLES,
    MODEL_SNAPSHOTS,
    FRAUD_ALERTS,
    EARLY_WARNINGS,
    SHADOW_ALERTS,
    LOAN_MOVES,
    DECISIONS,
    DECISION_TRAILS,
    SHADOW_DECISIONS,
    ACCOUNT_ACTIONS,
    SHADOW_ACCOUNT_ACTIONS,
    COLLECTION_ACTIONS,
    LIST_CHANGES,
    OPERATIONAL_ALERTS,
    DEAD_LETTERS,
    MODEL_METRICS,
)

TOPIC_OF: Mapping[type[Event], Topic] = MappingProxyType(
    {event_type: topic for topic in INPUTS for event_type in topic.event_types}
)
"""Event type → the input topic that it is published to."""

SOURCE_TOPIC: Mapping[str, int] = MappingProxyType({topic.name: index for index, topic in enumerate(INPUTS)})
"""Name of an input topic → `source_topic` of the entries that come from it."""


def topic_settings(topic: Topic) -> dict[str, str]:
    """What the broker must be told when the topic is created (Kafka topic configuration).

    Input topics carry the broker's own clock: `source_at` is when the record arrived, whatever the publisher's clock
    says. So do requests for lists, which are kept for days from then on. Every other topic keeps the time that its
    producer set.
    """
    stamp = "LogAppendTime" if topic.role == "input" or topic is LISTS else "CreateTime"
    settings = {"cleanup.policy": topic.cleanup, "message.timestamp.type": stamp}
    if topic is DEAD_LETTERS:  # they bear their originals' times: kept by age, letters of old records would go at once
        settings |= {"retention.ms": "-1", "retention.bytes": str(DEAD_LETTER_BYTES)}
    elif topic is LISTS:  # whole segments go, so one may last no longer than a day
        settings |= {"retention.ms": str(LISTS_KEPT_DAYS * _DAY_MS), "segment.ms": str(_DAY_MS)}
    elif topic in (LIST_CHANGES, ROLLBACKS, ACCOUNT_ACTIONS):  # who asks years later must find every change
        settings |= {"retention.ms": "-1", "retention.bytes": "-1"}
    return settings

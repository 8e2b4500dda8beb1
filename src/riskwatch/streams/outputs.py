"""The records that riskwatch publishes: alerts, training examples, model metrics. JSON on the wire; NaN becomes
null."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

AlertKind = Literal["fraud", "early-warning"]
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


class Reason(Struct, frozen=True, kw_only=True):
    """Why: a stable code, a sentence for a reader, and the numbers behind it."""

    code: str
    text: str
    values: dict[str, float | str | None]


class Cause(Struct, frozen=True, kw_only=True):
    """The journal entry that made the alert. `event_id` is the publisher's; empty for entries derived within the
    fold."""

    partition: int
    offset: int
    event_id: str
    event_type: str


class Alert(Struct, frozen=True, kw_only=True):
    """Somebody should look at this customer. `alert_id` repeats when the same alert is published again: drop repeats
    by it.

    `subject` is what the alert is about: the customer unless the rule says otherwise. `occurred_at` is event time,
    `detected_at` the worker's clock; the difference of the two is the latency that a reader of the alerts sees.
    `withdrawn`: the alert of this id no longer stands, since `withdrawn_at` (event time); everything but `detected_at`
    is as it was raised. `episode`: alerts of one trouble share it, empty where the rule has no episodes; `boost`: steps
    by which the trouble was worse than at its first alert. `loan_id`: the loan that the entry was about, where it was
    about one.
    """

    alert_id: str
    tenant: str
    customer_id: str
    rule: str
    kind: AlertKind
    severity: Severity
    subject: str
    reasons: list[Reason]
    features: dict[str, float | None]
    cause: Cause
    policy: str
    policy_version: str
    occurred_at: datetime
    detected_at: datetime
    shadow: bool = False
    withdrawn: bool = False
    withdrawn_because: str = ""
    withdrawn_at: datetime | None = None
    episode: str = ""
    boost: int = 0
    loan_id: str | None = None


class TrainingExample(Struct, frozen=True, kw_only=True):
    """A prediction and what later proved true. `vector` runs beside `names`; null is a feature that was unknown.

    `event_id` is the hash of tenant and event id in 16 hexadecimal digits, `subject_id` that of what the event is
    about: of tenant and loan id where that is a loan. `score` is the probability that was given then, by
    `model_version`. `weight` is above 1 where examples of the label were sampled.
    """

    example_id: str
    model: str
    model_version: int
    tenant: str
    customer_id: str
    event_id: str
    occurred_at: datetime
    labelled_at: datetime
    score: float | None
    label: bool
    names: list[str]
    vector: list[float | None]
    weight: float = 1.0
    subject_id: str = ""


class ModelMetrics(Struct, frozen=True, kw_only=True):
    """How a model did on the examples that were labelled so far, each scored before it was learned from."""

    model: str
    model_version: int
    at: datetime
    examples: int
    positives: int
    auc: float | None = None
    average_precision: float | None = None
    log_loss: float | None = None
    score_mean: float | None = None
    drifted: bool = False
    details: dict[str, float | None] = {}


_json = msgspec.json.Encoder()
_alerts = msgspec.json.Decoder(Alert)
_examples = msgspec.json.Decoder(TrainingExample)
_metrics = msgspec.json.Decoder(ModelMetrics)


def encode_output(output: Alert | TrainingExample | ModelMetrics) -> bytes:
    """JSON. Floats that are not numbers (unknown features) become null."""
    return _json.encode(output)


def decode_alert(value: bytes) -> Alert:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are not an alert."""
    return _alerts.decode(value)


def decode_training_example(value: bytes) -> TrainingExample:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are not a training example."""
    return _examples.decode(value)


def decode_model_metrics(value: bytes) -> ModelMetrics:
    """Raises `msgspec.ValidationError` or `msgspec.DecodeError` where the bytes are not model metrics."""
    return _metrics.decode(value)


def alert_identity(rule: str, subject: bytes, event: int) -> str:
    """The id of the alert that `rule` raises about `subject` because of `event`: 32 hexadecimal characters.

    `subject` is the customer key, `event` the entry's event hash (uint64). Partitions, offsets and batches play no
    part, so a repeat after a crash, and a replay with another partition count, give the same id. The parts are
    length-prefixed: no two different triples share a digest's input.
    """
    name = rule.encode()
    parts = len(name).to_bytes(4, "little") + name + len(subject).to_bytes(4, "little") + subject
    return blake2b(parts + int(event).to_bytes(8, "little"), digest_size=16).hexdigest()


def episode_identity(rule: str, customer: bytes, subject: int, event: int) -> str:
    """The id of the episode of `rule` that began with the entry `event`: 32 hexadecimal characters. `subject`: hash of
    the loan, 0 where the customer is meant. Made as `alert_identity` is."""
    return alert_identity(f"episode {rule}", customer + int(subject).to_bytes(8, "little"), event)

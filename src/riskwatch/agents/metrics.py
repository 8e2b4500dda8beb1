"""What a worker measures, by name, on a registry of its own. docs/operations.md says what each means and when to act.

No label holds anything of a customer: topics, partitions, rules, codes and stages are few and known beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from riskwatch.agents.lag import PartitionLag

M = TypeVar("M", bound=MetricWrapperBase)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STAGES = ("read", "journal", "fold", "outputs", "changelog", "store")
"""The steps of a batch that `batch_stage_seconds` tells apart: two of ingest, four of the monitor."""

_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 4_000, 10_000)
_STAGE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Every metric of a worker. One object a worker; two of them share nothing."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._named: list[MetricWrapperBase] = []
        counter, gauge, histogram = self._counter, self._gauge, self._histogram

        self.records_in = counter("records_in", "Records read from input topics.", "topic")
        self.journal_entries = counter("journal_entries", "Entries written to the journal.", "origin")
        self.handed_over = counter(
            "handed_over", "Records that this worker wrote and its own agents took without a fetch.", "topic"
        )
        self.dead_letters = counter("dead_letters", "Records that went to dead-letters.", "code")
        self.tombstones = counter("tombstones", "Input records without a value, which are ignored.", "topic")
        self.clamped = counter("clamped", "Events dated in the future whose time was set back.", "topic")
        self.control_records = counter(
            "control_records",
            "Records of control topics: broadcast, addressed to a customer, refused, or tombstones.",
            "topic",
            "outcome",
        )

        self.entries = counter("entries", "Journal entries that the monitor has folded into state.")
        self.duplicates = counter("duplicates", "Entries whose event id their customer has shown before.")
        self.redelivered = counter("redelivered", "Entries skipped because state already holds them.", "reason")
        self.late = counter("late", "Events older than a window that they belong to.")
        self.alerts = counter("alerts", "Alerts raised.", "rule", "severity", "kind")
        self.shadow_alerts = counter("shadow_alerts", "Alerts that rules in shadow would have raised.", "rule")
        self.withdrawn_alerts = counter("withdrawn_alerts", "Alerts withdrawn: what they came of was undone.", "rule")
        self.library_cases = gauge("library_cases", "Confirmed fraud cases that stand; every partition holds all.")
        self.late_matches_left_out = counter(
            "late_matches_left_out", "Customers not looked at for a late match: too many share one identifier."
        )
        self.stale_feeds = gauge("stale_feeds", "Institutions whose repayments are stale.", "partition")
        self.held_looks = counter("held_looks", "Looks at accounts put off: their institution's repayments are stale.")
        self.suppressed = counter("suppressed_alerts", "Firings that a cooldown or an episode held back.", "rule")
        self.rule_failures = counter("rule_failures", "Entries on which a rule failed; the others decided.", "rule")

        self.batch_records = histogram("batch_records", "Records of a batch.", _BATCH_SIZES, "agent")
        self.batch_seconds = histogram(
            "batch_seconds", "Seconds from a batch's fetch to its ack.", _STAGE_SECONDS, "agent"
        )
        self.stage_seconds = histogram(
            "batch_stage_seconds", "Seconds of one step of a batch.", _STAGE_SECONDS, "stage"
        )
        self.occurrence_to_alert = histogram(
            "occurrence_to_alert_seconds", "From an event's own time to its alert's acknowledgement.", _LATENCIES
        )
        self.journal_to_alert = histogram(
            "journal_to_alert_seconds", "From an entry's writing to its alert's acknowledgement.", _LATENCIES
        )
        self.decisions = counter("decisions", "Decisions on applications.", "outcome", "product")
        self.shadow_decisions = counter(
            "shadow_decisions", "Decisions that policies in shadow would have made.", "outcome", "policy"
        )
        self.account_actions = counter(
            "account_actions", "What moved, froze or restored lines of credit.", "change", "product"
        )
        self.shadow_account_actions = counter(
            "shadow_account_actions", "What policies in shadow would have done to lines of credit.", "change", "policy"
        )
        self.collection_actions = counter(
            "collection_actions", "Collections actions; of a holdout, those that are not done.", "treatment", "channel",
            "holdout",
        )  # fmt: skip
        self.collection_closings = counter("collection_closings", "Collections actions that ended.", "ending")
        self.contacts_refused = counter(
            "contacts_refused",
            "Times that a treatment was not open, because the budget of contacts forbids it.",
            "rule",
        )
        self.collection_stopped = counter(
            "collection_actions_stopped",
            "Actions that broke the budget of contacts and were held back: a defect, and none has left.", "rule",
        )  # fmt: skip
        self.unanswered = counter(
            "unanswered_applications", "Decisions made at their deadline, without all answers about identifiers."
        )
        self.link_probes = counter(
            "link_probes", "Questions about identifiers, and what merchants' profiles were told.", "outcome"
        )
        self.undecided = counter(
            "undecided_applications",
            "Applications for which their institution has no lending policy in their currency.",
        )
        self.occurrence_to_decision = histogram(
            "occurrence_to_decision_seconds", "From an application's own time to its decision's acknowledgement.",
            _LATENCIES,
        )  # fmt: skip

        self.commits = counter("commits", "Offsets committed, by topic.", "topic")
        self.refused_outputs = counter("refused_outputs", "Outputs that the broker refused for good.", "topic")
        self.batch_retries = counter("batch_retries", "Batches taken up again after an error.", "agent")
        self.rebalances = counter("rebalances", "Times that partitions were assigned anew.")
        self.foreign_writes = counter(
            "foreign_changelog_writes", "Changelog writes by another worker, found by offsets."
        )

        self.restored_rows = counter("restored_rows", "Rows read back from changelogs.")
        self.restore_seconds = counter("restore_seconds", "Seconds that reading rows back took.")
        self.examples = counter("examples", "Training examples: learned, repeats, or refused.", "model", "outcome")
        self.model_version = gauge("model_version", "Version of the model that scores.", "model")

        self.lag_records = gauge("lag_records", "Records behind the end, from committed offsets.", "topic", "partition")
        self.lag_seconds = gauge("lag_seconds", "Age of the oldest record not committed.", "topic", "partition")
        self.oldest_unprocessed = gauge(
            "oldest_unprocessed_timestamp_seconds", "Unix time of the oldest record not committed; 0: none."
        )
        self.redis_away = gauge("redis_away", "1 while views of alerts wait for Redis, else 0.")
        self.ready = gauge("ready", "1 while the worker is ready, else 0.")
        self.stalled = gauge("stalled_partitions", "Assigned partitions with lag and no progress.")
        ProcessCollector(namespace="riskwatch", registry=self.registry)

    def show_lag(self, lags: Iterable[PartitionLag]) -> None:
        """Shows these partitions and forgets all others: a partition that has moved away must not keep its last lag."""
        self.lag_records.clear()
        self.lag_seconds.clear()
        oldest: float | None = None
        for lag in lags:
            self.lag_records.labels(lag.topic, str(lag.partition)).set(lag.records)
            self.lag_seconds.labels(lag.topic, str(lag.partition)).set(0.0 if lag.seconds is None else lag.seconds)
            if lag.oldest_at is not None and (oldest is None or lag.oldest_at < oldest):
                oldest = lag.oldest_at
        self.oldest_unprocessed.set(0.0 if oldest is None else oldest)

    def render(self) -> bytes:
        """All metrics in the text form that Prometheus reads (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """A sample's value, such as `value("riskwatch_late_total")`; 0 where nothing was counted yet."""
        found = self.registry.get_sample_value(name, labels)
        return 0.0 if found is None else found

    def documented(self) -> list[tuple[str, str, str]]:
        """Name as exposed, labels and meaning of every metric, in the order of definition."""
        return [(_exposed(each), ", ".join(each._labelnames), each._documentation) for each in self._named]

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return self._keep(Counter(f"riskwatch_{name}", meaning, labels, registry=self.registry))

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return self._keep(Gauge(f"riskwatch_{name}", meaning, labels, registry=self.registry))

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return self._keep(Histogram(f"riskwatch_{name}", meaning, labels, buckets=buckets, registry=self.registry))

    def _keep(self, metric: M) -> M:
        self._named.append(metric)
        return metric


def _exposed(metric: MetricWrapperBase) -> str:
    return f"{metric._name}_total" if isinstance(metric, Counter) else metric._name

import re
from pathlib import Path

import pytest

import riskwatch.agents.metrics
from riskwatch.agents.lag import PartitionLag
from riskwatch.agents.metrics import Metrics

AGENTS = Path(riskwatch.agents.metrics.__file__).parent
OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


def documented() -> dict[str, str]:
    """Metric → labels, from the rows of docs/operations.md whose first cell is a metric alone."""
    rows = re.findall(r"^\| `(riskwatch_\w+)` \| ([\w, ]*) \|", OPERATIONS.read_text(), flags=re.MULTILINE)
    return {name: labels.strip() for name, labels in rows}


@pytest.mark.parametrize(("name", "labels"), [(name, labels) for name, labels, _ in Metrics().documented()])
def test_every_metric_is_in_the_table_of_the_operations_guide_with_its_labels(name, labels):
    assert documented().get(name) == labels


def test_the_operations_guide_names_no_metric_that_is_gone():
    assert set(documented()) <= {name for name, _, _ in Metrics().documented()}


@pytest.mark.parametrize(
    "attribute", [name for name, each in vars(Metrics()).items() if hasattr(each, "_documentation")]
)
def test_every_metric_is_fed_by_something(attribute):
    """A metric that nothing feeds would say 0 for ever, and an alarm on it would never ring."""
    sources = [path.read_text() for path in AGENTS.glob("*.py")]
    fed = rf"metrics\.{attribute}\b|self\.{attribute}\.(set|labels|clear)\("
    assert any(re.search(fed, source) for source in sources)


def test_two_workers_share_no_metric():
    one, other = Metrics(), Metrics()
    one.late.inc()
    assert other.value("riskwatch_late_total") == 0


def test_an_alert_is_counted_by_rule_severity_and_kind():
    metrics = Metrics()
    metrics.alerts.labels("login-burst", "high", "fraud").inc(2)
    assert metrics.value("riskwatch_alerts_total", rule="login-burst", severity="high", kind="fraud") == 2


def test_a_batch_falls_into_the_bucket_of_its_size():
    metrics = Metrics()
    metrics.batch_records.labels("monitor").observe(4_000)
    assert metrics.value("riskwatch_batch_records_bucket", agent="monitor", le="4000.0") == 1
    assert metrics.value("riskwatch_batch_records_bucket", agent="monitor", le="2000.0") == 0


def lag_of(partition: int, records: int, oldest_at: float | None) -> PartitionLag:
    seconds = None if oldest_at is None else 1_000.0 - oldest_at
    return PartitionLag(
        group="g", topic="t", partition=partition, committed=0, end=records, records=records,
        oldest_at=oldest_at, seconds=seconds,
    )  # fmt: skip


def test_lag_is_shown_by_topic_and_partition():
    metrics = Metrics()
    metrics.show_lag([lag_of(0, 7, 990.0), lag_of(1, 0, None)])
    assert metrics.value("riskwatch_lag_records", topic="t", partition="0") == 7
    assert metrics.value("riskwatch_lag_seconds", topic="t", partition="0") == 10
    assert metrics.value("riskwatch_lag_seconds", topic="t", partition="1") == 0


def test_the_oldest_unprocessed_record_is_that_of_all_partitions():
    metrics = Metrics()
    metrics.show_lag([lag_of(0, 7, 990.0), lag_of(1, 3, 985.0), lag_of(2, 0, None)])
    assert metrics.value("riskwatch_oldest_unprocessed_timestamp_seconds") == 985


def test_without_lag_no_record_is_the_oldest():
    metrics = Metrics()
    metrics.show_lag([lag_of(0, 7, 990.0)])
    metrics.show_lag([lag_of(0, 0, None)])
    assert metrics.value("riskwatch_oldest_unprocessed_timestamp_seconds") == 0


def test_a_partition_that_moved_away_keeps_no_lag():
    metrics = Metrics()
    metrics.show_lag([lag_of(0, 7, 990.0)])
    metrics.show_lag([lag_of(1, 2, 990.0)])
    assert 'partition="0"' not in metrics.render().decode()


def test_the_process_shows_its_memory():
    assert Metrics().value("riskwatch_process_resident_memory_bytes") > 0

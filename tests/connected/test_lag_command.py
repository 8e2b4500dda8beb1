"""`riskwatch lag` as a shell sees it, on Apache Kafka."""

import json
import subprocess
import sys
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


@pytest.fixture
async def behind(broker, fresh_prefix):
    """A group that has committed 3 of 5 records; the fourth is 100 s old."""
    topic = f"{fresh_prefix}.journal.v1"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    now = int(time.time() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for age in (400, 300, 200, 100, 50):
            await producer.send_and_wait(topic, b"entry", partition=0, timestamp_ms=now - age * 1000)
    async with AIOKafkaConsumer(bootstrap_servers=broker, group_id=fresh_prefix, enable_auto_commit=False) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.commit({TopicPartition(topic, 0): 3})
    return fresh_prefix


def riskwatch_lag(broker: str, prefix: str, *options: str) -> str:
    command = [
        sys.executable,
        "-m",
        "riskwatch",
        "lag",
        "--broker",
        broker,
        "--group",
        prefix,
        "--prefix",
        prefix,
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_it_looks_once_and_tells_records_and_seconds(broker, behind):
    told = json.loads(riskwatch_lag(broker, behind, "--json"))
    assert told["records"] == 2
    assert 100 <= told["seconds"] < 160


def test_its_table_shows_the_partition(broker, behind):
    row = next(line for line in riskwatch_lag(broker, behind).splitlines() if f"{behind}.journal.v1" in line)
    assert row.split()[1:5] == ["0", "3", "5", "2"]


def test_a_broker_without_topics_of_riskwatch_says_so(broker, fresh_prefix):
    assert "No topic of riskwatch exists" in riskwatch_lag(broker, fresh_prefix)

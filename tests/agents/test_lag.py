import json

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from rich.console import Console

from riskwatch.agents.commands import lag_json, lag_table, progress
from riskwatch.agents.lag import LagReader, PartitionLag, lag
from riskwatch.lab.probe import free_port
from riskwatch.streams.connecting import BrokerAway

NOW_MS = 1_750_000_000_000


class Cluster:
    """A broker with one `logins` topic of two partitions under a prefix of its own."""

    def __init__(self, broker: str, prefix: str) -> None:
        self.broker = broker
        self.prefix = prefix
        self.topic = f"{prefix}.logins.v1"

    async def create(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, 2, 1)])
        await admin.close()

    async def send(self, partition: int, *ages_in_seconds: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.broker) as producer:
            for age in ages_in_seconds:
                at = NOW_MS - age * 1000
                await producer.send_and_wait(self.topic, b"{}", partition=partition, timestamp_ms=at)

    async def commit(self, partition: int, offset: int) -> None:
        tp = TopicPartition(self.topic, partition)
        async with AIOKafkaConsumer(
            bootstrap_servers=self.broker, group_id=self.prefix, enable_auto_commit=False
        ) as consumer:
            consumer.assign([tp])
            await consumer.commit({tp: offset})

    async def lag(self) -> list[PartitionLag]:
        async with LagReader(self.broker, self.prefix, self.prefix, clock=lambda: NOW_MS / 1000) as reader:
            return await reader.read()


@pytest.fixture
async def cluster(broker, fresh_prefix):
    cluster = Cluster(broker, fresh_prefix)
    await cluster.create()
    return cluster


def part(**fields):
    return PartitionLag(**{"group": "g", "topic": "t", "partition": 0, "committed": 0, "end": 0, "records": 0} | fields)


async def test_a_group_that_never_committed_is_behind_by_all_there_is(cluster):
    await cluster.send(0, 30, 20, 10)
    first, second = await cluster.lag()
    assert (first.committed, first.end, first.records) == (None, 3, 3)
    assert (second.committed, second.end, second.records) == (None, 0, 0)


async def test_records_of_lag_are_what_lies_between_the_commit_and_the_end(cluster):
    await cluster.send(0, 30, 20, 10)
    await cluster.commit(0, 1)
    assert (await cluster.lag())[0].records == 2


async def test_seconds_of_lag_are_the_age_of_the_oldest_uncommitted_record(cluster):
    await cluster.send(0, 30, 20, 10)
    await cluster.commit(0, 1)
    assert (await cluster.lag())[0].seconds == 20


async def test_without_lag_there_are_no_seconds(cluster):
    await cluster.send(0, 30)
    await cluster.commit(0, 1)
    assert (await cluster.lag())[0].seconds is None


async def test_two_partitions_with_lag_each_show_their_own_oldest_record(cluster):
    await cluster.send(0, 30)
    await cluster.send(1, 70, 5)
    assert [each.seconds for each in await cluster.lag()] == [30, 70]


async def test_a_record_dated_in_the_future_is_no_negative_lag(cluster):
    await cluster.send(0, -60)
    assert (await cluster.lag())[0].seconds == 0


async def test_a_reader_sees_the_lag_change_between_two_reads(cluster):
    await cluster.send(0, 30)
    async with LagReader(cluster.broker, cluster.prefix, cluster.prefix) as reader:
        before = (await reader.read())[0].records
        await cluster.commit(0, 1)
        after = (await reader.read())[0].records
    assert (before, after) == (1, 0)


async def test_reading_can_be_limited_to_some_partitions(cluster):
    async with LagReader(cluster.broker, cluster.prefix, cluster.prefix) as reader:
        assert [each.partition for each in await reader.read([(cluster.topic, 1)])] == [1]


async def test_a_changelog_that_is_never_committed_has_no_lag(cluster):
    async with LagReader(cluster.broker, cluster.prefix, cluster.prefix) as reader:
        assert await reader.read([(f"{cluster.prefix}.state-changelog.v1", 0)]) == []


async def test_a_commit_beyond_the_end_that_the_broker_tells_is_no_negative_lag(cluster):
    await cluster.send(0, 30, 20)
    await cluster.commit(0, 9)
    first = (await cluster.lag())[0]
    assert (first.end, first.records, first.seconds) == (9, 0, None)


async def test_looking_creates_no_topic(broker, fresh_prefix):
    assert await lag(broker, fresh_prefix, fresh_prefix) == []
    assert await lag(broker, fresh_prefix, fresh_prefix) == []


async def test_a_broker_that_is_away_is_told_in_a_sentence():
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerAway, match=f"the broker at {address} does not answer: Connection refused"):
        await lag(address, "group")


def test_json_holds_the_totals_and_every_partition():
    told = json.loads(lag_json("g", [part(records=2, end=5, seconds=1.5), part(partition=1, records=3, seconds=9.0)]))
    assert (told["records"], told["seconds"], len(told["partitions"])) == (5, 9.0, 2)


def test_json_of_a_group_without_lag_has_zero_seconds():
    assert json.loads(lag_json("g", [part()]))["seconds"] == 0


def rendered(renderable) -> str:
    console = Console(width=100, force_terminal=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_the_table_ends_with_the_totals():
    text = rendered(lag_table("g", [part(end=1_200, records=1_000), part(partition=1, end=50, records=5)]))
    assert text.rstrip().splitlines()[-1].split() == ["total", "2", "1,250", "1,005", "0.0"]


def test_the_table_of_the_longest_topic_fits_100_columns():
    lags = [part(topic="riskwatch.training-examples.v1", committed=99_999_999, end=99_999_999, records=0)]
    assert "riskwatch.training-examples.v1" in rendered(lag_table("g", lags, progress(lags, lags, 1)))


def test_the_table_of_no_topics_says_so():
    assert "No topic of riskwatch exists" in rendered(lag_table("g", []))


def test_progress_is_committed_records_a_second():
    before, after = [part(committed=100)], [part(committed=300), part(partition=1, committed=None)]
    assert progress(before, after, 2.0) == {("t", 0): 100.0, ("t", 1): 0.0}

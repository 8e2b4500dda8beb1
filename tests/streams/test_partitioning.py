"""Customers are placed as Kafka's default partitioner places them."""

from aiokafka.partitioner import murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.streams.partitioning import partition_of, partitions_of


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 64))
def test_every_key_is_in_the_partition_that_kafkas_own_hash_gives(keys, n):
    assert partitions_of(keys, n) == [(murmur2(key) & 0x7FFFFFFF) % n for key in keys]


def test_a_known_key_of_kafkas_own_tests_keeps_its_place():
    # org.apache.kafka.common.utils.UtilsTest: murmur2("21") = -973932308
    assert partition_of(b"21", 1_000) == (-973932308 & 0x7FFFFFFF) % 1_000

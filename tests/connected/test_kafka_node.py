"""The node that the connected tests stand on: what it promises when it is struck."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from riskwatch.lab.probe import answers


async def create(address: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def send(address: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await producer.send_and_wait(topic, value)


async def count(address: str, topic: str) -> int:
    async with AIOKafkaConsumer(bootstrap_servers=address) as consumer:
        ends = await consumer.end_offsets([TopicPartition(topic, 0)])
    return ends[TopicPartition(topic, 0)]


async def test_an_acknowledged_record_outlives_kill_9_of_the_node(kafka_node, fresh_prefix):
    topic = f"{fresh_prefix}.events"
    await create(kafka_node.address, topic)
    await send(kafka_node.address, topic, b"kept")
    kafka_node.kill()
    assert not answers(kafka_node.address)
    kafka_node.start()
    assert await count(kafka_node.address, topic) == 1


async def test_a_restart_keeps_address_and_records(kafka_node, fresh_prefix):
    topic, address = f"{fresh_prefix}.events", kafka_node.address
    await create(address, topic)
    await send(address, topic, b"kept")
    kafka_node.restart()
    assert kafka_node.address == address
    assert await count(address, topic) == 1


def test_a_paused_node_answers_nothing_until_it_is_resumed(kafka_node):
    kafka_node.pause()
    try:
        assert not answers(kafka_node.address, seconds=0.3)
    finally:
        kafka_node.resume()
    assert answers(kafka_node.address, seconds=10)

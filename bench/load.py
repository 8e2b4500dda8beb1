"""Load: a backlog written as fast as the broker takes it, or live events at a steady rate.

Live load runs in a process of its own (`python -m bench.load`), so that measuring does not slow its clock.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, Producer, TopicPartition  # type: ignore[import-untyped]
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[import-untyped]

from bench.mix import Made, Population, events, sentinels

PARTITIONS = 4
STEP_SECONDS = 1.0
"""Simulated time between two events of a backlog: with 10,000 customers, each does something about nine times a day."""

_TICK_SECONDS = 0.005


def create_topics(broker: str, names: list[str], config: Mapping[str, str] | None = None) -> None:
    """Creates topics of `PARTITIONS` partitions. Raises what the broker answers."""
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 3})
    topics = [
        NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=dict(config or {})) for name in names
    ]
    for future in admin.create_topics(topics, operation_timeout=20).values():
        future.result()


def delete_topics(broker: str, prefix: str) -> None:
    """Deletes every topic whose name holds `prefix`, so that one measurement leaves the next no disk or memory to
    share."""
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 3})
    names = [name for name in admin.list_topics(timeout=10).topics if prefix in name]
    if names:
        for future in admin.delete_topics(names, operation_timeout=20).values():
            future.result()


def count_records(broker: str, topic: str) -> int:
    """Records of a topic."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "bench-count"})
    try:
        ends = (consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10) for p in range(PARTITIONS))
        return sum(high - low for low, high in ends)
    finally:
        consumer.close()


def publish_backlog(
    broker: str,
    topic: str,
    population: Population,
    count: int,
    *,
    start: float,
    step: float = STEP_SECONDS,
    round_: int = 0,
) -> None:
    """Publishes the first `count` events of the sequence, then the sentinels of a round; returns when all are
    acknowledged.

    Event `i` occurred at `start + i * step` (seconds since 1970). Raises `TimeoutError` where the broker does
    not acknowledge.
    """
    producer = _producer(broker, linger_ms=50)
    made = itertools.islice(events(population), count)
    for number, event in enumerate(itertools.chain(made, sentinels(population, round_))):
        _send(producer, topic, event, start + number * step)
    if producer.flush(60) > 0:
        raise TimeoutError(f"the broker did not acknowledge the backlog of {topic} within 60 s")


def publish_all(broker: str, topic: str, made: Iterable[Made]) -> None:
    """Publishes events as fast as the broker takes them, each stamped with the clock at its sending. Raises
    `TimeoutError` where the broker does not acknowledge."""
    producer = _producer(broker, linger_ms=50)
    for event in made:
        _send(producer, topic, event, time.time())
    if producer.flush(60) > 0:
        raise TimeoutError(f"the broker did not acknowledge what was sent to {topic} within 60 s")


def publish_live(broker: str, topic: str, population: Population, rate: int, seconds: float) -> dict[str, float]:
    """`publish_paced` of the mix."""
    return publish_paced(broker, topic, events(population), rate, seconds)


def publish_paced(broker: str, topic: str, made: Iterable[Made], rate: int, seconds: float) -> dict[str, float]:
    """Publishes at `rate` events/s for `seconds`, each stamped with the clock at its sending.

    Returns the count, when it ended (seconds since 1970), and by how much the sending fell behind its plan at worst.
    """
    producer = _producer(broker, linger_ms=2)
    plan = list(itertools.islice(made, int(rate * seconds)))  # made before the clock runs
    began, behind, sent = time.perf_counter(), 0.0, 0
    while sent < len(plan):
        due = min(len(plan), int((time.perf_counter() - began) * rate) + 1)
        for event in plan[sent:due]:
            _send(producer, topic, event, time.time())
        behind = max(behind, time.perf_counter() - began - (due - 1) / rate)
        sent = due
        producer.poll(0)
        time.sleep(_TICK_SECONDS)
    producer.flush(30)
    return {"sent": sent, "ended": time.time(), "worst_behind": behind}


def _producer(broker: str, linger_ms: int) -> Producer:
    # Idempotent, or a retried batch could overtake another and the customers' events would be out of order.
    return Producer(
        {
            "bootstrap.servers": broker,
            "enable.idempotence": True,
            "log_level": 3,
            "linger.ms": linger_ms,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 262_144,
        }
    )


def _send(producer: Producer, topic: str, event: Made, occurred_at: float) -> None:
    value = event.at(occurred_at)
    while True:
        try:
            producer.produce(topic, value, event.key)
        except BufferError:
            producer.poll(0.05)
        else:
            return


def main() -> None:
    """Publishes live load and prints what was sent as one line of JSON."""
    parser = argparse.ArgumentParser(description=publish_live.__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--without-applications", action="store_true", help="all kinds of the mix but applications")
    given = parser.parse_args()
    made = events(Population(customers=given.customers))
    if given.without_applications:
        made = (each for each in made if b'"LoanApplied"' not in each.head)
    done = publish_paced(given.broker, given.topic, made, given.rate, given.seconds)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
